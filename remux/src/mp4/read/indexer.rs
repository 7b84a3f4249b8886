//! An index without reading the media: from sample tables, or by passing from one `moof` box to the next.
//!
//! Only where the file does not tell random access points from other pictures, all pictures are read and looked into.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::collect::Collector;
use super::log::Log;
use super::movie::Movie;
use super::plan::{Placed, Plan};
use super::playing::tells_raps;
use super::streams::{self, FRAME_HEADER, Seen, needs_header, unit_of_flag};
use super::unit::content;
use super::walk::{Finder, Step, Walk};
use super::window::{GAP, Window};
use crate::error::Error;
use crate::es::Unit;
use crate::index::Index;
use crate::layout::RapClass;
use crate::limits;

/// Learns an MP4 file: push what it wants, until it wants nothing more, then finish.
#[derive(Debug, Clone)]
pub(crate) struct Mp4Indexer {
    size: u64,
    /// More is still being written.
    is_growing: bool,
    window: Window,
    log: Log,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Finding(Finder),
    Passing(Box<Pass>),
    /// All samples are known; what is missing are headers of frames.
    Heading(Box<Pass>),
    Failed(Error),
}

/// One pass over the samples of a movie.
#[derive(Debug, Clone)]
struct Pass {
    movie: Movie,
    feed: Feed,
    /// Whether pictures are looked into.
    looks: bool,
    /// Passes with other choices that have been made before.
    passes: usize,
    seen: Vec<Seen>,
    collector: Collector,
    pending: Option<Placed>,
    /// Bytes of samples that have been listed.
    taken: u64,
    /// Headers of frames that the layout needs: track, place and size.
    headers: VecDeque<(usize, u64, usize)>,
}

#[derive(Debug, Clone)]
enum Feed {
    Tables(Box<Plan>),
    Fragments(Walk),
}

/// Passes after which what has been found is what counts.
const MOST_PASSES: usize = 2;
/// How much is asked for at once where all pictures are read.
const READ: u64 = 8 << 20;

impl Mp4Indexer {
    /// Passes over a file of `size` bytes.
    pub(crate) fn new(size: u64) -> Self {
        let state = State::Finding(Finder::new(Some(size)));
        Self { size, is_growing: false, window: Window::default(), log: Log::default(), state }
    }

    /// The same over a file that is still being written: a fragment that has not been written to its end is not seen, and
    /// no damage.
    pub(crate) fn of_growing(size: u64) -> Self {
        Self { is_growing: true, ..Self::new(size) }
    }

    /// Bytes of the file from the start of what it [wants](Self::wants) on, or from before it. What is wrong with them is
    /// told by [`finish`](Self::finish).
    pub(crate) fn push(&mut self, offset: u64, bytes: Bytes) {
        if let Err(error) = self.window.push(offset, bytes) {
            self.state = State::Failed(error);
        }
    }

    /// What it needs next; `None` once all is known.
    pub(crate) fn wants(&mut self) -> Option<Range<u64>> {
        let wanted = self.advance()?;
        let wanted = wanted.start..wanted.end.min(self.size);
        (wanted.start < wanted.end).then_some(wanted)
    }

    /// Whether it looks into pictures, because the file does not tell which are random access points.
    pub(crate) fn looks(&self) -> bool {
        match &self.state {
            State::Passing(pass) | State::Heading(pass) => pass.looks,
            State::Finding(_) | State::Failed(_) => false,
        }
    }

    /// The end of the file, or of what can be had of it.
    ///
    /// # Errors
    /// Where there is nothing to play; see [`Error`].
    pub(crate) fn finish(mut self) -> Result<Index, Error> {
        let is_cut_off = self.advance().is_some();
        let pass = match self.state {
            State::Failed(error) => return Err(error),
            State::Finding(finder) => return Err(finder.not_found()),
            State::Passing(pass) | State::Heading(pass) => pass,
        };
        if let (true, false, Feed::Fragments(walk)) = (is_cut_off, self.is_growing, &pass.feed)
            && walk.is_cut_off(Some(self.size))
        {
            self.log.on_box(walk.at());
        }
        let (layout, _) = streams::layout(&pass.movie, &pass.seen)?;
        let reason = "no random access point with a time of its own".to_owned();
        let index = pass.collector.finish(layout, self.size, self.log.report);
        index.ok_or(Error::NothingToPlay { reason })
    }

    /// Goes on as far as bytes are there; says which are wanted.
    fn advance(&mut self) -> Option<Range<u64>> {
        loop {
            match &mut self.state {
                State::Failed(_) => return None,
                State::Finding(finder) => match finder.step(&mut self.window) {
                    Ok(Err(wanted)) => return Some(wanted),
                    Ok(Ok(movie)) => {
                        self.state = match Pass::first(movie, self.size, self.is_growing) {
                            Ok(pass) => State::Passing(Box::new(pass)),
                            Err(error) => State::Failed(error),
                        }
                    }
                    Err(error) => self.state = State::Failed(error),
                },
                State::Passing(pass) => {
                    if let Some(wanted) = pass.advance(self.size, &mut self.window, &mut self.log) {
                        return Some(wanted);
                    }
                    match pass.again(self.size, self.is_growing) {
                        Some(again) => {
                            self.log = Log::default();
                            **pass = again;
                        }
                        None => self.state = State::Heading(pass.clone()),
                    }
                }
                State::Heading(pass) => return pass.read_headers(&mut self.window),
            }
        }
    }
}

impl Pass {
    fn first(movie: Movie, size: u64, is_growing: bool) -> Result<Self, Error> {
        let first_video = streams::key(&movie, |track| {
            movie.is_fragmented || movie.tracks.get(track).is_some_and(|track| !track.tables.is_empty())
        });
        let key = first_video.ok_or_else(|| streams::nothing_to_play(&movie))?;
        let looks = !movie.is_fragmented && !tells_raps(&movie, key);
        Ok(Self::new(movie, size, key, looks, is_growing))
    }

    fn new(movie: Movie, size: u64, key: usize, looks: bool, is_growing: bool) -> Self {
        let walk = || Walk::new(&movie, movie.range.end..size, None, looks);
        let feed = match movie.is_fragmented {
            true if is_growing => Feed::Fragments(walk().of_growing(size)),
            true => Feed::Fragments(walk()),
            false => Feed::Tables(Box::new(Plan::new(&movie, None, true))),
        };
        Self {
            feed,
            looks,
            passes: 0,
            seen: vec![Seen::default(); movie.tracks.len()],
            collector: Collector::new(&movie, key),
            pending: None,
            taken: 0,
            headers: VecDeque::new(),
            movie,
        }
    }

    /// The pass that has to be made after this one, which has shown that it went wrong: the key track has no samples, or
    /// its fragments call all samples sync samples, or none.
    fn again(&self, size: u64, is_growing: bool) -> Option<Self> {
        let has_samples = |track: usize| self.seen.get(track).is_some_and(|seen| seen.samples > 0);
        let key = streams::key(&self.movie, has_samples)?;
        let is_video = self.movie.tracks.get(key).is_some_and(|track| track.codec.is_video());
        let tells_sync = self.seen.get(key).is_some_and(Seen::tells_sync);
        let has_to_look = self.movie.is_fragmented && is_video && !tells_sync;
        let went_wrong = key != self.collector.key || has_to_look && !self.looks;
        (went_wrong && self.passes < MOST_PASSES).then(|| Self {
            passes: self.passes + 1,
            ..Self::new(self.movie.clone(), size, key, self.looks || has_to_look, is_growing)
        })
    }

    fn advance(&mut self, size: u64, window: &mut Window, log: &mut Log) -> Option<Range<u64>> {
        loop {
            let placed = match self.pending.take() {
                Some(placed) => placed,
                None => match self.step(window, log) {
                    Step::Sample(placed) => placed,
                    Step::Need(range) => return (range.start < size).then_some(range),
                    Step::End => return None,
                },
            };
            let Some(track) = self.movie.tracks.get(placed.track) else { continue };
            let most = size.max(limits::HEAD as u64).saturating_mul(limits::SAMPLE_REUSE);
            let is_too_much = placed.sample.size > limits::SAMPLE || self.taken > most;
            if is_too_much || placed.sample.end() > size {
                log.on_sample(placed.sample.offset, track.id);
                continue;
            }
            let unit = match self.looks && track.codec.is_video() {
                false => unit_of_flag(track, placed.sample.is_sync),
                true => match window.take(placed.sample.offset, placed.sample.size as usize) {
                    Ok(bytes) => match content(track, &placed.sample, bytes, RapClass::RecoveryPoint) {
                        Some(content) => content.unit,
                        None => {
                            log.on_sample(placed.sample.offset, track.id);
                            continue;
                        }
                    },
                    Err(from) => {
                        self.pending = Some(placed);
                        return Some(from..self.reach(&placed));
                    }
                },
            };
            self.on_sample(&placed, unit);
        }
    }

    fn step(&mut self, window: &mut Window, log: &mut Log) -> Step {
        match &mut self.feed {
            Feed::Tables(plan) => plan.next().map_or(Step::End, Step::Sample),
            Feed::Fragments(walk) => walk.step(&self.movie, window, log),
        }
    }

    fn reach(&self, placed: &Placed) -> u64 {
        match &self.feed {
            Feed::Tables(plan) => plan.reach(&placed.sample, GAP, READ),
            Feed::Fragments(_) => placed.sample.end().saturating_add(READ),
        }
    }

    fn on_sample(&mut self, placed: &Placed, unit: Unit) {
        self.collector.on_sample(placed, unit);
        self.taken = self.taken.saturating_add(u64::from(placed.sample.size));
        let (Some(seen), Some(track)) =
            (self.seen.get_mut(placed.track), self.movie.tracks.get(placed.track))
        else {
            return;
        };
        if seen.samples == 0 && needs_header(track.codec) {
            let length = (placed.sample.size as usize).min(FRAME_HEADER);
            self.headers.push_back((placed.track, placed.sample.offset, length));
        }
        seen.on_sample(unit, placed.sample.is_sync, placed.times);
    }

    fn read_headers(&mut self, window: &mut Window) -> Option<Range<u64>> {
        while let Some(&(track, offset, length)) = self.headers.front() {
            match window.take(offset, length) {
                Ok(bytes) => {
                    if let Some(seen) = self.seen.get_mut(track) {
                        seen.header = Some(Bytes::copy_from_slice(&bytes));
                    }
                }
                Err(from) => return Some(from..offset.saturating_add(length as u64)),
            }
            self.headers.pop_front();
        }
        None
    }
}
