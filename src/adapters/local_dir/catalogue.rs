//! What is known of the files: which there are, what was learned of them, and where that places them in time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::files::{Entry, Files, Learned};
use super::root::Stamp;
use super::scan::Found;
use crate::domain::{CameraId, Name, RecordingId, RecordingKey, TimeRange, WallTime, merge};
use crate::error::Nearest;
use crate::playback::ports::{Camera, Footage};

/// All cameras and their files.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    cameras: BTreeMap<CameraId, Files>,
}

impl Catalogue {
    /// Takes over what a walk has found: keeps what was learned of files that are still there.
    pub(super) fn update(&mut self, mut found: Vec<Found>, now: WallTime) {
        found.sort_by(|a, b| {
            (&a.name.camera, a.name.start, &a.path).cmp(&(&b.name.camera, b.name.start, &b.path))
        });
        let mut before = std::mem::take(&mut self.cameras);
        let mut found = found.into_iter().peekable();
        while let Some(first) = found.peek() {
            let camera = first.name.camera.clone();
            let mut files = before.remove(&camera).unwrap_or_default();
            let of_camera = std::iter::from_fn(|| found.next_if(|file| file.name.camera == camera));
            files.update(of_camera, now);
            self.cameras.insert(camera, files);
        }
    }

    /// Remembers what a pass over a file has shown.
    pub(super) fn learn(&mut self, name: &Name, id: &RecordingId, learned: Learned) {
        if let Some(files) = self.cameras.get_mut(&name.camera) {
            files.learn(name.start, id, learned);
        }
    }

    /// Notes that a file has another state than the last walk saw.
    pub(super) fn restamp(&mut self, name: &Name, id: &RecordingId, stamp: Stamp, now: WallTime) {
        if let Some(files) = self.cameras.get_mut(&name.camera) {
            files.restamp(name.start, id, stamp, now);
        }
    }

    pub(super) fn contains(&self, camera: &CameraId) -> bool {
        self.cameras.contains_key(camera)
    }

    pub(super) fn cameras(&mut self) -> Vec<Camera> {
        let cameras = self.cameras.iter_mut().map(|(id, files)| {
            let placed = files.placed();
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

    pub(super) fn overlapping(&mut self, camera: &CameraId, range: TimeRange) -> Footage {
        let Some(files) = self.cameras.get_mut(camera) else { return Footage::default() };
        let unreadable = files.unreadable().filter(|unreadable| unreadable.span.overlaps(&range)).collect();
        let placed = files.placed();
        // Ends only rise.
        let first = placed.partition_point(|recording| recording.visible.end() <= range.start());
        let within =
            placed.iter().skip(first).take_while(|recording| recording.visible.start() < range.end());
        Footage { recordings: within.cloned().collect(), unreadable }
    }

    pub(super) fn nearest(&mut self, camera: &CameraId, range: TimeRange) -> Nearest {
        let Some(files) = self.cameras.get_mut(camera) else { return Nearest::default() };
        let spans = merge(files.placed().iter().map(|recording| recording.visible));
        Nearest {
            before: spans.iter().rfind(|span| span.end() <= range.start()).copied(),
            after: spans.iter().find(|span| span.start() >= range.end()).copied(),
        }
    }

    /// Files that should be read, the latest recordings first.
    pub(super) fn unread(&self, now: WallTime) -> Vec<RecordingKey> {
        let mut unread: Vec<_> = self.cameras.values().flat_map(|files| files.unread(now)).collect();
        unread.sort_by_key(|(start, _)| Reverse(*start));
        unread.into_iter().map(|(_, key)| key).collect()
    }

    /// All files and their states.
    pub(super) fn stamps(&self) -> impl Iterator<Item = (&str, Stamp)> {
        self.entries().map(|entry| (entry.id.as_str(), entry.stamp))
    }

    /// (all, unread, unreadable)
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let unread = self.entries().filter(|entry| entry.is_unread()).count();
        let unreadable = self.entries().filter(|entry| entry.failure().is_some()).count();
        (self.entries().count(), unread, unreadable)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.cameras.values().flat_map(Files::entries)
    }
}
