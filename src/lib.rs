//! Plays any time range of any camera as HLS, straight from recorded MPEG-TS.
//!
//! Dependencies point inward: [`domain`], [`playback`] and [`live`] are pure or talk to [ports](playback::ports) only,
//! [`adapters`] fill those, [`http`] is how the world asks, and [`app`] is the one place where they are wired together.

pub mod adapters;
pub mod app;
pub mod clock;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod live;
pub mod logging;
pub mod metrics;
pub mod playback;
pub mod tls;
