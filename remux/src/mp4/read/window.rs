//! What has been pushed and is still needed: bytes of the source in a row.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::error::Error;
use crate::limits;

/// Bytes between two wanted ranges that are read through rather than jumped over.
pub(super) const GAP: u64 = 256 << 10;

/// A stretch of the source.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    /// In order and without a hole between them; the last one ends at `end`.
    chunks: VecDeque<Bytes>,
    held: u64,
    /// Bytes before this are not needed.
    floor: u64,
    /// Where the next byte belongs.
    end: u64,
}

impl Window {
    /// Takes bytes that lie at `offset`; what lies before the place that was asked for is dropped.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] where bytes are left out, [`Error::LimitExceeded`] where too many wait.
    pub(super) fn push(&mut self, offset: u64, mut bytes: Bytes) -> Result<(), Error> {
        if offset > self.end {
            return Err(Error::OutOfOrder { expected: self.end, pushed: offset });
        }
        if self.held > limits::PUSHED {
            let what = "bytes pushed without polling";
            return Err(Error::LimitExceeded { offset, what, limit: limits::PUSHED });
        }
        let end = offset.saturating_add(bytes.len() as u64);
        if end <= self.end {
            return Ok(());
        }
        let needed = self.end.max(self.floor).min(end);
        let _ = bytes.split_to(usize::try_from(needed - offset).unwrap_or(usize::MAX).min(bytes.len()));
        self.end = end;
        self.held = self.held.saturating_add(bytes.len() as u64);
        if !bytes.is_empty() {
            self.chunks.push_back(bytes);
        }
        Ok(())
    }

    /// Bytes that are held.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// The bytes of a range that has been pushed as a whole; where it has not, the offset that the caller has to go on
    /// at. What lies before the range is not needed any more.
    pub(super) fn take(&mut self, offset: u64, size: usize) -> Result<Bytes, u64> {
        self.seek(offset);
        match offset.checked_add(size as u64) {
            Some(end) if end <= self.end => Ok(self.peek(size)),
            _ => Err(self.end),
        }
    }

    /// What has been pushed of a range, which begins where the last one taken began.
    fn peek(&self, size: usize) -> Bytes {
        match self.chunks.front() {
            Some(first) if first.len() >= size => first.slice(..size),
            _ => {
                let mut joined = BytesMut::with_capacity(size.min(self.held as usize));
                for chunk in &self.chunks {
                    let left = size - joined.len();
                    joined.extend_from_slice(chunk.get(..left).unwrap_or(chunk));
                }
                joined.freeze()
            }
        }
    }

    /// Up to `most` bytes at `offset`, as many as have been pushed.
    pub(super) fn look(&mut self, offset: u64, most: usize) -> Bytes {
        self.seek(offset);
        self.peek(most.min(usize::try_from(self.held).unwrap_or(usize::MAX)))
    }

    /// Nothing before `offset` is needed any more. Where it is not near, it is jumped to.
    fn seek(&mut self, offset: u64) {
        let start = self.end.saturating_sub(self.held);
        let is_untouched = self.end == 0;
        let is_far = offset < start.min(self.floor) || offset > self.end.saturating_add(GAP);
        if is_untouched || is_far {
            *self = Self { end: offset, floor: offset, ..Self::default() };
            return;
        }
        self.floor = offset;
        let mut excess = offset.saturating_sub(start).min(self.held);
        self.held -= excess;
        while let Some(first) = self.chunks.front_mut()
            && excess > 0
        {
            let length = first.len() as u64;
            if length <= excess {
                self.chunks.pop_front();
            } else {
                let _ = first.split_to(excess as usize);
            }
            excess = excess.saturating_sub(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(range: std::ops::Range<u8>) -> Bytes {
        range.collect::<Vec<u8>>().into()
    }

    #[test]
    fn ranges_come_out_however_they_went_in() {
        let mut window = Window::default();
        assert_eq!(window.take(2, 3), Err(2), "nothing has been read yet");
        window.push(0, bytes(0..3)).unwrap();
        assert_eq!(window.take(2, 3), Err(3));
        window.push(3, bytes(3..4)).unwrap();
        window.push(1, bytes(1..9)).unwrap();
        assert_eq!(window.take(2, 3), Ok(bytes(2..5)));
        assert_eq!(window.take(7, 2), Ok(bytes(7..9)));
        assert_eq!(window.look(8, 5), bytes(8..9));
        assert_eq!(window.held, 1);
    }

    #[test]
    fn it_jumps_far_and_back_but_not_near() {
        let mut window = Window::default();
        window.push(0, bytes(0..9)).unwrap();
        assert_eq!(window.take(GAP, 1), Err(9));
        window.push(9, bytes(9..20)).unwrap();
        assert_eq!(window.held, 0);
        assert_eq!(window.take(GAP * 3, 1), Err(GAP * 3));
        assert_eq!(window.take(4, 1), Err(4));
        assert_eq!(window.push(5, bytes(0..1)), Err(Error::OutOfOrder { expected: 4, pushed: 5 }));
    }
}
