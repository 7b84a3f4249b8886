//! What the service is about: cameras, time ranges, recordings and where they lie on the wall clock, sessions.
//!
//! Pure: no async, no I/O, no frameworks. Media time is the engine's ([`remux::time`]); wall time is [`WallTime`].

mod camera;
mod names;
mod placement;
mod recording;
mod session;
mod spans;
mod time_range;
mod wall_time;

pub use self::camera::{CameraId, InvalidCameraId};
pub use self::names::Name;
pub use self::placement::{Length, Named, Place, place};
pub use self::recording::{
    AudioFacts, Carriage, Extent, Facts, Origin, Recording, RecordingId, RecordingKey, RunExtent, Unreadable,
    Version, VideoFacts,
};
pub use self::session::{LiveFormat, LivePlan, Session, SessionId};
pub use self::spans::{gaps, merge};
pub use self::time_range::{EmptyRange, TimeRange};
pub use self::wall_time::{WallTime, later, ticks_between};
