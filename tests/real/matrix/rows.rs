//! The rows of the matrix: what is done to a clip, and what is expected of the engine.

use super::clips::{Clip, Clips, PICTURES};
use crate::mutate::mux::{AUDIO, Clock, Mux, Program, Stream, Unit, VIDEO};
use crate::mutate::nal;
use crate::mutate::packets::{Packets, Times, garbage};

/// One case.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) input: Vec<u8>,
    /// The pictures that must arrive, bit for bit; `None` where the peers alone are the measure.
    pub(crate) pictures: Option<usize>,
    /// Packets that are lost for good: the output must show the holes.
    pub(crate) is_lossy: bool,
    /// What the engine's exit status must be, where that follows from the case.
    pub(crate) code: Option<i32>,
    /// What is not compared with the peers, for the reason that the row gives.
    pub(crate) apart: &'static [Column],
    /// Kinds of faults that the source has, and that nobody can mend.
    pub(crate) faults: &'static [&'static str],
    pub(crate) has_sound: bool,
    pub(crate) is_h265: bool,
}

/// A measured column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Good,
    Bad,
    Errors,
    Sound,
    Back,
    Hole,
    Mistimed,
    Sync,
    Reference,
}

const LOSS: &[Column] = &[Column::Bad, Column::Errors, Column::Hole];
const LOSS_OF_SOUND: &[Column] = &[Column::Bad, Column::Errors, Column::Hole, Column::Sound];

impl Row {
    fn new(name: &'static str, input: Vec<u8>) -> Self {
        let pictures = Some(PICTURES);
        Self {
            name,
            input,
            pictures,
            is_lossy: false,
            code: Some(0),
            apart: &[],
            faults: &[],
            has_sound: true,
            is_h265: false,
        }
    }

    fn pictures(self, pictures: impl Into<Option<usize>>) -> Self {
        Self { pictures: pictures.into(), ..self }
    }

    /// What is damaged stays, and the hole shows it: that is the engine's policy. Then more pictures are not whole than
    /// where they are dropped, and the decoder says so; and time that is lost is a hole in time.
    fn lossy(self) -> Self {
        Self { pictures: None, is_lossy: true, code: Some(1), apart: LOSS, ..self }
    }

    fn code(self, code: impl Into<Option<i32>>) -> Self {
        Self { code: code.into(), ..self }
    }

    fn apart(self, apart: &'static [Column]) -> Self {
        Self { apart, ..self }
    }

    fn silent(self) -> Self {
        Self { has_sound: false, ..self }
    }
}

pub(crate) fn rows(clips: &Clips) -> Vec<Row> {
    let mut rows = damage(clips);
    rows.extend(clocks(clips));
    rows.extend(pictures(clips));
    rows.extend(sounds(clips));
    rows.extend(tables(clips));
    rows
}

fn damage(clips: &Clips) -> Vec<Row> {
    let plain = Packets::of(&clips.plain.stream);
    let middle = plain.len() / 2;
    let torn = &plain.bytes()[100..plain.len() * 188 - 100];
    // Where a recording begins inside a GOP the engine leaves out sound that is more than a second early; ffmpeg keeps it.
    let early: &[Column] = &[Column::Sound];
    vec![
        Row::new("sound", clips.plain.stream.clone()),
        Row::new("H.265", clips.h265.stream.clone()).h265(),
        Row::new("duplicates 1/97", plain.duplicated(97).bytes()),
        Row::new("loss 1/997", plain.without(997).bytes()).lossy(),
        Row::new("loss 1/97", plain.without(97).bytes()).lossy(),
        Row::new("1000 packets scrambled", plain.scrambled(middle..middle + 1000).bytes()).lossy(),
        // A packet with an error is not believed; the frames of sound beside the wrong one go with it.
        Row {
            apart: LOSS_OF_SOUND,
            ..Row::new("transport_error_indicator 1/499", plain.with_errors(499, true).bytes()).lossy()
        },
        Row::new("bit errors that nobody marked 1/499", plain.with_errors(499, false).bytes())
            .pictures(None)
            .code(None),
        Row::new("200 KB garbage", plain.with_garbage(middle, &garbage(200_000, false))).code(1),
        Row::new("200 KB garbage full of 0x47", plain.with_garbage(middle, &garbage(200_000, true))).code(1),
        Row::new("garbage first", plain.with_garbage(0, &garbage(10_000, true))).code(1),
        Row::new("192 byte packets", plain.framed(4, 0)),
        Row::new("204 byte packets", plain.framed(0, 16)),
        Row::new("begins inside a GOP", plain.tail(plain.picture(30)).bytes()).pictures(200).apart(early),
        // The source ends inside a PES: its length is what was declared.
        Row { faults: &["length", "audio"], ..Row::new("first and last packet torn", torn.to_vec()).code(1) },
    ]
}

fn clocks(clips: &Clips) -> Vec<Row> {
    let plain = Packets::of(&clips.plain.stream);
    let second = Packets::of(&clips.second.stream);
    let middle = plain.picture(125);
    let jump = |seconds: i64| plain.moved(middle, seconds * 90_000).bytes();
    let spikes = |every: usize, seconds: &'static [i64]| {
        let edit = |number: usize, times: Times| {
            let wild = seconds[number / every % seconds.len()] * 90_000;
            let moved = |time: u64| (time as i64 + wild).rem_euclid(1 << 33) as u64;
            if number % every == every - 1 {
                Times { pts: moved(times.pts), dts: moved(times.dts) }
            } else {
                times
            }
        };
        plain.with_picture_times(edit).bytes()
    };
    // A hole may be a hole in time, and is kept; what lies behind a jump has no place of its own.
    let (hole, moved): (&[Column], &[Column]) =
        (&[Column::Hole, Column::Mistimed, Column::Sync], &[Column::Mistimed]);
    let wrap = (1 << 33) - 5 * 90_000;
    vec![
        Row::new("33-bit wrap", plain.moved(0, wrap).bytes()),
        Row::new("reset in the middle", [plain.bytes(), second.bytes()].concat())
            .pictures(500)
            .code(None)
            .apart(moved),
        Row::new("jump of +3 s", jump(3)).apart(hole).code(None),
        Row::new("jump of -3 s", jump(-3)).apart(moved).code(None),
        Row::new("jump of +20 s", jump(20)).apart(moved).code(None),
        Row::new("jump of -40 s", jump(-40)).apart(moved).code(None),
        Row::new("spikes of -3 s", spikes(40, &[-3])).code(None),
        Row::new("spikes of -9800 and +37600 s", spikes(40, &[-9800, 37_600])).code(None),
        Row::new("no PTS but at random access points", sparse(&clips.plain)),
        Row::new("PCR on a PID of its own", with_clock(&clips.plain, Clock::Own(0x1FF))),
        Row::new("no PCR", with_clock(&clips.plain, Clock::None)),
        Row::new("25 pictures/s", clips.plain.stream.clone()),
        Row::new("15 pictures/s", clips.slow[2].1.stream.clone()).pictures(150),
        Row::new("8 pictures/s", clips.slow[1].1.stream.clone()).pictures(80),
        Row::new("5 pictures/s", clips.slow[0].1.stream.clone()).pictures(50),
    ]
}

/// Pictures have times only where decoding can begin.
fn sparse(clip: &Clip) -> Vec<u8> {
    plain_mux(&nal::pictures(&clip.units, |_, picture| {
        if !picture.is_random_access {
            (picture.pts, picture.dts) = (None, None);
        }
    }))
}

fn with_clock(clip: &Clip, clock: Clock) -> Vec<u8> {
    Mux::of(Program { clock, ..Program::plain() }).write(&clip.units).finish()
}

fn plain_mux(units: &[Unit]) -> Vec<u8> {
    Mux::of(Program::plain()).write(units).finish()
}

fn pictures(clips: &Clips) -> Vec<Row> {
    let units = &clips.plain.units;
    let row = |name, units: Vec<Unit>| Row::new(name, plain_mux(&units));
    let straddling = nal::pictures(units, |_, picture| picture.first = Some(11));
    vec![
        row("muxed anew", units.clone()),
        row("lengths of 4 bytes", nal::length_prefixed(units, 4)),
        row("lengths of 2 bytes", nal::length_prefixed(units, 2)),
        // Without the encoder's own words, which alone are longer.
        row("lengths of 1 byte", nal::length_prefixed(&nal::without(&clips.tiny.units, &[6], 0), 1)),
        row("start codes of 3 bytes", nal::short_start_codes(units)),
        row("no delimiters", nal::without(units, &[9], 0)),
        row("parameter sets at the start only", nal::without(units, &[7, 8], 1)),
        row("parameter sets behind the picture before", nal::parameter_sets_at_tail(units)),
        row("the same without delimiters", nal::parameter_sets_at_tail(&nal::without(units, &[9], 0))),
        row("two access units in a PES", nal::two_in_one(units)),
        row("two access units in a PES, no delimiters", nal::two_in_one(&nal::without(units, &[9], 0))),
        row("PES begin inside access units", nal::shifted(units)),
        row("PES header over two packets", straddling),
    ]
}

fn sounds(clips: &Clips) -> Vec<Row> {
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

fn tables(clips: &Clips) -> Vec<Row> {
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
    let wide = Program { padding: 300, ..Program::plain() };
    let mut network = Mux::of(Program::plain()).with_network();
    vec![
        Row::new("PID change in the middle", change.finish()).code(None),
        Row::new("two programs", two.write(&both).finish()),
        Row::new("PMT over two packets", Mux::of(wide).write(units).finish()),
        Row::new("PAT with a network PID", network.write(units).finish()),
    ]
}

impl Row {
    fn h265(self) -> Self {
        Self { is_h265: true, ..self }
    }
}
