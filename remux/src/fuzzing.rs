//! Bodies of the fuzz targets (`fuzz/`), kept beside the code that they check so that they change with it.
//!
//! Any input is allowed; what must hold whatever it is:
//! nothing panics; chunking does not matter; output is whole packets of the PIDs of the layout, with sound headers and
//! sound tables in front; copying a copy adds nothing; of an undamaged source the segments laid end to end carry the
//! elementary streams that the copy carries. What is checked of MP4 stands in [`mp4`].

mod mp4;
mod mp4_writer;
mod sound;
mod walk;

pub use self::mp4::{mp4_boxes, mp4_reader};
pub use self::mp4_writer::mp4_writer;
pub use self::sound::sound_frames;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::index::{Part, PartIndexer};
use crate::psi::crc32;
use crate::time::Ticks;
use crate::ts::Pid;
use crate::{Error, Indexer, Layout, Output, Packaging, Remuxer, Report, Span};

/// Copies, indexes and cuts `data`: the first byte says how it is cut into chunks.
pub fn engine(data: &[u8]) {
    let Some((&split, source)) = data.split_first() else { return };
    let chunk = 1 + usize::from(split) * 7;
    let whole = copy(source, usize::MAX);
    let chunked = copy(source, chunk);
    assert!(whole == chunked, "chunks of {chunk} bytes make a difference");
    let segments = index_and_cut(source, chunk);
    let Ok(Copied { layout, out, report }) = whole else { return };
    check_packets(&layout, &out);
    check_copy_of_copy(&out);
    if let Some(segments) = segments.filter(|_| !report.is_damaged()) {
        for (pid, bytes) in &elementary_streams(&out) {
            let cut = &elementary_streams(&segments)[pid];
            assert!(
                cut == bytes,
                "PID {pid}: {} bytes in the segments, {} in the copy",
                cut.len(),
                bytes.len()
            );
        }
    }
}

#[derive(PartialEq)]
struct Copied {
    layout: Layout,
    out: Vec<u8>,
    report: Report,
}

fn copy(source: &[u8], chunk: usize) -> Result<Copied, Error> {
    let mut remuxer = Remuxer::copy(Span::default());
    let out = drive(&mut remuxer, 0, source, chunk)?;
    let layout = remuxer.layout().expect("known once output is made").clone();
    Ok(Copied { layout, out, report: remuxer.report() })
}

fn drive(remuxer: &mut Remuxer, mut offset: u64, source: &[u8], chunk: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut drain = |remuxer: &mut Remuxer| {
        while let Some(output) = remuxer.poll() {
            if let Output::Bytes(bytes) = output {
                out.extend_from_slice(&bytes);
            }
        }
    };
    for bytes in source.chunks(chunk) {
        remuxer.push(offset, Bytes::copy_from_slice(bytes))?;
        offset += bytes.len() as u64;
        drain(remuxer);
    }
    remuxer.finish()?;
    drain(remuxer);
    Ok(out)
}

/// The segments of an undamaged source, laid end to end.
fn index_and_cut(source: &[u8], chunk: usize) -> Option<Vec<u8>> {
    let mut indexer = Indexer::new();
    source.chunks(chunk).for_each(|bytes| indexer.push(bytes));
    let index = indexer.finish().ok()?;
    assert_eq!(
        crate::Index::decode(&index.encode()).as_ref(),
        Ok(&index),
        "the stored form does not come back"
    );
    merge_parts(source, &index.runs[0].layout, chunk);
    let mut segments = Vec::new();
    for cut in &index.cuts(Ticks::SECOND).cuts {
        let layout = Arc::new(index.runs[cut.run].layout.clone());
        let end = (cut.bytes.end as usize).min(source.len());
        let bytes = &source[(cut.bytes.start as usize).min(end)..end];
        let mut remuxer = Remuxer::segment(Arc::clone(&layout), cut, Packaging::TransportStream);
        let out =
            drive(&mut remuxer, cut.bytes.start, bytes, usize::MAX).expect("a segment is never an error");
        check_packets(&layout, &out);
        let tables = out.chunks(188).filter(|packet| packet[1] & 0x1f == 0 && packet[2] == 0).count();
        assert!(tables % 16 == 0, "{tables} PATs: the next segment's counter does not follow");
        segments.extend(out);
    }
    (!index.report.is_damaged()).then_some(segments)
}

/// Parts of any source can be stored and merged; that they give the index of one pass is for sound sources to show.
fn merge_parts(source: &[u8], layout: &Layout, chunk: usize) {
    let layout = Arc::new(layout.clone());
    let middle = source.len() / 2;
    let part = |start: usize, end: usize| {
        let mut indexer = PartIndexer::new(Arc::clone(&layout), start as u64);
        source[start..end].chunks(chunk).for_each(|bytes| indexer.push(bytes));
        let part = indexer.finish();
        let stored = part.encode();
        let again = Part::decode(&stored).expect("what was stored can be read");
        assert!(again.encode() == stored, "the stored form does not come back");
        again
    };
    let overlapping = part(middle.saturating_sub(chunk), source.len());
    let merged = overlapping.merge(part(0, middle)).expect("they overlap");
    assert_eq!(merged.range(), 0..source.len() as u64);
    // What there is to play may have been learned from bytes that a part begins too late to see.
    let _ = merged.into_index();
}

fn check_packets(layout: &Layout, out: &[u8]) {
    let pids: Vec<u16> = layout.streams.iter().map(|stream| stream.output_pid.value()).collect();
    assert!(out.len().is_multiple_of(188));
    for (number, packet) in out.chunks(188).enumerate() {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        assert_eq!(packet[0], 0x47);
        assert_eq!(packet[1] & 0x80, 0, "transport_error_indicator");
        assert_eq!(packet[3] & 0xc0, 0, "scrambled");
        match number {
            0 => assert_eq!(pid, 0, "PAT first"),
            1 => assert_eq!(pid, 0x1000, "then PMT"),
            _ => assert!(pid == 0 || pid == 0x1000 || pids.contains(&pid), "PID {pid:#x} is in no table"),
        }
        if pid == 0 || pid == 0x1000 {
            let length = 3 + usize::from(u16::from_be_bytes([packet[6] & 0x0f, packet[7]]));
            assert_eq!(crc32(&packet[5..5 + length]), 0, "CRC");
        }
        if packet[3] & 0x20 != 0 {
            let most = if packet[3] & 0x10 != 0 { 182 } else { 183 };
            assert!(packet[4] <= most, "adaptation_field_length {}", packet[4]);
        }
    }
}

/// What came out once comes out again; less where the first copy had something that only its source could place.
fn check_copy_of_copy(out: &[u8]) {
    let Ok(again) = copy(out, 65_536) else { return };
    let (before, after) = (payloads(out), payloads(&again.out));
    for stream in &again.layout.streams {
        let count =
            |payloads: &BTreeMap<u16, usize>, pid: Pid| payloads.get(&pid.value()).copied().unwrap_or(0);
        let (before, after) = (count(&before, stream.source.pid()), count(&after, stream.output_pid));
        assert!(after <= before, "{} grows from {before} to {after} packets", stream.source);
    }
}

/// What the PES of each PID carry, laid end to end.
fn elementary_streams(stream: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let mut open: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    let mut streams: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    let mut close = |pid: u16, pes: Vec<u8>| {
        let header = pes.get(8).map_or(pes.len(), |&length| 9 + usize::from(length));
        streams.entry(pid).or_default().extend(pes.get(header..).unwrap_or_default());
    };
    for packet in stream.chunks(188).filter(|packet| packet[3] & 0x10 != 0) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        if pid == 0 || pid == 0x1000 {
            continue;
        }
        let begin = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
        if packet[1] & 0x40 != 0 {
            close(pid, open.remove(&pid).unwrap_or_default());
        }
        open.entry(pid).or_default().extend(&packet[begin..]);
    }
    open.into_iter().for_each(|(pid, pes)| close(pid, pes));
    streams
}

/// Packets with payload per PID, tables left out.
fn payloads(stream: &[u8]) -> BTreeMap<u16, usize> {
    let mut payloads = BTreeMap::new();
    for packet in stream.chunks(188).filter(|packet| packet[3] & 0x10 != 0) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        if pid != 0 && pid != 0x1000 {
            *payloads.entry(pid).or_default() += 1;
        }
    }
    payloads
}
