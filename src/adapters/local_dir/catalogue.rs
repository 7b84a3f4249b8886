//! What is known of the files: which there are, what was learned of them, and where that places them in time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use remux::time::Ticks;

use super::names::{Container, Name};
use super::root::Stamp;
use super::scan::Found;
use crate::domain::{
    CameraId, Extent, Facts, Length, Named, Place, Recording, RecordingId, RecordingKey, TimeRange,
    Unreadable, Version, WallTime, later, merge, place, ticks_between,
};
use crate::error::Nearest;
use crate::playback::ports::{Camera, Footage};

/// All cameras and their files.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    cameras: BTreeMap<CameraId, Files>,
}

/// The files of a camera.
#[derive(Debug, Default)]
struct Files {
    /// By start, then by id.
    entries: Vec<Entry>,
    /// Where they lie in time, until something changes.
    placed: Option<Placed>,
    /// What most of its recordings contain, so that they share it.
    facts: Option<Arc<Facts>>,
}

#[derive(Debug)]
struct Entry {
    id: RecordingId,
    start: WallTime,
    stamp: Stamp,
    /// Why it is not even opened.
    refused: Option<Arc<str>>,
    learned: Option<Learned>,
}

/// What a pass over a file has shown.
#[derive(Debug, Clone)]
pub(super) struct Learned {
    /// Which state of the file was read.
    pub(super) stamp: Stamp,
    /// When it was read, and how long that took.
    pub(super) at: WallTime,
    pub(super) cost: Duration,
    pub(super) found: Result<Extents, Failure>,
}

/// The extent of a file as it stands, and without its last GOP, in case it is still being written.
#[derive(Debug, Clone)]
pub(super) struct Extents {
    pub(super) closed: Arc<Extent>,
    pub(super) open: Option<Arc<Extent>>,
}

/// Why a file cannot be played.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) detail: Arc<str>,
    /// Another try may find it mended.
    pub(super) passing: bool,
}

#[derive(Debug)]
struct Placed {
    /// Whether the last file counted as one that is still being written.
    growing: bool,
    recordings: Vec<Arc<Recording>>,
}

/// A file that has not changed for this long is no longer being written.
pub(super) const GROWING: TimeDelta = TimeDelta::seconds(5);

/// A file that is still being written is read again after this long, or after it has cost this many times as much time
/// not to read it as to read it.
const REREAD_AFTER: TimeDelta = TimeDelta::seconds(10);
const REREAD_COSTS: u32 = 20;

/// A file that could not be read is tried again after this long.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(60);

/// The longest that a file is believed to be before it was read.
const LONGEST_ESTIMATE: Ticks = Ticks::new(24 * 3600 * Ticks::SECOND.get());

impl Catalogue {
    /// Takes over what a walk has found: keeps what was learned of files that are still there.
    pub(super) fn update(&mut self, mut found: Vec<Found>) {
        found.sort_by(|a, b| {
            (&a.name.camera, a.name.start, &a.path).cmp(&(&b.name.camera, b.name.start, &b.path))
        });
        let mut before = std::mem::take(&mut self.cameras);
        let mut found = found.into_iter().peekable();
        while let Some(first) = found.peek() {
            let camera = first.name.camera.clone();
            let mut files = before.remove(&camera).unwrap_or_default();
            let of_camera = std::iter::from_fn(|| found.next_if(|file| file.name.camera == camera));
            files.update(of_camera);
            self.cameras.insert(camera, files);
        }
    }

    /// Remembers what a pass over a file has shown.
    pub(super) fn learn(&mut self, name: &Name, id: &RecordingId, mut learned: Learned) {
        let Some(files) = self.cameras.get_mut(&name.camera) else { return };
        if let Ok(extents) = &mut learned.found {
            extents.closed = files.share(&extents.closed);
            extents.open = extents.open.as_ref().map(|open| files.share(open));
        }
        let Some(entry) = files.entry(name.start, id) else { return };
        entry.learned = Some(learned);
        files.placed = None;
    }

    /// Notes that a file has another state than the last walk saw.
    pub(super) fn restamp(&mut self, name: &Name, id: &RecordingId, stamp: Stamp) {
        let Some(files) = self.cameras.get_mut(&name.camera) else { return };
        if let Some(entry) = files.entry(name.start, id) {
            entry.stamp = stamp;
            files.placed = None;
        }
    }

    pub(super) fn contains(&self, camera: &CameraId) -> bool {
        self.cameras.contains_key(camera)
    }

    pub(super) fn cameras(&mut self, now: WallTime) -> Vec<Camera> {
        let cameras = self.cameras.iter_mut().map(|(id, files)| {
            let placed = files.placed(now);
            let recorded = placed.first().zip(placed.last());
            Camera {
                id: id.clone(),
                recordings: Some(placed.len() as u64),
                recorded: recorded
                    .and_then(|(first, last)| TimeRange::new(first.visible.start(), last.visible.end()).ok()),
            }
        });
        cameras.collect()
    }

    pub(super) fn overlapping(&mut self, camera: &CameraId, range: TimeRange, now: WallTime) -> Footage {
        let Some(files) = self.cameras.get_mut(camera) else { return Footage::default() };
        let unreadable =
            files.unreadable(now).filter(|unreadable| unreadable.span.overlaps(&range)).collect();
        let placed = files.placed(now);
        // Ends only rise.
        let first = placed.partition_point(|recording| recording.visible.end() <= range.start());
        let within =
            placed.iter().skip(first).take_while(|recording| recording.visible.start() < range.end());
        Footage { recordings: within.cloned().collect(), unreadable }
    }

    pub(super) fn nearest(&mut self, camera: &CameraId, range: TimeRange, now: WallTime) -> Nearest {
        let Some(files) = self.cameras.get_mut(camera) else { return Nearest::default() };
        let spans = merge(files.placed(now).iter().map(|recording| recording.visible));
        Nearest {
            before: spans.iter().rfind(|span| span.end() <= range.start()).copied(),
            after: spans.iter().find(|span| span.start() >= range.end()).copied(),
        }
    }

    /// Files that should be read, the latest recordings first.
    pub(super) fn unread(&self, now: WallTime) -> Vec<RecordingKey> {
        let mut unread: Vec<(WallTime, RecordingKey)> = Vec::new();
        for files in self.cameras.values() {
            let entries = files.entries.iter().enumerate();
            let worth_reading = entries.filter(|(_, entry)| entry.is_worth_reading(now));
            unread.extend(worth_reading.map(|(position, entry)| {
                (entry.start, entry.key(entry.stamp, files.is_growing(position, now)))
            }));
        }
        unread.sort_by_key(|(start, _)| std::cmp::Reverse(*start));
        unread.into_iter().map(|(_, key)| key).collect()
    }

    /// All files and their states.
    pub(super) fn stamps(&self) -> impl Iterator<Item = (&str, Stamp)> {
        let entries = self.cameras.values().flat_map(|files| &files.entries);
        entries.map(|entry| (entry.id.as_str(), entry.stamp))
    }

    /// (all, unread, unreadable)
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let entries = || self.cameras.values().flat_map(|files| &files.entries);
        let unread = entries().filter(|entry| entry.learned.is_none() && entry.refused.is_none()).count();
        let unreadable = entries().filter(|entry| entry.failure().is_some()).count();
        (entries().count(), unread, unreadable)
    }
}

impl Files {
    fn entry(&mut self, start: WallTime, id: &RecordingId) -> Option<&mut Entry> {
        let place = self.entries.binary_search_by(|entry| (entry.start, &entry.id).cmp(&(start, id))).ok()?;
        self.entries.get_mut(place)
    }

    fn update(&mut self, found: impl Iterator<Item = Found>) {
        let mut before = std::mem::take(&mut self.entries).into_iter().peekable();
        let mut changed = false;
        for file in found {
            // Both are in the same order.
            while before
                .next_if(|old| (old.start, old.id.as_str()) < (file.name.start, &*file.path))
                .is_some()
            {
                changed = true;
            }
            let known = before.next_if(|old| old.id.as_str() == &*file.path);
            let entry = Entry::new(file);
            changed |= known
                .as_ref()
                .is_none_or(|known| known.stamp != entry.stamp || known.refused != entry.refused);
            self.entries.push(Entry { learned: known.and_then(|known| known.learned), ..entry });
        }
        if changed || before.next().is_some() {
            self.placed = None;
        }
    }

    /// An extent that shares what it contains with the one before, where that is the same.
    fn share(&mut self, extent: &Arc<Extent>) -> Arc<Extent> {
        match &self.facts {
            Some(facts) if *facts == extent.facts => {
                Arc::new(Extent { facts: Arc::clone(facts), ..Extent::clone(extent) })
            }
            _ => {
                self.facts = Some(Arc::clone(&extent.facts));
                Arc::clone(extent)
            }
        }
    }

    /// Only the last file of a camera can be one that is still being written.
    fn is_growing(&self, position: usize, now: WallTime) -> bool {
        position + 1 == self.entries.len()
            && self.entries.get(position).is_some_and(|entry| entry.is_fresh(now))
    }

    fn placed(&mut self, now: WallTime) -> &[Arc<Recording>] {
        let growing = self.entries.len().checked_sub(1).is_some_and(|last| self.is_growing(last, now));
        let placed = match self.placed.take() {
            Some(placed) if placed.growing == growing => placed,
            _ => Placed { growing, recordings: self.place(now) },
        };
        &self.placed.insert(placed).recordings
    }

    fn place(&self, now: WallTime) -> Vec<Arc<Recording>> {
        let playable = (0..self.entries.len()).filter_map(|position| self.playable(position, now));
        let (entries, named): (Vec<_>, Vec<Named>) = playable.unzip();
        let recordings = entries.into_iter().zip(place(&named)).filter_map(|((key, extent), place)| {
            let Place { zero, visible } = place?;
            Some(Arc::new(Recording { key, zero, visible, extent }))
        });
        recordings.collect()
    }

    fn playable(
        &self,
        position: usize,
        now: WallTime,
    ) -> Option<((RecordingKey, Option<Arc<Extent>>), Named)> {
        let entry = self.entries.get(position).filter(|entry| entry.refused.is_none())?;
        let growing = self.is_growing(position, now);
        let learned = entry.learned.as_ref().filter(|learned| growing || learned.stamp == entry.stamp);
        let Some(learned) = learned else {
            let length = Length::Estimated(self.estimate(position));
            return Some(((entry.key(entry.stamp, growing), None), Named { start: entry.start, length }));
        };
        let extents = learned.found.as_ref().ok()?;
        let extent = if growing { extents.open.as_ref()? } else { &extents.closed };
        let length = Length::Known { duration: extent.duration(), gop: extent.gop };
        let key = entry.key(learned.stamp, growing);
        Some(((key, Some(Arc::clone(extent))), Named { start: entry.start, length }))
    }

    /// Up to the next recording, or to when the file was last written.
    fn estimate(&self, position: usize) -> Ticks {
        let Some(entry) = self.entries.get(position) else { return Ticks::ZERO };
        let until_written = ticks_between(entry.start, entry.modified());
        let next = self.entries.iter().skip(position).find(|next| next.start > entry.start);
        [Some(until_written), next.map(|next| ticks_between(entry.start, next.start))]
            .into_iter()
            .flatten()
            .filter(|&length| length > Ticks::ZERO)
            .min()
            .map_or(LONGEST_ESTIMATE, |length| length.min(LONGEST_ESTIMATE))
    }

    fn unreadable(&self, now: WallTime) -> impl Iterator<Item = Unreadable> + '_ {
        self.entries.iter().enumerate().filter_map(move |(position, entry)| {
            let detail = entry.failure().filter(|_| self.playable(position, now).is_none())?;
            let span = TimeRange::new(entry.start, later(entry.start, self.estimate(position))).ok()?;
            Some(Unreadable { id: entry.id.clone(), span, detail: Arc::clone(detail) })
        })
    }
}

impl Entry {
    fn new(file: Found) -> Self {
        let refused = match (&file.stamp, file.name.container) {
            (Err(reason), _) => Some(reason.as_str().into()),
            (Ok(_), Container::Mp4) => Some("MP4 recordings cannot be played yet".into()),
            (Ok(_), Container::TransportStream) => None,
        };
        let stamp = file.stamp.unwrap_or(Stamp { size: 0, modified: 0 });
        Self { id: RecordingId::from(&*file.path), start: file.name.start, stamp, refused, learned: None }
    }

    fn key(&self, stamp: Stamp, growing: bool) -> RecordingKey {
        let version = Version { size: stamp.size, validator: stamp.validator(), growing };
        RecordingKey { id: self.id.clone(), version }
    }

    fn failure(&self) -> Option<&Arc<str>> {
        let failure = || Some(&self.learned.as_ref()?.found.as_ref().err()?.detail);
        self.refused.as_ref().or_else(failure)
    }

    fn modified(&self) -> WallTime {
        i64::try_from(self.stamp.modified).map_or(WallTime::MAX_UTC, WallTime::from_timestamp_nanos)
    }

    fn is_fresh(&self, now: WallTime) -> bool {
        // A file of the future tells nothing.
        (now - self.modified()).abs() < GROWING
    }

    fn is_worth_reading(&self, now: WallTime) -> bool {
        if self.refused.is_some() {
            return false;
        }
        let Some(learned) = &self.learned else { return true };
        let age = now - learned.at;
        match &learned.found {
            Err(failure) if learned.stamp == self.stamp => failure.passing && age >= RETRY_AFTER,
            _ if learned.stamp == self.stamp => false,
            _ if self.is_fresh(now) => {
                let costs = TimeDelta::from_std(learned.cost.saturating_mul(REREAD_COSTS));
                age >= REREAD_AFTER.max(costs.unwrap_or(REREAD_AFTER))
            }
            _ => true,
        }
    }
}
