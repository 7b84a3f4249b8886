//! The cut rule: which PES belong between two random access points.
//!
//! ```text
//!   Before ──RAP a──▶ Inside ──RAP b──▶ After ──everything before b has come──▶ Complete
//! ```
//! The key stream (video, or the first stream where there is none): every PES from RAP a up to RAP b in the order of the
//! source. Any other stream: the PES whose PTS lies in `[PTS a, PTS b)`, wherever they stand; in ordinary recordings
//! audio trails video by 0.1 to 0.5 s of bytes.

use crate::limits;
use crate::time::{MediaTime, Ticks};

/// Where a piece of a recording begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// It begins at the first RAP at or after this time; `None`: at the first RAP of the run.
    pub(crate) from: Option<MediaTime>,
    /// It ends before the first RAP at or after this time.
    pub(crate) to: To,
}

/// Where a piece ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// At the end of the run.
    End,
    /// At the first RAP at or after this time, which has to be found.
    Threshold(MediaTime),
    /// At the RAP with exactly this PTS, known from an index.
    Rap(MediaTime),
}

impl To {
    fn time(self) -> Option<MediaTime> {
        match self {
            Self::End => None,
            Self::Threshold(time) | Self::Rap(time) => Some(time),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Inside {
        start: MediaTime,
    },
    After {
        start: MediaTime,
        end: MediaTime,
        offset: u64,
        waiting: u64,
    },
    Complete,
    /// Complete without a RAP a: RAP b came first.
    Empty,
}

/// What a PES of the key stream means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyVerdict {
    /// It lies outside.
    Drop,
    /// It is RAP a.
    Begin,
    /// It lies inside.
    Keep,
    /// It is RAP b.
    End,
}

/// What becomes of a PES of another stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It lies inside.
    Keep,
    /// It lies outside.
    Drop,
    /// It lies more than [`EARLY`] before the first RAP of the run.
    Early,
    /// That cannot be told yet.
    Hold,
}

/// How far before the first RAP of a run other streams may begin; and how far past RAP b, in media time, they may trail.
pub(crate) const EARLY: Ticks = Ticks::SECOND;

/// Applies the cut rule to PES as they come.
#[derive(Debug)]
pub(crate) struct Cutter {
    bounds: Bounds,
    /// Where it ends, whatever has become of the source.
    end: To,
    phase: Phase,
    /// A bit for every stream but the key stream.
    others: u64,
}

impl Cutter {
    /// `streams` is their number, the key stream included; it is number 0.
    pub(crate) fn new(bounds: Bounds, streams: usize) -> Self {
        let all = u64::MAX.checked_shr(64 - streams.clamp(1, limits::STREAMS) as u32).unwrap_or_default();
        Self { bounds, end: bounds.to, phase: Phase::Before, others: all & !1 }
    }

    /// A PES of the key stream that starts at `offset`; `rap` says whether decoding can begin there.
    pub(crate) fn on_key(&mut self, pts: MediaTime, dts: MediaTime, rap: bool, offset: u64) -> KeyVerdict {
        match self.phase {
            // Both bounds lie before the same RAP: there is nothing between them.
            Phase::Before if rap && self.bounds.to.time().is_some_and(|to| pts >= to) => {
                self.phase = Phase::Empty;
                KeyVerdict::Drop
            }
            Phase::Before if rap && self.bounds.from.is_none_or(|from| pts >= from) => {
                self.phase = Phase::Inside { start: pts };
                KeyVerdict::Begin
            }
            // A RAP that is known from an index ends the piece even where its own bytes are cut off.
            Phase::Inside { start }
                if rap && self.bounds.to.time().is_some_and(|to| pts >= to)
                    || self.bounds.to == To::Rap(pts) =>
            {
                self.phase = match self.others {
                    0 => Phase::Complete,
                    waiting => Phase::After { start, end: pts, offset, waiting },
                };
                KeyVerdict::End
            }
            Phase::Inside { .. } => KeyVerdict::Keep,
            Phase::After { end, .. } if dts >= end + EARLY => {
                self.phase = Phase::Complete;
                KeyVerdict::Drop
            }
            Phase::Before | Phase::After { .. } | Phase::Complete | Phase::Empty => KeyVerdict::Drop,
        }
    }

    /// A PES of the key stream without a time of its own.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.phase, Phase::Inside { .. })
    }

    /// A PES of stream `number`, which is not the key stream.
    pub(crate) fn on_other(&mut self, number: usize, pts: MediaTime) -> Verdict {
        if let Phase::After { end, waiting, .. } = &mut self.phase
            && pts >= *end
        {
            *waiting &= !(1 << number);
            if *waiting == 0 {
                self.phase = Phase::Complete;
            }
            return Verdict::Drop;
        }
        self.verdict(pts)
    }

    /// What the cut rule says of a PES of another stream right now; asked again for what is held whenever the key stream
    /// has reached a bound.
    pub(crate) fn verdict(&self, pts: MediaTime) -> Verdict {
        let start = match self.phase {
            Phase::Before => self.bounds.from,
            Phase::Inside { start } | Phase::After { start, .. } => Some(start),
            Phase::Complete | Phase::Empty => return Verdict::Drop,
        };
        match start {
            Some(start) if self.is_first() && pts < start - EARLY => return Verdict::Early,
            Some(start) if !self.is_first() && pts < start => return Verdict::Drop,
            _ => {}
        }
        match (self.phase, self.bounds.to) {
            (Phase::After { end, .. }, _) if pts < end => Verdict::Keep,
            (Phase::After { .. } | Phase::Complete | Phase::Empty, _) => Verdict::Drop,
            (_, To::Rap(to)) if pts >= to => Verdict::Drop,
            (_, To::Threshold(to)) if pts >= to => Verdict::Hold,
            (Phase::Before, _) => Verdict::Hold,
            (Phase::Inside { .. }, _) => Verdict::Keep,
        }
    }

    /// The source has been read up to `offset`: what trails too far is given up.
    #[inline]
    pub(crate) fn on_offset(&mut self, offset: u64) {
        if let Phase::After { offset: end, .. } = self.phase
            && offset.saturating_sub(end) >= limits::TRAIL_BYTES
        {
            self.phase = Phase::Complete;
        }
    }

    /// The source has ended: what is held for want of RAP b belongs inside.
    pub(crate) fn on_end(&mut self) {
        self.bounds.to = To::End;
    }

    /// The RAP that the piece ends before, where one is known.
    pub(crate) fn next_rap(&self) -> Option<MediaTime> {
        match (self.phase, self.end) {
            (_, To::Rap(pts)) => Some(pts),
            (Phase::After { end, .. }, _) => Some(end),
            _ => None,
        }
    }

    /// Whether the piece ends before a RAP that is known.
    pub(crate) fn ends_before_rap(&self) -> bool {
        matches!(self.end, To::Rap(_))
    }

    /// Whether RAP a has been found.
    pub(crate) fn has_begun(&self) -> bool {
        !matches!(self.phase, Phase::Before | Phase::Empty)
    }

    /// Whether the piece takes what comes up to a second before its first RAP.
    pub(crate) fn is_first(&self) -> bool {
        self.bounds.from.is_none()
    }

    /// Whether nothing that follows can belong inside.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Complete | Phase::Empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> MediaTime {
        MediaTime::from_ticks((seconds * 90_000.0) as i64)
    }

    fn key(cutter: &mut Cutter, seconds: f64, rap: bool) -> KeyVerdict {
        cutter.on_key(at(seconds), at(seconds), rap, (seconds * 1000.0) as u64)
    }

    #[test]
    fn audio_that_trails_belongs_to_the_segment_of_its_time() {
        let bounds = Bounds { from: Some(at(10.0)), to: To::Rap(at(12.0)) };
        let mut cutter = Cutter::new(bounds, 2);
        assert_eq!(key(&mut cutter, 8.0, true), KeyVerdict::Drop);
        assert_eq!(cutter.on_other(1, at(9.9)), Verdict::Drop);
        assert_eq!(cutter.on_other(1, at(10.0)), Verdict::Hold);
        assert_eq!(key(&mut cutter, 10.0, true), KeyVerdict::Begin);
        assert_eq!(cutter.on_other(1, at(9.99)), Verdict::Drop);
        assert_eq!(cutter.on_other(1, at(10.01)), Verdict::Keep);
        assert_eq!(cutter.on_other(1, at(12.0)), Verdict::Drop);
        assert_eq!(key(&mut cutter, 11.0, false), KeyVerdict::Keep);
        assert_eq!(key(&mut cutter, 12.0, true), KeyVerdict::End);
        assert_eq!(key(&mut cutter, 12.04, false), KeyVerdict::Drop);
        assert_eq!(cutter.on_other(1, at(11.9)), Verdict::Keep);
        // A GOP shorter than the trail: this one is older than the whole segment.
        assert_eq!(cutter.on_other(1, at(9.5)), Verdict::Drop);
        assert!(!cutter.is_complete());
        assert_eq!(cutter.on_other(1, at(12.1)), Verdict::Drop);
        assert!(cutter.is_complete());
    }

    #[test]
    fn the_first_segment_takes_a_second_of_early_audio() {
        let mut cutter = Cutter::new(Bounds { from: None, to: To::End }, 2);
        assert_eq!(cutter.on_other(1, at(8.0)), Verdict::Hold);
        assert_eq!(key(&mut cutter, 9.0, false), KeyVerdict::Drop);
        assert_eq!(key(&mut cutter, 10.0, true), KeyVerdict::Begin);
        assert_eq!(
            [8.99, 9.0, 50.0].map(|pts| cutter.verdict(at(pts))),
            [Verdict::Early, Verdict::Keep, Verdict::Keep]
        );
    }

    #[test]
    fn between_a_threshold_and_the_rap_behind_it_audio_waits() {
        let mut cutter = Cutter::new(Bounds { from: None, to: To::Threshold(at(5.0)) }, 2);
        key(&mut cutter, 0.0, true);
        assert_eq!(cutter.on_other(1, at(5.5)), Verdict::Hold);
        assert_eq!(key(&mut cutter, 6.0, true), KeyVerdict::End);
        assert_eq!([5.5, 6.0].map(|pts| cutter.verdict(at(pts))), [Verdict::Keep, Verdict::Drop]);
    }

    #[test]
    fn what_trails_too_far_is_given_up() {
        let bounds = Bounds { from: None, to: To::Rap(at(2.0)) };
        let ended = || {
            let mut cutter = Cutter::new(bounds, 2);
            key(&mut cutter, 0.0, true);
            key(&mut cutter, 2.0, true);
            cutter
        };
        let mut by_time = ended();
        key(&mut by_time, 3.0, false);
        let mut by_bytes = ended();
        by_bytes.on_offset(2000 + limits::TRAIL_BYTES);
        let mut alone = Cutter::new(bounds, 1);
        key(&mut alone, 0.0, true);
        key(&mut alone, 2.0, true);
        assert!(by_time.is_complete() && by_bytes.is_complete() && alone.is_complete());
    }
}
