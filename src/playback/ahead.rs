//! The next segment of a session that plays on, made before it is asked for.
//!
//! It is held as a flight that has landed: who asks joins it. So it needs no place in a cache, which would not take what nobody has
//! asked for yet.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::TimeDelta;
use futures::FutureExt;
use remux::Packaging;

use super::Playback;
use super::budget::{Budget, Share};
use super::served::Reader;
use super::turns::{Need, Turn};
use crate::domain::{SessionId, WallTime};

/// How far sessions have come, and what was made ahead for them.
#[derive(Clone, Default)]
pub struct Ahead(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sessions: Mutex<HashMap<SessionId, Progress>>,
    budget: Budget,
}

struct Progress {
    /// The segment that was sent last.
    last: u32,
    at: WallTime,
    next: Next,
}

enum Next {
    Nothing,
    Underway,
    Ready { _held: (Reader, Share) },
}

/// A session that has not gone on for this long has stopped, or has what it needs.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// What a segment is taken for whose bytes have not been found yet.
const UNKNOWN: u64 = 8 << 20;

/// Sessions that are followed.
const MOST: usize = 16_384;

impl Ahead {
    /// With so many bytes of segments that nobody has asked for.
    pub fn with(budget: Budget) -> Self {
        Self(Arc::new(Inner { sessions: Mutex::default(), budget }))
    }

    /// Memory for what is made ahead.
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// A segment has been sent completely: whether the next one is worth making.
    fn on_sent(&self, session: SessionId, index: u32, now: WallTime) -> bool {
        let mut sessions = self.sessions();
        sessions.retain(|_, progress| now - progress.at < PATIENCE);
        if sessions.len() >= MOST {
            return false;
        }
        let before = sessions.remove(&session);
        let plays_on = before.as_ref().is_some_and(|progress| progress.last.checked_add(1) == Some(index));
        let is_underway = before.is_some_and(|progress| matches!(progress.next, Next::Underway));
        let worth = plays_on && !is_underway;
        let next = if worth || is_underway { Next::Underway } else { Next::Nothing };
        sessions.insert(session, Progress { last: index, at: now, next });
        worth
    }

    fn on_ready(&self, session: SessionId, index: u32, held: Option<(Reader, Share)>) {
        let mut sessions = self.sessions();
        if let Some(progress) = sessions.get_mut(&session) {
            progress.next = match held {
                Some(held) if progress.last < index => Next::Ready { _held: held },
                _ => Next::Nothing,
            };
        }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Progress>> {
        // What is lost in here is made when it is asked for.
        self.0.sessions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Playback {
    /// A client has had all of a segment.
    pub(super) fn on_sent(&self, session: SessionId, index: u32, packaging: Packaging) {
        if self.ahead.budget().limit() == 0 || !self.ahead.on_sent(session, index, self.ports.clock.now()) {
            return;
        }
        let (this, next) = (self.clone(), index.saturating_add(1));
        let making = async move {
            let held = this.make_ahead(session, next, packaging).await;
            this.ahead.on_ready(session, next, held);
        };
        self.ports.tasks.spawn(making.boxed());
    }

    /// A segment in memory, if there is room and nobody else needs the turn. That it cannot be made its client will hear.
    async fn make_ahead(
        &self,
        session: SessionId,
        index: u32,
        packaging: Packaging,
    ) -> Option<(Reader, Share)> {
        let wanted = self.wanted(session, index, packaging).await.ok()?;
        if self.ports.cache.holds(&wanted.key) {
            return None;
        }
        let mut share = self.ahead.budget().share();
        let length = |bytes: &Range<u64>| bytes.end.saturating_sub(bytes.start);
        if !share.grow(wanted.bytes.as_ref().map_or(UNKNOWN, length)) {
            return None;
        }
        // Only to see that there is one to spare: whoever joins meanwhile must not be refused for it.
        drop(self.ports.turns.read(session, Need::Ahead).await.ok()?);
        let mut reader = Reader::new(self.flights.join(wanted, self, Need::Now), Turn::unlimited());
        while poll_fn(|context| reader.poll_frame(context)).await.ok()?.is_some() {}
        self.metrics.prefetched_segments.inc();
        Some((reader, share))
    }
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("sessions", &self.sessions().len()).finish_non_exhaustive()
    }
}
