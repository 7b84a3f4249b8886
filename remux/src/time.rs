//! The three clocks of a transport stream, each its own type, and the only wrap arithmetic of the crate.
//!
//! * [`Timestamp`]: PTS or DTS as coded, 33 bits of 90 kHz (H.222.0 §2.4.3.7).
//! * [`MediaTime`]: the same clock unwrapped, so that it can be compared and subtracted; [`Ticks`] is the difference of two.
//! * [`Pcr`]: program clock reference, 27 MHz (H.222.0 §2.4.3.5).

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

const WRAP: i64 = 1 << 33;

/// A PTS or DTS as it is coded: 33 bits of a 90 kHz clock that wraps every 26.5 hours (H.222.0 §2.4.3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Keeps the lowest 33 bits of `ticks`.
    pub const fn new(ticks: u64) -> Self {
        Self(ticks & (WRAP as u64 - 1))
    }

    /// The coded value, below 2^33.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The unwrapped time nearest to `reference` that is coded as this timestamp.
    pub fn unwrap_near(self, reference: MediaTime) -> MediaTime {
        let difference = (self.0 as i64).wrapping_sub(reference.0) & (WRAP - 1);
        let signed = if difference >= WRAP / 2 { difference - WRAP } else { difference };
        MediaTime(reference.0.saturating_add(signed))
    }
}

/// A point on a recording's clock: 90 kHz ticks, unwrapped. Comparable within one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MediaTime(i64);

impl MediaTime {
    /// A point from unwrapped 90 kHz ticks.
    pub const fn from_ticks(ticks: i64) -> Self {
        Self(ticks)
    }

    /// Unwrapped 90 kHz ticks.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// The 33 bits that go into a PES header.
    pub const fn wrap(self) -> Timestamp {
        Timestamp(self.0.rem_euclid(WRAP) as u64)
    }

    /// The same moment on the 27 MHz clock of the PCR.
    pub const fn to_pcr(self) -> Pcr {
        Pcr { base: self.wrap(), extension: 0 }
    }
}

impl Add<Ticks> for MediaTime {
    type Output = Self;
    fn add(self, span: Ticks) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Ticks> for MediaTime {
    type Output = Self;
    fn sub(self, span: Ticks) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for MediaTime {
    type Output = Ticks;
    fn sub(self, earlier: Self) -> Ticks {
        Ticks(self.0.saturating_sub(earlier.0))
    }
}

/// A span of media time in 90 kHz ticks; negative where the order is reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Ticks(i64);

impl Ticks {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// One second.
    pub const SECOND: Self = Self(90_000);

    /// A span of `ticks` / 90,000 seconds.
    pub const fn new(ticks: i64) -> Self {
        Self(ticks)
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(90))
    }

    /// The nearest span to `seconds`; not-a-number becomes zero, what is out of range saturates.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 90_000.0).round() as i64)
    }

    /// 90 kHz ticks.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Seconds, exact to the tick for any length that a recording can have.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 90_000.0
    }

    /// Whole microseconds, rounded down; exact enough to name a frame.
    pub const fn as_micros(self) -> i64 {
        (self.0 as i128 * 100 / 9) as i64
    }

    /// The distance, whatever the order.
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }
}

impl Add for Ticks {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Ticks {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Ticks {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Ticks {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_seconds())
    }
}

/// A program clock reference: a 33-bit base of 90 kHz and an extension of 27 MHz, 0..300 (H.222.0 §2.4.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pcr {
    /// `program_clock_reference_base`.
    pub base: Timestamp,
    /// `program_clock_reference_extension`, 0..300.
    pub extension: u16,
}

impl Pcr {
    /// The six bytes of the field: 33 bits base, 6 bits reserved (ones), 9 bits extension.
    pub const fn to_bytes(self) -> [u8; 6] {
        let base = self.base.0;
        [
            (base >> 25) as u8,
            (base >> 17) as u8,
            (base >> 9) as u8,
            (base >> 1) as u8,
            ((base & 1) << 7) as u8 | 0x7e | (self.extension >> 8) as u8,
            self.extension as u8,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwraps_to_the_nearest_turn_of_the_clock() {
        let near_wrap = MediaTime::from_ticks(WRAP - 100);
        assert_eq!(Timestamp::new(50).unwrap_near(near_wrap).ticks(), WRAP + 50);
        assert_eq!(Timestamp::new(WRAP as u64 - 300).unwrap_near(near_wrap).ticks(), WRAP - 300);
        assert_eq!(Timestamp::new(WRAP as u64 - 1).unwrap_near(MediaTime::from_ticks(0)).ticks(), -1);
        assert_eq!(Timestamp::new(7).unwrap_near(MediaTime::from_ticks(5 * WRAP + 9)).ticks(), 5 * WRAP + 7);
    }

    #[test]
    fn wrapping_back_gives_the_coded_value() {
        for ticks in [-1, 0, 1, WRAP - 1, WRAP, 3 * WRAP + 12345] {
            let time = MediaTime::from_ticks(ticks);
            assert_eq!(time.wrap().unwrap_near(time), time);
        }
    }

    #[test]
    fn pcr_field_has_base_reserved_ones_and_extension() {
        let pcr = Pcr { base: Timestamp::new(0x1_2345_6789), extension: 299 };
        assert_eq!(pcr.to_bytes(), [0x91, 0xa2, 0xb3, 0xc4, 0xff, 0x2b]);
    }
}
