//! Finding the packet grid, and finding it again (H.222.0 §2.4.3.3, annex G.1).
//!
//! ```text
//!            sync byte missing
//!   locked ────────────────────▶ searching
//!      ▲                            │  sync bytes at q, q + 188, q + 376, q + 564
//!      └────────────────────────────┘
//! ```
//! A single 0x47 proves nothing: every 256th byte of garbage is one.

use crate::limits::SYNC_CONFIRMATIONS;
use crate::ts::packet::{PACKET, Packet, SYNC_BYTE};

/// Bytes that a decision can need to see.
const LOOKAHEAD: usize = (SYNC_CONFIRMATIONS - 1) * PACKET + 1;

/// Where the grid stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sync {
    Searching,
    Locked,
}

/// What stands at the beginning of the bytes looked at.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A packet.
    Packet,
    /// So many bytes that belong to no packet.
    Skip(usize),
    /// More bytes are needed to tell.
    More,
}

impl Sync {
    #[inline]
    fn step(&mut self, rest: &[u8], at_end: bool) -> Step {
        if *self == Self::Locked {
            match rest.first() {
                Some(&SYNC_BYTE) if rest.len() >= PACKET => return Step::Packet,
                Some(&SYNC_BYTE) if at_end => return Step::Skip(rest.len()),
                Some(&SYNC_BYTE) | None => return Step::More,
                Some(_) => *self = Self::Searching,
            }
        }
        self.search(rest, at_end)
    }

    #[cold]
    fn search(&mut self, rest: &[u8], at_end: bool) -> Step {
        for candidate in memchr::memchr_iter(SYNC_BYTE, rest) {
            let tail = &rest[candidate..];
            let mut grid = tail.iter().step_by(PACKET).take(SYNC_CONFIRMATIONS);
            if !grid.all(|&byte| byte == SYNC_BYTE) {
                continue;
            }
            let confirmed = tail.len() >= LOOKAHEAD || at_end && tail.len() >= PACKET;
            return match (candidate, confirmed) {
                (0, true) => {
                    *self = Self::Locked;
                    if tail.len() >= PACKET { Step::Packet } else { Step::More }
                }
                (0, false) if !at_end => Step::More,
                (0, false) => Step::Skip(rest.len()),
                (skipped, _) => Step::Skip(skipped),
            };
        }
        if rest.is_empty() { Step::More } else { Step::Skip(rest.len()) }
    }
}

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
    /// Offset in the source of the next byte to look at.
    offset: u64,
    /// The packet of [`Found::Across`].
    across: Packet,
    gap: Gap,
}

/// Bytes that belong to no packet.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Skipped since the last packet.
    pub(crate) pending: u64,
    /// Skipped in all.
    pub(crate) total: u64,
}

impl Framer {
    /// Begins at `offset` of the source.
    pub(crate) fn new(offset: u64) -> Self {
        Self {
            sync: Sync::Searching,
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

    /// Begins at `offset` of the source, where a packet is known to start.
    pub(crate) fn on_grid(offset: u64) -> Self {
        Self { sync: Sync::Locked, ..Self::new(offset) }
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
        if self.carry.is_empty() {
            let at = self.position;
            // The one comparison that nearly every packet of a recording needs.
            if self.sync == Sync::Locked && chunk.len() - at >= PACKET && chunk[at] == SYNC_BYTE {
                self.position += PACKET;
                self.offset += PACKET as u64;
                return Found::Inside(at);
            }
        }
        self.next_slow(chunk, at_end)
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
            if self.carry.is_empty() {
                let rest = &chunk[self.position..];
                match self.sync.step(rest, at_end) {
                    Step::Packet => {
                        let at = self.position;
                        self.position += PACKET;
                        self.offset += PACKET as u64;
                        return Found::Inside(at);
                    }
                    Step::Skip(count) => {
                        self.position += count;
                        self.skip(count);
                        if self.position == chunk.len() {
                            return self.end_of_chunk();
                        }
                    }
                    Step::More => {
                        self.carry.extend_from_slice(rest);
                        return self.end_of_chunk();
                    }
                }
            } else {
                match self.sync.step(&self.carry, at_end && self.position == chunk.len()) {
                    Step::Packet => {
                        self.across.copy_from_slice(&self.carry[..PACKET]);
                        self.carry.drain(..PACKET);
                        self.offset += PACKET as u64;
                        return Found::Across;
                    }
                    Step::Skip(count) => {
                        self.carry.drain(..count);
                        self.skip(count);
                    }
                    Step::More if self.position == chunk.len() => return self.end_of_chunk(),
                    Step::More => {}
                }
            }
        }
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

    fn skip(&mut self, count: usize) {
        self.offset += count as u64;
        self.gap.pending += count as u64;
        self.gap.total += count as u64;
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

    /// Packets whose payload counts up, so that a wrong grid shows.
    fn packets(count: usize) -> Vec<u8> {
        (0..count)
            .flat_map(|n| {
                std::iter::once(SYNC_BYTE).chain((1..PACKET).map(move |i| (n * 7 + i) as u8 & 0x3f))
            })
            .collect()
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
        (0..count).map(|n| from + n * PACKET as u64).collect()
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
