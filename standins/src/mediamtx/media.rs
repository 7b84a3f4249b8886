//! What is played live, round and round, and what of it is there when.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use remux::time::Ticks;
use remux::{Index, Indexer, Output, Packaging, Remuxer};

use super::fragments;

/// Segments that are played live, round and round.
#[derive(Debug, Clone)]
pub struct LiveMedia {
    /// Of fragmented MP4: the initialization segment. Without one the segments are transport streams.
    init: Option<Bytes>,
    segments: Vec<Vec<Part>>,
    /// When each part of a round is over, and which segment it belongs to.
    ends: Vec<(Duration, usize)>,
}

/// A piece of a segment that can be had before the segment is over.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) duration: Duration,
    pub(super) bytes: Bytes,
    /// Whether it begins with a picture that needs no other.
    pub(super) is_independent: bool,
}

impl LiveMedia {
    /// Whole segments of a transport stream: how long each plays, and its bytes.
    pub fn of_segments(segments: Vec<(Duration, Bytes)>) -> Self {
        let whole = |(duration, bytes)| vec![Part { duration, bytes, is_independent: true }];
        Self::new(None, segments.into_iter().map(whole).collect())
    }

    /// A recording as low-latency HLS: segments of about `target` in fragmented MP4, as the engine makes them, and each
    /// of their fragments a part.
    ///
    /// # Errors
    /// Where the recording cannot be played, in words.
    pub fn low_latency(recording: &Bytes, target: Duration) -> Result<Self, String> {
        let index = index_of(recording).map_err(|error| error.to_string())?;
        let layout = &index.runs.first().ok_or("it has no pictures")?.layout;
        let init = layout.initialization().map_err(|error| error.to_string())?;
        let segments = segments(recording, &index, target).map_err(|error| error.to_string())?;
        let parts: Option<Vec<_>> = segments.iter().map(fragments::parts).collect();
        Ok(Self::new(Some(init), parts.ok_or("its segments cannot be taken apart")?))
    }

    fn new(init: Option<Bytes>, segments: Vec<Vec<Part>>) -> Self {
        let mut end = Duration::ZERO;
        let numbered = segments.iter().enumerate();
        let parts =
            numbered.flat_map(|(number, parts)| parts.iter().map(move |part| (part.duration, number)));
        let ends = parts.map(|(duration, number)| {
            end += duration;
            (end, number)
        });
        let ends: Vec<_> = ends.collect();
        assert!(!end.is_zero(), "there is something to play");
        Self { init, segments, ends }
    }

    pub(super) fn init(&self) -> Option<&Bytes> {
        self.init.as_ref()
    }

    pub(super) fn is_low_latency(&self) -> bool {
        self.segments.iter().any(|parts| parts.len() > 1)
    }

    /// The longest part.
    pub(super) fn part_target(&self) -> Duration {
        self.segments.iter().flatten().map(|part| part.duration).max().unwrap_or_default()
    }

    /// The longest segment.
    pub(super) fn target(&self) -> Duration {
        (0..self.segments.len() as u64).map(|segment| self.duration(segment)).max().unwrap_or_default()
    }

    /// Whether a round begins with it.
    pub(super) fn begins_round(&self, segment: u64) -> bool {
        self.place(segment) == 0
    }

    /// How many rounds began with `segment` or before it, the first one not counted.
    pub(super) fn rounds(&self, segment: u64) -> u64 {
        segment / self.segments.len() as u64
    }

    pub(super) fn parts(&self, segment: u64) -> &[Part] {
        &self.segments[self.place(segment)]
    }

    pub(super) fn duration(&self, segment: u64) -> Duration {
        self.parts(segment).iter().map(|part| part.duration).sum()
    }

    pub(super) fn bytes(&self, segment: u64) -> Bytes {
        let pieces: Vec<&[u8]> = self.parts(segment).iter().map(|part| &*part.bytes).collect();
        pieces.concat().into()
    }

    fn place(&self, segment: u64) -> usize {
        (segment % self.segments.len() as u64) as usize
    }

    fn round(&self) -> Duration {
        self.ends.last().map_or(Duration::ZERO, |(end, _)| *end)
    }

    /// How many segments are over after so long, and how many parts of the next one.
    pub(super) fn over_after(&self, elapsed: Duration) -> (u64, usize) {
        let rounds = (elapsed.as_nanos() / self.round().as_nanos()) as u64;
        let left = Duration::from_nanos((elapsed.as_nanos() % self.round().as_nanos()) as u64);
        let part = self.ends.partition_point(|(end, _)| *end <= left);
        let segment = self.ends[part].1;
        let parts = part - self.ends.partition_point(|(_, of)| *of < segment);
        (rounds * self.segments.len() as u64 + segment as u64, parts)
    }

    /// After how long so many parts of `segment` are over.
    pub(super) fn end_of(&self, segment: u64, parts: usize) -> Duration {
        let before = self.ends.partition_point(|(_, of)| *of < self.place(segment));
        let end = (before + parts).checked_sub(1).map_or(Duration::ZERO, |last| self.ends[last].0);
        self.round() * u32::try_from(self.rounds(segment)).unwrap_or(u32::MAX) + end
    }
}

fn index_of(recording: &[u8]) -> Result<Index, remux::Error> {
    let mut indexer = Indexer::with_size(recording.len() as u64);
    indexer.push(recording);
    indexer.finish()
}

/// The segments of a transport stream's first run.
fn segments(recording: &Bytes, index: &Index, target: Duration) -> Result<Vec<Bytes>, remux::Error> {
    let layout = Arc::new(index.runs[0].layout.clone());
    let cuts = index.cuts(Ticks::from_millis(target.as_millis() as i64)).cuts;
    let made = cuts.iter().filter(|cut| cut.run == 0).map(|cut| {
        let mut remuxer = Remuxer::segment(Arc::clone(&layout), cut, Packaging::FragmentedMp4);
        let bytes = recording.slice(cut.bytes.start as usize..cut.bytes.end as usize);
        remuxer.push(cut.bytes.start, bytes)?;
        remuxer.finish()?;
        let mut segment = Vec::new();
        while let Some(output) = remuxer.poll() {
            if let Output::Bytes(bytes) = output {
                segment.extend_from_slice(&bytes);
            }
        }
        Ok(segment.into())
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Two segments: one of two parts, one of three.
    fn media() -> LiveMedia {
        let part = |seconds| Part { duration: SECOND * seconds, bytes: Bytes::new(), is_independent: false };
        LiveMedia::new(None, vec![vec![part(1), part(2)], vec![part(1), part(1), part(3)]])
    }

    #[test]
    fn parts_are_there_when_they_are_over() {
        let media = media();
        for (seconds, over) in [
            (0, (0, 0)),
            (1, (0, 1)),
            (2, (0, 1)),
            (3, (1, 0)),
            (5, (1, 2)),
            (7, (1, 2)),
            (8, (2, 0)),
            (12, (3, 1)),
        ] {
            assert_eq!(media.over_after(SECOND * seconds), over, "{seconds}");
            let (segment, parts) = over;
            assert!(media.end_of(segment, parts) <= SECOND * seconds);
            assert!(media.end_of(segment, parts + 1) > SECOND * seconds);
        }
        assert_eq!((media.target(), media.part_target()), (SECOND * 5, SECOND * 3));
        assert!(media.begins_round(4) && !media.begins_round(3) && media.rounds(5) == 2);
    }

    #[test]
    fn a_recording_has_parts_of_a_second_that_are_its_segments() {
        let sample = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts"
        );
        let sample = std::fs::read(sample).unwrap();
        let media = LiveMedia::low_latency(&sample.into(), SECOND * 6).unwrap();
        assert!(media.init().is_some() && media.is_low_latency());
        assert_eq!((media.segments.len(), media.round().as_secs()), (10, 60));
        assert!(media.part_target() <= Duration::from_millis(1100), "{:?}", media.part_target());
        for (number, parts) in media.segments.iter().enumerate() {
            assert!(parts.len() >= 6 && parts[0].is_independent, "{number}");
            assert!(parts.iter().any(|part| !part.is_independent), "GOPs have two seconds");
        }
    }
}
