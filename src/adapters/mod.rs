//! What fills the ports of [`playback`](crate::playback::ports). Only `app` names an adapter.

pub mod load;
pub mod local_dir;
pub mod memory;
pub mod segment_cache;
pub mod tasks;
