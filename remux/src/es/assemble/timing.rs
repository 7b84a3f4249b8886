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
use crate::timeline::Times;

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
    /// When a picture of this order is shown.
    shown: (Option<Order>, MediaTime),
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

impl Timing {
    /// Of stream number `number`, whose pictures last `frame_duration`.
    pub(super) fn new(number: usize, stream: &Stream, frame_duration: Ticks) -> Self {
        Self {
            stream: number,
            frame_duration,
            order_step: i64::from(stream.order_step),
            is_sparse: stream.repairs.contains(&Repair::NoTimes),
            reorder: (stream.reorder > 0).then(|| Reorder::new(stream.reorder, frame_duration)),
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
        let begins = picture.unit.is_random_access() && self.can_begin_at(given);
        // Within a GOP DTS rise; a random access point is believed, for a segment may begin with it.
        let times = if begins || self.reorder.is_some() { given } else { self.rising(given) };
        self.anchor = Some(Anchor { times, shown: (picture.order, times.pts), passed: 0 });
        let is_boundary = is_steady && (begins || picture.unit == Unit::Gradual) && picture.is_entrance;
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
            let times = self.rising(anchor.step(&picture, pace, self.order_step));
            let begins = picture.unit.is_random_access();
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
            ((Some(from), pts), Some(order)) if from.sequence == order.sequence && order_step > 0 => {
                pts + pace.of((order.count - from.count) / order_step)
            }
            // Nothing says when it is shown, but in the next sequence that may be known from here on.
            (_, order) => {
                self.shown = (order, late);
                late
            }
        };
        let is_sane = pts >= dts && pts <= late + pace.of(DEEPEST_REORDER);
        Times { dts, pts: if is_sane { pts } else { late } }
    }
}

impl Pace {
    fn of(self, pictures: i64) -> Ticks {
        Ticks::new(self.ticks.saturating_mul(pictures) / self.pictures)
    }
}
