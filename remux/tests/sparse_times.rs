//! Pictures whose PES have times only where decoding can begin: what is made up for the others.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use remux::layout::{Path, Repair};
use support::{AUDIO, Pes, VIDEO, copy, entrance, index, read, segment, six_seconds, yard};

/// Where the PES header of a packet begins in which pictures start, and whether decoding can begin there.
fn start(packet: &[u8]) -> Option<(usize, bool)> {
    let is_start = u16::from_be_bytes([packet[1], packet[2]]) & 0x5fff == 0x4000 | VIDEO;
    let field = if packet[3] & 0x20 == 0 { 0 } else { 1 + usize::from(packet[4]) };
    is_start.then_some((4 + field, field > 1 && packet[5] & 0x40 != 0))
}

fn time(field: &[u8]) -> u64 {
    let f: Vec<u64> = field[..5].iter().map(|&byte| u64::from(byte)).collect();
    (f[0] >> 1 & 7) << 30 | f[1] << 22 | (f[2] >> 1) << 15 | f[3] << 7 | f[4] >> 1
}

fn write_time(field: &mut [u8], time: u64) {
    field[0] = field[0] & 0xf1 | (time >> 29) as u8 & 14;
    field[1] = (time >> 22) as u8;
    field[2] = (time >> 14) as u8 | 1;
    field[3] = (time >> 7) as u8;
    field[4] = (time << 1) as u8 | 1;
}

/// Without the times of all pictures that `keeps` does not keep; it is told which random access point a picture is. The others
/// are moved by what it gives.
fn sparse(source: &[u8], keeps: impl Fn(usize) -> Option<u64>) -> Vec<u8> {
    let (mut out, mut number) = (source.to_vec(), 0);
    for packet in out.chunks_mut(188) {
        let Some((at, is_rap)) = start(packet) else { continue };
        number += usize::from(is_rap);
        let length = usize::from(packet[at + 8]);
        match keeps(number - 1).filter(|_| is_rap) {
            Some(later) => {
                for at in [9, 14].into_iter().filter(|field| field + 5 <= 9 + length).map(|field| at + field)
                {
                    let moved = time(&packet[at..]) + later;
                    write_time(&mut packet[at..], moved);
                }
            }
            None => {
                packet[at + 7] &= 0x3f;
                packet[at + 9..at + 9 + length].fill(0xff);
            }
        }
    }
    out
}

/// PTS and DTS of all pictures.
fn times(stream: &[u8]) -> Vec<(u64, u64)> {
    let times = |pes: &Pes| Some((pes.pts?, pes.dts.or(pes.pts)?));
    read(stream).pes[&VIDEO].iter().map(|pes| times(pes).unwrap()).collect()
}

/// The segments end to end hold the PES of the copy.
fn check_segments(source: &[u8], copied: &[u8]) {
    let index = index(source, 100_000).unwrap();
    let cuts = index.cuts(six_seconds()).cuts;
    let segments: Vec<u8> = cuts.iter().flat_map(|cut| segment(source, &index, cut)).collect();
    assert!(cuts.len() > 3 && read(&segments).pes == read(copied).pes);
}

#[test]
fn times_at_random_access_points_alone_give_all_others() {
    for source in [entrance(), yard()] {
        let (whole, _) = copy(&source, 100_000).unwrap();
        let source = sparse(&source, |_| Some(0));
        let (out, report) = copy(&source, 100_000).unwrap();
        assert!(!report.is_damaged(), "{report:?}");
        assert!(times(&out) == times(&whole));
        check_segments(&source, &out);
        let video = index(&source, 100_000).unwrap().runs[0].layout.video().unwrap().clone();
        assert!(video.path == Path::Rebuild && video.repairs.contains(&Repair::NoTimes));
        for chunk in [188, 7777] {
            assert!(copy(&source, chunk).unwrap().0 == out, "chunks of {chunk}");
        }
    }
}

#[test]
fn pictures_that_too_many_would_have_to_wait_for_are_timed_by_their_duration() {
    for source in [entrance(), yard()] {
        let (whole, _) = copy(&source, 100_000).unwrap();
        let source = sparse(&source, |rap| (rap == 0).then_some(0));
        let (out, _) = copy(&source, 100_000).unwrap();
        assert!(times(&out).len() > remux::limits::UNTIMED_PICTURES);
        assert!(times(&out) == times(&whole));
    }
}

#[test]
fn what_is_made_up_lies_between_the_times_of_a_clock_that_is_not_even() {
    for source in [entrance(), yard()] {
        let source = sparse(&source, |rap| Some([0, 9_000, 3_000, 12_345][rap % 4]));
        let (out, _) = copy(&source, 100_000).unwrap();
        let times = times(&out);
        assert!(times.iter().all(|(pts, dts)| pts >= dts));
        assert!(times.windows(2).all(|pair| pair[0].1 < pair[1].1), "DTS rise");
        let mut shown: Vec<u64> = times.iter().map(|&(pts, _)| pts).collect();
        shown.sort_unstable();
        let steps = shown.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(steps.clone().all(|step| (3_000..=4_200).contains(&step)), "{:?}", steps.collect::<Vec<_>>());
        check_segments(&source, &out);
    }
}

#[test]
fn sound_waits_for_pictures_that_wait_for_their_times() {
    let ahead = |stream: &[u8]| {
        let reading = read(stream);
        let sounds = reading.pes[&AUDIO].iter().zip(&reading.arrivals[&AUDIO]);
        sounds.map(|(pes, clock)| pes.pts.unwrap() as i64 - *clock as i64).max().unwrap()
    };
    for source in [entrance(), yard()] {
        let (whole, _) = copy(&source, 100_000).unwrap();
        let (out, _) = copy(&sparse(&source, |_| Some(0)), 100_000).unwrap();
        assert!(ahead(&out) <= ahead(&whole) + 18_000, "{} and {}", ahead(&out), ahead(&whole));
    }
}
