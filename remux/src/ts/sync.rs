//! Cuts bytes into packets on their grid, wherever the bytes were cut into chunks.

use std::ops::Range;

use super::grid::{LOOKAHEAD, PacketSize, Step, Sync};
use crate::ts::packet::{PACKET, Packet, SYNC_BYTE};

/// What a [`Framer`] finds in the bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A packet that lies in the pushed bytes, at this place in them.
    Inside(usize),
    /// A packet that began in bytes pushed before.
    Across,
    /// Nothing more in these bytes.
    Nothing,
}

/// Cuts bytes into packets, wherever they were cut into chunks.
#[derive(Debug, Clone)]
pub(crate) struct Framer {
    sync: Sync,
    /// The beginning of a packet, or of a search, that the chunk before ended with; below [`LOOKAHEAD`] + a packet.
    carry: Vec<u8>,
    /// How many bytes of `carry` come from the chunk that is being read.
    borrowed: usize,
    /// How far the chunk that is being read has been taken.
    position: usize,
    /// Offset in the source of the next byte to look at: right behind a packet that was found.
    offset: u64,
    /// The packet of [`Found::Across`].
    across: Packet,
    gap: Gap,
}

/// Bytes that do not belong to the grid.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Skipped since the last packet.
    pub(crate) pending: u64,
    /// Skipped in all.
    pub(crate) total: u64,
}

impl Gap {
    fn add(&mut self, count: u64) {
        self.pending += count;
        self.total += count;
    }

    /// So many of the bytes skipped since the last packet turn out to belong to the grid.
    fn forget(&mut self, count: u64) {
        let count = count.min(self.pending);
        self.pending -= count;
        self.total -= count;
    }
}

impl Framer {
    /// Begins at `offset` of the source.
    pub(crate) fn new(offset: u64) -> Self {
        Self {
            sync: Sync::NEW,
            carry: Vec::new(),
            borrowed: 0,
            position: 0,
            offset,
            across: [0; PACKET],
            gap: Gap::default(),
        }
    }

    /// Offset in the source of what comes after the packet found last.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Begins at `offset` of the source, where a packet of a grid of this size is known to start.
    pub(crate) fn on_grid(offset: u64, size: PacketSize) -> Self {
        Self { sync: Sync::At(size), ..Self::new(offset) }
    }

    /// Begins anywhere in a source whose packets are known to stand so far apart.
    pub(crate) fn knowing(offset: u64, size: PacketSize) -> Self {
        Self { sync: Sync::Searching { before: Some(size), parity: 0 }, ..Self::new(offset) }
    }

    /// How far apart the packets stand, as far as is known: that of the packet found last.
    #[inline]
    pub(crate) fn packet_size(&self) -> PacketSize {
        match self.sync {
            Sync::At(size) | Sync::Between(size) | Sync::Searching { before: Some(size), .. } => size,
            Sync::Searching { before: None, .. } => PacketSize::Plain,
        }
    }

    /// Between two chunks: what is known of the grid, and the bytes from [`offset`](Self::offset) on.
    pub(crate) fn rest(&self) -> (Sync, &[u8]) {
        (self.sync, &self.carry)
    }

    /// Goes on from what another has [left](Self::rest); `offset` is that of the first byte of `carry`.
    pub(crate) fn resume(offset: u64, sync: Sync, carry: Vec<u8>) -> Self {
        Self { sync, carry, ..Self::new(offset) }
    }

    /// The packet of [`Found::Across`].
    pub(crate) fn across(&mut self) -> &mut Packet {
        &mut self.across
    }

    /// What has been skipped.
    pub(crate) fn gap(&self) -> Gap {
        self.gap
    }

    /// Bytes skipped just before the packet that was found last; asking takes them.
    #[inline]
    pub(crate) fn take_gap(&mut self) -> Option<u64> {
        (self.gap.pending > 0).then(|| std::mem::take(&mut self.gap.pending))
    }

    /// The next packet of `chunk`. Ask until [`Found::Nothing`] before the next chunk; `at_end` says that none follows.
    #[inline]
    pub(crate) fn next(&mut self, chunk: &[u8], at_end: bool) -> Found {
        if let (Sync::Between(size), true) = (self.sync, self.carry.is_empty()) {
            let at = self.position + size.filler();
            // The one comparison that nearly every packet of a recording needs.
            if chunk.len().saturating_sub(at) >= PACKET && chunk[at] == SYNC_BYTE {
                self.position = at + PACKET;
                self.offset += size.bytes() as u64;
                return Found::Inside(at);
            }
        }
        self.next_slow(chunk, at_end)
    }

    /// The packets of `chunk` that come next, as long as they stand side by side; whether each begins with a sync byte is for
    /// the caller to see, who then [passes](Self::pass_row) those that do.
    #[inline]
    pub(crate) fn row<'a>(&self, chunk: &'a mut [u8]) -> &'a mut [Packet] {
        let is_plain = self.sync == Sync::Between(PacketSize::Plain) && self.carry.is_empty();
        let begin = if is_plain { self.position } else { chunk.len() };
        chunk.get_mut(begin..).unwrap_or_default().as_chunks_mut().0
    }

    /// Goes on behind so many packets of the [row](Self::row); gives their place in the chunk.
    #[inline]
    pub(crate) fn pass_row(&mut self, count: usize) -> Range<usize> {
        let begin = self.position;
        self.position += count * PACKET;
        self.offset += (count * PACKET) as u64;
        begin..self.position
    }

    /// What has been pushed and not been looked at yet, from [`offset`](Self::offset) on; `chunk` is the last that was.
    pub(crate) fn unread(&self, chunk: &[u8]) -> Vec<u8> {
        [&self.carry, chunk.get(self.position..).unwrap_or_default()].concat()
    }

    /// The next packet of `chunk`, for who need not leave it where it lies; otherwise as [`next`](Self::next).
    pub(crate) fn next_copied(&mut self, chunk: &[u8], at_end: bool) -> Option<Packet> {
        match self.next(chunk, at_end) {
            Found::Inside(at) => chunk[at..].first_chunk().copied(),
            Found::Across => Some(self.across),
            Found::Nothing => None,
        }
    }

    #[cold]
    fn next_slow(&mut self, chunk: &[u8], at_end: bool) -> Found {
        loop {
            self.top_up(chunk);
            let is_carried = !self.carry.is_empty();
            let step = if is_carried {
                self.sync.step(&self.carry, at_end && self.position == chunk.len())
            } else {
                self.sync.step(&chunk[self.position..], at_end)
            };
            match step {
                Step::Packet if is_carried => {
                    self.across.copy_from_slice(&self.carry[..PACKET]);
                    self.pass(PACKET);
                    return Found::Across;
                }
                Step::Packet => {
                    self.pass(PACKET);
                    return Found::Inside(self.position - PACKET);
                }
                Step::Begin(filler) => self.gap.forget(filler as u64),
                Step::Filler(count) => self.pass(count),
                Step::Skip(count) => {
                    self.gap.add(count as u64);
                    self.pass(count);
                }
                Step::More if self.position == chunk.len() => return self.end_of_chunk(),
                Step::More if is_carried => {}
                Step::More => {
                    self.carry.extend_from_slice(&chunk[self.position..]);
                    return self.end_of_chunk();
                }
            }
        }
    }

    /// Goes on by so many of the bytes that were looked at.
    fn pass(&mut self, count: usize) {
        if self.carry.is_empty() {
            self.position += count;
        } else {
            self.carry.drain(..count);
        }
        self.offset += count as u64;
    }

    /// Fills the carry from the chunk as far as a decision can need it, or gives back to the chunk what is left of it.
    fn top_up(&mut self, chunk: &[u8]) {
        self.borrowed = self.borrowed.min(self.carry.len());
        if self.carry.len() == self.borrowed {
            self.position -= self.borrowed;
            self.carry.clear();
            self.borrowed = 0;
        } else {
            let wanted =
                (LOOKAHEAD + PACKET).saturating_sub(self.carry.len()).min(chunk.len() - self.position);
            self.carry.extend_from_slice(&chunk[self.position..self.position + wanted]);
            self.position += wanted;
            self.borrowed += wanted;
        }
    }

    fn end_of_chunk(&mut self) -> Found {
        self.position = 0;
        self.borrowed = 0;
        Found::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of one PID whose payload counts up, so that a wrong grid shows.
    fn packets(count: usize) -> Vec<u8> {
        let packet = |n: usize| {
            let header = [SYNC_BYTE, 1, 0, 0x10 | n as u8 & 0x0f];
            header.into_iter().chain((4..PACKET).map(move |i| (n * 7 + i) as u8 & 0x3f))
        };
        (0..count).flat_map(packet).collect()
    }

    /// Offsets of the packets found when `bytes` come in chunks of `size`.
    fn offsets(bytes: &[u8], size: usize) -> (Vec<u64>, u64) {
        let mut framer = Framer::new(0);
        let mut found = Vec::new();
        let mut chunks = bytes.chunks(size).peekable();
        while let Some(chunk) = chunks.next() {
            let at_end = chunks.peek().is_none();
            loop {
                match framer.next(chunk, at_end) {
                    Found::Nothing => break,
                    Found::Inside(at) => assert_eq!(chunk[at], SYNC_BYTE),
                    Found::Across => assert_eq!(framer.across()[0], SYNC_BYTE),
                }
                found.push(framer.offset() - PACKET as u64);
            }
        }
        (found, framer.gap().total)
    }

    fn grid(from: u64, count: u64) -> Vec<u64> {
        grid_of(PacketSize::Plain, from, count)
    }

    fn grid_of(size: PacketSize, from: u64, count: u64) -> Vec<u64> {
        (0..count).map(|n| from + n * size.bytes() as u64).collect()
    }

    /// The same packets with what another packet size puts between them; the bytes of it are never a sync byte.
    fn spaced(size: PacketSize, packets: &[u8]) -> Vec<u8> {
        let (before, after) = match size {
            PacketSize::Plain => (0, 0),
            PacketSize::Timed => (4, 0),
            PacketSize::Coded => (0, 16),
        };
        let spaced = packets.chunks(PACKET);
        spaced.flat_map(|packet| [&vec![0xb7; before], packet, &vec![0xc7; after]].concat()).collect()
    }

    const SIZES: [usize; 9] = [1, 7, 187, 188, 192, 204, 613, 800, 1 << 20];

    #[test]
    fn packets_of_other_sizes_are_all_found_and_their_filler_is_no_gap() {
        for (size, first) in [(PacketSize::Timed, 4), (PacketSize::Coded, 0)] {
            let bytes = spaced(size, &packets(9));
            for chunk in 1..bytes.len() + 1 {
                assert_eq!(
                    offsets(&bytes, chunk),
                    (grid_of(size, first, 9), 0),
                    "{size:?} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn garbage_between_packets_of_other_sizes_is_skipped_to_the_byte() {
        for (size, first) in [(PacketSize::Timed, 4), (PacketSize::Coded, 0)] {
            let part = spaced(size, &packets(6));
            let bytes = [&[1, 2, 3][..], &part, &[9; 100], &part, &[8; 50]].concat();
            let again = 103 + part.len() as u64 + first;
            let expected = [grid_of(size, 3 + first, 6), grid_of(size, again, 6)].concat();
            for chunk in SIZES {
                assert_eq!(offsets(&bytes, chunk), (expected.clone(), 153), "{size:?} in chunks of {chunk}");
            }
        }
    }

    #[test]
    fn a_torn_first_packet_and_a_damaged_sync_byte_cost_what_they_hold() {
        for (size, first) in [(PacketSize::Timed, 4), (PacketSize::Coded, 0)] {
            let stride = size.bytes() as u64;
            let mut bytes = spaced(size, &packets(12))[100..].to_vec();
            bytes[size.bytes() * 5 - 100 + first as usize] = 0;
            let from = stride - 100 + first;
            let expected = [grid_of(size, from, 4), grid_of(size, from + 5 * stride, 6)].concat();
            for chunk in SIZES {
                assert_eq!(offsets(&bytes, chunk), (expected.clone(), 2 * stride - 100), "chunks of {chunk}");
            }
        }
    }

    #[test]
    fn the_packet_size_may_change_behind_garbage_and_without() {
        let (plain, timed) = (packets(6), spaced(PacketSize::Timed, &packets(6)));
        let length = (plain.len(), timed.len());
        for garbage in [0, 5, 300] {
            let bytes = [&plain[..], &vec![9; garbage], &timed, &vec![9; garbage], &plain].concat();
            let second = (length.0 + garbage) as u64;
            let third = second + (length.1 + garbage) as u64;
            let expected = [grid(0, 6), grid_of(PacketSize::Timed, second + 4, 6), grid(third, 6)].concat();
            for chunk in SIZES {
                assert_eq!(
                    offsets(&bytes, chunk),
                    (expected.clone(), 2 * garbage as u64),
                    "chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn garbage_full_of_sync_bytes_holds_no_packet_size_back() {
        for (size, first) in [(PacketSize::Plain, 0), (PacketSize::Timed, 4), (PacketSize::Coded, 0)] {
            let bytes = [vec![SYNC_BYTE; 1000], spaced(size, &packets(12))].concat();
            let (found, _) = offsets(&bytes, 1 << 20);
            let sound = grid_of(size, 1000 + first, 12);
            let last = found.len() - 10;
            assert_eq!(found[last..], sound[2..], "{size:?}: two packets at most are lost");
            assert!(found.windows(2).all(|pair| pair[1] - pair[0] >= PACKET as u64));
        }
    }

    #[test]
    fn a_row_holds_the_whole_packets_that_come_next_and_is_passed_as_one() {
        let mut bytes = packets(9);
        bytes.truncate(8 * PACKET + 100);
        let mut framer = Framer::new(0);
        assert!(framer.row(&mut bytes).is_empty(), "no packet has been found");
        assert_eq!(framer.next(&bytes, false), Found::Inside(0));
        assert_eq!(framer.row(&mut bytes).len(), 7);
        assert_eq!(framer.pass_row(6), PACKET..7 * PACKET);
        assert_eq!(framer.next(&bytes, false), Found::Inside(7 * PACKET));
        assert_eq!(framer.offset(), 8 * PACKET as u64);
        assert!(framer.row(&mut bytes).is_empty(), "the last is torn");
        let mut spaced = spaced(PacketSize::Coded, &packets(9));
        let mut framer = Framer::new(0);
        assert_eq!(framer.next(&spaced, false), Found::Inside(0));
        assert!(framer.row(&mut spaced).is_empty(), "they do not stand side by side");
    }

    #[test]
    fn clean_packets_are_all_found_in_chunks_of_any_size() {
        let bytes = packets(9);
        for size in 1..bytes.len() + 1 {
            assert_eq!(offsets(&bytes, size), (grid(0, 9), 0), "chunks of {size}");
        }
    }

    #[test]
    fn garbage_in_front_and_in_the_middle_is_skipped() {
        let mut bytes = vec![SYNC_BYTE; 3];
        bytes.extend(packets(6));
        bytes.extend([1, SYNC_BYTE, 2, 3]);
        bytes.extend(packets(5));
        let expected: Vec<u64> = [grid(3, 6), grid(3 + 6 * 188 + 4, 5)].concat();
        for size in [1, 7, 187, 188, 189, 564, 565, 752, bytes.len()] {
            assert_eq!(offsets(&bytes, size), (expected.clone(), 7), "chunks of {size}");
        }
    }

    #[test]
    fn a_damaged_sync_byte_costs_one_packet() {
        let mut bytes = packets(12);
        bytes[5 * PACKET] = 0;
        let expected: Vec<u64> = [grid(0, 5), grid(6 * 188, 6)].concat();
        for size in [1, 200, bytes.len()] {
            assert_eq!(offsets(&bytes, size), (expected.clone(), 188), "chunks of {size}");
        }
    }

    #[test]
    fn a_torn_last_packet_is_counted() {
        let mut bytes = packets(3);
        bytes.truncate(2 * PACKET + 50);
        for size in [1, 100, bytes.len()] {
            assert_eq!(offsets(&bytes, size), (grid(0, 2), 50), "chunks of {size}");
        }
    }

    #[test]
    fn text_is_no_transport_stream() {
        let text = b"Going to the garden. ".repeat(100);
        assert_eq!(offsets(&text, 64), (vec![], text.len() as u64));
    }
}
