//! Random access points and how far other streams reach across them, from samples as they come. What the numbers mean
//! stands at [`Rap`].

use std::collections::VecDeque;

use super::movie::Movie;
use super::plan::Placed;
use crate::cut::EARLY;
use crate::es::Unit;
use crate::index::{Index, Rap, Run};
use crate::layout::{Layout, RapClass};
use crate::limits;
use crate::report::Report;
use crate::time::{MediaTime, Ticks};

/// Collects what an index is made of.
#[derive(Debug, Clone)]
pub(super) struct Collector {
    /// Number of the key track in the movie.
    pub(super) key: usize,
    is_video: bool,
    /// By number of the track; of tracks that do not go out, and of the key track, there is nothing.
    others: Vec<Option<Other>>,
    raps: Vec<Found>,
    last_pts: Option<MediaTime>,
    last_dts: Option<MediaTime>,
    /// Where the sample of the key track before ends, and the box that lists it.
    last_key: Option<(u64, u64)>,
    pictures: u64,
    report: Report,
}

#[derive(Debug, Clone, Default)]
struct Other {
    recent: VecDeque<Extent>,
    reached: Option<MediaTime>,
}

/// Where a sample lies in the source.
#[derive(Debug, Clone, Copy)]
struct Extent {
    start: u64,
    end: u64,
    pts: MediaTime,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    rap: Rap,
    /// Whether it is an IDR, or the file says that it is as good as one.
    is_vouched_for: bool,
}

/// Where every sample is a RAP, so many are remembered.
const SOUND_RAP_INTERVAL: Ticks = Ticks::from_millis(500);

impl Collector {
    /// Collects with `key` as the key track.
    pub(super) fn new(movie: &Movie, key: usize) -> Self {
        let others = movie
            .tracks
            .iter()
            .enumerate()
            .map(|(number, track)| (number != key && !track.codec.is_video()).then(Other::default));
        Self {
            key,
            is_video: movie.tracks.get(key).is_some_and(|track| track.codec.is_video()),
            others: others.collect(),
            raps: Vec::new(),
            last_pts: None,
            last_dts: None,
            last_key: None,
            pictures: 0,
            report: Report::default(),
        }
    }

    /// A sample, and what decoding can do with it.
    pub(super) fn on_sample(&mut self, placed: &Placed, unit: Unit) {
        if placed.track == self.key {
            self.on_key(placed, unit);
        } else {
            self.on_other(placed);
        }
    }

    fn on_key(&mut self, placed: &Placed, unit: Unit) {
        let (times, end) = (placed.times, placed.sample.end());
        if (unit.is_random_access() || unit == Unit::Opaque) && self.is_wanted_rap(placed) {
            self.on_rap(placed, unit);
        } else if self.raps.is_empty() {
            self.report.before_first_rap += u64::from(self.is_video);
            return;
        }
        if let Some(Found { rap, .. }) = self.raps.last_mut() {
            rap.independent &= times.pts >= rap.pts;
        }
        self.pictures += 1;
        self.last_pts = self.last_pts.max(Some(times.pts));
        self.last_dts = Some(times.dts);
        self.last_key = Some((placed.origin, end));
    }

    fn is_wanted_rap(&mut self, placed: &Placed) -> bool {
        let Some(Found { rap: last, .. }) = self.raps.last() else { return true };
        let interval = if self.is_video { Ticks::new(1) } else { SOUND_RAP_INTERVAL };
        let is_wanted = placed.times.pts - last.pts >= interval && placed.origin >= last.offset;
        if is_wanted && self.raps.len() == limits::RAPS {
            self.report.overflowed += 1;
            return false;
        }
        is_wanted
    }

    fn on_rap(&mut self, placed: &Placed, unit: Unit) {
        let (pts, offset) = (placed.times.pts, placed.origin);
        let reach = if self.raps.is_empty() { EARLY } else { Ticks::ZERO };
        let recent = || self.others.iter().flatten().flat_map(|other| &other.recent);
        if self.raps.is_empty() {
            self.report.early += recent().filter(|sample| sample.pts < pts - EARLY).count() as u64;
        }
        let starts = recent().filter(|sample| sample.pts >= pts - reach);
        let lead = starts.map(|sample| offset.saturating_sub(sample.start));
        let lead = lead.filter(|&lead| lead <= limits::FRAGMENT_REACH).max().unwrap_or(0);
        let ends = recent().filter(|sample| sample.pts < pts);
        let ends = ends.filter(|sample| is_near(offset, sample.start, sample.end));
        let trail = ends.map(|sample| sample.end.saturating_sub(offset)).max().unwrap_or(0);
        // Pictures of the box that lists this one too, before it.
        let before = self.last_key.filter(|&(origin, _)| origin == offset).map_or(0, |(_, end)| end - offset);
        let rap = Rap {
            offset,
            pts,
            dts: placed.times.dts,
            size: saturated(placed.sample.end().saturating_sub(offset)),
            lead: saturated(lead),
            trail: saturated(trail.max(before)),
            independent: true,
        };
        self.raps.push(Found { rap, is_vouched_for: unit != Unit::OpenRap || placed.sample.is_sync });
    }

    fn on_other(&mut self, placed: &Placed) {
        let (start, end, pts) = (placed.origin, placed.sample.end(), placed.times.pts);
        let Some(Some(other)) = self.others.get_mut(placed.track) else { return };
        other.recent.push_back(Extent { start, end, pts });
        if other.recent.len() > limits::RECENT_PES {
            other.recent.pop_front();
        }
        other.reached = other.reached.max(Some(pts));
        self.report.other_pes += 1;
        if self.raps.first().is_some_and(|first| pts < first.rap.pts - EARLY) {
            self.report.early += 1;
        }
        let after = self.raps.iter_mut().rev().map(|found| &mut found.rap);
        for rap in after.take_while(|rap| rap.pts > pts) {
            if !is_near(rap.offset, start, end) {
                self.report.overflowed += 1;
                break;
            }
            rap.trail = rap.trail.max(saturated(end.saturating_sub(rap.offset)));
        }
    }

    /// Up to which time every stream has come, silence of more than [`EARLY`] counted as having come.
    fn settled(&self, zero: MediaTime) -> MediaTime {
        let last_dts = self.last_dts.unwrap_or(zero);
        let others = self.others.iter().flatten().filter_map(|other| other.reached);
        let reached = others.map(|pts| pts.max(last_dts - EARLY)).min();
        reached.or(self.last_pts).unwrap_or(zero)
    }

    /// The index of a file of `size` bytes; `None` where there is no random access point.
    pub(super) fn finish(mut self, layout: Layout, size: u64, mut report: Report) -> Option<Index> {
        if layout.rap_class == RapClass::Idr {
            self.raps.retain(|found| found.is_vouched_for);
        }
        let raps: Vec<Rap> = self.raps.iter().map(|found| found.rap).collect();
        let zero = raps.first()?.pts;
        report.before_first_rap = self.report.before_first_rap;
        report.early = self.report.early;
        report.overflowed = self.report.overflowed;
        report.other_pes = self.report.other_pes.saturating_sub(self.report.early);
        match self.is_video {
            true => report.video_pes = self.pictures,
            false => report.other_pes += self.pictures,
        }
        let run = Run {
            end: self.last_pts.unwrap_or(zero) + layout.frame_duration,
            settled: self.settled(zero),
            raps,
            next_rap: None,
            end_offset: size,
            pictures: self.pictures,
            layout: Layout { zero, ..layout },
        };
        Some(Index { size, runs: vec![run], report })
    }
}

/// Whether a sample that ends at `end` is read by a segment that ends at `rap`; always where the same box lists both.
fn is_near(rap: u64, origin: u64, end: u64) -> bool {
    origin == rap || end.saturating_sub(rap) <= limits::FRAGMENT_REACH
}

fn saturated(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
