//! In which order the samples of sample tables are read, and which of them.
//!
//! Chunks of tracks that are interleaved within [`INTERLEAVED`] are read as they lie; others by decoding time, which
//! jumps.

use super::clock::TrackClock;
use super::movie::Movie;
use super::tables::{Sample, Samples};
use crate::cut::EARLY;
use crate::index::Cut;
use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;

/// A sample on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    /// Number of its track in the movie.
    pub(super) track: usize,
    pub(super) sample: Sample,
    /// When it is decoded and shown.
    pub(super) times: Times,
    /// Where reading has to begin to get it: the sample itself, or the `moof` box that lists it.
    pub(super) origin: u64,
}

/// The samples that belong to one cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// Number of the key track in the movie.
    key: usize,
    start: MediaTime,
    end: Option<MediaTime>,
    /// How far before the start other tracks begin.
    early: Ticks,
    phase: Phase,
}

/// Where the key track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Inside,
    After,
}

impl Span {
    /// The samples of `cut`.
    pub(super) fn new(key: usize, cut: &Cut) -> Self {
        let early = if cut.first { EARLY } else { Ticks::ZERO };
        Self { key, start: cut.start, end: cut.end, early, phase: Phase::Before }
    }

    /// Whether a sample with this PTS belongs to it; samples of the key track come in order.
    pub(super) fn admits(&mut self, track: usize, pts: MediaTime) -> bool {
        if track != self.key {
            return pts >= self.start - self.early && self.end.is_none_or(|end| pts < end);
        }
        match self.phase {
            Phase::Before if pts == self.start => self.phase = Phase::Inside,
            Phase::Inside if self.end == Some(pts) => self.phase = Phase::After,
            _ => {}
        }
        self.phase == Phase::Inside
    }

    /// Whether it is the access unit that the cut begins with.
    pub(super) fn begins_with(&self, track: usize, pts: MediaTime) -> bool {
        track == self.key && pts == self.start
    }
}

/// One track on its way through its samples.
#[derive(Debug, Clone)]
struct Lane {
    track: usize,
    clock: TrackClock,
    samples: Samples,
    span: Option<Span>,
    /// The next of its samples that is wanted.
    next: Option<Placed>,
}

impl Lane {
    fn advance(&mut self) {
        let mut begins_chunk = false;
        self.next = self.samples.find_map(|sample| {
            begins_chunk |= sample.begins_chunk;
            let times = self.clock.times(sample.dts, sample.pts);
            let is_wanted = self.span.as_mut().is_none_or(|span| span.admits(self.track, times.pts));
            (is_wanted && sample.size > 0).then_some(Placed {
                track: self.track,
                sample: Sample { begins_chunk, ..sample },
                times,
                origin: sample.offset,
            })
        });
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Place,
    DecodingTime,
}

/// How far apart in time neighbouring chunks of different tracks may be.
const INTERLEAVED: Ticks = Ticks::new(2 * Ticks::SECOND.get());

/// The samples of all tracks in the order in which they are read.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    lanes: Vec<Lane>,
    order: Order,
    current: usize,
}

impl Plan {
    /// All samples of a movie, or those of a span. `keeps_place` reads them as they lie, whatever their times.
    pub(super) fn new(movie: &Movie, span: Option<Span>, keeps_place: bool) -> Self {
        let lanes = movie.tracks.iter().enumerate().map(|(track, of)| {
            let samples = of.tables.samples();
            let mut lane = Lane { track, clock: of.clock, samples, span, next: None };
            lane.advance();
            lane
        });
        let mut plan = Self { lanes: lanes.collect(), order: Order::Place, current: 0 };
        if !keeps_place {
            plan.order_by_interleaving();
        }
        plan
    }

    /// Looks whether samples can be read as they lie.
    pub(super) fn order_by_interleaving(&mut self) {
        if !self.is_interleaved() {
            self.order = Order::DecodingTime;
        }
    }

    /// Without the tracks that do not go out.
    pub(super) fn retain(&mut self, goes_out: impl Fn(usize) -> bool) {
        self.lanes.iter_mut().filter(|lane| !goes_out(lane.track)).for_each(|lane| lane.next = None);
    }

    fn is_interleaved(&self) -> bool {
        let mut plan = self.clone();
        let (mut place, mut reached) = (0, None);
        while let Some(placed) = plan.next() {
            if placed.sample.offset < place {
                return false;
            }
            place = placed.sample.offset;
            reached = reached.max(Some(placed.times.dts));
            let lags =
                |lane: &Lane| lane.next.is_some_and(|next| Some(next.times.dts + INTERLEAVED) < reached);
            if placed.sample.begins_chunk && plan.lanes.iter().any(lags) {
                return false;
            }
        }
        true
    }

    /// How far to read from `first` on, which has been taken out: as long as what follows lies near behind it.
    pub(super) fn reach(&self, first: &Sample, gap: u64, most: u64) -> u64 {
        let mut end = first.end();
        for Placed { sample, .. } in self.clone() {
            let is_near = sample.offset >= first.offset && sample.offset <= end.saturating_add(gap);
            if !is_near || end.saturating_sub(first.offset) >= most {
                break;
            }
            end = end.max(sample.end());
        }
        end
    }

    /// The lane whose chunk goes on, or the one that is next.
    fn choose(&self) -> Option<usize> {
        let goes_on = |lane: &Lane| lane.next.is_some_and(|next| !next.sample.begins_chunk);
        if self.lanes.get(self.current).is_some_and(goes_on) {
            return Some(self.current);
        }
        let lanes = self.lanes.iter().enumerate();
        let next = lanes.filter_map(|(number, lane)| Some((number, lane.next?)));
        let chosen = match self.order {
            Order::Place => next.min_by_key(|(_, next)| next.sample.offset),
            Order::DecodingTime => next.min_by_key(|(_, next)| next.times.dts),
        };
        chosen.map(|(number, _)| number)
    }
}

impl Iterator for Plan {
    type Item = Placed;

    fn next(&mut self) -> Option<Placed> {
        self.current = self.choose()?;
        let lane = self.lanes.get_mut(self.current)?;
        let placed = lane.next.take();
        lane.advance();
        placed
    }
}
