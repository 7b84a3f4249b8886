//! What is taken out of its packets and put into new ones because of what the head shows.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use remux::layout::{Path, Repair};
use support::mux::{AAC, FRAME, H264, Mux, idr, pes, picture};
use support::{AUDIO, VIDEO, copy, index, read, segment, six_seconds};

/// An ADTS frame (ISO/IEC 14496-3 §1.A.2) of 1024 samples at 44100 Hz.
fn adts(length: usize) -> Vec<u8> {
    let [_, .., high, low] = (length as u32).to_be_bytes();
    let fields = [0x80 | high >> 3, high << 5 | low >> 3, low << 5 | 0x1f, 0xfc];
    let mut frame = [&[0xff, 0xf1, 0x50], &fields[..]].concat();
    frame.resize(length, 0x21);
    frame
}

/// When frame `number` begins.
fn at(number: usize) -> u64 {
    90_000 + number as u64 * 1024 * 90_000 / 44_100
}

/// The segments laid end to end.
fn end_to_end(source: &[u8]) -> Vec<u8> {
    let index = index(source, 100_000).unwrap();
    let cuts = index.cuts(six_seconds()).cuts;
    assert!(cuts.len() > 1);
    cuts.iter().flat_map(|cut| segment(source, &index, cut)).collect()
}

#[test]
fn random_access_points_without_room_for_their_mark_are_marked_all_the_same() {
    // The first packet of a PES is payload and nothing else.
    let mut mux = Mux::of(&[(H264, VIDEO)]);
    for number in 0..500 {
        let data = if number % 50 == 0 { idr(2000) } else { picture(300) };
        for (part, payload) in pes(VIDEO, 90_000 + number * FRAME, &data).chunks(184).enumerate() {
            mux.packet(VIDEO, part == 0, payload);
        }
    }
    let key = index(&mux.out, 100_000).unwrap().runs[0].layout.streams[0].clone();
    assert_eq!((key.path, key.repairs), (Path::Rebuild, vec![Repair::NoRoom]));
    for out in [copy(&mux.out, 100_000).unwrap().0, end_to_end(&mux.out)] {
        let packets = read(&out).packets;
        let starts = packets.iter().filter(|packet| packet.pid == VIDEO && packet.starts_unit);
        let marked: Vec<bool> = starts.map(|packet| packet.is_random_access).collect();
        let expected: Vec<bool> = (0..500).map(|number| number % 50 == 0).collect();
        assert_eq!(marked, expected);
    }
}

#[test]
fn the_rest_of_a_frame_before_the_first_does_not_go_out() {
    let mut mux = Mux::of(&[(H264, VIDEO), (AAC, AUDIO)]);
    mux.pes(AUDIO, at(0), &[0xde, 4, 0, 0, 0x6c, 0x69, 0x62, 0x66, 0x61, 0x61, 0x63]);
    for number in 0..100 {
        let time = 90_000 + number * FRAME;
        mux.pes(VIDEO, time, &if number % 25 == 0 { idr(300) } else { picture(300) });
        mux.pes(AUDIO, time, &adts(120));
    }
    let sound = read(&copy(&mux.out, 100_000).unwrap().0).pes[&AUDIO].clone();
    let data: Vec<u8> = sound.into_iter().flat_map(|pes| pes.data).collect();
    assert!(data == adts(120).repeat(100));
}

#[test]
fn the_clock_of_sound_alone_does_not_step_back_between_segments() {
    // PES of eight frames and a half: the next begins where the one before has ended.
    let stream = adts(100).repeat(680);
    let mut mux = Mux::of(&[(AAC, AUDIO)]);
    for (number, part) in stream.chunks(850).enumerate() {
        mux.pes(AUDIO, at((number * 17).div_ceil(2)), part);
    }
    let out = read(&end_to_end(&mux.out));
    // Where there are no pictures, sound has the first PID.
    let data: Vec<u8> = out.pes[&VIDEO].iter().flat_map(|pes| pes.data.clone()).collect();
    assert!(data == stream);
    let back = out.pcrs.windows(2).find(|pair| pair[1] <= pair[0]);
    assert_eq!(back, None);
    assert!(out.pcrs.windows(2).all(|pair| pair[1] - pair[0] <= 9_000));
}
