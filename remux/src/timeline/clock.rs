//! The clock of one stream: unwraps its timestamps, says which of them are to be doubted, and goes on where they jump.
//!
//! A time is taken in two steps: [`Clock::read`] says what a header says and whether that can be, and one of `take`,
//! `replace` or `rebase` settles it. What is doubtful is settled by what comes after it ([`super::Suspense`]).

use crate::pes::header::PesHeader;
use crate::time::{MediaTime, Ticks};

/// When a PES is decoded and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// When it is shown.
    pub(crate) pts: MediaTime,
    /// When it is decoded; the PTS where the header has no DTS. Never later than the PTS.
    pub(crate) dts: MediaTime,
}

impl Times {
    /// How long the access unit waits between decoding and showing.
    pub(crate) fn delay(self) -> Ticks {
        self.pts - self.dts
    }

    pub(super) fn shifted(self, by: Ticks) -> Self {
        Self { pts: self.pts + by, dts: self.dts + by }
    }
}

/// What a PES header says, not believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The times that it says.
    pub(crate) times: Times,
    /// The header says a PTS that cannot be; this one is as far from the DTS as the last.
    pub(crate) is_patched: bool,
    /// No camera's clock makes this step: it goes back, stands still, or leaves out more than [`Clock::LONGEST_STEP`] or
    /// ten pictures.
    pub(crate) is_doubtful: bool,
}

/// Follows one stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Where the next timestamp is looked for: the DTS before it.
    reference: MediaTime,
    has_started: bool,
    /// Added to what headers say since the clock has jumped.
    shift: Ticks,
    /// What it was from the beginning: another clock than that of the other streams.
    origin: Ticks,
    /// How long a PES lasts that must be given a time.
    frame_duration: Ticks,
    /// Whether that is what the last PES lasted.
    is_measured: bool,
    /// PTS - DTS of the last PES.
    delay: Ticks,
    /// Nothing is doubted: times come as rarely as there is something to say.
    is_trusted: bool,
    /// How far times may go back, where they are PTS of pictures that are decoded in another order and their DTS are not
    /// to be used; 0 where times only rise.
    back: Ticks,
}

impl Clock {
    /// A step ahead of at most this is never doubted.
    pub(crate) const LONGEST_STEP: Ticks = Ticks::SECOND;
    /// A step ahead of at most this is a hole in a clock that goes on; more is a jump.
    pub(crate) const LONGEST_HOLE: Ticks = Ticks::from_millis(10_000);

    /// A clock whose first time is near `reference`, of PES that last `frame_duration`.
    pub(crate) fn near(reference: MediaTime, frame_duration: Ticks) -> Self {
        Self {
            reference,
            has_started: false,
            shift: Ticks::ZERO,
            origin: Ticks::ZERO,
            frame_duration,
            is_measured: false,
            delay: Ticks::ZERO,
            is_trusted: false,
            back: Ticks::ZERO,
        }
    }

    /// The same where so much is added to what headers say.
    pub(crate) fn shifted(self, shift: Ticks) -> Self {
        Self { shift, origin: shift, ..self }
    }

    /// The same where the PES last longer and shorter: what the last one did is what the next will.
    pub(crate) fn measured(self, is_measured: bool) -> Self {
        Self { is_measured, ..self }
    }

    /// The same for metadata.
    pub(crate) fn trusted(self, is_trusted: bool) -> Self {
        Self { is_trusted, ..self }
    }

    /// The same for pictures of this duration whose DTS are made, up to `reorder` of which are decoded ahead of one shown
    /// before them.
    pub(crate) fn reordering(self, reorder: u8, picture: Ticks) -> Self {
        let frames = i64::from(reorder) + i64::from(reorder > 0);
        Self { back: Ticks::new(picture.get().saturating_mul(2 * frames)), ..self }
    }

    /// What a header says; `None` where it has no PTS.
    pub(crate) fn read(&self, header: &PesHeader) -> Option<Reading> {
        let pts = header.pts?;
        let source = self.reference - self.shift;
        let dts = header.dts.filter(|_| self.back == Ticks::ZERO).unwrap_or(pts).unwrap_near(source);
        let mut times = Times { pts: pts.unwrap_near(dts), dts }.shifted(self.shift);
        let is_patched = times.delay() < Ticks::ZERO || times.delay() > Self::LONGEST_HOLE;
        if is_patched {
            times.pts = times.dts + self.delay;
        }
        let is_doubtful =
            self.has_started && !self.is_trusted && !self.is_plausible(times.dts - self.reference);
        Some(Reading { times, is_patched, is_doubtful })
    }

    /// Whether a step of a clock needs no second look.
    pub(crate) fn is_plausible(&self, step: Ticks) -> bool {
        let ten_frames = Ticks::new(self.frame_duration.get().saturating_mul(10));
        let is_ahead = step > Ticks::ZERO || self.back > Ticks::ZERO && step > -self.back;
        is_ahead && step <= Self::LONGEST_STEP.max(ten_frames)
    }

    /// Whether a time, if it is right, is one behind a hole, not of a clock that was set.
    pub(crate) fn is_hole(&self, dts: MediaTime) -> bool {
        let step = dts - self.reference;
        step > Ticks::ZERO && step <= Self::LONGEST_HOLE
    }

    /// These are the times of the next PES.
    pub(crate) fn take(&mut self, times: Times) {
        let step = times.dts - self.reference;
        if self.is_measured && self.has_started && step > Ticks::ZERO && step <= Self::LONGEST_HOLE {
            self.frame_duration = step;
        }
        (self.reference, self.has_started, self.delay) = (times.dts, true, times.delay());
    }

    /// The next PES says nothing that can be believed: the times it is given, before `next` where that is known.
    pub(crate) fn replace(&mut self, delay: Ticks, next: Option<MediaTime>) -> Times {
        let halfway = next.map(|next| Ticks::new((next - self.reference).get() / 2));
        let step = halfway
            .filter(|&step| step > Ticks::ZERO)
            .map_or(self.frame_duration, |step| step.min(self.frame_duration));
        let dts = self.reference + step.max(Ticks::new(1));
        let times = Times { dts, pts: dts + delay.max(Ticks::ZERO) };
        self.take(times);
        times
    }

    /// The clock has jumped to `times` and goes on from there: from now on it is read as if it had not. Gives the times of
    /// the PES, one frame after the last one.
    pub(crate) fn rebase(&mut self, times: Times) -> Times {
        let step = self.reference + self.frame_duration - times.dts;
        self.shift += step;
        let times = times.shifted(step);
        self.take(times);
        times
    }

    /// What is added to what headers say.
    pub(crate) fn added(&self) -> Ticks {
        self.shift
    }

    /// What has been added since the clock began.
    pub(crate) fn shift(&self) -> Ticks {
        self.shift - self.origin
    }

    /// Of two streams that have jumped by about as much, this one follows the other, so that they stay in step.
    /// Gives by how much its times change.
    pub(crate) fn follow(&mut self, shift: Ticks) -> Ticks {
        let difference = shift - self.shift();
        if difference.abs() > Ticks::new(2 * Ticks::SECOND.get()) {
            return Ticks::ZERO;
        }
        self.shift += difference;
        self.reference = self.reference + difference;
        difference
    }

    /// The last DTS.
    pub(crate) fn reference(&self) -> MediaTime {
        self.reference
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const FRAME: Ticks = Ticks::from_millis(40);

    fn header(pts: u64, dts: Option<u64>) -> PesHeader {
        PesHeader { length: 19, pts: Some(Timestamp::new(pts)), dts: dts.map(Timestamp::new) }
    }

    #[test]
    fn runs_through_the_wrap_without_a_doubt() {
        let mut clock = Clock::near(MediaTime::from_ticks((1 << 33) - 9000), FRAME);
        let before = clock.read(&header((1 << 33) - 3600, None)).unwrap();
        clock.take(before.times);
        let after = clock.read(&header(7200, Some(0))).unwrap();
        assert_eq!(
            ((after.times.dts - before.times.dts).get(), after.times.delay().get(), after.is_doubtful),
            (3600, 7200, false)
        );
    }

    #[test]
    fn steps_back_and_far_ahead_are_doubtful() {
        let mut clock = Clock::near(MediaTime::from_ticks(0), FRAME);
        clock.take(Times { pts: MediaTime::from_ticks(90_000), dts: MediaTime::from_ticks(90_000) });
        let doubtful = |pts| clock.read(&header(pts, None)).unwrap().is_doubtful;
        assert_eq!(
            [90_001, 93_600, 180_000, 180_001, 90_000, 86_400].map(doubtful),
            [false, false, false, true, true, true]
        );
    }

    #[test]
    fn after_a_jump_it_goes_on_one_frame_later() {
        let mut clock = Clock::near(MediaTime::from_ticks(0), FRAME);
        clock.take(Times { pts: MediaTime::from_ticks(90_000), dts: MediaTime::from_ticks(90_000) });
        let jumped = clock.read(&header(903_600, Some(900_000))).unwrap();
        let rebased = clock.rebase(jumped.times);
        assert_eq!((rebased.dts.ticks(), rebased.pts.ticks()), (93_600, 97_200));
        let next = clock.read(&header(907_200, Some(903_600))).unwrap();
        assert_eq!((next.times.dts.ticks(), next.is_doubtful), (97_200, false));
    }

    #[test]
    fn a_replaced_time_lies_before_the_next() {
        let mut clock = Clock::near(MediaTime::from_ticks(0), FRAME);
        let at = |ticks| MediaTime::from_ticks(ticks);
        assert_eq!(clock.replace(Ticks::ZERO, None).dts, at(3600));
        assert_eq!(clock.replace(Ticks::ZERO, Some(at(7200))).dts, at(5400));
        assert_eq!(clock.replace(Ticks::ZERO, Some(at(100_000))).dts, at(9000));
    }
}
