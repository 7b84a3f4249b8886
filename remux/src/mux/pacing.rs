//! When tables and clock references are due. All times are DTS of the key stream on the output clock.

use crate::time::{MediaTime, Pcr, Ticks};

/// Tables, and clock references, are never further apart (H.222.0 §2.7.2 for the PCR; PAT and PMT likewise, as players
/// and analysers expect).
pub(crate) const INTERVAL: Ticks = Ticks::from_millis(100);

/// A hole in the pictures that is longer than this is left a hole.
const LONGEST_FILLED: Ticks = Ticks::SECOND;

/// How far the PCR is ahead of the DTS. As far as audio may trail its pictures, or come before the first one
/// ([`EARLY`](crate::cut::EARLY)), and a little more: nothing arrives at or after the moment at which it is due.
const LEAD: Ticks = Ticks::new(crate::cut::EARLY.get() + 900);

/// Keeps account of what went out last.
#[derive(Debug, Default)]
pub(crate) struct Pacing {
    tables: Option<MediaTime>,
    pcr: Option<MediaTime>,
}

impl Pacing {
    /// The PCR that belongs to a DTS.
    pub(crate) fn pcr(dts: MediaTime) -> Pcr {
        (dts - LEAD).to_pcr()
    }

    /// Whether something that is decoded at `dts` comes too late behind pictures decoded at `pictures`.
    pub(crate) fn is_late(dts: MediaTime, pictures: MediaTime) -> bool {
        dts <= pictures - LEAD
    }

    /// Whether PAT and PMT go before the access unit at `dts`; if so, they are taken as sent.
    pub(crate) fn take_tables(&mut self, dts: MediaTime, is_rap: bool) -> bool {
        let due = is_rap || self.tables.is_none_or(|last| dts - last >= INTERVAL || dts < last);
        if due {
            self.tables = Some(dts);
        }
        due
    }

    /// Whether the access unit at `dts` must carry a PCR: without it, the next one would come too late.
    pub(crate) fn needs_pcr(&self, dts: MediaTime, is_rap: bool, frame_duration: Ticks) -> bool {
        is_rap || self.pcr.is_none_or(|last| dts + frame_duration - last > INTERVAL || dts < last)
    }

    /// A PCR goes out with the access unit at `dts`.
    pub(crate) fn on_pcr(&mut self, dts: MediaTime) {
        self.pcr = Some(dts);
    }

    /// The moments before `dts` at which a PCR must fill a hole between pictures.
    pub(crate) fn take_fillers(&mut self, dts: MediaTime) -> impl Iterator<Item = MediaTime> + use<> {
        let last = self.pcr.filter(|&last| dts - last > INTERVAL && dts - last <= LONGEST_FILLED);
        let count = last.map_or(0, |last| ((dts - last).get() - 1) / INTERVAL.get());
        let at = move |n: i64| last.unwrap_or(dts) + Ticks::new(n * INTERVAL.get());
        if count > 0 {
            self.pcr = Some(at(count));
        }
        (1..=count).map(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> MediaTime {
        MediaTime::from_ticks(millis * 90)
    }

    /// Times of all PCRs, in ms, for pictures at these times.
    fn pcrs(pictures: &[i64], frame: i64) -> Vec<i64> {
        let (mut pacing, mut sent) = (Pacing::default(), Vec::new());
        for &picture in pictures {
            sent.extend(pacing.take_fillers(at(picture)).map(|time| time.ticks() / 90));
            if pacing.needs_pcr(at(picture), false, Ticks::from_millis(frame)) {
                pacing.on_pcr(at(picture));
                sent.push(picture);
            }
        }
        sent
    }

    #[test]
    fn every_second_picture_at_25_a_second() {
        assert_eq!(pcrs(&[0, 40, 80, 120, 160, 200], 40), [0, 80, 160]);
    }

    #[test]
    fn slow_pictures_are_filled_and_long_holes_are_left() {
        assert_eq!(pcrs(&[0, 200, 400], 200), [0, 100, 200, 300, 400]);
        assert_eq!(pcrs(&[0, 1000], 1000), [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
        assert_eq!(pcrs(&[0, 1001], 40), [0, 1001]);
    }
}
