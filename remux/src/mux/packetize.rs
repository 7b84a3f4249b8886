//! An elementary stream's bytes into PES, PES into packets (H.222.0 §2.4.3.2, §2.4.3.6).

use bytes::BytesMut;

use crate::pes::header::write_header;
use crate::time::{Pcr, Timestamp};
use crate::ts::{PACKET, Pid, SYNC_BYTE};

/// A PES to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pes<'a> {
    /// stream_id (§2.4.3.7, table 2-22).
    pub(crate) stream_id: u8,
    /// When it is shown.
    pub(crate) pts: Timestamp,
    /// When it is decoded, where that differs.
    pub(crate) dts: Option<Timestamp>,
    /// A clock reference for its first packet.
    pub(crate) pcr: Option<Pcr>,
    /// random_access_indicator.
    pub(crate) is_rap: bool,
    /// discontinuity_indicator in the first packet: its counters do not go on from what came before.
    pub(crate) is_announced: bool,
    /// A packet is missing behind the first: the counter leaves one out.
    pub(crate) has_hole: bool,
    /// The bytes, in pieces.
    pub(crate) data: &'a [&'a [u8]],
}

/// What a packet carries at most.
const ROOM: usize = PACKET - 4;
/// Bytes at the end of a PES that can be spread over one to so many packets, to bring a counter where it must be.
const SPREAD: usize = 16;

/// Appends the packets of `pes` to `out`; `counter` is the continuity_counter of the last packet. With `align` so many that
/// that of the next is 0.
pub(crate) fn packetize(pid: Pid, pes: &Pes<'_>, counter: &mut u8, align: bool, out: &mut BytesMut) {
    let length: usize = pes.data.iter().map(|piece| piece.len()).sum();
    let header = write_header(pes.stream_id, pes.pts, pes.dts, length);
    let pieces = std::iter::once(&header[..]).chain(pes.data.iter().copied());
    let mut source = Source { pieces, current: &[], left: header.len() + length };
    let first_field = first_adaptation_field(pes);
    out.reserve((source.left / ROOM + 2 + SPREAD) * PACKET);
    let mut writer = Writer { pid, counter, has_hole: pes.has_hole, is_first: true };
    let spread = if align { writer.spread(source.left, first_field.len()) } else { 0 };
    let kept_back = if spread > 0 { SPREAD } else { 0 };
    while source.left > 0 {
        if !writer.is_first && writer.write_full(source.full(kept_back), out) {
            continue;
        }
        let field = if writer.is_first { &first_field[..] } else { &[] };
        let room = ROOM - field.len();
        let payload = match spread {
            0 => source.left.min(room),
            // The last bytes go one by one, the last packet takes what is left.
            packets if source.left <= SPREAD => {
                let gone = SPREAD - source.left;
                if gone + 1 == packets { source.left } else { 1 }
            }
            _ => (source.left - SPREAD).min(room),
        };
        writer.write(field, payload, &mut source, out);
    }
}

/// flags, and the PCR field where there is one (§2.4.3.4); without its length byte. Empty where nothing needs saying.
fn first_adaptation_field(pes: &Pes<'_>) -> Vec<u8> {
    let flags =
        u8::from(pes.is_announced) << 7 | u8::from(pes.is_rap) << 6 | u8::from(pes.pcr.is_some()) << 4;
    let mut field = Vec::new();
    if flags != 0 {
        let length = if pes.pcr.is_some() { 7 } else { 1 };
        field.extend([length, flags]);
        field.extend(pes.pcr.into_iter().flat_map(Pcr::to_bytes));
    }
    field
}

struct Writer<'a> {
    pid: Pid,
    counter: &'a mut u8,
    has_hole: bool,
    is_first: bool,
}

impl Writer<'_> {
    /// Over how many packets the last [`SPREAD`] bytes of `length` must go for the counter to end at 0; 0 where no
    /// spreading does it.
    fn spread(&self, length: usize, first_field: usize) -> usize {
        let Some(bulk) = length.checked_sub(SPREAD) else { return 0 };
        let packets = match bulk.checked_sub(ROOM - first_field) {
            None => usize::from(bulk > 0),
            Some(rest) => 1 + rest.div_ceil(ROOM),
        };
        let hole = usize::from(self.has_hole);
        let after = (usize::from(*self.counter) + 1 + packets + hole) % 16;
        16 - after
    }

    /// Packets that are full of what lies in one piece, as nearly all of them are. Says whether there are any.
    fn write_full(&mut self, payloads: &[[u8; ROOM]], out: &mut BytesMut) -> bool {
        let [high, low] = self.pid.value().to_be_bytes();
        for payload in payloads {
            *self.counter = (*self.counter + 1) & 0x0f;
            out.extend_from_slice(&[SYNC_BYTE, high, low, 0x10 | *self.counter]);
            out.extend_from_slice(payload);
        }
        !payloads.is_empty()
    }

    fn write<'b>(
        &mut self,
        field: &[u8],
        payload: usize,
        source: &mut Source<'b, impl Iterator<Item = &'b [u8]>>,
        out: &mut BytesMut,
    ) {
        let [high, low] = self.pid.value().to_be_bytes();
        let unit_start = u8::from(self.is_first) << 6;
        let stuffing = ROOM - field.len() - payload;
        let has_field = !field.is_empty() || stuffing > 0;
        let control = if has_field { 0x30 } else { 0x10 };
        *self.counter = (*self.counter + 1) & 0x0f;
        out.extend_from_slice(&[SYNC_BYTE, unit_start | high, low, control | *self.counter]);
        if has_field {
            let begin = out.len();
            out.resize(begin + ROOM - payload, 0xff);
            write_field(&mut out[begin..], field);
        }
        source.read(payload, out);
        if std::mem::take(&mut self.is_first) && std::mem::take(&mut self.has_hole) {
            *self.counter = (*self.counter + 1) & 0x0f;
        }
    }
}

/// An adaptation field that fills `room`: what `field` says, then stuffing bytes.
fn write_field(room: &mut [u8], field: &[u8]) {
    room[..field.len()].copy_from_slice(field);
    room[0] = room.len() as u8 - 1;
    if field.is_empty() && room.len() > 1 {
        room[1] = 0;
    }
}

/// Bytes that lie in pieces.
struct Source<'a, I> {
    pieces: I,
    current: &'a [u8],
    left: usize,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Source<'a, I> {
    /// Takes the payloads that lie in the current piece as a whole, but leaves `kept_back` bytes of all.
    fn full(&mut self, kept_back: usize) -> &'a [[u8; ROOM]] {
        let most = self.left.saturating_sub(kept_back) / ROOM;
        let payloads = self.current.as_chunks().0;
        let payloads = &payloads[..payloads.len().min(most)];
        let taken = payloads.len() * ROOM;
        (self.current, self.left) = (&self.current[taken..], self.left - taken);
        payloads
    }

    fn read(&mut self, mut count: usize, into: &mut BytesMut) {
        self.left -= count;
        while count > 0 {
            if self.current.is_empty() {
                let Some(next) = self.pieces.next() else { return };
                self.current = next;
                continue;
            }
            let (here, rest) = self.current.split_at(count.min(self.current.len()));
            into.extend_from_slice(here);
            (self.current, count) = (rest, count - here.len());
        }
    }
}
