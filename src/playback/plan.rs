//! From a range and the recordings in it to a plan: which cuts of which recordings, in which order. Pure.
//!
//! ```text
//! range                 |start                               end|
//! recordings    [...|...|...|...][..|...|...|...]      [...|...|...|...]
//! plan                  [first..last][first...last]      [first..last]        segments 0, 1, 2, ...
//!               the cut that holds start             gap     the cut that holds end
//! ```

use std::sync::Arc;

use remux::Packaging;
use remux::index::{Cut, FORMAT_VERSION};
use remux::locate::Grid;
use remux::time::{MediaTime, Ticks};

use super::media::Media;
use crate::domain::{
    Carriage, Recording, RecordingKey, RunExtent, TimeRange, WallTime, later, ticks_between,
};

/// What a session plays: a few numbers for each recording, however long it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What was asked for.
    pub range: TimeRange,
    /// How its cuts are numbered.
    pub numbering: Numbering,
    /// What segments are packed into: all of a session into the same.
    pub packaging: Packaging,
    /// What is played, in order. Between two of them is a discontinuity.
    pub stretches: Vec<Stretch>,
    /// From the start of the first cut to the moment that was asked for.
    pub start_offset: Ticks,
    /// What is left out, in words.
    pub left_out: Vec<String>,
    /// Where the range reaches into the present: up to where there was footage when the session was opened.
    pub open_until: Option<WallTime>,
    /// Its last recording is still being written and the range reaches beyond what there is: more cuts will be added.
    pub follows: bool,
}

/// How plans are made.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Target duration of a cut.
    pub target: Ticks,
    /// Every session goes out as fragmented MP4, not only those that play nowhere else.
    pub only_mp4: bool,
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
    /// What its cuts are numbered by where nobody had read the recording: cells of this grid. Where a cell begins is then known
    /// within a GOP only; where the first one begins is part of `span` (`Plan::begin_at`).
    pub grid: Option<Grid>,
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

    /// Its first cell turns out to begin at `start`, from its recording's zero on: players take their clock from there.
    pub(super) fn begin_at(&mut self, start: Ticks) {
        let Some(first) = self.stretches.first_mut() else { return };
        let start = later(first.zero, start);
        if let Ok(span) = TimeRange::new(start, first.span.end()) {
            first.span = span;
            self.start_offset = ticks_between(start, self.range.start()).max(Ticks::ZERO);
        }
    }

    /// Begins one cell earlier.
    pub(super) fn begin_earlier(&mut self) {
        if let Some(first) = self.stretches.first_mut() {
            first.first = first.first.saturating_sub(1);
        }
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

/// Whether the cuts themselves are needed to plan a recording: only where part of it is played, or it grows.
pub fn needs_cuts(recording: &Recording, range: TimeRange) -> bool {
    let wanted = recording.visible.intersection(&range);
    let has_cuts = recording.extent.as_ref().is_some_and(|extent| extent.grid.is_none());
    has_cuts && wanted.is_some_and(|wanted| !holds_all(recording, wanted))
}

fn holds_all(recording: &Recording, wanted: TimeRange) -> bool {
    let is_settled = !recording.key.version.growing;
    is_settled && recording.zero == wanted.start() && recording.visible.end() == wanted.end()
}

/// Whether a session over `range` can follow what is being recorded.
fn follows(range: TimeRange, recordings: &[&Recording]) -> bool {
    let last = recordings.last();
    last.is_some_and(|last| last.key.version.growing && range.end() > last.visible.end())
}

/// Plans `range` over placed recordings, in order. `media` gives the cuts of the recordings that [need
/// them](needs_cuts); recordings that nobody has read are not planned. `None` where nothing is left to play.
pub fn plan(
    range: TimeRange,
    recordings: &[&Recording],
    media: impl Fn(&RecordingKey) -> Option<Arc<Media>>,
    rules: Rules,
) -> Option<Plan> {
    let followed =
        follows(range, recordings).then(|| planned(range, recordings, &media, rules, true)).flatten();
    followed.or_else(|| planned(range, recordings, &media, rules, false))
}

/// Where it `follows`, the last cut of a recording that grows is left to the next look: it may get longer.
fn planned(
    range: TimeRange,
    recordings: &[&Recording],
    media: &impl Fn(&RecordingKey) -> Option<Arc<Media>>,
    rules: Rules,
    follows: bool,
) -> Option<Plan> {
    let mut stretches = Vec::new();
    for recording in recordings {
        let Some(wanted) = recording.visible.intersection(&range) else { continue };
        if let Some(grid) = recording.extent.as_ref().and_then(|extent| extent.grid) {
            stretches.extend(cells(recording, wanted, grid));
        } else if holds_all(recording, wanted) {
            stretches.extend(whole_runs(recording));
        } else if let Some(media) = media(&recording.key) {
            let settled = settled_cuts(recording, &media, follows);
            stretches.extend(parts_of_runs(recording, wanted, &media, settled));
        }
    }
    let (packaging, stretches, left_out) = pack(stretches, rules.only_mp4);
    let start = stretches.first()?.span.start();
    Some(Plan {
        range,
        numbering: Numbering::of(rules.target),
        packaging,
        stretches,
        start_offset: ticks_between(start, range.start()).max(Ticks::ZERO),
        left_out,
        open_until: None,
        follows,
    })
}

fn settled_cuts(recording: &Recording, media: &Media, follows: bool) -> usize {
    let is_open = follows && recording.key.version.growing;
    media.cuts().len().saturating_sub(usize::from(is_open))
}

/// All of a session is packed into the same: into fragmented MP4 where part of it plays in nothing else, or where that is
/// `wanted`. What cannot be is then left out.
fn pack(stretches: Vec<(Carriage, Stretch)>, is_wanted: bool) -> (Packaging, Vec<Stretch>, Vec<String>) {
    let any = |wanted: fn(Carriage) -> bool| stretches.iter().any(|&(carriage, _)| wanted(carriage));
    let is_needed = any(|carriage| carriage == Carriage::Mp4);
    if !(is_needed || is_wanted && any(|carriage| carriage == Carriage::Any)) {
        let stretches = stretches.into_iter().map(|(_, stretch)| stretch).collect();
        return (Packaging::TransportStream, stretches, Vec::new());
    }
    let (lost, kept): (Vec<_>, Vec<_>) =
        stretches.into_iter().partition(|(carriage, _)| *carriage == Carriage::TransportStream);
    let reason = "cannot be packed into fragmented MP4, as the rest of the session is";
    let left_out = lost.iter().map(|(_, stretch)| format!("{}: {reason}", stretch.recording.id)).collect();
    (Packaging::FragmentedMp4, kept.into_iter().map(|(_, stretch)| stretch).collect(), left_out)
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

fn whole_runs(recording: &Recording) -> impl Iterator<Item = (Carriage, Stretch)> + '_ {
    runs(recording).filter_map(|run| {
        let last = run.first + run.extent.cuts.checked_sub(1)?;
        stretch(recording, &run, (run.first, last), (Ticks::ZERO, run.extent.duration))
    })
}

fn parts_of_runs<'a>(
    recording: &'a Recording,
    wanted: TimeRange,
    media: &'a Media,
    settled: usize,
) -> impl Iterator<Item = (Carriage, Stretch)> + 'a {
    runs(recording).filter_map(move |run| {
        let zero = media.layout(run.number)?.zero;
        let (from, to) = (ticks_between(run.zero, wanted.start()), ticks_between(run.zero, wanted.end()));
        let is_wanted = |cut: &Cut| start_of(cut, zero) < to && end_of(cut, zero) > from;
        let cuts = || media.cuts().iter().enumerate().take(settled).filter(|(_, cut)| cut.run == run.number);
        let (first, first_cut) = cuts().find(|(_, cut)| is_wanted(cut))?;
        let (last, last_cut) = cuts().rfind(|(_, cut)| is_wanted(cut))?;
        let numbers = (u32::try_from(first).ok()?, u32::try_from(last).ok()?);
        stretch(recording, &run, numbers, (start_of(first_cut, zero), end_of(last_cut, zero)))
    })
}

/// The cells of a recording that nobody has read, as they are planned.
fn cells(recording: &Recording, wanted: TimeRange, grid: Grid) -> Option<(Carriage, Stretch)> {
    let run = runs(recording).next()?;
    let from = ticks_between(run.zero, wanted.start());
    let to = ticks_between(run.zero, wanted.end());
    let first = grid.cell_at(grid.zero + from);
    let last = grid.cell_at(grid.zero + to - Ticks::new(1)).max(first);
    let end = grid.planned_start(last) - grid.zero + grid.planned_duration(last);
    let (carriage, stretch) =
        stretch(recording, &run, (first, last), (grid.planned_start(first) - grid.zero, end))?;
    Some((carriage, Stretch { grid: Some(grid), ..stretch }))
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
) -> Option<(Carriage, Stretch)> {
    let video = recording.extent.as_ref().and_then(|extent| extent.facts.video.as_ref());
    let stretch = Stretch {
        recording: recording.key.clone(),
        zero: run.zero,
        first,
        last,
        span: TimeRange::new(later(run.zero, from), later(run.zero, to)).ok()?,
        frame_rate: video.and_then(|video| video.frame_rate),
        grid: None,
    };
    Some((run.extent.carriage, stretch))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{TARGET, at, media, range, recording, run};
    use super::*;
    use crate::domain::Extent;

    /// (recording, first cut, last cut) of each stretch.
    fn shape(plan: &Plan) -> Vec<(&str, u32, u32)> {
        plan.stretches
            .iter()
            .map(|stretch| (stretch.recording.id.as_str(), stretch.first, stretch.last))
            .collect()
    }

    fn plan_of(
        range: TimeRange,
        recordings: &[Recording],
        media: Option<Arc<Media>>,
        only_mp4: bool,
    ) -> Option<Plan> {
        let recordings: Vec<&Recording> = recordings.iter().collect();
        plan(range, &recordings, |_| media.clone(), Rules { target: TARGET, only_mp4 })
    }

    /// Two minutes in two recordings that touch, and after a gap of a minute another one; cuts every 6 s.
    fn minutes() -> (Arc<Media>, Vec<Recording>) {
        let media = media(vec![run(126_000, 180_000, 60 * 90_000)]);
        let recordings =
            [("a", 0.0), ("b", 60.0), ("c", 180.0)].map(|(id, zero)| recording(id, &media, zero, zero));
        (media, recordings.into())
    }

    fn planned(start: f64, end: f64) -> Option<Plan> {
        let (media, recordings) = minutes();
        plan_of(range(start, end), &recordings, Some(media), false)
    }

    #[test]
    fn begins_with_the_cut_that_holds_the_start_and_ends_with_the_one_that_holds_the_end() {
        let plan = planned(13.5, 190.0).unwrap();
        assert_eq!(shape(&plan), [("a", 2, 9), ("b", 0, 9), ("c", 0, 1)]);
        assert_eq!(plan.start_offset, Ticks::from_seconds(1.5));
        assert_eq!(plan.stretches[0].span, range(12.0, 60.0));
        assert_eq!(plan.stretches[2].span, range(180.0, 192.0));
        assert_eq!(plan.segments(), 8 + 10 + 2);
    }

    #[test]
    fn a_boundary_belongs_to_what_follows() {
        assert_eq!(shape(&planned(12.0, 18.0).unwrap()), [("a", 2, 2)]);
        assert_eq!(shape(&planned(60.0, 120.0).unwrap()), [("b", 0, 9)]);
        assert_eq!(shape(&planned(59.99, 60.01).unwrap()), [("a", 9, 9), ("b", 0, 0)]);
    }

    #[test]
    fn a_range_that_begins_in_a_gap_begins_with_what_comes_after() {
        let plan = planned(130.0, 185.0).unwrap();
        assert_eq!(shape(&plan), [("c", 0, 0)]);
        assert_eq!(plan.start_offset, Ticks::ZERO);
        assert_eq!(planned(121.0, 179.0), None);
    }

    #[test]
    fn only_recordings_that_are_played_in_part_need_their_cuts() {
        let (media, recordings) = minutes();
        let needed =
            |range| recordings.iter().map(|recording| needs_cuts(recording, range)).collect::<Vec<_>>();
        assert_eq!(needed(range(10.0, 190.0)), [true, false, true]);
        assert_eq!(needed(range(-10.0, 500.0)), [false, false, false]);
        let whole = plan_of(range(-10.0, 500.0), &recordings, None, false).unwrap();
        let cut = plan_of(range(0.0, 240.0), &recordings, Some(media), false).unwrap();
        assert_eq!(whole.stretches, cut.stretches);
    }

    #[test]
    fn of_an_overlap_cuts_that_lie_wholly_in_it_are_skipped() {
        let media = media(vec![run(0, 180_000, 60 * 90_000)]);
        let recordings = [recording("a", &media, 0.0, 0.0), recording("b", &media, 45.0, 60.0)];
        let plan = plan_of(range(0.0, 200.0), &recordings, Some(media), false).unwrap();
        // b's cuts 0 and 1 end at 57 s; 2 begins there, 3 s before a ends.
        assert_eq!(shape(&plan), [("a", 0, 9), ("b", 2, 9)]);
        assert_eq!(plan.stretches[1].span, range(57.0, 105.0));
        assert_eq!(plan.stretches[1].zero, at(45.0));
    }

    #[test]
    fn every_run_is_a_stretch_with_a_zero_of_its_own() {
        let media = media(vec![run(90_000, 180_000, 12 * 90_000), run(9_000_000, 180_000, 18 * 90_000)]);
        let recordings = [recording("a", &media, 0.0, 0.0)];
        let whole = plan_of(range(0.0, 30.0), &recordings, None, false).unwrap();
        assert_eq!(shape(&whole), [("a", 0, 1), ("a", 2, 4)]);
        assert_eq!(whole.stretches[1].zero, at(12.0));
        let part = plan_of(range(7.0, 19.0), &recordings, Some(media), false).unwrap();
        assert_eq!(shape(&part), [("a", 1, 1), ("a", 2, 3)]);
        assert_eq!(part.stretches[1].span, range(12.0, 24.0));
    }

    #[test]
    fn a_session_is_packed_into_one_kind_of_container() {
        use Carriage::{Any, Mp4, TransportStream};
        let (_, recordings) = minutes();
        let packed = |carriages: [Carriage; 3], only_mp4| {
            let recordings = recordings.iter().zip(carriages).map(|(recording, carriage)| {
                let mut extent = Extent::clone(recording.extent.as_ref().unwrap());
                extent.runs[0].carriage = carriage;
                Recording { extent: Some(Arc::new(extent)), ..recording.clone() }
            });
            let recordings: Vec<Recording> = recordings.collect();
            let plan = plan_of(range(-10.0, 500.0), &recordings, None, only_mp4).unwrap();
            let played: String = plan.stretches.iter().map(|stretch| stretch.recording.id.as_str()).collect();
            (plan.packaging == Packaging::FragmentedMp4, played, plan.left_out.len())
        };
        let all = || "abc".to_owned();
        assert_eq!(packed([Any, TransportStream, Any], false), (false, all(), 0));
        assert_eq!(packed([Any, Mp4, Any], false), (true, all(), 0));
        assert_eq!(packed([Any, Any, Any], true), (true, all(), 0));
        assert_eq!(packed([TransportStream, Mp4, Any], false), (true, "bc".to_owned(), 1));
        assert_eq!(packed([TransportStream; 3], true), (false, all(), 0));
    }

    #[test]
    fn of_a_recording_that_grows_the_last_cut_is_left_to_the_next_look() {
        let media = media(vec![run(0, 180_000, 20 * 90_000)]);
        let mut recordings = [recording("a", &media, 0.0, 0.0)];
        recordings[0].key.version.growing = true;
        let planned = |end| plan_of(range(0.0, end), &recordings, Some(Arc::clone(&media)), false).unwrap();
        let (beyond, within) = (planned(60.0), planned(20.0));
        assert!(beyond.follows && !within.follows);
        assert_eq!((shape(&beyond), shape(&within)), (vec![("a", 0, 2)], vec![("a", 0, 3)]));
        assert_eq!(beyond.stretches[0].span, range(0.0, 18.0));
        // Where that leaves nothing it is played as it stands.
        let short = testing_media_of_one_cut();
        let mut one = [recording("b", &short, 0.0, 0.0)];
        one[0].key.version.growing = true;
        let plan = plan_of(range(0.0, 60.0), &one, Some(short), false).unwrap();
        assert_eq!((shape(&plan), plan.follows), (vec![("b", 0, 0)], false));
    }

    fn testing_media_of_one_cut() -> Arc<Media> {
        media(vec![run(0, 180_000, 4 * 90_000)])
    }

    #[test]
    fn segments_are_numbered_through() {
        let plan = planned(13.5, 190.0).unwrap();
        let place = |index| plan.place(index).map(|place| (place.stretch.recording.id.as_str(), place.cut));
        assert_eq!(place(0), Some(("a", 2)));
        assert_eq!(place(7), Some(("a", 9)));
        assert_eq!(place(8), Some(("b", 0)));
        assert_eq!(place(19), Some(("c", 1)));
        assert_eq!(place(20), None);
        assert_eq!(place(u32::MAX), None);
    }
}
