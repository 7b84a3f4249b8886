//! Segments laid end to end are the recording: the cut rule, the output form, and what makes them stateless.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::collections::BTreeMap;

use mpeg2ts::ts::{ReadTsPacket, TsPacketReader};
use remux::Index;
use support::{AUDIO, PAT, PMT, Pes, Reading, VIDEO, entrance, read, segment, segment_of, six_seconds, yard};

fn segments(source: &[u8]) -> (Index, Vec<Vec<u8>>) {
    let index = support::index(source, 100_000).unwrap();
    let segments = index.cuts(six_seconds()).cuts.iter().map(|cut| segment(source, &index, cut)).collect();
    (index, segments)
}

fn end_to_end(segments: &[Vec<u8>]) -> Reading {
    read(&segments.concat())
}

#[test]
fn carry_every_pes_of_the_source_once_in_order() {
    for source in [entrance(), yard()] {
        let (index, segments) = segments(&source);
        assert!(segments.len() > 5);
        let [made, whole] = [end_to_end(&segments), read(&support::copy(&source, 100_000).unwrap().0)];
        assert_eq!(made.pes, whole.pes);
        // The source's own PES, its times moved by a constant.
        let shift = 900_000 - index.runs[0].layout.zero.ticks();
        let of_source = read_streams_of_source(&source);
        let moved = |time: Option<u64>| time.map(|time| (time as i64 + shift) as u64);
        for (pid, pes) in of_source {
            let moved: Vec<Pes> = pes
                .into_iter()
                .map(|pes| Pes { pts: moved(pes.pts), dts: moved(pes.dts), data: pes.data })
                .collect();
            assert_eq!(made.pes[&pid], moved, "PID {pid:#x}");
        }
    }
}

/// The recorder's muxer puts video on 0x100 and audio on 0x101, as the output does.
fn read_streams_of_source(source: &[u8]) -> BTreeMap<u16, Vec<Pes>> {
    let streams: Vec<u8> = source
        .chunks(188)
        .filter(|packet| [VIDEO, AUDIO].contains(&u16::from_be_bytes([packet[1] & 0x1f, packet[2]])))
        .flatten()
        .copied()
        .collect();
    read(&streams).pes
}

#[test]
fn begin_with_pat_pmt_and_a_random_access_point() {
    for source in [entrance(), yard()] {
        let (index, segments) = segments(&source);
        let cuts = index.cuts(six_seconds()).cuts;
        for (cut, segment) in cuts.iter().zip(&segments) {
            let reading = read(segment);
            let head: Vec<(u16, bool, bool)> =
                reading.packets.iter().take(3).map(|p| (p.pid, p.starts_unit, p.is_random_access)).collect();
            assert_eq!(head, [(PAT, true, false), (PMT, true, false), (VIDEO, true, true)]);
            let first = &reading.pes[&VIDEO][0];
            assert_eq!(first.pts, Some((cut.start - index.runs[0].layout.zero).get() as u64 + 900_000));
            // Delimiter, then SPS: an IDR access unit.
            assert_eq!(first.data[4] & 0x1f, 9);
            assert_eq!(first.data[10] & 0x1f, 7);
        }
    }
}

#[test]
fn carry_no_audio_of_another_segment() {
    for source in [entrance(), yard()] {
        let (index, segments) = segments(&source);
        let zero = index.runs[0].layout.zero;
        for (cut, segment) in index.cuts(six_seconds()).cuts.iter().zip(&segments) {
            let out = |time: remux::time::MediaTime| (time - zero).get() + 900_000;
            let earliest = if cut.first { out(cut.start) - 90_000 } else { out(cut.start) };
            let latest = cut.end.map_or(i64::MAX, out);
            for pes in &read(segment).pes[&AUDIO] {
                let pts = pes.pts.unwrap() as i64;
                assert!((earliest..latest).contains(&pts), "{pts} is outside of {earliest}..{latest}");
            }
        }
    }
}

#[test]
fn counters_run_on_across_segments() {
    for source in [entrance(), yard()] {
        let (_, segments) = segments(&source);
        let mut last: BTreeMap<u16, u8> = BTreeMap::new();
        for seen in end_to_end(&segments).packets {
            let step = u8::from(seen.has_payload);
            if let Some(last) = last.insert(seen.pid, seen.counter) {
                assert_eq!(seen.counter, (last + step) & 15, "PID {:#x}", seen.pid);
            }
        }
    }
}

#[test]
fn clock_references_and_tables_are_never_further_apart_than_100_ms() {
    for source in [entrance(), yard()] {
        let (_, segments) = segments(&source);
        let reading = end_to_end(&segments);
        for pair in reading.pcrs.windows(2) {
            assert!((1..=9000).contains(&(pair[1] as i64 - pair[0] as i64)), "{pair:?}");
        }
        // A picture takes 40 ms: tables at every third at the latest.
        let mut pictures_since_tables = 0;
        for seen in &reading.packets {
            match seen.pid {
                PAT => pictures_since_tables = 0,
                VIDEO if seen.starts_unit => pictures_since_tables += 1,
                _ => {}
            }
            assert!(pictures_since_tables <= 3);
        }
    }
}

#[test]
fn clock_references_are_ahead_of_all_that_they_time() {
    // Begun in the middle, so that there is audio from before the first picture.
    let torn = |source: Vec<u8>| source[100 * 188..].to_vec();
    for source in [entrance(), yard(), torn(yard())] {
        let (_, segments) = segments(&source);
        let reading = end_to_end(&segments);
        for (pid, list) in &reading.pes {
            for (pes, &clock) in list.iter().zip(&reading.arrivals[pid]) {
                let due = pes.dts.or(pes.pts).unwrap();
                assert!(
                    (clock..clock + 3 * 90_000).contains(&due),
                    "PID {pid:#x}: due at {due}, the clock says {clock}"
                );
            }
        }
    }
}

#[test]
fn do_not_depend_on_what_is_pushed_around_them() {
    let source = entrance();
    let index = support::index(&source, 100_000).unwrap();
    let cuts = index.cuts(six_seconds()).cuts;
    for cut in &cuts[1..4] {
        let exact = segment(&source, &index, cut);
        let (start, end) = (cut.bytes.start as usize, cut.bytes.end as usize);
        for (before, after) in [(188, 188), (100 * 188 + 5, 0), (start, source.len() - end), (77, 1_000_000)]
        {
            let wider = start - before..(end + after).min(source.len());
            assert!(segment_of(&source, &index, cut, wider) == exact, "{before} bytes before, {after} after");
        }
    }
}

#[test]
fn durations_are_from_random_access_point_to_random_access_point() {
    for (source, interval) in [(entrance(), 2.0), (yard(), 10.0)] {
        let (index, segments) = segments(&source);
        let cuts = index.cuts(six_seconds()).cuts;
        let starts: Vec<u64> =
            segments.iter().map(|segment| read(segment).pes[&VIDEO][0].pts.unwrap()).collect();
        for (number, pair) in starts.windows(2).enumerate() {
            assert_eq!(cuts[number].duration.get() as u64, pair[1] - pair[0]);
        }
        let pts =
            |segment: &Vec<u8>| read(segment).pes[&VIDEO].iter().filter_map(|pes| pes.pts).max().unwrap();
        let last = segments.last().unwrap();
        assert_eq!(cuts.last().unwrap().duration.get() as u64, pts(last) + 3600 - starts.last().unwrap());
        assert!(
            cuts.iter().all(|cut| cut.independent && (cut.duration.as_seconds() % interval).abs() < 1e-9)
        );
    }
}

#[test]
fn the_strict_reader_takes_every_segment() {
    for source in [entrance(), yard()] {
        for segment in segments(&source).1 {
            let mut reader = TsPacketReader::new(&segment[..]);
            let mut packets = 0;
            while reader.read_ts_packet().unwrap().is_some() {
                packets += 1;
            }
            assert_eq!(packets, segment.len() / 188);
        }
    }
}

#[test]
fn a_span_goes_from_threshold_to_threshold() {
    use remux::time::Ticks;
    use remux::{Remuxer, Span};
    let source = entrance();
    let span = Span { from: Some(Ticks::from_millis(3000)), to: Some(Ticks::from_millis(9000)) };
    let (out, _) = support::run(Remuxer::copy(span), 0, source.chunks(4096)).unwrap();
    let reading = read(&out);
    let pts: Vec<u64> = reading.pes[&VIDEO].iter().filter_map(|pes| pes.pts).collect();
    // GOPs of 2 s: from the one at 4 s up to the one at 10 s.
    assert_eq!((pts[0], pts.len()), (900_000 + 4 * 90_000, 150));
    let whole = read(&support::copy(&source, 4096).unwrap().0);
    let between = |pes: &&Pes| (14 * 90_000..20 * 90_000).contains(&pes.pts.unwrap());
    let expected: Vec<&Pes> = whole.pes[&AUDIO].iter().filter(between).collect();
    assert!(expected.len() > 5 && expected.into_iter().eq(&reading.pes[&AUDIO]));
}

#[test]
fn the_first_segment_declares_that_its_counters_begin_there_and_no_other_does() {
    let declares = |packet: &[u8]| packet[3] & 0x20 != 0 && packet[4] > 0 && packet[5] & 0x80 != 0;
    for source in [entrance(), yard()] {
        let (_, segments) = segments(&source);
        for pid in [VIDEO, AUDIO] {
            let of_pid = |packet: &&[u8]| u16::from_be_bytes([packet[1] & 0x1f, packet[2]]) == pid;
            let declared = segments[0].chunks(188).filter(of_pid).map(declares).collect::<Vec<_>>();
            assert!(declared[0] && !declared[1..].contains(&true), "PID {pid:#x}");
            assert!(!segments[1..].concat().chunks(188).filter(of_pid).any(declares), "PID {pid:#x}");
        }
    }
}
