//! The packet grid: how far apart packets stand, and where (H.222.0 §2.4.3.3, annex G.1).
//!
//! ```text
//!             four sync bytes in a row, one packet size apart
//! Searching ───────────────────▶ At ──packet──▶ Between
//!     ▲                          │ ▲               │ │
//!     └──── sync byte missing ───┘ └─── filler ────┘ │
//!     └──────────────── sync byte missing ───────────┘
//! ```
//! A single 0x47 proves nothing: every 256th byte of garbage is one.

use serde::{Deserialize, Serialize};

use crate::limits::SYNC_CONFIRMATIONS;
use crate::ts::packet::{PACKET, SYNC_BYTE};

/// How far apart the packets of a source stand. Only the 188 bytes of H.222.0 go out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PacketSize {
    /// The packets of H.222.0, one behind the other.
    #[default]
    Plain = 0,
    /// 192 bytes: a `TP_extra_header` of four bytes in front of each packet (BDAV: `.m2ts`, `.mts` of camcorders).
    Timed = 4,
    /// 204 bytes: 16 bytes of Reed-Solomon parity, or room for it, behind each packet (EN 300 429 §4.4.2).
    Coded = 16,
}

impl PacketSize {
    /// In the order in which they are believed.
    const ALL: [Self; 3] = [Self::Plain, Self::Timed, Self::Coded];

    /// Bytes from one sync byte to the next.
    pub const fn bytes(self) -> usize {
        PACKET + self.filler()
    }

    /// Bytes from the end of a packet to the next sync byte: the discriminant, for every packet asks.
    #[inline]
    pub(super) const fn filler(self) -> usize {
        self as usize
    }

    /// How much of the filler stands in front of the packet that it belongs to.
    const fn before(self) -> usize {
        match self {
            Self::Timed => self.filler(),
            Self::Plain | Self::Coded => 0,
        }
    }

    /// How much of it stands behind.
    const fn after(self) -> usize {
        self.filler() - self.before()
    }

    /// How many sync bytes stand in `rest` where this size wants them; `None` where one is missing.
    fn votes(self, rest: &[u8]) -> Option<usize> {
        let mut grid = rest.iter().step_by(self.bytes()).take(SYNC_CONFIRMATIONS);
        let votes = grid.len();
        grid.all(|&byte| byte == SYNC_BYTE).then_some(votes)
    }

    /// Whether what looks like sync bytes 192 bytes apart belongs to the clock in `TP_extra_header`, whose upper bytes stand
    /// still over dozens of packets: then sync bytes stand three or four bytes behind. Behind a sync byte itself that would
    /// be a reserved `adaptation_field_control`, or four packets whose first byte after the header is 0x47.
    fn is_clock(rest: &[u8], votes: usize) -> bool {
        let is_grid = |behind: &[u8]| Self::Timed.votes(behind).is_some_and(|found| found >= votes);
        [3, 4].into_iter().filter_map(|shift| rest.get(shift..)).any(is_grid)
    }

    /// The size that most sync bytes speak for; the first of [`ALL`](Self::ALL) where several are as good. Where the
    /// source ends before a second sync byte, nothing but `before` speaks for another size than 188.
    fn elect(rest: &[u8], before: Option<Self>, at_end: bool) -> Option<Self> {
        let votes = Self::ALL.into_iter().rev().filter_map(|size| Some((size.votes(rest)?, size)));
        let is_known = |size: Self| size == Self::Plain || before == Some(size);
        let is_all_seen = at_end || rest.len() >= LOOKAHEAD;
        let is_clock = |votes| is_all_seen && votes > 1 && Self::is_clock(rest, votes);
        let heard = votes.filter(|&(votes, size)| {
            (votes > 1 || !at_end || is_known(size)) && (size != Self::Timed || !is_clock(votes))
        });
        let (_, size) = heard.max_by_key(|&(votes, _)| votes)?;
        // What suits 192 and 204 bytes alike is garbage with a period of its own: both are multiples of 12.
        let is_periodic = || Self::Timed.votes(rest).is_some() && Self::Coded.votes(rest).is_some();
        (size == Self::Plain || !is_all_seen || !is_periodic()).then_some(size)
    }
}

/// Bytes that a decision can need to see.
pub(crate) const LOOKAHEAD: usize = (SYNC_CONFIRMATIONS - 1) * PacketSize::Coded.bytes() + 1;

/// What is known of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sync {
    /// Nothing but what it was before, if ever, and how many bytes of that may still stand behind its last packet.
    Searching { before: Option<PacketSize>, parity: usize },
    /// A packet starts here.
    At(PacketSize),
    /// A packet has ended here, and the next starts behind the filler.
    Between(PacketSize),
}

/// What stands at the beginning of the bytes looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A packet.
    Packet,
    /// So many bytes that belong to the grid and to no packet.
    Filler(usize),
    /// So many bytes that do not belong to the grid.
    Skip(usize),
    /// The first packet of a grid; so many of the bytes that were skipped just before are filler of this grid.
    Begin(usize),
    /// More bytes are needed to tell.
    More,
}

impl Sync {
    /// Nothing is known yet.
    pub(super) const NEW: Self = Self::Searching { before: None, parity: 0 };

    /// Looks at the bytes where the last step has ended; `at_end` says that none follow.
    pub(super) fn step(&mut self, rest: &[u8], at_end: bool) -> Step {
        match *self {
            Self::Searching { before, parity } => self.search(before, parity, rest, at_end),
            Self::At(size) => match rest.first() {
                Some(&SYNC_BYTE) if rest.len() >= PACKET => {
                    *self = Self::Between(size);
                    Step::Packet
                }
                Some(&SYNC_BYTE) if at_end => Step::Skip(rest.len()),
                Some(&SYNC_BYTE) | None => Step::More,
                Some(_) => self.search(Some(size), 0, rest, at_end),
            },
            Self::Between(size) => match rest.get(size.filler()) {
                Some(&SYNC_BYTE) => {
                    *self = Self::At(size);
                    Step::Filler(size.filler())
                }
                Some(_) => self.search(Some(size), size.after(), rest, at_end),
                None if at_end && !rest.is_empty() => Step::Filler(rest.len()),
                None => Step::More,
            },
        }
    }

    #[cold]
    fn search(&mut self, before: Option<PacketSize>, parity: usize, rest: &[u8], at_end: bool) -> Step {
        let found = memchr::memchr_iter(SYNC_BYTE, rest).find_map(|at| {
            let tail = rest.get(at..)?;
            let size = PacketSize::elect(tail, before, at_end)?;
            Some((at, size, tail.len() >= LOOKAHEAD || at_end && tail.len() >= PACKET))
        });
        let to_skip = match found {
            Some((0, size, true)) => {
                *self = Self::At(size);
                return Step::Begin(size.before());
            }
            Some((0, _, false)) if !at_end => 0,
            Some((at @ 1.., ..)) => at,
            Some((0, _, false)) | None => rest.len(),
        };
        let parity_here = parity.min(to_skip);
        *self = Self::Searching { before, parity: parity - parity_here };
        match (to_skip, parity_here) {
            (0, _) => Step::More,
            (_, 0) => Step::Skip(to_skip),
            _ => Step::Filler(parity_here),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_every_byte_is_a_sync_byte_packets_are_plain() {
        assert_eq!(PacketSize::elect(&[SYNC_BYTE; LOOKAHEAD], None, true), Some(PacketSize::Plain));
        assert_eq!(PacketSize::elect(&[SYNC_BYTE; PACKET], None, true), Some(PacketSize::Plain));
    }

    #[test]
    fn a_packet_size_needs_every_one_of_its_sync_bytes() {
        for size in PacketSize::ALL {
            let mut bytes = [0; LOOKAHEAD];
            bytes.iter_mut().step_by(size.bytes()).for_each(|byte| *byte = SYNC_BYTE);
            assert_eq!(PacketSize::elect(&bytes, None, true), Some(size));
            bytes[3 * size.bytes()] = 0;
            assert_eq!(PacketSize::elect(&bytes, None, true), None);
        }
    }

    #[test]
    fn a_clock_that_looks_like_sync_bytes_is_told_from_them() {
        for place in [0, 1] {
            let mut bytes = [0; LOOKAHEAD + 4];
            bytes[place..].iter_mut().step_by(192).for_each(|byte| *byte = SYNC_BYTE);
            bytes[4..].iter_mut().step_by(192).for_each(|byte| *byte = SYNC_BYTE);
            assert_eq!(PacketSize::elect(&bytes[place..], None, false), None);
            assert_eq!(PacketSize::elect(&bytes[4..], None, false), Some(PacketSize::Timed));
        }
    }

    #[test]
    fn a_single_sync_byte_speaks_for_what_was_before() {
        let mut bytes = [0; 200];
        bytes[0] = SYNC_BYTE;
        assert_eq!(PacketSize::elect(&bytes, None, true), None);
        assert_eq!(PacketSize::elect(&bytes, Some(PacketSize::Coded), true), Some(PacketSize::Coded));
    }
}
