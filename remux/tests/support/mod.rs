//! What the engine's tests share: the samples, ways to drive the engine, and a reader of transport streams that has
//! nothing in common with the engine's own.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "every test file includes it and uses a part"
)]

pub mod mux;
pub mod virtual_recording;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use remux::time::Ticks;
use remux::{Cut, Error, Index, Indexer, Output, Packaging, Remuxer, Report, Span};

/// A recording of the samples, below `testdata/recordings`.
pub fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/recordings").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// GOPs of 2 s, no B-frames; audio leads and trails.
pub fn entrance() -> Vec<u8> {
    sample("cam-001-entrance/2026/03/14/10-01-00.ts")
}

/// GOPs of 10 s with B-frames.
pub fn yard() -> Vec<u8> {
    sample("cam-002-yard/2026/03/14/10-05-00.ts")
}

/// The output and the report for `chunks` of a source that begins at `offset`.
pub fn run<'a>(
    mut remuxer: Remuxer,
    mut offset: u64,
    chunks: impl Iterator<Item = &'a [u8]>,
) -> Result<(Vec<u8>, Report), Error> {
    let mut out = Vec::new();
    let mut drain = |remuxer: &mut Remuxer| {
        while let Some(output) = remuxer.poll() {
            if let Output::Bytes(bytes) = output {
                out.extend_from_slice(&bytes);
            }
        }
    };
    for chunk in chunks {
        remuxer.push(offset, Bytes::copy_from_slice(chunk))?;
        offset += chunk.len() as u64;
        drain(&mut remuxer);
    }
    remuxer.finish()?;
    drain(&mut remuxer);
    Ok((out, remuxer.report()))
}

/// All of a source, copied in chunks of `size`.
pub fn copy(source: &[u8], size: usize) -> Result<(Vec<u8>, Report), Error> {
    run(Remuxer::copy(Span::default()), 0, source.chunks(size))
}

pub fn index(source: &[u8], chunk: usize) -> Result<Index, Error> {
    let mut indexer = Indexer::new();
    source.chunks(chunk).for_each(|chunk| indexer.push(chunk));
    indexer.finish()
}

/// The segment of `cut`, made from exactly its bytes.
pub fn segment(source: &[u8], index: &Index, cut: &Cut) -> Vec<u8> {
    segment_of(source, index, cut, cut.bytes.start as usize..cut.bytes.end as usize)
}

/// The segment of `cut`, made from other bytes around it.
pub fn segment_of(source: &[u8], index: &Index, cut: &Cut, bytes: std::ops::Range<usize>) -> Vec<u8> {
    let remuxer =
        Remuxer::segment(Arc::new(index.runs[cut.run].layout.clone()), cut, Packaging::TransportStream);
    let offset = bytes.start as u64;
    run(remuxer, offset, source[bytes].chunks(10_000)).expect("a segment of a known layout").0
}

pub fn six_seconds() -> Ticks {
    Ticks::from_millis(6000)
}

/// A PES as the reader below finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pes {
    pub pts: Option<u64>,
    pub dts: Option<u64>,
    pub data: Vec<u8>,
}

/// Continuity counters, PES and clock of a transport stream without damage.
#[derive(Debug, Default)]
pub struct Reading {
    pub packets: Vec<Seen>,
    pub pes: BTreeMap<u16, Vec<Pes>>,
    /// PCRs in 90 kHz, in order.
    pub pcrs: Vec<u64>,
    /// For each PES the PCR before it.
    pub arrivals: BTreeMap<u16, Vec<u64>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub pid: u16,
    pub counter: u8,
    pub has_payload: bool,
    pub starts_unit: bool,
    pub is_random_access: bool,
}

pub const PAT: u16 = 0;
pub const PMT: u16 = 0x1000;
pub const VIDEO: u16 = 0x100;
pub const AUDIO: u16 = 0x101;

/// Reads packets without any tolerance.
pub fn read(stream: &[u8]) -> Reading {
    assert_eq!(stream.len() % 188, 0, "whole packets");
    let mut reading = Reading::default();
    let mut units: BTreeMap<u16, Vec<Vec<u8>>> = BTreeMap::new();
    for packet in stream.chunks(188) {
        assert_eq!(packet[0], 0x47);
        assert_eq!(packet[1] & 0x80, 0, "transport_error_indicator");
        assert_eq!(packet[3] & 0xc0, 0, "scrambled");
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let has_payload = packet[3] & 0x10 != 0;
        let mut payload = 4;
        let mut is_random_access = false;
        if packet[3] & 0x20 != 0 {
            payload = 5 + usize::from(packet[4]);
            if packet[4] > 0 {
                is_random_access = packet[5] & 0x40 != 0;
                if packet[5] & 0x10 != 0 {
                    let base = u64::from(u32::from_be_bytes([packet[6], packet[7], packet[8], packet[9]]));
                    reading.pcrs.push(base << 1 | u64::from(packet[10] >> 7));
                }
            }
        }
        let starts_unit = packet[1] & 0x40 != 0;
        reading.packets.push(Seen {
            pid,
            counter: packet[3] & 15,
            has_payload,
            starts_unit,
            is_random_access,
        });
        if pid != PAT && pid != PMT && has_payload {
            let list = units.entry(pid).or_default();
            if starts_unit {
                let clock = reading.pcrs.last().copied().unwrap_or_default();
                reading.arrivals.entry(pid).or_default().push(clock);
                list.push(packet[payload..].to_vec());
            } else if let Some(unit) = list.last_mut() {
                unit.extend_from_slice(&packet[payload..]);
            }
        }
    }
    reading.pes = units
        .into_iter()
        .map(|(pid, units)| (pid, units.iter().map(|unit| read_pes(unit)).collect()))
        .collect();
    reading
}

fn read_pes(unit: &[u8]) -> Pes {
    assert_eq!(unit[..3], [0, 0, 1], "PES start code");
    let time = |at: usize| {
        let f: Vec<u64> = unit[at..at + 5].iter().map(|&byte| u64::from(byte)).collect();
        (f[0] >> 1 & 7) << 30 | f[1] << 22 | (f[2] >> 1) << 15 | f[3] << 7 | f[4] >> 1
    };
    let flags = unit[7] >> 6;
    Pes {
        pts: (flags & 2 != 0).then(|| time(9)),
        dts: (flags == 3).then(|| time(14)),
        data: unit[9 + usize::from(unit[8])..].to_vec(),
    }
}

/// A generator of numbers that is the same every time.
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
