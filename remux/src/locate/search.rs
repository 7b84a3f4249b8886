//! Finds the byte to read a segment from: interpolation between known points, probes where that is not certain enough.
//!
//! ```text
//!  known points ──▶ where? ──certain to a megabyte──▶ Read
//!       ▲             └──not──▶ Probe ──▶ Sounding ──┐
//!       └────────────────────────────────────────────┘
//! ```

use std::ops::Range;

use super::knowledge::{Contradiction, Knowledge};
use super::segment::{Found, Thresholds};
use super::sounding::Point;
use crate::index::Learned;
use crate::limits;
use crate::time::Ticks;
use crate::timeline::Clock;

/// The search for one segment.
#[derive(Debug, Clone)]
pub struct Search {
    thresholds: Thresholds,
    /// Rounds of reads that were asked for.
    rounds: u32,
    probes: u32,
    /// How many points were known when the last probe was asked for.
    known: Option<usize>,
    probe: u64,
    /// How often a read has ended too early.
    extended: u32,
    /// Where RAP a is known to be, with what runs ahead of it.
    begin: Option<u64>,
}

/// What to read next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// All of these at once: tell what a [`Sounder`](super::Sounder) makes of each to [`Knowledge::learn`], then ask again.
    Probe(Vec<Range<u64>>),
    /// These for [`Remuxer::between`](crate::Remuxer::between). Where they turn out to begin too late, tell
    /// [`Knowledge::learn_point`] the first picture and ask again; where they end too early, ask for [`Search::more`].
    Read(Range<u64>),
}

/// Why a segment cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The recording has to be scanned into runs.
    #[error(transparent)]
    Contradicts(#[from] Contradiction),
    /// [`limits::SEARCH_ROUNDS`] have not been enough.
    #[error("not found in {rounds} rounds")]
    TooManyRounds {
        /// How many there were.
        rounds: u32,
    },
    /// How long the recording is has not been learned.
    #[error("the tail of the recording is not known")]
    NoTail,
}

/// A time that lies in a hole longer than [`Clock::LONGEST_HOLE`], in which there are hardly any bytes, lies in a jump of the clock. How
/// many times less than the average is hardly any: cameras that see nothing move send little.
const HARDLY_ANY: u64 = 32;
/// Where GOPs are irregular, the next random access point is rarely further away.
const LIKELY_WAIT: Ticks = Ticks::from_millis(10_000);
/// After so many rounds of probes, interpolation has not helped: the middle is probed.
const MISSES: u32 = 3;

impl Search {
    /// Looks for the segment between these.
    pub fn new(thresholds: Thresholds) -> Self {
        Self { thresholds, rounds: 0, probes: 0, known: None, probe: limits::PROBE, extended: 0, begin: None }
    }

    /// The same where some of the recording has been learned: a random access point that is known is not looked for.
    pub fn with(thresholds: Thresholds, learned: &Learned) -> Self {
        let begin = thresholds.from.and_then(|from| learned.rap_at(from));
        let from = begin.map(|rap| rap.pts).or(thresholds.from);
        let begin = begin.map(|rap| rap.offset.saturating_sub(u64::from(rap.lead)));
        Self { begin, ..Self::new(Thresholds { from, ..thresholds }) }
    }

    /// Between which times to look, for [`Remuxer::between`](crate::Remuxer::between): what was given, or the exact time of
    /// RAP a where that is known.
    pub fn thresholds(&self) -> Thresholds {
        self.thresholds
    }

    /// What to read next.
    ///
    /// # Errors
    /// Where the segment cannot be found.
    pub fn next(&mut self, known: &Knowledge) -> Result<Step, SearchError> {
        if self.rounds >= limits::SEARCH_ROUNDS {
            return Err(SearchError::TooManyRounds { rounds: self.rounds });
        }
        self.rounds += 1;
        let Some(from) = self.thresholds.from else { return Ok(Step::Read(self.range(known, 0))) };
        if let Some(begin) = self.begin {
            let range = self.range(known, begin);
            self.begin = None;
            return Ok(Step::Read(range));
        }
        let goal = from - known.wait();
        let (left, Some(right)) = known.bracket(goal) else { return Err(SearchError::NoTail) };
        check_hole(known, &left, &right)?;
        let estimate = known.between(&left, &right, goal);
        let doubt = known.doubt(&left, &right, estimate);
        let before = doubt.saturating_mul(2).saturating_add(known.grain());
        let start = estimate.saturating_sub(before).max(left.offset);
        if estimate.saturating_sub(start) <= self.margin() + known.grain() {
            return Ok(Step::Read(self.range(known, start.saturating_sub(known.lead()))));
        }
        if self.known.replace(known.count()) == Some(known.count()) {
            self.probe = (self.probe * 2).min(limits::LONGEST_PROBE);
        }
        self.probe = self.probe.max(known.probe());
        self.probes += 1;
        Ok(Step::Probe(self.places(known, &left, &right, estimate, doubt)))
    }

    /// Bytes that may be read before what is looked for: the more, the longer the search takes. A probe costs a quarter.
    fn margin(&self) -> u64 {
        match self.probes {
            0 => limits::START_MARGIN / 4 * 3,
            probes => limits::START_MARGIN << probes.min(4),
        }
    }

    /// Where to probe: in one place where it will be certain then.
    fn places(
        &self,
        known: &Knowledge,
        left: &Point,
        right: &Point,
        estimate: u64,
        doubt: u64,
    ) -> Vec<Range<u64>> {
        let distance = right.offset.saturating_sub(left.offset);
        let places = match () {
            () if self.probes > MISSES => {
                [1, 2, 3].map(|quarter| left.offset + distance / 4 * quarter).to_vec()
            }
            () if known.doubt_around(doubt) > limits::START_MARGIN / 4 => {
                let (near, far) = (doubt / 2, doubt.saturating_mul(2));
                vec![
                    estimate.saturating_sub(far),
                    estimate.saturating_sub(near),
                    estimate.saturating_add(near),
                    estimate.saturating_add(far),
                ]
            }
            () => vec![estimate],
        };
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for place in places {
            let start = place.saturating_sub(self.probe / 2).min(right.offset.saturating_sub(self.probe));
            let start = start.max(left.offset);
            let end = (start + self.probe).min(right.offset);
            match ranges.last_mut() {
                _ if start >= end => {}
                Some(last) if last.end >= start => last.end = last.end.max(end),
                _ => ranges.push(start..end),
            }
        }
        ranges
    }

    /// From `start` to where the segment is expected to end, and a fifth more.
    fn range(&self, known: &Knowledge, start: u64) -> Range<u64> {
        let Some(to) = self.thresholds.to else { return start..known.size() };
        let ahead = expected_wait(known);
        let begin = match (self.begin, self.thresholds.from) {
            (None, Some(from)) => known.offset_at(from + ahead).max(start),
            _ => start,
        };
        let end = known.offset_at(to + ahead).max(begin).saturating_add(known.trail());
        // Where the bit rate hardly varies less does.
        let fifth = (end - begin) / 5;
        let more = fifth.min(known.doubt_at(to + ahead).max(limits::START_MARGIN / 2));
        start..end.saturating_add(more).min(known.size())
    }

    /// What to read behind `end`, where bytes up to there have not been enough; `None` at the end of the recording.
    pub fn more(&mut self, known: &Knowledge, found: &Found, end: u64) -> Option<Range<u64>> {
        let wait = expected_wait(known).max(Ticks::SECOND);
        let length = match (found.end, found.begin) {
            (Some(_), _) => known.trail(),
            (None, Some(_)) => bytes_behind(known, end, wait),
            (None, None) => {
                let from = self.thresholds.from.unwrap_or(known.zero());
                let rest = self.thresholds.to.map_or(wait, |to| to - from + wait);
                bytes_behind(known, end, rest)
            }
        };
        let length = length.max(limits::PROBE * 2) << self.extended.min(5);
        self.extended += 1;
        let until = end.saturating_add(length).min(known.size());
        (end < until).then_some(end..until)
    }

    /// Rounds of reads that were asked for.
    pub fn rounds(&self) -> u32 {
        self.rounds
    }
}

/// How far behind a threshold its random access point is expected.
fn expected_wait(known: &Knowledge) -> Ticks {
    let gops = known.gops();
    match gops.is_regular() {
        true => Ticks::new(gops.typical.get() / 2),
        false => gops.mean.max(LIKELY_WAIT),
    }
}

/// The bytes of so much time behind a place.
fn bytes_behind(known: &Knowledge, place: u64, time: Ticks) -> u64 {
    known.offset_at(known.clock_at(place) + time).saturating_sub(place)
}

fn check_hole(known: &Knowledge, left: &Point, right: &Point) -> Result<(), Contradiction> {
    let bytes = right.offset.saturating_sub(left.offset);
    let step = right.clock - left.clock;
    let is_hole =
        step > Clock::LONGEST_HOLE && bytes < limits::PROBE && bytes < known.bytes_of(step) / HARDLY_ANY;
    if is_hole { Err(Contradiction::Jump { offset: left.offset }) } else { Ok(()) }
}
