//! The output as it forms: stretches of the source in place, and packets made on the way, in order.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::ts::Packet;

/// Collects what goes out of one chunk of source.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    order: Vec<Piece>,
    made: BytesMut,
}

#[derive(Debug)]
enum Piece {
    /// A stretch of the chunk.
    Source(Range<usize>),
    /// A stretch of `made`.
    Made(Range<usize>),
}

impl Pieces {
    /// The packets at this place in the chunk go out.
    #[inline]
    pub(super) fn source(&mut self, at: Range<usize>) {
        match self.order.last_mut() {
            Some(Piece::Source(range)) if range.end == at.start => range.end = at.end,
            _ => self.order.push(Piece::Source(at)),
        }
    }

    /// A packet that is not in the chunk, or not at its place there, goes out.
    pub(super) fn made(&mut self, packet: &Packet) {
        self.make(|made| made.extend_from_slice(packet));
    }

    /// The packets that `make` appends go out.
    pub(super) fn make(&mut self, make: impl FnOnce(&mut BytesMut)) {
        let at = self.made.len();
        make(&mut self.made);
        match self.order.last_mut() {
            Some(Piece::Made(range)) if range.end == at => range.end = self.made.len(),
            _ => self.order.push(Piece::Made(at..self.made.len())),
        }
    }

    /// Hands out what was collected from `chunk`, without copying it.
    pub(super) fn take(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        let made = self.made.split().freeze();
        out.extend(self.order.drain(..).map(|piece| match piece {
            Piece::Source(range) => chunk.slice(range),
            Piece::Made(range) => made.slice(range),
        }));
    }
}
