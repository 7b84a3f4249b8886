//! Recipes for PES of every kind of stream: their headers, their times, how they are packed into packets and mixed, and what
//! is lost of them.

use std::collections::VecDeque;

use super::oracle;
use super::recipe::{ROOM, Recipe, Source, frame, parameter_sets, pes_header, slice};
use crate::layout::Codec;
use crate::pes::header::{Parsed, PesHeader};

/// Takes PES that `data` describes through the parser of headers, and through everything.
pub fn pes(data: &[u8]) {
    let Some((&split, data)) = data.split_first() else { return };
    check_header(data);
    oracle::check(&source(data), 1 + usize::from(split) * 7);
}

/// More bytes do not change what was said of a header, and one that is written again says the same.
fn check_header(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), [&[0, 0, 1, 0xe0], bytes].concat()] {
        let whole = PesHeader::parse(&bytes);
        for shorter in 0..bytes.len().min(300) {
            let parsed = PesHeader::parse(&bytes[..shorter]);
            assert!(parsed == Parsed::More || parsed == whole, "{parsed:?}, then {whole:?}");
        }
        if let Parsed::Complete(header) = whole {
            let mut again = bytes.clone();
            header.rewrite(&mut again, header.pts, header.dts);
            assert_eq!(PesHeader::parse(&again), whole);
            assert_eq!(again[header.length..], bytes[header.length..]);
        }
    }
}

/// What a program consists of; the PIDs count up from [`FIRST`].
const PROGRAMS: [&[Codec]; 8] = [
    &[Codec::H264, Codec::AacAdts],
    &[Codec::H265, Codec::AacAdts],
    &[Codec::H264],
    &[Codec::H264, Codec::MpegAudio, Codec::Ac3],
    &[Codec::AacAdts],
    &[Codec::H264, Codec::Opus],
    &[Codec::AacLatm, Codec::H264],
    &[Codec::Eac3, Codec::H265],
];
const FIRST: u16 = 0x110;

const STEPS: [i64; 8] = [3600, 3600, 1800, 0, -3600, 90_000, 900_001, 1 << 32];
const OFFSETS: [i64; 4] = [0, 0, 3600, 7200];

fn declared(codec: Codec) -> (u8, &'static [u8]) {
    match codec {
        Codec::H264 => (0x1b, &[]),
        Codec::H265 => (0x24, &[]),
        Codec::AacAdts => (0x0f, &[]),
        Codec::AacLatm => (0x11, &[]),
        Codec::MpegAudio => (0x03, &[]),
        Codec::Ac3 => (0x81, &[]),
        Codec::Eac3 => (0x87, &[]),
        Codec::Opus => (0x06, &[5, 4, b'O', b'p', b'u', b's', 0x7f, 2, 0x80, 2]),
        Codec::Klv | Codec::Id3 => (0x15, &[]),
        Codec::Scte35 => (0x86, &[]),
    }
}

/// Packets that wait for others to go before them.
type Queue = VecDeque<(bool, Vec<u8>)>;

/// The transport stream that a recipe describes.
pub(super) fn source(data: &[u8]) -> Vec<u8> {
    let mut recipe = Recipe(data);
    let program = recipe.pick(&PROGRAMS);
    let mut source = Source::default();
    let streams: Vec<(u8, u16, &[u8])> = program
        .iter()
        .zip(FIRST..)
        .map(|(&codec, pid)| (declared(codec).0, pid, declared(codec).1))
        .collect();
    source.tables(&streams);
    let mut queues = vec![Queue::new(); program.len()];
    let mut clocks = vec![i64::from(recipe.number()) << 17; program.len()];
    while !recipe.is_over() {
        let op = recipe.byte();
        let stream = usize::from(op >> 6) % program.len();
        match op & 0x1f {
            0 => source.lose(FIRST + stream as u16, recipe.byte()),
            1 => source.repeat(),
            2 => source.tables(&streams),
            3 => drop(queues[stream].pop_front()),
            4 => {
                let flags = recipe.byte();
                queues[stream]
                    .push_back((flags & 0x80 != 0, recipe.bytes(usize::from(flags & 0x3f)).to_vec()));
            }
            _ => put_pes(&mut recipe, program[stream], &mut clocks[stream], &mut queues[stream]),
        }
        // How far each stream goes out before the next: all of it, or a few packets.
        let packets = if op & 0x20 == 0 { usize::MAX } else { usize::from(recipe.byte() & 3) };
        for (queue, pid) in queues.iter_mut().zip(FIRST..) {
            for (starts_unit, payload) in queue.drain(..queue.len().min(packets)) {
                source.packet(pid, starts_unit, &payload);
            }
        }
    }
    for (queue, pid) in queues.into_iter().zip(FIRST..) {
        queue.iter().for_each(|(starts_unit, payload)| source.packet(pid, *starts_unit, payload));
    }
    source.bytes
}

/// One PES: three bytes say which, and whether its header lies.
fn put_pes(recipe: &mut Recipe<'_>, codec: Codec, clock: &mut i64, queue: &mut Queue) {
    let (kind, times, packing) = (recipe.byte(), recipe.byte(), recipe.byte());
    *clock += STEPS[usize::from(times & 7)];
    let wrapped = |time: i64| time as u64 & ((1 << 33) - 1);
    let offset = if codec.is_video() { OFFSETS[usize::from(times >> 3 & 3)] } else { 0 };
    let pts = (times & 0xe0 != 0xe0).then(|| wrapped(*clock + offset));
    let dts = (times & 0x20 != 0 || offset != 0).then(|| wrapped(*clock));
    let data = content(recipe, codec, kind);
    let told = match packing >> 6 {
        0 | 1 if codec.is_video() => 0,
        0..=2 => data.len(),
        _ => usize::from(recipe.byte()),
    };
    let extra = if packing & 0x20 == 0 { 0 } else { recipe.byte() };
    let stream_id = match codec {
        codec if codec.is_video() => 0xe0,
        Codec::AacAdts | Codec::AacLatm | Codec::MpegAudio => 0xc0,
        _ => 0xbd,
    };
    let header = pes_header(stream_id, pts, dts, extra, told);
    let mut pes = [header, data].concat();
    if packing & 0x10 != 0 {
        let at = usize::from(recipe.byte()) % pes.len().min(24);
        pes[at] ^= recipe.byte();
    }
    let room = [ROOM, ROOM, 100, 16, 1][usize::from(packing & 0x0f).min(4)];
    let parts = pes.chunks(room.max(pes.len() / 64)).enumerate();
    queue.extend(parts.map(|(number, part)| (number == 0, part.to_vec())));
}

fn content(recipe: &mut Recipe<'_>, codec: Codec, kind: u8) -> Vec<u8> {
    let (kind, fill) = (kind & 0x0f, kind >> 3 | 1);
    if kind == 15 {
        let count = usize::from(recipe.byte());
        return recipe.bytes(count).to_vec();
    }
    if !codec.is_video() {
        let mut frames = frame(codec, fill).repeat(usize::from(kind & 3) + 1);
        if kind & 0x0c == 0x0c {
            let end = usize::from(recipe.byte()).min(frames.len());
            frames.drain(..end);
        }
        return frames;
    }
    let delimiter: &[u8] = if codec == Codec::H265 { &[0x46, 0x01, 0x50] } else { &[0x09, 0xf0] };
    let mut nals = Vec::new();
    if kind & 8 == 0 {
        nals.push(delimiter.to_vec());
    }
    if kind & 3 == 0 {
        nals.extend(parameter_sets(codec));
    }
    nals.push(slice(codec, kind & 3 == 0, fill));
    if kind & 4 != 0 {
        // Slices whose bytes come from the recipe, which may hold start codes.
        let count = usize::from(recipe.byte());
        nals.push([&slice(codec, false, fill)[..2], recipe.bytes(count)].concat());
    }
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat()).collect()
}
