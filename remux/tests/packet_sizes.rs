//! Packets of 192 and of 204 bytes: what goes out is what the same packets of 188 bytes give.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use proptest::prelude::*;
use remux::Index;
use remux::ts::PacketSize;
use support::mux::{AAC, FRAME, H264, Mux, idr, picture, sound};
use support::{AUDIO, Noise, VIDEO, copy, entrance, index, read, segment, segment_of, six_seconds, yard};

/// The same packets on another grid; what stands between them counts up, sync bytes included.
fn spaced(source: &[u8], size: PacketSize) -> Vec<u8> {
    let (before, after) = match size {
        PacketSize::Timed => (4, 0),
        PacketSize::Coded => (0, 16),
        _ => (0, 0),
    };
    let mut clock = 0u32;
    let filler = |length: usize, clock: u32| clock.to_be_bytes().into_iter().cycle().take(length);
    let mut out = Vec::new();
    for packet in source.chunks(188) {
        clock = clock.wrapping_add(0x0101_2345);
        out.extend(filler(before, clock));
        out.extend_from_slice(packet);
        out.extend(filler(after, clock));
    }
    out
}

const OTHERS: [PacketSize; 2] = [PacketSize::Timed, PacketSize::Coded];

/// Video and two kinds of sound, GOPs of a second.
fn made() -> Vec<u8> {
    let mut mux = Mux::of(&[(H264, VIDEO), (AAC, AUDIO)]);
    for number in 0..100 {
        let time = 90_000 + number * FRAME;
        mux.pes(VIDEO, time, &if number % 25 == 0 { idr(2000) } else { picture(300) });
        mux.pes(AUDIO, time.saturating_sub(9 * FRAME), &sound(100));
    }
    mux.out
}

fn segments(source: &[u8], index: &Index) -> Vec<Vec<u8>> {
    index.cuts(six_seconds()).cuts.iter().map(|cut| segment(source, index, cut)).collect()
}

#[test]
fn a_copy_is_that_of_plain_packets() {
    for source in [made(), entrance(), yard()] {
        let plain = copy(&source, 100_000).unwrap();
        for size in OTHERS {
            for chunk in [5000, 188, 1 << 20] {
                assert!(
                    copy(&spaced(&source, size), chunk).unwrap() == plain,
                    "{size:?} in chunks of {chunk}"
                );
            }
        }
    }
}

#[test]
fn segments_are_those_of_plain_packets() {
    for source in [made(), entrance(), yard()] {
        let plain = index(&source, 100_000).unwrap();
        let expected = segments(&source, &plain);
        for size in OTHERS {
            let source = spaced(&source, size);
            let index = index(&source, 100_000).unwrap();
            assert_eq!((index.size, index.runs[0].layout.packet_size), (source.len() as u64, size));
            assert_eq!((&index.report, index.duration()), (&plain.report, plain.duration()));
            assert!(segments(&source, &index) == expected, "{size:?}");
        }
    }
}

#[test]
fn segments_do_not_depend_on_what_is_pushed_around_them() {
    for size in OTHERS {
        let source = spaced(&entrance(), size);
        let index = index(&source, 100_000).unwrap();
        let cut = &index.cuts(six_seconds()).cuts[2];
        let exact = segment(&source, &index, cut);
        let (start, end) = (cut.bytes.start as usize, cut.bytes.end as usize);
        for (before, after) in [(size.bytes(), 9), (100 * size.bytes() + 5, 0), (188, 188), (77, 1_000_000)] {
            let wider = start - before..(end + after).min(source.len());
            assert!(segment_of(&source, &index, cut, wider) == exact, "{before} bytes before, {after} after");
        }
    }
}

#[test]
fn the_packet_size_may_change_in_the_middle() {
    let source = entrance();
    let (front, back) = source.split_at(source.len() / 188 / 2 * 188);
    let plain = copy(&source, 100_000).unwrap().0;
    for size in OTHERS {
        let mixed = [front, &[0; 1000], &spaced(back, size)].concat();
        let (out, report) = copy(&mixed, 10_000).unwrap();
        assert!(out == plain, "{size:?}");
        assert_eq!((report.resyncs, report.skipped_bytes), (1, 1000));
        let index = index(&mixed, 10_000).unwrap();
        let made = segments(&mixed, &index).concat();
        assert!(read(&made).pes == read(&plain).pes, "{size:?}");
    }
}

#[test]
fn garbage_full_of_sync_bytes_is_no_change_of_the_packet_size() {
    let source = entrance();
    let (plain, _) = copy(&source, 100_000).unwrap();
    let mut noise = Noise(5);
    // 192 and 204 are multiples of 12, 188 is none of 3.
    for period in [3, 6, 12] {
        let garbage: Vec<u8> =
            (0..200_000).map(|at| if at % period == 0 { 0x47 } else { noise.next() as u8 | 0x80 }).collect();
        for size in [PacketSize::Plain, PacketSize::Timed, PacketSize::Coded] {
            let source = spaced(&source, size);
            let (front, back) = source.split_at(source.len() / size.bytes() / 2 * size.bytes());
            let (out, report) = copy(&[front, &garbage, back].concat(), 50_000).unwrap();
            assert!(out == plain, "{size:?}, every {period}th byte");
            // Where the garbage begins and ends, sync bytes may stand on the grid; on that of 204 bytes all the way.
            let taken = 200_000 - report.skipped_bytes;
            let is_known = size == PacketSize::Coded || taken <= 4 * size.bytes() as u64;
            assert!(is_known, "{size:?}, every {period}th byte: {taken}");
        }
    }
}

#[test]
fn a_clock_whose_upper_byte_is_a_sync_byte_hides_no_packet() {
    let source = made();
    let plain = copy(&source, 100_000).unwrap();
    for clock in [[0x47, 1, 2, 3], [3, 0x47, 1, 2], [0x47, 0x47, 1, 2]] {
        let timed: Vec<u8> = source.chunks(188).flat_map(|packet| [&clock, packet].concat()).collect();
        for chunk in [1, 600, 1 << 20] {
            assert!(copy(&timed, chunk).unwrap() == plain, "{clock:x?} in chunks of {chunk}");
        }
    }
}

#[test]
fn a_file_of_few_packets_is_known_all_the_same() {
    let source = made();
    for size in OTHERS {
        for packets in 4..9 {
            let plain = copy(&source[..packets * 188], 100_000);
            assert_eq!(copy(&spaced(&source[..packets * 188], size), 100_000), plain, "{size:?} {packets}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn chunks_do_not_matter(seed: u64, is_timed: bool, is_damaged: bool) {
        let mut source = spaced(&entrance()[..300 * 1000 / 188 * 188], OTHERS[usize::from(is_timed)]);
        let mut noise = Noise(seed | 1);
        for _ in 0..if is_damaged { 30 } else { 0 } {
            let at = noise.below(source.len());
            let garbage: Vec<u8> = (0..noise.below(300)).map(|_| noise.next() as u8).collect();
            source.splice(at..(at + noise.below(300)).min(source.len()), garbage);
        }
        let whole = copy(&source, usize::MAX);
        let mut chunks = Vec::new();
        let mut rest = &source[..];
        while !rest.is_empty() {
            let scale = 1 << noise.below(18);
            let (chunk, after) = rest.split_at((1 + noise.below(scale)).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        let remuxer = remux::Remuxer::copy(remux::Span::default());
        prop_assert!(whole == support::run(remuxer, 0, chunks.into_iter()));
    }
}
