//! The directory that the service works in, looked at before it does.

use std::io;
use std::path::PathBuf;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::task::spawn_blocking;

use super::index_store::prepare;
use crate::error::{Error, Kind, Result};
use crate::playback::ports::Probe;

/// `WORK_DIR`.
#[derive(Debug)]
pub struct WorkDir(pub PathBuf);

impl Probe for WorkDir {
    /// Makes it, and writes a file.
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        let work_dir = self.0.clone();
        async move {
            let prepared = spawn_blocking(move || prepare(&work_dir, &work_dir.join("index"))).await;
            let unusable =
                |error| Error::new(Kind::UpstreamDown, format!("The directory cannot be used: {error}."));
            prepared.map_err(io::Error::other).flatten().map_err(unusable)
        }
        .boxed()
    }
}
