//! The cuts of a recording that nobody has indexed, planned from its first GOPs: cells of equal length.
//!
//! ```text
//! zero        zero + cell   zero + 2 cell          end
//!  ├─────────────┼─────────────┼─────────────────────┤   planned starts
//!  first RAP  ┊<─┤          ┊<─┤ half a GOP            thresholds: a cut begins at the first RAP behind its own
//! ```
//! Random access points that come when they are expected lie half a GOP behind the threshold; what they jitter never moves
//! one into the neighbouring cell, and an error never adds up.

use serde::{Deserialize, Serialize};

use super::segment::Thresholds;
use crate::index::Rap;
use crate::time::{MediaTime, Ticks};

/// Raised whenever the same facts give other cuts: a grid that is stored is used as it is.
pub const GRID_VERSION: u16 = 1;

/// How far apart the random access points of a recording are, as far as is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GopFacts {
    /// Random access points seen in a row.
    pub raps: u32,
    /// The shortest distance; zero where fewer than two were seen, as are the others.
    pub shortest: Ticks,
    /// The longest.
    pub longest: Ticks,
    /// The middle one, by length.
    pub typical: Ticks,
    /// The average.
    pub mean: Ticks,
}

impl GopFacts {
    /// What these random access points say, which follow each other.
    pub fn of(raps: &[Rap]) -> Self {
        let steps = raps.windows(2).map(|pair| pair[1].pts - pair[0].pts);
        let mut steps: Vec<Ticks> = steps.filter(|&step| step > Ticks::ZERO).collect();
        steps.sort_unstable();
        let sum = steps.iter().fold(Ticks::ZERO, |sum, &step| sum + step);
        Self {
            raps: raps.len() as u32,
            shortest: steps.first().copied().unwrap_or_default(),
            longest: steps.last().copied().unwrap_or_default(),
            typical: steps.get(steps.len() / 2).copied().unwrap_or_default(),
            mean: Ticks::new(sum.get() / steps.len().max(1) as i64),
        }
    }

    /// Longest - shortest, as a part of the average; 0 where no distance is known.
    pub fn spread(&self) -> f64 {
        match self.mean.get() {
            0 => 0.0,
            mean => (self.longest - self.shortest).get() as f64 / mean as f64,
        }
    }

    /// Whether the next random access point can be expected at a certain time.
    pub fn is_regular(&self) -> bool {
        self.raps >= ENOUGH_RAPS && self.typical > Ticks::ZERO && self.spread() <= WIDEST_SPREAD
    }
}

/// The cuts of a recording before it is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// [`GRID_VERSION`] of the engine that made it.
    pub version: u16,
    /// PTS of the first random access point.
    pub zero: MediaTime,
    /// Length of a cell.
    pub cell: Ticks,
    /// What a threshold lies before the planned start, twice: the expected distance of random access points.
    pub gop: Ticks,
    /// The longest distance known.
    pub longest_gop: Ticks,
    /// From zero to the end of the recording.
    pub duration: Ticks,
    /// How many cells there are, at least 1; the last is 0.5 to 1.5 cells long, where there is more than one.
    pub cells: u32,
}

/// What players like a segment to last.
pub const TARGET: Ticks = Ticks::from_millis(6000);
/// The cell where GOPs are irregular.
const IRREGULAR_CELL: Ticks = Ticks::from_millis(30_000);
/// Random access points that say what the distance is.
pub(super) const ENOUGH_RAPS: u32 = 3;
const WIDEST_SPREAD: f64 = 0.1;

impl Grid {
    /// Cells of at least `target` ([`TARGET`]) for a recording with such GOPs.
    pub fn new(zero: MediaTime, gops: &GopFacts, duration: Ticks, target: Ticks) -> Self {
        let roomy = Ticks::new(gops.longest.get().saturating_mul(5) / 4);
        let (cell, gop) = match gops.is_regular() {
            true => (multiple(gops.typical, roomy.max(target)), gops.typical),
            false => (multiple(Ticks::SECOND, roomy.max(target).max(IRREGULAR_CELL)), gops.mean),
        };
        let duration = duration.max(Ticks::ZERO);
        let halves = duration.get() / (cell.get() / 2).max(1);
        let cells = u32::try_from((halves + 1) / 2).unwrap_or(u32::MAX).max(1);
        Self { version: GRID_VERSION, zero, cell, gop, longest_gop: gops.longest, duration, cells }
    }

    /// Where cell `k` begins and ends: at the first RAP at or after either threshold.
    pub fn thresholds(&self, k: u32) -> Thresholds {
        let at = |k: u32| self.planned_start(k) - Ticks::new(self.gop.get() / 2);
        Thresholds {
            from: (k > 0).then(|| at(k)),
            to: k.checked_add(1).filter(|&next| next < self.cells).map(at),
        }
    }

    /// When cell `k` begins, as a playlist has it.
    pub fn planned_start(&self, k: u32) -> MediaTime {
        self.zero + Ticks::new(self.cell.get().saturating_mul(i64::from(k)))
    }

    /// How long cell `k` is, as a playlist has it.
    pub fn planned_duration(&self, k: u32) -> Ticks {
        match k.saturating_add(1) < self.cells {
            true => self.cell,
            false => (self.duration - (self.planned_start(k) - self.zero)).max(Ticks::ZERO),
        }
    }

    /// The cell that holds a time of the recording.
    pub fn cell_at(&self, time: MediaTime) -> u32 {
        let number = (time - self.zero).get() / self.cell.get().max(1);
        u32::try_from(number.max(0)).unwrap_or(u32::MAX).min(self.cells.saturating_sub(1))
    }

    /// `EXT-X-TARGETDURATION`: what no segment is longer than, in seconds.
    pub fn target_duration(&self) -> u64 {
        let longest = (self.cell + self.longest_gop).max(self.planned_duration(self.cells.saturating_sub(1)));
        longest.get().max(1).unsigned_abs().div_ceil(Ticks::SECOND.get() as u64)
    }
}

/// The smallest multiple of `unit` that is at least `least`.
fn multiple(unit: Ticks, least: Ticks) -> Ticks {
    let count = least.get().max(1).unsigned_abs().div_ceil(unit.get().max(1).unsigned_abs());
    Ticks::new(unit.get().max(1).saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Ticks {
        Ticks::from_seconds(seconds)
    }

    fn at(time: f64) -> MediaTime {
        MediaTime::from_ticks(0) + seconds(time)
    }

    fn gops(steps: &[f64]) -> GopFacts {
        let mut pts = at(100.0);
        let mut raps = vec![pts];
        raps.extend(steps.iter().map(|&step| {
            pts = pts + seconds(step);
            pts
        }));
        let rap = |&pts: &MediaTime| Rap {
            offset: 0,
            pts,
            dts: pts,
            size: 0,
            lead: 0,
            trail: 0,
            independent: true,
        };
        GopFacts::of(&raps.iter().map(rap).collect::<Vec<_>>())
    }

    fn grid(steps: &[f64], duration: f64) -> Grid {
        Grid::new(at(100.0), &gops(steps), seconds(duration), TARGET)
    }

    #[test]
    fn a_cell_is_a_multiple_of_the_gop_with_room_for_the_longest() {
        let cells = [2.0, 2.5, 1.0, 0.8, 4.0, 5.0, 10.0].map(|gop| grid(&[gop; 3], 3600.0).cell.as_seconds());
        assert_eq!(cells, [6.0, 7.5, 6.0, 6.4, 8.0, 10.0, 20.0]);
        assert_eq!(grid(&[2.0, 2.1, 1.95], 3600.0).cell.as_seconds(), 6.0);
    }

    #[test]
    fn where_gops_are_irregular_or_not_known_cells_are_long() {
        assert_eq!(grid(&[2.0], 3600.0).cell.as_seconds(), 30.0);
        assert_eq!(grid(&[], 3600.0).cell.as_seconds(), 30.0);
        assert_eq!(grid(&[2.0, 3.0, 2.0], 3600.0).cell.as_seconds(), 30.0);
        assert_eq!(grid(&[2.0, 29.5], 3600.0).cell.as_seconds(), 37.0);
    }

    #[test]
    fn thresholds_lie_half_a_gop_before_the_planned_start() {
        let grid = grid(&[2.0; 3], 3600.0);
        assert_eq!(grid.thresholds(0), Thresholds { from: None, to: Some(at(105.0)) });
        assert_eq!(grid.thresholds(7), Thresholds { from: Some(at(141.0)), to: Some(at(147.0)) });
        assert_eq!(grid.thresholds(599), Thresholds { from: Some(at(100.0 + 3593.0)), to: None });
        assert_eq!((grid.cells, grid.planned_start(7)), (600, at(142.0)));
        assert_eq!(grid.thresholds(u32::MAX).to, None);
    }

    #[test]
    fn the_last_cell_is_half_a_cell_to_one_and_a_half() {
        for (duration, cells, last) in
            [(0.0, 1, 0.0), (2.0, 1, 2.0), (8.9, 1, 8.9), (9.0, 2, 3.0), (14.9, 2, 8.9), (15.0, 3, 3.0)]
        {
            let grid = grid(&[2.0; 3], duration);
            assert_eq!((grid.cells, grid.planned_duration(cells - 1)), (cells, seconds(last)), "{duration}");
            let sum = (0..cells).fold(Ticks::ZERO, |sum, k| sum + grid.planned_duration(k));
            assert_eq!(sum, seconds(duration));
        }
    }

    #[test]
    fn every_time_lies_in_the_cell_that_says_so() {
        let grid = grid(&[2.0; 3], 62.0);
        assert_eq!(
            [0.0, 99.0, 100.0, 105.9, 106.0, 159.0, 500.0].map(|time| grid.cell_at(at(time))),
            [0, 0, 0, 0, 1, 9, 9]
        );
    }

    #[test]
    fn no_planned_segment_is_longer_than_the_target_duration() {
        assert_eq!(grid(&[2.0; 3], 3600.0).target_duration(), 8);
        assert_eq!(grid(&[2.0; 3], 14.9).target_duration(), 9);
        assert_eq!(grid(&[2.0, 29.5], 3600.0).target_duration(), 67);
    }
}
