//! The frames of a segment that somebody may still want: all of them while there is memory for it, then the last few.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::playback::budget::Share;

/// Numbered frames, from some number on.
#[derive(Debug)]
pub(super) struct Window {
    frames: VecDeque<Bytes>,
    /// Number of the first of them.
    first: usize,
    bytes: u64,
    keeping: Keeping,
}

#[derive(Debug)]
enum Keeping {
    /// Everything since the beginning, paid for.
    All { share: Share, most: u64 },
    /// The last [`TAIL`] bytes: whoever falls behind them goes on alone.
    Tail,
}

/// What is asked of a [`Window`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Frame(Bytes),
    NotYet,
    /// It was there and is no longer.
    Lost,
}

/// What is kept of a segment that there is no memory for.
const TAIL: u64 = 256 << 10;

impl Window {
    /// Keeps all as long as `share` grows and it is at most `most` bytes.
    pub(super) fn all(share: Share, most: u64) -> Self {
        Self::new(Keeping::All { share, most })
    }

    /// For one reader.
    pub(super) fn tail() -> Self {
        Self::new(Keeping::Tail)
    }

    fn new(keeping: Keeping) -> Self {
        Self { frames: VecDeque::new(), first: 0, bytes: 0, keeping }
    }

    pub(super) fn get(&self, number: usize) -> Found {
        match number.checked_sub(self.first) {
            None => Found::Lost,
            Some(index) => self.frames.get(index).map_or(Found::NotYet, |frame| Found::Frame(frame.clone())),
        }
    }

    pub(super) fn push(&mut self, frame: Bytes) {
        let length = frame.len() as u64;
        if let Keeping::All { share, most } = &mut self.keeping
            && (self.bytes + length > *most || !share.grow(length))
        {
            self.keeping = Keeping::Tail;
        }
        self.bytes += length;
        self.frames.push_back(frame);
        if matches!(self.keeping, Keeping::Tail) {
            self.trim();
        }
    }

    /// The newest frame stays, whatever its size: who made it go on is about to take it.
    fn trim(&mut self) {
        while self.bytes > TAIL
            && self.frames.len() > 1
            && let Some(frame) = self.frames.pop_front()
        {
            self.bytes -= frame.len() as u64;
            self.first += 1;
        }
    }

    /// Everything since the beginning.
    pub(super) fn whole(&self) -> Option<Vec<Bytes>> {
        matches!(self.keeping, Keeping::All { .. }).then(|| self.frames.iter().cloned().collect())
    }

    pub(super) fn holds_all(&self) -> bool {
        matches!(self.keeping, Keeping::All { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playback::budget::Budget;

    fn frame(length: u64, number: u8) -> Bytes {
        vec![number; length as usize].into()
    }

    #[test]
    fn past_the_budget_the_last_frames_stay() {
        let budget = Budget::of(5 * TAIL);
        let mut window = Window::all(budget.share(), 4 * TAIL);
        for number in 0..4 {
            window.push(frame(TAIL, number));
        }
        assert_eq!(window.whole().unwrap().len(), 4);
        assert_eq!(budget.used(), 4 * TAIL);
        assert_eq!(window.get(4), Found::NotYet);
        window.push(frame(1, 4));
        assert_eq!(budget.used(), 0, "what is not kept is not paid for");
        assert!(window.whole().is_none());
        assert_eq!(window.get(3), Found::Lost);
        assert_eq!(window.get(4), Found::Frame(frame(1, 4)));

        let mut other = budget.share();
        assert!(other.grow(5 * TAIL) && !other.grow(1));
        let mut poor = Window::all(budget.share(), 4 * TAIL);
        poor.push(frame(1, 0));
        assert!(!poor.holds_all());
        drop(other);
        assert_eq!(budget.used(), 0);
    }
}
