//! What lies on the disk, in memory: which segments, how large, and which was not asked for the longest.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use crate::domain::WallTime;
use crate::playback::ports::SegmentKey;

/// Segments on the disk.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: HashMap<SegmentKey, Entry>,
    /// Keys in the order of their last use.
    order: BTreeMap<u64, SegmentKey>,
    bytes: u64,
    uses: u64,
}

/// A segment on the disk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Length of its file.
    pub(super) bytes: u64,
    /// A hash of the recording it was made of.
    pub(super) recording: u128,
    pub(super) written_at: WallTime,
    used: u64,
}

impl Entry {
    pub(super) fn new(bytes: u64, recording: u128, written_at: WallTime) -> Self {
        Self { bytes, recording, written_at, used: 0 }
    }
}

impl Index {
    /// As the one that was used last.
    pub(super) fn insert(&mut self, key: SegmentKey, entry: Entry) {
        self.remove(&key);
        self.uses += 1;
        self.bytes += entry.bytes;
        self.order.insert(self.uses, key);
        self.entries.insert(key, Entry { used: self.uses, ..entry });
    }

    /// Finds an entry, which is thereby used.
    pub(super) fn touch(&mut self, key: &SegmentKey) -> Option<Entry> {
        let entry = *self.entries.get(key)?;
        self.insert(*key, entry);
        Some(entry)
    }

    pub(super) fn contains(&self, key: &SegmentKey) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn remove(&mut self, key: &SegmentKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.used);
        self.bytes -= entry.bytes;
        Some(entry)
    }

    /// The one that was not asked for the longest.
    pub(super) fn pop_oldest(&mut self) -> Option<SegmentKey> {
        let key = *self.order.first_key_value()?.1;
        self.remove(&key);
        Some(key)
    }

    /// Takes out what `goes`.
    pub(super) fn take(&mut self, goes: impl Fn(&Entry) -> bool) -> Vec<SegmentKey> {
        let going = self.entries.iter().filter(|(_, entry)| goes(entry));
        let going: Vec<_> = going.map(|(key, _)| *key).collect();
        for key in &going {
            self.remove(key);
        }
        going
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What was asked for lately. Only what is asked for again is written: to play the whole archive once writes nothing.
#[derive(Debug, Default)]
pub(super) struct Asked {
    known: HashSet<SegmentKey>,
    order: VecDeque<SegmentKey>,
    again: HashSet<SegmentKey>,
}

/// Keys that are remembered: two megabytes of them, days of segments.
const REMEMBERED: usize = 1 << 15;

impl Asked {
    /// Notes a request.
    pub(super) fn note(&mut self, key: SegmentKey) {
        if !self.known.insert(key) {
            self.again.insert(key);
            return;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            self.again.remove(&oldest);
        }
    }

    /// Whether it was asked for more than once.
    pub(super) fn is_again(&self, key: &SegmentKey) -> bool {
        self.again.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};

    fn key(number: u32) -> SegmentKey {
        SegmentKey::new((u128::from(number) << 64).to_be_bytes())
    }

    #[test]
    fn what_was_not_used_the_longest_goes_first() {
        let now = SystemClock.now();
        let mut index = Index::default();
        (1..=3).for_each(|number| index.insert(key(number), Entry::new(10, u128::from(number), now)));
        assert!(index.touch(&key(1)).is_some());
        index.insert(key(3), Entry::new(5, 3, now));
        assert_eq!((index.bytes(), index.len()), (25, 3));
        assert_eq!(index.pop_oldest(), Some(key(2)));
        assert_eq!(index.take(|entry| entry.recording == 3), [key(3)]);
        assert_eq!(index.pop_oldest(), Some(key(1)));
        assert_eq!((index.bytes(), index.len()), (0, 0));
    }

    #[test]
    fn requests_are_remembered_up_to_a_limit() {
        let mut asked = Asked::default();
        asked.note(key(0));
        assert!(!asked.is_again(&key(0)));
        asked.note(key(0));
        assert!(asked.is_again(&key(0)));
        (1..=REMEMBERED as u32).for_each(|number| asked.note(key(number)));
        assert!(!asked.is_again(&key(0)));
        assert_eq!(asked.known.len(), REMEMBERED);
        assert!(asked.again.is_empty());
    }
}
