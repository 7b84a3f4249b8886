//! What it cannot be told yet of whether it belongs inside.

use std::collections::VecDeque;

use crate::es::access_unit::AccessUnit;
use crate::limits;
use crate::time::MediaTime;
use crate::ts::{PACKET, Packet};

/// One PES, or one access unit.
#[derive(Debug)]
pub(super) struct HeldItem {
    /// Number of its stream.
    pub(super) stream: usize,
    /// When it is shown.
    pub(super) pts: MediaTime,
    /// What it consists of.
    pub(super) content: Content,
}

/// What is held.
#[derive(Debug)]
pub(super) enum Content {
    /// The packets of a PES as far as it has come, ready to go out.
    Packets(Vec<Packet>),
    /// An access unit that goes into new packets.
    Unit(Box<AccessUnit>),
}

impl HeldItem {
    fn size(&self) -> usize {
        match &self.content {
            Content::Packets(packets) => packets.len() * PACKET,
            Content::Unit(unit) => unit.size(),
        }
    }
}

/// All that is held, in the order of the source.
#[derive(Debug, Default)]
pub(super) struct Held {
    items: VecDeque<HeldItem>,
    bytes: usize,
}

impl Held {
    /// A PES starts to be held.
    pub(super) fn start(&mut self, stream: usize, pts: MediaTime) {
        self.items.push_back(HeldItem { stream, pts, content: Content::Packets(Vec::new()) });
    }

    /// The next packet of the PES of this stream that was started last. Gives the number of items that were dropped to make
    /// room.
    pub(super) fn push(&mut self, stream: usize, packet: &Packet) -> u64 {
        let open = self.items.iter_mut().rev().find(|item| item.stream == stream);
        let Some(HeldItem { content: Content::Packets(packets), .. }) = open else { return 0 };
        packets.push(*packet);
        self.bytes += PACKET;
        self.make_room()
    }

    /// An access unit. Gives the number of items that were dropped to make room.
    pub(super) fn push_unit(&mut self, unit: AccessUnit) -> u64 {
        let (stream, pts) = (unit.stream, unit.times.pts);
        self.put_back(HeldItem { stream, pts, content: Content::Unit(Box::new(unit)) });
        self.make_room()
    }

    fn make_room(&mut self) -> u64 {
        let mut dropped = 0;
        while self.bytes > limits::HELD_BYTES
            && let Some(oldest) = self.items.pop_front()
        {
            self.bytes -= oldest.size();
            dropped += 1;
        }
        dropped
    }

    /// Whether one more packet makes the oldest go.
    pub(super) fn is_full(&self) -> bool {
        self.bytes + PACKET > limits::HELD_BYTES
    }

    /// The latest time of what is held; `None` where nothing is.
    pub(super) fn latest(&self) -> Option<MediaTime> {
        self.items.iter().map(|item| item.pts).max()
    }

    /// Takes everything out.
    pub(super) fn take(&mut self) -> VecDeque<HeldItem> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }

    /// Puts back what still cannot be told.
    pub(super) fn put_back(&mut self, item: HeldItem) {
        self.bytes += item.size();
        self.items.push_back(item);
    }
}
