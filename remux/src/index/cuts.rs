//! The numbered cuts of a recording, chosen from its RAPs.

use std::ops::Range;

use super::{Index, Rap, Run};
use crate::time::{MediaTime, Ticks};

/// The cuts of a recording in order: laid end to end they carry every access unit exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutList {
    /// At least one.
    pub cuts: Vec<Cut>,
}

/// One segment to be: `[RAP a, RAP b)` of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Which run of the recording.
    pub run: usize,
    /// PTS of RAP a.
    pub start: MediaTime,
    /// PTS of RAP b; `None` for the last cut of a run that has ended, which takes all that is left.
    pub end: Option<MediaTime>,
    /// PTS of RAP b - PTS of RAP a; of a run's last cut up to the end of its last picture.
    pub duration: Ticks,
    /// Whether it is the first cut of its run, which takes the audio that comes up to 1 s before RAP a as well.
    pub first: bool,
    /// Whether decoding RAP a needs nothing before it.
    pub independent: bool,
    /// The source bytes that hold all of it.
    pub bytes: Range<u64>,
}

/// A piece at a run's end that is shorter than this joins its neighbour: players stall on crumbs.
const SHORTEST_TAIL: Ticks = Ticks::SECOND;

impl Index {
    /// Cuts at the RAPs nearest to the multiples of `target`, so that an error never adds up.
    pub fn cuts(&self, target: Ticks) -> CutList {
        let cuts = self.runs.iter().enumerate().flat_map(|(number, run)| cuts_of_run(number, run, target));
        CutList { cuts: cuts.collect() }
    }
}

fn cuts_of_run(number: usize, run: &Run, target: Ticks) -> impl Iterator<Item = Cut> + '_ {
    let starts = starts(run, target);
    let ends: Vec<Option<&Rap>> = starts.iter().skip(1).copied().map(Some).chain([None]).collect();
    starts.into_iter().zip(ends).enumerate().map(move |(position, (a, b))| Cut {
        run: number,
        start: a.pts,
        end: b.map_or(run.next_rap, |b| Some(b.pts)),
        duration: b.map_or(run.end, |b| b.pts) - a.pts,
        first: position == 0,
        independent: a.independent,
        bytes: a.offset.saturating_sub(u64::from(a.lead))
            ..b.map_or(run.end_offset, |b| b.offset + u64::from(b.trail)),
    })
}

/// The RAPs that begin a cut: for every multiple of `target` the nearest one, the run's end counting as one.
fn starts(run: &Run, target: Ticks) -> Vec<&Rap> {
    let raster = target.get().max(1);
    let since_zero = |time: MediaTime| (time - run.layout.zero).get();
    let mut starts: Vec<&Rap> = Vec::new();
    let mut next_multiple = 0;
    for (position, rap) in run.raps.iter().enumerate() {
        let here = since_zero(rap.pts);
        let following = since_zero(run.raps.get(position + 1).map_or(run.end, |next| next.pts));
        // Up to here no other RAP is nearer than this one.
        let nearest_until = here + (following - here) / 2;
        if starts.is_empty() || nearest_until >= next_multiple {
            starts.push(rap);
            next_multiple = (nearest_until / raster + 1) * raster;
        }
    }
    let tail_is_a_crumb = starts.last().is_some_and(|rap| run.end - rap.pts < SHORTEST_TAIL);
    if starts.len() > 1 && tail_is_a_crumb {
        starts.pop();
    }
    starts
}
