//! Tables of MP4 recordings: every segment of one begins with them, so those that were read last are kept.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use crate::domain::RecordingKey;
use crate::metrics::Metrics;

/// The tables that were used last.
#[derive(Clone, Default)]
pub struct Tables(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// The latest used last.
    entries: VecDeque<(RecordingKey, Bytes)>,
    bytes: usize,
}

/// Bytes of tables that are kept; those of an hour take one to three megabytes. Larger ones are read for every segment.
const BUDGET: usize = 32 << 20;

impl Tables {
    pub(super) fn get(&self, key: &RecordingKey, metrics: &Metrics) -> Option<Bytes> {
        let found = self.kept().take(key);
        let counter = if found.is_some() { &metrics.cache_hits } else { &metrics.cache_misses };
        counter.with_label_values(&[CACHE]).inc();
        let bytes = found?;
        self.kept().put(key.clone(), bytes.clone());
        Some(bytes)
    }

    pub(super) fn insert(&self, key: RecordingKey, bytes: Bytes, metrics: &Metrics) {
        let mut kept = self.kept();
        kept.take(&key);
        kept.put(key, bytes);
        while kept.bytes > BUDGET
            && let Some((_, bytes)) = kept.entries.pop_front()
        {
            kept.bytes -= bytes.len();
            metrics.cache_evictions.with_label_values(&[CACHE]).inc();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whoever panicked while holding it left whole entries.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Kept {
    fn take(&mut self, key: &RecordingKey) -> Option<Bytes> {
        let position = self.entries.iter().position(|(known, _)| known == key)?;
        let (_, bytes) = self.entries.remove(position)?;
        self.bytes -= bytes.len();
        Some(bytes)
    }

    fn put(&mut self, key: RecordingKey, bytes: Bytes) {
        self.bytes += bytes.len();
        self.entries.push_back((key, bytes));
    }
}

/// The label of the cache in the metrics.
const CACHE: &str = "tables";

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        f.debug_struct("Tables").field("entries", &kept.entries.len()).field("bytes", &kept.bytes).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{RecordingId, Version};

    fn key(id: &str) -> RecordingKey {
        let version = Version { size: 1, validator: "1".into(), growing: false };
        RecordingKey { id: RecordingId::from(id), object: id.into(), version }
    }

    #[test]
    fn what_was_used_last_is_kept_within_the_budget() {
        let (tables, metrics) = (Tables::default(), Metrics::new());
        let third = Bytes::from(vec![0; BUDGET / 3]);
        for id in ["a", "b", "c"] {
            tables.insert(key(id), third.clone(), &metrics);
        }
        assert!(tables.get(&key("a"), &metrics).is_some());
        tables.insert(key("d"), third.clone(), &metrics);
        let kept = ["a", "b", "c", "d"].map(|id| tables.get(&key(id), &metrics).is_some());
        assert_eq!(kept, [true, false, true, true]);
        tables.insert(key("large"), vec![0; BUDGET + 1].into(), &metrics);
        assert!(tables.get(&key("large"), &metrics).is_none());
        assert_eq!(tables.kept().bytes, 0);
    }
}
