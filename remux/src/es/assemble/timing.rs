//! When pictures are decoded and shown: where their PES say so, then; where they do not, between those that do.
//!
//! ```text
//! decoded     A   ·   ·   ·   ·   B          A, B: times of the source
//!             └── held until B ───┘          even steps from A to B; shown as picture order count says, from A on
//! ```
//! Muxers that write times at random access points only are what this is for. A whole GOP waits, up to a limit: what follows
//! it is then timed by the frame duration alone, and does not wait.

use super::reorder::Reorder;
use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data, Nals};
use crate::es::order::Order;
use crate::layout::{Repair, Stream};
use crate::limits;
use crate::time::{MediaTime, Ticks};
use crate::timeline::{Clock, Times};

/// A picture before it has its times.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) offset: u64,
    pub(super) unit: Unit,
    pub(super) is_damaged: bool,
    /// Whoever begins to read here takes it for what it is.
    pub(super) is_entrance: bool,
    /// `None` where it is not known, or not needed.
    pub(super) order: Option<Order>,
    pub(super) nals: Nals,
}

/// Gives the pictures of one stream their times, in the order of decoding.
#[derive(Debug, Clone)]
pub(super) struct Timing {
    stream: usize,
    frame_duration: Ticks,
    /// What picture order count grows by from one picture shown to the next; 0 where that is not known.
    order_step: i64,
    /// Times of the source are so rare that a wild one is better made anew.
    is_sparse: bool,
    /// Makes the DTS that the source does not have.
    reorder: Option<Reorder>,
    /// Whether a picture has come that a piece may begin at.
    has_begun: bool,
    /// Those of the last picture.
    last: Option<Times>,
    anchor: Option<Anchor>,
    /// Pictures behind the anchor.
    held: Vec<Picture>,
    held_bytes: usize,
}

/// The last picture whose times the source gave.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    times: Times,
    /// When a picture of this order is shown, and how many pictures behind the anchor it stands.
    shown: (Option<Order>, MediaTime, i64),
    /// Pictures behind it that have gone out.
    passed: i64,
}

/// So many ticks for so many pictures.
#[derive(Debug, Clone, Copy)]
struct Pace {
    ticks: i64,
    pictures: i64,
}

/// Pictures that one which is decoded can be ahead of (H.264 §E.2.1: max_dec_frame_buffering).
const DEEPEST_REORDER: i64 = 16;
/// How many places picture order count may move a picture by. More is damage.
const FARTHEST: i64 = 1024;

impl Timing {
    /// Of stream number `number`, whose pictures last `frame_duration`.
    pub(super) fn new(number: usize, stream: &Stream, frame_duration: Ticks) -> Self {
        Self {
            stream: number,
            frame_duration,
            order_step: i64::from(stream.order_step),
            is_sparse: stream.repairs.contains(&Repair::NoTimes),
            reorder: (stream.reorder > 0).then(|| Reorder::new(stream.reorder, frame_duration)),
            has_begun: false,
            last: None,
            anchor: None,
            held: Vec::new(),
            held_bytes: 0,
        }
    }

    /// Whether it is of use to know the order of pictures.
    pub(super) fn needs_order(&self) -> bool {
        self.order_step > 0
    }

    /// The next picture, with what the source says of its times, and whether that is steady.
    pub(super) fn on_picture(
        &mut self,
        picture: Picture,
        given: Option<(Times, bool)>,
        out: &mut impl Extend<AccessUnit>,
    ) {
        match given {
            Some((times, is_steady)) if is_steady || !self.is_sparse || self.anchor.is_none() => {
                self.release(Some(times.dts), out);
                self.on_timed(picture, times, is_steady, out);
            }
            _ => self.on_untimed(picture, out),
        }
    }

    /// No more come: those that are held go out.
    pub(super) fn finish(&mut self, out: &mut impl Extend<AccessUnit>) {
        self.release(None, out);
    }

    fn on_timed(
        &mut self,
        picture: Picture,
        given: Times,
        is_steady: bool,
        out: &mut impl Extend<AccessUnit>,
    ) {
        // Where decoding would go back, nothing begins anew: pieces that begin elsewhere must come to the same times.
        let begins = self.begins(&picture, given);
        // Within a GOP DTS rise; a random access point is believed, for a segment may begin with it.
        let times = if begins || self.reorder.is_some() { given } else { self.rising(given) };
        self.anchor = Some(Anchor { times, shown: (picture.order, times.pts, 0), passed: 0 });
        let is_boundary = is_steady && (begins || picture.unit == Unit::Gradual) && picture.is_entrance;
        self.has_begun |= is_boundary;
        self.put(picture, times, begins, is_boundary, out);
    }

    /// Before the first time there are none, and no picture goes out.
    fn on_untimed(&mut self, picture: Picture, out: &mut impl Extend<AccessUnit>) {
        let Some(anchor) = &self.anchor else { return };
        let has_overflowed = anchor.passed > 0;
        self.held_bytes += picture.nals.size();
        self.held.push(picture);
        let is_full = self.held_bytes > limits::UNTIMED_BYTES || self.held.len() >= limits::UNTIMED_PICTURES;
        if has_overflowed || is_full {
            self.release(None, out);
        }
    }

    /// What is held goes out, evenly up to `next`, the time of the picture behind it, where that is known.
    fn release(&mut self, next: Option<MediaTime>, out: &mut impl Extend<AccessUnit>) {
        let Some(mut anchor) = self.anchor else { return };
        let held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let pace = self.pace(anchor, next, held.len());
        for picture in held {
            let times = anchor.step(&picture, pace, self.order_step);
            let begins = self.begins(&picture, times);
            let times = if begins { times } else { self.rising(times) };
            self.put(picture, times, begins, false, out);
        }
        self.anchor = Some(anchor);
    }

    /// Even steps up to the next time, unless that is so far away that something is missing in between.
    fn pace(&self, anchor: Anchor, next: Option<MediaTime>, pictures: usize) -> Pace {
        let frame = self.frame_duration.get().max(1);
        let pictures = anchor.passed + pictures as i64 + 1;
        let room = next.map(|next| (next - anchor.times.dts).get());
        let is_even = |&room: &i64| room >= pictures && room <= frame.saturating_mul(2 * pictures);
        match room.filter(|room| anchor.passed == 0 && is_even(room)) {
            Some(ticks) => Pace { ticks, pictures },
            None => Pace { ticks: frame, pictures: 1 },
        }
    }

    /// Whether all begins anew with a picture at these times.
    fn begins(&self, picture: &Picture, times: Times) -> bool {
        picture.unit.is_random_access() && (!self.has_begun || self.can_begin_at(times))
    }

    /// Whether a picture with these times is decoded behind all that came before.
    fn can_begin_at(&self, given: Times) -> bool {
        match &self.reorder {
            Some(reorder) => reorder.can_begin_at(given.pts),
            None => self.last.is_none_or(|last| given.dts > last.dts),
        }
    }

    fn rising(&self, times: Times) -> Times {
        match self.last {
            Some(last) if times.dts <= last.dts && self.reorder.is_none() => {
                let dts = last.dts + Ticks::new(1);
                Times { dts, pts: times.pts.max(dts) }
            }
            _ => times,
        }
    }

    fn put(
        &mut self,
        picture: Picture,
        times: Times,
        begins: bool,
        is_boundary: bool,
        out: &mut impl Extend<AccessUnit>,
    ) {
        self.last = Some(times);
        let times = match &mut self.reorder {
            Some(reorder) => reorder.times(times.pts, begins),
            None => times,
        };
        let Picture { offset, unit, is_damaged, nals, .. } = picture;
        let (stream, data) = (self.stream, Data::Nals(nals));
        out.extend([AccessUnit { stream, offset, times, unit, is_damaged, is_boundary, data }]);
    }
}

impl Anchor {
    /// The times of the next picture behind it.
    fn step(&mut self, picture: &Picture, pace: Pace, order_step: i64) -> Times {
        self.passed += 1;
        let dts = self.times.dts + pace.of(self.passed);
        let late = dts + self.times.delay();
        let pts = match (self.shown, picture.order) {
            ((Some(from), pts, at), Some(order)) if from.sequence == order.sequence && order_step > 0 => {
                let places = (order.count - from.count) / order_step;
                if (places - (self.passed - at)).abs() <= FARTHEST { pts + pace.of(places) } else { late }
            }
            // Nothing says when it is shown, but in the next sequence that may be known from here on.
            (_, order) => {
                self.shown = (order, late, self.passed);
                late
            }
        };
        // No further from its DTS than is believed of times that are read.
        let latest = (late + pace.of(DEEPEST_REORDER)).min(dts + Clock::LONGEST_HOLE);
        let is_sane = pts >= dts && pts <= latest;
        Times { dts, pts: if is_sane { pts } else { late } }
    }
}

impl Pace {
    fn of(self, pictures: i64) -> Ticks {
        Ticks::new(self.ticks.saturating_mul(pictures) / self.pictures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Codec;
    use crate::mp4::write::testing::layout;

    const FRAME: Ticks = Ticks::from_millis(40);

    fn timing() -> Timing {
        let mut stream = layout(&[Codec::H264]).streams.remove(0);
        stream.order_step = 2;
        stream.repairs = vec![Repair::NoTimes];
        Timing::new(0, &stream, FRAME)
    }

    fn picture(count: i64) -> Picture {
        let order = Some(Order { sequence: 1, count });
        let whole = std::iter::once(0..2).collect();
        let nals = Nals::new(vec![0x41, 1].into(), whole);
        Picture { offset: 0, unit: Unit::Picture, is_damaged: false, is_entrance: true, order, nals }
    }

    fn at(pts: i64, dts: i64) -> Option<(Times, bool)> {
        let (pts, dts) = (MediaTime::from_ticks(pts), MediaTime::from_ticks(dts));
        Some((Times { pts, dts }, true))
    }

    /// PTS and DTS of the pictures with these counts and times.
    fn times(pictures: &[(i64, Option<(Times, bool)>)]) -> Vec<(i64, i64)> {
        let (mut timing, mut out) = (timing(), Vec::new());
        pictures.iter().for_each(|&(count, given)| timing.on_picture(picture(count), given, &mut out));
        timing.finish(&mut out);
        out.iter().map(|unit| (unit.times.pts.ticks(), unit.times.dts.ticks())).collect()
    }

    #[test]
    fn pictures_lie_between_those_with_times_and_are_shown_in_their_order() {
        let given = [(0, at(7200, 0)), (6, None), (2, None), (4, None), (8, at(21_600, 14_400)), (10, None)];
        let expected =
            [(7200, 0), (18_000, 3600), (10_800, 7200), (14_400, 10_800), (21_600, 14_400), (25_200, 18_000)];
        assert_eq!(times(&given), expected);
    }

    #[test]
    fn a_count_that_cannot_be_moves_nothing() {
        for wild in [i64::from(i32::MAX) << 16, -400, 5000] {
            let given = [(0, at(7200, 0)), (wild, None), (4, at(14_400, 7200))];
            assert_eq!(times(&given), [(7200, 0), (10_800, 3600), (14_400, 7200)], "{wild}");
        }
    }

    #[test]
    fn over_a_hole_pictures_keep_their_duration() {
        let given = [(0, at(0, 0)), (2, None), (4, at(900_000, 900_000))];
        assert_eq!(times(&given), [(0, 0), (3600, 3600), (900_000, 900_000)]);
    }

    #[test]
    fn what_comes_before_the_first_time_does_not_go_out() {
        assert_eq!(times(&[(0, None), (2, at(0, 0))]), [(0, 0)]);
    }

    #[test]
    fn no_more_wait_than_the_limit_allows() {
        let (mut timing, mut out) = (timing(), Vec::new());
        timing.on_picture(picture(0), at(0, 0), &mut out);
        for number in 1..limits::UNTIMED_PICTURES as i64 + 10 {
            timing.on_picture(picture(number * 2), None, &mut out);
        }
        assert_eq!(out.len(), limits::UNTIMED_PICTURES + 10, "those past the limit do not wait");
        assert!(out.iter().zip(0..).all(|(unit, number)| unit.times.dts.ticks() == number * FRAME.get()));
    }
}
