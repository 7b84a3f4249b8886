//! The same source gives the same output, wherever it is cut into chunks - sound or damaged.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use bytes::Bytes;
use proptest::prelude::*;
use remux::Output;
use support::mux::{AAC, FRAME, H264, Mux, idr, picture, sound};
use support::{Noise, copy, entrance, index, run, yard};

/// Cuts `source` where `noise` says; small chunks are as likely as large ones.
fn chunks(source: &[u8], seed: u64) -> Vec<&[u8]> {
    let mut noise = Noise(seed | 1);
    let (mut rest, mut chunks) = (source, Vec::new());
    while !rest.is_empty() {
        let scale = 1 << noise.below(18);
        let (chunk, after) = rest.split_at((1 + noise.below(scale)).min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// Flips bits, drops and repeats packets, inserts garbage.
fn damage(source: &mut Vec<u8>, seed: u64) {
    let mut noise = Noise(seed | 1);
    for _ in 0..30 {
        let at = noise.below(source.len());
        match noise.below(4) {
            0 => source[at] ^= 1 << noise.below(8),
            1 => {
                let end = (at + 188 * noise.below(5)).min(source.len());
                source.drain(at / 188 * 188..end / 188 * 188);
            }
            2 => {
                let packet = source[at / 188 * 188..].iter().take(188).copied().collect::<Vec<u8>>();
                let place = (at / 188 * 188 + packet.len()).min(source.len());
                source.splice(place..place, packet);
            }
            _ => {
                let garbage: Vec<u8> = (0..noise.below(1000)).map(|_| noise.next() as u8).collect();
                source.splice(at..at, garbage);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn of_a_sound_source_do_not_matter(seed: u64, is_yard: bool) {
        let mut source = if is_yard { yard() } else { entrance() };
        source.truncate(600_000);
        let whole = copy(&source, usize::MAX).unwrap();
        let remuxer = remux::Remuxer::copy(remux::Span::default());
        let cut = run(remuxer, 0, chunks(&source, seed).into_iter()).unwrap();
        prop_assert!(whole == cut);
    }

    #[test]
    fn of_a_damaged_source_do_not_matter(seed: u64) {
        let mut source = entrance();
        source.truncate(300_000);
        damage(&mut source, seed);
        let whole = copy(&source, usize::MAX);
        let remuxer = remux::Remuxer::copy(remux::Span::default());
        let cut = run(remuxer, 0, chunks(&source, seed ^ 0x5555).into_iter());
        prop_assert!(whole == cut);
    }

    #[test]
    fn of_an_indexed_source_do_not_matter(seed: u64, is_damaged: bool) {
        let mut source = yard();
        source.truncate(400_000);
        if is_damaged {
            damage(&mut source, seed);
        }
        let whole = index(&source, usize::MAX);
        let mut indexer = remux::Indexer::new();
        chunks(&source, seed).into_iter().for_each(|chunk| indexer.push(chunk));
        prop_assert_eq!(whole, indexer.finish());
    }
}

/// A program, and then another on other PIDs.
fn two_programs() -> Vec<u8> {
    let run = |video: u16, audio: u16| {
        let mut mux = Mux::of(&[(H264, video), (AAC, audio)]);
        for number in 0..60 {
            let time = 90_000 + number * FRAME;
            mux.pes(video, time, &if number % 10 == 0 { idr(300) } else { picture(300) });
            mux.pes(audio, time, &sound(100));
        }
        mux.out
    };
    [run(0x100, 0x101), run(0xf0, 0x111)].concat()
}

#[test]
fn that_wait_while_the_program_changes_are_not_lost() {
    let source = two_programs();
    let (whole, report) = copy(&source, usize::MAX).unwrap();
    assert_eq!((report.layout_changes, report.video_pes), (1, 120));
    for size in [8, 188, 1000, 5000] {
        let mut remuxer = remux::Remuxer::copy(remux::Span::default());
        for (number, chunk) in source.chunks(size).enumerate() {
            remuxer.push((number * size) as u64, Bytes::copy_from_slice(chunk)).unwrap();
        }
        remuxer.finish().unwrap();
        let outputs = std::iter::from_fn(|| remuxer.poll());
        let bytes = outputs.filter_map(|output| match output {
            Output::Bytes(bytes) => Some(bytes),
            _ => None,
        });
        assert!(bytes.collect::<Vec<_>>().concat() == whole, "chunks of {size}");
        assert_eq!(remuxer.report(), report, "chunks of {size}");
    }
}
