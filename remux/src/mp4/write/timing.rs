//! When the samples of one track are decoded, and how long each of them lasts.
//!
//! The duration of a sample is the distance to the next one, so it is known when that comes; of the last one it is what a
//! frame takes. Decode times never stand still, whatever the source says.

use super::track::Track;
use crate::es::access_unit::{AccessUnit, Data};
use crate::timeline::Times;

/// The clock of one track, counting from decode time to decode time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TrackClock {
    last: Option<Last>,
    /// Samples whose decode time had to be moved because it was not behind the one before, or too far behind it.
    pub(crate) moved: u64,
}

/// The sample whose duration is not known yet.
#[derive(Debug, Clone, Copy)]
struct Last {
    decode_time: i64,
    /// How long it lasts by its own account.
    nominal: u32,
}

/// When a sample is decoded and shown, in units of its track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) decode_time: i64,
    /// Composition time less decode time (ISO/IEC 14496-12 §8.6.1.3).
    pub(crate) composition_offset: i32,
    /// How long the sample before it lasts; `None` for the first.
    pub(crate) duration_before: Option<u32>,
}

impl TrackClock {
    /// Places the next sample. Pictures go where they belong; sound runs on by what its frames decode to, until it is more
    /// than half a frame away from where it belongs: then the frame before lasts longer, or shorter.
    pub(crate) fn place(&mut self, track: &Track, times: Times, unit: &AccessUnit) -> Placed {
        let (given, shown) = (track.units(times.dts), track.units(times.pts));
        let nominal = match &unit.data {
            Data::Frame(frame) => track.duration(frame),
            Data::Nals(_) => track.frame_duration,
        };
        let decode_time = self.decode_time(track, given);
        let duration_before = self.last.map(|last| (decode_time - last.decode_time) as u32);
        let composition_offset = match track.is_video() {
            true => (shown - decode_time).clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            false => 0,
        };
        self.last = Some(Last { decode_time, nominal });
        Placed { decode_time, composition_offset, duration_before }
    }

    fn decode_time(&mut self, track: &Track, given: i64) -> i64 {
        let Some(Last { decode_time, nominal }) = self.last else { return given };
        let expected = decode_time + i64::from(nominal);
        if !track.is_video() && (given - expected).abs() * 2 <= i64::from(nominal) {
            return expected;
        }
        let possible = given.clamp(decode_time + 1, decode_time + i64::from(u32::MAX));
        self.moved += u64::from(possible != given);
        possible
    }

    /// What comes after the last sample: its duration, where `next` is the time of the sample that would follow it. The
    /// clock begins anew.
    pub(crate) fn finish(&mut self, track: &Track, next: Option<Times>) -> Option<u32> {
        let last = self.last?;
        let end = match next {
            Some(times) => self.decode_time(track, track.units(times.dts)),
            None => last.decode_time + i64::from(last.nominal),
        };
        self.last = None;
        Some((end - last.decode_time) as u32)
    }
}
