//! Whole files, written by hand.

use std::sync::Arc;

use bytes::Bytes;

use super::testing::{File, Movie, TrackSpec};
use super::{Mp4Indexer, Read, Reader};
use crate::cut::EARLY;
use crate::error::Error;
use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data};
use crate::index::{Cut, Index};
use crate::layout::{Container, LeftOutReason, RapClass, Setup};
use crate::limits;
use crate::time::{MediaTime, Ticks};

/// What came of reading a file.
struct Done {
    units: Vec<AccessUnit>,
    reader: Reader,
    /// The ranges that were pushed, joined where one follows the other.
    ranges: Vec<(u64, u64)>,
}

impl Done {
    fn pushed(&self) -> u64 {
        self.ranges.iter().map(|(start, end)| end - start).sum()
    }

    /// DTS in milliseconds and size of the units of a stream.
    fn times(&self, stream: usize) -> Vec<i64> {
        let of = self.units.iter().filter(|unit| unit.stream == stream);
        of.map(|unit| unit.times.dts.ticks() / 90).collect()
    }
}

fn drive(mut reader: Reader, bytes: &[u8], chunk: usize) -> Done {
    let (mut units, mut ranges) = (Vec::new(), Vec::<(u64, u64)>::new());
    while let Some(read) = reader.poll() {
        match read {
            Read::Unit(unit) => units.push(unit),
            Read::Want(range) => {
                let start = usize::try_from(range.start).unwrap();
                let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(bytes.len());
                let end = end.min(start.saturating_add(chunk));
                match ranges.last_mut() {
                    Some(last) if last.1 == range.start => last.1 = end as u64,
                    _ => ranges.push((range.start, end as u64)),
                }
                reader.push(range.start, Bytes::copy_from_slice(&bytes[start..end])).unwrap();
            }
        }
    }
    Done { units, reader, ranges }
}

fn read(file: &File) -> Done {
    let done = drive(Reader::new(Some(file.bytes.len() as u64)), &file.bytes, usize::MAX);
    assert!(done.reader.is_complete());
    done
}

fn pipe(file: &File, chunk: usize) -> Result<Vec<AccessUnit>, Error> {
    let mut reader = Reader::sequential();
    let mut units = Vec::new();
    let mut drain = |reader: &mut Reader| {
        while let Some(Read::Unit(unit)) = reader.poll() {
            units.push(unit);
        }
    };
    for (number, bytes) in file.bytes.chunks(chunk).enumerate() {
        reader.push((number * chunk) as u64, Bytes::copy_from_slice(bytes))?;
        drain(&mut reader);
    }
    reader.finish()?;
    drain(&mut reader);
    Ok(units)
}

fn index(bytes: &[u8]) -> (Index, u64) {
    let mut indexer = Mp4Indexer::new(bytes.len() as u64);
    let mut pushed = 0;
    while let Some(range) = indexer.wants() {
        let chunk = &bytes[range.start as usize..range.end as usize];
        pushed += chunk.len() as u64;
        indexer.push(range.start, Bytes::copy_from_slice(chunk));
    }
    let index = indexer.finish().unwrap();
    assert_eq!(Index::decode(&index.encode()).as_ref(), Ok(&index));
    (index, pushed)
}

/// Ten seconds: pictures every 40 ms with a GOP of one second, and sound.
fn ordinary() -> Movie {
    let video = TrackSpec::video(1).pictures(250, 25, 5000);
    Movie::new().track(video).track(TrackSpec::aac(2).frames(430, 200)).per_chunk(&[25, 43])
}

#[test]
fn samples_come_out_as_they_were_written() {
    let done = read(&ordinary().bytes());
    assert_eq!((done.times(0).len(), done.times(1).len()), (250, 430));
    assert_eq!((done.times(0)[249], done.times(1)[429]), (9960, 429 * 1024 * 1000 / 44_100));
    let layout = done.reader.layout().unwrap();
    assert_eq!((layout.zero, layout.rap_class), (MediaTime::from_ticks(0), RapClass::Idr));
    assert_eq!((layout.gop, layout.frame_duration), (Some(Ticks::SECOND), Ticks::from_millis(40)));
    assert!(matches!(layout.container, Container::Mp4 { .. }));
    let Data::Nals(nals) = &done.units[0].data else { panic!("{:?}", done.units[0]) };
    assert_eq!(nals.iter().map(<[u8]>::len).collect::<Vec<_>>(), [5000]);
    assert_eq!((done.units[0].unit, done.units[1].unit), (Unit::Idr, Unit::Picture));
    assert_eq!(done.pushed(), ordinary().bytes().bytes.len() as u64, "read once, and from end to end");
    assert!(!done.reader.report().is_damaged());
}

#[test]
fn chunking_makes_no_difference() {
    for movie in [ordinary(), ordinary().moov_last(), ordinary().fragmented()] {
        let file = movie.bytes();
        let whole = read(&file).units;
        for chunk in [1, 7, 1000, 65_536] {
            let reader = Reader::new(Some(file.bytes.len() as u64));
            assert!(drive(reader, &file.bytes, chunk).units == whole, "chunks of {chunk}");
        }
    }
}

#[test]
fn a_pipe_is_read_without_jumping_unless_the_tables_come_last() {
    for movie in [ordinary(), ordinary().fragmented()] {
        let file = movie.bytes();
        assert!(pipe(&file, 999).unwrap() == read(&file).units);
    }
    assert!(matches!(pipe(&ordinary().moov_last().bytes(), 999), Err(Error::OutOfReach { .. })));
}

#[test]
fn tables_behind_the_media_cost_a_small_read() {
    let file = ordinary().padding(4 << 20).moov_last().bytes();
    let done = read(&file);
    assert_eq!(done.ranges[0], (0, 16 << 10));
    assert_eq!(done.ranges[1], (file.moov.start as u64, file.bytes.len() as u64));
    assert_eq!(done.ranges[2].0, 4 << 20 | 28, "the padding is jumped over");
    assert_eq!(done.units.len(), 680);
}

#[test]
fn tracks_that_are_not_interleaved_come_by_time() {
    let movie = ordinary().per_chunk(&[25, 1000]);
    let done = read(&movie.clone().bytes());
    let audio_before = |count: usize| done.units[..count].iter().filter(|unit| unit.stream == 1).count();
    assert_eq!(audio_before(680), 430);
    // One chunk holds all sound: it comes as a whole, where its time is.
    assert_eq!((audio_before(25), audio_before(455)), (0, 430));
    let far = movie.padding(0).per_chunk(&[250, 43]).bytes();
    assert_eq!(read(&far).units.len(), 680);
}

#[test]
fn edit_lists_move_times() {
    let mut video = TrackSpec::video(1).pictures(50, 25, 100);
    // An empty edit of 300/600 s, then from unit 80 of 1000 on.
    video.edits = vec![300, u32::MAX, 0x1_0000, 6000, 80, 0x1_0000];
    video.samples.iter_mut().for_each(|sample| sample.offset = 80);
    let done = read(&Movie::new().track(video).bytes());
    assert_eq!(done.units[0].times.pts, MediaTime::from_ticks(45_000));
    assert_eq!(done.units[0].times.dts, MediaTime::from_ticks(45_000 - 7200));
}

#[test]
fn fragments_go_on_from_each_other_without_tfdt() {
    let with = read(&ordinary().fragmented().bytes());
    let without = read(&ordinary().fragmented().without_tfdt().bytes());
    assert!(with.times(0) == without.times(0) && with.times(1) == without.times(1));
    assert_eq!((with.times(0).len(), with.times(1).len()), (250, 430));
    assert!(matches!(with.reader.layout().unwrap().container, Container::FragmentedMp4 { .. }));
}

#[test]
fn what_is_cut_off_is_counted_and_the_rest_is_played() {
    for movie in [ordinary(), ordinary().fragmented()] {
        let mut file = movie.bytes();
        file.bytes.truncate(file.bytes.len() * 7 / 10);
        let known = read(&file);
        let piped = pipe(&file, 1000).unwrap();
        assert!(known.units.len() > 300 && piped == known.units);
        let lost = known.reader.report().damaged_samples + known.reader.report().damaged_boxes;
        assert!(lost > 0);
    }
}

#[test]
fn a_sample_of_impossible_size_is_skipped() {
    let mut video = TrackSpec::video(1).pictures(50, 25, 100);
    video.samples[3].data = vec![0; limits::SAMPLE as usize + 1];
    let done = read(&Movie::new().track(video).bytes());
    assert_eq!((done.units.len(), done.reader.report().damaged_samples), (49, 1));
    assert!(done.pushed() < 1 << 20);
}

#[test]
fn damaged_lengths_keep_what_is_before_them() {
    let mut video = TrackSpec::video(1).pictures(50, 25, 100);
    video.samples[1].data.extend([0, 0, 1, 0, 9]);
    video.samples[2].data = vec![0xff; 20];
    let mut done = read(&Movie::new().track(video).bytes());
    assert_eq!((done.units.len(), done.reader.report().damaged_samples), (49, 2));
    assert!(done.reader.poll_event().unwrap().to_string().contains("track 1"));
}

#[test]
fn silent_and_second_video_tracks_are_left_out() {
    let movie = ordinary()
        .track(TrackSpec::video(3).pictures(10, 5, 100))
        .track(TrackSpec::aac(4))
        .per_chunk(&[25, 43, 10, 1])
        .bytes();
    let done = read(&movie);
    let reasons: Vec<_> = done.reader.layout().unwrap().left_out.iter().map(|left| left.reason).collect();
    assert_eq!(reasons, [LeftOutReason::SecondVideo, LeftOutReason::Silent]);
    assert_eq!(done.units.len(), 680);
    assert_eq!(index(&movie.bytes).0.runs[0].layout, **done.reader.layout().unwrap());
}

#[test]
fn sound_whose_header_is_in_its_frames_is_learned_from_them() {
    let mut mp3 = TrackSpec::mpeg_audio(1).frames(100, 50);
    mp3.samples.iter_mut().for_each(|sample| sample.data[..4].copy_from_slice(&[0xff, 0xfd, 0xa4, 0]));
    for movie in [Movie::new().track(mp3.clone()), Movie::new().fragmented().track(mp3)] {
        let file = movie.bytes();
        let done = read(&file);
        let stream = &done.reader.layout().unwrap().streams[0];
        assert!(matches!(&stream.setup, Setup::FrameHeader(header) if header.len() == 50));
        assert_eq!(done.units.len(), 100);
        assert_eq!(index(&file.bytes).0.runs[0].layout.streams[0], *stream);
    }
}

#[test]
fn an_index_costs_the_tables_and_says_what_the_samples_say() {
    for (movie, most) in [(ordinary(), 16 << 10), (ordinary().fragmented(), 40 << 10)] {
        let file = movie.padding(1 << 20).bytes();
        let (index, pushed) = index(&file.bytes);
        assert!(pushed < 10 * most, "{pushed} bytes");
        let run = &index.runs[0];
        assert_eq!((run.raps.len(), run.pictures), (10, 250));
        assert_eq!(run.end, MediaTime::from_ticks(900_000));
        assert_eq!(run.layout, **read(&file).reader.layout().unwrap());
        assert_eq!((index.report.video_pes, index.report.other_pes), (250, 430));
        assert!(run.raps.iter().all(|rap| rap.independent && rap.size >= 5000));
    }
}

#[test]
fn leading_pictures_make_a_random_access_point_dependent() {
    let mut video = TrackSpec::video(1).pictures(50, 25, 100);
    (video.samples[25].offset, video.samples[26].offset) = (80, -40);
    let (index, _) = index(&Movie::new().track(video).bytes().bytes);
    let run = &index.runs[0];
    assert_eq!(run.raps.iter().map(|rap| rap.independent).collect::<Vec<_>>(), [true, false]);
    assert_eq!(run.layout.rap_class, RapClass::RecoveryPoint);
    assert_eq!(
        run.raps[0].dts,
        run.raps[0].pts - Ticks::from_millis(40),
        "nothing is shown before it is decoded"
    );
}

#[test]
fn where_nothing_tells_sync_samples_the_pictures_are_looked_into() {
    let mut video = TrackSpec::video(1).pictures(250, 25, 300);
    video.has_stss = false;
    let mut fragmented = video.clone();
    fragmented.samples.iter_mut().for_each(|sample| sample.is_sync = true);
    let movies = [Movie::new().track(video), Movie::new().fragmented().track(fragmented).per_chunk(&[30])];
    for movie in movies {
        let file = movie.bytes();
        let (index, _) = index(&file.bytes);
        assert_eq!(index.runs[0].raps.len(), 10);
        let done = read(&file);
        assert_eq!(done.units.iter().filter(|unit| unit.unit == Unit::Idr).count(), 10);
        assert_eq!(done.reader.layout().unwrap().gop, Some(Ticks::SECOND));
    }
}

/// Whether a unit belongs to a cut: the cut rule.
fn belongs(cut: &Cut, unit: &AccessUnit) -> bool {
    let early = if cut.first { EARLY } else { Ticks::ZERO };
    let start = if unit.stream == 0 { cut.start } else { cut.start - early };
    unit.times.pts >= start && cut.end.is_none_or(|end| unit.times.pts < end)
}

#[test]
fn cuts_laid_end_to_end_are_the_whole_and_none_reads_much_more_than_its_own() {
    let movies = [
        ordinary(),
        ordinary().moov_last(),
        ordinary().per_chunk(&[250, 430]),
        ordinary().fragmented(),
        ordinary().fragmented().per_chunk(&[60, 103]),
        ordinary().fragmented().per_chunk(&[250, 430]),
    ];
    for (number, movie) in movies.into_iter().enumerate() {
        let file = movie.bytes();
        let whole = read(&file).units;
        let (index, _) = index(&file.bytes);
        let layout = Arc::new(index.runs[0].layout.clone());
        let mut found: Vec<AccessUnit> = Vec::new();
        let cuts = index.cuts(Ticks::from_millis(2000)).cuts;
        assert_eq!(cuts.len(), 5);
        for cut in &cuts {
            let reader = Reader::for_cut(&layout, cut, Some(file.bytes.len() as u64));
            let done = drive(reader, &file.bytes, usize::MAX);
            assert_eq!(done.ranges[0].0, file.moov.start as u64);
            assert!(done.units.iter().all(|unit| belongs(cut, unit)), "movie {number}");
            found.extend(done.units);
        }
        for stream in 0..2 {
            let of = |units: &[AccessUnit]| -> Vec<_> {
                let units = units.iter().filter(|unit| unit.stream == stream);
                units.map(|unit| (unit.times, unit.data.clone())).collect()
            };
            assert!(of(&found) == of(&whole), "movie {number}, stream {stream}");
        }
    }
}

#[test]
fn a_cut_of_a_long_file_reads_only_its_own() {
    let video = TrackSpec::video(1).pictures(250, 25, 400_000);
    let movie = Movie::new().track(video).track(TrackSpec::aac(2).frames(430, 200)).per_chunk(&[25, 43]);
    for movie in [movie.clone(), movie.fragmented()] {
        let file = movie.bytes();
        let (index, _) = index(&file.bytes);
        let layout = Arc::new(index.runs[0].layout.clone());
        let cut = &index.cuts(Ticks::SECOND).cuts[4];
        let done = drive(Reader::for_cut(&layout, cut, None), &file.bytes, 1 << 16);
        assert_eq!(done.times(0).len(), 25);
        assert!(done.pushed() < file.bytes.len() as u64 / 7, "{} of {}", done.pushed(), file.bytes.len());
    }
}

#[test]
fn what_is_no_mp4_is_refused() {
    for bytes in [&b""[..], b"abc", &[0; 100], &[0x47; 1000], b"\0\0\0\x08free"] {
        let mut reader = Reader::new(Some(bytes.len() as u64));
        let _ = reader.push(0, Bytes::copy_from_slice(bytes));
        assert!(matches!(reader.finish(), Err(Error::NoMovie { .. })), "{bytes:?}");
    }
    let huge = b"\0\0\0\x01moov\0\0\0\x01\0\0\0\0";
    let mut reader = Reader::new(None);
    let error = reader.push(0, Bytes::from_static(huge)).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { offset: 0, .. }), "{error}");
    assert_eq!(reader.finish(), Err(error));
}

#[test]
fn bytes_that_nobody_polls_for_are_refused() {
    let file = ordinary().bytes();
    let mut reader = Reader::new(None);
    let mut offset = file.moov.end as u64;
    reader.push(0, Bytes::copy_from_slice(&file.bytes[..file.moov.end])).unwrap();
    let chunk = Bytes::from(vec![0; 8 << 20]);
    let error = loop {
        match reader.push(offset, chunk.clone()) {
            Ok(()) => offset += chunk.len() as u64,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::LimitExceeded { .. }) && offset <= limits::PUSHED + (16 << 20));
}

/// A second of pictures and sound, small enough to be read many times.
#[cfg(feature = "fuzzing")]
fn short() -> Movie {
    let video = TrackSpec::video(1).pictures(50, 10, 60);
    Movie::new().track(video).track(TrackSpec::aac(2).frames(86, 9)).per_chunk(&[10, 17])
}

#[cfg(feature = "fuzzing")]
#[test]
fn damage_anywhere_holds_what_the_fuzz_targets_check() {
    let rounds = std::env::var("MP4_DAMAGE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below.max(1)
    };
    for movie in [short(), short().moov_last(), short().fragmented(), short().fragmented().without_tfdt()] {
        let file = movie.bytes();
        for _ in 0..rounds {
            let mut data = [&[random(256) as u8][..], &file.bytes].concat();
            for _ in 0..1 + random(6) {
                let at = random(data.len());
                match random(4) {
                    0 => data[at] = random(256) as u8,
                    1 => data[at] ^= 1 << random(8),
                    2 => data.truncate(at.max(100)),
                    _ => data[at] = [0, 0x7f, 0x80, 0xff][random(4)],
                }
            }
            crate::fuzzing::mp4_reader(&data);
            crate::fuzzing::mp4_boxes(&data);
        }
    }
}
