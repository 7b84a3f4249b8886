//! Playing a recorded range, step by step:
//!
//! 1. [`Playback::open`] (`POST /start`) asks the [ports] which recordings overlap the range, has those read that
//!    nobody has read yet, and [plans](plan) the session: a few numbers for each recording. Nothing else is kept.
//! 2. [`Playback::playlist`] turns the plan into an [m3u8](playlist), with the cut lists that all sessions share.
//! 3. [`Playback::segment`] finds the recording and the cut behind a number, opens the bytes that hold it, and
//!    [streams](segment) them through the engine into the response. The bytes of a cut are the same in every session.
//!
//! No web framework, no file system, no runtime in here: those are at the edge.

mod ahead;
mod budget;
pub mod exchange;
mod flight;
mod frames;
mod growth;
mod ingest;
mod kept;
pub mod locate;
pub mod media;
pub mod plan;
pub mod playlist;
pub mod ports;
mod seen;
pub mod segment;
mod served;
mod sessions;
mod tables;
#[cfg(test)]
mod testing;
mod turns;

use std::sync::Arc;

use chrono::TimeDelta;
use remux::time::Ticks;

pub use self::ahead::Ahead;
pub use self::budget::Budget;
pub use self::flight::Flights;
pub use self::ingest::{Ingest, Queued};
use self::ports::{Cameras, Indexes, Objects, Recordings, SegmentCache, SessionStore, Tasks, Turns};
pub use self::seen::Seen;
pub use self::sessions::Opened;
pub use self::tables::Tables;
use crate::clock::Clock;
use crate::metrics::Metrics;

/// Recorded playback over whatever fills its ports.
#[derive(Debug, Clone)]
pub struct Playback {
    /// What it is wired to.
    pub ports: Ports,
    /// How it is set.
    pub settings: Settings,
    /// Where it counts.
    pub metrics: Arc<Metrics>,
    /// Tables of the MP4 recordings that are played.
    pub tables: Tables,
    /// Segments on their way.
    pub flights: Flights,
    /// When recordings were last seen where they are kept.
    pub seen: Seen,
    /// What is made before it is asked for.
    pub ahead: Ahead,
    /// What is indexed before anybody plays it.
    pub ingest: Ingest,
}

/// The adapters behind the ports.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Which cameras there are.
    pub cameras: Arc<dyn Cameras>,
    /// What was recorded when.
    pub recordings: Arc<dyn Recordings>,
    /// What is known of the insides of recordings.
    pub indexes: Arc<dyn Indexes>,
    /// The bytes of recordings.
    pub objects: Arc<dyn Objects>,
    /// Where sessions live.
    pub sessions: Arc<dyn SessionStore>,
    /// Where finished segments are kept.
    pub cache: Arc<dyn SegmentCache>,
    /// Who may serve and read now.
    pub turns: Arc<dyn Turns>,
    /// Who does what nobody waits for.
    pub tasks: Arc<dyn Tasks>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// What can be set about playback.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Target duration of a segment.
    pub segment_target: Ticks,
    /// Whether every session goes out as fragmented MP4, not only those that play nowhere else.
    pub only_mp4: bool,
    /// The longest range that a session may have.
    pub max_range: Ticks,
    /// How long a session lives after it was last renewed.
    pub session_ttl: TimeDelta,
    /// How long after its creation a session is renewed by being played.
    pub session_max_age: TimeDelta,
    /// How long after a recording was last seen its kept segments are given out without asking for it.
    pub cache_verify: TimeDelta,
    /// The largest segment that is kept, in memory on its way or afterwards.
    pub max_kept_segment: u64,
}
