//! When recordings were last seen where they are kept. What was made of them earlier is given out without asking only for a
//! short while after: what is deleted stops playing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::TimeDelta;

use crate::domain::{Origin, RecordingKey, WallTime};

/// Which bytes recordings had when they were last seen.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<HashMap<RecordingKey, (Origin, WallTime)>>>);

/// Recordings that are remembered; past it all are asked again.
const MOST: usize = 16_384;

impl Seen {
    pub(super) fn note(&self, recording: &RecordingKey, origin: &Origin, now: WallTime) {
        let mut seen = self.all();
        if seen.len() >= MOST && !seen.contains_key(recording) {
            seen.clear();
        }
        seen.insert(recording.clone(), (origin.clone(), now));
    }

    /// Whether these bytes were there at most `age` ago.
    pub(super) fn is_fresh(
        &self,
        recording: &RecordingKey,
        origin: &Origin,
        now: WallTime,
        age: TimeDelta,
    ) -> bool {
        let seen = self.all();
        // A clock that was set back says nothing.
        let is_recent = |at: WallTime| (TimeDelta::zero()..age).contains(&(now - at));
        seen.get(recording).is_some_and(|(known, at)| known == origin && is_recent(*at))
    }

    pub(super) fn forget(&self, recording: &RecordingKey) {
        self.all().remove(recording);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<RecordingKey, (Origin, WallTime)>> {
        // Each change is one infallible step.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
