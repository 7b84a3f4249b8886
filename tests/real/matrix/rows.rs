//! The rows of the matrix: what is done to a clip.

use super::clips::{Clip, Clips};
use super::row::{Column, LOSS_OF_SOUND, Row};
use super::streams;
use crate::mutate::mux::{Clock, Mux, Program, Unit};
use crate::mutate::nal;
use crate::mutate::packets::{Packets, Times, garbage};

pub(crate) fn rows(clips: &Clips) -> Vec<Row> {
    let mut rows = damage(clips);
    rows.extend(clocks(clips));
    rows.extend(streams::pictures(clips));
    rows.extend(streams::h265(clips));
    rows.extend(streams::sounds(clips));
    rows.extend(streams::tables(clips));
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
        Row::new("null packets", plain.with_null_packets(5).bytes()),
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

pub(super) fn plain_mux(units: &[Unit]) -> Vec<u8> {
    Mux::of(Program::plain()).write(units).finish()
}
