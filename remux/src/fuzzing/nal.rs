//! Recipes for NAL units of any type in any order, behind start codes or lengths, in PES that are cut anywhere.
//!
//! Besides what holds of every output: of an undamaged source the NAL units that go out are those that came in, in their
//! order and without a hole, from the first random access point on; delimiters and parameter sets aside, which the engine
//! may add.

use checker::Kind;

use super::oracle;
use super::recipe::{ROOM, Recipe, Source, parameter_sets, pes_header, slice};
use crate::es::parameter_sets::set_id;
use crate::es::{Role, role};
use crate::layout::{Codec, Framing, Path};

/// Takes NAL units that `data` describes through everything.
pub fn nal(data: &[u8]) {
    let Some((&split, data)) = data.split_first() else { return };
    let made = make(Recipe(data));
    let Some(copied) = oracle::check(&made.bytes, 1 + usize::from(split) * 7) else { return };
    let is_framed_as_made = copied.layout.as_ref().is_some_and(|layout| {
        let framing = layout.streams.first().map(|stream| stream.framing);
        framing == Some(made.framing)
    });
    if copied.report.is_damaged() || !is_framed_as_made {
        return;
    }
    let checked = checker::check(&[&copied.out]);
    let is_rebuilt = copied.layout.iter().any(|layout| layout.streams[0].path == Path::Rebuild);
    // Parameter sets that the source tells only later, or never, nobody can insert.
    let dressed = match tells_sets(&made) {
        true => &[Kind::Delimiter, Kind::ParameterSets][..],
        false => &[Kind::Delimiter],
    };
    if let Some(fault) = checked.faults.iter().find(|fault| is_rebuilt && dressed.contains(&fault.kind)) {
        panic!("{fault}");
    }
    let found: Vec<&[u8]> = checked.pes.iter().flat_map(|pes| checker::units(&pes.data)).collect();
    let found = significant(made.codec, found.into_iter());
    let expected = significant(made.codec, made.nals.iter().map(|nal| &nal[..]));
    let is_part = found.is_empty() || expected.windows(found.len()).any(|window| window == found);
    assert!(is_part, "{found:x?} is no part of {expected:x?}");
}

/// A source and what it was made of.
struct Made {
    codec: Codec,
    framing: Framing,
    bytes: Vec<u8>,
    nals: Vec<Vec<u8>>,
    /// How many of them begin before the first time.
    untimed: usize,
}

/// Whether there are parameter sets of every kind before the first slice. Pictures before the first time do not count: nobody can
/// say when they are shown, and they are not looked into.
fn tells_sets(made: &Made) -> bool {
    let kind = |nal: &[u8]| set_id(made.codec, nal).map(|id| id.kind);
    let before =
        made.nals.iter().skip(made.untimed).take_while(|nal| role(made.codec, nal) != Some(Role::Slice));
    let told: Vec<_> = before.filter_map(|nal| kind(nal)).collect();
    parameter_sets(made.codec).iter().filter_map(|set| kind(set)).all(|kind| told.contains(&kind))
}

/// Without delimiters and parameter sets, and without zeros at the end.
fn significant<'a>(codec: Codec, nals: impl Iterator<Item = &'a [u8]>) -> Vec<&'a [u8]> {
    let is_left_out = |nal: &[u8]| match codec {
        Codec::H265 => nal.len() < 2 || matches!(nal[0] >> 1 & 0x3f, 32..=35),
        _ => matches!(nal[0] & 0x1f, 7 | 8 | 9 | 13 | 15),
    };
    nals.map(|nal| &nal[..nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1)])
        .filter(|nal| !nal.is_empty() && !is_left_out(nal))
        .collect()
}

const VIDEO: u16 = 0x110;
const FRAMINGS: [Framing; 5] =
    [Framing::Native, Framing::Length(4), Framing::Native, Framing::Length(2), Framing::Length(1)];

fn make(mut recipe: Recipe<'_>) -> Made {
    let first = recipe.byte();
    let codec = if first & 1 == 0 { Codec::H264 } else { Codec::H265 };
    let framing = FRAMINGS[usize::from(first >> 1 & 7) % FRAMINGS.len()];
    let mut source = Source::default();
    source.tables(&[(if codec == Codec::H264 { 0x1b } else { 0x24 }, VIDEO, &[])]);
    let mut made = Made { codec, framing, bytes: Vec::new(), nals: Vec::new(), untimed: 0 };
    // Enough of a beginning for the framing to be seen, unless the recipe wants none.
    let mut waiting: Vec<Vec<u8>> = Vec::new();
    if first & 0x80 == 0 {
        waiting.extend(parameter_sets(codec));
        waiting.push(slice(codec, true, 1));
    }
    let (mut time, mut is_timed) = (900_000u64, false);
    let mut torn = Vec::new();
    while !recipe.is_over() {
        let op = recipe.byte();
        if op & 3 != 0 {
            waiting.push(a_nal(&mut recipe, codec, op, made.nals.len() + waiting.len()));
            continue;
        }
        // The PES ends here; behind start codes it may end inside of a NAL unit.
        let mut data = std::mem::take(&mut torn);
        for nal in &waiting {
            data.extend(prefix(framing, op, nal.len()));
            data.extend(nal);
        }
        made.nals.append(&mut waiting);
        is_timed |= has_pts(op);
        if !is_timed {
            made.untimed = made.nals.len();
        }
        if op & 0x40 != 0 && framing == Framing::Native && !data.is_empty() {
            torn = data.split_off(usize::from(recipe.byte()) % data.len());
        }
        put_pes(&mut source, data, op, &mut time);
    }
    let mut data = torn;
    for nal in &waiting {
        data.extend(prefix(framing, 0, nal.len()));
        data.extend(nal);
    }
    made.nals.append(&mut waiting);
    put_pes(&mut source, data, 0, &mut time);
    made.bytes = source.bytes;
    made
}

/// Whether the PES that this byte of a recipe ends has a PTS.
fn has_pts(op: u8) -> bool {
    op & 0x90 != 0x90
}

fn put_pes(source: &mut Source, data: Vec<u8>, op: u8, time: &mut u64) {
    let offset = if op & 8 == 0 { 0 } else { 7200 };
    let dts = (op & 4 == 0).then_some(*time);
    let pts = has_pts(op).then_some(*time + if dts.is_some() { offset } else { 0 });
    let pes = [pes_header(0xe0, pts, dts.filter(|_| pts.is_some()), 0, 0), data].concat();
    for (number, part) in pes.chunks(ROOM).enumerate() {
        source.packet(VIDEO, number == 0, part);
    }
    *time += 3600;
}

fn prefix(framing: Framing, op: u8, length: usize) -> Vec<u8> {
    match framing {
        Framing::Length(size) => length.to_be_bytes()[8 - usize::from(size)..].to_vec(),
        Framing::Native | Framing::Latm if op & 0x20 == 0 => vec![0, 0, 0, 1],
        Framing::Native | Framing::Latm => vec![0, 0, 1],
    }
}

/// One NAL unit: of a picture that can be, or of any type with any content but start codes.
fn a_nal(recipe: &mut Recipe<'_>, codec: Codec, op: u8, number: usize) -> Vec<u8> {
    match op >> 2 & 7 {
        0 => slice(codec, false, number as u8),
        1 => slice(codec, true, number as u8),
        2 => {
            let sets = parameter_sets(codec);
            sets[usize::from(op >> 5) % sets.len()].clone()
        }
        3 if codec == Codec::H264 => vec![9, 0xf0],
        3 => vec![0x46, 0x01, 0x50],
        // SEI: a recovery point.
        4 if codec == Codec::H264 => vec![6, 6, 1, 0x80 | op, 0x80],
        _ => {
            let kind = recipe.byte();
            let count = usize::from(recipe.byte() & 0x3f);
            let mut nal = if codec == Codec::H264 { vec![kind & 0x7f] } else { vec![kind & 0x7f, 1] };
            nal.extend(recipe.bytes(count));
            nal.push(0x80);
            escaped(&nal)
        }
    }
}

/// With emulation_prevention_three_byte where it is needed (H.264 §7.4.1).
fn escaped(nal: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for &byte in nal {
        if byte <= 3 && out.ends_with(&[0, 0]) {
            out.push(3);
        }
        out.push(byte);
    }
    out
}
