//! Tables as sources carry them: over several packets, in several versions, with streams that HLS cannot carry.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use remux::layout::{Kind, LeftOut, LeftOutReason};
use remux::{Layout, Output, Remuxer, Report, Span};
use support::mux::crc32;
use support::{AUDIO, VIDEO, entrance, read};

/// A stream as a PMT declares it.
#[derive(Clone)]
struct Entry {
    stream_type: u8,
    pid: u16,
    descriptors: Vec<u8>,
}

fn entry(stream_type: u8, pid: u16, descriptors: &[u8]) -> Entry {
    Entry { stream_type, pid, descriptors: descriptors.to_vec() }
}

fn ordinary() -> Vec<Entry> {
    vec![entry(0x1b, VIDEO, &[]), entry(0x0f, AUDIO, &[])]
}

fn section(table_id: u8, extension: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() + 9) as u16 | 0xb000;
    let mut section = vec![table_id];
    section.extend(length.to_be_bytes());
    section.extend(extension.to_be_bytes());
    section.extend([0xc1 | version << 1, 0, 0]);
    section.extend(body);
    let crc = crc32(&section);
    section.extend(crc);
    section
}

fn pat(programs: &[(u16, u16)]) -> Vec<u8> {
    let body: Vec<u8> = programs
        .iter()
        .flat_map(|&(number, pid)| [number.to_be_bytes(), (0xe000 | pid).to_be_bytes()].concat())
        .collect();
    section(0, 1, 0, &body)
}

fn pmt(program: u16, version: u8, streams: &[Entry]) -> Vec<u8> {
    let mut body = vec![0xe1, 0x00, 0xf0, 0x00];
    for stream in streams {
        body.push(stream.stream_type);
        body.extend((0xe000 | stream.pid).to_be_bytes());
        body.extend((0xf000 | stream.descriptors.len() as u16).to_be_bytes());
        body.extend(&stream.descriptors);
    }
    section(2, program, version, &body)
}

/// A section in as many packets as it takes.
fn packets(pid: u16, section: &[u8]) -> Vec<u8> {
    let payload = [&[0], section].concat();
    let mut packets = Vec::new();
    for (number, part) in payload.chunks(184).enumerate() {
        let [high, low] = pid.to_be_bytes();
        packets.extend([0x47, high | if number == 0 { 0x40 } else { 0 }, low, 0x10 | number as u8 & 15]);
        packets.extend(part);
        packets.resize(packets.len().next_multiple_of(188), 0xff);
    }
    packets
}

/// The sample with its own tables taken out.
fn without_tables() -> Vec<u8> {
    let streams =
        |packet: &&[u8]| [VIDEO, AUDIO].contains(&u16::from_be_bytes([packet[1] & 0x1f, packet[2]]));
    entrance().chunks(188).filter(streams).flatten().copied().collect()
}

fn with_tables(tables: &[Vec<u8>]) -> Vec<u8> {
    [tables.concat(), without_tables()].concat()
}

fn remux(source: &[u8]) -> (Vec<u8>, Layout, Report) {
    let mut remuxer = Remuxer::copy(Span::default());
    remuxer.push(0, source.to_vec().into()).unwrap();
    remuxer.finish().unwrap();
    let mut out = Vec::new();
    while let Some(output) = remuxer.poll() {
        if let Output::Bytes(bytes) = output {
            out.extend_from_slice(&bytes);
        }
    }
    (out, remuxer.layout().unwrap().clone(), remuxer.report())
}

fn plain() -> Vec<u8> {
    remux(&entrance()).0
}

#[test]
fn a_pmt_over_several_packets_is_read() {
    let mut streams = ordinary();
    streams[0].descriptors = vec![0x80; 2 + 0x80];
    streams[1].descriptors = vec![0x81; 2 + 0x81];
    let pmt = packets(0x300, &pmt(1, 0, &streams));
    assert_eq!(pmt.len(), 2 * 188);
    let (out, _, report) = remux(&with_tables(&[packets(0, &pat(&[(1, 0x300)])), pmt]));
    assert!(out == plain() && !report.is_damaged());
}

#[test]
fn a_pmt_in_the_middle_that_declares_the_same_changes_nothing() {
    let mut source = entrance();
    let middle = source.len() / 188 / 2 * 188;
    source.splice(middle..middle, packets(0x1000, &pmt(1, 5, &ordinary())));
    let (out, _, report) = remux(&source);
    assert!(out == plain() && !report.is_damaged(), "{report:?}");
}

#[test]
fn a_program_that_changes_its_streams_is_reported() {
    let mut source = entrance();
    let middle = source.len() / 188 / 2 * 188;
    source.splice(middle..middle, packets(0x1000, &pmt(1, 5, &[entry(0x24, 0x200, &[])])));
    let report = remux(&source).2;
    // The sample's own PMT comes again 100 ms later, and says what it always said.
    assert_eq!((report.layout_changes, report.is_damaged()), (1, true));
}

#[test]
fn what_hls_cannot_carry_is_left_out_and_named() {
    let mut streams = ordinary();
    streams.extend([
        entry(0x90, 0x102, &[]),
        entry(0x06, 0x103, &[5, 4, b'K', b'L', b'V', b'A']),
        entry(0x06, 0x104, &[]),
    ]);
    streams.extend([
        entry(0x86, 0x105, &[]),
        entry(0x02, 0x106, &[]),
        entry(0x1b, VIDEO, &[]),
        entry(0x0f, 0x1fff, &[]),
    ]);
    let (out, layout, report) =
        remux(&with_tables(&[packets(0, &pat(&[(1, 0x300)])), packets(0x300, &pmt(1, 0, &streams))]));
    let reasons: Vec<(u16, LeftOutReason)> = layout
        .left_out
        .iter()
        .map(|left_out: &LeftOut| (left_out.source.pid().value(), left_out.reason))
        .collect();
    use LeftOutReason::{BadPid, NotForHls};
    assert_eq!(
        reasons,
        [
            (0x102, NotForHls(Kind::CameraAudio)),
            (0x103, NotForHls(Kind::Klv)),
            (0x104, NotForHls(Kind::PrivateData)),
            (0x105, NotForHls(Kind::Scte35)),
            (0x106, NotForHls(Kind::OtherVideo)),
            (VIDEO, BadPid),
            (0x1fff, BadPid),
        ]
    );
    assert!(layout.left_out[0].to_string().contains("PID 0x102 (stream type 0x90): G.711"));
    assert!(out == plain() && !report.is_damaged(), "left out by policy is no damage");
}

#[test]
fn a_stream_without_data_is_not_declared_in_the_output() {
    let mut streams = ordinary();
    streams.push(entry(0x0f, 0x222, &[]));
    let (out, layout, _) =
        remux(&with_tables(&[packets(0, &pat(&[(1, 0x300)])), packets(0x300, &pmt(1, 0, &streams))]));
    assert_eq!(layout.left_out[0].reason, LeftOutReason::Silent);
    assert!(out == plain());
}

#[test]
fn of_several_programs_the_one_with_pictures_is_played() {
    let programs = pat(&[(7, 0x300), (8, 0x310), (9, 0x320)]);
    let source = with_tables(&[
        packets(0, &programs),
        packets(0x300, &pmt(7, 0, &[entry(0x0f, AUDIO, &[])])),
        packets(0x320, &pmt(9, 0, &[entry(0x1b, 0x500, &[])])),
        packets(0x310, &pmt(8, 0, &ordinary())),
    ]);
    // Program 9 declares pictures and sends none.
    let (out, layout, _) = remux(&source);
    assert_eq!(layout.program_number, 8);
    assert!(out == plain());
}

#[test]
fn tables_that_come_late_lose_nothing_that_came_before() {
    let streams = without_tables();
    let (before, after) = streams.split_at(100 * 188);
    let tables = [packets(0, &pat(&[(1, 0x300)])), packets(0x300, &pmt(1, 0, &ordinary()))].concat();
    let (out, _, _) = remux(&[before, &tables, after].concat());
    assert!(out == plain());
}

#[test]
fn languages_are_kept() {
    let mut streams = ordinary();
    streams[1].descriptors = vec![0x0a, 4, b'd', b'e', b'u', 0, 0x52, 1, 9];
    let (out, ..) =
        remux(&with_tables(&[packets(0, &pat(&[(1, 0x300)])), packets(0x300, &pmt(1, 0, &streams))]));
    let expected = pmt(1, 0, &{
        streams[1].descriptors.truncate(6);
        streams
    });
    let made = &out[188 + 5..188 + 5 + expected.len()];
    assert_eq!(made, expected);
    assert_eq!(read(&out).packets[1].pid, 0x1000);
}
