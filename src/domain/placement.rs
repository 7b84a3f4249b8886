//! Where recordings lie on the wall clock.
//!
//! A name gives a recording's start to the second or worse; the media gives its length to the tick. So recordings that
//! follow each other are laid end to end by their media, and the name counts only where that runs away from it:
//!
//! ```text
//! names   |A        |B        |C              |D        |E
//! media   |AAAAAAAAA|BBBBBBBBB|CCCCCC|        |DDDDDDDDDDDD|
//!                                              gap      |xxEEEEEE|
//!         contiguous: C starts where B ends    D starts at its name; E is seen from D's end on
//! ```

use remux::time::Ticks;

use super::{TimeRange, WallTime, later, ticks_between};

/// A recording by its name, before it is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// The start that its name gives.
    pub start: WallTime,
    /// How long it is.
    pub length: Length,
}

/// How long a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Read from its media.
    Known {
        /// From zero to its end.
        duration: Ticks,
        /// Distance of its random access points.
        gop: Ticks,
    },
    /// Nobody has read it yet: nothing is laid end to end with its end.
    Estimated(Ticks),
}

/// Where a recording lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Wall time of its zero.
    pub zero: WallTime,
    /// What of it is to be seen.
    pub visible: TimeRange,
}

/// Places the recordings of a camera, which come in the order of their names. `None` for one that shows nothing that
/// the ones before it do not show already.
///
/// Neighbours within max(2 s, one GOP) are contiguous: the later one's zero is the earlier one's end. Beyond that the
/// later one's zero is its name, so that a camera clock that runs fast or slow is never off by more than that; footage
/// that two recordings share is seen once. Starts and ends only rise; a start lies
/// before the end of the one before, within the tolerance, where a clock that ran ahead is set right (playlists keep
/// their own clock monotone there).
pub fn place(recordings: &[Named]) -> Vec<Option<Place>> {
    let mut previous: Option<Previous> = None;
    let placed = recordings.iter().map(|named| {
        let (zero, from) =
            previous.map_or((named.start, named.start), |previous| previous.followed_by(named));
        let end = later(zero, named.length.ticks());
        let visible = TimeRange::new(from, end).ok()?;
        let named_end = later(named.start, named.length.ticks());
        previous = Some(Previous { from, end, named_end, length: named.length });
        Some(Place { zero, visible })
    });
    placed.collect()
}

/// Names are whole seconds on both sides.
const SHORTEST_TOLERANCE: Ticks = Ticks::new(2 * Ticks::SECOND.get());

impl Length {
    fn ticks(self) -> Ticks {
        match self {
            Self::Known { duration, .. } | Self::Estimated(duration) => duration,
        }
    }

    /// How far from its end the next recording's name may lie.
    fn tolerance(self) -> Ticks {
        match self {
            // A duplicate lies a whole duration away, however short it is.
            Self::Known { duration, gop } => gop.max(SHORTEST_TOLERANCE).min(Ticks::new(duration.get() / 2)),
            Self::Estimated(_) => Ticks::ZERO,
        }
    }
}

#[derive(Clone, Copy)]
struct Previous {
    /// From where on it is seen.
    from: WallTime,
    /// Where it ends as placed.
    end: WallTime,
    /// Where it would end if it had been placed at its name.
    named_end: WallTime,
    length: Length,
}

impl Previous {
    /// Zero of the next recording, and from where on it is seen.
    fn followed_by(self, next: &Named) -> (WallTime, WallTime) {
        let tolerance = self.length.tolerance();
        let near = |moment| ticks_between(moment, next.start).abs() <= tolerance;
        let contiguous = (self.end, self.end);
        let at_its_name = (next.start, next.start);
        if near(self.end) {
            contiguous
        } else if next.start > self.end {
            at_its_name
        } else if near(self.named_end) {
            // Nothing is shown twice: the clock ran ahead of the names, recording by recording.
            let in_order = next.start > self.from && later(next.start, next.length.ticks()) > self.end;
            if in_order { at_its_name } else { contiguous }
        } else {
            (next.start, self.end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn at(seconds: f64) -> WallTime {
        later(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), Ticks::from_seconds(seconds))
    }

    fn known(start: f64, duration: f64, gop: f64) -> Named {
        let (duration, gop) = (Ticks::from_seconds(duration), Ticks::from_seconds(gop));
        Named { start: at(start), length: Length::Known { duration, gop } }
    }

    fn estimated(start: f64, duration: f64) -> Named {
        Named { start: at(start), length: Length::Estimated(Ticks::from_seconds(duration)) }
    }

    /// (zero, seen from, seen until) in seconds.
    fn places(recordings: &[Named]) -> Vec<Option<(f64, f64, f64)>> {
        let seconds = |moment| ticks_between(at(0.0), moment).as_seconds();
        let place = |place: Place| {
            (seconds(place.zero), seconds(place.visible.start()), seconds(place.visible.end()))
        };
        super::place(recordings).into_iter().map(|found| found.map(place)).collect()
    }

    #[test]
    fn neighbours_run_on_by_media_duration() {
        let recordings = [known(0.0, 60.04, 2.0), known(60.0, 59.0, 2.0), known(120.0, 60.0, 2.0)];
        assert_eq!(
            places(&recordings),
            [Some((0.0, 0.0, 60.04)), Some((60.04, 60.04, 119.04)), Some((119.04, 119.04, 179.04))]
        );
    }

    #[test]
    fn a_gap_anchors_anew() {
        let recordings = [known(0.0, 60.0, 2.0), known(62.1, 60.0, 2.0)];
        assert_eq!(places(&recordings), [Some((0.0, 0.0, 60.0)), Some((62.1, 62.1, 122.1))]);
    }

    #[test]
    fn a_long_gop_widens_the_tolerance() {
        let recordings = [known(0.0, 60.0, 10.0), known(69.0, 60.0, 10.0)];
        assert_eq!(places(&recordings)[1], Some((60.0, 60.0, 120.0)));
    }

    #[test]
    fn an_overlap_is_seen_once_and_at_its_own_time() {
        let recordings = [known(0.0, 60.0, 2.0), known(50.0, 60.0, 2.0)];
        assert_eq!(places(&recordings)[1], Some((50.0, 60.0, 110.0)));
    }

    #[test]
    fn a_duplicate_is_dropped_and_what_follows_joins_the_one_that_stays() {
        let recordings =
            [known(0.0, 60.0, 2.0), known(0.0, 60.0, 2.0), known(20.0, 30.0, 2.0), known(60.0, 60.0, 2.0)];
        assert_eq!(places(&recordings), [Some((0.0, 0.0, 60.0)), None, None, Some((60.0, 60.0, 120.0))]);
    }

    #[test]
    fn a_clock_that_runs_away_is_set_right_and_nothing_is_lost() {
        let hours: Vec<Named> = (0..48).map(|hour| known(f64::from(hour) * 3600.0, 3600.3, 2.0)).collect();
        for (hour, place) in places(&hours).into_iter().enumerate() {
            let (zero, from, _) = place.unwrap();
            assert_eq!(zero, from, "hour {hour} is seen from its first picture on");
            assert!((zero - hour as f64 * 3600.0).abs() <= 2.0, "hour {hour} is placed at {zero}");
        }
    }

    #[test]
    fn nothing_is_laid_end_to_end_with_an_estimate() {
        let recordings = [estimated(0.0, 60.0), known(60.5, 60.0, 2.0), estimated(121.0, 60.0)];
        assert_eq!(
            places(&recordings),
            [Some((0.0, 0.0, 60.0)), Some((60.5, 60.5, 120.5)), Some((120.5, 120.5, 180.5))]
        );
    }

    /// (distance of the names, duration, GOP) of recordings in order.
    fn recordings(shortest: u32) -> impl Strategy<Value = Vec<Named>> {
        prop::collection::vec((0_u32..400, shortest..200, 1_u32..12), 1..60).prop_map(|recordings| {
            let starts = recordings.iter().scan(0.0, |start, (distance, ..)| {
                *start += f64::from(*distance) / 2.0;
                Some(*start)
            });
            let named = starts.zip(&recordings);
            named
                .map(|(start, (_, duration, gop))| known(start, f64::from(*duration), f64::from(*gop)))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn ends_only_rise(recordings in recordings(1)) {
            let mut last = (f64::MIN, f64::MIN);
            for (zero, from, end) in places(&recordings).into_iter().flatten() {
                prop_assert!(zero <= from && from < end);
                prop_assert!(from > last.0 && end > last.1);
                last = (from, end);
            }
        }

        #[test]
        fn zero_stays_near_the_name(recordings in recordings(30)) {
            for (named, place) in recordings.iter().zip(places(&recordings)) {
                let Some((zero, ..)) = place else { continue };
                let name = ticks_between(at(0.0), named.start).as_seconds();
                prop_assert!((zero - name).abs() <= 12.0, "zero {} name {}", zero, name);
            }
        }
    }
}
