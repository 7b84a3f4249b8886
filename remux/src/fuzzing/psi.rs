//! Recipes for tables: sections with a right CRC, and some without, whose lengths lie, on PIDs that alias, changing on the
//! way, with pictures and sound in between.

use super::oracle;
use super::recipe::{
    PMT, ROOM, Recipe, Source, frame, parameter_sets, pat, pes_header, pmt, sealed, section, slice,
};
use crate::layout::Codec;
use crate::psi::descriptor::Descriptors;
use crate::psi::section::SectionAssembler;
use crate::psi::tables::{parse_pat, parse_pmt};

/// Takes sections that `data` describes through the parsers alone, then through everything.
pub fn psi(data: &[u8]) {
    let Some((&split, data)) = data.split_first() else { return };
    come_back(Recipe(data));
    parse_pat(data);
    parse_pmt(data);
    oracle::check(&source(Recipe(data)), 1 + usize::from(split) * 7);
}

/// Few PIDs, so that they meet: those of tables, of streams, and some that cannot be.
const PIDS: [u16; 8] = [PMT, 0x100, 0x101, 0x102, 0x1000, 0, 0x1fff, 0x11];
const STREAM_TYPES: [u8; 14] =
    [0x1b, 0x0f, 0x24, 0x03, 0x06, 0x81, 0x11, 0x15, 0x86, 0x90, 0x02, 0x04, 0x87, 0x05];
const STREAM_PIDS: [u16; 4] = [0x110, 0x111, 0x112, PMT];

/// Descriptors, each of which says something, and then what the recipe says.
fn descriptors(recipe: &mut Recipe<'_>) -> Vec<u8> {
    const KNOWN: [&[u8]; 10] = [
        &[],
        &[0x0a, 4, b'd', b'e', b'u', 0],
        &[5, 4, b'H', b'E', b'V', b'C'],
        &[5, 4, b'O', b'p', b'u', b's', 0x7f, 2, 0x80, 2],
        &[0x6a, 1, 0],
        &[0x7a, 1, 0],
        &[0x7c, 1, 0],
        &[5, 4, b'K', b'L', b'V', b'A'],
        &[0x0a, 200, 1],
        &[0x7f, 1, 0x80, 0x7f, 0],
    ];
    let known = recipe.pick(&KNOWN);
    let count = usize::from(recipe.byte() & 0x0f);
    [known, recipe.bytes(count)].concat()
}

fn a_section(recipe: &mut Recipe<'_>) -> Vec<u8> {
    match recipe.byte() % 4 {
        0 => {
            let count = recipe.byte() % 5;
            let programs: Vec<(u16, u16)> =
                (0..count).map(|_| (u16::from(recipe.byte() % 4), recipe.pick(&PIDS))).collect();
            section(0, 1, &pat(&programs))
        }
        1 | 2 => {
            let number = u16::from(recipe.byte() % 4);
            let streams: Vec<(u8, u16, Vec<u8>)> = (0..recipe.byte() % 6)
                .map(|_| (recipe.pick(&STREAM_TYPES), recipe.pick(&STREAM_PIDS), descriptors(recipe)))
                .collect();
            let streams: Vec<(u8, u16, &[u8])> =
                streams.iter().map(|(kind, pid, descriptors)| (*kind, *pid, &descriptors[..])).collect();
            let program = descriptors(recipe);
            section(2, number, &pmt(recipe.pick(&STREAM_PIDS), &program, &streams))
        }
        _ => {
            let (table_id, extension, count) = (recipe.byte(), recipe.number(), recipe.byte());
            section(table_id, extension, recipe.bytes(usize::from(count)))
        }
    }
}

/// Sections come back from packets, however they were put into them.
fn come_back(mut recipe: Recipe<'_>) {
    let mut expected = Vec::new();
    let mut stream = Vec::new();
    let mut starts = Vec::new();
    while !recipe.is_over() && stream.len() < 1 << 14 {
        let section = a_section(&mut recipe);
        if section[0] == 0xff {
            continue;
        }
        starts.push(stream.len());
        stream.extend_from_slice(&section);
        expected.push(section[..section.len() - 4].to_vec());
    }
    let mut assembler = SectionAssembler::default();
    let mut found = Vec::new();
    let mut at = 0;
    let mut cuts = Recipe(&stream);
    while at < stream.len() {
        let room = ROOM - 1 - usize::from(cuts.byte() & 0x7f);
        let end = stream.len().min(at + room);
        // A packet in which a section starts says where (H.222.0 §2.4.4.2).
        let start = starts.iter().find(|&&start| start >= at && start < end);
        let pointer: Vec<u8> = start.map(|start| (start - at) as u8).into_iter().collect();
        let payload = [&pointer[..], &stream[at..end]].concat();
        assembler.on_payload(&payload, start.is_some(), |section| found.push(section.to_vec()));
        at = end;
    }
    assert_eq!(assembler.damaged, 0);
    assert!(found == expected, "{} sections of {}", found.len(), expected.len());
    for section in &found {
        let streams = parse_pmt(section).map(|parsed| parsed.streams).unwrap_or_default();
        assert!(streams.len() <= section.len() / 5);
        for stream in streams {
            let Descriptors { .. } = stream.descriptors;
            let bytes: usize = stream.descriptors.iter().map(|(_, body)| 2 + body.len()).sum();
            assert!(bytes <= section.len());
        }
    }
}

fn source(mut recipe: Recipe<'_>) -> Vec<u8> {
    let mut source = Source::default();
    if recipe.byte() & 1 == 0 {
        source.tables(&[(0x1b, STREAM_PIDS[0], &[]), (0x0f, STREAM_PIDS[1], &[])]);
    }
    let mut time = 90_000;
    while !recipe.is_over() {
        match recipe.byte() % 10 {
            0 | 1 => {
                let section = a_section(&mut recipe);
                source.section(recipe.pick(&PIDS), &section);
            }
            2 => {
                let mut section = a_section(&mut recipe);
                let at = usize::from(recipe.byte()) % section.len();
                section[at] ^= recipe.byte();
                if recipe.byte() & 1 == 0 {
                    section.truncate(section.len() - 4);
                    section = sealed(section);
                }
                source.section(recipe.pick(&PIDS), &section);
            }
            3 => {
                let (pid, flags) = (recipe.pick(&PIDS), recipe.byte());
                source.packet(pid, flags & 0x80 != 0, recipe.bytes(usize::from(flags & 0x3f)));
            }
            4 => source.lose(recipe.pick(&PIDS), recipe.byte()),
            5 => source.repeat(),
            kind => {
                let pid = recipe.pick(&STREAM_PIDS);
                put_pes(&mut source, pid, kind, time);
                time += 3600;
            }
        }
    }
    source.bytes
}

/// Something that can be played.
fn put_pes(source: &mut Source, pid: u16, kind: u8, time: u64) {
    let codec = if kind == 9 { Codec::AacAdts } else { Codec::H264 };
    let number = (time / 3600) as u8;
    let data = match kind {
        9 => frame(codec, number),
        6 | 7 => [parameter_sets(codec), vec![slice(codec, true, number)]]
            .concat()
            .iter()
            .flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat())
            .collect(),
        _ => [&[0, 0, 0, 1, 9, 0xf0, 0, 0, 1], &slice(codec, false, number)[..]].concat(),
    };
    let header = pes_header(if kind == 9 { 0xc0 } else { 0xe0 }, Some(time), None, 0, data.len());
    for (number, part) in [header, data].concat().chunks(ROOM).enumerate() {
        source.packet(pid, number == 0, part);
    }
}
