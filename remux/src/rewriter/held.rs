//! PES of which it cannot be told yet whether they belong inside.

use std::collections::VecDeque;

use crate::limits;
use crate::time::MediaTime;
use crate::ts::{PACKET, Packet};

/// One PES, as far as it has come.
#[derive(Debug)]
pub(super) struct HeldPes {
    /// Number of its stream.
    pub(super) stream: usize,
    /// When it is shown.
    pub(super) pts: MediaTime,
    /// Its packets, ready to go out.
    pub(super) packets: Vec<Packet>,
}

/// All that is held, in the order of the source.
#[derive(Debug, Default)]
pub(super) struct Held {
    pes: VecDeque<HeldPes>,
    packets: usize,
}

impl Held {
    /// A PES starts to be held.
    pub(super) fn start(&mut self, stream: usize, pts: MediaTime) {
        self.pes.push_back(HeldPes { stream, pts, packets: Vec::new() });
    }

    /// The next packet of the PES of this stream that was started last. Gives the number of PES that were dropped to make
    /// room.
    pub(super) fn push(&mut self, stream: usize, packet: &Packet) -> u64 {
        let Some(pes) = self.pes.iter_mut().rev().find(|pes| pes.stream == stream) else { return 0 };
        pes.packets.push(*packet);
        self.packets += 1;
        let mut dropped = 0;
        while self.packets * PACKET > limits::HELD_BYTES
            && let Some(oldest) = self.pes.pop_front()
        {
            self.packets -= oldest.packets.len();
            dropped += 1;
        }
        dropped
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> VecDeque<HeldPes> {
        self.packets = 0;
        std::mem::take(&mut self.pes)
    }

    /// Puts back what still cannot be told.
    pub(super) fn put_back(&mut self, pes: HeldPes) {
        self.packets += pes.packets.len();
        self.pes.push_back(pes);
    }
}
