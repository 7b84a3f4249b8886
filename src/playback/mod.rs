//! Playing a recorded range, step by step:
//!
//! 1. [`Playback::open`] (`POST /start`) asks the [ports] which recordings overlap the range, has those read that
//!    nobody has read yet, and [plans](plan) the session: a few numbers for each recording. Nothing else is kept.
//! 2. [`Playback::playlist`] turns the plan into an [m3u8](playlist), with the cut lists that all sessions share.
//! 3. [`Playback::segment`] finds the recording and the cut behind a number, opens the bytes that hold it, and
//!    [streams](segment) them through the engine into the response. The bytes of a cut are the same in every session.
//!
//! No web framework, no file system, no runtime in here: those are at the edge.

mod frames;
mod growth;
pub mod locate;
pub mod media;
pub mod plan;
pub mod playlist;
pub mod ports;
pub mod segment;
mod sessions;
mod tables;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use chrono::TimeDelta;
use remux::time::Ticks;

use self::ports::{Cameras, Indexes, Objects, Recordings, SessionStore};
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
}
