//! What the engine writes, judged by a checker that shares no code with it; and the checker itself, which has to find what is
//! broken on purpose.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use checker::{Checked, Kind, PACKET, Packet, Pes, check};
use remux::time::Ticks;

use support::{copy, entrance, index, segment, yard};

#[test]
fn copies_and_segments_are_sound() {
    for source in [entrance(), yard()] {
        let copied = copy(&source, 1 << 16).unwrap().0;
        let index = index(&source, 1 << 16).unwrap();
        let cuts = index.cuts(Ticks::from_millis(6000)).cuts;
        let segments: Vec<Vec<u8>> = cuts.iter().map(|cut| segment(&source, &index, cut)).collect();
        let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
        for checked in [check(&[&copied]), check(&segments)] {
            assert_eq!((checked.faults, checked.holes), (vec![], 0));
        }
    }
}

#[test]
fn the_checker_finds_what_is_broken() {
    let sound = copy(&entrance(), 1 << 16).unwrap().0;
    let checked = check(&[&sound]);
    for (kind, name, damage) in DAMAGES {
        let mut broken = sound.clone();
        damage(&mut broken, &checked);
        let faults = check(&[&broken]).faults;
        assert!(faults.iter().any(|fault| fault.kind == *kind), "{name}: {kind:?} not among {faults:?}");
    }
}

#[test]
fn a_lost_packet_is_a_hole_and_no_fault() {
    let mut output = copy(&entrance(), 1 << 16).unwrap().0;
    let pes = &check(&[&output]).pes[40];
    let inside = (pes.offset + PACKET..)
        .step_by(PACKET)
        .find(|&at| Packet::new(&output[at..]).is_some_and(|packet| packet.pid() == pes.pid))
        .unwrap();
    output.drain(inside..inside + PACKET);
    let checked = check(&[&output]);
    assert_eq!((checked.faults, checked.holes), (vec![], 1));
}

type Damage = fn(&mut Vec<u8>, &Checked);

const DAMAGES: &[(Kind, &str, Damage)] = &[
    (Kind::Grid, "no sync byte", |bytes, _| bytes[50 * PACKET] = 0x48),
    (Kind::Grid, "half a packet", |bytes, _| bytes.truncate(bytes.len() - 90)),
    (Kind::Tables, "PMT before PAT", |bytes, _| bytes[..2 * PACKET].rotate_left(PACKET)),
    (Kind::Tables, "a wrong checksum", |bytes, _| bytes[PACKET + 12] ^= 1),
    (Kind::Undeclared, "another PID", |bytes, _| bytes[60 * PACKET + 2] ^= 0x77),
    (Kind::Flags, "transport_error_indicator", |bytes, _| bytes[60 * PACKET + 1] |= 0x80),
    (Kind::Flags, "scrambling", |bytes, _| bytes[60 * PACKET + 3] |= 0x80),
    (Kind::Counter, "a packet twice", |bytes, checked| {
        let at = video(checked, 5).offset;
        let packet = bytes[at..at + PACKET].to_vec();
        bytes.splice(at..at, packet);
    }),
    (Kind::Reference, "no clock reference for a while", |bytes, checked| {
        for &(at, ..) in &checked.clock.references[20..25] {
            bytes[at + 5] &= !0x10;
        }
    }),
    (Kind::Reference, "a clock that goes back", |bytes, checked| {
        bytes[checked.clock.references[20].0 + 7] ^= 0x40;
    }),
    (Kind::Lead, "a clock that is ahead", |bytes, checked| bytes[checked.clock.references[20].0 + 7] |= 0x80),
    (Kind::Order, "an earlier PTS", |bytes, checked| {
        let header = header(bytes, video(checked, 60));
        bytes[header + 11] ^= 0x02;
    }),
    (Kind::Order, "no PTS", |bytes, checked| {
        let header = header(bytes, video(checked, 60));
        bytes[header + 7] &= 0x3F;
    }),
    (Kind::Length, "a wrong length", |bytes, checked| {
        let header = header(bytes, audio(checked, 9));
        bytes[header + 5] ^= 1;
    }),
    (Kind::Delimiter, "another NAL unit first", |bytes, checked| replace(bytes, video(checked, 7), 9, 12)),
    (Kind::ParameterSets, "no SPS", |bytes, checked| replace(bytes, key(checked), 7, 12)),
    (Kind::AccessUnits, "two pictures in a PES", |bytes, checked| {
        bytes[video(checked, 8).offset + 1] &= !0x40;
    }),
    (Kind::AccessUnits, "a PES inside a NAL unit", |bytes, checked| {
        let pes = video(checked, 8);
        let payload = header(bytes, pes) + 9 + usize::from(bytes[header(bytes, pes) + 8]);
        bytes[payload] = 0x55;
    }),
    (Kind::RandomAccess, "an IDR that is not marked", |bytes, checked| {
        bytes[key(checked).offset + 5] &= !0x40
    }),
    (Kind::Audio, "no ADTS frame", |bytes, checked| {
        let pes = audio(checked, 9);
        let payload = header(bytes, pes) + 9 + usize::from(bytes[header(bytes, pes) + 8]);
        bytes[payload] = 0x55;
    }),
];

fn video(checked: &Checked, number: usize) -> &Pes {
    checked.of(checked.streams()[0].pid).nth(number).unwrap()
}

fn audio(checked: &Checked, number: usize) -> &Pes {
    checked.of(checked.streams()[1].pid).nth(number).unwrap()
}

/// A random access point, not the first.
fn key(checked: &Checked) -> &Pes {
    checked.of(checked.streams()[0].pid).filter(|pes| pes.is_random_access).nth(2).unwrap()
}

/// Where the PES header lies.
fn header(bytes: &[u8], pes: &Pes) -> usize {
    let packet = Packet::new(&bytes[pes.offset..]).unwrap();
    pes.offset + PACKET - packet.payload().len()
}

/// Makes another of the first NAL unit of a type.
fn replace(bytes: &mut [u8], pes: &Pes, from: u8, to: u8) {
    let packet = &mut bytes[pes.offset..pes.offset + PACKET];
    let at =
        packet.windows(4).position(|four| four[..3] == [0, 0, 1] && four[3] & 0x1F == from && four[3] < 0x80);
    let at = at.expect("it begins in the first packet") + 3;
    packet[at] = packet[at] & 0xE0 | to;
}
