//! Damaged sources: what decodes is kept, what is lost is counted, nothing breaks down.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use remux::{Error, Remuxer, Report, Span};
use support::{AUDIO, Noise, VIDEO, copy, entrance, index, read, run, yard};

/// The packets of a source, so that they can be dropped, repeated and changed.
fn packets(source: &[u8]) -> Vec<[u8; 188]> {
    source.as_chunks::<188>().0.to_vec()
}

fn pid(packet: &[u8; 188]) -> u16 {
    u16::from_be_bytes([packet[1] & 0x1f, packet[2]])
}

fn remux(packets: &[[u8; 188]]) -> (Vec<u8>, Report) {
    copy(packets.as_flattened(), 50_000).unwrap()
}

#[test]
fn a_lost_packet_stays_visible_as_the_hole_it_is() {
    let mut packets = packets(&entrance());
    let lost = packets.iter().enumerate().filter(|(at, p)| *at > 500 && pid(p) == VIDEO).nth(40).unwrap().0;
    packets.remove(lost);
    let (out, report) = remux(&packets);
    assert_eq!((report.continuity_gaps, report.is_damaged()), (1, true));
    let counters: Vec<u8> =
        read(&out).packets.iter().filter(|p| p.pid == VIDEO && p.has_payload).map(|p| p.counter).collect();
    let holes = counters.windows(2).filter(|pair| pair[1] != (pair[0] + 1) & 15).count();
    assert_eq!(holes, 1);
}

#[test]
fn a_packet_sent_twice_is_dropped_without_being_damage() {
    let mut packets = packets(&entrance());
    let clean = remux(&packets).0;
    for at in (700..packets.len()).rev().step_by(97) {
        packets.insert(at, packets[at]);
    }
    let (out, report) = remux(&packets);
    assert!(report.duplicates > 20 && !report.is_damaged());
    assert!(out == clean);
}

#[test]
fn packets_with_errors_and_scrambled_packets_are_left_out_and_counted() {
    let mut packets = packets(&entrance());
    let of_audio: Vec<usize> = (1000..packets.len()).filter(|&at| pid(&packets[at]) == AUDIO).collect();
    packets[of_audio[3]][1] |= 0x80;
    packets[of_audio[10]][3] |= 0x80;
    let (_, report) = remux(&packets);
    assert_eq!((report.transport_errors, report.scrambled, report.continuity_gaps), (1, 1, 2));
}

#[test]
fn garbage_of_any_length_is_skipped() {
    let source = entrance();
    let clean = copy(&source, 1 << 20).unwrap().0;
    let mut noise = Noise(7);
    for length in [1, 187, 188, 200, 100_000] {
        let garbage: Vec<u8> = (0..length).map(|_| noise.next() as u8 | 0x80).collect();
        let at = source.len() / 188 / 3 * 188;
        let spoilt = [&garbage[..], &source[..at], &garbage, &source[at..]].concat();
        let (out, report) = copy(&spoilt, 10_000).unwrap();
        assert!(out == clean, "{length} bytes");
        assert_eq!((report.resyncs, report.skipped_bytes), (2, 2 * length as u64));
    }
}

#[test]
fn a_source_that_begins_and_ends_anywhere_plays_from_its_first_random_access_point() {
    let source = yard();
    let torn = &source[188 * 100 + 55..source.len() - 77];
    let (out, report) = copy(torn, 10_000).unwrap();
    assert!(report.before_first_rap > 0 && report.skipped_bytes > 0);
    let reading = read(&out);
    assert_eq!(reading.pes[&VIDEO][0].pts, Some(900_000));
    assert!(reading.pes[&AUDIO].iter().all(|pes| pes.pts.unwrap() >= 810_000));
    assert!(report.early > 0, "audio of more than 1 s before the first picture is dropped");
}

#[test]
fn a_damaged_header_loses_its_own_pes_only() {
    let mut packets = packets(&entrance());
    let starts: Vec<usize> =
        (0..packets.len()).filter(|&at| pid(&packets[at]) == VIDEO && packets[at][1] & 0x40 != 0).collect();
    let at = starts[75];
    let payload = if packets[at][3] & 0x20 != 0 { 5 + usize::from(packets[at][4]) } else { 4 };
    packets[at][payload + 2] = 0xff;
    let whole = read(&remux(&support_packets()).0).pes[&VIDEO].clone();
    let (out, report) = remux(&packets);
    assert_eq!(report.damaged_pes, 1);
    let mut expected = whole;
    expected.remove(75);
    assert!(read(&out).pes[&VIDEO] == expected);
}

fn support_packets() -> Vec<[u8; 188]> {
    packets(&entrance())
}

#[test]
fn headers_that_straddle_packets_are_rewritten_all_the_same() {
    let source = packets(&entrance());
    // Spread the first 40 payload bytes of every 10th video PES over packets of 7 bytes each.
    let mut spread: Vec<[u8; 188]> = Vec::new();
    let (mut shift, mut number) = (0u8, 0);
    for packet in &source {
        let is_video = pid(packet) == VIDEO;
        let payload = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
        let starts = packet[1] & 0x40 != 0;
        number += u32::from(is_video && starts);
        let counter = packet[3] & 15;
        let mut parts: Vec<(bool, &[u8])> = vec![(starts, &packet[payload..])];
        if is_video && starts && number.is_multiple_of(10) {
            let (front, rest) = packet[payload..].split_at(40);
            parts =
                front.chunks(7).enumerate().map(|(n, part)| (n == 0, part)).chain([(false, rest)]).collect();
        }
        for (n, (start, part)) in parts.iter().enumerate() {
            let mut made = [0xff; 188];
            made[0] = 0x47;
            made[1] = packet[1] & 0x1f | if *start { 0x40 } else { 0 };
            made[2] = packet[2];
            if parts.len() == 1 {
                made = *packet;
            } else {
                made[3] = 0x30;
                made[4] = (183 - part.len()) as u8;
                made[5] = 0;
                made[188 - part.len()..].copy_from_slice(part);
            }
            if is_video {
                made[3] = made[3] & 0xf0 | (counter + shift + n as u8) & 15;
            }
            spread.push(made);
        }
        if is_video {
            shift = (shift + parts.len() as u8 - 1) & 15;
        }
    }
    let (out, report) = remux(&spread);
    assert!(!report.is_damaged(), "{report:?}");
    assert!(read(&out).pes == read(&remux(&source).0).pes);
}

#[test]
fn a_span_past_the_end_is_an_error_that_says_so() {
    let from = Some(remux::time::Ticks::from_millis(3_600_000));
    let result = run(Remuxer::copy(Span { from, to: None }), 0, entrance().chunks(4096));
    assert!(matches!(result, Err(Error::NothingToPlay { .. })), "{result:?}");
}

#[test]
fn chunks_out_of_order_are_misuse() {
    let mut remuxer = Remuxer::copy(Span::default());
    remuxer.push(0, vec![0; 10].into()).unwrap();
    assert_eq!(remuxer.push(11, vec![0].into()), Err(Error::OutOfOrder { expected: 10, pushed: 11 }));
}

#[test]
fn noise_in_every_place_breaks_nothing() {
    let clean = entrance();
    let mut noise = Noise(42);
    for round in 0..60 {
        let mut source = clean[..400 * 188].to_vec();
        for _ in 0..1 + round * 3 {
            let at = noise.below(source.len());
            source[at] = noise.next() as u8;
        }
        if let Ok((out, _)) = copy(&source, 5000) {
            assert_eq!(out.len() % 188, 0);
        }
    }
}

/// Offsets of the packets in which PES of sound begin.
fn sounds(source: &[u8]) -> Vec<usize> {
    let is_start = |packet: &[u8]| packet[1] & 0x5f == 0x41 && packet[2] == 0x01;
    source.chunks(188).enumerate().filter(|(_, packet)| is_start(packet)).map(|(at, _)| at * 188).collect()
}

/// Where the packet at `at` says how long its PES is.
fn length_of(source: &mut [u8], at: usize) -> &mut [u8] {
    let field = if source[at + 3] & 0x20 == 0 { 0 } else { 1 + usize::from(source[at + 4]) };
    let begin = at + 4 + field + 4;
    &mut source[begin..begin + 2]
}

#[test]
fn a_pes_that_lies_about_its_length_is_counted() {
    for (length, wrong) in [([0, 1], 1), ([0xff, 0xff], 1), ([0, 0], 1)] {
        let mut source = entrance();
        let starts = sounds(&source);
        length_of(&mut source, starts[starts.len() / 2]).copy_from_slice(&length);
        let (_, report) = copy(&source, 10_000).unwrap();
        assert_eq!((report.wrong_lengths, report.is_damaged()), (wrong, true), "{length:?}");
        assert_eq!(index(&source, 10_000).unwrap().report.wrong_lengths, wrong);
    }
}

#[test]
fn a_stream_whose_pes_lie_about_their_length_is_rebuilt() {
    let mut source = entrance();
    for at in sounds(&source) {
        length_of(&mut source, at).fill(0);
    }
    let (mut out, report) = copy(&source, 10_000).unwrap();
    assert!(!report.is_damaged(), "{report:?}");
    let (whole, _) = copy(&entrance(), 10_000).unwrap();
    let data =
        |stream: &[u8]| read(stream).pes[&AUDIO].iter().flat_map(|pes| pes.data.clone()).collect::<Vec<_>>();
    assert!(data(&out) == data(&whole));
    let starts = sounds(&out);
    assert!(starts.len() > 10 && starts.iter().all(|&at| *length_of(&mut out, at) != [0, 0]));
}
