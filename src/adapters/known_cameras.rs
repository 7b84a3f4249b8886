//! The cameras of a VMS, with what the keeper of recordings knows about their footage.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use crate::domain::CameraId;
use crate::error::Result;
use crate::playback::ports::{Camera, Cameras};

/// Two that know cameras.
#[derive(Debug)]
pub struct KnownCameras {
    /// Says whether there is a camera.
    pub vms: Arc<dyn Cameras>,
    /// Knows what was recorded, of cameras that the VMS lists and of those that it lists no more.
    pub recorded: Arc<dyn Cameras>,
}

impl KnownCameras {
    async fn all(&self) -> Result<Vec<Camera>> {
        let listed = self.vms.list().await?;
        let recorded = self.recorded.list().await?;
        // Of a camera that both know the later entry counts.
        let all = listed.into_iter().chain(recorded).map(|camera| (camera.id.clone(), camera));
        Ok(all.collect::<BTreeMap<_, _>>().into_values().collect())
    }
}

impl Cameras for KnownCameras {
    /// What was recorded can be watched whatever the VMS thinks of it, or whether it can be asked.
    fn exists<'a>(&'a self, camera: &'a CameraId) -> BoxFuture<'a, Result<bool>> {
        async { Ok(self.recorded.exists(camera).await? || self.vms.exists(camera).await?) }.boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Camera>>> {
        self.all().boxed()
    }
}
