//! One stream in a part of a recording: what its packets say to an index pass, one fact after the other.

use serde::{Deserialize, Serialize};

use super::pass::KEY;
use super::settled::SettledPass;
use crate::es::Unit;
use crate::layout::Codec;
use crate::pes::header::PesHeader;
use crate::pes::start::{Examined, PesStart, Starting, examine};
use crate::time::Timestamp;
use crate::ts::{Continuity, Counter, Header, PACKET, Packet, Pid, payload, payload_offset};

/// Something that an index pass has to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fact {
    /// Offset of the packet that shows it; of the first, where several do.
    pub(super) at: u64,
    /// The number of the stream.
    pub(super) stream: usize,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A PES that starts at `offset`.
    Start { offset: u64, pts: Option<Timestamp>, dts: Option<Timestamp>, unit: Unit },
    /// A PES that starts at `offset` and cannot be read.
    Bad { offset: u64 },
    /// So many packets side by side of a stream other than the key stream.
    Packets(Count),
}

/// At least 1.
pub(super) type Count = u32;

/// A stream as its packets come.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) pid: Pid,
    codec: Codec,
    counter: Counter,
    /// Of the last packet all that `counter` depends on.
    last: Option<Ends>,
    /// The PES that has begun, as long as its first packets do not say enough.
    pub(super) starting: Option<Box<Starting>>,
    /// What its packets say no longer depends on any before the part.
    pub(super) is_settled: bool,
}

/// The beginning and the end of a packet: to copy, and even to look at, all of it for every packet costs more than all else.
#[derive(Debug, Clone, Copy)]
struct Ends {
    begin: [u8; 6],
    end: [u8; 8],
}

impl Ends {
    fn of(packet: &Packet) -> Self {
        let mut ends = Self { begin: [0; 6], end: [0; 8] };
        ends.begin.copy_from_slice(&packet[..6]);
        ends.end.copy_from_slice(&packet[PACKET - 8..]);
        ends
    }

    /// A packet like it.
    fn packet(&self) -> Packet {
        let mut packet = [0; PACKET];
        packet[..6].copy_from_slice(&self.begin);
        packet[PACKET - 8..].copy_from_slice(&self.end);
        packet
    }
}

/// How a lane is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredLane {
    is_settled: bool,
    last: Option<Vec<u8>>,
    /// Offset and packets of the PES that has begun.
    starting: Option<(u64, Vec<Vec<u8>>)>,
}

/// Whether the payload of a packet can be used, as the intake of a whole pass decides.
pub(super) fn is_usable(packet: &Packet) -> bool {
    let header = Header::of(packet);
    !header.transport_error_indicator()
        && header.has_payload()
        && !header.is_scrambled()
        && payload_offset(packet).is_some()
}

impl Lane {
    pub(super) fn new(pid: Pid, codec: Codec) -> Self {
        Self { pid, codec, counter: Counter::default(), last: None, starting: None, is_settled: false }
    }

    /// Takes a usable packet and tells what it says.
    pub(super) fn on_packet(&mut self, stream: usize, at: u64, packet: &Packet, mut tell: impl FnMut(Fact)) {
        let has_last = self.last.replace(Ends::of(packet)).is_some();
        if self.counter.on_packet(packet) == Continuity::Duplicate {
            return;
        }
        let mut on_examined = |offset, examined| {
            What::of(offset, examined).into_iter().for_each(|what| tell(Fact { at, stream, what }));
        };
        if Header::of(packet).payload_unit_start_indicator() {
            if let Some(starting) = self.starting.take() {
                on_examined(starting.offset, starting.settle(self.codec));
            }
            match examine(self.codec, payload(packet), false) {
                Examined::More => self.starting = Some(Starting::new(at, packet)),
                examined => on_examined(at, examined),
            }
            self.is_settled |= has_last;
        } else if let Some(starting) = &mut self.starting {
            let examined = starting.push(self.codec, at, packet);
            if examined != Examined::More {
                on_examined(starting.offset, examined);
                self.starting = None;
            }
        }
        if stream != KEY && self.starting.is_none() {
            tell(Fact { at, stream, what: What::Packets(1) });
        }
    }

    /// The source is over: what a PES that has begun says now is all there will be.
    pub(super) fn finish(&self, stream: usize, at: u64) -> Option<Fact> {
        let starting = self.starting.as_ref()?;
        let what = What::of(starting.offset, starting.settle(self.codec))?;
        Some(Fact { at, stream, what })
    }

    pub(super) fn to_stored(&self) -> StoredLane {
        let packets = |starting: &Starting| starting.packets.iter().map(|packet| packet.1.to_vec()).collect();
        StoredLane {
            is_settled: self.is_settled,
            last: self.last.map(|ends| ends.packet().to_vec()),
            starting: self.starting.as_ref().map(|starting| (starting.offset, packets(starting))),
        }
    }

    /// This lane as it was when it was stored; `None` where what was stored is none.
    pub(super) fn restored(mut self, stored: &StoredLane) -> Option<Self> {
        self.is_settled = stored.is_settled;
        if let Some((offset, packets)) = &stored.starting {
            let mut packets = packets.iter().map(|packet| Packet::try_from(&packet[..]).ok());
            let mut starting = Starting::new(*offset, &packets.next()??);
            for packet in packets {
                starting.push(self.codec, *offset, &packet?);
            }
            self.starting = Some(starting);
        }
        if let Some(last) = &stored.last {
            let last = Packet::try_from(&last[..]).ok()?;
            self.counter.on_packet(&last);
            self.last = Some(Ends::of(&last));
        }
        Some(self)
    }
}

impl What {
    fn of(offset: u64, examined: Examined) -> Option<Self> {
        match examined {
            Examined::Start(PesStart { header, unit }) => {
                Some(Self::Start { offset, pts: header.pts, dts: header.dts, unit })
            }
            Examined::Bad => Some(Self::Bad { offset }),
            Examined::More => None,
        }
    }
}

impl Fact {
    /// Where the last packet ends that shows it, where packets stand `stride` bytes apart; `None` past all bounds.
    pub(super) fn end(&self, stride: u64) -> Option<u64> {
        let last = match self.what {
            What::Packets(count) => stride.checked_mul(u64::from(count).checked_sub(1)?)?,
            What::Start { .. } | What::Bad { .. } => 0,
        };
        self.at.checked_add(last)?.checked_add(PACKET as u64)
    }

    /// What of it is shown by packets at `from` or later.
    pub(super) fn since(mut self, from: u64, stride: u64) -> Option<Self> {
        match &mut self.what {
            What::Packets(count) => {
                let before = from.saturating_sub(self.at).div_ceil(stride.max(1));
                *count = count.checked_sub(u32::try_from(before).ok()?).filter(|&count| count > 0)?;
                self.at += before * stride;
            }
            _ if self.at < from => return None,
            _ => {}
        }
        Some(self)
    }

    /// Joins `next` to this one where both are packets of one stream that lie side by side.
    pub(super) fn join(&mut self, next: &Self, stride: u64) -> bool {
        let follows = self.stream == next.stream
            && self
                .end(stride)
                .is_some_and(|end| next.at.checked_add(PACKET as u64) == end.checked_add(stride));
        match (&mut self.what, next.what) {
            (What::Packets(count), What::Packets(more)) if follows => match count.checked_add(more) {
                Some(sum) => {
                    *count = sum;
                    true
                }
                None => false,
            },
            _ => false,
        }
    }

    /// Tells it to a pass.
    pub(super) fn apply(&self, pass: &mut SettledPass, stride: u64) {
        match self.what {
            What::Bad { offset } => pass.on_examined(self.stream, Examined::Bad, offset),
            What::Start { offset, pts, dts, unit } => {
                let header = PesHeader { length: 0, pts, dts };
                pass.on_examined(self.stream, Examined::Start(PesStart { header, unit }), offset);
            }
            What::Packets(count) => {
                let ends = (0..u64::from(count)).map(|number| self.at + number * stride + PACKET as u64);
                ends.for_each(|end| pass.on_other_packet(self.stream, end));
            }
        }
    }
}
