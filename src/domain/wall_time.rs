//! Wall time, and the only arithmetic between it and media time.

use chrono::{DateTime, TimeDelta, Utc};
use remux::time::Ticks;

/// A moment on the wall clock.
pub type WallTime = DateTime<Utc>;

/// The moment `span` later (earlier where it is negative), to the nanosecond below; saturates at the ends of the
/// calendar.
pub fn later(moment: WallTime, span: Ticks) -> WallTime {
    let nanos = (i128::from(span.get()) * 100_000).div_euclid(9);
    let whole = i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX });
    let edge = if whole < 0 { WallTime::MIN_UTC } else { WallTime::MAX_UTC };
    moment.checked_add_signed(TimeDelta::nanoseconds(whole)).unwrap_or(edge)
}

/// From `from` to `to` in media time, to the nearest tick, so that it undoes [`later`] exactly.
pub fn ticks_between(from: WallTime, to: WallTime) -> Ticks {
    let span = to.signed_duration_since(from);
    let nanos = i128::from(span.num_seconds()) * 1_000_000_000 + i128::from(span.subsec_nanos());
    let ticks = (nanos * 9 + 50_000).div_euclid(100_000);
    Ticks::new(i64::try_from(ticks).unwrap_or(if ticks < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ticks_survive_the_way_to_the_wall_clock_and_back(
            second in -1_000_000_000_i64..4_000_000_000, nano in 0_u32..1_000_000_000, span in -1_i64 << 40..1 << 40,
        ) {
            let moment = DateTime::from_timestamp(second, nano).unwrap();
            prop_assert_eq!(ticks_between(moment, later(moment, Ticks::new(span))), Ticks::new(span));
        }
    }

    #[test]
    fn ends_of_the_calendar_saturate() {
        assert_eq!(later(WallTime::MAX_UTC, Ticks::SECOND), WallTime::MAX_UTC);
        assert_eq!(later(WallTime::MIN_UTC, -Ticks::SECOND), WallTime::MIN_UTC);
        assert!(ticks_between(WallTime::MIN_UTC, WallTime::MAX_UTC).get() > 0);
    }
}
