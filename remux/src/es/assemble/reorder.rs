//! DTS for pictures that have none (H.264 C.4.5.3 turned around: the order in which pictures are shown gives the times at
//! which they are decoded).
//!
//! With `depth` pictures decoded ahead of one that is shown before them, the DTS of a picture is the PTS that comes `depth`
//! places earlier in the order of showing. Everything begins anew at a RAP, so that a segment needs nothing before it.

use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;

/// Makes the DTS of one stream.
#[derive(Debug, Clone)]
pub(super) struct Reorder {
    depth: usize,
    frame_duration: Ticks,
    /// The latest PTS, rising, `depth` + 1 of them at most.
    window: Vec<MediaTime>,
    last: Option<MediaTime>,
}

impl Reorder {
    pub(super) fn new(depth: u8, frame_duration: Ticks) -> Self {
        Self { depth: usize::from(depth), frame_duration, window: Vec::new(), last: None }
    }

    /// Whether everything can begin anew at a RAP shown at this time without decoding going back.
    pub(super) fn can_begin_at(&self, pts: MediaTime) -> bool {
        let begin = pts - self.earlier(self.depth);
        self.last.is_none_or(|last| begin > last)
    }

    fn earlier(&self, pictures: usize) -> Ticks {
        Ticks::new(self.frame_duration.get().saturating_mul(pictures as i64))
    }

    /// The times of the next picture. DTS rise; a picture that comes too late for its PTS is shown when it is decoded.
    pub(super) fn times(&mut self, pts: MediaTime, is_rap: bool) -> Times {
        if is_rap {
            self.window.clear();
        }
        if self.window.is_empty() {
            let before = (1..=self.depth).rev().map(|pictures| pts - self.earlier(pictures));
            self.window = before.collect();
        }
        let at = self.window.partition_point(|&known| known <= pts);
        self.window.insert(at, pts);
        let smallest = self.window.remove(0).min(pts);
        let rising =
            self.last.filter(|_| !is_rap).map_or(smallest, |last| smallest.max(last + Ticks::new(1)));
        self.last = Some(rising);
        Times { dts: rising, pts: pts.max(rising) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b_pictures_get_the_times_that_an_encoder_would_have_written() {
        let mut reorder = Reorder::new(2, Ticks::new(40));
        let at = |ticks| MediaTime::from_ticks(ticks);
        let decoded = [0, 160, 80, 40, 120, 320, 240, 200, 280].map(at);
        let dts: Vec<i64> = decoded.iter().map(|&pts| reorder.times(pts, pts == at(0)).dts.ticks()).collect();
        assert_eq!(dts, [-80, -40, 0, 40, 80, 120, 160, 200, 240]);
        assert!(decoded.iter().zip(&dts).all(|(pts, &dts)| dts <= pts.ticks()));
    }
}
