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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::Unit;
    use crate::layout::Codec;
    use crate::mp4::write::ParameterSets;
    use crate::mp4::write::testing::{layout, picture, sound};

    /// Durations that the samples at these times get, and how many were moved.
    fn durations(codec: Codec, times: &[i64]) -> (Vec<u32>, u64) {
        let track = Track::all(&layout(&[codec]), ParameterSets::OutOfBand).unwrap().remove(0);
        let mut clock = TrackClock::default();
        let mut durations = Vec::new();
        for &time in times {
            let unit = match codec.is_video() {
                true => picture(0, time, time, Unit::Picture, &[&[0x41, 1]]),
                false => sound(0, time, &[0x0b, 0x77, 0, 0, 0x1c, 0x40, 0xe1, 0xff]),
            };
            durations.extend(clock.place(&track, unit.times, &unit).duration_before);
        }
        durations.extend(clock.finish(&track, None));
        (durations, clock.moved)
    }

    #[test]
    fn pictures_last_until_the_next_one() {
        assert_eq!(durations(Codec::H264, &[0, 3000, 7200]), (vec![3000, 4200, 3600], 0));
    }

    #[test]
    fn decode_times_never_stand_still() {
        assert_eq!(durations(Codec::H264, &[7200, 7200, 0, 10_800]), (vec![1, 1, 3598, 3600], 2));
        let far = i64::from(u32::MAX) + 5;
        assert_eq!(durations(Codec::H264, &[0, far]), (vec![u32::MAX, 3600], 1));
    }

    #[test]
    fn sound_runs_on_through_jitter() {
        // AC-3: 1536 samples of 48 kHz are 2880 ticks.
        assert_eq!(durations(Codec::Ac3, &[0, 2881, 5750, 8000 + 640]), (vec![1536; 4], 0));
    }

    #[test]
    fn a_hole_in_sound_is_kept() {
        assert_eq!(durations(Codec::Ac3, &[0, 2880, 9000, 11_880]), (vec![1536, 3264, 1536, 1536], 0));
        assert_eq!(
            durations(Codec::Ac3, &[0, 2880, 2880 + 1350]),
            (vec![1536, 720, 1536], 0),
            "and an overlap"
        );
    }

    #[test]
    fn what_comes_after_the_last_one_tells_its_duration() {
        let track = Track::all(&layout(&[Codec::H264]), ParameterSets::OutOfBand).unwrap().remove(0);
        let mut clock = TrackClock::default();
        let unit = picture(0, 0, 0, Unit::Idr, &[&[0x65, 1]]);
        clock.place(&track, unit.times, &unit);
        let next = picture(0, 3003, 3003, Unit::Idr, &[&[0x65, 1]]);
        assert_eq!(clock.finish(&track, Some(next.times)), Some(3003));
        assert_eq!(clock.finish(&track, None), None);
    }
}
