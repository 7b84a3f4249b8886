//! One pass over a recording.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Index, Rap, Run};
use crate::cut::EARLY;
use crate::error::Error;
use crate::es::Unit;
use crate::head::Head;
use crate::intake::Intake;
use crate::layout::{Codec, Layout, RapClass};
use crate::limits;
use crate::pes::start::{Examined, PesStart, Starting, examine};
use crate::report::Event;
use crate::time::{MediaTime, Ticks};
use crate::timeline::{Clock, Times};
use crate::ts::{Found, Framer, Header, PACKET, Packet, payload};

/// Learns a recording in one pass: push all of it in order, then finish. A clone can be finished to see what is known so
/// far of a recording that is still growing.
#[derive(Debug, Clone)]
pub struct Indexer {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    /// Reads the head.
    Learning(Box<Head>),
    /// Knows the layout.
    Passing(Box<Pass>),
    Failed(Error),
}

impl Default for Indexer {
    fn default() -> Self {
        Self::new()
    }
}

impl Indexer {
    /// A pass that begins at the first byte of a recording.
    pub fn new() -> Self {
        Self { state: State::Learning(Box::new(Head::new(0))) }
    }

    /// The next bytes of the recording, cut anywhere. What is wrong with them is told by [`finish`](Self::finish).
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Passing(pass) => pass.push(bytes, false),
            State::Failed(_) => {}
            State::Learning(head) => match head.push(Bytes::copy_from_slice(bytes)) {
                Ok(false) => {}
                Ok(true) => self.start_pass(),
                Err(error) => self.state = State::Failed(error),
            },
        }
    }

    /// The end of the recording.
    ///
    /// # Errors
    /// Where there is nothing to play; see [`Error`].
    pub fn finish(self) -> Result<Index, Error> {
        self.finish_with_events().map(|(index, _)| index)
    }

    /// The end of the recording, and the first [`limits::EVENTS`] events of it; [`Report::events`](crate::Report::events)
    /// says how many there were.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_with_events(mut self) -> Result<(Index, Vec<Event>), Error> {
        if let State::Learning(_) = self.state {
            self.start_pass();
        }
        match self.state {
            State::Passing(pass) => pass.finish(),
            State::Failed(error) => Err(error),
            State::Learning(_) => Err(Error::NotMedia { examined: 0 }),
        }
    }

    fn start_pass(&mut self) {
        let head = match std::mem::replace(&mut self.state, State::Failed(Error::NotMedia { examined: 0 })) {
            State::Learning(head) => head,
            other => return self.state = other,
        };
        self.state = match head.finish() {
            Err(error) => State::Failed(error),
            Ok((layout, kept)) => {
                let mut pass = Box::new(Pass::new(layout, kept.offset));
                kept.chunks.iter().for_each(|chunk| pass.push(chunk, false));
                State::Passing(pass)
            }
        };
    }
}

/// The pass over a run whose layout is known.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    layout: Layout,
    framer: Framer,
    intake: Intake,
    events: Heard,
    /// In the order of the layout: number 0 is the key stream.
    streams: Vec<StreamPass>,
    raps: Vec<Rap>,
    /// What the last RAP waits for.
    last_rap: Option<OpenGop>,
    /// The largest PTS of the key stream.
    last_pts: MediaTime,
    /// The last DTS of the key stream.
    last_dts: MediaTime,
    pictures: u64,
}

#[derive(Debug, Clone)]
struct StreamPass {
    codec: Codec,
    clock: Clock,
    starting: Option<Box<Starting>>,
    /// Where its last PES lie; of the key stream nobody needs to know.
    recent: VecDeque<Extent>,
    /// Whether packets go on with the last of them.
    is_open: bool,
}

/// Where a PES lies in the source.
#[derive(Debug, Clone, Copy)]
struct Extent {
    start: u64,
    end: u64,
    pts: MediaTime,
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

/// The first events of a pass.
#[derive(Debug, Clone, Default)]
struct Heard(Vec<Event>);

impl Extend<Event> for Heard {
    fn extend<T: IntoIterator<Item = Event>>(&mut self, events: T) {
        let room = limits::EVENTS.saturating_sub(self.0.len());
        self.0.extend(events.into_iter().take(room));
    }
}

impl Pass {
    pub(super) fn new(layout: Layout, offset: u64) -> Self {
        let streams = layout.streams.iter().map(|stream| StreamPass {
            codec: stream.codec,
            clock: Clock::near(layout.zero),
            starting: None,
            recent: VecDeque::new(),
            is_open: false,
        });
        Self {
            streams: streams.collect(),
            framer: Framer::new(offset),
            intake: Intake::new(&layout, true),
            events: Heard::default(),
            raps: Vec::new(),
            last_rap: None,
            last_pts: layout.zero,
            last_dts: layout.zero,
            pictures: 0,
            layout,
        }
    }

    fn push(&mut self, chunk: &[u8], at_end: bool) {
        loop {
            match self.framer.next(chunk, at_end) {
                Found::Inside(at) => {
                    let packet = chunk[at..].first_chunk().expect("the framer found a whole packet");
                    self.on_packet(packet);
                }
                Found::Across => {
                    let packet = *self.framer.across();
                    self.on_packet(&packet);
                }
                Found::Nothing => break,
            }
        }
    }

    fn finish(mut self) -> Result<(Index, Vec<Event>), Error> {
        self.push(&[], true);
        self.intake.report.skipped_bytes += self.framer.take_gap().unwrap_or(0);
        (0..self.streams.len()).for_each(|number| self.settle(number));
        let end_offset = self.framer.offset();
        self.finish_at(end_offset)
    }

    /// All packets have been seen, and the run ends at this place in the source.
    pub(super) fn finish_at(mut self, end_offset: u64) -> Result<(Index, Vec<Event>), Error> {
        if self.raps.is_empty() {
            let reason = "no random access point with a time of its own".to_owned();
            return Err(Error::NothingToPlay { reason });
        }
        self.on_picture_end(end_offset);
        let run = Run {
            end: self.last_pts + self.layout.frame_duration,
            settled: self.settled(),
            layout: self.layout,
            raps: self.raps,
            next_rap: None,
            end_offset,
            pictures: self.pictures,
        };
        let index = Index { size: end_offset, runs: vec![run], report: self.intake.report };
        Ok((index, self.events.0))
    }

    #[inline]
    fn on_packet(&mut self, packet: &Packet) {
        let offset = self.framer.offset() - PACKET as u64;
        if let Some(skipped) = self.framer.take_gap() {
            self.intake.on_gap(offset, skipped, &mut self.events);
        }
        let Some(number) = self.intake.admit(offset, packet, &mut self.events) else { return };
        if Header::of(packet).payload_unit_start_indicator() {
            self.settle(number);
            match examine(self.streams[number].codec, payload(packet), false) {
                Examined::More => self.streams[number].starting = Some(Starting::new(offset, packet)),
                examined => self.on_examined(number, examined, offset),
            }
        } else if let stream = &mut self.streams[number]
            && let Some(starting) = &mut stream.starting
        {
            let examined = starting.push(stream.codec, packet);
            if examined != Examined::More {
                let offset = starting.offset;
                stream.starting = None;
                self.on_examined(number, examined, offset);
            }
        }
        if number != KEY {
            self.on_other_packet(number, offset + PACKET as u64);
        }
    }

    /// The stream's PES is over: what its start says now is all there will be.
    fn settle(&mut self, number: usize) {
        let stream = &mut self.streams[number];
        if let Some(starting) = stream.starting.take() {
            let examined = starting.settle(stream.codec);
            self.on_examined(number, examined, starting.offset);
        }
    }

    /// The start of a PES at `offset` has been read.
    pub(super) fn on_examined(&mut self, number: usize, examined: Examined, offset: u64) {
        match examined {
            Examined::Start(start) => self.on_pes(number, &start, offset),
            Examined::Bad => {
                self.streams[number].is_open = false;
                self.intake.on_bad_pes(number, offset, &mut self.events);
            }
            Examined::More => {}
        }
    }

    fn on_pes(&mut self, number: usize, start: &PesStart, offset: u64) {
        match self.streams[number].clock.on_header(&start.header) {
            Some((times, has_jumped)) => {
                if has_jumped {
                    self.intake.on_jump(number, offset, &mut self.events);
                }
                match number {
                    KEY => self.on_key(start.unit, times, !has_jumped, offset),
                    _ => self.on_other(number, times.pts, offset),
                }
            }
            None if number == KEY && !self.raps.is_empty() => {
                self.on_picture_end(offset);
                self.pictures += 1;
                self.count(KEY);
            }
            // It goes where the one before it goes.
            None => {}
        }
    }

    /// A PES of the key stream; a time that is not steady is believed no further than its own picture.
    fn on_key(&mut self, unit: Unit, times: Times, is_steady: bool, offset: u64) {
        self.on_picture_end(offset);
        if is_steady && self.is_wanted_rap(unit, times) {
            self.on_rap(unit, times, offset);
        } else if self.raps.is_empty() {
            self.intake.report.before_first_rap += 1;
            return;
        }
        self.pictures += 1;
        if is_steady {
            self.last_pts = self.last_pts.max(times.pts);
        }
        self.last_dts = times.dts;
        if let (Some(rap), Some(OpenGop { unit: Unit::OpenRap, .. })) = (self.raps.last_mut(), self.last_rap)
        {
            rap.independent &= times.pts >= rap.pts;
        }
        self.count(KEY);
    }

    fn is_wanted_rap(&mut self, unit: Unit, times: Times) -> bool {
        if !unit.is_rap(self.layout.rap_class) {
            return false;
        }
        let Some(last) = self.raps.last() else { return true };
        let interval = match self.layout.rap_class {
            RapClass::AnyPes => SOUND_RAP_INTERVAL,
            RapClass::Idr | RapClass::RecoveryPoint | RapClass::Irap => Ticks::new(1),
        };
        let is_wanted = times.pts - last.pts >= interval;
        if is_wanted && self.raps.len() == limits::RAPS {
            self.intake.report.overflowed += 1;
            return false;
        }
        is_wanted
    }

    fn on_rap(&mut self, unit: Unit, Times { pts, dts }: Times, offset: u64) {
        let reach = if self.raps.is_empty() { EARLY } else { Ticks::ZERO };
        let others = || self.streams.iter().flat_map(|stream| &stream.recent);
        let starts =
            others().filter(|pes| pes.pts >= pts - reach).map(|pes| offset.saturating_sub(pes.start));
        let ends = others().filter(|pes| pes.pts < pts).map(|pes| pes.end.saturating_sub(offset));
        let lead = starts.filter(|&lead| lead <= limits::LEAD_BYTES).max().unwrap_or(0);
        let trail = ends.filter(|&trail| trail <= limits::TRAIL_BYTES).max().unwrap_or(0);
        self.raps.push(Rap {
            offset,
            pts,
            dts,
            size: 0,
            lead: lead as u32,
            trail: trail as u32,
            independent: true,
        });
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

    fn on_other(&mut self, number: usize, pts: MediaTime, start: u64) {
        if pts < self.layout.zero - EARLY {
            self.intake.report.early += 1;
        } else {
            self.count(number);
        }
        // Of the RAPs that are shown after it the first: does a segment that ends there still reach it?
        let next = self.raps.partition_point(|rap| rap.pts <= pts);
        if let (1.., Some(rap)) = (next, self.raps.get(next))
            && start > rap.offset
            && !self.is_within_reach(rap, start)
        {
            self.intake.report.overflowed += 1;
        }
        let stream = &mut self.streams[number];
        stream.is_open = true;
        stream.recent.push_back(Extent { start, end: start, pts });
        if stream.recent.len() > limits::RECENT_PES {
            stream.recent.pop_front();
        }
    }

    /// A packet of another stream, up to `end`: the segments that end at RAPs shown after it reach this far.
    pub(super) fn on_other_packet(&mut self, number: usize, end: u64) {
        let stream = &mut self.streams[number];
        if stream.starting.is_some() || !stream.is_open {
            return;
        }
        let Some(pes) = stream.recent.back_mut() else { return };
        pes.end = end;
        let pts = pes.pts;
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

    /// Up to which time every stream has come, silence of more than [`EARLY`] counted as having come.
    fn settled(&self) -> MediaTime {
        let others = self.streams.iter().skip(KEY + 1);
        let reached =
            others.map(|stream| stream.recent.iter().map(|pes| pes.pts).max().unwrap_or(self.layout.zero));
        reached.map(|pts| pts.max(self.last_dts - EARLY)).min().unwrap_or(self.last_pts)
    }

    fn count(&mut self, number: usize) {
        match self.streams[number].codec.is_video() {
            true => self.intake.report.video_pes += 1,
            false => self.intake.report.other_pes += 1,
        }
    }
}
