//! What this replica knows of sessions itself: those it opened or played, until they end; what Valkey is still owed; and which
//! sessions were stopped. Bounded by the number of sessions and of their stretches: past that the session that ends first goes,
//! which loses nothing while Valkey is there.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::CopyLimits;
use crate::domain::{SessionId, WallTime};
use crate::playback::ports::{Kept, Stored};

/// What this replica knows of sessions.
#[derive(Debug)]
pub(super) struct Copies {
    limits: CopyLimits,
    copies: HashMap<SessionId, Copy>,
    /// The same sessions in the order in which they end.
    ends: BTreeSet<(WallTime, SessionId)>,
    stretches: usize,
    /// Sessions that were stopped here, until they would have ended.
    stopped: HashMap<SessionId, Stopped>,
}

/// A session as this replica knows it.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    /// The session, and its end as far as is known here.
    pub(super) kept: Kept,
    /// What Valkey has to be told.
    pub(super) owed: Owed,
    /// When Valkey last said that it is there.
    pub(super) seen: Instant,
}

/// What Valkey has to be told of a session, once it is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owed {
    /// Nothing.
    Nothing,
    /// It was renewed while Valkey did not answer.
    End,
    /// It was played while Valkey was away, which may have come back empty.
    Session,
}

/// A session that was stopped.
#[derive(Debug, Clone, Copy)]
struct Stopped {
    until: WallTime,
    /// Whether Valkey knows.
    told: bool,
}

impl Copies {
    pub(super) fn new(limits: CopyLimits) -> Self {
        Self { limits, copies: HashMap::new(), ends: BTreeSet::new(), stretches: 0, stopped: HashMap::new() }
    }

    /// Forgets what has ended.
    pub(super) fn expire(&mut self, now: WallTime) {
        while let Some(&(end, id)) = self.ends.first()
            && end <= now
        {
            self.forget(id);
        }
        if self.stopped.len() >= MAX_STOPPED {
            self.stopped.retain(|_, stopped| stopped.until > now);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.copies.len()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Copy> {
        self.copies.get(&id)
    }

    /// Valkey has just said that the session is there.
    pub(super) fn keep(&mut self, session: Stored, expires_at: WallTime) {
        let id = session.id();
        self.forget(id);
        self.stretches += session.stretches();
        self.ends.insert((expires_at, id));
        let kept = Kept { session, expires_at };
        self.copies.insert(id, Copy { kept, owed: Owed::Nothing, seen: Instant::now() });
        while self.copies.len() > self.limits.sessions || self.stretches > self.limits.stretches {
            let Some(&(_, first)) = self.ends.first() else { break };
            self.forget(first);
        }
    }

    /// Valkey has just said until when the session lives.
    pub(super) fn confirm(&mut self, id: SessionId, expires_at: WallTime) {
        self.move_end(id, expires_at);
        if let Some(copy) = self.copies.get_mut(&id) {
            copy.seen = Instant::now();
            copy.owed = Owed::Nothing;
        }
    }

    /// Valkey could not be told something of the session. The copy is good for another while.
    pub(super) fn owe(&mut self, id: SessionId, owed: Owed) {
        if let Some(copy) = self.copies.get_mut(&id) {
            copy.owed = copy.owed.max(owed);
            copy.seen = Instant::now();
        }
    }

    /// Valkey may have lost what it said it had within the last `moments`.
    pub(super) fn doubt(&mut self, moments: Duration) {
        let recent = self.copies.values_mut().filter(|copy| copy.seen.elapsed() < moments);
        recent.for_each(|copy| copy.owed = Owed::Session);
    }

    pub(super) fn move_end(&mut self, id: SessionId, expires_at: WallTime) {
        let Some(copy) = self.copies.get_mut(&id) else { return };
        self.ends.remove(&(copy.kept.expires_at, id));
        copy.kept.expires_at = expires_at;
        self.ends.insert((expires_at, id));
    }

    pub(super) fn forget(&mut self, id: SessionId) -> Option<Copy> {
        let copy = self.copies.remove(&id)?;
        self.ends.remove(&(copy.kept.expires_at, id));
        self.stretches -= copy.kept.session.stretches();
        Some(copy)
    }

    /// The session was stopped here; it must not come back. `false` where too many are remembered.
    pub(super) fn stop(&mut self, id: SessionId, until: WallTime, told: bool) -> bool {
        self.forget(id);
        let has_room = self.stopped.len() < MAX_STOPPED || self.stopped.contains_key(&id);
        if has_room {
            self.stopped.insert(id, Stopped { until, told });
        }
        has_room
    }

    pub(super) fn is_stopped(&self, id: SessionId, now: WallTime) -> bool {
        self.stopped.get(&id).is_some_and(|stopped| stopped.until > now)
    }

    /// Valkey knows that the session was stopped.
    pub(super) fn told(&mut self, id: SessionId) {
        if let Some(stopped) = self.stopped.get_mut(&id) {
            stopped.told = true;
        }
    }

    /// Sessions of which Valkey has to be told something.
    pub(super) fn owed(&self) -> Vec<SessionId> {
        let copies = self.copies.iter().filter(|(_, copy)| copy.owed != Owed::Nothing);
        copies.map(|(&id, _)| id).collect()
    }

    /// Sessions that were stopped without Valkey's knowledge.
    pub(super) fn untold(&self) -> Vec<SessionId> {
        self.stopped.iter().filter(|(_, stopped)| !stopped.told).map(|(&id, _)| id).collect()
    }
}

/// How many stopped sessions are remembered: 50 bytes each, nothing of what they played.
const MAX_STOPPED: usize = 100_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;

    use super::*;
    use crate::domain::{LiveFormat, LivePlan, Session};

    fn live() -> Stored {
        let plan =
            LivePlan { format: LiveFormat::Hls, path: "cam".into(), url: "http://a/cam".into(), made: false };
        let camera = "cam".parse().unwrap();
        let created_at = WallTime::UNIX_EPOCH;
        Stored::Live(Arc::new(Session { id: SessionId::random(), camera, created_at, plan }))
    }

    fn second(second: i64) -> WallTime {
        WallTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn past_the_limit_the_one_that_ends_first_goes() {
        let mut copies = Copies::new(CopyLimits { sessions: 2, stretches: 10 });
        let sessions = [live(), live(), live()];
        for (session, end) in sessions.iter().zip([20, 10, 30]) {
            copies.keep(session.clone(), second(end));
        }
        let kept = sessions.each_ref().map(|session| copies.get(session.id()).is_some());
        assert_eq!(kept, [true, false, true]);
        copies.move_end(sessions[0].id(), second(40));
        copies.expire(second(35));
        assert_eq!((copies.len(), copies.get(sessions[0].id()).is_some()), (1, true));
    }

    #[test]
    fn what_is_owed_is_the_most_that_was_owed_until_it_is_confirmed() {
        let mut copies = Copies::new(CopyLimits { sessions: 2, stretches: 10 });
        let session = live();
        copies.keep(session.clone(), second(10));
        copies.owe(session.id(), Owed::Session);
        copies.owe(session.id(), Owed::End);
        assert_eq!(copies.get(session.id()).unwrap().owed, Owed::Session);
        assert_eq!(copies.owed(), [session.id()]);
        copies.confirm(session.id(), second(20));
        assert_eq!(copies.owed(), []);
    }

    #[test]
    fn what_was_stopped_stays_so_until_it_would_have_ended() {
        let mut copies = Copies::new(CopyLimits { sessions: 2, stretches: 10 });
        let id = live().id();
        assert!(copies.stop(id, second(10), false));
        assert_eq!(copies.untold(), [id]);
        copies.told(id);
        assert_eq!(copies.untold(), []);
        assert!(copies.is_stopped(id, second(9)) && !copies.is_stopped(id, second(10)));
    }
}
