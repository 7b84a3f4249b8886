//! Stretches of wall time.

use remux::time::Ticks;

use super::{WallTime, ticks_between};

/// A stretch of wall time that is not empty: from `start` on, up to but without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    start: WallTime,
    end: WallTime,
}

/// The end does not lie after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be later than start_time")]
pub struct EmptyRange;

impl TimeRange {
    /// All of time.
    pub const ALWAYS: Self = Self { start: WallTime::MIN_UTC, end: WallTime::MAX_UTC };

    /// From `start` up to `end`.
    ///
    /// # Errors
    /// [`EmptyRange`] where `end` does not lie after `start`.
    pub fn new(start: WallTime, end: WallTime) -> Result<Self, EmptyRange> {
        if start < end { Ok(Self { start, end }) } else { Err(EmptyRange) }
    }

    /// Where it begins.
    pub fn start(&self) -> WallTime {
        self.start
    }

    /// Where it ends; this moment is no longer part of it.
    pub fn end(&self) -> WallTime {
        self.end
    }

    /// How long it is.
    pub fn duration(&self) -> Ticks {
        ticks_between(self.start, self.end)
    }

    /// Whether the two share a moment.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// What the two share.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn range(start: i64, end: i64) -> TimeRange {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        TimeRange::new(at(start), at(end)).unwrap()
    }

    #[test]
    fn ends_are_open() {
        assert!(range(0, 10).overlaps(&range(9, 20)));
        assert!(!range(0, 10).overlaps(&range(10, 20)));
        assert_eq!(range(0, 10).intersection(&range(5, 20)), Some(range(5, 10)));
        assert_eq!(range(0, 10).intersection(&range(10, 20)), None);
        assert_eq!(TimeRange::new(WallTime::UNIX_EPOCH, WallTime::UNIX_EPOCH), Err(EmptyRange));
    }
}
