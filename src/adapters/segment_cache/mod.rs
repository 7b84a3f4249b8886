//! Finished segments, in memory and on a disk: what is asked for often is at hand, what is asked for again is near.

mod disk;
mod file;
mod index;
mod memory;

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

pub use self::disk::DiskSettings;
use self::disk::DiskTier;
use self::memory::MemoryTier;
use crate::clock::Clock;
use crate::domain::RecordingKey;
use crate::metrics::Metrics;
use crate::playback::ports::{Finished, SegmentCache, SegmentKey, StoredSegment, Tier};

/// How much is kept where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes of memory; 0 for none.
    pub memory_bytes: u64,
    /// The disk.
    pub disk: DiskSettings,
}

/// Keeps finished segments.
#[derive(Debug)]
pub struct SegmentTiers {
    memory: MemoryTier,
    disk: DiskTier,
}

impl SegmentTiers {
    /// An empty memory, and what the disk has kept.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: &Arc<Metrics>) -> Self {
        Self {
            memory: MemoryTier::new(settings.memory_bytes, Arc::clone(metrics)),
            disk: DiskTier::new(settings.disk, clock, Arc::clone(metrics)),
        }
    }
}

impl SegmentCache for SegmentTiers {
    fn at_hand(&self, key: &SegmentKey) -> Option<Arc<Finished>> {
        self.disk.on_asked(key);
        let found = self.memory.get(key)?;
        // Asked for again: worth to outlive the memory, if it is not on the disk yet.
        self.disk.offer(*key, &found);
        Some(found)
    }

    fn holds(&self, key: &SegmentKey) -> bool {
        self.memory.holds(key)
    }

    fn fetch<'a>(&'a self, key: &'a SegmentKey) -> BoxFuture<'a, Option<StoredSegment>> {
        self.disk.fetch(key).boxed()
    }

    fn offer(&self, key: SegmentKey, segment: Arc<Finished>) {
        self.disk.offer(key, &segment);
        self.memory.offer(key, &segment);
    }

    fn forget(&self, recording: &RecordingKey) {
        self.memory.forget(recording);
        self.disk.forget(recording);
    }

    fn tiers(&self) -> Vec<Tier> {
        vec![self.memory.tier(), self.disk.tier()]
    }
}
