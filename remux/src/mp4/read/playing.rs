//! The samples of a movie, made into access units of its layout.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::head::FragmentedMovie;
use super::learner::{Learner, Waiting};
use super::log::Log;
use super::movie::Movie;
use super::plan::{Placed, Plan, Span};
use super::streams::{self, Seen};
use super::unit::content;
use super::walk::{Step, Walk};
use super::window::{GAP, Window};
use crate::error::Error;
use crate::es::Unit;
use crate::es::access_unit::AccessUnit;
use crate::index::Cut;
use crate::layout::{Container, Layout, RapClass};
use crate::limits;

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    Unit(AccessUnit),
    /// This range has to be pushed.
    Need(Range<u64>),
    End,
}

/// How much is asked for at once where one sample lies behind the other.
const READ: u64 = 8 << 20;

/// Plays a movie whose tables are known.
#[derive(Debug)]
pub(super) struct Playing {
    movie: Movie,
    size: Option<u64>,
    feed: Feed,
    /// The sample whose bytes are waited for.
    pending: Option<Placed>,
    /// How far reading goes on behind `pending`.
    reach: Range<u64>,
    span: Option<Span>,
    /// What it is told by which samples are random access points.
    told: Told,
    layout: Learned,
    /// The stream of each track; `None` where it does not go out.
    numbers: Vec<Option<usize>>,
    /// Bytes of samples that have come out.
    taken: u64,
    /// How far into the source they have reached.
    farthest: u64,
    /// Units whose layout has become known since.
    ready: VecDeque<AccessUnit>,
}

/// Where samples come from.
#[derive(Debug)]
enum Feed {
    Tables(Plan),
    Fragments(Walk),
    /// The source has ended.
    Ended,
}

/// By what random access points are told from other pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// By what is in them.
    Content,
    /// By the flags of their fragments, as an index of this file would have it.
    Flags,
}

#[derive(Debug)]
enum Learned {
    /// Not yet: units wait.
    Waiting(Learner),
    Known(Arc<Layout>),
}

impl Playing {
    /// All of a movie.
    pub(super) fn all(movie: Movie, size: Option<u64>, is_sequential: bool) -> Result<Self, Error> {
        if movie.is_fragmented {
            return Ok(Self::looking_into(movie, size.unwrap_or(u64::MAX)));
        }
        let seen: Vec<Seen> = movie.tracks.iter().map(|track| Seen::of_tables(track, size)).collect();
        let key = streams::key(&movie, |track| seen.get(track).is_some_and(|seen| seen.samples > 0));
        let is_seen = key.is_none_or(|key| tells_raps(&movie, key));
        let plan = Plan::new(&movie, None, is_sequential);
        let mut playing = Self::new(movie, size, Feed::Tables(plan));
        let seen = if is_seen { seen } else { vec![Seen::default(); seen.len()] };
        playing.learn(Learner::new(seen, is_seen))?;
        Ok(playing)
    }

    /// All of a movie whose layout its samples have to tell.
    fn looking_into(movie: Movie, size: u64) -> Self {
        let feed = match movie.is_fragmented {
            true => Feed::Fragments(Walk::new(&movie, movie.range.end..size, None, true)),
            false => Feed::Tables(Plan::new(&movie, None, false)),
        };
        let seen = vec![Seen::default(); movie.tracks.len()];
        let mut playing = Self::new(movie, (size < u64::MAX).then_some(size), feed);
        playing.layout = Learned::Waiting(Learner::new(seen, false));
        playing
    }

    /// One cut of a known layout.
    pub(super) fn cut(movie: Movie, layout: Arc<Layout>, cut: &Cut, size: Option<u64>) -> Self {
        let tracks = streams::tracks_of(&movie, &layout);
        let span = tracks.first().copied().flatten().map(|key| Span::new(key, cut));
        let feed = match layout.container {
            Container::FragmentedMp4 { .. } => {
                Feed::Fragments(Walk::new(&movie, cut.bytes.clone(), span, true))
            }
            Container::Mp4 { .. } | Container::TransportStream => {
                let mut plan = Plan::new(&movie, span, true);
                plan.retain(|track| tracks.contains(&Some(track)));
                plan.order_by_interleaving();
                Feed::Tables(plan)
            }
        };
        let mut playing = Self::new(movie, size, feed);
        playing.span = span;
        playing.set(layout, &tracks);
        playing
    }

    /// All fragments of a known layout behind a place that may be anywhere.
    pub(super) fn from_anywhere(movie: &FragmentedMovie, layout: Arc<Layout>, start: u64) -> Self {
        let FragmentedMovie { movie, looks } = movie.clone();
        let tracks = streams::tracks_of(&movie, &layout);
        let walk = Walk::from_anywhere(&movie, start);
        let mut playing = Self::new(movie, None, Feed::Fragments(walk));
        playing.told = if looks { Told::Content } else { Told::Flags };
        playing.set(layout, &tracks);
        playing
    }

    fn new(movie: Movie, size: Option<u64>, feed: Feed) -> Self {
        let numbers = vec![None; movie.tracks.len()];
        Self {
            movie,
            size,
            feed,
            pending: None,
            reach: 0..0,
            span: None,
            told: Told::Content,
            layout: Learned::Waiting(Learner::default()),
            numbers,
            taken: 0,
            farthest: 0,
            ready: VecDeque::new(),
        }
    }

    /// The layout, once it is known.
    pub(super) fn layout(&self) -> Option<&Arc<Layout>> {
        match &self.layout {
            Learned::Waiting(_) => None,
            Learned::Known(layout) => Some(layout),
        }
    }

    /// The next unit.
    ///
    /// # Errors
    /// [`Error::NothingToPlay`] where that is what the samples show.
    pub(super) fn next(&mut self, window: &mut Window, log: &mut Log) -> Result<Next, Error> {
        loop {
            if let Some(unit) = self.ready.pop_front() {
                return Ok(Next::Unit(unit));
            }
            let placed = match self.pending.take() {
                Some(placed) => placed,
                None => match self.step(window, log) {
                    Step::Sample(placed) => placed,
                    Step::Need(range) => return Ok(Next::Need(range)),
                    Step::End => {
                        self.settle()?;
                        match self.ready.pop_front() {
                            Some(unit) => return Ok(Next::Unit(unit)),
                            None => return Ok(Next::End),
                        }
                    }
                },
            };
            if !self.goes_out(placed.track) {
                continue;
            }
            if !self.can_be_read(&placed) {
                self.on_lost(&placed, log);
                continue;
            }
            match window.take(placed.sample.offset, placed.sample.size as usize) {
                Ok(bytes) => {
                    self.taken = self.taken.saturating_add(bytes.len() as u64);
                    self.farthest = self.farthest.max(placed.sample.end());
                    self.on_sample(&placed, bytes, log)?;
                }
                Err(from) => {
                    self.pending = Some(placed);
                    let end = self.reach_of(&placed);
                    return Ok(Next::Need(from..end));
                }
            }
        }
    }

    /// The source has ended: what is still waited for is lost.
    pub(super) fn finish(&mut self, log: &mut Log) -> Result<(), Error> {
        if let Some(placed) = self.pending.take() {
            self.on_lost(&placed, log);
        }
        match std::mem::replace(&mut self.feed, Feed::Ended) {
            Feed::Tables(plan) => plan.for_each(|placed| self.on_lost(&placed, log)),
            Feed::Fragments(walk) => {
                if walk.is_cut_off(self.size) {
                    log.on_box(walk.at());
                }
                walk.into_samples().for_each(|placed| self.on_lost(&placed, log));
            }
            Feed::Ended => {}
        }
        self.settle()
    }

    fn step(&mut self, window: &mut Window, log: &mut Log) -> Step {
        match &mut self.feed {
            Feed::Tables(plan) => plan.next().map_or(Step::End, Step::Sample),
            Feed::Fragments(walk) => walk.step(&self.movie, window, log),
            Feed::Ended => Step::End,
        }
    }

    fn goes_out(&self, track: usize) -> bool {
        match &self.layout {
            Learned::Waiting(_) => true,
            Learned::Known(_) => self.numbers.get(track).copied().flatten().is_some(),
        }
    }

    /// Whether a sample lies inside the file, and is none too many.
    fn can_be_read(&self, placed: &Placed) -> bool {
        let sample = &placed.sample;
        let source = self.size.unwrap_or(self.farthest).max(limits::HEAD as u64);
        sample.size <= limits::SAMPLE
            && self.size.is_none_or(|size| sample.end() <= size)
            && self.taken <= source.saturating_mul(limits::SAMPLE_REUSE)
    }

    fn on_lost(&self, placed: &Placed, log: &mut Log) {
        if let (Some(track), true) = (self.movie.tracks.get(placed.track), self.goes_out(placed.track)) {
            log.on_sample(placed.sample.offset, track.id);
        }
    }

    /// How far to read on from a sample that has not been pushed.
    fn reach_of(&mut self, placed: &Placed) -> u64 {
        let sample = &placed.sample;
        if self.reach.start > sample.offset || sample.end() > self.reach.end {
            let end = match &self.feed {
                Feed::Tables(plan) => plan.reach(sample, GAP, READ),
                Feed::Fragments(walk) => walk.end().max(sample.end()),
                Feed::Ended => sample.end(),
            };
            self.reach = sample.offset..end;
        }
        self.reach.end
    }

    fn on_sample(&mut self, placed: &Placed, bytes: bytes::Bytes, log: &mut Log) -> Result<(), Error> {
        let Placed { track: number, sample, times, origin } = *placed;
        let Some(track) = self.movie.tracks.get(number) else { return Ok(()) };
        let class = match &self.layout {
            Learned::Known(layout) => layout.rap_class,
            Learned::Waiting(_) => RapClass::RecoveryPoint,
        };
        let content = content(track, &sample, bytes, class);
        if content.as_ref().is_none_or(|content| content.is_damaged) {
            log.on_sample(sample.offset, track.id);
        }
        let Some(content) = content else { return Ok(()) };
        let is_flagged = self.told == Told::Flags && track.codec.is_video();
        let begins =
            is_flagged && sample.is_sync || self.span.is_some_and(|span| span.begins_with(number, times.pts));
        let unit = match content.unit {
            _ if is_flagged && !sample.is_sync => Unit::Picture,
            // The cut begins here because an index says so, or would.
            Unit::Picture | Unit::Gradual if begins && class == RapClass::Idr => Unit::Idr,
            Unit::Picture | Unit::Gradual if begins => Unit::OpenRap,
            unit => unit,
        };
        let unit = AccessUnit {
            stream: 0,
            offset: origin,
            times,
            unit,
            is_damaged: false,
            is_boundary: true,
            data: content.data,
        };
        match &mut self.layout {
            Learned::Known(_) => {
                let stream = self.numbers.get(number).copied().flatten();
                self.ready.extend(stream.map(|stream| AccessUnit { stream, ..unit }));
                Ok(())
            }
            Learned::Waiting(learner) => {
                learner
                    .on_unit(Waiting { track: number, is_sync: sample.is_sync, unit }, sample.size as usize);
                match learner.is_done(&self.movie) {
                    true => self.settle(),
                    false => Ok(()),
                }
            }
        }
    }

    /// Goes on with a learner, unless it has nothing to learn.
    fn learn(&mut self, learner: Learner) -> Result<(), Error> {
        let is_done = learner.is_done(&self.movie);
        self.layout = Learned::Waiting(learner);
        if is_done { self.settle() } else { Ok(()) }
    }

    /// Makes the layout of what has been seen, and lets go what waited for it.
    fn settle(&mut self) -> Result<(), Error> {
        let Learned::Waiting(learner) = &mut self.layout else { return Ok(()) };
        let (layout, chosen) = streams::layout(&self.movie, &learner.seen)?;
        let waiting = std::mem::take(&mut learner.waiting);
        let tracks: Vec<Option<usize>> = chosen.into_iter().map(Some).collect();
        let class = layout.rap_class;
        self.set(Arc::new(layout), &tracks);
        for Waiting { track, is_sync, mut unit } in waiting {
            let Some(stream) = self.numbers.get(track).copied().flatten() else { continue };
            if class == RapClass::Idr && is_sync && unit.unit == Unit::OpenRap {
                unit.unit = Unit::Idr;
            }
            self.ready.push_back(AccessUnit { stream, ..unit });
        }
        Ok(())
    }

    fn set(&mut self, layout: Arc<Layout>, tracks: &[Option<usize>]) {
        self.layout = Learned::Known(layout);
        let stream_of = |track| tracks.iter().position(|&of| of == Some(track));
        self.numbers = (0..self.movie.tracks.len()).map(stream_of).collect();
    }
}

/// Whether the tables tell which samples of the key track are random access points.
pub(super) fn tells_raps(movie: &Movie, key: usize) -> bool {
    movie.tracks.get(key).is_none_or(|track| !track.codec.is_video() || track.tables.knows_sync())
}
