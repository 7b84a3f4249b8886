//! A click anywhere in a fragmented MP4 file that has no tables: found as in a transport stream, by the same search.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use remux::index::{Indexer, Rap, Wants};
use remux::locate::{
    Contradiction, Found, GopFacts, Grid, Head, HeadReader, HeadWants, Knowledge, Medium, Search,
    SearchError, Standing, Step, TARGET, Tail, Thresholds,
};
use remux::time::{MediaTime, Ticks};
use remux::{Copy, Cut, Error, Index, Layout, Output, Packaging, Remuxer};
use support::Noise;

/// A transport stream as a fragmented file.
fn fragmented(source: &[u8]) -> Vec<u8> {
    let copy = Copy { packaging: Packaging::FragmentedMp4, ..Copy::default() };
    support::run(Remuxer::copy(copy), 0, source.chunks(1 << 20)).unwrap().0
}

/// A file whose fragments are repeated, later each time.
struct Looped {
    file: Vec<u8>,
    /// Where the first fragment begins.
    head: usize,
    /// Where the fragments say when they are decoded, and in which units.
    clocks: Vec<(usize, u64)>,
    times: u64,
    /// How long the fragments are together.
    duration: Ticks,
    /// From which repetition on the clock is set by so many seconds.
    jump: (u64, i64),
    rounds: Cell<u32>,
    bytes: Cell<u64>,
}

/// Boxes at the top level.
fn boxes(file: &[u8]) -> Vec<(usize, [u8; 4])> {
    let (mut at, mut found) = (0, Vec::new());
    while at < file.len() {
        found.push((at, file[at + 4..at + 8].try_into().unwrap()));
        at += u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    }
    found
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

impl Looped {
    fn new(source: &[u8], times: u64) -> Self {
        Self::padded(source, times, 0..1)
    }

    /// Behind each fragment lie so many bytes that mean nothing.
    fn padded(source: &[u8], times: u64, padding: Range<usize>) -> Self {
        let mut noise = Noise(9);
        let written = fragmented(source);
        let mut file = Vec::new();
        let found = boxes(&written);
        for (number, &(at, kind)) in found.iter().enumerate() {
            file.extend(&written[at..found.get(number + 1).map_or(written.len(), |next| next.0)]);
            let bytes = padding.start + noise.below(padding.len());
            if kind == *b"mdat" && bytes >= 8 {
                file.extend((bytes as u32).to_be_bytes());
                file.extend(b"free");
                file.extend(vec![7; bytes - 8]);
            }
        }
        let moofs: Vec<usize> =
            boxes(&file).into_iter().filter(|(_, kind)| kind == b"moof").map(|(at, _)| at).collect();
        let timescales = Self::timescales(&file[..moofs[0]]);
        let mut clocks = Vec::new();
        for &moof in &moofs {
            let size = u32::from_be_bytes(file[moof..moof + 4].try_into().unwrap()) as usize;
            let mut at = moof;
            while let Some(next) = find(&file[at..moof + size], b"tfhd") {
                at += next;
                let track = u32::from_be_bytes(file[at + 8..at + 12].try_into().unwrap());
                at += find(&file[at..], b"tfdt").unwrap();
                assert_eq!(file[at + 4], 1, "64 bits");
                clocks.push((at + 8, timescales[track as usize - 1]));
            }
        }
        let (head, jump, duration) = (moofs[0], (u64::MAX, 0), index(&file).duration());
        Self { file, head, clocks, times, duration, jump, rounds: Cell::new(0), bytes: Cell::new(0) }
    }

    fn timescales(head: &[u8]) -> Vec<u64> {
        let mut at = 0;
        std::iter::from_fn(|| {
            at += find(&head[at..], b"mdhd")? + 4;
            let place = if head[at] == 1 { at + 20 } else { at + 12 };
            Some(u64::from(u32::from_be_bytes(head[place..place + 4].try_into().unwrap())))
        })
        .collect()
    }

    fn size(&self) -> u64 {
        self.head as u64 + self.times * (self.file.len() - self.head) as u64
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        assert!(range.start < range.end && range.end <= self.size(), "{range:?} of {}", self.size());
        self.bytes.set(self.bytes.get() + range.end - range.start);
        let length = (self.file.len() - self.head) as u64;
        let mut out = Vec::new();
        let mut at = range.start;
        while at < range.end {
            let (time, from) = match at.checked_sub(self.head as u64) {
                None => (0, at as usize),
                Some(behind) => (behind / length, self.head + (behind % length) as usize),
            };
            let until = self.file.len().min(from + (range.end - at) as usize);
            out.extend(self.repetition(time, from..until));
            at += (until - from) as u64;
        }
        out
    }

    fn repetition(&self, time: u64, range: Range<usize>) -> Vec<u8> {
        let mut piece = self.file[range.clone()].to_vec();
        let set = if time >= self.jump.0 { self.jump.1 } else { 0 };
        let near = self.clocks.iter().filter(|(at, _)| at + 8 > range.start && *at < range.end);
        for &(at, timescale) in near {
            let clock = u64::from_be_bytes(self.file[at..at + 8].try_into().unwrap());
            let later = (time as i64 * self.duration.get() + set * 90_000) * timescale as i64 / 90_000;
            for (place, byte) in (at..).zip(clock.checked_add_signed(later).unwrap().to_be_bytes()) {
                if range.contains(&place) {
                    piece[place - range.start] = byte;
                }
            }
        }
        piece
    }

    fn whole(&self) -> Vec<u8> {
        self.read(0..self.size())
    }

    fn head(&self) -> Head {
        let mut reader = HeadReader::for_grid(self.size());
        let mut at = 0;
        while reader.wants() == HeadWants::Next {
            let end = self.size().min(at + (256 << 10));
            reader.push(&self.read(at..end));
            at = end;
        }
        reader.finish().unwrap()
    }

    fn open(&self) -> Result<Opened, Contradiction> {
        let head = self.head();
        let medium = Medium::of(&head).unwrap();
        let mut known = Knowledge::new(&head, self.size())?;
        let duration = loop {
            let range = known.tail_range();
            match known.learn_tail(&self.sound(&medium, range), None)? {
                Tail::Ends(duration) => break duration,
                Tail::Silent => {}
            }
        };
        let grid = Grid::new(head.layout.zero, &head.gops, duration, TARGET);
        Ok(Opened { medium, known, grid })
    }

    fn sound(&self, medium: &Medium, range: Range<u64>) -> remux::locate::Sounding {
        let mut sounder = medium.sounder(range.start);
        sounder.push(&self.read(range));
        sounder.finish()
    }

    fn segment(&self, opened: &mut Opened, thresholds: Thresholds) -> Result<(Vec<u8>, Found), SearchError> {
        self.rounds.set(0);
        self.bytes.set(0);
        let Opened { medium, known, .. } = opened;
        let mut search = Search::new(thresholds);
        'search: loop {
            self.rounds.set(self.rounds.get() + 1);
            let mut range = match search.next(known)? {
                Step::Read(range) => range,
                Step::Probe(ranges) => {
                    for range in ranges {
                        known.learn(&self.sound(medium, range))?;
                    }
                    continue;
                }
            };
            let mut remuxer = medium.remuxer(thresholds, Packaging::TransportStream);
            let mut sounder = medium.sounder(range.start);
            let mut out = Vec::new();
            loop {
                let bytes = self.read(range.clone());
                sounder.push(&bytes);
                remuxer.push(range.start, Bytes::from(bytes)).unwrap();
                drain(&mut remuxer, &mut out);
                match remuxer.found().unwrap() {
                    Found { standing: Standing::Late, first: Some(first), .. } => {
                        assert!(out.is_empty());
                        known.learn_point(first.into())?;
                        continue 'search;
                    }
                    found if !remuxer.is_complete() => match search.more(known, &found, range.end) {
                        Some(more) => range = more,
                        None => break,
                    },
                    _ => break,
                }
                self.rounds.set(self.rounds.get() + 1);
            }
            remuxer.finish().unwrap();
            drain(&mut remuxer, &mut out);
            known.learn(&sounder.finish())?;
            return Ok((out, remuxer.found().unwrap()));
        }
    }
}

struct Opened {
    medium: Medium,
    known: Knowledge,
    grid: Grid,
}

fn drain(remuxer: &mut Remuxer, out: &mut Vec<u8>) {
    while let Some(output) = remuxer.poll() {
        match output {
            Output::Bytes(bytes) => out.extend_from_slice(&bytes),
            Output::Want(range) => panic!("{range:?} is wanted of bytes that come as they lie"),
            _ => {}
        }
    }
}

fn index(source: &[u8]) -> Index {
    let mut indexer = Indexer::with_size(source.len() as u64);
    indexer.push(&source[..1000]);
    loop {
        match indexer.wants() {
            Wants::Range(range) => {
                indexer.push_at(range.start, &source[range.start as usize..range.end as usize]);
            }
            Wants::Next => panic!("it is MP4"),
            Wants::Nothing => return indexer.finish().unwrap(),
        }
    }
}

/// The segment of an index between the same random access points, in which nothing had to be found.
fn exact(source: &[u8], index: &Index, thresholds: Thresholds, packaging: Packaging) -> Vec<u8> {
    let run = &index.runs[0];
    let behind = |time: MediaTime| run.raps.iter().find(|rap| rap.pts >= time);
    let a = thresholds.from.map_or(run.raps.first(), behind).unwrap();
    let b = thresholds.to.and_then(behind);
    let cut = Cut {
        run: 0,
        start: a.pts,
        end: b.map(|b| b.pts),
        duration: Ticks::ZERO,
        first: thresholds.from.is_none(),
        independent: true,
        bytes: a.offset - u64::from(a.lead)..b.map_or(run.end_offset, |b| b.offset + u64::from(b.trail)),
    };
    let mut remuxer = Remuxer::segment(Arc::new(run.layout.clone()), &cut, packaging);
    let mut out = Vec::new();
    while let Some(output) = remuxer.poll() {
        match output {
            Output::Bytes(bytes) => out.extend_from_slice(&bytes),
            Output::Want(range) => {
                let bytes = &source[range.start as usize..source.len().min(range.end as usize)];
                remuxer.push(range.start, Bytes::copy_from_slice(bytes)).unwrap();
            }
            _ => {}
        }
    }
    remuxer.finish().unwrap();
    drain(&mut remuxer, &mut out);
    out
}

/// What comes out of all that lies behind `begin`, and what was found.
fn made_from(
    medium: &Medium,
    source: &[u8],
    begin: usize,
    thresholds: Thresholds,
    packaging: Packaging,
) -> (Vec<u8>, Found) {
    let mut remuxer = medium.remuxer(thresholds, packaging);
    let (mut made, mut at) = (Vec::new(), begin);
    while at < source.len() && !remuxer.is_complete() {
        let end = source.len().min(at + 3000 + begin % 1000);
        remuxer.push(at as u64, Bytes::copy_from_slice(&source[at..end])).unwrap();
        drain(&mut remuxer, &mut made);
        at = end;
    }
    remuxer.finish().unwrap();
    drain(&mut remuxer, &mut made);
    (made, remuxer.found().unwrap())
}

fn assert_exact(source: &[u8], target: Ticks, packaging: Packaging) {
    let index = index(source);
    let run = &index.runs[0];
    let head = {
        let mut reader = HeadReader::for_grid(source.len() as u64);
        reader.push(source);
        assert_eq!(reader.wants(), HeadWants::Nothing);
        reader.finish().unwrap()
    };
    let medium = Medium::of(&head).unwrap();
    let grid = Grid::new(run.layout.zero, &GopFacts::of(&run.raps), run.duration(), target);
    assert!(grid.cells > 2);
    let mut is_late = 0;
    for k in 0..grid.cells {
        let thresholds = grid.thresholds(k);
        let expected = exact(source, &index, thresholds, packaging);
        let is_behind = |rap: &&Rap| thresholds.from.is_none_or(|from| rap.pts >= from);
        let first = run.raps.iter().find(is_behind).unwrap();
        for before in [0, 1, 60_000, 400_001, usize::MAX] {
            let begin = if k == 0 { 0 } else { (first.offset as usize).saturating_sub(before) };
            let (made, found) = made_from(&medium, source, begin, thresholds, packaging);
            if found.standing == Standing::Late {
                assert!(made.is_empty() && begin > 0, "{before}");
                is_late += 1;
            } else if !found.may_lack_sound || k == 0 {
                assert!(
                    made == expected,
                    "cell {k}, {before} bytes before: {} of {}",
                    made.len(),
                    expected.len()
                );
            } else {
                assert!(before <= 60_000, "cell {k}, {before} bytes before {found:?}");
            }
        }
    }
    assert!(is_late > 0);
}

#[test]
fn a_segment_is_that_of_an_index_wherever_its_bytes_begin() {
    for source in [support::entrance(), support::yard()] {
        let source = fragmented(&source);
        assert_exact(&source, TARGET, Packaging::TransportStream);
        assert_exact(&source, TARGET, Packaging::FragmentedMp4);
    }
}

/// By another program: a fragment for each GOP, several in one, and one for each track.
#[test]
fn fragments_need_not_be_gops_and_may_hold_one_track() {
    for name in ["fragments", "fragments-within-gops", "fragments-per-track"] {
        let seed = format!("{}/../fuzz/seeds/locate/{name}", env!("CARGO_MANIFEST_DIR"));
        let source = &std::fs::read(seed).unwrap()[2..];
        assert_exact(source, Ticks::SECOND, Packaging::TransportStream);
        assert_exact(source, Ticks::SECOND, Packaging::FragmentedMp4);
    }
}

#[test]
fn the_head_says_what_an_index_of_all_says() {
    let looped = Looped::new(&support::entrance(), 3);
    let (head, whole) = (looped.head(), index(&looped.whole()));
    let expected = Layout { zero: head.layout.zero, ..whole.runs[0].layout.clone() };
    assert_eq!(head.layout, expected);
    assert_eq!(head.raps[..3], whole.runs[0].raps[..3]);
    assert!(head.read < 2 << 20, "{}", head.read);
    let opened = looped.open().unwrap();
    assert_eq!(opened.known.duration(), Some(whole.runs[0].duration()));
}

#[test]
fn in_an_hour_it_is_found_with_a_few_reads() {
    // Two seconds in a fragment of a megabyte, more or less.
    for (source, padding, most) in [
        (support::entrance(), 0..1, 1_000_000),
        (support::entrance(), 900_000..1_000_000, 6_000_000),
        (support::entrance(), 200_000..1_800_000, 16_000_000),
        (support::yard(), 0..300_000, 16_000_000),
    ] {
        let looped = Looped::padded(&source, 30, padding);
        let fresh = looped.open().unwrap();
        let mut noise = Noise(77);
        let (mut rounds, mut surplus) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            let mut opened = Opened { medium: fresh.medium.clone(), known: fresh.known.clone(), ..fresh };
            let thresholds = opened.grid.thresholds(noise.below(opened.grid.cells as usize) as u32);
            let (_, found) = looped.segment(&mut opened, thresholds).unwrap();
            let begin = found.begin.unwrap();
            let late = |from| begin.pts >= from && begin.pts - from < Ticks::from_seconds(10.1);
            assert!(thresholds.from.is_none_or(late));
            assert!(found.end.is_none_or(|end| thresholds.to.is_some_and(|to| end.pts >= to)));
            let end = found.end.map_or(looped.size(), |end| end.offset);
            rounds.push(looped.rounds.get());
            surplus.push(looped.bytes.get() as i64 - (end - begin.offset) as i64);
        }
        rounds.sort_unstable();
        surplus.sort_unstable();
        let at = |percent: usize| (rounds[percent * 59 / 100], surplus[percent * 59 / 100]);
        println!("{} bytes, rounds and bytes beyond: {:?}", looped.size(), [at(50), at(95), at(100)]);
        assert!(at(50).0 <= 3 && at(95).0 <= 5 && at(95).1 <= most);
    }
}

#[test]
fn what_is_known_of_one_segment_leads_to_the_next_with_one_read() {
    let looped = Looped::new(&support::entrance(), 60);
    let mut opened = looped.open().unwrap();
    let thresholds = opened.grid.thresholds(300);
    looped.segment(&mut opened, thresholds).unwrap();
    for k in 301..310 {
        let thresholds = opened.grid.thresholds(k);
        let (_, found) = looped.segment(&mut opened, thresholds).unwrap();
        assert_eq!((looped.rounds.get(), found.standing), (1, Standing::Complete), "cell {k}");
    }
}

#[test]
fn a_clock_that_jumps_is_noticed_or_does_no_harm() {
    for seconds in [1000, -600] {
        let looped = Looped { jump: (30, seconds), ..Looped::new(&support::entrance(), 60) };
        let mut opened = looped.open().unwrap();
        let mut noise = Noise(5);
        let mut is_noticed = false;
        for _ in 0..40 {
            let thresholds = opened.grid.thresholds(noise.below(opened.grid.cells as usize) as u32);
            match looped.segment(&mut opened, thresholds) {
                Ok((out, _)) => assert!(out.len() < 40 << 20),
                Err(_) => {
                    is_noticed = true;
                    opened = looped.open().unwrap();
                }
            }
        }
        assert!(is_noticed, "{seconds}");
    }
}

#[test]
fn chunks_make_no_difference() {
    let source = fragmented(&support::entrance());
    let head = |chunk: usize| {
        let mut reader = HeadReader::for_grid(source.len() as u64);
        source.chunks(chunk).for_each(|chunk| reader.push(chunk));
        reader.finish().unwrap()
    };
    let whole = head(source.len());
    assert_eq!(whole, head(777));
    let medium = Medium::of(&whole).unwrap();
    for start in [0, 1, 5000, 300_000, source.len() - 3] {
        let sound = |chunk: usize| {
            let mut sounder = medium.sounder(start as u64);
            source[start..].chunks(chunk).for_each(|chunk| sounder.push(chunk));
            sounder.finish()
        };
        let whole = sound(source.len());
        assert_eq!(whole.points.is_empty(), start == source.len() - 3);
        assert_eq!(whole, sound(1000), "{start}");
        assert_eq!(whole, sound(7), "{start}");
    }
}

#[test]
fn what_has_tables_or_no_clock_is_indexed_as_a_whole() {
    let source = fragmented(&support::entrance());
    let mut timeless = source.clone();
    let mut at = 0;
    while let Some(next) = find(&timeless[at..], b"tfdt") {
        at += next;
        timeless[at..at + 4].copy_from_slice(b"free");
    }
    let behind = boxes(&source).iter().find(|(_, kind)| kind == b"moof").unwrap().0;
    for (what, source) in
        [("no tfdt", &timeless[..]), ("no fragments", &source[..behind]), ("cut off", &source[..40])]
    {
        let mut reader = HeadReader::for_grid(source.len() as u64);
        reader.push(source);
        assert_eq!(reader.wants(), HeadWants::Tables, "{what}");
        assert_eq!(reader.finish().unwrap_err(), Error::NeedsIndex, "{what}");
    }
}
