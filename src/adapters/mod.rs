//! What fills the ports of [`playback`](crate::playback::ports). Only `app` names an adapter.

mod index_store;
pub mod local_dir;
pub mod memory;
pub mod objects;
pub mod remote;
