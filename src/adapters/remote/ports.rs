//! Recordings kept elsewhere behind the ports of playback.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use super::Remote;
use super::placing;
use crate::domain::{CameraId, Origin, RecordingKey, TimeRange};
use crate::error::{Kind, Nearest, Result};
use crate::playback::locate::Sketch;
use crate::playback::media::Media;
use crate::playback::ports::{Camera, Cameras, Footage, Indexes, Listing, Object, Objects, Part, Recordings};

/// Where nobody knows the cameras but by their recordings: a camera without any is one of which nothing is recorded.
impl Cameras for Remote {
    fn exists<'a>(&'a self, _camera: &'a CameraId) -> BoxFuture<'a, Result<bool>> {
        ready(Ok(true)).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Camera>>> {
        ready(Ok(Vec::new())).boxed()
    }
}

impl Recordings for Remote {
    fn overlapping<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Footage>> {
        async move {
            let Listing { rows, unreadable } = self.catalogue.rows(camera, placing::needed(range)).await?;
            let now = self.library.clock.now();
            let mut listed = Vec::with_capacity(rows.len());
            for row in rows {
                let known = self.library.learned.of(&row.key, now).await;
                listed.push((row, known));
            }
            self.library.plan(camera, &mut listed, range).await;
            let placed = placing::placed(listed, unreadable, range);
            placed.failure.map_or(Ok(placed.footage), Err)
        }
        .boxed()
    }

    fn nearest<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Nearest>> {
        self.catalogue.nearest(camera, range)
    }
}

impl Indexes for Remote {
    fn media<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Arc<Media>>> {
        self.library.media(recording).boxed()
    }

    fn keeps<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, bool> {
        async move { !self.library.kept(vec![recording.clone()]).await.is_empty() }.boxed()
    }

    fn learn<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<()>> {
        self.library.learn_enough(recording).boxed()
    }

    fn soon<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Option<Arc<Media>>>> {
        self.library.soon(recording).boxed()
    }

    fn sketch<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Option<Arc<Sketch>>>> {
        self.library.sketch(recording).boxed()
    }

    fn on_learned(&self, recording: &RecordingKey) {
        self.library.on_learned(recording);
    }
}

impl Objects for Remote {
    /// The objects themselves. What is gone or has been replaced is not what was learned of it.
    fn open<'a>(
        &'a self,
        recording: &'a RecordingKey,
        part: Part,
        known: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Object>> {
        async move {
            let opened = self.library.objects.open(recording, part, known).await;
            if opened.as_ref().is_err_and(|error| error.kind() == &Kind::Gone) {
                self.library.forget(recording).await;
            }
            opened
        }
        .boxed()
    }
}
