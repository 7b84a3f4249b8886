//! The packet grid: how far apart packets stand, and where (H.222.0 §2.4.3.3, annex G.1).
//!
//! ```text
//!             four sync bytes in a row, one packet size apart; counters besides, where it is not that from before
//! Searching ───────────────────▶ At ──packet──▶ Between
//!     ▲                          │ ▲               │ │
//!     └──── sync byte missing ───┘ └─── filler ────┘ │
//!     └──────────────── sync byte missing ───────────┘
//! ```
//! A single 0x47 proves nothing: every 256th byte of garbage is one.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use crate::limits::{SIZE_CHANGE_CONFIRMATIONS, SYNC_CONFIRMATIONS};
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
    fn is_clock(self, rest: &[u8], votes: usize) -> bool {
        let is_grid = |behind: &[u8]| self.votes(behind).is_some_and(|found| found >= votes);
        let mut behind = [3, 4].into_iter().filter_map(|shift| rest.get(shift..));
        self == Self::Timed && votes > 1 && behind.any(is_grid)
    }

    /// What suits 192 and 204 bytes alike is garbage with a period of its own: both are multiples of 12.
    fn is_periodic(self, rest: &[u8]) -> bool {
        self != Self::Plain && Self::Timed.votes(rest).is_some() && Self::Coded.votes(rest).is_some()
    }

    /// The size of the grid that begins with `rest`, the bytes behind a break in that of `before`.
    fn elect(rest: &[u8], before: Option<Self>, at_end: bool) -> Verdict {
        match before {
            None => Self::elect_first(rest, at_end),
            Some(before) => Self::elect_again(rest, before, at_end),
        }
    }

    /// The size that most sync bytes speak for; the first of [`ALL`](Self::ALL) where several are as good. Where the
    /// source ends before a second sync byte, nothing speaks for another size than 188.
    fn elect_first(rest: &[u8], at_end: bool) -> Verdict {
        let votes = Self::ALL.into_iter().rev().filter_map(|size| Some((size.votes(rest)?, size)));
        let is_all_seen = at_end || rest.len() >= LOCK;
        let heard = votes.filter(|&(votes, size)| {
            (votes > 1 || !at_end || size == Self::Plain) && !(is_all_seen && size.is_clock(rest, votes))
        });
        match heard.max_by_key(|&(votes, _)| votes) {
            None => Verdict::No,
            Some(_) if !is_all_seen => Verdict::Open,
            Some((_, size)) if size.is_periodic(rest) => Verdict::No,
            Some((_, size)) => Verdict::decided(size, rest),
        }
    }

    /// A file does not change its packet size, but files are joined: the size from before needs its sync bytes, another
    /// one must show packets.
    fn elect_again(rest: &[u8], before: Self, at_end: bool) -> Verdict {
        let is_all_seen = at_end || rest.len() >= LOCK;
        let is_heard = |size: Self| {
            let is_other = |votes| is_all_seen && (size.is_clock(rest, votes) || size.is_periodic(rest));
            size.votes(rest).is_some_and(|votes| !is_other(votes))
        };
        if is_heard(before) {
            return if is_all_seen { Verdict::decided(before, rest) } else { Verdict::Open };
        }
        let mut others = Self::ALL.into_iter().filter(|&size| size != before && is_heard(size));
        if !at_end && rest.len() < LOOKAHEAD {
            return if others.next().is_some() { Verdict::Open } else { Verdict::No };
        }
        let found = others.find(|size| size.evidence(rest).is_convincing());
        found.map_or(Verdict::No, |size| Verdict::decided(size, rest))
    }

    /// What the packets say that stand in `rest` at this distance, up to one without a sync byte.
    fn evidence(self, rest: &[u8]) -> Evidence {
        let packets = rest.chunks(self.bytes()).map_while(|chunk| chunk.first_chunk::<PACKET>());
        Evidence::of(packets.take_while(|packet| packet[0] == SYNC_BYTE))
    }
}

/// What is said of a place where a grid may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// One of this size does.
    Yes(PacketSize),
    /// None does.
    No,
    /// More bytes are needed to tell.
    Open,
}

impl Verdict {
    fn decided(size: PacketSize, rest: &[u8]) -> Self {
        if rest.len() >= PACKET { Self::Yes(size) } else { Self::No }
    }
}

/// Bytes that show whether sync bytes stand where they should.
const LOCK: usize = (SYNC_CONFIRMATIONS - 1) * PacketSize::Coded.bytes() + 1;
/// Bytes that a decision can need to see.
pub(crate) const LOOKAHEAD: usize = SIZE_CHANGE_CONFIRMATIONS * PacketSize::Coded.bytes();

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
            let verdict = PacketSize::elect(rest.get(at..)?, before, at_end);
            (verdict != Verdict::No).then_some((at, verdict))
        });
        let to_skip = match found {
            Some((0, Verdict::Yes(size))) => {
                *self = Self::At(size);
                return Step::Begin(size.before());
            }
            Some((at, _)) => at,
            None => rest.len(),
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

    use Verdict::{No, Yes};

    #[test]
    fn where_every_byte_is_a_sync_byte_packets_are_plain() {
        assert_eq!(PacketSize::elect(&[SYNC_BYTE; LOOKAHEAD], None, true), Yes(PacketSize::Plain));
        assert_eq!(PacketSize::elect(&[SYNC_BYTE; PACKET], None, true), Yes(PacketSize::Plain));
    }

    /// Sync bytes `size` apart, with nothing between them that speaks of packets.
    fn bare(size: PacketSize) -> [u8; LOOKAHEAD] {
        let mut bytes = [0; LOOKAHEAD];
        bytes.iter_mut().step_by(size.bytes()).for_each(|byte| *byte = SYNC_BYTE);
        bytes
    }

    /// The same where counters go on from packet to packet.
    fn counting(size: PacketSize) -> [u8; LOOKAHEAD] {
        let mut bytes = bare(size);
        for (number, packet) in
            bytes.chunks_mut(size.bytes()).enumerate().filter(|(_, packet)| packet.len() > 3)
        {
            packet[1..4].copy_from_slice(&[1, 0, 0x10 | number as u8 & 0x0f]);
        }
        bytes
    }

    #[test]
    fn a_packet_size_needs_every_one_of_its_sync_bytes() {
        for size in PacketSize::ALL {
            let mut bytes = bare(size);
            assert_eq!(PacketSize::elect(&bytes, None, true), Yes(size));
            bytes[3 * size.bytes()] = 0;
            assert_eq!(PacketSize::elect(&bytes, None, true), No);
        }
    }

    #[test]
    fn another_packet_size_than_before_needs_packets_besides() {
        for size in PacketSize::ALL {
            for before in PacketSize::ALL {
                let expected = if size == before { Yes(size) } else { No };
                assert_eq!(PacketSize::elect(&bare(size), Some(before), false), expected, "{before:?}");
                assert_eq!(PacketSize::elect(&counting(size), Some(before), false), Yes(size), "{before:?}");
            }
        }
    }

    #[test]
    fn what_suits_all_sizes_is_no_grid_but_that_of_plain_packets() {
        for before in PacketSize::ALL {
            let expected = if before == PacketSize::Plain { Yes(before) } else { No };
            assert_eq!(PacketSize::elect(&[SYNC_BYTE; LOOKAHEAD], Some(before), true), expected);
        }
    }

    #[test]
    fn a_clock_that_looks_like_sync_bytes_is_told_from_them() {
        for place in [0, 1] {
            let mut bytes = [0; LOCK + 4];
            bytes[place..].iter_mut().step_by(192).for_each(|byte| *byte = SYNC_BYTE);
            bytes[4..].iter_mut().step_by(192).for_each(|byte| *byte = SYNC_BYTE);
            for before in [None, Some(PacketSize::Timed)] {
                assert_eq!(PacketSize::elect(&bytes[place..], before, false), No);
                assert_eq!(PacketSize::elect(&bytes[4..], before, false), Yes(PacketSize::Timed));
            }
        }
    }

    #[test]
    fn a_single_sync_byte_speaks_for_what_was_before() {
        let mut bytes = [0; 200];
        bytes[0] = SYNC_BYTE;
        assert_eq!(PacketSize::elect(&bytes, None, true), No);
        assert_eq!(PacketSize::elect(&bytes, Some(PacketSize::Coded), true), Yes(PacketSize::Coded));
    }
}
