//! Segments in memory. Who comes in is decided by how often it was asked for lately (TinyLFU): somebody who plays a whole day
//! once does not push out what many are watching.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use moka::notification::RemovalCause;
use moka::sync::Cache;

use crate::domain::RecordingKey;
use crate::metrics::Metrics;
use crate::playback::ports::{Finished, SegmentKey, Tier};

/// The tier in memory; nothing, where it has no bytes.
#[derive(Debug)]
pub(super) struct MemoryTier {
    segments: Option<Cache<SegmentKey, Arc<Finished>>>,
    limit: u64,
    metrics: Arc<Metrics>,
}

/// The label of the tier in the metrics.
const TIER: &str = "segment_memory";

impl MemoryTier {
    pub(super) fn new(limit: u64, metrics: Arc<Metrics>) -> Self {
        Self { segments: (limit > 0).then(|| cache(limit, &metrics)), limit, metrics }
    }

    pub(super) fn get(&self, key: &SegmentKey) -> Option<Arc<Finished>> {
        let found = self.segments.as_ref()?.get(key);
        let counter = if found.is_some() { &self.metrics.cache_hits } else { &self.metrics.cache_misses };
        counter.with_label_values(&[TIER]).inc();
        found
    }

    pub(super) fn holds(&self, key: &SegmentKey) -> bool {
        self.segments.as_ref().is_some_and(|segments| segments.contains_key(key))
    }

    pub(super) fn offer(&self, key: SegmentKey, segment: &Arc<Finished>) {
        let Some(segments) = &self.segments else { return };
        segments.insert(key, compact(segment));
        self.settle();
    }

    pub(super) fn forget(&self, recording: &RecordingKey) {
        let Some(segments) = &self.segments else { return };
        for (key, segment) in segments {
            if segment.recording == *recording {
                segments.invalidate(&*key);
            }
        }
        self.settle();
    }

    /// Segments are few and large: what moka puts off would be hundreds of megabytes too many.
    fn settle(&self) {
        let Some(segments) = &self.segments else { return };
        segments.run_pending_tasks();
        let bytes = i64::try_from(segments.weighted_size()).unwrap_or(i64::MAX);
        self.metrics.cache_bytes.with_label_values(&[TIER]).set(bytes);
    }

    pub(super) fn tier(&self) -> Tier {
        let counts = self.metrics.of_cache(TIER);
        let (entries, bytes) =
            self.segments.as_ref().map_or((0, 0), |all| (all.entry_count(), all.weighted_size()));
        Tier {
            name: TIER,
            off: self.segments.is_none().then(|| "CACHE_MEMORY_BYTES is 0".to_owned()),
            entries,
            bytes,
            limit: self.limit,
            hits: counts.hits,
            misses: counts.misses,
            evictions: counts.evictions,
        }
    }
}

fn cache(limit: u64, metrics: &Metrics) -> Cache<SegmentKey, Arc<Finished>> {
    let evictions = metrics.cache_evictions.with_label_values(&[TIER]);
    Cache::builder()
        .weigher(|_, segment: &Arc<Finished>| u32::try_from(segment.len() + ENTRY).unwrap_or(u32::MAX))
        .max_capacity(limit)
        .eviction_listener(move |_, _, cause| {
            if cause == RemovalCause::Size {
                evictions.inc();
            }
        })
        .build()
}

/// What an entry takes besides its bytes, roughly.
const ENTRY: u64 = 1024;

/// The same bytes, joined where frames are small: a small one may be all that is left of a buffer many times its size.
fn compact(segment: &Arc<Finished>) -> Arc<Finished> {
    if segment.len() >= FRAME * segment.frames.len() as u64 {
        return Arc::clone(segment);
    }
    let mut joined = BytesMut::with_capacity(usize::try_from(segment.len()).unwrap_or(0));
    segment.frames.iter().for_each(|frame| joined.extend_from_slice(frame));
    let joined: Bytes = joined.freeze();
    Arc::new(Finished { frames: vec![joined], ..Finished::clone(segment) })
}

/// Frames are joined where they have fewer bytes on the average.
const FRAME: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Origin, RecordingId, Version};

    fn key(number: u64) -> SegmentKey {
        let mut hash = [0; 16];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        SegmentKey::new(hash)
    }

    fn segment(id: &str, length: usize) -> Arc<Finished> {
        let version = Version { size: 1, validator: "1".into(), growing: false };
        Arc::new(Finished {
            recording: RecordingKey { id: RecordingId::from(id), object: id.into(), version },
            origin: Origin { size: 1, validator: Some("1".into()) },
            frames: vec![vec![7; length].into()],
        })
    }

    const LENGTH: usize = 100_000;

    fn tier(segments: u64) -> MemoryTier {
        MemoryTier::new(segments * (LENGTH as u64 + ENTRY), Arc::new(Metrics::new()))
    }

    /// What playing it does.
    fn play(tier: &MemoryTier, number: u64) -> bool {
        let hit = tier.get(&key(number)).is_some();
        if !hit {
            tier.offer(key(number), &segment("cam", LENGTH));
        }
        hit
    }

    #[test]
    fn a_scan_does_not_push_out_what_is_watched() {
        let tier = tier(20);
        for _ in 0..4 {
            for number in 0..10 {
                play(&tier, number);
            }
        }
        for number in 1000..1300 {
            play(&tier, number);
        }
        let kept = (0..10).filter(|&number| tier.get(&key(number)).is_some()).count();
        // How often is counted approximately. Of the last ones used the scan would leave none.
        assert!(kept >= 5, "{kept} of 10 watched segments survived a scan of 300");
        assert!(tier.tier().bytes <= tier.limit);
        assert!(tier.tier().evictions > 0);
    }

    #[test]
    fn it_is_never_larger_than_it_may_be() {
        let tier = tier(4);
        for number in 0..200 {
            play(&tier, number);
            assert!(tier.tier().bytes <= tier.limit);
        }
        tier.offer(key(999), &segment("cam", 5 * LENGTH));
        assert!(tier.get(&key(999)).is_none());
    }

    #[test]
    fn a_recording_is_forgotten_with_all_its_segments() {
        let tier = tier(10);
        for (number, id) in [(1, "a"), (2, "b"), (3, "a")] {
            tier.offer(key(number), &segment(id, LENGTH));
        }
        tier.forget(&segment("a", 0).recording);
        assert_eq!([1, 2, 3].map(|number| tier.get(&key(number)).is_some()), [false, true, false]);
        assert_eq!(tier.tier().entries, 1);
    }

    #[test]
    fn small_frames_are_joined() {
        let frames = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
        let small = Arc::new(Finished { frames, ..Finished::clone(&segment("a", 0)) });
        assert_eq!(compact(&small).frames, [Bytes::from_static(b"abc")]);
    }
}
