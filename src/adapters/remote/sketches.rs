//! Recordings that are played without having been read: what their heads and tails say, and the grids they are planned by.

use std::sync::Arc;

use moka::future::Cache;
use remux::locate::Grid;
use remux::time::Ticks;
use tracing::info;

use super::learned::Known;
use super::library::Library;
use super::pass::Unindexed;
use super::placing::{Listed, estimates};
use crate::domain::{CameraId, RecordingKey};
use crate::error::{Error, Kind, Result};
use crate::playback::locate::{Sketch, Sketched, sketch};
use crate::playback::media::Media;

/// What is known of recordings that have no index.
#[derive(Debug)]
pub(super) struct Sketches {
    sketched: Cache<RecordingKey, Sketched>,
    /// What a camera's recordings look like: one stands for all that nobody has looked at.
    looks: Cache<CameraId, Arc<Sketch>>,
    /// How a recording is planned, from the first session on until it has an index: sessions share its segments.
    grids: Cache<RecordingKey, Grid>,
    /// How long a recording is by its catalogue: says which bit rate to expect.
    durations: Cache<RecordingKey, Ticks>,
}

impl Default for Sketches {
    fn default() -> Self {
        Self {
            sketched: Cache::new(MOST_SKETCHES),
            looks: Cache::new(MOST_CAMERAS),
            grids: Cache::new(MOST_GRIDS),
            durations: Cache::new(MOST_GRIDS),
        }
    }
}

/// A few kilobytes each.
const MOST_SKETCHES: u64 = 10_000;
const MOST_CAMERAS: u64 = 10_000;
/// Some hundred bytes each.
const MOST_GRIDS: u64 = 100_000;

impl Sketches {
    pub(super) async fn forget(&self, key: &RecordingKey) {
        self.sketched.invalidate(key).await;
        self.grids.invalidate(key).await;
    }

    async fn of(&self, key: &RecordingKey) -> Option<Arc<Sketch>> {
        match self.sketched.get(key).await? {
            Sketched::Sketch(sketch) => Some(sketch),
            Sketched::NeedsIndex(_) => None,
        }
    }

    /// What a camera's recordings look like, as far as one of them was looked at.
    async fn look(&self, camera: &CameraId, rows: &[Listed]) -> Option<Arc<Sketch>> {
        for (row, _) in rows {
            if let Some(sketch) = self.of(&row.key).await {
                self.looks.insert(camera.clone(), Arc::clone(&sketch)).await;
                return Some(sketch);
            }
        }
        self.looks.get(camera).await
    }

    async fn grid(&self, key: &RecordingKey, make: impl FnOnce() -> Grid) -> Grid {
        match self.grids.get(key).await {
            Some(grid) => grid,
            None => {
                let grid = make();
                self.grids.insert(key.clone(), grid).await;
                grid
            }
        }
    }
}

impl Library {
    /// Plans the rows of which nothing is known, if any recording of their camera has been looked at.
    pub(super) async fn plan(self: &Arc<Self>, camera: &CameraId, rows: &mut [Listed]) {
        let look = self.sketches.look(camera, rows).await;
        let estimates = estimates(rows);
        for ((row, known), estimate) in rows.iter_mut().zip(estimates) {
            if known.is_some() {
                continue;
            }
            self.sketches.durations.insert(row.key.clone(), estimate).await;
            let own = self.sketches.of(&row.key).await;
            if let Some(media) = self.read_by_and_by(&row.key, own.as_deref()).await {
                *known = Some(Known::Extent(Arc::new(media.extent())));
                continue;
            }
            let Some(sketch) = own.as_ref().or(look.as_ref()) else { continue };
            let length = own.as_ref().map_or(estimate, |own| own.duration());
            let grid = self.sketches.grid(&row.key, || sketch.grid(length, self.target)).await;
            *known = Some(Known::Planned(Arc::new(sketch.extent(grid))));
        }
    }

    /// A recording of which all has been played by now is as good as read.
    async fn read_by_and_by(
        self: &Arc<Self>,
        key: &RecordingKey,
        sketch: Option<&Sketch>,
    ) -> Option<Arc<Media>> {
        let (index, origin) = (sketch?.index()?, sketch?.origin().clone());
        let media = self.remember(key, index, origin).await.ok()?;
        self.learn(key, &media).await;
        Some(media)
    }

    /// Learns of a recording what planning it takes: its index where there is one, else its head and tail.
    pub(super) async fn learn_enough(self: &Arc<Self>, key: &RecordingKey) -> Result<()> {
        if let Some(media) = self.remembered(key).await? {
            self.learn(key, &media).await;
            return Ok(());
        }
        match self.sketched(key).await? {
            Sketched::Sketch(_) => Ok(()),
            Sketched::NeedsIndex(why) => {
                info!(recording = %key.id, %why, "is read as a whole before it is played");
                self.media(key).await.map(drop)
            }
        }
    }

    /// Head and tail of a recording.
    pub(super) async fn sketch(self: &Arc<Self>, key: &RecordingKey) -> Result<Arc<Sketch>> {
        match self.sketched(key).await? {
            Sketched::Sketch(sketch) => Ok(sketch),
            Sketched::NeedsIndex(why) => {
                let detail =
                    format!("Recording {} is not what it was planned as: {why}. Open a new session.", key.id);
                Err(Error::new(Kind::Gone, detail))
            }
        }
    }

    /// Read once for all who ask at a time.
    async fn sketched(self: &Arc<Self>, key: &RecordingKey) -> Result<Sketched> {
        if let Some(Known::Lost(loss)) = self.learned.of(key, self.clock.now()).await {
            return Err(loss.error);
        }
        let duration = self.sketches.durations.get(key).await;
        let read = sketch(&*self.objects, key, duration);
        let read = self.sketches.sketched.try_get_with_by_ref(key, read).await;
        match read {
            Ok(sketched) => Ok(sketched),
            Err(error) => Err(self.on_failure(key, Unindexed::Bytes(Error::clone(&error))).await),
        }
    }
}
