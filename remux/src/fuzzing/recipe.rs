//! Sources that are made, not found: an input is a recipe, and what comes of it is a transport stream that gets past the
//! parsers, so that what lies behind them is tried, too.

use std::collections::BTreeMap;

use crate::layout::{Codec, Setup};
use crate::mp4::write::testing::setup;
use crate::psi::crc32;

/// An input, taken byte by byte; behind its end there are zeros.
#[derive(Debug)]
pub(super) struct Recipe<'a>(pub(super) &'a [u8]);

impl<'a> Recipe<'a> {
    pub(super) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        first
    }

    pub(super) fn number(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// So many bytes, or all that are left.
    pub(super) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// A transport stream under construction.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) bytes: Vec<u8>,
    counters: BTreeMap<u16, u8>,
}

/// What a packet carries.
pub(super) const ROOM: usize = 184;

impl Source {
    /// A packet; a payload that does not fill it is stuffed by an adaptation field.
    pub(super) fn packet(&mut self, pid: u16, starts_unit: bool, payload: &[u8]) {
        let payload = &payload[..payload.len().min(ROOM)];
        let counter = self.counters.entry(pid).or_insert(15);
        *counter = (*counter + 1) & 15;
        let [high, low] = (pid & 0x1fff).to_be_bytes();
        let control = if payload.len() < ROOM { 0x30 } else { 0x10 };
        self.bytes.extend([0x47, high | u8::from(starts_unit) << 6, low, control | *counter]);
        if let Some(stuffing) = ROOM.checked_sub(payload.len() + 1) {
            self.bytes.push(stuffing as u8);
            self.bytes.extend([0].iter().chain(&[0xff; ROOM]).take(stuffing));
        }
        self.bytes.extend(payload);
    }

    /// Packets of this PID are missing.
    pub(super) fn lose(&mut self, pid: u16, packets: u8) {
        let counter = self.counters.entry(pid).or_insert(15);
        *counter = counter.wrapping_add(packets) & 15;
    }

    /// The last packet once more.
    pub(super) fn repeat(&mut self) {
        let begin = self.bytes.len().saturating_sub(188);
        self.bytes.extend_from_within(begin..);
    }

    /// A section in packets of its own.
    pub(super) fn section(&mut self, pid: u16, section: &[u8]) {
        let payload = [&[0], section].concat();
        for (number, part) in payload.chunks(ROOM).enumerate() {
            let mut part = part.to_vec();
            part.resize(ROOM, 0xff);
            self.packet(pid, number == 0, &part);
        }
    }

    /// A program of these stream types, PIDs and descriptors.
    pub(super) fn tables(&mut self, streams: &[(u8, u16, &[u8])]) {
        self.section(0, &section(0, 1, &pat(&[(1, PMT)])));
        self.section(PMT, &section(2, 1, &pmt(0x1fff, &[], streams)));
    }
}

/// Where the PMT of the only program lies.
pub(super) const PMT: u16 = 0x100;

/// A section with version 0 and a right CRC (H.222.0 §2.4.4).
pub(super) fn section(table_id: u8, extension: u16, body: &[u8]) -> Vec<u8> {
    let length = (5 + body.len() + 4) as u16;
    let ([high, low], [first, second]) = ((0xb000 | length & 0x0fff).to_be_bytes(), extension.to_be_bytes());
    sealed([&[table_id, high, low, first, second, 0xc1, 0, 0], body].concat())
}

/// The bytes with their CRC behind them.
pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

/// The body of a PAT with these numbers and PIDs.
pub(super) fn pat(programs: &[(u16, u16)]) -> Vec<u8> {
    programs
        .iter()
        .flat_map(|&(number, pid)| [number.to_be_bytes(), (0xe000 | pid).to_be_bytes()].concat())
        .collect()
}

/// The body of a PMT with these descriptors of the program, and stream types, PIDs and descriptors.
pub(super) fn pmt(pcr_pid: u16, program: &[u8], streams: &[(u8, u16, &[u8])]) -> Vec<u8> {
    let mut body = (0xe000 | pcr_pid).to_be_bytes().to_vec();
    body.extend((0xf000 | program.len() as u16).to_be_bytes());
    body.extend(program);
    for &(stream_type, pid, descriptors) in streams {
        body.push(stream_type);
        body.extend((0xe000 | pid).to_be_bytes());
        body.extend((0xf000 | descriptors.len() as u16).to_be_bytes());
        body.extend(descriptors);
    }
    body
}

/// A PES header with `extra` bytes of stuffing, for data of `length` bytes; 0 where its length is not told.
pub(super) fn pes_header(
    stream_id: u8,
    pts: Option<u64>,
    dts: Option<u64>,
    extra: u8,
    length: usize,
) -> Vec<u8> {
    let mut fields = Vec::new();
    let both = pts.is_some() && dts.is_some();
    fields.extend(pts.into_iter().flat_map(|pts| timestamp(if both { 3 } else { 2 }, pts)));
    fields.extend(dts.into_iter().flat_map(|dts| timestamp(1, dts)));
    fields.extend(vec![0xff; usize::from(extra)]);
    let told = match length {
        0 => 0,
        length => u16::try_from(3 + fields.len() + length).unwrap_or(0),
    };
    let [high, low] = told.to_be_bytes();
    let flags = u8::from(pts.is_some()) << 7 | u8::from(dts.is_some()) << 6;
    [&[0, 0, 1, stream_id, high, low, 0x80, flags, fields.len() as u8], &fields[..]].concat()
}

fn timestamp(prefix: u8, value: u64) -> [u8; 5] {
    let part = |shift: u32| ((value >> shift) as u8) << 1 | 1;
    [prefix << 4 | (value >> 29) as u8 & 0x0e | 1, (value >> 22) as u8, part(15), (value >> 7) as u8, part(0)]
}

/// The parameter sets of a stream of this kind.
pub(super) fn parameter_sets(codec: Codec) -> Vec<Vec<u8>> {
    match setup(codec) {
        Setup::ParameterSets(sets) => sets,
        _ => Vec::new(),
    }
}

/// A NAL unit of a slice that a picture begins with; those with other numbers are of other pictures (H.264 §7.4.1.2.4).
pub(super) fn slice(codec: Codec, is_key: bool, number: u8) -> Vec<u8> {
    // No start code can come about: there are no two zeros side by side.
    match (codec, is_key) {
        (Codec::H265, true) => vec![0x26, 0x01, 0xaf, number | 1, 0x55],
        (Codec::H265, false) => vec![0x02, 0x01, 0xd0, number | 1, 0x55],
        // first_mb_in_slice 0, slice_type 7, pic_parameter_set_id 0, frame_num 0, idr_pic_id, pic_order_cnt_lsb 0.
        (_, true) => vec![0x65, 0x88, 0x82 | number & 1, 0x03, 0x55],
        // slice_type 5, frame_num in 4 bits, twice that as pic_order_cnt_lsb in 6 bits.
        (_, false) => {
            let number = number & 0x0f;
            vec![0x41, 0x9a | number >> 3, number << 5 | number & 0x0f, 0x55]
        }
    }
}

/// One frame of sound that can be played.
pub(super) fn frame(codec: Codec, fill: u8) -> Vec<u8> {
    let fill = fill | 0x11;
    match codec {
        // 44.1 kHz, stereo, 20 bytes in all.
        Codec::AacAdts => [&[0xff, 0xf1, 0x50, 0x80, 0x02, 0x9f, 0xfc][..], &[fill; 13]].concat(),
        // Layer III, 32 kbit/s, 44.1 kHz: 104 bytes.
        Codec::MpegAudio => [&[0xff, 0xfb, 0x10, 0x00][..], &[fill; 100]].concat(),
        // 32 kbit/s, 48 kHz: 128 bytes.
        Codec::Ac3 => [&[0x0b, 0x77, 0, 0, 0x00, 0x40, 0x43, 0xe1][..], &[fill; 120]].concat(),
        Codec::Eac3 => [&[0x0b, 0x77, 0x00, 0x3f, 0x3f, 0x86][..], &[fill; 122]].concat(),
        // 20 ms behind their control header.
        Codec::Opus => [&[0x7f, 0xe0, 10, 0x78][..], &[fill; 9]].concat(),
        _ => vec![fill; 16],
    }
}
