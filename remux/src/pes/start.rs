//! The start of a PES, as far as it must be seen before its first packet can go out.

use super::header::{Parsed, PesHeader};
use crate::es::{self, Unit};
use crate::layout::Codec;
use crate::limits;
use crate::ts::{Packet, payload, payload_offset};

/// What a PES begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PesStart {
    /// Its header.
    pub(crate) header: PesHeader,
    /// The access unit that it begins with.
    pub(crate) unit: Unit,
}

/// What the first bytes of a PES say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Examined {
    /// All that needs to be known.
    Start(PesStart),
    /// Not enough.
    More,
    /// This is no PES.
    Bad,
}

/// Looks at the first bytes of a PES. With `is_all` no more bytes will come: a unit that cannot be told is a picture, a
/// header that is not complete is bad.
pub(crate) fn examine(codec: Codec, pes: &[u8], is_all: bool) -> Examined {
    let header = match PesHeader::parse(pes) {
        Parsed::Complete(header) => header,
        Parsed::More if is_all => return Examined::Bad,
        Parsed::More => return Examined::More,
        Parsed::Bad => return Examined::Bad,
    };
    match es::unit(codec, &pes[header.length..]) {
        Some(unit) => Examined::Start(PesStart { header, unit }),
        None if is_all => Examined::Start(PesStart { header, unit: Unit::Picture }),
        None => Examined::More,
    }
}

/// The start of a PES whose first packet was not enough to tell.
#[derive(Debug, Clone)]
pub(crate) struct Starting {
    /// Offset in the source of the first packet.
    pub(crate) offset: u64,
    /// The packets as they came, each with its offset in the source.
    pub(crate) packets: Vec<(u64, Packet)>,
    payload: Vec<u8>,
}

impl Starting {
    /// A PES that starts with the packet at `offset`.
    pub(crate) fn new(offset: u64, packet: &Packet) -> Box<Self> {
        Box::new(Self { offset, packets: vec![(offset, *packet)], payload: payload(packet).to_vec() })
    }

    /// Takes the next packet and looks again.
    pub(crate) fn push(&mut self, codec: Codec, offset: u64, packet: &Packet) -> Examined {
        self.add(offset, packet);
        examine(codec, &self.payload, self.packets.len() == limits::PES_HEAD_PACKETS)
    }

    /// Takes the next packet and looks whether the header is complete now.
    pub(crate) fn push_header(&mut self, offset: u64, packet: &Packet) -> Parsed {
        self.add(offset, packet);
        PesHeader::parse(&self.payload)
    }

    fn add(&mut self, offset: u64, packet: &Packet) {
        self.packets.push((offset, *packet));
        self.payload.extend_from_slice(payload(packet));
    }

    /// What has come of the PES.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Looks at what has come, for no more will.
    pub(crate) fn settle(&self, codec: Codec) -> Examined {
        examine(codec, &self.payload, true)
    }

    /// Lets `write` change the header, wherever in the packets its bytes lie.
    pub(crate) fn write_header(&mut self, start: &PesStart, write: impl FnOnce(&mut [u8])) {
        let header = &mut self.payload[..start.header.length];
        write(header);
        let mut rest = &header[..];
        for (_, packet) in &mut self.packets {
            let Some(offset) = payload_offset(packet) else { continue };
            let room = &mut packet[offset..];
            let (here, after) = rest.split_at(room.len().min(rest.len()));
            room[..here.len()].copy_from_slice(here);
            rest = after;
        }
    }
}
