//! Media segments of fragmented MP4, taken apart into their fragments: those are the parts of low-latency HLS.
//!
//! Reads what the engine writes (ISO/IEC 14496-12 §8.8): the pictures in the first track of a fragment, at 90 kHz, with a
//! duration and flags for each sample.

use std::time::Duration;

use bytes::Bytes;

use super::media::Part;

/// The parts of a segment: each a `moof` with its `mdat`, the first one with what comes before it.
pub(super) fn parts(segment: &Bytes) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let (mut begin, mut at, mut measured) = (0, 0, None);
    while at < segment.len() {
        let (kind, content, end) = next_box(segment, at)?;
        match &kind {
            b"moof" => measured = Some(measure(&segment[content..end])?),
            b"mdat" => {
                let (duration, is_independent) = measured.take()?;
                parts.push(Part { duration, bytes: segment.slice(begin..end), is_independent });
                begin = end;
            }
            _ => {}
        }
        at = end;
    }
    (begin == segment.len()).then_some(parts)
}

/// Kind, where the content begins, and where the box ends.
fn next_box(bytes: &[u8], at: usize) -> Option<([u8; 4], usize, usize)> {
    let end = at.checked_add(number(bytes, at)? as usize)?;
    let kind = bytes.get(at + 4..at + 8)?.try_into().ok()?;
    (end >= at + 8 && end <= bytes.len()).then_some((kind, at + 8, end))
}

fn find<'a>(bytes: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    let mut at = 0;
    while at < bytes.len() {
        let (kind, content, end) = next_box(bytes, at)?;
        if kind == *wanted {
            return bytes.get(content..end);
        }
        at = end;
    }
    None
}

/// How long the pictures of a `moof` are shown, and whether the first of them is a sync sample.
fn measure(moof: &[u8]) -> Option<(Duration, bool)> {
    let trun = find(find(moof, b"traf")?, b"trun")?;
    (number(trun, 0)? & 0x00ff_ffff == EVERYTHING).then_some(())?;
    let samples = || (0..number(trun, 4).unwrap_or(0) as usize).map(|sample| 12 + 16 * sample);
    let ticks: Option<u64> = samples().map(|at| number(trun, at).map(u64::from)).sum();
    let is_independent = samples().next().and_then(|at| number(trun, at + 8))? & NOT_SYNC == 0;
    Some((Duration::from_nanos(ticks? * 100_000 / 9), is_independent))
}

/// Flags of a `trun` of pictures: where the data is; of each sample duration, size, flags and offset.
const EVERYTHING: u32 = 0x0f01;

/// sample_is_non_sync_sample
const NOT_SYNC: u32 = 0x1_0000;

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
