//! The cut rule: which PES belong between two random access points.
//!
//! ```text
//!   Before ──RAP a──▶ Inside ──RAP b──▶ After ──everything before b has come──▶ Complete
//! ```
//! The key stream (video, or the first stream where there is none): every PES from RAP a up to RAP b in the order of the
//! source. Any other stream: the PES whose PTS lies in `[PTS a, PTS b)`, wherever they stand; in ordinary recordings
//! audio trails video by 0.1 to 0.5 s of bytes.
//!
//! What runs ahead of the key stream waits until that has come as far: up to there it is certain that no RAP b comes
//! before it. So a segment is the same whether RAP b is known or has to be found.

use crate::limits;
use crate::locate::{Mark, Standing};
use crate::time::{MediaTime, Ticks};

/// Where a piece of a recording begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// It begins at the first RAP at or after this time; `None`: at the first RAP of the run.
    pub(crate) from: Option<MediaTime>,
    /// It begins at the RAP that is shown at `from` itself, which is known from an index.
    pub(crate) is_exact: bool,
    /// That is the first RAP of the run: what comes up to a second before it belongs inside.
    pub(crate) is_first: bool,
    /// It ends before the first RAP at or after this time.
    pub(crate) to: To,
    /// The source may begin anywhere, even behind the RAP that it should begin at.
    pub(crate) may_be_late: bool,
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
    /// The source begins so late that RAP a may lie before it.
    Late,
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
    /// The key stream comes a GOP at a time: others wait for it where the end is known, too.
    is_in_bursts: bool,
    /// A bit for every stream but the key stream.
    others: u64,
    /// All bytes have come; what has begun may be cut off.
    is_over: bool,
    /// Up to where the key stream has been decoded.
    reached: Option<MediaTime>,
    pub(crate) seen: Seen,
}

/// What has been seen of the key stream.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) first: Option<Mark>,
    pub(crate) begin: Option<Mark>,
    pub(crate) end: Option<Mark>,
    pictures: u64,
    /// Bits of the other streams that have been seen, and the latest time that one of them was first seen with.
    heard: u64,
    heard_from: Option<MediaTime>,
}

impl Seen {
    /// Whether the source may have begun too late for what runs ahead of the key stream.
    pub(crate) fn may_lack_sound(&self) -> bool {
        self.begin.is_some_and(|begin| self.heard_from.is_some_and(|from| from >= begin.pts))
    }
}

impl Cutter {
    /// `streams` is their number, the key stream included; it is number 0.
    pub(crate) fn new(bounds: Bounds, streams: usize) -> Self {
        let all = u64::MAX.checked_shr(64 - streams.clamp(1, limits::STREAMS) as u32).unwrap_or_default();
        Self {
            bounds,
            end: bounds.to,
            phase: Phase::Before,
            is_in_bursts: false,
            others: all & !1,
            is_over: false,
            reached: None,
            seen: Seen::default(),
        }
    }

    /// The same where the key stream's times are found out a GOP at a time.
    pub(crate) fn in_bursts(self, is_in_bursts: bool) -> Self {
        Self { is_in_bursts, ..self }
    }

    /// A PES of the key stream that starts at `offset`; `rap` says whether decoding can begin there.
    pub(crate) fn on_key(&mut self, pts: MediaTime, dts: MediaTime, rap: bool, offset: u64) -> KeyVerdict {
        let mark = Mark { offset, pts, dts };
        self.see(mark);
        let verdict = self.judge_key(mark, rap);
        match verdict {
            KeyVerdict::Begin => self.seen.begin = Some(mark),
            KeyVerdict::End => self.seen.end = Some(mark),
            KeyVerdict::Drop | KeyVerdict::Keep => {}
        }
        self.reached = Some(dts);
        verdict
    }

    fn judge_key(&mut self, mark: Mark, rap: bool) -> KeyVerdict {
        let Mark { offset, pts, dts } = mark;
        match self.phase {
            Phase::Before if self.is_late(mark, rap) => {
                self.phase = Phase::Late;
                KeyVerdict::Drop
            }
            // Both bounds lie before the same RAP: there is nothing between them.
            Phase::Before
                if rap && !self.bounds.is_exact && self.bounds.to.time().is_some_and(|to| pts >= to) =>
            {
                self.seen.end = Some(mark);
                self.phase = Phase::Empty;
                KeyVerdict::Drop
            }
            Phase::Before if rap && self.may_begin(pts) => {
                self.phase = Phase::Inside { start: pts };
                KeyVerdict::Begin
            }
            // A RAP that is known from an index ends the piece even where its own bytes are cut off, as the last can be.
            Phase::Inside { start }
                if rap && self.bounds.to.time().is_some_and(|to| pts >= to)
                    || self.is_over && self.bounds.to == To::Rap(pts) =>
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
            Phase::Before | Phase::After { .. } | Phase::Complete | Phase::Empty | Phase::Late => {
                KeyVerdict::Drop
            }
        }
    }

    fn may_begin(&self, pts: MediaTime) -> bool {
        let Bounds { from, is_exact, .. } = self.bounds;
        from.is_none_or(|from| if is_exact { pts == from } else { pts >= from })
    }

    fn see(&mut self, mark: Mark) {
        self.seen.pictures = self.seen.pictures.saturating_add(1);
        match &mut self.seen.first {
            // The first was wild.
            Some(first) if self.phase == Phase::Before && mark.dts < first.dts => *first = mark,
            first => _ = first.get_or_insert(mark),
        }
    }

    /// Whether a RAP that is shown at or after the first bound may have been missed: the first picture seen is decoded
    /// after that, or so close before it that one which waits as long as this RAP before it is shown would be. A single
    /// time proves nothing unless something would begin with it.
    fn is_late(&self, mark: Mark, rap: bool) -> bool {
        let (true, Some(from)) = (self.bounds.may_be_late, self.bounds.from) else { return false };
        let first = self.seen.first.unwrap_or(mark).dts;
        match rap && mark.pts >= from {
            true => first + (mark.pts - mark.dts) > from,
            false => first > from && self.seen.pictures > 1,
        }
    }

    /// A PES of the key stream without a time of its own.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.phase, Phase::Inside { .. })
    }

    /// A PES of stream `number`, which is not the key stream.
    pub(crate) fn on_other(&mut self, number: usize, pts: MediaTime) -> Verdict {
        if self.seen.heard & 1 << number == 0 {
            self.seen.heard |= 1 << number;
            self.seen.heard_from = self.seen.heard_from.max(Some(pts));
        }
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
            Phase::Complete | Phase::Empty | Phase::Late => return Verdict::Drop,
        };
        match start {
            Some(start) if self.is_first() && pts < start - EARLY => return Verdict::Early,
            Some(start) if !self.is_first() && pts < start => return Verdict::Drop,
            _ => {}
        }
        match (self.phase, self.bounds.to) {
            (Phase::After { end, .. }, _) if pts < end => Verdict::Keep,
            (Phase::After { .. } | Phase::Complete | Phase::Empty | Phase::Late, _) => Verdict::Drop,
            (_, To::Rap(to)) if pts >= to => Verdict::Drop,
            (Phase::Before, _) => Verdict::Hold,
            (Phase::Inside { .. }, to)
                if (self.is_in_bursts || to != To::End)
                    && self.reached.is_none_or(|reached| pts > reached) =>
            {
                Verdict::Hold
            }
            (Phase::Inside { .. }, _) => Verdict::Keep,
        }
    }

    /// Too much waits for the key stream to come as far as `pts`: it is taken to belong inside.
    pub(crate) fn on_overflow(&mut self, pts: MediaTime) {
        self.reached = self.reached.max(Some(pts));
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

    /// No more bytes come; what has begun will be judged as it is.
    pub(crate) fn on_last_bytes(&mut self) {
        self.is_over = true;
    }

    /// The source has ended: what is held for want of RAP b belongs inside.
    pub(crate) fn on_end(&mut self) {
        self.bounds.to = To::End;
        self.is_in_bursts = false;
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
        !matches!(self.phase, Phase::Before | Phase::Empty | Phase::Late)
    }

    /// Whether the piece takes what comes up to a second before its first RAP.
    pub(crate) fn is_first(&self) -> bool {
        self.bounds.is_first
    }

    /// Whether nothing that follows can belong inside.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Complete | Phase::Empty | Phase::Late)
    }

    /// How far it has come.
    pub(crate) fn standing(&self) -> Standing {
        match self.phase {
            Phase::Before => Standing::Before,
            Phase::Inside { .. } => Standing::Inside,
            Phase::After { .. } => Standing::Trailing,
            Phase::Complete => Standing::Complete,
            Phase::Empty => Standing::Empty,
            Phase::Late => Standing::Late,
        }
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
        let bounds = Bounds {
            from: Some(at(10.0)),
            is_first: false,
            is_exact: false,
            to: To::Rap(at(12.0)),
            may_be_late: false,
        };
        let mut cutter = Cutter::new(bounds, 2);
        assert_eq!(key(&mut cutter, 8.0, true), KeyVerdict::Drop);
        assert_eq!(cutter.on_other(1, at(9.9)), Verdict::Drop);
        assert_eq!(cutter.on_other(1, at(10.0)), Verdict::Hold);
        assert_eq!(key(&mut cutter, 10.0, true), KeyVerdict::Begin);
        assert_eq!(cutter.on_other(1, at(9.99)), Verdict::Drop);
        assert_eq!(cutter.on_other(1, at(10.01)), Verdict::Hold);
        assert_eq!(cutter.on_other(1, at(12.0)), Verdict::Drop);
        assert_eq!(key(&mut cutter, 11.0, false), KeyVerdict::Keep);
        assert_eq!(
            [10.01, 11.0, 11.01].map(|pts| cutter.verdict(at(pts))),
            [Verdict::Keep, Verdict::Keep, Verdict::Hold]
        );
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
        let mut cutter = Cutter::new(
            Bounds { from: None, is_first: true, is_exact: false, to: To::End, may_be_late: false },
            2,
        );
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
        let mut cutter = Cutter::new(
            Bounds {
                from: None,
                is_first: true,
                is_exact: false,
                to: To::Threshold(at(5.0)),
                may_be_late: false,
            },
            2,
        );
        key(&mut cutter, 0.0, true);
        assert_eq!(cutter.on_other(1, at(5.5)), Verdict::Hold);
        assert_eq!(key(&mut cutter, 6.0, true), KeyVerdict::End);
        assert_eq!([5.5, 6.0].map(|pts| cutter.verdict(at(pts))), [Verdict::Keep, Verdict::Drop]);
    }

    #[test]
    fn a_source_that_begins_behind_the_first_bound_is_late() {
        let bounds = Bounds {
            from: Some(at(5.0)),
            is_first: false,
            is_exact: false,
            to: To::Threshold(at(9.0)),
            may_be_late: true,
        };
        let begun = |first: f64, rap: (f64, f64)| {
            let mut cutter = Cutter::new(bounds, 2);
            cutter.on_key(at(first), at(first), false, 0);
            cutter.on_key(at(rap.0), at(rap.1), true, 1000);
            cutter.standing()
        };
        assert_eq!(begun(5.0, (6.0, 6.0)), Standing::Inside);
        assert_eq!(begun(5.01, (6.0, 6.0)), Standing::Late);
        // A RAP that was decoded at 4.85 would have been shown at 5.05.
        assert_eq!([4.9, 4.8].map(|first| begun(first, (6.2, 6.0))), [Standing::Late, Standing::Inside]);
        assert_eq!(begun(4.0, (9.1, 9.1)), Standing::Empty);
        assert_eq!(begun(4.0, (4.9, 4.9)), Standing::Before);
    }

    #[test]
    fn what_trails_too_far_is_given_up() {
        let bounds =
            Bounds { from: None, is_first: true, is_exact: false, to: To::Rap(at(2.0)), may_be_late: false };
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
