//! From a range and the recordings in it to a plan: which cuts of which recordings, in which order. Pure.
//!
//! ```text
//! range                 |start                               end|
//! recordings    [...|...|...|...][..|...|...|...]      [...|...|...|...]
//! plan                  [first..last][first...last]      [first..last]        segments 0, 1, 2, ...
//!               the cut that holds start             gap     the cut that holds end
//! ```

use std::sync::Arc;

use remux::index::{Cut, FORMAT_VERSION};
use remux::time::{MediaTime, Ticks};

use super::media::Media;
use crate::domain::{Recording, RecordingKey, RunExtent, TimeRange, WallTime, later, ticks_between};

/// What a session plays: a few numbers for each recording, however long it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// How its cuts are numbered.
    pub numbering: Numbering,
    /// What is played, in order. Between two of them is a discontinuity.
    pub stretches: Vec<Stretch>,
    /// From the start of the first cut to the moment that was asked for.
    pub start_offset: Ticks,
    /// What is left out, in words.
    pub left_out: Vec<String>,
    /// Where the range reaches into the present: up to where there was footage when the session was opened.
    pub open_until: Option<WallTime>,
}

/// What the numbers of cuts depend on besides the recording: another numbering means other cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbering {
    /// [`FORMAT_VERSION`] of the index.
    pub format: u16,
    /// The target duration of a cut.
    pub target: Ticks,
}

/// Consecutive cuts of one run of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Which version of which recording.
    pub recording: RecordingKey,
    /// Wall time of the run's zero.
    pub zero: WallTime,
    /// The first cut, by its number in the recording's cut list.
    pub first: u32,
    /// The last cut.
    pub last: u32,
    /// From the start of the first cut to the end of the last.
    pub span: TimeRange,
    /// Pictures per second.
    pub frame_rate: Option<f64>,
}

/// Where a segment comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place<'a> {
    /// The stretch it belongs to.
    pub stretch: &'a Stretch,
    /// Its number in the recording's cut list.
    pub cut: u32,
}

impl Numbering {
    /// The numbering of this engine for cuts of about `target`.
    pub fn of(target: Ticks) -> Self {
        Self { format: FORMAT_VERSION, target }
    }
}

impl Stretch {
    fn segments(&self) -> u32 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

impl Plan {
    /// How many segments it has.
    pub fn segments(&self) -> u32 {
        self.stretches.iter().fold(0, |sum, stretch| sum.saturating_add(stretch.segments()))
    }

    /// Where segment `index` comes from.
    pub fn place(&self, index: u32) -> Option<Place<'_>> {
        let mut rest = index;
        for stretch in &self.stretches {
            match rest.checked_sub(stretch.segments()) {
                Some(beyond) => rest = beyond,
                None => return Some(Place { stretch, cut: stretch.first + rest }),
            }
        }
        None
    }
}

/// Whether the cuts themselves are needed to plan a recording: only where part of it is played.
pub fn needs_cuts(recording: &Recording, range: TimeRange) -> bool {
    let wanted = recording.visible.intersection(&range);
    recording.extent.is_some() && wanted.is_some_and(|wanted| !holds_all(recording, wanted))
}

fn holds_all(recording: &Recording, wanted: TimeRange) -> bool {
    recording.zero == wanted.start() && recording.visible.end() == wanted.end()
}

/// Plans `range` over placed recordings, in order. `media` gives the cuts of the recordings that [need
/// them](needs_cuts); recordings that nobody has read are not planned. `None` where nothing is left to play.
pub fn plan<'a>(
    range: TimeRange,
    recordings: impl IntoIterator<Item = &'a Recording>,
    media: impl Fn(&RecordingKey) -> Option<Arc<Media>>,
    target: Ticks,
) -> Option<Plan> {
    let mut stretches = Vec::new();
    for recording in recordings {
        let Some(wanted) = recording.visible.intersection(&range) else { continue };
        if holds_all(recording, wanted) {
            stretches.extend(whole_runs(recording));
        } else if let Some(media) = media(&recording.key) {
            stretches.extend(parts_of_runs(recording, wanted, &media));
        }
    }
    let start = stretches.first()?.span.start();
    Some(Plan {
        numbering: Numbering::of(target),
        stretches,
        start_offset: ticks_between(start, range.start()).max(Ticks::ZERO),
        left_out: Vec::new(),
        open_until: None,
    })
}

/// A run of a recording on the wall clock.
struct PlacedRun {
    number: usize,
    zero: WallTime,
    extent: RunExtent,
    /// Number of its first cut in the recording's cut list.
    first: u32,
}

fn runs(recording: &Recording) -> impl Iterator<Item = PlacedRun> + '_ {
    let extents = recording.extent.iter().flat_map(|extent| &extent.runs);
    extents.enumerate().scan((Ticks::ZERO, 0), |(before, first), (number, &extent)| {
        let run = PlacedRun { number, zero: later(recording.zero, *before), extent, first: *first };
        *before += extent.duration;
        *first += extent.cuts;
        Some(run)
    })
}

fn whole_runs(recording: &Recording) -> impl Iterator<Item = Stretch> + '_ {
    runs(recording).filter_map(|run| {
        let last = run.first + run.extent.cuts.checked_sub(1)?;
        stretch(recording, &run, (run.first, last), (Ticks::ZERO, run.extent.duration))
    })
}

fn parts_of_runs<'a>(
    recording: &'a Recording,
    wanted: TimeRange,
    media: &'a Media,
) -> impl Iterator<Item = Stretch> + 'a {
    runs(recording).filter_map(move |run| {
        let zero = media.layout(run.number)?.zero;
        let (from, to) = (ticks_between(run.zero, wanted.start()), ticks_between(run.zero, wanted.end()));
        let is_wanted = |cut: &Cut| start_of(cut, zero) < to && end_of(cut, zero) > from;
        let cuts = || media.cuts().iter().enumerate().filter(|(_, cut)| cut.run == run.number);
        let (first, first_cut) = cuts().find(|(_, cut)| is_wanted(cut))?;
        let (last, last_cut) = cuts().filter(|(_, cut)| is_wanted(cut)).last()?;
        let numbers = (u32::try_from(first).ok()?, u32::try_from(last).ok()?);
        stretch(recording, &run, numbers, (start_of(first_cut, zero), end_of(last_cut, zero)))
    })
}

fn start_of(cut: &Cut, zero: MediaTime) -> Ticks {
    cut.start - zero
}

fn end_of(cut: &Cut, zero: MediaTime) -> Ticks {
    cut.start - zero + cut.duration
}

fn stretch(
    recording: &Recording,
    run: &PlacedRun,
    (first, last): (u32, u32),
    (from, to): (Ticks, Ticks),
) -> Option<Stretch> {
    let video = recording.extent.as_ref().and_then(|extent| extent.facts.video.as_ref());
    Some(Stretch {
        recording: recording.key.clone(),
        zero: run.zero,
        first,
        last,
        span: TimeRange::new(later(run.zero, from), later(run.zero, to)).ok()?,
        frame_rate: video.and_then(|video| video.frame_rate),
    })
}
