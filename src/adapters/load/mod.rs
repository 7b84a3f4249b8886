//! Load control: how many segments are sent and read at a time, who waits, and who is told to come back.
//!
//! A turn to send lasts as long as its response; a client that takes nothing loses it when its connection is cut off. A turn to
//! read is lost earlier: where somebody waits for one, whoever has not read for `REST` lets go of its source, and opens
//! what is left of it under a new turn once its client goes on. So slow clients cost a buffer, not the others' reads.

mod gate;

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use self::gate::{Busy, Gate, Place};
use crate::domain::SessionId;
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::ports::{Need, Reading, Turn, Turns};

/// How much goes on at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Segments sent.
    pub segments: usize,
    /// Reads from where recordings are kept.
    pub reads: usize,
    /// Of either, what a session gets while others wait.
    pub share: usize,
    /// Requests that wait for either.
    pub queue: usize,
    /// How long they do.
    pub patience: Duration,
}

/// Turns within [`Limits`].
#[derive(Debug, Clone)]
pub struct FairTurns {
    segments: Arc<Gate>,
    reads: Arc<Gate>,
    patience: Duration,
    readings: Arc<Mutex<Readings>>,
}

/// Who reads, and when they were last looked at.
struct Readings {
    all: Vec<Weak<dyn Reading>>,
    looked: Instant,
    /// Where those that have ended are swept next.
    sweep_at: usize,
}

/// A read that has not gone on for this long loses its turn to one that waits.
const REST: Duration = Duration::from_secs(1);

impl FairTurns {
    /// With all turns free.
    pub fn new(limits: Limits, metrics: &Arc<Metrics>) -> Self {
        let gate =
            |name, places| Arc::new(Gate::new(name, places, limits.share, limits.queue, Arc::clone(metrics)));
        let readings = Readings { all: Vec::new(), looked: Instant::now(), sweep_at: FIRST_SWEEP };
        Self {
            segments: gate("segment", limits.segments),
            reads: gate("read", limits.reads),
            patience: limits.patience,
            readings: Arc::new(Mutex::new(readings)),
        }
    }

    async fn read_turn(self, session: SessionId, need: Need) -> Result<Turn> {
        match need {
            Need::Ahead => {
                let place = self.reads.spare(session);
                place.map(Turn::until_dropped).ok_or_else(|| self.refused())
            }
            Need::Onward => {
                let place = self.reads.enter_onward(session);
                Ok(Turn::until_dropped(self.with_a_look(place).await))
            }
            Need::Now => {
                let place = self.reads.enter(session).map_err(|Busy| self.refused())?;
                self.in_time(&self.reads, self.with_a_look(place)).await
            }
        }
    }

    /// Waits, and meanwhile takes turns from those who rest.
    async fn with_a_look(&self, place: impl Future<Output = Place>) -> Place {
        let mut place = std::pin::pin!(place);
        // The first look comes only when there really is a wait.
        if let Some(place) = place.as_mut().now_or_never() {
            return place;
        }
        let mut looks = interval(REST);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                place = &mut place => return place,
                _ = looks.tick() => self.look(),
            }
        }
    }

    fn look(&self) {
        // Outside of the lock: whoever yields gives a turn back, which may be the next one's.
        let resting = self.readings().resting();
        resting.iter().for_each(|reading| reading.yield_turn());
    }

    async fn in_time(&self, gate: &Gate, place: impl Future<Output = Place>) -> Result<Turn> {
        match timeout(self.patience, place).await {
            Ok(place) => Ok(Turn::until_dropped(place)),
            Err(_) => {
                gate.on_refused();
                Err(self.refused())
            }
        }
    }

    fn refused(&self) -> Error {
        let seconds = u32::try_from(self.patience.as_secs()).unwrap_or(u32::MAX).max(1);
        Error::new(Kind::Busy { retry_after: seconds }, "Too many segments are asked for at once. Try again.")
    }

    fn readings(&self) -> MutexGuard<'_, Readings> {
        // A list that lost an entry loses a chance to save a turn, no more.
        self.readings.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// From so many on those that have ended are swept.
const FIRST_SWEEP: usize = 64;

impl Readings {
    fn insert(&mut self, reading: Weak<dyn Reading>) {
        if self.all.len() >= self.sweep_at {
            self.all.retain(|reading| reading.strong_count() > 0);
            self.sweep_at = (2 * self.all.len()).max(FIRST_SWEEP);
        }
        self.all.push(reading);
    }

    /// Those that rest since the last look, if that was long enough ago.
    fn resting(&mut self) -> Vec<Arc<dyn Reading>> {
        if self.looked.elapsed() < REST {
            return Vec::new();
        }
        self.looked = Instant::now();
        self.all.iter().filter_map(Weak::upgrade).filter(|reading| reading.rests()).collect()
    }
}

impl std::fmt::Debug for Readings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readings").field("count", &self.all.len()).finish_non_exhaustive()
    }
}

impl Turns for FairTurns {
    fn segment(&self, session: SessionId) -> BoxFuture<'static, Result<Turn>> {
        let this = self.clone();
        async move {
            let place = this.segments.enter(session).map_err(|Busy| this.refused())?;
            this.in_time(&this.segments, place).await
        }
        .boxed()
    }

    fn read(&self, session: SessionId, need: Need) -> BoxFuture<'static, Result<Turn>> {
        self.clone().read_turn(session, need).boxed()
    }

    fn on_reading(&self, reading: Weak<dyn Reading>) {
        self.readings().insert(reading);
    }
}

#[cfg(test)]
mod tests;
