//! What fills the ports of [`playback`](crate::playback::ports) and [`live`](crate::live::ports). Only `app` names an adapter.

pub mod dialect;
pub mod exchange;
pub mod http_client;
mod index_beside;
mod index_store;
pub mod known_cameras;
pub mod load;
pub mod local_dir;
pub mod mediamtx;
pub mod memory;
pub mod objects;
pub mod remote;
pub mod segment_cache;
pub mod storage_service;
pub mod tasks;
pub mod valkey;
pub mod vms;
pub mod work_dir;
