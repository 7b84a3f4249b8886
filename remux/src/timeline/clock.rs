//! The clock of one stream: unwraps its timestamps and notices what no camera's clock does.

use crate::pes::header::PesHeader;
use crate::time::{MediaTime, Ticks};

/// When a PES is decoded and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// When it is shown.
    pub(crate) pts: MediaTime,
    /// When it is decoded; the PTS where the header has no DTS.
    pub(crate) dts: MediaTime,
}

/// Follows one stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Where the next timestamp is looked for: the one before it.
    reference: MediaTime,
    has_started: bool,
}

/// A step ahead that is a jump.
const JUMP: Ticks = Ticks::new(10 * Ticks::SECOND.get());

impl Clock {
    /// A clock whose first time is near `reference`.
    pub(crate) fn near(reference: MediaTime) -> Self {
        Self { reference, has_started: false }
    }

    /// The times of the next PES, and whether the clock jumped; `None` where its header has no PTS.
    pub(crate) fn on_header(&mut self, header: &PesHeader) -> Option<(Times, bool)> {
        let pts = header.pts?;
        let dts = header.dts.unwrap_or(pts).unwrap_near(self.reference);
        let step = dts - self.reference;
        let has_jumped = self.has_started && (step < Ticks::ZERO || step > JUMP);
        (self.reference, self.has_started) = (dts, true);
        Some((Times { pts: pts.unwrap_near(dts), dts }, has_jumped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn header(pts: u64, dts: Option<u64>) -> PesHeader {
        PesHeader { length: 19, pts: Some(Timestamp::new(pts)), dts: dts.map(Timestamp::new) }
    }

    #[test]
    fn runs_through_the_wrap_without_a_jump() {
        let mut clock = Clock::near(MediaTime::from_ticks((1 << 33) - 9000));
        let (before, _) = clock.on_header(&header((1 << 33) - 3600, None)).unwrap();
        let (after, has_jumped) = clock.on_header(&header(7200, Some(0))).unwrap();
        assert_eq!(
            ((after.dts - before.dts).get(), (after.pts - after.dts).get(), has_jumped),
            (3600, 7200, false)
        );
    }

    #[test]
    fn steps_back_and_far_ahead_are_jumps() {
        let mut clock = Clock::near(MediaTime::from_ticks(0));
        let mut jumped = |pts| clock.on_header(&header(pts, None)).unwrap().1;
        assert_eq!(
            [2_000_000, 2_003_600, 2_000_000, 2_900_000, 2_900_001 + 900_000].map(&mut jumped),
            [false, false, true, false, true]
        );
    }
}
