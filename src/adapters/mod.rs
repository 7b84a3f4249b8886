//! What fills the ports of [`playback`](crate::playback::ports). Only `app` names an adapter.

pub mod dialect;
pub mod http_client;
pub mod local_dir;
pub mod memory;
pub mod storage_service;
pub mod vms;
