//! The rows of the matrix that are about what streams are made of and how tables declare them.

use checker::Codec;

use super::clips::{Clips, PICTURES};
use super::row::{Column, Row};
use super::rows::plain_mux;
use crate::mutate::mux::{AUDIO, Clock, Mux, Program, Stream, Unit, VIDEO};
use crate::mutate::nal;
use crate::mutate::packets::Packets;

pub(super) fn pictures(clips: &Clips) -> Vec<Row> {
    let units = &clips.plain.units;
    let row = |name, units: Vec<Unit>| Row::new(name, plain_mux(&units));
    let bare = nal::without(units, Codec::H264, nal::DELIMITERS, 0);
    let once = nal::without(units, Codec::H264, nal::PARAMETER_SETS, 1);
    let other_size = [clips.plain.part(0, 125), clips.small.part(125, PICTURES)].concat();
    let refreshed = Packets::of(&clips.refreshed.stream);
    let straddling = nal::pictures(units, |_, picture| picture.first = Some(11));
    vec![
        row("muxed anew", units.clone()),
        row("lengths of 4 bytes", nal::length_prefixed(units, 4)),
        row("lengths of 2 bytes", nal::length_prefixed(units, 2)),
        // Without the encoder's own words, which alone are longer.
        row(
            "lengths of 1 byte",
            nal::length_prefixed(&nal::without(&clips.tiny.units, Codec::H264, nal::SEI, 0), 1),
        ),
        row("start codes of 3 bytes", nal::short_start_codes(units)),
        row("no delimiters", bare.clone()),
        row("parameter sets at the start only", once),
        row("parameter sets behind the picture before", nal::parameter_sets_at_tail(units)),
        row("the same without delimiters", nal::parameter_sets_at_tail(&bare)),
        row("two access units in a PES", nal::two_in_one(units)),
        row("two access units in a PES, no delimiters", nal::two_in_one(&bare)),
        row("PES begin inside access units", nal::shifted(units)),
        row("PES header over two packets", straddling),
        row("another size in the middle", other_size),
        Row::new("one IDR, then recovery points", clips.refreshed.stream.clone()),
        // Nothing is whole before the refresh has gone round; what the decoder makes of that is its affair.
        Row::new("recovery points alone", refreshed.tail(refreshed.picture(30)).bytes())
            .pictures(None)
            .apart(&[Column::Bad, Column::Errors, Column::Sound]),
    ]
}

pub(super) fn h265(clips: &Clips) -> Vec<Row> {
    let units = &clips.h265.units;
    let row = |name, units: Vec<Unit>| {
        let streams = vec![Stream::new(VIDEO, 0x24), Stream::new(AUDIO, 0x0F)];
        Row::new(name, Mux::of(Program { streams, ..Program::plain() }).write(&units).finish()).h265()
    };
    vec![
        row("H.265, lengths of 4 bytes", nal::length_prefixed(units, 4)),
        row("H.265, no delimiters", nal::without(units, Codec::H265, nal::DELIMITERS, 0)),
        row(
            "H.265, parameter sets at the start only",
            nal::without(units, Codec::H265, nal::PARAMETER_SETS, 1),
        ),
    ]
}

pub(super) fn sounds(clips: &Clips) -> Vec<Row> {
    let units = &clips.plain.units;
    let without_sound: Vec<Unit> = units.iter().filter(|unit| unit.is_video).cloned().collect();
    let declared = |streams: Vec<Stream>, units: &[Unit]| {
        Mux::of(Program { streams, ..Program::plain() }).write(units).finish()
    };
    let video = || Stream::new(VIDEO, 0x1B);
    let replaced = |stream_id: u8, data: &[u8]| {
        let units = units.iter().cloned().map(|mut unit| {
            if !unit.is_video {
                (unit.stream_id, unit.data) = (stream_id, data.to_vec());
            }
            unit
        });
        units.collect::<Vec<_>>()
    };
    let mut klv = Stream::new(AUDIO, 0x06);
    klv.descriptors = b"\x05\x04KLVA".to_vec();
    let mut cues = Stream::new(0x200, 0x86);
    cues.descriptors = b"\x05\x04CUEI".to_vec();
    let law = [0xD5; 320];
    let key = [&[6, 0x0E, 0x2B, 0x34, 2, 0x0B, 1, 1, 14, 1, 3, 1, 1, 0, 0, 0][..], &[4], b"\x02\x02\x00\x00"]
        .concat();
    vec![
        Row::new("G.711 as 0x06", declared(vec![video(), Stream::new(AUDIO, 0x06)], &replaced(0xBD, &law)))
            .silent(),
        Row::new("G.711 as 0x90", declared(vec![video(), Stream::new(AUDIO, 0x90)], &replaced(0xC0, &law)))
            .silent(),
        Row::new("ADTS frames over two PES", plain_mux(&nal::sound_across(units))),
        Row::new("AAC in LATM", clips.latm.stream.clone()),
        Row::new("sound declared and silent", plain_mux(&without_sound)).silent(),
        Row::new("KLV", declared(vec![video(), klv], &replaced(0xFC, &key))).silent(),
        Row::new("SCTE-35", declared(vec![video(), Stream::new(AUDIO, 0x0F), cues], &with_cues(units))),
    ]
}

/// A splice_null() before every tenth picture.
fn with_cues(units: &[Unit]) -> Vec<Unit> {
    let mut cue = vec![0xFC, 0x30, 0x11, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xF0, 0, 0, 0, 0];
    cue.extend(crate::mutate::mux::crc(&cue).to_be_bytes());
    let with_cue = |(number, unit): (usize, &Unit)| {
        let cue = Unit { pid: 0x200, is_section: true, is_video: false, data: cue.clone(), ..unit.clone() };
        if number % 10 == 0 { vec![cue, unit.clone()] } else { vec![unit.clone()] }
    };
    units.iter().enumerate().flat_map(with_cue).collect()
}

pub(super) fn tables(clips: &Clips) -> Vec<Row> {
    let units = &clips.plain.units;
    let moved = |units: &[Unit], by: u16| {
        units.iter().cloned().map(|unit| Unit { pid: unit.pid + by, ..unit }).collect::<Vec<_>>()
    };
    let other = |number: u16, by: u16, version: u8| {
        let streams = vec![Stream::new(VIDEO + by, 0x1B), Stream::new(AUDIO + by, 0x0F)];
        let clock = Clock::With(VIDEO + by);
        let pmt_pid = if number == 1 { 0x1000 } else { 0x1100 };
        Program { number, pmt_pid, version, streams, clock, ..Program::plain() }
    };
    let mut change = Mux::of(Program::plain());
    change.write(&clips.plain.part(0, 125));
    change.programs = vec![other(1, 0x40, 1)];
    change.write(&moved(&clips.plain.part(125, PICTURES), 0x40));
    let mut two = Mux::of_all(vec![Program::plain(), other(2, 0x80, 0)]);
    let pairs = units.iter().zip(moved(&clips.second.units, 0x80));
    let both: Vec<Unit> = pairs.flat_map(|(first, second)| [first.clone(), second]).collect();
    let plain = Packets::of(&clips.plain.stream);
    let wide = Program { padding: 300, ..Program::plain() };
    let mut network = Mux::of(Program::plain()).with_network();
    vec![
        Row::new("PID change in the middle", change.finish()).code(None),
        Row::new("two programs", two.write(&both).finish()),
        Row::new("no tables in the first 2 s", plain.without_tables(plain.picture(50)).bytes())
            .pictures(None),
        Row::new("every second PMT broken", plain.with_broken_tables().bytes()).code(1),
        Row::new("PMT over two packets", Mux::of(wide).write(units).finish()),
        Row::new("PAT with a network PID", network.write(units).finish()),
    ]
}
