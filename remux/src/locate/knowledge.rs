//! What is known of a recording's clock: places whose time is known, and how far what lies between them can be trusted.

mod stored;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::grid::GopFacts;
use super::head::Head;
use super::sounding::{Point, Sounding};
use crate::limits;
use crate::time::{MediaTime, Ticks};

/// What is known of one recording. Everything that was ever read of it is [learned](Self::learn) and used again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Knowledge {
    /// Bytes of the recording.
    size: u64,
    zero: MediaTime,
    frame_duration: Ticks,
    /// PTS of its end, once the tail has been read.
    end: Option<MediaTime>,
    /// How far apart its random access points are.
    gops: GopFacts,
    /// Both offsets and times rise strictly.
    points: Vec<Point>,
    /// How long pictures wait between decoding and showing.
    delay: Ticks,
    /// Bytes by which sound runs ahead of its pictures, and trails them.
    lead: u64,
    trail: u64,
    /// Bytes in which no clock may be seen, besides those of a picture: the longest fragment.
    grain: u64,
    /// How much the bit rate varies: between two points `d` bytes from either, a place is wrong by about this times the
    /// square root of `d`.
    roughness: f64,
    /// Bytes of tail that have been looked at in vain.
    silent_tail: u64,
}

/// What the end of a recording says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// It is so long, from zero to the end of its last picture.
    Ends(Ticks),
    /// There is no clock in these bytes: [`Knowledge::tail_range`] says which to read now.
    Silent,
}

/// The recording is not one stretch with one monotone clock: it has to be scanned into runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Contradiction {
    /// A clock that was set.
    #[error("the clock jumps near byte {offset}")]
    Jump {
        /// Where it shows.
        offset: u64,
    },
    /// A time that is not between those of its neighbours.
    #[error("the clock at byte {offset} contradicts what is around it")]
    OutOfOrder {
        /// Where it shows.
        offset: u64,
    },
    /// More than one run in the head.
    #[error("the head has {runs} runs")]
    Runs {
        /// How many.
        runs: usize,
    },
    /// There is no clock at the end.
    #[error("no clock in the last {bytes} bytes")]
    NoTail {
        /// Bytes looked at.
        bytes: u64,
    },
    /// The end says another bit rate than anything could have that the head looks like.
    #[error("head and tail contradict one clock")]
    Tail,
}

/// How many times the bit rate of the head may be that of the whole, or the other way round.
const MOST_RATES: f64 = 32.0;
/// The least roughness: that of a recording with a constant bit rate.
const SMOOTH: f64 = 30.0;
/// The roughness where nothing is known.
const ROUGH: f64 = 600.0;
/// Points of one sounding are at least this far apart.
const POINT_DISTANCE: u64 = 128 << 10;
/// How far around a point the bit rate is that of its neighbourhood.
const LOCAL: u64 = 8 << 20;
const WRAP: i64 = 1 << 33;

impl Knowledge {
    /// What the head of a recording of `size` bytes says.
    ///
    /// # Errors
    /// Where the head has more than one run.
    pub fn new(head: &Head, size: u64) -> Result<Self, Contradiction> {
        if head.runs != 1 {
            return Err(Contradiction::Runs { runs: head.runs });
        }
        let raps = head.raps.iter().map(|rap| Point { offset: rap.offset, clock: rap.dts });
        let points = match &head.fragments {
            None => raps.collect(),
            Some(fragments) => fragments.points.clone(),
        };
        let grain = head.fragments.as_ref().map_or(0, |fragments| fragments.longest);
        let most = |of: fn(&crate::index::Rap) -> u32| head.raps.iter().map(of).max().unwrap_or(0);
        let mut known = Self {
            size,
            zero: head.layout.zero,
            frame_duration: head.layout.frame_duration,
            end: head.duration.map(|duration| head.layout.zero + duration),
            gops: head.gops,
            points: Vec::new(),
            delay: head.raps.iter().map(|rap| rap.pts - rap.dts).max().unwrap_or_default(),
            lead: u64::from(most(|rap| rap.lead)),
            // Of a fragment all pictures come before all sound.
            trail: u64::from(most(|rap| rap.trail)).max(grain),
            grain,
            roughness: ROUGH,
            silent_tail: 0,
        };
        known.insert(points.into_iter());
        Ok(known)
    }

    /// The same of a head that [looks like](super::HeadReader::resembling) that of a recording of which `model` is known: what
    /// little was read does not say how much the bit rate varies, and how far sound reaches.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn resembling(head: &Head, size: u64, model: &Self) -> Result<Self, Contradiction> {
        let known = Self::new(head, size)?;
        Ok(Self {
            // One point leaves the roughness as it is.
            points: known.points.into_iter().take(1).collect(),
            delay: known.delay.max(model.delay),
            lead: known.lead.max(model.lead),
            trail: known.trail.max(model.trail),
            roughness: model.roughness.max(SMOOTH),
            ..known
        })
    }

    /// Bytes of the recording.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// PTS of the first random access point.
    pub fn zero(&self) -> MediaTime {
        self.zero
    }

    /// From zero to the end, once the tail is known.
    pub fn duration(&self) -> Option<Ticks> {
        self.end.map(|end| end - self.zero)
    }

    /// Whether a catalogue says something so different of its length that, if the catalogue is right, the clock was set on the
    /// way: a jump back shows in no other way before it is come across. Where only the catalogue is wrong, that does no harm.
    pub fn is_doubtful(&self, expected: Ticks) -> bool {
        let least = Ticks::from_millis(10_000).max(Ticks::new(expected.get() / 20));
        self.duration().is_some_and(|duration| (duration - expected).abs() > least)
    }

    /// How far apart the random access points are, as far as is known.
    pub fn gops(&self) -> &GopFacts {
        &self.gops
    }

    /// The bytes to read for [`learn_tail`](Self::learn_tail).
    pub fn tail_range(&self) -> Range<u64> {
        let length = self.silent_tail.saturating_mul(2).max(self.probe());
        self.size.saturating_sub(length)..self.size
    }

    /// What the last bytes say; `expected` is how long the recording is believed to be, which matters only where its clock
    /// wraps more than once.
    ///
    /// # Errors
    /// Where head and tail contradict one monotone clock.
    pub fn learn_tail(&mut self, tail: &Sounding, expected: Option<Ticks>) -> Result<Tail, Contradiction> {
        if let Some(duration) = self.duration() {
            return Ok(Tail::Ends(duration));
        }
        if let Some(offset) = tail.jump {
            return Err(Contradiction::Jump { offset });
        }
        let half_turn = Ticks::new(WRAP / 2);
        let last_known = self.points.last().map_or(self.zero, |point| point.clock);
        let near = expected.unwrap_or_default().max(half_turn);
        let tail = tail.clone().near(last_known + near);
        let (Some(first), Some(last_pts)) = (tail.points.first(), tail.last_pts) else {
            self.silent_tail = tail.range.end - tail.range.start;
            return match self.silent_tail >= limits::TAIL.min(self.size) {
                true => Err(Contradiction::NoTail { bytes: self.silent_tail }),
                false => Ok(Tail::Silent),
            };
        };
        self.check_rates(first)?;
        self.insert(tail.points.iter().copied());
        let end = last_pts + self.frame_duration;
        self.end = Some(end);
        self.roughness = self.roughness_of_head().map_or(self.roughness, |head| head.max(SMOOTH));
        Ok(Tail::Ends(end - self.zero))
    }

    /// Whether a bit rate like that of the head leads to the tail.
    fn check_rates(&self, tail: &Point) -> Result<(), Contradiction> {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else { return Ok(()) };
        if tail.offset <= last.offset {
            return Ok(());
        }
        if first.offset == last.offset {
            return Ok(());
        }
        let ratio = rate(first, tail) / rate(first, last);
        match (1.0 / MOST_RATES..MOST_RATES).contains(&ratio) {
            true => Ok(()),
            false => Err(Contradiction::Tail),
        }
    }

    /// What a stretch says that was read, wherever and for whatever. Says whether there was a clock in it.
    ///
    /// # Errors
    /// Where it contradicts one monotone clock.
    pub fn learn(&mut self, sounding: &Sounding) -> Result<bool, Contradiction> {
        if let Some(offset) = sounding.jump {
            return Err(Contradiction::Jump { offset });
        }
        let Some(first) = sounding.points.first() else { return Ok(false) };
        let expected = self.clock_at(first.offset);
        let sounding = sounding.clone().near(expected);
        let (Some(first), Some(last)) = (sounding.points.first(), sounding.points.last()) else {
            return Ok(false);
        };
        self.check_order(first, last)?;
        self.measure(first);
        self.insert(sounding.points.iter().copied());
        Ok(true)
    }

    /// The same of a single picture, such as the first of a segment.
    ///
    /// # Errors
    /// As [`learn`](Self::learn).
    pub fn learn_point(&mut self, point: Point) -> Result<(), Contradiction> {
        let range = point.offset..point.offset;
        let sounding = Sounding { range, points: vec![point], last_pts: None, jump: None };
        self.learn(&sounding).map(drop)
    }

    fn check_order(&self, first: &Point, last: &Point) -> Result<(), Contradiction> {
        let before = self.points.partition_point(|point| point.offset < first.offset);
        let after = self.points.partition_point(|point| point.offset <= last.offset);
        let follows = before.checked_sub(1).and_then(|at| self.points.get(at));
        let is_sound = follows.is_none_or(|point| point.clock < first.clock)
            && self.points.get(after).is_none_or(|point| point.clock > last.clock)
            && self.points[before..after]
                .iter()
                .all(|point| (first.clock..=last.clock).contains(&point.clock));
        match is_sound {
            true => Ok(()),
            false => Err(Contradiction::OutOfOrder { offset: first.offset }),
        }
    }

    /// How wrong was what would have been expected of a new point?
    fn measure(&mut self, point: &Point) {
        let (left, Some(right)) = self.bracket(point.clock) else { return };
        let room = room(&left, &right, point.offset);
        if room < POINT_DISTANCE as f64 {
            return;
        }
        let wrong = self.between(&left, &right, point.clock).abs_diff(point.offset) as f64;
        // Sub-GOP bursts are not the recording's roughness.
        self.roughness = (self.roughness * 0.8).max(wrong / room.sqrt());
    }

    fn insert(&mut self, points: impl Iterator<Item = Point>) {
        let mut points = points.peekable();
        let mut last_taken = None;
        while let Some(point) = points.next() {
            let is_near = last_taken.is_some_and(|last| point.offset < last + POINT_DISTANCE);
            if is_near && points.peek().is_some() {
                continue;
            }
            last_taken = Some(point.offset);
            let at = self.points.partition_point(|known| known.offset < point.offset);
            let fits =
                self.points.get(at).is_none_or(|next| next.offset > point.offset && next.clock > point.clock)
                    && at.checked_sub(1).is_none_or(|before| self.points[before].clock < point.clock);
            if fits {
                self.points.insert(at, point);
            }
        }
        if self.points.len() > limits::KNOWN_POINTS {
            let last = self.points.len() - 1;
            let mut number = 0;
            self.points.retain(|_| {
                number += 1;
                number % 2 == 1 || number > last
            });
        }
    }

    /// By how much GOPs of the head differ from the average bit rate.
    fn roughness_of_head(&self) -> Option<f64> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        let rate = rate(first, last);
        let head = self.points.iter().take_while(|point| point.offset < limits::HEAD as u64);
        let head: Vec<&Point> = head.collect();
        let rough = |a: &Point, b: &Point| {
            let expected = rate * (b.clock - a.clock).get() as f64;
            (b.offset.saturating_sub(a.offset) as f64 - expected).abs() / expected.max(1.0).sqrt()
        };
        let steps: Vec<f64> = head.windows(2).map(|pair| rough(pair[0], pair[1]).powi(2)).collect();
        let average = (steps.iter().sum::<f64>() / steps.len().max(1) as f64).sqrt();
        if steps.is_empty() {
            return None;
        }
        let whole = rough(head.first()?, head.last()?);
        Some(average.max(whole))
    }

    /// The points around a time: the last at or before it, and the first behind it.
    pub(super) fn bracket(&self, clock: MediaTime) -> (Point, Option<Point>) {
        let at = self.points.partition_point(|point| point.clock <= clock);
        let left = at.checked_sub(1).and_then(|before| self.points.get(before)).copied();
        let begin = Point { offset: 0, clock: clock.min(self.zero - self.delay) };
        (left.unwrap_or(begin), self.points.get(at).copied().or(self.end_point()))
    }

    fn end_point(&self) -> Option<Point> {
        let clock = self.end?;
        self.points.last().is_none_or(|last| last.offset < self.size && last.clock < clock).then_some(())?;
        Some(Point { offset: self.size, clock })
    }

    /// Where a time is expected between two points: close to one of them by the bit rate around it, far from both by that
    /// between them.
    pub(super) fn between(&self, left: &Point, right: &Point, clock: MediaTime) -> u64 {
        let (step, whole) =
            ((clock - left.clock).get().max(0) as f64, (right.clock - left.clock).get().max(1) as f64);
        let bytes = right.offset.saturating_sub(left.offset) as f64;
        let chord = bytes * (step / whole).min(1.0);
        let (nearest, from) = if chord * 2.0 < bytes { (left, 0.0) } else { (right, bytes) };
        let expected = match self.rate_around(nearest) {
            None => chord,
            Some(rate) => {
                let local = from + rate * (clock - nearest.clock).get() as f64;
                let far = (chord - from).abs().max((local - from).abs()) / LOCAL as f64;
                chord + (local - chord) / (1.0 + far * far)
            }
        };
        left.offset.saturating_add(expected.clamp(0.0, bytes) as u64)
    }

    /// Bytes per tick around a point.
    fn rate_around(&self, point: &Point) -> Option<f64> {
        let from = self.points.partition_point(|known| known.offset.saturating_add(LOCAL) < point.offset);
        let to = self.points.partition_point(|known| known.offset <= point.offset.saturating_add(LOCAL));
        let (first, last) = (self.points.get(from)?, self.points.get(to.checked_sub(1)?)?);
        (last.offset.saturating_sub(first.offset) >= LOCAL / 8).then(|| rate(first, last))
    }

    /// What so much time takes on average.
    pub(super) fn bytes_of(&self, time: Ticks) -> u64 {
        let whole = self.duration().unwrap_or_default().get().max(1) as f64;
        (self.size as f64 * time.get().max(0) as f64 / whole) as u64
    }

    /// Where a time is expected.
    pub fn offset_at(&self, clock: MediaTime) -> u64 {
        match self.bracket(clock) {
            (left, Some(right)) => self.between(&left, &right, clock).min(self.size),
            (_, None) => self.size,
        }
    }

    /// When a place is expected.
    pub fn clock_at(&self, offset: u64) -> MediaTime {
        let at = self.points.partition_point(|point| point.offset <= offset);
        let left = at.checked_sub(1).and_then(|before| self.points.get(before)).copied();
        let left = left.unwrap_or(Point { offset: 0, clock: self.zero - self.delay });
        let Some(right) = self.points.get(at).copied().or(self.end_point()) else { return left.clock };
        let whole = u128::from(right.offset.saturating_sub(left.offset).max(1));
        let part = u128::from(offset.saturating_sub(left.offset)).min(whole);
        let step = (right.clock - left.clock).get().max(0) as u128 * part / whole;
        left.clock + Ticks::new(i64::try_from(step).unwrap_or(i64::MAX))
    }

    /// By how many bytes a place between two points may be wrong.
    pub(super) fn doubt(&self, left: &Point, right: &Point, at: u64) -> u64 {
        (self.roughness * room(left, right, at).sqrt()) as u64
    }

    /// By how many bytes a place may be wrong that lies so far from a point.
    pub(super) fn doubt_around(&self, distance: u64) -> u64 {
        (self.roughness * (distance as f64).sqrt()) as u64
    }

    /// By how many bytes the place of a time may be wrong.
    pub(super) fn doubt_at(&self, clock: MediaTime) -> u64 {
        match self.bracket(clock) {
            (left, Some(right)) => self.doubt(&left, &right, self.between(&left, &right, clock)),
            (_, None) => 0,
        }
    }

    /// How long pictures wait at most between decoding and showing, one picture more counted in.
    pub(super) fn wait(&self) -> Ticks {
        self.delay + self.frame_duration
    }

    /// Bytes by which a read begins early for what runs ahead of its pictures.
    pub(super) fn lead(&self) -> u64 {
        self.lead.max(limits::LOCATE_LEAD)
    }

    /// Bytes by which it goes on for what trails.
    pub(super) fn trail(&self) -> u64 {
        self.trail.max(limits::LOCATE_LEAD)
    }

    /// Bytes in which no clock may be seen, besides those of a picture: the longest fragment that is known.
    pub fn grain(&self) -> u64 {
        self.grain
    }

    /// Bytes of a probe that sees a clock.
    pub(super) fn probe(&self) -> u64 {
        (self.grain + self.grain / 4).max(limits::PROBE)
    }

    /// How many points are known.
    pub(super) fn count(&self) -> usize {
        self.points.len()
    }
}

/// Bytes per tick.
fn rate(a: &Point, b: &Point) -> f64 {
    b.offset.saturating_sub(a.offset) as f64 / (b.clock - a.clock).get().max(1) as f64
}

/// How far a place is from the points around it: half their distance in the middle, less elsewhere.
fn room(left: &Point, right: &Point, at: u64) -> f64 {
    let (before, after) = (at.saturating_sub(left.offset) as f64, right.offset.saturating_sub(at) as f64);
    before * after / (before + after).max(1.0)
}
