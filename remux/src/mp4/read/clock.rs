//! From the units of a track to media time: timescales and edit lists (ISO/IEC 14496-12 §8.4.2, §8.6.6).

use crate::mp4::boxes::Node;
use crate::time::MediaTime;
use crate::timeline::Times;

/// The clock of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrackClock {
    /// Units of the track in a second, not 0.
    pub(crate) timescale: u32,
    /// Units of the movie in a second, not 0.
    pub(crate) movie_timescale: u32,
    /// What the edit list says.
    pub(crate) edit: Edit,
    /// How much earlier samples are decoded than the tables say, so that none is shown before it is decoded.
    pub(crate) overtaking: i64,
}

/// Where a track begins: what is left of an edit list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Edit {
    /// Units of the movie before the track's first sample is shown.
    pub(crate) empty: u64,
    /// Unit of the track that is shown first.
    pub(crate) media_time: i64,
    /// Whether there are edits that are not applied.
    pub(crate) has_more: bool,
}

impl Edit {
    /// Reads an `edts` box: one leading empty edit, and the first that is none.
    pub(crate) fn new(edts: &Node) -> Self {
        edts.child(b"elst").and_then(|elst| Self::parse(&elst)).unwrap_or_default()
    }

    fn parse(elst: &Node) -> Option<Self> {
        let (version, _, mut fields) = elst.full()?;
        let is_wide = version == 1;
        let mut edit = Self::default();
        let mut media_time = None;
        for number in 0..fields.u32()? {
            let (Some(duration), Some(time)) = (fields.uint(is_wide), fields.uint(is_wide)) else { break };
            fields.skip(4)?; // media_rate
            let time = if is_wide { time as i64 } else { i64::from(time as u32 as i32) };
            match (time, media_time) {
                (..=-1, None) if number == 0 => edit.empty = duration,
                (0.., None) => media_time = Some(time),
                _ => {
                    edit.has_more = true;
                    break;
                }
            }
        }
        edit.media_time = media_time.unwrap_or(0);
        Some(edit)
    }
}

/// Ticks of [`MediaTime`] in a second.
const TICKS: i128 = 90_000;
/// No file lasts so long: 800 thousand years.
const FARTHEST: i128 = 1 << 61;

impl TrackClock {
    /// Where a time of the track lies on the clock of the source, rounded to the nearest tick.
    pub(crate) fn at(&self, time: i64) -> MediaTime {
        let (track, movie) = (i128::from(self.timescale.max(1)), i128::from(self.movie_timescale.max(1)));
        let since_edit = i128::from(time) - i128::from(self.edit.media_time);
        let empty = i128::from(self.edit.empty);
        // Below 2^65 x 2^17 x 2^32.
        let scaled = since_edit * TICKS * movie + empty * TICKS * track;
        let per_tick = track * movie;
        let ticks = divided(2 * scaled + per_tick, 2 * per_tick);
        MediaTime::from_ticks(ticks.clamp(-FARTHEST, FARTHEST) as i64)
    }

    /// When a sample with these times of the track is decoded and shown.
    pub(crate) fn times(&self, dts: i64, pts: i64) -> Times {
        Times { pts: self.at(pts), dts: self.at(dts.saturating_sub(self.overtaking)) }
    }
}

/// Rounded down. Every sample asks twice, and the numbers of ordinary files fit 64 bits, where dividing takes a tenth of the
/// time.
fn divided(number: i128, by: i128) -> i128 {
    match (i64::try_from(number), i64::try_from(by)) {
        (Ok(number), Ok(by)) if by > 0 => i128::from(number.div_euclid(by)),
        _ => number.div_euclid(by),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::read::testing::{container, full, words};
    use bytes::Bytes;

    fn edit(version: u8, fields: &[u32]) -> Edit {
        let edts = Bytes::from(container(b"edts", &[full(b"elst", version, 0, &words(fields))]));
        Edit::new(&Node::new(0, &edts).unwrap())
    }

    const ONCE: u32 = 0x1_0000;
    const EMPTY: u32 = u32::MAX;

    #[test]
    fn one_empty_edit_and_one_media_time_are_applied() {
        let applied = |empty, media_time, has_more| Edit { empty, media_time, has_more };
        assert_eq!(edit(0, &[1, 500, 1024, ONCE]), applied(0, 1024, false));
        assert_eq!(edit(0, &[2, 30, EMPTY, ONCE, 500, 1024, ONCE]), applied(30, 1024, false));
        assert_eq!(edit(1, &[1, 0, 500, 1, 2, ONCE]), applied(0, 1 << 32 | 2, false));
        assert_eq!(edit(0, &[2, 500, 7, ONCE, 500, 1024, ONCE]), applied(0, 7, true));
        assert_eq!(edit(0, &[9, 500]), Edit::default());
    }

    #[test]
    fn times_are_rounded_once() {
        let edit = Edit { empty: 1, media_time: 1024, has_more: false };
        let clock = TrackClock { timescale: 44_100, movie_timescale: 600, edit, overtaking: 0 };
        // -1024 / 44100 s + 1 / 600 s = -1939.796 ticks.
        assert_eq!(clock.at(0).ticks(), -1940);
        assert_eq!(clock.at(1024).ticks(), 150);
        let edge =
            TrackClock { timescale: 1, movie_timescale: 1, edit: Edit::default(), overtaking: i64::MAX };
        assert!(edge.times(i64::MIN, i64::MAX).dts < edge.at(i64::MAX));
    }
}
