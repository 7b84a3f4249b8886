//! Ways to multiplex that the samples do not show: other interleaving, more streams, starts over several packets.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::collections::BTreeMap;

use remux::layout::LeftOutReason;
use remux::time::Ticks;
use remux::{Error, Index, Indexer, Remuxer, Span};
use support::mux::{AAC, FRAME, H264, Mux, idr, idr_behind_sei, pes, picture, sound};
use support::{
    AUDIO, PAT, PMT, Pes, VIDEO, copy, entrance, index, read, run, segment, segment_of, six_seconds,
};

const SECOND_AUDIO: u16 = 0x102;

/// Segments of a GOP each, laid end to end.
fn end_to_end(source: &[u8], index: &Index) -> BTreeMap<u16, Vec<Pes>> {
    let segments: Vec<u8> =
        index.cuts(Ticks::SECOND).cuts.iter().flat_map(|cut| segment(source, index, cut)).collect();
    read(&segments).pes
}

/// The segments carry what `copy` carries, and it is what was put in.
fn check(source: &[u8], pictures: usize, sounds: usize) {
    let (whole, report) = copy(source, 1 << 16).unwrap();
    let whole = read(&whole).pes;
    assert!(!report.is_damaged(), "{report:?}");
    assert_eq!((whole[&VIDEO].len(), whole[&AUDIO].len()), (pictures, sounds));
    let index = index(source, 1 << 16).unwrap();
    assert!(end_to_end(source, &index) == whole);
}

#[test]
fn headers_that_straddle_packets_while_another_stream_starts() {
    let mut mux = Mux::of(&[(H264, VIDEO), (AAC, AUDIO), (AAC, SECOND_AUDIO)]);
    for number in 0..100 {
        let time = 90_000 + number * FRAME;
        mux.pes(VIDEO, time, &if number % 25 == 0 { idr(300) } else { picture(300) });
        let bytes = pes(AUDIO, time, &sound(150));
        mux.packet(AUDIO, true, &bytes[..8]);
        mux.pes(SECOND_AUDIO, time, &sound(100));
        mux.packet(AUDIO, false, &bytes[8..]);
    }
    check(&mux.out, 100, 100);
}

/// Four GOPs of two seconds whose IDR takes five packets, audio between them.
fn interleaved() -> Vec<u8> {
    let mut mux = Mux::of(&[(H264, VIDEO), (AAC, AUDIO)]);
    for number in 0..200 {
        let time = 90_000 + number * FRAME;
        if number % 50 > 0 {
            mux.pes(VIDEO, time, &picture(300));
            mux.pes(AUDIO, time - FRAME / 2, &sound(100));
            continue;
        }
        let bytes = pes(VIDEO, time, &idr_behind_sei());
        for (part, payload) in bytes.chunks(182).enumerate() {
            mux.packet(VIDEO, part == 0, payload);
            if part == 0 && number > 0 {
                mux.pes(AUDIO, time - FRAME / 2, &sound(100));
            }
        }
    }
    mux.out
}

#[test]
fn audio_between_the_packets_of_a_random_access_point() {
    check(&interleaved(), 200, 199);
}

#[test]
fn a_segment_ends_before_the_next_random_access_point_even_where_that_is_cut_off() {
    let source = interleaved();
    let index = index(&source, 1 << 16).unwrap();
    let cut = &index.cuts(Ticks::SECOND).cuts[1];
    let exact = segment(&source, &index, cut);
    assert_eq!(read(&exact).pes[&VIDEO].len(), 50);
    for more in (0..2000).step_by(94) {
        let bytes = cut.bytes.start as usize..cut.bytes.end as usize + more;
        assert!(segment_of(&source, &index, cut, bytes) == exact, "{more} bytes more");
    }
}

#[test]
fn a_segment_begins_at_its_random_access_point_even_where_the_next_packet_is_spoilt() {
    let mut source = entrance();
    let rap = index(&source, 1 << 16).unwrap().runs[0].raps[6];
    source[rap.offset as usize + 2 * 188] = 0;
    let index = index(&source, 1 << 16).unwrap();
    assert_eq!(end_to_end(&source, &index)[&VIDEO].len(), 1500);
}

#[test]
fn a_head_without_a_random_access_point_makes_no_difference_to_chunks() {
    let mut mux = Mux::of(&[(H264, VIDEO), (AAC, AUDIO)]);
    let mut time = 90_000;
    let step = |mux: &mut Mux, time: &mut u64, data: &[u8]| {
        mux.pes(VIDEO, *time, data);
        *time += FRAME;
    };
    while mux.out.len() < remux::limits::HEAD + (1 << 20) {
        step(&mut mux, &mut time, &picture(30_000));
    }
    for number in 0..300 {
        mux.pes(AUDIO, time, &sound(100));
        step(&mut mux, &mut time, &if number % 50 == 0 { idr(3000) } else { picture(3000) });
    }
    let whole = copy(&mux.out, usize::MAX).unwrap();
    assert_eq!(read(&whole.0).pes[&VIDEO].len(), 300);
    let whole_index = index(&mux.out, usize::MAX).unwrap();
    for size in [50_000, 1 << 20, 3 << 20] {
        assert!(copy(&mux.out, size).unwrap() == whole, "chunks of {size}");
        assert!(index(&mux.out, size).unwrap() == whole_index, "chunks of {size}");
    }
}

#[test]
fn garbage_is_searched_up_to_a_limit_whatever_the_chunks() {
    let mut mux = Mux::of(&[(H264, VIDEO)]);
    (0..50).for_each(|number| mux.pes(VIDEO, 90_000 + number * FRAME, &idr(300)));
    for (length, is_found) in [(remux::limits::SYNC_SEARCH, true), (remux::limits::SYNC_SEARCH + 1, false)] {
        let source = [vec![1; length as usize], mux.out.clone()].concat();
        for size in [100_000, 1 << 20, usize::MAX] {
            match copy(&source, size) {
                Ok(_) => assert!(is_found, "{length} bytes in chunks of {size}"),
                Err(error) => assert!(!is_found && matches!(error, Error::NotMedia { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn spans_that_share_a_gop_do_not_repeat_it() {
    let source = entrance();
    let pictures = |from, to| {
        let span = Span { from: Some(Ticks::from_millis(from)), to: Some(Ticks::from_millis(to)) };
        match run(Remuxer::copy(span), 0, source.chunks(1 << 16)) {
            Ok((out, _)) => read(&out).pes[&VIDEO].len(),
            Err(Error::NothingToPlay { .. }) => 0,
            Err(error) => panic!("{error}"),
        }
    };
    // GOPs of 2 s: the bounds are 4 s, 4 s, 4 s and 8 s.
    assert_eq!(
        [pictures(0, 2100), pictures(2100, 2200), pictures(2200, 3000), pictures(3000, 8000)],
        [100, 0, 0, 100]
    );
}

#[test]
fn what_is_added_to_a_growing_recording_changes_no_cut_that_was_there() {
    let source = entrance();
    let whole = index(&source, 1 << 16).unwrap();
    let cuts = whole.cuts(six_seconds()).cuts;
    let mut indexer = Indexer::new();
    let mut compared = 0;
    for chunk in source.chunks(188 * 67) {
        indexer.push(chunk);
        let Some(part) = indexer.clone().finish().ok().and_then(Index::without_open_gop) else { continue };
        for cut in &part.cuts(six_seconds()).cuts {
            // The last cut of a part may be a shorter one; a cut with the same bounds has the same bytes.
            if let Some(same) = cuts.iter().find(|same| (same.start, same.end) == (cut.start, cut.end)) {
                assert_eq!(cut, same);
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn streams_that_the_pmt_has_no_room_for_are_left_out() {
    let audio: Vec<u16> = (0..45).map(|number| AUDIO + number).collect();
    let streams: Vec<(u8, u16)> =
        std::iter::once((H264, VIDEO)).chain(audio.iter().map(|&pid| (AAC, pid))).collect();
    let mut mux = Mux::of(&streams);
    for number in 0..50 {
        mux.pes(VIDEO, 90_000 + number * FRAME, &if number % 25 == 0 { idr(300) } else { picture(300) });
        audio.iter().for_each(|&pid| mux.pes(pid, 90_000 + number * FRAME, &sound(100)));
    }
    let mut remuxer = Remuxer::copy(Span::default());
    remuxer.push(0, mux.out.clone().into()).unwrap();
    remuxer.finish().unwrap();
    let layout = remuxer.layout().unwrap();
    assert_eq!(
        (layout.streams.len(), layout.left_out.len()),
        (remux::limits::STREAMS, 46 - remux::limits::STREAMS)
    );
    assert!(layout.left_out.iter().all(|left_out| left_out.reason == LeftOutReason::TooMany));
    let out = copy(&mux.out, 1 << 16).unwrap().0;
    let section_length = usize::from(u16::from_be_bytes([out[188 + 6] & 15, out[188 + 7]]));
    assert_eq!((section_length - 13) / 5, layout.streams.len());
    let declared = layout.streams.iter().map(|stream| stream.output_pid.value());
    let mut pids: Vec<u16> = declared.chain([PAT, PMT]).collect();
    pids.sort_unstable();
    assert!(read(&out).packets.iter().all(|packet| pids.binary_search(&packet.pid).is_ok()));
}

#[test]
fn audio_alone_is_not_drowned_in_tables() {
    let mut mux = Mux::of(&[(AAC, AUDIO)]);
    (0..1000).for_each(|number| mux.pes(AUDIO, 90_000 + number * 1920, &sound(168)));
    let reading = read(&copy(&mux.out, 1 << 16).unwrap().0);
    let tables = reading.packets.iter().filter(|packet| packet.pid == PAT).count();
    // 21.3 s, one pair every 100 ms.
    assert!((200..=220).contains(&tables), "{tables}");
}

#[test]
fn a_single_wild_time_on_a_random_access_point_moves_nothing() {
    let mut source = entrance();
    let rap = index(&source, 1 << 16).unwrap().runs[0].raps[5];
    let start = rap.offset as usize;
    let header = start + 5 + usize::from(source[start + 4]);
    source[header + 9] ^= 2; // The PTS is 3.3 hours ahead.
    let index = index(&source, 1 << 16).unwrap();
    assert_eq!((index.duration(), index.runs[0].raps.len()), (Ticks::from_millis(60_000), 29));
    assert!(index.report.wild_timestamps > 0);
    assert_eq!(end_to_end(&source, &index)[&VIDEO].len(), 1500);
}

#[test]
fn sound_on_another_clock_is_heard_with_its_pictures() {
    for apart in [11 * 90_000, 1 << 32, (1 << 33) - 20 * 90_000] {
        let mut mux = Mux::of(&[(H264, VIDEO), (AAC, AUDIO)]);
        for number in 0..100 {
            let time = 90_000 + number * FRAME;
            mux.pes(VIDEO, time, &if number % 25 == 0 { idr(300) } else { picture(300) });
            mux.pes(AUDIO, (time + apart) & ((1 << 33) - 1), &sound(100));
        }
        check(&mux.out, 100, 100);
        let out = read(&copy(&mux.out, 1 << 16).unwrap().0).pes;
        let first = |pid: u16| out[&pid][0].pts.unwrap();
        assert!(first(AUDIO).abs_diff(first(VIDEO)) <= FRAME, "{apart}");
    }
}

#[test]
fn a_segment_reads_the_sound_that_reaches_across_its_beginning() {
    // PES of half a second, which lie before the pictures that they go with.
    let mut mux = Mux::of(&[(H264, VIDEO), (AAC, AUDIO)]);
    let mut starts = Vec::new();
    for number in 0..100 {
        let time = 90_000 + number * FRAME;
        if number % 12 == 0 {
            starts.push((mux.out.len() as u64, time));
            mux.pes(AUDIO, time, &sound(100));
        }
        mux.pes(VIDEO, time, &if number % 25 == 0 { idr(300) } else { picture(300) });
    }
    let index = index(&mux.out, 1 << 16).unwrap();
    let cuts = index.cuts(Ticks::SECOND).cuts;
    assert_eq!(cuts.len(), 4);
    for cut in &cuts[1..] {
        let begins = cut.start.ticks() as u64;
        let &(offset, time) = starts.iter().rfind(|&&(_, time)| time <= begins).unwrap();
        assert!(
            cut.bytes.start <= offset,
            "sound of {time} lies at {offset}, the segment of {begins} reads from {}",
            cut.bytes.start
        );
    }
}
