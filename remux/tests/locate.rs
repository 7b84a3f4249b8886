//! A click anywhere in a recording that nobody has indexed: how many reads it takes, how many bytes, and that what comes out
//! is what an index would have given.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use remux::locate::{
    Found, Grid, Head, HeadReader, HeadWants, Knowledge, Search, Sounder, Standing, Step, TARGET, Tail,
    Thresholds,
};
use remux::time::Ticks;
use remux::{Layout, Output, Packaging, Remuxer};
use support::Noise;
use support::virtual_recording::{Recipe, Recording};

/// An origin that counts.
struct Origin<'a> {
    recording: &'a Recording,
    size: u64,
    rounds: Cell<u32>,
    bytes: Cell<u64>,
}

/// What has been learned when a session begins.
struct Opened {
    head: Head,
    layout: Arc<Layout>,
    known: Knowledge,
    grid: Grid,
}

struct Made {
    out: Vec<u8>,
    found: Found,
    rounds: u32,
    bytes: u64,
}

/// What is on its way when a read is given up.
const IN_FLIGHT: u64 = 256 << 10;
const PIECE: u64 = 64 << 10;

impl<'a> Origin<'a> {
    fn new(recording: &'a Recording) -> Self {
        Self { recording, size: recording.size(), rounds: Cell::new(0), bytes: Cell::new(0) }
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        assert!(range.start < range.end && range.end <= self.size, "{range:?} of {}", self.size);
        self.bytes.set(self.bytes.get() + range.end - range.start);
        self.recording.read(range)
    }

    fn open(&self, expected: Option<Ticks>) -> Opened {
        let mut reader = HeadReader::for_grid(self.size);
        let mut at = 0;
        while reader.wants() == HeadWants::Next {
            let end = self.size.min(at + PIECE);
            reader.push(&self.read(at..end));
            at = end;
        }
        let head = reader.finish().unwrap();
        let layout = Arc::new(head.layout.clone());
        let mut known = Knowledge::new(&head, self.size).unwrap();
        let duration = loop {
            let range = known.tail_range();
            match known.learn_tail(&self.sound(&layout, range), expected).unwrap() {
                Tail::Ends(duration) => break duration,
                Tail::Silent => {}
            }
        };
        let grid = Grid::new(head.layout.zero, &head.gops, duration, TARGET);
        Opened { head, layout, known, grid }
    }

    fn sound(&self, layout: &Arc<Layout>, range: Range<u64>) -> remux::locate::Sounding {
        let mut sounder = Sounder::new(Arc::clone(layout), range.start);
        sounder.push(&self.read(range));
        sounder.finish()
    }

    fn segment(&self, opened: &mut Opened, thresholds: Thresholds) -> Made {
        self.rounds.set(0);
        self.bytes.set(0);
        let known = &mut opened.known;
        let mut search = Search::new(thresholds);
        loop {
            let step = search.next(known).unwrap();
            if std::env::var("TRACE").is_ok() {
                println!(
                    "  {step:?} truth {:?}",
                    thresholds.from.map(|from| self
                        .recording
                        .units
                        .iter()
                        .find(|u| u.pid == 0x100 && u.dts as i64 >= from.ticks())
                        .map(|u| self.recording.offset(u)))
                );
            }
            self.rounds.set(self.rounds.get() + 1);
            match step {
                Step::Probe(ranges) => {
                    for range in ranges {
                        known.learn(&self.sound(&opened.layout, range)).unwrap();
                    }
                }
                Step::Read(range) => {
                    if let Some((out, found)) =
                        self.try_read(&opened.layout, known, &mut search, thresholds, range)
                    {
                        return Made { out, found, rounds: self.rounds.get(), bytes: self.bytes.get() };
                    }
                }
            }
        }
    }

    fn try_read(
        &self,
        layout: &Arc<Layout>,
        known: &mut Knowledge,
        search: &mut Search,
        thresholds: Thresholds,
        mut range: Range<u64>,
    ) -> Option<(Vec<u8>, Found)> {
        let mut remuxer = Remuxer::between(Arc::clone(layout), thresholds, Packaging::TransportStream);
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
                    known.learn_point(first.into()).unwrap();
                    return None;
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
        known.learn(&sounder.finish()).unwrap();
        Some((out, remuxer.found().unwrap()))
    }
}

fn drain(remuxer: &mut Remuxer, out: &mut Vec<u8>) {
    while let Some(output) = remuxer.poll() {
        if let Output::Bytes(bytes) = output {
            out.extend_from_slice(&bytes);
        }
    }
}

#[derive(Debug)]
struct Figures {
    rounds: [u32; 3],
    surplus: [i64; 3],
    mean_bytes: u64,
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
    let (mut rounds, mut surplus, mut sum) = (Vec::new(), Vec::new(), 0);
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
        sum += made.bytes;
    }
    Figures { rounds: percentiles(rounds), surplus: percentiles(surplus), mean_bytes: sum / times as u64 }
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

#[test]
fn figures_now() {
    let only = std::env::var("ONLY").unwrap_or_default();
    for (name, recipe) in [
        ("cbr", Recipe::default()),
        ("cbr 1%", Recipe { rates: walk(3600, 525_000, 535_000, 5), ..Recipe::default() }),
        ("cbr 5%", Recipe { rates: walk(3600, 510_000, 550_000, 5), ..Recipe::default() }),
        (
            "cbr gop 4",
            Recipe { gops: vec![100], rates: walk(3600, 510_000, 550_000, 5), ..Recipe::default() },
        ),
        ("vbr", Recipe { rates: walk(3600, 100_000, 1_000_000, 5), ..Recipe::default() }),
        (
            "vbr irregular",
            Recipe { rates: walk(3600, 100_000, 1_000_000, 9), gops: irregular(300, 3), ..Recipe::default() },
        ),
    ] {
        if !name.contains(&only) {
            continue;
        }
        let recording = Recording::new(recipe);
        let now = std::time::Instant::now();
        let times = std::env::var("TIMES").map_or(200, |times| times.parse().unwrap());
        println!("{name}: cold {:?}", figures(&recording, times, true));
        println!("{name}: warm {:?} {:?}", figures(&recording, times, false), now.elapsed());
    }
}
