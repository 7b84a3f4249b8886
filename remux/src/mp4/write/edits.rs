//! Which part of a track is played, and when (ISO/IEC 14496-12 §8.6.5, §8.6.6): a file begins with its first picture.

use super::boxes::BoxWriter;
use super::track::{Track, VIDEO_TIMESCALE};
use crate::time::{MediaTime, Ticks};

/// From when to when a track has something to show, in units of its clock but for `shown`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// When its first sample is shown, on the clock of the source.
    pub(super) shown: MediaTime,
    /// Decode time of its first sample, which is 0 in the file.
    pub(super) begin: i64,
    /// composition_offset of its first sample.
    pub(super) first_offset: i32,
    /// Decode time and composition time of its last sample so far.
    pub(super) last: (i64, i64),
    /// Decode time and composition time at which it ends, but for the last sample.
    pub(super) end: (i64, i64),
}

/// The edits of a track (§8.6.6): nothing until it begins, then all of it that is not before the movie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edits {
    /// In units of the movie.
    empty: u64,
    /// In units of the movie.
    duration: u64,
    /// Where in the track it begins, in units of the track.
    media_time: u64,
}

impl Edits {
    pub(super) fn of(extent: &Extent, track: &Track, zero: MediaTime) -> Self {
        let delay = extent.shown - zero;
        let skipped = track.units(MediaTime::from_ticks(0) + Ticks::new((-delay).get().max(0)));
        let media_time = i64::from(extent.first_offset).saturating_add(skipped).max(0);
        let shown = extent.end.1.saturating_sub(extent.begin).saturating_sub(media_time).max(1);
        let duration = i128::from(shown) * i128::from(VIDEO_TIMESCALE) / i128::from(track.timescale);
        Self {
            empty: delay.get().max(0) as u64,
            duration: u64::try_from(duration).unwrap_or(u64::MAX / 4),
            media_time: media_time as u64,
        }
    }

    pub(super) fn total(&self) -> u64 {
        self.empty.saturating_add(self.duration)
    }

    /// EditBox and EditListBox (§8.6.5, §8.6.6).
    pub(super) fn write(&self, boxes: &mut BoxWriter) {
        let rate_one = 0x1_0000;
        boxes.nested(b"edts", |boxes| {
            boxes.full(b"elst", 1, 0, |boxes| {
                boxes.u32(1 + u32::from(self.empty > 0));
                if self.empty > 0 {
                    boxes.u64(self.empty);
                    boxes.u64(u64::MAX); // media_time -1: nothing is shown
                    boxes.u32(rate_one);
                }
                boxes.u64(self.duration);
                boxes.u64(self.media_time);
                boxes.u32(rate_one);
            });
        });
    }
}
