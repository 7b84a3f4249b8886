//! What is taken out of its packets and put into new ones because of what the head shows.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use remux::layout::{Path, Repair};
use support::mux::{FRAME, H264, Mux, idr, pes, picture};
use support::{VIDEO, copy, index, read, segment, six_seconds};

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
