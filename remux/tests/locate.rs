//! A click anywhere in a recording that nobody has indexed: how many reads it takes, how many bytes, and that what comes out
//! is what an index would have given.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use remux::index::Rap;
use remux::locate::{
    Contradiction, Found, GopFacts, Grid, Head, HeadReader, HeadWants, Knowledge, Learned, Search,
    SearchError, Sounder, Standing, Step, TARGET, Tail, Thresholds,
};
use remux::time::{MediaTime, Ticks};
use remux::{Cut, Index, Layout, Output, Packaging, Remuxer};
use support::virtual_recording::{Recipe, Recording};
use support::{AUDIO, Noise, VIDEO};

/// An origin that counts.
struct Origin<'a> {
    recording: &'a Recording,
    size: u64,
    /// Where there are no packets.
    garbage: Range<u64>,
    rounds: Cell<u32>,
    bytes: Cell<u64>,
}

/// What has been learned when a session begins.
struct Opened {
    learned: Learned,
    layout: Arc<Layout>,
    known: Knowledge,
    grid: Grid,
}

struct Made {
    out: Vec<u8>,
    found: Found,
    learned: Learned,
    rounds: u32,
    bytes: u64,
}

/// What is on its way when a read is given up.
const IN_FLIGHT: u64 = 256 << 10;
const PIECE: u64 = 64 << 10;

impl<'a> Origin<'a> {
    fn new(recording: &'a Recording) -> Self {
        Self { recording, size: recording.size(), garbage: 0..0, rounds: Cell::new(0), bytes: Cell::new(0) }
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        assert!(range.start < range.end && range.end <= self.size, "{range:?} of {}", self.size);
        self.bytes.set(self.bytes.get() + range.end - range.start);
        let mut bytes = self.recording.read(range.clone());
        for at in self.garbage.start.max(range.start)..self.garbage.end.min(range.end) {
            bytes[(at - range.start) as usize] = at as u8 | 0x80;
        }
        bytes
    }

    fn open_head(&self) -> (Head, Arc<Layout>) {
        let mut reader = HeadReader::for_grid(self.size);
        let mut at = 0;
        while reader.wants() == HeadWants::Next {
            let end = self.size.min(at + PIECE);
            reader.push(&self.read(at..end));
            at = end;
        }
        let head = reader.finish().unwrap();
        let layout = Arc::new(head.layout.clone());
        (head, layout)
    }

    fn open(&self, expected: Option<Ticks>) -> Opened {
        let (head, layout) = self.open_head();
        let mut known = Knowledge::new(&head, self.size).unwrap();
        let duration = loop {
            let range = known.tail_range();
            match known.learn_tail(&self.sound(&layout, range), expected).unwrap() {
                Tail::Ends(duration) => break duration,
                Tail::Silent => {}
            }
        };
        let grid = Grid::new(head.layout.zero, &head.gops, duration, TARGET);
        Opened { learned: Learned::default(), layout, known, grid }
    }

    fn sound(&self, layout: &Arc<Layout>, range: Range<u64>) -> remux::locate::Sounding {
        let mut sounder = Sounder::new(Arc::clone(layout), range.start);
        sounder.push(&self.read(range));
        sounder.finish()
    }

    fn segment(&self, opened: &mut Opened, thresholds: Thresholds) -> Made {
        self.try_segment(opened, thresholds).unwrap()
    }

    fn try_segment(&self, opened: &mut Opened, thresholds: Thresholds) -> Result<Made, SearchError> {
        self.rounds.set(0);
        self.bytes.set(0);
        let known = &mut opened.known;
        let mut search = Search::with(thresholds, &opened.learned);
        loop {
            let step = search.next(known)?;
            self.rounds.set(self.rounds.get() + 1);
            match step {
                Step::Probe(ranges) => {
                    for range in ranges {
                        known.learn(&self.sound(&opened.layout, range))?;
                    }
                }
                Step::Read(range) => {
                    let made = self.try_read(&opened.layout, &opened.learned, known, &mut search, range)?;
                    if let Some(made) = made {
                        return Ok(Made { rounds: self.rounds.get(), bytes: self.bytes.get(), ..made });
                    }
                }
            }
        }
    }

    fn try_read(
        &self,
        layout: &Arc<Layout>,
        before: &Learned,
        known: &mut Knowledge,
        search: &mut Search,
        mut range: Range<u64>,
    ) -> Result<Option<Made>, SearchError> {
        let mut remuxer =
            Remuxer::between(Arc::clone(layout), search.thresholds(), Packaging::TransportStream);
        let mut sounder = Sounder::new(Arc::clone(layout), range.start);
        let mut out = Vec::new();
        'reads: loop {
            let mut at = range.start;
            while at < range.end && !remuxer.is_complete() {
                let end = range.end.min(at + PIECE);
                let bytes = self.read(at..end);
                sounder.push(&bytes);
                remuxer.push(at, Bytes::from(bytes)).unwrap();
                drain(&mut remuxer, &mut out);
                at = end;
                if let Some(Found { standing: Standing::Late, first: Some(first), .. }) = remuxer.found() {
                    assert!(out.is_empty());
                    self.bytes.set(self.bytes.get() + IN_FLIGHT);
                    known.learn_point(first.into())?;
                    return Ok(None);
                }
            }
            // What was asked for comes, whether it is still needed or not.
            self.bytes.set(self.bytes.get() + range.end - at);
            if remuxer.is_complete() {
                break 'reads;
            }
            match search.more(known, &remuxer.found().unwrap(), range.end) {
                Some(more) => range = more,
                None => break 'reads,
            }
            self.rounds.set(self.rounds.get() + 1);
        }
        remuxer.finish().unwrap();
        drain(&mut remuxer, &mut out);
        let (sounding, learned) = sounder.finish_with_learned(self.size, before);
        known.learn(&sounding)?;
        Ok(Some(Made { out, found: remuxer.found().unwrap(), learned, rounds: 0, bytes: 0 }))
    }
}

fn drain(remuxer: &mut Remuxer, out: &mut Vec<u8>) {
    while let Some(output) = remuxer.poll() {
        if let Output::Bytes(bytes) = output {
            out.extend_from_slice(&bytes);
        }
    }
}

/// Median, 95th percentile and the most.
#[derive(Debug)]
struct Figures {
    rounds: [u32; 3],
    /// Bytes read besides those from RAP a to RAP b.
    surplus: [i64; 3],
}

fn percentiles<T: Ord + Copy>(mut values: Vec<T>) -> [T; 3] {
    values.sort_unstable();
    let at = |percent: usize| values[(values.len() * percent / 100).min(values.len() - 1)];
    [at(50), at(95), values[values.len() - 1]]
}

/// Random cells of a recording, each as the first of a session that knows nothing but head and tail; or with all that was
/// learned before.
fn figures(recording: &Recording, times: usize, is_cold: bool) -> Figures {
    let origin = Origin::new(recording);
    let mut opened = origin.open(None);
    let fresh = opened.known.clone();
    let mut noise = Noise(77);
    let (mut rounds, mut surplus) = (Vec::new(), Vec::new());
    for _ in 0..times {
        if is_cold {
            opened.known = fresh.clone();
        }
        let k = noise.below(opened.grid.cells as usize) as u32;
        let thresholds = opened.grid.thresholds(k);
        let made = origin.segment(&mut opened, thresholds);
        let (begin, end) = (made.found.begin.unwrap(), made.found.end.map_or(origin.size, |end| end.offset));
        rounds.push(made.rounds);
        surplus.push(made.bytes as i64 - (end - begin.offset) as i64);
    }
    Figures { rounds: percentiles(rounds), surplus: percentiles(surplus) }
}

fn walk(seconds: usize, from: u64, to: u64, seed: u64) -> Vec<u64> {
    let mut noise = Noise(seed);
    let mut rate = (from + to) as f64 / 2.0;
    let step = (to - from) as f64 / 12.0;
    let mut rates = Vec::new();
    for second in 0..seconds {
        rate = (rate + (noise.below(2001) as f64 / 1000.0 - 1.0) * step).clamp(from as f64, to as f64);
        // Scenes change now and then.
        if second % 200 == noise.below(200) {
            rate = from as f64 + noise.below((to - from) as usize) as f64;
        }
        rates.push(rate as u64);
    }
    rates
}

fn irregular(count: usize, seed: u64) -> Vec<u64> {
    let mut noise = Noise(seed);
    (0..count).map(|_| 25 + noise.below(29 * 25) as u64).collect()
}

fn walking(from: u64, to: u64) -> Recipe {
    Recipe { rates: walk(3600, from, to, 5), ..Recipe::default() }
}

#[test]
fn a_constant_bit_rate_takes_two_rounds_and_three_megabytes_more_than_the_segment() {
    for (recipe, times) in [(Recipe::default(), 60), (walking(525_000, 535_000), 200)] {
        let recording = Recording::new(recipe);
        for (is_cold, times) in [(true, times), (false, 40)] {
            let figures = figures(&recording, times, is_cold);
            println!("constant bit rate, cold {is_cold}: {figures:?}");
            let Figures { rounds: [p50, p95, _], surplus: [_, p95_bytes, _], .. } = figures;
            assert!(p50 <= 2 && p95 <= 3 && p95_bytes <= 3_000_000);
        }
    }
}

/// Bytes of head that are read where the camera is known.
const LOOK: u64 = 400_000;

#[test]
fn of_a_recording_that_looks_like_another_little_is_read() {
    let first = Recording::new(Recipe { rates: walk(3600, 525_000, 535_000, 9), ..Recipe::default() });
    let model_origin = Origin::new(&first);
    let mut model = model_origin.open(None);
    let thresholds = model.grid.thresholds(100);
    model_origin.segment(&mut model, thresholds);

    let second = Recording::new(Recipe { zero: 77_000_000, ..walking(525_000, 535_000) });
    let origin = Origin::new(&second);
    let mut noise = Noise(3);
    let mut surplus = Vec::new();
    for _ in 0..60 {
        origin.bytes.set(0);
        let mut reader = HeadReader::for_grid(origin.size);
        reader.push(&origin.read(0..LOOK));
        let head = reader.resembling(&model.layout, *model.known.gops()).expect("it looks the same");
        let mut known = Knowledge::resembling(&head, origin.size, &model.known).unwrap();
        let layout = Arc::new(head.layout.clone());
        let tail = origin.sound(&layout, known.tail_range());
        let Tail::Ends(duration) = known.learn_tail(&tail, None).unwrap() else { panic!("a clock") };
        let before = origin.bytes.get();
        let grid = Grid::new(layout.zero, &head.gops, duration, TARGET);
        let mut opened = Opened { learned: Learned::default(), layout, known, grid };
        let thresholds = grid.thresholds(1 + noise.below(grid.cells as usize - 1) as u32);
        let made = origin.segment(&mut opened, thresholds);
        assert_right(&second, &made, thresholds);
        assert!(made.rounds <= 3);
        let (begin, end) = (made.found.begin.unwrap(), made.found.end.map_or(origin.size, |end| end.offset));
        surplus.push(before + made.bytes - (end - begin.offset));
        // The layout is the one that a longer head gives, but for what only that shows.
        let whole = origin.open_head().1;
        assert_eq!(*whole, Layout { gop: whole.gop, ..Layout::clone(&opened.layout) });
    }
    let [p50, p95, most] = percentiles(surplus);
    println!("a recording like another: {p50} {p95} {most} bytes beyond");
    assert!(p95 <= 3_000_000);
}

#[test]
fn what_looks_otherwise_is_read_further() {
    let recording = Recording::new(Recipe::default());
    let model = Origin::new(&recording).open(None);
    let look = |recipe: Recipe| {
        let recording = Recording::new(recipe);
        let mut reader = HeadReader::for_grid(recording.size());
        reader.push(&recording.read(0..LOOK));
        reader.resembling(&model.layout, *model.known.gops())
    };
    assert!(look(Recipe { zero: 5, ..Recipe::default() }).is_some());
    for other in [
        Recipe { stride: 192, ..Recipe::default() },
        Recipe { sound_clock: 3600 * 90_000, ..Recipe::default() },
        // Its first picture alone is longer.
        Recipe { rates: vec![12_000_000], ..Recipe::default() },
    ] {
        assert_eq!(look(other), None);
    }
}

#[test]
fn reading_on_from_one_segment_to_the_next_learns_all_of_it() {
    for recipe in shorts() {
        let recording = Recording::new(recipe);
        let origin = Origin::new(&recording);
        let mut opened = origin.open(None);
        for k in 0..opened.grid.cells {
            let thresholds = opened.grid.thresholds(k);
            let made = origin.segment(&mut opened, thresholds);
            opened.learned.merge(Learned::decode(&made.learned.encode()).unwrap());
        }
        let index = support::index(&recording.read(0..origin.size), 65_536).unwrap();
        let found = opened.learned.index(&opened.layout).expect("all has passed by");
        assert_eq!(found.runs, index.runs);
    }
}

#[test]
fn a_varying_bit_rate_with_irregular_gops_takes_six() {
    for recipe in [
        walking(100_000, 1_000_000),
        Recipe { gops: irregular(300, 3), ..walking(30_000, 300_000) },
        Recipe { gops: irregular(300, 8), has_b_pictures: true, ..walking(20_000, 100_000) },
    ] {
        let recording = Recording::new(recipe);
        for (is_cold, times) in [(true, 40), (false, 40)] {
            let figures = figures(&recording, times, is_cold);
            println!("varying bit rate, cold {is_cold}: {figures:?}");
            let [p50, p95, most] = figures.rounds;
            assert!(p50 <= 4 && p95 <= 6 && most <= 10);
        }
    }
}

/// A recording of some minutes, small enough to be read as a whole.
fn short() -> Recipe {
    Recipe { seconds: 100, rates: vec![40_000, 20_000, 60_000], ..Recipe::default() }
}

fn shorts() -> Vec<Recipe> {
    let irregular = Recipe { gops: irregular(50, 4), seconds: 300, ..short() };
    vec![
        short(),
        Recipe { trail: -400, ..short() },
        Recipe { trail: -15, has_b_pictures: true, ..short() },
        Recipe { stride: 192, ..short() },
        Recipe { stride: 204, has_b_pictures: true, gops: vec![20], ..short() },
        Recipe { zero: (1 << 33) - 45 * 90_000, ..irregular.clone() },
        irregular,
    ]
}

/// The segment of an index between the same random access points, in which nothing had to be found.
fn exact(source: &[u8], index: &Index, thresholds: Thresholds, packaging: Packaging) -> Vec<u8> {
    let run = &index.runs[0];
    let find = |time: MediaTime| run.raps.iter().find(|rap| rap.pts >= time);
    let a = thresholds.from.map_or(run.raps.first(), find).unwrap();
    let b = thresholds.to.and_then(find);
    let cut = Cut {
        run: 0,
        start: a.pts,
        end: b.map(|b| b.pts),
        duration: Ticks::ZERO,
        first: thresholds.from.is_none(),
        independent: true,
        bytes: a.offset - u64::from(a.lead)..b.map_or(run.end_offset, |b| b.offset + u64::from(b.trail)),
    };
    let remuxer = Remuxer::segment(Arc::new(run.layout.clone()), &cut, packaging);
    let bytes = cut.bytes.start as usize..cut.bytes.end as usize;
    support::run(remuxer, cut.bytes.start, source[bytes].chunks(7000)).unwrap().0
}

/// Of a recording that has been pushed from `begin` on: what comes out, and what was found.
fn made_from(
    layout: &Arc<Layout>,
    source: &[u8],
    begin: usize,
    thresholds: Thresholds,
    as_what: Packaging,
) -> (Vec<u8>, Found) {
    let mut remuxer = Remuxer::between(Arc::clone(layout), thresholds, as_what);
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

fn assert_exact(source: &[u8], packaging: Packaging) {
    let index = support::index(source, 65_536).unwrap();
    let run = &index.runs[0];
    let layout = Arc::new(run.layout.clone());
    let grid = Grid::new(layout.zero, &GopFacts::of(&run.raps), run.duration(), TARGET);
    assert!(grid.cells > 2);
    let mut is_late = 0;
    for k in 0..grid.cells {
        let thresholds = grid.thresholds(k);
        let expected = exact(source, &index, thresholds, packaging);
        let is_behind = |rap: &&Rap| thresholds.from.is_none_or(|from| rap.pts >= from);
        let first = run.raps.iter().find(is_behind).unwrap().offset as usize;
        for before in [0, 60_000, 150_001, 400_000, usize::MAX] {
            let begin = if k == 0 { 0 } else { first.saturating_sub(before) };
            let (made, found) = made_from(&layout, source, begin, thresholds, packaging);
            if found.standing == Standing::Late {
                assert!(made.is_empty() && begin > 0, "{before}");
                is_late += 1;
            } else if !found.may_lack_sound || k == 0 {
                assert!(made == expected, "cell {k}, {before} bytes before");
            } else {
                assert!(
                    before <= 60_000,
                    "cell {k}, {before} bytes before {found:?} {:?}",
                    layout.streams.len()
                );
            }
        }
    }
    assert!(is_late > 0);
}

#[test]
fn a_segment_is_that_of_an_index_wherever_its_bytes_begin() {
    for recipe in shorts() {
        let recording = Recording::new(recipe);
        assert_exact(&recording.read(0..recording.size()), Packaging::TransportStream);
    }
    for source in [support::entrance(), support::yard()] {
        assert_exact(&source, Packaging::TransportStream);
        assert_exact(&source, Packaging::FragmentedMp4);
    }
}

#[test]
fn what_passes_is_learned_and_becomes_the_index_of_one_pass() {
    let apart = Recipe { sound_clock: 3600 * 90_000, ..short() };
    for recipe in shorts().into_iter().chain([apart]) {
        let recording = Recording::new(recipe);
        let origin = Origin::new(&recording);
        let mut opened = origin.open(None);
        let is_apart = opened.layout.streams[1].shift != Ticks::ZERO;
        assert_eq!(is_apart, recording.recipe.sound_clock > 0);
        let source = recording.read(0..recording.size());
        let index = support::index(&source, 65_536).unwrap();
        let mut order: Vec<u32> = (0..opened.grid.cells).collect();
        order.sort_by_key(|k| k.wrapping_mul(2_654_435_761));
        let mut learned = Learned::default();
        let mut outs = Vec::new();
        for k in order {
            assert_eq!(learned.index(&opened.layout), None);
            let thresholds = opened.grid.thresholds(k);
            let made = origin.segment(&mut opened, thresholds);
            let more = Learned::decode(&made.learned.encode()).unwrap();
            assert_eq!(more, made.learned);
            learned.merge(more);
            outs.push((thresholds, made.out));
        }
        // What no segment holds lies before the first and behind the last.
        for range in [0..400_000.min(source.len()), source.len().saturating_sub(900_000)..source.len()] {
            let mut sounder = Sounder::new(Arc::clone(&opened.layout), range.start as u64);
            sounder.push(&source[range]);
            learned.merge(sounder.finish_with_learned(source.len() as u64, &Learned::default()).1);
        }
        let found = learned.index(&opened.layout).expect("all is known");
        for (thresholds, out) in outs {
            let cut = learned.cut(thresholds).expect("both ends are known");
            let bytes = cut.bytes.start as usize..cut.bytes.end as usize;
            let remuxer = Remuxer::segment(Arc::clone(&opened.layout), &cut, Packaging::TransportStream);
            let exact = support::run(remuxer, cut.bytes.start, source[bytes].chunks(65_536)).unwrap().0;
            assert!(exact == out);
        }
        let raps = |index: &Index| index.runs[0].raps.clone();
        assert_eq!(raps(&found), raps(&index));
        assert_eq!(found.runs, index.runs);
        let pes =
            |index: &Index| [index.report.video_pes, index.report.other_pes, index.report.before_first_rap];
        assert_eq!(pes(&found), pes(&index));
        let stored = learned.encode();
        assert!(stored.len() < 40 + 24 * learned.gops(), "{} bytes for {}", stored.len(), learned.gops());
        for at in (6..stored.len()).step_by(5) {
            let mut damaged = stored.clone();
            damaged[at] ^= 4;
            assert!(Learned::decode(&damaged).is_err());
        }
    }
}

#[test]
fn with_what_was_learned_a_segment_is_one_read_of_little_more() {
    let recording = Recording::new(Recipe::default());
    let origin = Origin::new(&recording);
    let mut opened = origin.open(None);
    let thresholds = opened.grid.thresholds(300);
    opened.learned = origin.segment(&mut opened, thresholds).learned;
    let thresholds = opened.grid.thresholds(301);
    let made = origin.segment(&mut opened, thresholds);
    assert_right(&recording, &made, thresholds);
    let segment = made.found.end.unwrap().offset - made.found.begin.unwrap().offset;
    assert!(made.rounds == 1 && made.bytes < segment * 13 / 10, "{} for {segment}", made.bytes);
}

#[test]
fn what_is_played_in_order_becomes_the_index_of_one_pass() {
    for recipe in shorts() {
        let recording = Recording::new(recipe);
        let origin = Origin::new(&recording);
        let mut opened = origin.open(None);
        for k in 0..opened.grid.cells {
            let thresholds = opened.grid.thresholds(k);
            let made = origin.segment(&mut opened, thresholds);
            opened.learned.merge(made.learned);
        }
        let found = opened.learned.index(&opened.layout).expect("all has passed by");
        let source = recording.read(0..recording.size());
        assert_eq!(found.runs, support::index(&source, 65_536).unwrap().runs);
    }
}

#[test]
fn segments_found_on_the_way_carry_every_access_unit_once() {
    for recipe in shorts() {
        let recording = Recording::new(recipe);
        let origin = Origin::new(&recording);
        let mut opened = origin.open(None);
        let cells = opened.grid.cells;
        let made: Vec<u8> = (0..cells)
            .flat_map(|k| {
                let thresholds = opened.grid.thresholds(k);
                origin.segment(&mut opened, thresholds).out
            })
            .collect();
        let reading = support::read(&made);
        let shift = 900_000 - opened.grid.zero.ticks();
        for pid in [VIDEO, AUDIO] {
            let expected: Vec<u64> = recording
                .units
                .iter()
                .filter(|unit| unit.pid == pid)
                .map(|unit| (unit.pts as i64 + shift) as u64)
                .collect();
            let found: Vec<u64> = reading.pes[&pid].iter().map(|pes| pes.pts.unwrap()).collect();
            assert!(found == expected, "PID {pid}: {} of {}", found.len(), expected.len());
        }
        let whole = support::read(&support::copy(&recording.read(0..recording.size()), 65_536).unwrap().0);
        assert!(whole.pes == reading.pes);
    }
}

#[test]
fn nothing_between_two_thresholds_is_an_empty_segment() {
    let recording = Recording::new(Recipe { gops: vec![250], ..short() });
    let source = recording.read(0..recording.size());
    let index = support::index(&source, 65_536).unwrap();
    let layout = Arc::new(index.runs[0].layout.clone());
    let zero = layout.zero;
    let at = |seconds| Some(zero + Ticks::from_seconds(seconds));
    let thresholds = Thresholds { from: at(21.0), to: at(28.0) };
    let mut remuxer = Remuxer::between(layout, thresholds, Packaging::TransportStream);
    let mut made = Vec::new();
    for (number, chunk) in source[500_000..].chunks(1000).enumerate() {
        remuxer.push(500_000 + 1000 * number as u64, Bytes::copy_from_slice(chunk)).unwrap();
        drain(&mut remuxer, &mut made);
        if remuxer.is_complete() {
            break;
        }
    }
    let found = remuxer.found().unwrap();
    assert_eq!((found.standing, found.begin), (Standing::Empty, None));
    let rap = index.runs[0].raps[3];
    assert_eq!(found.end.map(|end| (end.offset, end.pts)), Some((rap.offset, rap.pts)));
    assert!(!made.is_empty() && made.len() % 188 == 0);
    assert!(support::read(&made).pes.is_empty(), "tables and nothing else");
}

/// What a click finds is the first random access point at or after its threshold.
fn assert_right(recording: &Recording, made: &Made, thresholds: Thresholds) {
    let find = |time: MediaTime| recording.raps().find(|rap| rap.pts as i64 >= time.ticks());
    let begin = thresholds.from.map_or(recording.raps().next(), find).unwrap();
    assert_eq!(made.found.begin.map(|mark| mark.offset), Some(recording.offset(begin)));
    assert_eq!(
        made.found.end.map(|mark| mark.offset),
        thresholds.to.and_then(find).map(|end| recording.offset(end))
    );
    assert!(!made.found.may_lack_sound);
}

#[test]
fn clocks_that_wrap_and_catalogues_that_are_wrong_do_no_harm() {
    for zero in [0, (1 << 33) - 1800 * 90_000, (1 << 33) - 1] {
        let recording = Recording::new(Recipe { zero, ..walking(100_000, 300_000) });
        let origin = Origin::new(&recording);
        for expected in [None, Some(1.0), Some(3600.0), Some(7200.0), Some(86_400.0)] {
            let mut opened = origin.open(expected.map(Ticks::from_seconds));
            if expected == Some(86_400.0) {
                // As long as the clock has turned once more.
                assert!(opened.grid.duration > Ticks::from_seconds(90_000.0));
                continue;
            }
            assert_eq!(opened.grid.duration, Ticks::from_seconds(3600.0));
            let mut noise = Noise(5);
            for _ in 0..10 {
                let thresholds = opened.grid.thresholds(noise.below(opened.grid.cells as usize) as u32);
                let made = origin.segment(&mut opened, thresholds);
                assert_right(&recording, &made, thresholds);
            }
        }
    }
}

#[test]
fn a_recording_that_breaks_off_or_ends_in_garbage_is_as_long_as_its_clock_says() {
    let recording = Recording::new(Recipe { seconds: 600, ..Recipe::default() });
    for garbage in [0, 200_000, 3_000_000] {
        let cut = recording.size() / 2 + 77;
        let origin = Origin { garbage: cut..cut + garbage, size: cut + garbage, ..Origin::new(&recording) };
        let mut opened = origin.open(None);
        assert!((opened.grid.duration.as_seconds() - 300.0).abs() < 1.0, "{}", opened.grid.duration);
        for k in [10, 48, opened.grid.cells - 1] {
            let thresholds = opened.grid.thresholds(k);
            let made = origin.segment(&mut opened, thresholds);
            let begin = recording.raps().find(|rap| rap.pts as i64 >= thresholds.from.unwrap().ticks());
            assert_eq!(made.found.begin.map(|mark| mark.offset), begin.map(|rap| recording.offset(rap)));
        }
    }
}

#[test]
fn a_clock_that_jumps_is_noticed_or_does_no_harm() {
    for by in [1000 * 90_000, -600 * 90_000] {
        let jump = Some((1800 * 25, by));
        let recording = Recording::new(Recipe { jump, zero: 90_000_000, ..walking(100_000, 300_000) });
        let origin = Origin::new(&recording);
        let mut opened = origin.open(None);
        let mut noise = Noise(5);
        let mut outcomes = Vec::new();
        for _ in 0..30 {
            let thresholds = opened.grid.thresholds(noise.below(opened.grid.cells as usize) as u32);
            match origin.try_segment(&mut opened, thresholds) {
                Ok(made) if by > 0 => {
                    if made.found.standing == Standing::Complete {
                        outcomes.push(None);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    opened = origin.open(None);
                    outcomes.push(Some(error));
                }
            }
        }
        println!("{by}: {outcomes:?}");
        assert!(outcomes.iter().any(Option::is_some), "{by}");
    }
}

#[test]
fn a_jump_in_the_tail_and_two_runs_in_the_head_are_contradictions() {
    let recording =
        |at: u64| Recording::new(Recipe { jump: Some((at, 90_000_000)), seconds: 120, ..Recipe::default() });
    let late = recording(120 * 25 - 6);
    let origin = Origin::new(&late);
    let layout = origin.open_head().1;
    let tail = origin.sound(&layout, late.size() - (256 << 10)..late.size());
    assert!(tail.jump.is_some());
    let early = recording(60);
    let (head, _) = Origin::new(&early).open_head();
    assert_eq!(Knowledge::new(&head, early.size()).unwrap_err(), Contradiction::Runs { runs: 2 });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn chunks_make_no_difference(seed: u64, kind in 0usize..7, start in 0usize..900_000) {
        let recording = Recording::new(shorts().swap_remove(kind));
        let source = recording.read(0..1 << 20);
        let mut noise = Noise(seed | 1);
        let mut chunks = |mut bytes: &[u8], push: &mut dyn FnMut(&[u8])| {
            while !bytes.is_empty() {
                let (chunk, rest) = bytes.split_at(bytes.len().min(1 + noise.below(3000)));
                push(chunk);
                bytes = rest;
            }
        };
        let size = source.len() as u64;
        let (mut whole, mut pieces) = (HeadReader::for_grid(size), HeadReader::for_grid(size));
        whole.push(&source);
        chunks(&source, &mut |chunk| pieces.push(chunk));
        let head = whole.finish().unwrap();
        prop_assert_eq!(&head, &pieces.finish().unwrap());
        let layout = Arc::new(head.layout);
        let mut whole = Sounder::new(Arc::clone(&layout), start as u64);
        let mut pieces = whole.clone();
        whole.push(&source[start..]);
        chunks(&source[start..], &mut |chunk| pieces.push(chunk));
        let whole = whole.finish();
        prop_assert!(!whole.points.is_empty());
        prop_assert_eq!(whole, pieces.finish());
    }
}
