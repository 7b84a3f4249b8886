//! A small multiplexer that does what it is told, right or wrong.

use std::collections::BTreeMap;

use checker::{PACKET, Pes};

use super::packets::write_timestamp;

/// What goes onto a PID.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) pid: u16,
    pub(crate) stream_id: u8,
    pub(crate) pts: Option<u64>,
    pub(crate) dts: Option<u64>,
    pub(crate) data: Vec<u8>,
    pub(crate) is_random_access: bool,
    pub(crate) is_video: bool,
    /// Bytes of the PES that its first packet carries, where it is not as many as fit.
    pub(crate) first: Option<usize>,
    /// The bytes as they are, a section and no PES.
    pub(crate) is_section: bool,
}

impl Unit {
    /// The PES of `checked` on `pid`, as units.
    pub(crate) fn of(pes: &Pes, is_video: bool) -> Self {
        Self {
            pid: pes.pid,
            stream_id: if is_video { 0xE0 } else { 0xC0 },
            pts: pes.pts,
            dts: pes.dts,
            data: pes.data.clone(),
            is_random_access: pes.is_random_access,
            is_video,
            first: None,
            is_section: false,
        }
    }
}

/// A program as its PMT declares it.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) number: u16,
    pub(crate) pmt_pid: u16,
    pub(crate) version: u8,
    pub(crate) clock: Clock,
    pub(crate) streams: Vec<Stream>,
    /// Bytes of descriptors without meaning in the program's own loop.
    pub(crate) padding: usize,
}

/// Where the clock references are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// With the pictures of this PID.
    With(u16),
    /// On a PID of their own.
    Own(u16),
    None,
}

/// One line of a PMT.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) pid: u16,
    pub(crate) stream_type: u8,
    pub(crate) descriptors: Vec<u8>,
}

impl Stream {
    pub(crate) fn new(pid: u16, stream_type: u8) -> Self {
        Self { pid, stream_type, descriptors: Vec::new() }
    }
}

pub(crate) const VIDEO: u16 = 0x100;
pub(crate) const AUDIO: u16 = 0x101;

impl Program {
    /// H.264 with AAC, as most do.
    pub(crate) fn plain() -> Self {
        let streams = vec![Stream::new(VIDEO, 0x1B), Stream::new(AUDIO, 0x0F)];
        Self { number: 1, pmt_pid: 0x1000, version: 0, clock: Clock::With(VIDEO), streams, padding: 0 }
    }
}

/// Writes packets; keeps the counters from one call to the next.
#[derive(Debug, Default)]
pub(crate) struct Mux {
    pub(crate) programs: Vec<Program>,
    /// Whether the PAT begins with the network information table, program 0.
    has_network: bool,
    counters: BTreeMap<u16, u8>,
    out: Vec<u8>,
}

impl Mux {
    pub(crate) fn of(program: Program) -> Self {
        Self::of_all(vec![program])
    }

    /// Several programs.
    pub(crate) fn of_all(programs: Vec<Program>) -> Self {
        Self { programs, ..Self::default() }
    }

    /// With the network information table, program 0, first in the PAT.
    pub(crate) fn with_network(self) -> Self {
        Self { has_network: true, ..self }
    }

    /// Writes the units in their order, tables before each random access point.
    pub(crate) fn write(&mut self, units: &[Unit]) -> &mut Self {
        self.tables();
        for unit in units {
            if unit.is_video && unit.is_random_access {
                self.tables();
            }
            self.unit(unit);
        }
        self
    }

    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn unit(&mut self, unit: &Unit) {
        if unit.is_section {
            let payload = [&[0][..], &unit.data].concat();
            return self.payload(unit.pid, &payload, None, &[]);
        }
        let mut adaptation = Vec::new();
        let clock = self.programs.iter().map(|program| program.clock).find(|clock| match clock {
            Clock::With(pid) => *pid == unit.pid,
            Clock::Own(_) => unit.is_video,
            Clock::None => false,
        });
        // A tenth of a second ahead of what it belongs to.
        let reference =
            unit.dts.filter(|_| unit.is_video).map(|dts| dts.wrapping_sub(9000) & ((1 << 33) - 1));
        match (clock, reference) {
            (Some(Clock::With(_)), Some(reference)) => adaptation = [&[0x10][..], &pcr(reference)].concat(),
            (Some(Clock::Own(pid)), Some(reference)) => {
                let field = [&[0x10][..], &pcr(reference)].concat();
                self.packet(pid, false, &field, &[]);
            }
            _ => {}
        }
        if unit.is_random_access {
            adaptation.resize(adaptation.len().max(1), 0);
            adaptation[0] |= 0x40;
        }
        let bytes = pes(unit);
        self.payload(unit.pid, &bytes, unit.first, &adaptation);
    }

    fn tables(&mut self) {
        let mut body = Vec::new();
        if self.has_network {
            body.extend([0, 0, 0xE0, 0x10]);
        }
        for program in &self.programs {
            body.extend(program.number.to_be_bytes());
            body.extend((0xE000 | program.pmt_pid).to_be_bytes());
        }
        let pat = section(0x00, 1, self.programs[0].version, &body);
        self.payload(0, &pat, None, &[]);
        for program in self.programs.clone() {
            let pmt = section(0x02, program.number, program.version, &declaration(&program));
            self.payload(program.pmt_pid, &pmt, None, &[]);
        }
    }

    /// Payload over as many packets as it takes; `first` bytes of it in the first.
    fn payload(&mut self, pid: u16, bytes: &[u8], first: Option<usize>, adaptation: &[u8]) {
        let room =
            |adaptation: &[u8]| PACKET - 4 - if adaptation.is_empty() { 0 } else { 1 + adaptation.len() };
        let (head, mut rest) =
            bytes.split_at(first.unwrap_or(usize::MAX).min(room(adaptation)).min(bytes.len()));
        self.packet(pid, true, adaptation, head);
        while !rest.is_empty() {
            let (part, more) = rest.split_at(rest.len().min(PACKET - 4));
            self.packet(pid, false, &[], part);
            rest = more;
        }
    }

    fn packet(&mut self, pid: u16, is_start: bool, adaptation: &[u8], payload: &[u8]) {
        let counter = self.counters.entry(pid).or_insert(15);
        if !payload.is_empty() {
            *counter = (*counter + 1) & 0x0F;
        }
        let space = PACKET - 4 - payload.len();
        let control = u8::from(!payload.is_empty()) << 4 | u8::from(space > 0) << 5;
        let flags = if is_start { 0x40 } else { 0 };
        self.out.extend([0x47, flags | (pid >> 8) as u8, pid as u8, control | *counter]);
        if space > 0 {
            let mut field = vec![(space - 1) as u8];
            field.extend(adaptation);
            if adaptation.is_empty() && space > 1 {
                field.push(0);
            }
            field.resize(space, 0xFF);
            self.out.extend(field);
        }
        self.out.extend(payload);
    }
}

fn pcr(base: u64) -> [u8; 6] {
    let field = base << 15 | 0x3F << 9;
    field.to_be_bytes()[2..].try_into().expect("six of eight bytes")
}

/// A PES packet; its length is given where it can be.
fn pes(unit: &Unit) -> Vec<u8> {
    let dts = unit.dts.filter(|_| unit.dts != unit.pts);
    let (flags, length) = match (unit.pts, dts) {
        (Some(_), Some(_)) => (0xC0, 10),
        (Some(_), None) => (0x80, 5),
        _ => (0, 0),
    };
    let mut bytes = vec![0, 0, 1, unit.stream_id, 0, 0, 0x80, flags, length];
    for (time, prefix) in [(unit.pts, if dts.is_some() { 0x30 } else { 0x20 }), (unit.pts.and(dts), 0x10)] {
        if let Some(time) = time {
            let mut field = [prefix, 0, 0, 0, 0];
            write_timestamp(&mut field, time);
            bytes.extend(field);
        }
    }
    bytes.extend(&unit.data);
    if let Ok(length) = u16::try_from(bytes.len() - 6) {
        bytes[4..6].copy_from_slice(&length.to_be_bytes());
    }
    bytes
}

fn declaration(program: &Program) -> Vec<u8> {
    let clock = match program.clock {
        Clock::With(pid) | Clock::Own(pid) => pid,
        Clock::None => 0x1FFF,
    };
    let mut body = (0xE000 | clock).to_be_bytes().to_vec();
    let mut padding = Vec::new();
    while padding.len() < program.padding {
        padding.extend([0xFE, 60]);
        padding.extend([0; 60]);
    }
    body.extend((0xF000 | padding.len() as u16).to_be_bytes());
    body.extend(padding);
    for stream in &program.streams {
        body.push(stream.stream_type);
        body.extend((0xE000 | stream.pid).to_be_bytes());
        body.extend((0xF000 | stream.descriptors.len() as u16).to_be_bytes());
        body.extend(&stream.descriptors);
    }
    body
}

/// A section behind its pointer_field.
fn section(table_id: u8, extension: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![table_id];
    section.extend((0xB000 | (body.len() + 9) as u16).to_be_bytes());
    section.extend(extension.to_be_bytes());
    section.extend([0xC1 | version << 1, 0, 0]);
    section.extend(body);
    section.extend(crc(&section).to_be_bytes());
    section.insert(0, 0);
    section
}

/// CRC-32/MPEG-2.
pub(crate) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte) << 24;
        for _ in 0..8 {
            crc = (crc << 1) ^ ((crc >> 31) * 0x04C1_1DB7);
        }
    }
    crc
}
