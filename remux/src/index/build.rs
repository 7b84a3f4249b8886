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
    pub fn finish(mut self) -> Result<Index, Error> {
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
struct Pass {
    layout: Layout,
    framer: Framer,
    intake: Intake,
    streams: Vec<StreamPass>,
    raps: Vec<Rap>,
    /// Whether the last RAP may turn out to have leading pictures.
    last_rap: Option<OpenGop>,
    /// PES of other streams that started within the last [`limits::HELD_BYTES`].
    recent: VecDeque<(u64, MediaTime)>,
    /// The largest PTS and the last DTS of the key stream.
    last_pts: MediaTime,
    last_dts: MediaTime,
    pictures: u64,
}

#[derive(Debug, Clone)]
struct StreamPass {
    codec: Codec,
    clock: Clock,
    /// PTS of the PES that it is in.
    pts: Option<MediaTime>,
    starting: Option<Box<Starting>>,
}

/// What the last RAP waits for.
#[derive(Debug, Clone, Copy)]
struct OpenGop {
    unit: Unit,
    /// Its size becomes known with the next picture.
    has_size: bool,
}

const KEY: usize = 0;
/// Where every PES is a RAP, so many are remembered.
const SOUND_RAP_INTERVAL: Ticks = Ticks::from_millis(500);

/// Where events go that nobody asks for.
struct Unheard;

impl Extend<Event> for Unheard {
    fn extend<T: IntoIterator<Item = Event>>(&mut self, _: T) {}
}

impl Pass {
    fn new(layout: Layout, offset: u64) -> Self {
        let streams = layout.streams.iter().map(|stream| StreamPass {
            codec: stream.codec,
            clock: Clock::near(layout.zero),
            pts: None,
            starting: None,
        });
        Self {
            streams: streams.collect(),
            framer: Framer::new(offset),
            intake: Intake::new(&layout, true),
            raps: Vec::new(),
            last_rap: None,
            recent: VecDeque::new(),
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

    fn finish(mut self) -> Result<Index, Error> {
        self.push(&[], true);
        self.intake.report.skipped_bytes += self.framer.take_gap().unwrap_or(0);
        (0..self.streams.len()).for_each(|number| self.settle(number));
        if self.raps.is_empty() {
            let reason = "no random access point with a time of its own".to_owned();
            return Err(Error::NothingToPlay { reason });
        }
        let end_offset = self.framer.offset();
        self.on_picture_end(end_offset);
        let run = Run {
            end: self.last_pts + self.layout.frame_duration,
            layout: self.layout,
            raps: self.raps,
            next_rap: None,
            end_offset,
            pictures: self.pictures,
        };
        Ok(Index { size: end_offset, runs: vec![run], report: self.intake.report })
    }

    #[inline]
    fn on_packet(&mut self, packet: &Packet) {
        let offset = self.framer.offset() - PACKET as u64;
        if let Some(skipped) = self.framer.take_gap() {
            self.intake.on_gap(offset, skipped, &mut Unheard);
        }
        let Some(number) = self.intake.admit(offset, packet, &mut Unheard) else { return };
        let stream = &mut self.streams[number];
        if Header::of(packet).payload_unit_start_indicator() {
            self.settle(number);
            match examine(self.streams[number].codec, payload(packet), false) {
                Examined::More => self.streams[number].starting = Some(Starting::new(offset, packet)),
                examined => self.on_examined(number, examined, offset),
            }
        } else if let Some(starting) = &mut stream.starting {
            let examined = starting.push(stream.codec, packet);
            if examined != Examined::More {
                let offset = starting.offset;
                stream.starting = None;
                self.on_examined(number, examined, offset);
            }
        }
        if number != KEY {
            self.on_other_packet(number, offset);
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

    fn on_examined(&mut self, number: usize, examined: Examined, offset: u64) {
        match examined {
            Examined::Start(start) => self.on_pes(number, &start, offset),
            Examined::Bad => self.intake.on_bad_pes(number, offset, &mut Unheard),
            Examined::More => {}
        }
    }

    fn on_pes(&mut self, number: usize, start: &PesStart, offset: u64) {
        let timed = self.streams[number].clock.on_header(&start.header);
        if let Some((_, true)) = timed {
            self.intake.on_jump(number, offset, &mut Unheard);
        }
        match timed {
            Some((times, _)) if number == KEY => self.on_key(start.unit, times, offset),
            Some((times, _)) => self.on_other(number, times.pts, offset),
            None if number == KEY && !self.raps.is_empty() => {
                self.on_picture_end(offset);
                self.pictures += 1;
            }
            None => {}
        }
    }

    fn on_key(&mut self, unit: Unit, times: Times, offset: u64) {
        self.on_picture_end(offset);
        let last = self.raps.last().map(|rap| rap.pts);
        let is_rap = unit.is_rap(self.layout.rap_class) && last.is_none_or(|last| times.pts > last);
        let is_wanted = self.layout.rap_class != RapClass::AnyPes
            || last.is_none_or(|last| times.pts - last >= SOUND_RAP_INTERVAL);
        if is_rap && is_wanted {
            self.on_rap(unit, times, offset);
        } else if self.raps.is_empty() {
            self.intake.report.before_first_rap += 1;
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

    fn on_rap(&mut self, unit: Unit, times: Times, offset: u64) {
        let reach = if self.raps.is_empty() { EARLY } else { Ticks::ZERO };
        let first = self.recent.iter().find(|&&(_, pts)| pts >= times.pts - reach);
        let lead = first.map_or(0, |&(start, _)| offset.saturating_sub(start));
        self.raps.push(Rap {
            offset,
            pts: times.pts,
            dts: times.dts,
            size: 0,
            lead: u32::try_from(lead).unwrap_or(u32::MAX),
            trail: 0,
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
            rap.size = u32::try_from(offset - rap.offset).unwrap_or(u32::MAX);
        }
    }

    fn on_other(&mut self, number: usize, pts: MediaTime, offset: u64) {
        self.streams[number].pts = Some(pts);
        self.recent.push_back((offset, pts));
        while self.recent.front().is_some_and(|&(start, _)| offset - start > limits::HELD_BYTES as u64) {
            self.recent.pop_front();
        }
        self.count(number);
    }

    /// A packet of another stream: the RAPs that are shown after it reach this far.
    fn on_other_packet(&mut self, number: usize, offset: u64) {
        let Some(pts) = self.streams[number].pts else { return };
        let end = offset + PACKET as u64;
        for rap in self.raps.iter_mut().rev().take_while(|rap| rap.pts > pts) {
            let trail = end - rap.offset.min(end);
            if trail <= limits::TRAIL_BYTES && self.last_dts < rap.pts + EARLY {
                rap.trail = rap.trail.max(trail as u32);
            }
        }
    }

    fn count(&mut self, number: usize) {
        match self.streams[number].codec.is_video() {
            true => self.intake.report.video_pes += 1,
            false => self.intake.report.other_pes += 1,
        }
    }
}
