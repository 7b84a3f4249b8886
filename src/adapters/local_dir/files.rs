//! The files of one camera: what was learned of them, which is still being written, and where that places them in time.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use remux::time::Ticks;

use super::root::Stamp;
use super::scan::Found;
use crate::domain::{
    Extent, Facts, Length, Named, Place, Recording, RecordingId, RecordingKey, TimeRange, Unreadable,
    Version, WallTime, later, place, ticks_between,
};

/// The files of a camera.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// By start, then by id.
    entries: Vec<Entry>,
    /// Where they lie in time, until something changes.
    placed: Option<Vec<Arc<Recording>>>,
    /// What most of its recordings contain, so that they share it.
    facts: Option<Arc<Facts>>,
}

/// A file.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: RecordingId,
    pub(super) start: WallTime,
    pub(super) stamp: Stamp,
    /// It had been written to a moment before it was looked at.
    fresh: bool,
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

/// What of a file can be played, before it is placed.
struct Playable {
    key: RecordingKey,
    extent: Option<Arc<Extent>>,
}

/// A file that is still being written is read again after this long, or after it has cost this many times as much time
/// not to read it as to read it.
const REREAD_AFTER: TimeDelta = TimeDelta::seconds(10);
const REREAD_COSTS: u32 = 20;

/// A file that could not be read is tried again after this long.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(60);

/// No recording has fewer bytes per second: 64 kbit/s.
const FEWEST_BYTES: u64 = 8000;

impl Files {
    /// All files, by start, then by id.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Takes over what a walk has found, in the same order; keeps what was learned of files that are still there.
    pub(super) fn update(&mut self, found: impl Iterator<Item = Found>, now: WallTime) {
        let mut before = std::mem::take(&mut self.entries).into_iter().peekable();
        let mut changed = false;
        for file in found {
            let comes_before = |old: &Entry| (old.start, old.id.as_str()) < (file.name.start, &*file.path);
            while before.next_if(comes_before).is_some() {
                changed = true;
            }
            let known = before.next_if(|old| old.id.as_str() == &*file.path);
            let entry = Entry::new(file, now);
            changed |= known.as_ref().is_none_or(|known| !known.looks_like(&entry));
            self.entries.push(Entry { learned: known.and_then(|known| known.learned), ..entry });
        }
        if changed || before.next().is_some() {
            self.placed = None;
        }
    }

    /// Remembers what a pass over a file has shown.
    pub(super) fn learn(&mut self, start: WallTime, id: &RecordingId, mut learned: Learned) {
        if let Ok(extents) = &mut learned.found {
            extents.closed = self.share(&extents.closed);
            extents.open = extents.open.as_ref().map(|open| self.share(open));
        }
        let entry = self.entry(start, id).filter(|entry| entry.is_news(&learned));
        if let Some(entry) = entry {
            entry.learned = Some(learned);
            self.placed = None;
        }
    }

    /// Notes that a file has another state than the last walk saw.
    pub(super) fn restamp(&mut self, start: WallTime, id: &RecordingId, stamp: Stamp, now: WallTime) {
        if let Some(entry) = self.entry(start, id) {
            (entry.stamp, entry.fresh) = (stamp, stamp.is_fresh(now));
            self.placed = None;
        }
    }

    /// The recordings on the wall clock, in order.
    pub(super) fn placed(&mut self) -> &[Arc<Recording>] {
        let placed = self.placed.take().unwrap_or_else(|| self.place());
        self.placed.insert(placed)
    }

    /// What cannot be played.
    pub(super) fn unreadable(&self) -> impl Iterator<Item = Unreadable> + '_ {
        self.entries.iter().enumerate().filter_map(|(position, entry)| {
            let detail = entry.failure().filter(|_| self.playable(position).is_none())?;
            let span = TimeRange::new(entry.start, later(entry.start, self.estimate(position))).ok()?;
            Some(Unreadable { id: entry.id.clone(), span, detail: Arc::clone(detail) })
        })
    }

    /// Files that should be read.
    pub(super) fn unread(&self, now: WallTime) -> impl Iterator<Item = (WallTime, RecordingKey)> + '_ {
        let entries = self.entries.iter().enumerate().filter(move |(_, entry)| entry.is_worth_reading(now));
        entries.map(|(position, entry)| (entry.start, entry.key(entry.stamp, self.is_growing(position))))
    }

    fn entry(&mut self, start: WallTime, id: &RecordingId) -> Option<&mut Entry> {
        let place = self.entries.binary_search_by(|entry| (entry.start, &entry.id).cmp(&(start, id))).ok()?;
        self.entries.get_mut(place)
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
    fn is_growing(&self, position: usize) -> bool {
        position + 1 == self.entries.len() && self.entries.get(position).is_some_and(|entry| entry.fresh)
    }

    fn place(&self) -> Vec<Arc<Recording>> {
        let playable = (0..self.entries.len()).filter_map(|position| self.playable(position));
        let (playable, named): (Vec<_>, Vec<Named>) = playable.unzip();
        let placed = playable.into_iter().zip(place(&named));
        let recordings = placed.filter_map(|(Playable { key, extent }, place)| {
            let Place { zero, visible } = place?;
            Some(Arc::new(Recording { key, zero, visible, extent }))
        });
        recordings.collect()
    }

    /// A file that can be played, or that nobody has read yet.
    fn playable(&self, position: usize) -> Option<(Playable, Named)> {
        let entry = self.entries.get(position).filter(|entry| entry.refused.is_none())?;
        let growing = self.is_growing(position);
        // Of a file that grows what was there a while ago is good enough.
        let learned = entry.learned.as_ref().filter(|learned| growing || learned.stamp == entry.stamp);
        let (stamp, extent, length) = match learned {
            Some(learned) => {
                let extents = learned.found.as_ref().ok()?;
                let extent = if growing { extents.open.as_ref()? } else { &extents.closed };
                let length = Length::Known { duration: extent.duration(), gop: extent.gop };
                (learned.stamp, Some(Arc::clone(extent)), length)
            }
            None => (entry.stamp, None, Length::Estimated(self.estimate(position))),
        };
        let playable = Playable { key: entry.key(stamp, growing), extent };
        Some((playable, Named { start: entry.start, length }))
    }

    /// Up to the next recording, or to when the file was last written, or what its size allows.
    fn estimate(&self, position: usize) -> Ticks {
        let Some(entry) = self.entries.get(position) else { return Ticks::ZERO };
        let until_written = ticks_between(entry.start, entry.stamp.modified_at());
        let next = self.entries.iter().skip(position).find(|next| next.start > entry.start);
        let until_next = next.map(|next| ticks_between(entry.start, next.start));
        let seconds = (entry.stamp.size / FEWEST_BYTES).clamp(1, 24 * 3600);
        let by_size = Ticks::from_millis(1000 * i64::try_from(seconds).unwrap_or(1));
        let bounds = [Some(until_written), until_next].into_iter().flatten();
        bounds.filter(|&length| length > Ticks::ZERO).fold(by_size, Ticks::min)
    }
}

impl Entry {
    fn new(file: Found, now: WallTime) -> Self {
        let refused = file.refused().map(Arc::from);
        let stamp = file.stamp.unwrap_or(Stamp { size: 0, modified: 0 });
        Self {
            id: RecordingId::from(&*file.path),
            start: file.name.start,
            stamp,
            fresh: stamp.is_fresh(now),
            refused,
            learned: None,
        }
    }

    pub(super) fn is_unread(&self) -> bool {
        self.learned.is_none() && self.refused.is_none()
    }

    pub(super) fn failure(&self) -> Option<&Arc<str>> {
        let failure = || Some(&self.learned.as_ref()?.found.as_ref().err()?.detail);
        self.refused.as_ref().or_else(failure)
    }

    /// A session may have had an earlier state of the file read again.
    fn is_news(&self, learned: &Learned) -> bool {
        let known = self.learned.as_ref().map(|known| known.stamp.modified);
        learned.stamp == self.stamp || known.is_none_or(|known| known <= learned.stamp.modified)
    }

    fn looks_like(&self, other: &Self) -> bool {
        (self.stamp, self.fresh, &self.refused) == (other.stamp, other.fresh, &other.refused)
    }

    fn key(&self, stamp: Stamp, growing: bool) -> RecordingKey {
        let version = Version { size: stamp.size, validator: stamp.validator(), growing };
        RecordingKey { id: self.id.clone(), object: self.id.clone().into(), version }
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
            _ if self.fresh => {
                let costs = TimeDelta::from_std(learned.cost.saturating_mul(REREAD_COSTS));
                age >= REREAD_AFTER.max(costs.unwrap_or(REREAD_AFTER))
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Name;
    use crate::domain::{Carriage, RunExtent};

    const NOW: i64 = 1_800_000_000;

    fn second(second: i64) -> WallTime {
        chrono::DateTime::from_timestamp(second, 0).unwrap()
    }

    /// A file of a camera by its name, as a walk finds it; so many bytes, last written so many seconds before now.
    fn found(name: &str, size: u64, age: i64) -> Found {
        let path = format!("cam/{name}.ts");
        let stamp = Stamp { size, modified: i128::from(NOW - age) * 1_000_000_000 };
        Found { name: Name::parse(&path, chrono_tz::UTC).unwrap(), path: path.into(), stamp: Ok(stamp) }
    }

    fn files(found: Vec<Found>) -> Files {
        let mut files = Files::default();
        files.update(found.into_iter(), second(NOW));
        files
    }

    /// What a pass over entry `position` in its present state has found: so many seconds.
    fn learn(files: &mut Files, position: usize, at: i64, seconds: i64) {
        let extent = |seconds| {
            let duration = Ticks::from_millis(1000 * seconds);
            Arc::new(Extent {
                runs: vec![RunExtent { duration, cuts: 1, carriage: Carriage::Any }],
                gop: Ticks::from_millis(2000),
                facts: Arc::default(),
                damages: Vec::new(),
                grid: None,
            })
        };
        let (start, id, stamp) = {
            let entry = &files.entries()[position];
            (entry.start, entry.id.clone(), entry.stamp)
        };
        let found = Ok(Extents { closed: extent(seconds), open: Some(extent(seconds - 2)) });
        files.learn(start, &id, Learned { stamp, at: second(at), cost: Duration::from_millis(100), found });
    }

    fn seconds(files: &mut Files) -> Vec<(f64, bool, bool)> {
        let of = |recording: &Arc<Recording>| {
            let visible = recording.visible.duration().as_seconds();
            (visible, recording.extent.is_some(), recording.key.version.growing)
        };
        files.placed().iter().map(of).collect()
    }

    #[test]
    fn an_unread_file_is_as_long_as_the_next_one_allows_or_its_size() {
        let mut files = files(vec![
            found("2026-03-14-10-00-00", 1 << 30, 100),
            found("2026-03-14-10-01-00", 80_000, 100),
            found("2026-03-14-12-00-00", 1 << 40, 100),
        ]);
        let lengths: Vec<f64> = seconds(&mut files).iter().map(|(length, ..)| *length).collect();
        assert_eq!(lengths, [60.0, 10.0, 24.0 * 3600.0]);
    }

    #[test]
    fn only_the_last_file_can_be_one_that_is_still_written() {
        let fresh = || vec![found("2026-03-14-10-00-00", 1000, 1), found("2026-03-14-10-01-00", 1000, 1)];
        let mut files = files(fresh());
        learn(&mut files, 0, NOW, 60);
        learn(&mut files, 1, NOW, 30);
        assert_eq!(seconds(&mut files), [(60.0, true, false), (28.0, true, true)]);
        // Nobody has written to it for a while: it is whole.
        files.update(fresh().into_iter(), second(NOW + 5));
        assert_eq!(seconds(&mut files), [(60.0, true, false), (30.0, true, false)]);
        assert_eq!(files.unread(second(NOW + 5)).count(), 0);
    }

    #[test]
    fn a_file_that_grows_is_read_again_now_and_then_and_once_it_is_whole() {
        let name = "2026-03-14-10-00-00";
        let mut files = files(vec![found(name, 1000, 0)]);
        learn(&mut files, 0, NOW, 30);
        files.update([found(name, 2000, -4)].into_iter(), second(NOW + 4));
        assert_eq!(files.unread(second(NOW + 4)).count(), 0);
        assert_eq!(seconds(&mut files), [(28.0, true, true)], "what was there a while ago is good enough");
        files.update([found(name, 5000, -10)].into_iter(), second(NOW + 10));
        assert_eq!(files.unread(second(NOW + 10)).count(), 1);
        learn(&mut files, 0, NOW + 10, 40);
        files.update([found(name, 6000, -12)].into_iter(), second(NOW + 18));
        assert_eq!(files.unread(second(NOW + 18)).count(), 1, "it is whole, and the end is not known yet");
        assert!(!seconds(&mut files)[0].1);
    }

    #[test]
    fn what_is_learned_of_an_earlier_state_comes_too_late() {
        let name = "2026-03-14-10-00-00";
        let mut files = files(vec![found(name, 1000, 0)]);
        learn(&mut files, 0, NOW, 30);
        let early = files.entries()[0].learned.clone().unwrap();
        files.update([found(name, 2000, -4)].into_iter(), second(NOW + 4));
        learn(&mut files, 0, NOW + 4, 34);
        let (start, id) = (files.entries()[0].start, files.entries()[0].id.clone());
        files.learn(start, &id, early);
        assert_eq!(seconds(&mut files), [(32.0, true, true)]);
    }

    #[test]
    fn walks_keep_what_is_there_and_drop_what_is_gone() {
        let names = ["2026-03-14-10-00-00", "2026-03-14-10-01-00", "2026-03-14-10-02-00"];
        let mut files = files(names.map(|name| found(name, 1000, 100)).into());
        (0..3).for_each(|position| learn(&mut files, position, NOW, 60));
        files.update([found(names[0], 1000, 100), found(names[2], 999, 50)].into_iter(), second(NOW));
        let learned: Vec<(&str, bool)> =
            files.entries().iter().map(|entry| (entry.id.as_str(), entry.learned.is_some())).collect();
        assert_eq!(learned, [("cam/2026-03-14-10-00-00.ts", true), ("cam/2026-03-14-10-02-00.ts", true)]);
        assert_eq!(files.unread(second(NOW)).count(), 1, "the one that changed");
    }
}
