//! What a stretch of a recording says about its clock, wherever it was cut out.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::index::{KeyStart, Learned, Part, PartIndexer};
use crate::layout::Layout;
use crate::mp4::read::{FragmentedMovie, Listener};
use crate::time::{MediaTime, Ticks};
use crate::timeline::Clock;

/// A place whose time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Where a picture starts in the source, or the fragment that begins with it.
    pub offset: u64,
    /// When it is decoded.
    pub clock: MediaTime,
}

/// Reads a stretch of a run whose layout is known: push its bytes in order, then finish.
#[derive(Debug, Clone)]
pub struct Sounder {
    listens_to: Sounds,
    /// About when the stretch begins.
    near: MediaTime,
}

#[derive(Debug, Clone)]
enum Sounds {
    /// PES in packets.
    Packets(Box<PartIndexer>),
    /// `moof` boxes.
    Fragments { listener: Box<Listener>, start: u64 },
}

impl Sounder {
    /// A stretch of a transport stream that begins at any byte of it; [`Medium::sounder`](super::Medium::sounder) is one for
    /// whatever it is.
    pub fn new(layout: Arc<Layout>, start: u64) -> Self {
        let near = layout.zero;
        Self { listens_to: Sounds::Packets(Box::new(PartIndexer::new(layout, start))), near }
    }

    pub(super) fn of_fragments(movie: Arc<FragmentedMovie>, layout: &Layout, start: u64) -> Self {
        let listener = Box::new(Listener::new(movie, layout, start));
        Self { listens_to: Sounds::Fragments { listener, start }, near: layout.zero }
    }

    /// The same where about `expected` is when it begins: what is to be remembered of a recording of many hours is right only
    /// with that.
    #[must_use]
    pub fn near(self, expected: MediaTime) -> Self {
        Self { near: expected, ..self }
    }

    /// The next bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.listens_to {
            Sounds::Packets(indexer) => indexer.push(bytes),
            Sounds::Fragments { listener, .. } => listener.push(bytes),
        }
    }

    /// The end of the stretch.
    pub fn finish(self) -> Sounding {
        match self.listens_to {
            Sounds::Packets(indexer) => Sounding::of(&indexer.finish()),
            Sounds::Fragments { listener, start } => Sounding::of_fragments(*listener, start),
        }
    }

    /// The same, with what is to be remembered of a recording of `size` bytes, beside what is `known` already: of fragments
    /// nothing yet.
    pub fn finish_with_learned(self, size: u64, known: &Learned) -> (Sounding, Learned) {
        match self.listens_to {
            Sounds::Packets(indexer) => {
                let part = indexer.finish();
                (Sounding::of(&part), part.learned(size, self.near, known))
            }
            Sounds::Fragments { .. } => (self.finish(), Learned::default()),
        }
    }
}

/// What a stretch says. Its times are right to each other; which turn of the 33-bit clock they belong to is only known
/// beside others ([`Sounding::near`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sounding {
    /// The bytes that it speaks of.
    pub range: Range<u64>,
    /// Pictures in order of offset and of time, of the longest stretch without a jump.
    pub points: Vec<Point>,
    /// The latest time at which one of them is shown.
    pub last_pts: Option<MediaTime>,
    /// Where the clock makes a step that no pause of a camera explains, and goes on behind it.
    pub jump: Option<u64>,
}

/// Times in a row that make a clock believed.
const CONFIRMATIONS: usize = 3;

impl Sounding {
    /// What a part of an index says.
    pub fn of(part: &Part) -> Self {
        let layout = part.layout();
        let reorder = layout.streams.first().map_or(0, |key| key.reorder);
        let back = match reorder {
            0 => Ticks::ZERO,
            frames => Ticks::new(layout.frame_duration.get().saturating_mul(2 * (i64::from(frames) + 1))),
        };
        let chains = Chains { back, has_dts: reorder == 0, chains: Vec::new() };
        chains.sounding(part.range(), &part.key_starts())
    }

    fn of_fragments(listener: Listener, start: u64) -> Self {
        let (end, starts) = listener.finish();
        Chains { back: Ticks::ZERO, has_dts: true, chains: Vec::new() }.sounding(start..end, &starts)
    }

    /// The same on the turn of the clock that brings its first time nearest to `expected`.
    pub fn near(mut self, expected: MediaTime) -> Self {
        let Some(first) = self.points.first().map(|point| point.clock) else { return self };
        let shift = first.wrap().unwrap_near(expected) - first;
        self.points.iter_mut().for_each(|point| point.clock = point.clock + shift);
        self.last_pts = self.last_pts.map(|pts| pts + shift);
        self
    }
}

/// A stretch in which the clock only rises, and by no more than a hole.
struct Chain {
    points: Vec<Point>,
    last_pts: MediaTime,
}

struct Chains {
    /// How far times may go back.
    back: Ticks,
    has_dts: bool,
    chains: Vec<Chain>,
}

impl Chains {
    fn sounding(mut self, range: Range<u64>, starts: &[KeyStart]) -> Sounding {
        starts.iter().for_each(|start| self.on_start(start));
        let jump = self.jump();
        let (points, last_pts) =
            self.longest().map_or((Vec::new(), None), |chain| (chain.points, Some(chain.last_pts)));
        Sounding { range, points, last_pts, jump }
    }

    fn on_start(&mut self, start: &KeyStart) {
        let Some(pts) = start.pts else { return };
        let coded = start.dts.filter(|_| self.has_dts).unwrap_or(pts);
        // A wild time does not end a chain that goes on behind it.
        let fitting = self.chains.iter_mut().rev().take(2).find_map(|chain| {
            let last = chain.points.last()?.clock;
            let clock = coded.unwrap_near(last);
            let step = clock - last;
            // A fragment may be longer than any hole: what counts is where it ends.
            let hole = clock - chain.last_pts.max(last);
            (step > -self.back && step != Ticks::ZERO && hole <= Clock::LONGEST_HOLE)
                .then_some((chain, clock.max(last)))
        });
        let offset = start.offset;
        match fitting {
            Some((chain, clock)) => {
                chain.last_pts = chain.last_pts.max(pts.unwrap_near(clock));
                chain.points.push(Point { offset, clock });
            }
            None => {
                let clock = coded.unwrap_near(MediaTime::from_ticks(coded.value() as i64));
                let chain = Chain { points: vec![Point { offset, clock }], last_pts: pts.unwrap_near(clock) };
                self.chains.push(chain);
            }
        }
    }

    fn jump(&self) -> Option<u64> {
        let believed = self.chains.iter().filter(|chain| chain.points.len() >= CONFIRMATIONS);
        believed.skip(1).find_map(|chain| chain.points.first()).map(|point| point.offset)
    }

    fn longest(self) -> Option<Chain> {
        self.chains.into_iter().rev().max_by_key(|chain| chain.points.len())
    }
}
