//! From box to box along the top level of a file (ISO/IEC 14496-12 §4.2, §8.8): to the `moov` box, then from one `moof`
//! box to the next.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

use super::clock::TrackClock;
use super::fragment::Fragment;
use super::log::Log;
use super::movie::Movie;
use super::plan::{Placed, Span};
use super::scan::Scan;
use super::window::Window;
use crate::error::Error;
use crate::limits;
use crate::mp4::boxes::{BoxHeader, FourCc, LARGE_HEADER, Node, Parsed};

/// How much is asked for where a box header is expected: as much as costs the same.
const LOOK: u64 = 16 << 10;

/// What is found at a place of the top level.
enum Found {
    /// A box, up to `end`, which is `None` where it goes on to the end of the file.
    Box { kind: FourCc, end: Option<u64> },
    /// Not enough has been pushed to tell.
    More,
    /// No box.
    Bad,
}

fn look(at: u64, window: &mut Window) -> Found {
    let bytes = window.look(at, LARGE_HEADER as usize);
    match BoxHeader::parse(&bytes) {
        Parsed::Header(BoxHeader { kind, size, .. }) => match size.map(|size| at.checked_add(size)) {
            Some(None) => Found::Bad,
            end => Found::Box { kind, end: end.flatten() },
        },
        Parsed::More => Found::More,
        Parsed::Bad => Found::Bad,
    }
}

/// Looks for the `moov` box.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    at: u64,
    size: Option<u64>,
    /// Where the box is, once it is known.
    moov: Option<Range<u64>>,
}

impl Finder {
    /// Looks for it from the first byte on of a file of this size, where that is known.
    pub(super) fn new(size: Option<u64>) -> Self {
        Self { at: 0, size, moov: None }
    }

    /// Takes it from where it is known to be.
    pub(super) fn known(moov: Range<u64>, size: Option<u64>) -> Self {
        Self { at: moov.start, size, moov: Some(moov) }
    }

    /// The movie; or the range that has to be pushed to get further.
    pub(super) fn step(&mut self, window: &mut Window) -> Result<Result<Movie, Range<u64>>, Error> {
        loop {
            if let Some(moov) = self.moov.clone() {
                return load(moov, window);
            }
            if self.size.is_some_and(|size| self.at >= size) {
                return Err(self.not_found());
            }
            match look(self.at, window) {
                Found::More => {
                    return Ok(Err(want(self.at, window, LARGE_HEADER, self.at.saturating_add(LOOK))));
                }
                Found::Box { kind, end } if kind == *b"moov" => {
                    let end = end.or(self.size).ok_or(self.not_found())?;
                    self.check(end)?;
                    self.moov = Some(self.at..end);
                }
                Found::Box { kind, end: Some(end) } if is_plausible(kind) => self.at = end,
                Found::Box { .. } | Found::Bad => return Err(self.not_found()),
            }
        }
    }

    fn check(&self, end: u64) -> Result<(), Error> {
        let offset = self.at;
        if end.saturating_sub(offset) > limits::MOVIE {
            return Err(Error::LimitExceeded { offset, what: "moov box", limit: limits::MOVIE });
        }
        if self.size.is_some_and(|size| end > size) {
            return Err(Error::Damaged { offset, what: "moov box: cut off" });
        }
        Ok(())
    }

    /// That there is no movie as far as the file has been passed over.
    pub(super) fn not_found(&self) -> Error {
        Error::NoMovie { examined: self.at }
    }
}

/// The range to push so that `size` bytes at `at` can be read, which have not been pushed yet; up to `end` at best.
fn want(at: u64, window: &mut Window, size: u64, end: u64) -> Range<u64> {
    let from = window.take(at, size as usize).err().unwrap_or(at);
    from..end.max(at.saturating_add(size))
}

fn load(moov: Range<u64>, window: &mut Window) -> Result<Result<Movie, Range<u64>>, Error> {
    let size = moov.end.saturating_sub(moov.start).min(limits::MOVIE);
    match window.take(moov.start, size as usize) {
        Ok(bytes) => Movie::parse(moov.start, &bytes).map(Ok),
        Err(from) => Ok(Err(from..moov.end)),
    }
}

/// Whether a box of this type could be one: types are printable.
fn is_plausible(kind: FourCc) -> bool {
    kind.iter().all(|&byte| byte == 0xa9 || byte == b' ' || byte.is_ascii_graphic())
}

/// What comes next on a walk.
pub(super) enum Step {
    /// A sample.
    Sample(Placed),
    /// This range has to be pushed.
    Need(Range<u64>),
    /// Nothing.
    End,
}

/// Walks from `moof` box to `moof` box.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// Where the next box starts.
    at: u64,
    /// No box that starts here or later is looked at.
    end: u64,
    /// Whether more than box headers and `moof` boxes is read anyway.
    reads_on: bool,
    span: Option<Span>,
    clocks: Vec<TrackClock>,
    /// Decoding times that a fragment without `tfdt` goes on from.
    decoded: Vec<i64>,
    samples: VecDeque<Placed>,
    /// Whether the next box is known to be a `moof` box, which is read once there are no samples left.
    is_at_moof: bool,
    /// Bytes there are of a file that is still being written: a fragment that goes beyond them ends the walk.
    written: Option<u64>,
    footing: Footing,
}

/// How a walk knows where boxes start.
///
/// ```text
/// Lost ──a fragment──▶ Found ──no box──▶ Lost
/// ```
#[derive(Debug, Clone)]
enum Footing {
    /// It began at a box.
    Sure,
    /// It began anywhere, and has not met a fragment yet.
    Lost(Scan),
    /// It began anywhere and has met one.
    Found,
}

impl Walk {
    /// The fragments of a movie whose `moof` boxes start within `range`.
    pub(super) fn new(movie: &Movie, range: Range<u64>, span: Option<Span>, reads_on: bool) -> Self {
        Self {
            at: range.start,
            end: range.end,
            reads_on,
            span,
            clocks: movie.tracks.iter().map(|track| track.clock).collect(),
            decoded: vec![0; movie.tracks.len()],
            samples: VecDeque::new(),
            is_at_moof: false,
            written: None,
            footing: Footing::Sure,
        }
    }

    /// Through all that follows `start`, which lies anywhere.
    pub(super) fn from_anywhere(movie: &Movie, start: u64) -> Self {
        Self { footing: Footing::Lost(Scan::new(start)), ..Self::new(movie, start..u64::MAX, None, true) }
    }

    /// The same through a file that is still being written, of which there are so many bytes: only whole fragments count.
    pub(super) fn of_growing(self, written: u64) -> Self {
        Self { written: Some(written), ..self }
    }

    /// The samples that are left of the fragment that was read last.
    pub(super) fn into_samples(self) -> impl Iterator<Item = Placed> {
        self.samples.into_iter()
    }

    /// Where the next box starts.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Whether the file, which has ended, does so within a box.
    pub(super) fn is_cut_off(&self, size: Option<u64>) -> bool {
        size.is_some_and(|size| self.at != size && self.at < self.end)
    }

    /// How far the source is worth reading.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The next sample.
    pub(super) fn step(&mut self, movie: &Movie, window: &mut Window, log: &mut Log) -> Step {
        loop {
            if let Some(placed) = self.next_sample() {
                return Step::Sample(placed);
            }
            if self.at >= self.end {
                return Step::End;
            }
            if let Footing::Lost(scan) = &mut self.footing {
                match scan.step(movie, window) {
                    Ok(at) => (self.at, self.footing) = (at, Footing::Found),
                    Err(wanted) => return Step::Need(wanted),
                }
            }
            match look(self.at, window) {
                Found::More => return Step::Need(self.want(window, LARGE_HEADER)),
                Found::Box { kind, end: Some(end) } if kind == *b"moof" => {
                    if !self.samples.is_empty() {
                        self.is_at_moof = true;
                        continue;
                    }
                    if let Some(wanted) = self.read_moof(end, movie, window, log) {
                        return Step::Need(wanted);
                    }
                    (self.at, self.is_at_moof) = (end, false);
                }
                Found::Box { kind, end: Some(end) } if is_plausible(kind) => self.at = end,
                // Media data that goes on to the end of the file, which no fragment can follow.
                Found::Box { end: None, .. } => self.at = self.end,
                Found::Box { .. } | Found::Bad => {
                    log.on_box(self.at);
                    self.at = self.end;
                }
            }
        }
    }

    /// A sample of the fragment that has been read, unless the next box starts before it: the header of its `mdat` box is
    /// passed over first, so that nothing jumps back.
    fn next_sample(&mut self) -> Option<Placed> {
        let next = self.samples.front()?;
        let is_ahead = self.at <= next.sample.offset && self.at < self.end && !self.is_at_moof;
        if is_ahead { None } else { self.samples.pop_front() }
    }

    /// Reads the `moof` box that starts here and goes up to `end`; says what it wants where that has not been pushed.
    fn read_moof(
        &mut self,
        end: u64,
        movie: &Movie,
        window: &mut Window,
        log: &mut Log,
    ) -> Option<Range<u64>> {
        let size = end.saturating_sub(self.at);
        let is_sound = size <= limits::MOVIE_FRAGMENT
            && match window.take(self.at, size as usize) {
                Ok(bytes) => self.on_moof(movie, &bytes, log),
                Err(_) => return Some(self.want(window, size)),
            };
        if !is_sound {
            log.on_box(self.at);
        }
        None
    }

    fn want(&self, window: &mut Window, size: u64) -> Range<u64> {
        let best = if self.reads_on { self.end } else { self.at.saturating_add(LOOK).min(self.end) };
        want(self.at, window, size, best)
    }

    fn on_moof(&mut self, movie: &Movie, bytes: &Bytes, log: &mut Log) -> bool {
        let Some(moof) = Node::new(self.at, bytes) else { return false };
        let fragment = Fragment::parse(&moof, &movie.tracks, &mut self.decoded);
        let ends = || fragment.samples.iter().map(|(_, sample)| sample.end());
        if self.written.is_some_and(|written| ends().any(|end| end > written)) {
            self.end = self.at;
            return true;
        }
        log.report.damaged_samples = log.report.damaged_samples.saturating_add(fragment.lost);
        for (track, sample) in fragment.samples {
            let (Some(clock), Some(&overtaking)) = (self.clocks.get(track), fragment.overtaking.get(track))
            else {
                continue;
            };
            let clock = TrackClock { overtaking: clock.overtaking.max(overtaking), ..*clock };
            let times = clock.times(sample.dts, sample.pts);
            let is_wanted = self.span.as_mut().is_none_or(|span| span.admits(track, times.pts));
            if is_wanted && sample.size > 0 {
                self.samples.push_back(Placed { track, sample, times, origin: moof.offset });
            }
        }
        !fragment.is_damaged
    }
}
