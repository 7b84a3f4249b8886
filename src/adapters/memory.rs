//! Sessions in memory: complete, for one process.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use crate::clock::Clock;
use crate::domain::{SessionId, WallTime};
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::ports::{Kept, Note, SessionStore, Stored};

/// Keeps sessions until they expire.
#[derive(Debug)]
pub struct MemorySessions {
    clock: Arc<dyn Clock>,
    limits: Limits,
    metrics: Arc<Metrics>,
    table: Mutex<Table>,
}

/// How much a [`MemorySessions`] keeps. Past either limit new sessions are refused as busy.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Sessions.
    pub sessions: usize,
    /// Stretches of all sessions together, at about 150 bytes each: a session over a day of one-minute files has 1440.
    pub stretches: usize,
}

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<SessionId, Kept>,
    /// The same sessions in the order in which they expire.
    expiries: BTreeSet<(WallTime, SessionId)>,
    stretches: usize,
}

impl MemorySessions {
    /// An empty store.
    pub fn new(clock: Arc<dyn Clock>, limits: Limits, metrics: Arc<Metrics>) -> Self {
        Self { clock, limits, metrics, table: Mutex::default() }
    }

    /// The table without what has expired.
    fn table(&self) -> MutexGuard<'_, Table> {
        // A panic while it was locked left whole entries: each change is a few infallible steps.
        let mut table = self.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        table.expire(self.clock.now());
        table
    }

    fn count(&self, table: &Table) {
        self.metrics.active_sessions.set(i64::try_from(table.sessions.len()).unwrap_or(i64::MAX));
    }

    fn insert_now(&self, session: Stored, expires_at: WallTime) -> Result<()> {
        let mut table = self.table();
        let stretches = table.stretches.saturating_add(session.stretches());
        if table.sessions.len() >= self.limits.sessions || stretches > self.limits.stretches {
            return Err(Error::new(
                Kind::Busy { retry_after: 60 },
                "Too many sessions are open. Try again later.",
            ));
        }
        table.insert(Kept { session, expires_at });
        self.count(&table);
        Ok(())
    }

    fn renew_now(&self, id: SessionId, expires_at: WallTime) -> bool {
        let mut table = self.table();
        let Some(kept) = table.remove(id) else { return false };
        let expires_at = expires_at.max(kept.expires_at);
        table.insert(Kept { expires_at, ..kept });
        true
    }

    fn remove_now(&self, id: SessionId) -> bool {
        let mut table = self.table();
        let removed = table.remove(id).is_some();
        self.count(&table);
        removed
    }
}

impl Table {
    fn insert(&mut self, kept: Kept) {
        let id = kept.session.id();
        self.stretches += kept.session.stretches();
        self.expiries.insert((kept.expires_at, id));
        self.sessions.insert(id, kept);
    }

    fn remove(&mut self, id: SessionId) -> Option<Kept> {
        let kept = self.sessions.remove(&id)?;
        self.expiries.remove(&(kept.expires_at, id));
        self.stretches -= kept.session.stretches();
        Some(kept)
    }

    fn expire(&mut self, now: WallTime) {
        while let Some(&(expires_at, id)) = self.expiries.first()
            && expires_at <= now
        {
            self.remove(id);
        }
    }
}

impl SessionStore for MemorySessions {
    fn insert(&self, session: Stored, expires_at: WallTime) -> BoxFuture<'_, Result<()>> {
        ready(self.insert_now(session, expires_at)).boxed()
    }

    fn get(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Kept>>> {
        ready(Ok(self.table().sessions.get(&id).cloned())).boxed()
    }

    fn renew(&self, id: SessionId, expires_at: WallTime) -> BoxFuture<'_, Result<bool>> {
        ready(Ok(self.renew_now(id, expires_at))).boxed()
    }

    fn remove(&self, id: SessionId) -> BoxFuture<'_, Result<bool>> {
        ready(Ok(self.remove_now(id))).boxed()
    }

    /// Nobody else reads this memory, and what a note says can be made again.
    fn note(&self, _id: SessionId, _note: Note) -> BoxFuture<'_, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn active(&self) -> BoxFuture<'_, Result<u64>> {
        let table = self.table();
        self.count(&table);
        ready(Ok(table.sessions.len() as u64)).boxed()
    }
}
