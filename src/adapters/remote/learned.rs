//! What was learned of recordings: how long they are, or why they cannot be played.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use moka::future::Cache;

use crate::domain::{Extent, RecordingKey, WallTime};
use crate::error::{Error, Kind};

/// What is known of the recordings that were asked for last.
#[derive(Debug)]
pub(super) struct Learned(Cache<RecordingKey, Known>);

/// What is known of a recording.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// Its length and content.
    Extent(Arc<Extent>),
    /// How it is planned as long as it has not been read as a whole.
    Planned(Arc<Extent>),
    /// That it cannot be played.
    Lost(Loss),
}

/// Why a recording cannot be played.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    /// For who asks for it.
    pub(super) error: Error,
    /// For who is told that it is left out.
    pub(super) reason: Arc<str>,
    /// What is to blame.
    pub(super) cause: Cause,
    /// When that was found.
    pub(super) at: WallTime,
}

/// What is to blame for a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is not there.
    Gone,
    /// What is in it.
    Media,
    /// Whoever should give its bytes, this time.
    Server,
}

impl Cause {
    /// How long it is believed.
    fn lasts(self) -> TimeDelta {
        match self {
            Self::Gone => TimeDelta::minutes(5),
            Self::Media => TimeDelta::hours(1),
            Self::Server => TimeDelta::seconds(30),
        }
    }
}

impl Loss {
    /// What of `error` is worth to be remembered: a server that is away says nothing of the recording.
    pub(super) fn of(error: &Error, at: WallTime) -> Option<Self> {
        let cause = match error.kind() {
            Kind::Gone => Cause::Gone,
            Kind::BadUpstream => Cause::Server,
            _ => return None,
        };
        Some(Self { error: error.clone(), reason: error.detail().trim_end_matches('.').into(), cause, at })
    }
}

/// Recordings of which something is known, at less than a kilobyte each; what was learned of further ones is looked up again.
const MOST_KNOWN: u64 = 50_000;

/// What nobody has asked for in so long.
const IDLE: Duration = Duration::from_secs(24 * 3600);

impl Default for Learned {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST_KNOWN).time_to_idle(IDLE).build())
    }
}

impl Learned {
    /// What is known of a recording now.
    pub(super) async fn of(&self, key: &RecordingKey, now: WallTime) -> Option<Known> {
        let known = self.0.get(key).await?;
        let is_believed = match &known {
            Known::Extent(_) | Known::Planned(_) => true,
            Known::Lost(loss) => now - loss.at < loss.cause.lasts(),
        };
        is_believed.then_some(known)
    }

    pub(super) async fn learn(&self, key: &RecordingKey, known: Known) {
        self.0.insert(key.clone(), known).await;
    }

    pub(super) async fn forget(&self, key: &RecordingKey) {
        self.0.invalidate(key).await;
    }
}
