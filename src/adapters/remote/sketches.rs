//! Recordings that are played without having been read: what their heads and tails say, and the grids they are planned by.

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::try_join;
use moka::future::Cache;
use remux::locate::Grid;
use remux::time::Ticks;
use tracing::info;

use super::learned::Known;
use super::library::Library;
use super::pass::Unindexed;
use super::placing::{Listed, estimates};
use crate::domain::{CameraId, RecordingKey, TimeRange};
use crate::error::{Error, Result};
use crate::playback::exchange::{Errand, LASTS};
use crate::playback::locate::{Expected, Sketch, Sketched, sketch};
use crate::playback::media::Media;

/// What is known of recordings that have no index.
#[derive(Debug)]
pub(super) struct Sketches {
    sketched: Cache<RecordingKey, Sketched>,
    /// What a camera's recordings look like: one stands for all that nobody has looked at.
    looks: Cache<CameraId, Arc<Sketch>>,
    /// How a recording is planned, from the first session on until it has an index: sessions share its segments.
    grids: Cache<RecordingKey, Grid>,
    /// Whose a recording is, and how long by its catalogue: says what to expect of it.
    rows: Cache<RecordingKey, (CameraId, Ticks)>,
}

impl Default for Sketches {
    fn default() -> Self {
        Self {
            sketched: Cache::new(MOST_SKETCHES),
            looks: Cache::new(MOST_CAMERAS),
            grids: Cache::new(MOST_GRIDS),
            rows: Cache::new(MOST_GRIDS),
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

    /// It is not planned by a grid any more.
    pub(super) async fn on_index(&self, key: &RecordingKey) {
        self.grids.invalidate(key).await;
    }

    pub(super) fn is_sketched(&self, key: &RecordingKey) -> bool {
        self.sketched.contains_key(key)
    }

    /// What was found out elsewhere.
    pub(super) async fn keep(&self, key: &RecordingKey, sketched: Sketched) {
        self.sketched.insert(key.clone(), sketched).await;
    }

    pub(super) async fn of(&self, key: &RecordingKey) -> Option<Arc<Sketch>> {
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

    /// What is believed of a recording that nobody has looked at.
    async fn expected(&self, key: &RecordingKey) -> Expected {
        match self.rows.get(key).await {
            Some((camera, duration)) => {
                Expected { duration: Some(duration), look: self.looks.get(&camera).await }
            }
            None => Expected::default(),
        }
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
    pub(super) async fn plan(self: &Arc<Self>, camera: &CameraId, rows: &mut [Listed], range: TimeRange) {
        self.ask_others(rows, range).await;
        let look = self.sketches.look(camera, rows).await;
        let estimates = estimates(rows);
        let mut loaded = self.kept_of(rows).await;
        loaded.extend(self.expected_beside(camera, rows, range).await);
        for ((row, known), estimate) in rows.iter_mut().zip(estimates) {
            if known.is_some() {
                continue;
            }
            self.sketches.rows.insert(row.key.clone(), (camera.clone(), estimate)).await;
            if loaded.contains(&row.key) {
                continue;
            }
            let own = self.sketches.of(&row.key).await;
            if let Some(media) = self.read_by_and_by(&row.key, own.as_deref()).await {
                *known = Some(Known::Extent(Arc::new(media.extent())));
                continue;
            }
            let Some(sketch) = own.as_ref().or(look.as_ref()) else { continue };
            // Where the next recording begins before this one ends, its cells go on all the same.
            let told = row.duration.max(estimate);
            let length = own.as_ref().map_or(told, |own| own.duration());
            let grid = self.sketches.grid(&row.key, || sketch.grid(length, self.target)).await;
            *known = Some(Known::Planned(Arc::new(sketch.extent(grid))));
        }
    }

    /// A recording of which all has been played by now is as good as read.
    pub(super) async fn read_by_and_by(
        self: &Arc<Self>,
        key: &RecordingKey,
        sketch: Option<&Sketch>,
    ) -> Option<Arc<Media>> {
        let (index, origin) = (sketch?.index()?, sketch?.origin().clone());
        self.tell_index(key, &index, &origin, LASTS, None);
        let media = self.remember(key, index, origin).await.ok()?;
        self.learn(key, &media).await;
        Some(media)
    }

    /// Those rows that have an index in `WORK_DIR` which nobody has needed since the start: their sessions load it.
    async fn kept_of(self: &Arc<Self>, rows: &[Listed]) -> HashSet<RecordingKey> {
        let is_new = |(row, known): &&Listed| known.is_none() && !self.sketches.grids.contains_key(&row.key);
        let new: Vec<RecordingKey> = rows.iter().filter(is_new).map(|(row, _)| row.key.clone()).collect();
        if new.is_empty() { HashSet::new() } else { self.kept(new).await.into_iter().collect() }
    }

    /// Learns of a recording what planning it takes: its index where there is one, here or beside it, else its head and tail.
    pub(super) async fn learn_enough(self: &Arc<Self>, key: &RecordingKey) -> Result<()> {
        if let Some(media) = self.remembered(key).await? {
            self.learn(key, &media).await;
            return Ok(());
        }
        let is_expected = self.sides.is_expected(key);
        if is_expected && self.found_as_expected(key).await {
            return Ok(());
        }
        let beside = async { Ok(if is_expected { None } else { self.found_beside(key).await }) };
        let (beside, sketched) = try_join(beside, self.sketched(key)).await?;
        if let Some(media) = beside {
            self.media.insert(key.clone(), media).await;
            return Ok(());
        }
        match sketched {
            Sketched::Sketch(_) => Ok(()),
            Sketched::NeedsIndex(why) => {
                info!(recording = %key.id, %why, "is read as a whole before it is played");
                self.media(key).await.map(drop)
            }
        }
    }

    /// Head and tail of a recording; `None` where it has to be read as a whole.
    pub(super) async fn sketch(self: &Arc<Self>, key: &RecordingKey) -> Result<Option<Arc<Sketch>>> {
        self.ask_soon(key);
        Ok(match self.sketched(key).await? {
            Sketched::Sketch(sketch) => Some(sketch).filter(|sketch| !sketch.is_contradicted()),
            Sketched::NeedsIndex(_) => None,
        })
    }

    /// Read once for all who ask at a time.
    async fn sketched(self: &Arc<Self>, key: &RecordingKey) -> Result<Sketched> {
        if let Some(Known::Lost(loss)) = self.learned.of(key, self.clock.now()).await {
            return Err(loss.error);
        }
        let read = self.sketches.sketched.try_get_with_by_ref(key, self.sketched_for_all(key)).await;
        match read {
            Ok(sketched) => Ok(sketched),
            Err(error) => Err(self.on_failure(key, Unindexed::Bytes(Error::clone(&error))).await),
        }
    }

    /// Read by one replica for all that ask at a time.
    async fn sketched_for_all(self: &Arc<Self>, key: &RecordingKey) -> Result<Sketched> {
        let turn = self.others.errand(key, Errand::Sketch, || self.heard_sketch(key)).await;
        let claimed = match turn.done() {
            Ok(sketched) => return Ok(sketched),
            Err(claimed) => claimed,
        };
        let expected = self.sketches.expected(key).await;
        let sketched = sketch(&*self.objects, key, &expected).await?;
        self.tell_sketch(key, &sketched, claimed);
        Ok(sketched)
    }
}
