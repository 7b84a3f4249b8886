//! Makes transport streams packet by packet, for what no muxer at hand makes.

use std::collections::BTreeMap;

/// A stream under construction.
#[derive(Default)]
pub struct Mux {
    pub out: Vec<u8>,
    counters: BTreeMap<u16, u8>,
}

pub const H264: u8 = 0x1b;
pub const AAC: u8 = 0x0f;
/// A picture at 25 a second.
pub const FRAME: u64 = 3600;

/// CRC-32/MPEG-2, bit by bit.
pub fn crc32(bytes: &[u8]) -> [u8; 4] {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte) << 24;
        for _ in 0..8 {
            crc = if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 };
        }
    }
    crc.to_be_bytes()
}

impl Mux {
    /// A program of these stream types and PIDs.
    pub fn of(streams: &[(u8, u16)]) -> Self {
        let mut mux = Self::default();
        mux.section(0, 0, 1, &[0, 1, 0xf0, 0]);
        let mut pmt = vec![0xe1, 0, 0xf0, 0];
        for &(stream_type, pid) in streams {
            let [high, low] = (0xe000 | pid).to_be_bytes();
            pmt.extend([stream_type, high, low, 0xf0, 0]);
        }
        mux.section(0x1000, 2, 1, &pmt);
        mux
    }

    /// One packet; a short payload is stuffed by an adaptation field.
    pub fn packet(&mut self, pid: u16, starts_unit: bool, payload: &[u8]) {
        let counter = self.counters.entry(pid).or_insert(15);
        *counter = (*counter + 1) & 15;
        let [high, low] = pid.to_be_bytes();
        let mut packet = vec![0x47, high | if starts_unit { 0x40 } else { 0 }, low, 0x10 | *counter];
        if payload.len() < 184 {
            packet[3] |= 0x20;
            packet.push((183 - payload.len()) as u8);
            if payload.len() < 183 {
                packet.push(0);
            }
            packet.resize(188 - payload.len(), 0xff);
        }
        packet.extend(payload);
        assert_eq!(packet.len(), 188);
        self.out.extend(packet);
    }

    fn section(&mut self, pid: u16, table_id: u8, extension: u8, body: &[u8]) {
        let length = (5 + body.len() + 4) as u16;
        let [high, low] = (0xb000 | length).to_be_bytes();
        let mut section = vec![0, table_id, high, low, 0, extension, 0xc1, 0, 0];
        section.extend(body);
        section.extend(crc32(&section[1..]));
        for (number, part) in section.chunks(184).enumerate() {
            let mut payload = part.to_vec();
            payload.resize(184, 0xff);
            self.packet(pid, number == 0, &payload);
        }
    }

    /// A PES in packets of its own; the first of pictures has an adaptation field that can say what it begins.
    pub fn pes(&mut self, pid: u16, pts: u64, data: &[u8]) {
        let pes = pes(pid, pts, data);
        let room = if pid < 0x101 { 182 } else { 184 };
        let (first, rest) = pes.split_at(room.min(pes.len()));
        self.packet(pid, true, first);
        rest.chunks(184).for_each(|part| self.packet(pid, false, part));
    }
}

/// The bytes of a PES; video on PIDs below 0x101.
pub fn pes(pid: u16, pts: u64, data: &[u8]) -> Vec<u8> {
    let stream_id = if pid < 0x101 { 0xe0 } else { 0xc0 };
    let time = [
        0x21 | (pts >> 29) as u8 & 14,
        (pts >> 22) as u8,
        (pts >> 14) as u8 | 1,
        (pts >> 7) as u8,
        (pts << 1) as u8 | 1,
    ];
    // Only pictures may leave their length open.
    let [high, low] = if pid < 0x101 { [0; 2] } else { (8 + data.len() as u16).to_be_bytes() };
    [&[0, 0, 1, stream_id, high, low, 0x80, 0x80, 5], &time[..], data].concat()
}

fn access_unit(nal_header: u8, length: usize) -> Vec<u8> {
    let mut data = vec![0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, nal_header];
    data.resize(length, 0x9a);
    data
}

pub fn idr(length: usize) -> Vec<u8> {
    access_unit(0x65, length)
}

pub fn picture(length: usize) -> Vec<u8> {
    access_unit(0x41, length)
}

/// An IDR whose slice comes after more than two packets of SEI.
pub fn idr_behind_sei() -> Vec<u8> {
    let mut data = vec![0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 6, 5, 255, 85];
    data.resize(420, 0x11);
    data.extend([0x80, 0, 0, 0, 1, 0x65]);
    data.resize(900, 0x88);
    data
}

pub fn sound(length: usize) -> Vec<u8> {
    let mut data = vec![0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc];
    data.resize(length, 0x21);
    data
}
