//! The pass over a stretch of a recording with one layout: RAPs, and where the clock is set anew, runs.

use super::extents::Extents;
use super::reader::{Learned, Reader};
use super::{Rap, Run};
use crate::cut::EARLY;
use crate::error::Error;
use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data, Nals};
use crate::es::parameter_sets::ParameterSets;
use crate::layout::{Codec, Layout, RapClass, Repair};
use crate::limits;
use crate::psi::watch::PsiWatch;
use crate::report::{Event, Report};
use crate::rewriter::Successor;
use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;

/// Learns the runs of one layout.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    reader: Reader,
    facts: Facts,
}

/// What has been learned.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Of the run that is being read.
    layout: Layout,
    /// How far before the first RAP of a run other streams may begin.
    early: Ticks,
    /// The runs that have ended.
    runs: Vec<Run>,
    raps: Vec<Rap>,
    /// Where the last PES of each stream lie; of the key stream nobody needs to know.
    others: Extents,
    /// What the last RAP waits for.
    last_rap: Option<OpenGop>,
    /// The largest PTS of the key stream.
    last_pts: MediaTime,
    /// The last DTS of the key stream.
    last_dts: MediaTime,
    pictures: u64,
    /// Subtracted from times: what the clocks have been shifted by when the run began.
    shift: Ticks,
    /// The clock was set anew here: the run ends before the next RAP.
    jump: Option<Jump>,
    /// What decoding needs to be told, as of the last access unit.
    sets: ParameterSets,
    /// Some of it the last RAP lacks, and the run does not say it.
    lacks_others: bool,
    report: Report,
}

#[derive(Debug, Clone, Copy)]
struct Jump {
    /// DTS of the first picture behind it.
    dts: MediaTime,
    /// What times are shifted by from there on.
    shift: Ticks,
}

#[derive(Debug, Clone, Copy)]
struct OpenGop {
    unit: Unit,
    /// Its size becomes known with the next picture.
    has_size: bool,
}

pub(super) const KEY: usize = 0;
/// Where every PES is a RAP, so many are remembered.
const SOUND_RAP_INTERVAL: Ticks = Ticks::from_millis(500);

impl Pass {
    /// Of what begins at `offset`; `psi` is what is known of the programs.
    pub(super) fn new(layout: Layout, offset: u64, psi: PsiWatch) -> Self {
        Self { reader: Reader::new(&layout, offset, psi), facts: Facts::new(layout) }
    }

    /// The next bytes. Says whether the program has changed its streams: then the pass is over.
    pub(super) fn push(&mut self, chunk: &[u8]) -> bool {
        let facts = &mut self.facts;
        self.reader.push(chunk, false, &mut |learned| facts.on(learned))
    }

    /// Its first run, as far as it has been read.
    pub(super) fn first_run(&self) -> (&Layout, &[Rap]) {
        let facts = &self.facts;
        facts.runs.first().map_or((&facts.layout, &facts.raps), |run| (&run.layout, &run.raps))
    }

    /// What follows, where the program has changed its streams.
    pub(super) fn take_successor(&mut self) -> Option<Successor> {
        self.reader.take_successor()
    }

    /// The runs, and what the pass met.
    pub(super) fn finish(mut self) -> (Result<Vec<Run>, Error>, Report, Vec<Event>) {
        let facts = &mut self.facts;
        self.reader.finish(&mut |learned| facts.on(learned));
        let end_offset = self.reader.offset();
        let report = self.reader.report().clone() + &self.facts.report;
        (self.facts.finish(end_offset), report, self.reader.into_events())
    }
}

impl Facts {
    pub(super) fn new(layout: Layout) -> Self {
        let sets = layout.streams.first().map(|key| ParameterSets::from_setup(key.codec, &key.setup));
        Self {
            early: EARLY,
            runs: Vec::new(),
            raps: Vec::new(),
            others: Extents::new(&layout),
            last_rap: None,
            last_pts: layout.zero,
            last_dts: layout.zero,
            pictures: 0,
            shift: Ticks::ZERO,
            jump: None,
            sets: sets.unwrap_or_default(),
            lacks_others: false,
            report: Report::default(),
            layout,
        }
    }

    /// The same of what begins inside a run: its first RAP is one like the others.
    pub(super) fn inside(self) -> Self {
        Self { early: Ticks::ZERO, ..self }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn report_mut(&mut self) -> &mut Report {
        &mut self.report
    }

    pub(super) fn on(&mut self, learned: Learned) {
        match learned {
            Learned::Pes { number: KEY, unit, times, is_rap, offset, .. } => {
                self.on_key(unit, times, is_rap, offset, 0);
            }
            Learned::Pes { number, times, offset, .. } => self.on_other(number, times, offset),
            Learned::Untimed { number: KEY, offset } if !self.raps.is_empty() => {
                self.on_picture_end(offset);
                self.pictures += 1;
                self.count(KEY);
            }
            // It goes where the one before it goes.
            Learned::Untimed { .. } => {}
            Learned::Unit { unit, read_to } if unit.stream == KEY => self.on_key_unit(&unit, read_to),
            Learned::Unit { unit, read_to } => {
                self.on_other(unit.stream, unit.times, unit.offset);
                self.on_other_end(unit.stream, read_to);
            }
            Learned::Reached { number, end } => self.on_other_end(number, end),
            Learned::Broken { number } => self.others.close(number),
            Learned::Jump { dts, shift } => self.jump = Some(Jump { dts, shift }),
        }
    }

    fn on_key_unit(&mut self, unit: &AccessUnit, read_to: u64) {
        let codec = self.layout.streams[KEY].codec;
        let is_rap = unit.is_boundary && unit.unit.is_rap(self.layout.rap_class);
        if let (true, Data::Nals(nals)) = (is_rap, &unit.data) {
            self.on_sets_of_rap(codec, nals);
        }
        self.on_key(unit.unit, unit.times, is_rap, unit.offset, read_to.saturating_sub(unit.offset));
        if let Data::Nals(nals) = &unit.data {
            self.sets.learn_all(codec, nals.iter());
        }
    }

    /// Whether what this RAP lacks is still what the run says; a segment that begins here knows nothing else.
    fn on_sets_of_rap(&mut self, codec: Codec, nals: &Nals) {
        let (own, _) = nals.around_slice(codec);
        self.sets.learn_all(codec, own.clone());
        if self.raps.is_empty() {
            self.tell_sets();
        }
        let mut told = ParameterSets::from_setup(codec, &self.layout.streams[KEY].setup);
        told.learn_all(codec, own);
        self.lacks_others = told != self.sets;
    }

    /// A picture of the key stream that begins at `offset`; the one before it needs `trail` bytes from there.
    fn on_key(&mut self, unit: Unit, times: Times, is_rap: bool, offset: u64, trail: u64) {
        self.on_picture_end(offset);
        if is_rap && let Some(shift) = self.begins_run(times) {
            // The last picture of the run may end where the RAP that follows has begun.
            let next = times.pts - self.shift;
            self.end_run(offset + trail.min(limits::TRAIL_BYTES), Some(next));
            self.begin_run(times.pts - shift, shift);
        }
        let times = self.at_source(times);
        if is_rap && self.is_wanted_rap(times) {
            self.on_rap(unit, times, offset, trail);
        } else if self.raps.is_empty() {
            self.report.before_first_rap += 1;
            return;
        }
        self.pictures += 1;
        self.last_pts = self.last_pts.max(times.pts);
        self.last_dts = times.dts;
        if let (Some(rap), Some(OpenGop { unit: Unit::OpenRap, .. })) = (self.raps.last_mut(), self.last_rap)
        {
            rap.independent &= times.pts >= rap.pts;
        }
        self.count(KEY);
    }

    fn at_source(&self, times: Times) -> Times {
        Times { pts: times.pts - self.shift, dts: times.dts - self.shift }
    }

    /// Whether a run begins with the RAP at these times, and what times are shifted by in it: the clock was set anew since
    /// the RAP before, or the parameter sets that RAPs are given are others.
    fn begins_run(&mut self, times: Times) -> Option<Ticks> {
        if self.raps.is_empty() || self.runs.len() + 1 >= limits::RUNS {
            return None;
        }
        if let Some(jump) = self.jump.take_if(|jump| times.dts >= jump.dts) {
            return Some(jump.shift);
        }
        let key = &self.layout.streams[KEY];
        let are_inserted = key.repairs.contains(&Repair::NoParameterSets);
        (self.lacks_others || are_inserted && self.sets.to_setup() != key.setup).then_some(self.shift)
    }

    /// The run ends, before the RAP shown at `next_rap` on its own clock if one follows.
    fn end_run(&mut self, end_offset: u64, next_rap: Option<MediaTime>) {
        self.others.last().into_iter().for_each(|(start, until)| self.lead_to(start, until));
        let raps = std::mem::take(&mut self.raps);
        // Sound that was read while the next RAP was not complete may reach past where that begins.
        let reach = raps.iter().map(|rap| rap.offset + u64::from(rap.trail)).max();
        let end_offset = reach.map_or(end_offset, |reach| reach.max(end_offset));
        let run = Run {
            end: self.last_pts + self.layout.frame_duration,
            settled: self.others.settled(self.last_pts, self.last_dts, self.layout.zero),
            layout: self.layout.clone(),
            raps,
            next_rap,
            end_offset,
            pictures: std::mem::take(&mut self.pictures),
        };
        self.runs.push(run);
    }

    fn begin_run(&mut self, zero: MediaTime, shift: Ticks) {
        self.others.shift(self.shift - shift);
        self.shift = shift;
        (self.last_pts, self.last_dts) = (zero, zero);
        self.last_rap = None;
        self.layout.zero = zero;
        self.tell_sets();
    }

    fn tell_sets(&mut self) {
        if let Some(key) = self.layout.streams.first_mut().filter(|_| !self.sets.is_empty()) {
            key.setup = self.sets.to_setup();
        }
    }

    pub(super) fn finish(mut self, end_offset: u64) -> Result<Vec<Run>, Error> {
        self.on_picture_end(end_offset);
        if !self.raps.is_empty() {
            self.end_run(end_offset, None);
        }
        if self.runs.is_empty() {
            let reason = "no random access point with a time of its own".to_owned();
            return Err(Error::NothingToPlay { reason });
        }
        Ok(self.runs)
    }

    fn is_wanted_rap(&mut self, times: Times) -> bool {
        let Some(last) = self.raps.last() else { return true };
        let interval = match self.layout.rap_class {
            RapClass::AnyPes => SOUND_RAP_INTERVAL,
            RapClass::Idr | RapClass::RecoveryPoint | RapClass::Gradual | RapClass::Irap => Ticks::new(1),
        };
        let is_wanted = times.pts - last.pts >= interval;
        if is_wanted && self.raps.len() == limits::RAPS {
            self.report.overflowed += 1;
            return false;
        }
        is_wanted
    }

    fn on_rap(&mut self, unit: Unit, Times { pts, dts }: Times, offset: u64, trail: u64) {
        // A run that follows another begins where its first RAP does.
        let (reach, lead) = match (self.raps.is_empty(), self.runs.is_empty()) {
            (true, true) => (self.early, limits::LEAD_BYTES),
            (true, false) => (self.early, 0),
            (false, _) => (Ticks::ZERO, limits::LEAD_BYTES),
        };
        let (lead, others) = (
            self.others.lead(offset, pts - reach, lead),
            self.others.trail(offset, pts, limits::TRAIL_BYTES),
        );
        let trail = others.max(trail.min(limits::TRAIL_BYTES));
        let (lead, trail) = (lead as u32, trail as u32);
        let independent = unit != Unit::Gradual;
        self.raps.push(Rap { offset, pts, dts, size: 0, lead, trail, independent });
        self.last_rap = Some(OpenGop { unit, has_size: false });
    }

    /// The next picture, or the end, is at `offset`.
    fn on_picture_end(&mut self, offset: u64) {
        if let (Some(rap), Some(open)) = (self.raps.last_mut(), &mut self.last_rap)
            && !open.has_size
        {
            open.has_size = true;
            rap.size = u32::try_from(offset.saturating_sub(rap.offset)).unwrap_or(u32::MAX);
        }
    }

    fn on_other(&mut self, number: usize, times: Times, start: u64) {
        let pts = self.at_source(times).pts;
        if pts < self.layout.zero - EARLY {
            self.report.early += 1;
        } else {
            self.count(number);
        }
        // Of the RAPs that are shown after it the first: does a segment that ends there still reach it?
        let next = self.raps.partition_point(|rap| rap.pts <= pts);
        if let (1.., Some(rap)) = (next, self.raps.get(next))
            && start > rap.offset
            && !self.is_within_reach(rap, start)
        {
            self.report.overflowed += 1;
        }
        if let Some((start, until)) = self.others.start(number, start, pts) {
            self.lead_to(start, until);
        }
        // A frame may become known long after its PES has begun.
        self.lead_to(start, pts);
    }

    /// What starts at `start` is shown up to `until`: the segments that begin at RAPs behind it read it, too.
    fn lead_to(&mut self, start: u64, until: MediaTime) {
        let is_followed = !self.runs.is_empty();
        let first = self.raps.len().saturating_sub(1);
        for (back, rap) in self.raps.iter_mut().rev().enumerate().take_while(|(_, rap)| rap.offset > start) {
            let (is_first, lead) = (back == first, rap.offset - start);
            let reach = if is_first { self.early } else { Ticks::ZERO };
            if until >= rap.pts - reach && lead <= limits::LEAD_BYTES && !(is_first && is_followed) {
                rap.lead = rap.lead.max(lead as u32);
            }
        }
    }

    /// A packet of another stream, up to `end`: the segments that end at RAPs shown after it reach this far.
    fn on_other_end(&mut self, number: usize, end: u64) {
        let Some(pts) = self.others.extend(number, end) else { return };
        let after = self.raps.iter().rev().take_while(|rap| rap.pts > pts);
        let reached = after.take_while(|rap| self.is_within_reach(rap, end)).count();
        for rap in self.raps.iter_mut().rev().take(reached) {
            let trail = end.saturating_sub(rap.offset) as u32;
            rap.trail = rap.trail.max(trail);
        }
    }

    /// Whether a segment that ends at `rap` reads up to `offset`.
    fn is_within_reach(&self, rap: &Rap, offset: u64) -> bool {
        offset.saturating_sub(rap.offset) <= limits::TRAIL_BYTES && self.last_dts < rap.pts + EARLY
    }

    fn count(&mut self, number: usize) {
        match self.layout.streams[number].codec.is_video() {
            true => self.report.video_pes += 1,
            false => self.report.other_pes += 1,
        }
    }
}
