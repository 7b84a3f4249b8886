//! What is taken apart and put together again: its segments carry what its copy carries, and a copy of the copy is the copy.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use remux::Index;
use remux::time::Ticks;
use support::mux::{AAC, H264, Mux};
use support::{AUDIO, Reading, VIDEO, copy, index, read, segment};

/// 1920x1080, High, level 4.0; the same with level 3.1; a picture parameter set for both.
const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00,
    0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58,
];
const OTHER_SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00,
    0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58,
];
const PPS: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb];
const DELIMITER: &[u8] = &[0x09, 0xf0];
const IDR: &[u8] = &[0x65, 0x88, 0x82, 0x03, 0x55];
const NEXT_IDR: &[u8] = &[0x65, 0x88, 0x83, 0x03, 0x55];
const PICTURE: &[u8] = &[0x41, 0x9a, 0x21, 0x55];
const NEXT_PICTURE: &[u8] = &[0x41, 0x9a, 0x42, 0x55];
/// Of a type that the standard leaves to others: behind the slices of a picture.
const UNSPECIFIED: &[u8] = &[0x18, 0x55];

/// Where the only stream goes out.
const FIRST: u16 = VIDEO;
const HALF_A_SECOND: u64 = 45_000;

fn annex_b(nals: &[&[u8]]) -> Vec<u8> {
    nals.iter().flat_map(|nal| [&[0, 0, 0, 1], *nal].concat()).collect()
}

/// PES with these bytes, half a second apart.
fn video(pes: &[Vec<u8>]) -> Vec<u8> {
    let mut mux = Mux::of(&[(H264, VIDEO)]);
    for (data, number) in pes.iter().zip(0..) {
        mux.pes(VIDEO, 900_000 + number * HALF_A_SECOND, data);
    }
    mux.out
}

/// Copies and cuts a sound source; gives what the copy carries, and the index.
fn played(source: &[u8]) -> (Reading, Index) {
    let (out, report) = copy(source, 1000).unwrap();
    assert!(!report.is_damaged(), "{report:?}");
    let index = index(source, 1000).unwrap();
    let segments: Vec<_> =
        index.cuts(Ticks::new(1)).cuts.iter().map(|cut| segment(source, &index, cut)).collect();
    let (whole, cut) = (read(&out), read(&segments.concat()));
    let carried = |reading: &Reading, pid| -> Vec<Vec<u8>> {
        reading.pes.get(&pid).into_iter().flatten().map(|pes| pes.data.clone()).collect()
    };
    for pid in [VIDEO, AUDIO] {
        assert_eq!(carried(&whole, pid), carried(&cut, pid), "PID {pid:#x}");
    }
    assert_eq!(whole.pes, read(&copy(&out, 1000).unwrap().0).pes, "the copy of the copy");
    (whole, index)
}

fn contents(reading: &Reading) -> Vec<Vec<u8>> {
    reading.pes[&VIDEO].iter().map(|pes| pes.data.clone()).collect()
}

#[test]
fn parameter_sets_that_are_told_once_begin_no_second_run() {
    let key = annex_b(&[IDR]);
    let (reading, index) = played(&video(&[
        annex_b(&[SPS, PPS, IDR]),
        annex_b(&[PICTURE]),
        key.clone(),
        annex_b(&[PICTURE]),
        key,
    ]));
    assert_eq!(index.runs.len(), 1);
    let whole = annex_b(&[DELIMITER, SPS, PPS, IDR]);
    assert_eq!(
        contents(&reading),
        [0, 1, 0, 1, 0].map(|at| match at {
            0 => whole.clone(),
            _ => annex_b(&[DELIMITER, PICTURE]),
        })
    );
}

#[test]
fn parameter_sets_that_have_changed_are_those_of_every_segment_behind() {
    let picture = annex_b(&[PICTURE]);
    let (reading, index) = played(&video(&[
        annex_b(&[SPS, PPS, IDR]),
        picture.clone(),
        annex_b(&[OTHER_SPS, PPS, IDR]),
        picture.clone(),
        annex_b(&[IDR]),
        picture,
    ]));
    assert_eq!(index.runs.len(), 2, "what is told before a segment begins, a layout has to say");
    assert_eq!(contents(&reading)[4], annex_b(&[DELIMITER, OTHER_SPS, PPS, IDR]));
}

#[test]
fn parameter_sets_before_the_first_key_picture_are_its_own() {
    let picture = annex_b(&[PICTURE]);
    let lost = annex_b(&[SPS, PPS, PICTURE]);
    let (reading, _) = played(&video(&[lost, annex_b(&[OTHER_SPS, NEXT_PICTURE]), annex_b(&[IDR]), picture]));
    assert_eq!(contents(&reading)[0], annex_b(&[DELIMITER, OTHER_SPS, PPS, IDR]));
}

#[test]
fn parameter_sets_behind_the_last_slice_are_none_of_its_picture() {
    let (reading, _) = played(&video(&[
        annex_b(&[SPS, PPS, IDR]),
        annex_b(&[PICTURE]),
        annex_b(&[NEXT_PICTURE]),
        annex_b(&[IDR, OTHER_SPS]),
    ]));
    assert_eq!(contents(&reading)[3], annex_b(&[DELIMITER, SPS, PPS, IDR, OTHER_SPS]));
}

#[test]
fn a_run_that_begins_in_the_middle_of_a_pes_does_not_take_what_comes_before_it() {
    let begun = annex_b(&[SPS, PPS, IDR, OTHER_SPS]);
    let picture = annex_b(&[PICTURE]);
    let (_, index) = played(&video(&[begun, annex_b(&[NEXT_IDR]), picture, annex_b(&[NEXT_PICTURE])]));
    assert_eq!(index.runs.len(), 2);
    let begins = |run: usize| index.runs[run].raps[0].offset..index.runs[run].end_offset;
    assert!(begins(0).contains(&begins(1).start), "{:?} {:?}", begins(0), begins(1));
}

#[test]
fn the_clock_begins_with_the_picture_not_with_the_pes_that_its_start_code_is_in() {
    let [sets, key] = [annex_b(&[SPS, PPS]), annex_b(&[IDR])];
    let (_, rest) = key.split_at(4);
    let begun = [sets, vec![0, 0, 0, 1]].concat();
    let again = annex_b(&[IDR]);
    let (reading, index) = played(&video(&[begun, rest.to_vec(), annex_b(&[PICTURE]), again]));
    assert_eq!(reading.pes[&VIDEO][0].pts, Some(900_000));
    assert_eq!(index.runs[0].layout.zero, index.runs[0].raps[0].pts);
}

#[test]
fn what_ends_a_picture_is_not_taken_for_the_beginning_of_the_next() {
    let key = |sets: &[&[u8]]| annex_b(&[sets, &[IDR]].concat());
    let (reading, index) = played(&video(&[
        key(&[SPS, PPS]),
        annex_b(&[PICTURE]),
        key(&[UNSPECIFIED]),
        annex_b(&[PICTURE]),
        annex_b(&[NEXT_PICTURE]),
    ]));
    assert_eq!(index.runs[0].raps.len(), 2);
    assert_eq!(contents(&reading)[1], annex_b(&[DELIMITER, PICTURE, UNSPECIFIED]));
}

#[test]
fn nothing_begins_at_a_key_picture_behind_another_that_began_in_the_pes_before() {
    let (reading, index) = played(&video(&[
        annex_b(&[SPS, PPS, IDR]),
        annex_b(&[PICTURE, DELIMITER]),
        annex_b(&[NEXT_PICTURE, IDR]),
        annex_b(&[PICTURE]),
        annex_b(&[NEXT_PICTURE]),
    ]));
    assert_eq!(index.runs[0].raps.len(), 1);
    assert_eq!(reading.pes[&VIDEO].len(), 6);
}

#[test]
fn key_pictures_that_all_say_the_same_are_pictures_of_their_own() {
    let key = annex_b(&[SPS, PPS, IDR]);
    let (reading, index) = played(&video(&[key.clone(), annex_b(&[IDR]), annex_b(&[IDR]), key]));
    assert_eq!((reading.pes[&VIDEO].len(), index.runs[0].raps.len()), (4, 4));
}

#[test]
fn sound_that_runs_ahead_of_the_time_it_is_given_still_rises() {
    let frame = [&[0xff, 0xf1, 0x50, 0x80, 0x02, 0x9f, 0xfc][..], &[0x21; 13]].concat();
    let mut mux = Mux::of(&[(AAC, AUDIO)]);
    // Nine frames of 23 ms, the next said to come after 160 ms; the last frame goes over two PES, so that it is rebuilt.
    mux.pes(AUDIO, 900_000, &frame.repeat(9));
    mux.pes(AUDIO, 914_400, &[&frame[..], &frame[..10]].concat());
    mux.pes(AUDIO, 918_000, &[&frame[10..], &frame].concat());
    mux.pes(AUDIO, 925_200, &frame);
    let (reading, _) = played(&mux.out);
    let sound = &reading.pes[&FIRST];
    let times: Vec<u64> = sound.iter().filter_map(|pes| pes.pts).collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
    assert_eq!(sound.iter().map(|pes| pes.data.len()).sum::<usize>(), 13 * frame.len());
}

#[test]
fn parameter_sets_that_are_told_later_are_not_told_before() {
    let other_pps: &[u8] = &[0x68, 0x5e, 0xe3, 0xcb];
    let key = annex_b(&[IDR]);
    let (reading, _) = played(&video(&[
        annex_b(&[SPS, PPS, IDR]),
        annex_b(&[other_pps, PICTURE]),
        key,
        annex_b(&[PICTURE]),
    ]));
    assert_eq!(contents(&reading)[0], annex_b(&[DELIMITER, SPS, PPS, IDR]));
    assert_eq!(contents(&reading)[2], annex_b(&[DELIMITER, SPS, PPS, other_pps, IDR]));
}
