//! Frames of a body: pieces of output, joined where they are small.

use bytes::{Bytes, BytesMut};

/// Joins small pieces of output in order, so that every frame of the body is worth its overhead. Large ones pass uncopied.
#[derive(Debug, Default)]
pub(super) struct Frames {
    small: BytesMut,
    ready: Option<Bytes>,
    large: Option<Bytes>,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: Bytes) {
        if bytes.len() >= LARGE_PIECE {
            self.ready = self.take_small();
            self.large = Some(bytes);
            return;
        }
        if self.small.capacity() == 0 {
            self.small.reserve(FRAME);
        }
        self.small.extend_from_slice(&bytes);
        if self.small.len() > FRAME - LARGE_PIECE {
            self.ready = self.take_small();
        }
    }

    /// A frame that is full.
    pub(super) fn take(&mut self) -> Option<Bytes> {
        self.ready.take().or_else(|| self.large.take())
    }

    /// What is left at the end.
    pub(super) fn take_last(&mut self) -> Option<Bytes> {
        self.take().or_else(|| self.take_small())
    }

    fn take_small(&mut self) -> Option<Bytes> {
        let small = std::mem::take(&mut self.small);
        (!small.is_empty()).then(|| small.freeze())
    }
}

/// From this size on a piece is a frame of its own.
const LARGE_PIECE: usize = 16 << 10;

/// The most that small pieces are joined to.
const FRAME: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_is_lost_or_reordered(sizes in prop::collection::vec(0_usize..40_000, 0..60)) {
            let mut frames = Frames::default();
            let (mut pushed, mut taken) = (Vec::new(), Vec::new());
            for (number, size) in sizes.into_iter().enumerate() {
                let piece = vec![number as u8; size];
                pushed.extend_from_slice(&piece);
                frames.push(piece.into());
                while let Some(frame) = frames.take() {
                    prop_assert!(!frame.is_empty() && frame.len() <= FRAME);
                    taken.extend_from_slice(&frame);
                }
            }
            while let Some(frame) = frames.take_last() {
                taken.extend_from_slice(&frame);
            }
            prop_assert!(pushed == taken);
        }
    }
}
