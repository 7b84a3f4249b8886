//! The directory behind the ports of playback.

use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::task::spawn_blocking;

use super::library::gone;
use super::walk::{REST, Walk};
use super::{LocalDir, read};
use crate::domain::{CameraId, Origin, RecordingKey, TimeRange};
use crate::error::{Error, Kind, Nearest, Result};
use crate::playback::media::Media;
use crate::playback::ports::{
    Camera, Cameras, Footage, Indexes, Object, Objects, Part, Probe, Recordings, Upstream, UpstreamState,
};

impl Cameras for LocalDir {
    fn exists<'a>(&'a self, camera: &'a CameraId) -> BoxFuture<'a, Result<bool>> {
        let exists = || self.library.catalogue().contains(camera);
        async move {
            self.walks.walk_if(|_| !exists(), REST).await;
            Ok(exists())
        }
        .boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Camera>>> {
        async {
            self.walks.walk_if(|last| last.is_none(), REST).await;
            Ok(self.library.catalogue().cameras())
        }
        .boxed()
    }
}

impl Recordings for LocalDir {
    fn overlapping<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Footage>> {
        let overlapping = move || self.library.catalogue().overlapping(camera, range);
        async move {
            self.walks.walk_if(|last| last.is_none_or(|walk| range.end() > walk.at), REST).await;
            let mut footage = overlapping();
            if footage.recordings.is_empty() {
                self.walks.walk_if(|_| true, REST).await;
                footage = overlapping();
            }
            match footage.recordings.last() {
                Some(last) if last.key.version.growing => {
                    self.library.look_again(&last.key).await;
                    Ok(overlapping())
                }
                _ => Ok(footage),
            }
        }
        .boxed()
    }

    fn nearest<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Nearest>> {
        async move { Ok(self.library.catalogue().nearest(camera, range)) }.boxed()
    }
}

impl Indexes for LocalDir {
    fn media<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Arc<Media>>> {
        self.library.media(recording).boxed()
    }
}

impl Objects for LocalDir {
    /// A version says which bytes are meant, so it does not matter what was `known` of them.
    fn open<'a>(
        &'a self,
        recording: &'a RecordingKey,
        part: Part,
        _known: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Object>> {
        let (root, key) = (self.library.root.clone(), recording.clone());
        async move {
            let opened = spawn_blocking(move || root.open(key.id.as_str())).await;
            let (file, stamp) = match opened.map_err(io::Error::other).flatten() {
                Ok(opened) => opened,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone(recording)),
                Err(error) => return Err(unreadable(recording, &error)),
            };
            if !stamp.holds(&recording.version) {
                return Err(gone(recording));
            }
            let version = &recording.version;
            let range = part.within(version.size).ok_or_else(|| behind_the_end(recording))?;
            let origin = Origin { size: version.size, validator: Some(Arc::clone(&version.validator)) };
            let recording = recording.clone();
            let bytes =
                read::stream_of(file, range.clone()).map_err(move |error| unreadable(&recording, &error));
            Ok(Object { origin, modified: None, range, bytes: bytes.boxed() })
        }
        .boxed()
    }
}

fn behind_the_end(recording: &RecordingKey) -> Error {
    Error::new(Kind::BadUpstream, format!("Recording {} ends before what is to be read of it.", recording.id))
}

fn unreadable(recording: &RecordingKey, error: &io::Error) -> Error {
    Error::new(Kind::BadUpstream, format!("Recording {} cannot be read: {error}.", recording.id))
}

impl Probe for LocalDir {
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        let root = self.library.root.path().to_owned();
        async move {
            let listed = spawn_blocking(move || std::fs::read_dir(root).map(drop)).await;
            let unusable =
                |error| Error::new(Kind::UpstreamDown, format!("The directory cannot be read: {error}."));
            listed.map_err(io::Error::other).flatten().map_err(unusable)
        }
        .boxed()
    }
}

impl Upstream for LocalDir {
    fn name(&self) -> &'static str {
        "recordings"
    }

    fn state(&self) -> UpstreamState {
        match &*self.walks.last() {
            None => UpstreamState::Starting,
            Some(Walk { failure: Some(failure), .. }) => {
                UpstreamState::Away(format!("the directory of recordings cannot be listed: {failure}"))
            }
            Some(_) => UpstreamState::Up,
        }
    }
}
