//! Packets of the source in, packets of the output out: the Relabel path.
//!
//! ```text
//!           ┌ no stream that goes out, or damage ─▶ dropped
//! packet ─▶ Intake ─▶ start of a PES? ─▶ Clock ─▶ Cutter ─▶ header rewritten in place ─▶ Pieces
//!                         └ does not say enough yet ─▶ Starting      └ cannot be told yet ─▶ Held
//! ```
//! A packet stays where it lies in the chunk that it came in; only its header fields are written. What must be seen
//! before the first packet of a PES can go out nearly always stands in that packet; where it does not, the packets are
//! copied aside until it does.

mod held;
mod outlet;
mod pieces;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use self::held::Held;
use self::outlet::{Departure, Outlet};
use crate::cut::{Bounds, Cutter, KeyVerdict, Verdict};
use crate::intake::Intake;
use crate::layout::{Codec, Layout, RapClass};
use crate::pes::start::{Examined, PesStart, Starting, examine};
use crate::report::{Event, Report};
use crate::timeline::Clock;
use crate::ts::{Found, Framer, Header, PACKET, Packet, PacketSize, payload_offset};

/// Makes one piece of output: a whole recording, or a segment of it.
#[derive(Debug)]
pub(crate) struct Rewriter {
    framer: Framer,
    intake: Intake,
    /// In the order of the layout: number 0 is the key stream.
    streams: Vec<StreamState>,
    cutter: Cutter,
    held: Held,
    outlet: Outlet,
    extent: Extent,
    is_closed: bool,
}

/// What a [`Rewriter`] makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Something that stands alone.
    Whole,
    /// A segment: the counters of its tables end where those of the next one begin.
    Segment,
}

/// A stream that goes out.
#[derive(Debug)]
struct StreamState {
    codec: Codec,
    clock: Clock,
    /// Where the PES that was understood last goes.
    route: Route,
    /// The PES that has begun since, as long as its first bytes do not say enough.
    starting: Option<Box<Starting>>,
}

/// Where the packets of a PES go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Out,
    Nowhere,
    Held,
}

impl From<Verdict> for Route {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Keep => Self::Out,
            Verdict::Drop | Verdict::Early => Self::Nowhere,
            Verdict::Hold => Self::Held,
        }
    }
}

/// What becomes of the packet just seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dropped,
    /// It goes out from where it lies.
    Kept,
    /// So it does, and what was held goes behind it.
    KeptThenHeld,
}

/// A PES that was understood.
#[derive(Clone, Copy)]
struct Understood {
    departure: Departure,
    route: Route,
    /// The first of the piece.
    is_begin: bool,
}

const KEY: usize = 0;

impl Rewriter {
    /// Begins where `framer` does.
    pub(crate) fn new(layout: Arc<Layout>, bounds: Bounds, framer: Framer, extent: Extent) -> Self {
        let reference = bounds.from.unwrap_or(layout.zero);
        let intake = Intake::new(&layout, extent == Extent::Whole);
        let streams = layout.streams.iter().take(intake.len()).map(|stream| StreamState {
            codec: stream.codec,
            clock: Clock::near(reference),
            route: Route::Nowhere,
            starting: None,
        });
        Self {
            framer,
            streams: streams.collect(),
            cutter: Cutter::new(bounds, intake.len()),
            intake,
            held: Held::default(),
            outlet: Outlet::new(layout, extent == Extent::Whole || bounds.from.is_some()),
            extent,
            is_closed: false,
        }
    }

    /// The next bytes of the source.
    pub(crate) fn push(
        &mut self,
        mut chunk: BytesMut,
        out: &mut VecDeque<Bytes>,
        events: &mut VecDeque<Event>,
    ) {
        self.run(&mut chunk, false, events);
        self.outlet.take(chunk.freeze(), out);
    }

    /// The end of the source.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Bytes>, events: &mut VecDeque<Event>) {
        self.run(&mut [], true, events);
        if !self.is_closed {
            self.intake.report.skipped_bytes += self.framer.take_gap().unwrap_or(0);
            for number in 0..self.streams.len() {
                self.settle(number, events);
            }
            self.cutter.on_end();
            if self.cutter.has_begun() {
                self.release_held();
            }
            self.close();
        }
        self.outlet.take(Bytes::new(), out);
    }

    /// Whether nothing that follows can change the output.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_closed
    }

    /// Whether a RAP that the piece could begin at has been found.
    pub(crate) fn has_begun(&self) -> bool {
        self.cutter.has_begun()
    }

    /// What it makes.
    pub(crate) fn extent(&self) -> Extent {
        self.extent
    }

    /// The layout that it follows.
    pub(crate) fn layout(&self) -> &Layout {
        self.outlet.layout()
    }

    /// What has happened so far.
    pub(crate) fn report(&self) -> &Report {
        &self.intake.report
    }

    fn run(&mut self, chunk: &mut [u8], at_end: bool, events: &mut VecDeque<Event>) {
        while !self.is_closed {
            match self.framer.next(chunk, at_end) {
                Found::Inside(at) => {
                    let packet = chunk[at..].first_chunk_mut().expect("the framer found a whole packet");
                    let fate = self.on_packet(packet, events);
                    if fate != Fate::Dropped {
                        match self.framer.packet_size() {
                            PacketSize::Plain => self.outlet.source(at),
                            // Packets that do not lie side by side make one piece only where they are copied together.
                            _ => self.outlet.copied(packet),
                        }
                        self.after(fate);
                    }
                }
                Found::Across => {
                    let mut packet = *self.framer.across();
                    let fate = self.on_packet(&mut packet, events);
                    if fate != Fate::Dropped {
                        self.outlet.copied(&packet);
                        self.after(fate);
                    }
                }
                Found::Nothing => break,
            }
        }
    }

    #[inline]
    fn after(&mut self, fate: Fate) {
        if fate == Fate::KeptThenHeld {
            self.release_held();
        }
    }

    #[inline]
    fn on_packet(&mut self, packet: &mut Packet, events: &mut VecDeque<Event>) -> Fate {
        let offset = self.framer.offset() - PACKET as u64;
        if let Some(skipped) = self.framer.take_gap() {
            self.intake.on_gap(offset, skipped, events);
        }
        let Some(number) = self.intake.admit(offset, packet, events) else { return Fate::Dropped };
        let header = Header::of(packet);
        if header.payload_unit_start_indicator() {
            return self.on_start(number, packet, offset, events);
        }
        let stream = &self.streams[number];
        if stream.route == Route::Out && stream.starting.is_none() {
            self.outlet.label_next(number, packet);
            return Fate::Kept;
        }
        self.on_rest(number, packet, offset, events);
        Fate::Dropped
    }

    /// The first packet of a PES.
    fn on_start(
        &mut self,
        number: usize,
        packet: &mut Packet,
        offset: u64,
        events: &mut VecDeque<Event>,
    ) -> Fate {
        self.settle(number, events);
        let stream = &mut self.streams[number];
        let payload_at = payload_offset(packet).unwrap_or(PACKET);
        match examine(stream.codec, &packet[payload_at..], false) {
            Examined::More => {
                stream.starting = Some(Starting::new(offset, packet));
                Fate::Dropped
            }
            Examined::Bad => {
                self.on_bad(number, offset, events);
                Fate::Dropped
            }
            Examined::Start(start) => {
                let pes = self.understand(number, &start, offset, events);
                if pes.route == Route::Nowhere {
                    return Fate::Dropped;
                }
                if pes.route == Route::Out {
                    self.outlet.before_pes(number, packet, pes.departure);
                }
                self.outlet.write_header(&start, pes.departure, &mut packet[payload_at..]);
                self.outlet.label_first(number, packet, pes.departure);
                match pes.route {
                    Route::Held => {
                        self.hold(number, packet);
                        Fate::Dropped
                    }
                    Route::Out => {
                        self.outlet.announce(number, packet);
                        if pes.is_begin { Fate::KeptThenHeld } else { Fate::Kept }
                    }
                    Route::Nowhere => Fate::Dropped,
                }
            }
        }
    }

    /// A further packet of a PES that does not simply go out.
    fn on_rest(&mut self, number: usize, packet: &mut Packet, offset: u64, events: &mut VecDeque<Event>) {
        let stream = &mut self.streams[number];
        if let Some(starting) = &mut stream.starting {
            let examined = starting.push(stream.codec, packet);
            self.on_examined(number, examined, events);
        } else if stream.route == Route::Held {
            self.outlet.label_next(number, packet);
            self.hold(number, packet);
        } else {
            self.cutter.on_offset(offset);
            self.close_if_complete();
        }
    }

    /// The stream's PES is over: what its start says now is all there will be.
    fn settle(&mut self, number: usize, events: &mut VecDeque<Event>) {
        let stream = &self.streams[number];
        if let Some(starting) = &stream.starting {
            let examined = starting.settle(stream.codec);
            self.on_examined(number, examined, events);
        }
    }

    /// Where a start that took several packets says enough now, they go where the first alone would have gone.
    fn on_examined(&mut self, number: usize, examined: Examined, events: &mut VecDeque<Event>) {
        let start = match examined {
            Examined::More => return,
            Examined::Bad => None,
            Examined::Start(start) => Some(start),
        };
        let Some(mut starting) = self.streams[number].starting.take() else { return };
        let Some(start) = start else { return self.on_bad(number, starting.offset, events) };
        let pes = self.understand(number, &start, starting.offset, events);
        if pes.route == Route::Nowhere {
            return;
        }
        if pes.route == Route::Out {
            self.outlet.before_pes(number, &starting.packets[0], pes.departure);
        }
        starting.write_header(&start, |header| self.outlet.write_header(&start, pes.departure, header));
        for (position, packet) in starting.packets.iter_mut().enumerate() {
            if position == 0 {
                self.outlet.label_first(number, packet, pes.departure);
            } else {
                self.outlet.label_next(number, packet);
            }
            match pes.route {
                Route::Held => self.hold(number, packet),
                _ => self.outlet.put(number, packet),
            }
            if position == 0 && pes.is_begin {
                self.release_held();
            }
        }
    }

    fn on_bad(&mut self, number: usize, offset: u64, events: &mut VecDeque<Event>) {
        self.streams[number].route = Route::Nowhere;
        self.intake.on_bad_pes(number, offset, events);
    }

    /// Applies clock and cut rule to a PES.
    fn understand(
        &mut self,
        number: usize,
        start: &PesStart,
        offset: u64,
        events: &mut VecDeque<Event>,
    ) -> Understood {
        self.cutter.on_offset(offset);
        let timed = self.streams[number].clock.on_header(&start.header);
        if let Some((_, true)) = timed {
            self.intake.on_jump(number, offset, events);
        }
        let rap_class = self.layout().rap_class;
        // A single wild time must neither begin nor end a piece.
        let is_steady = matches!(timed, Some((_, false)));
        let times = timed.map(|(times, _)| times);
        let is_rap = number == KEY && is_steady && start.unit.is_rap(rap_class);
        let mut is_begin = false;
        let verdict = match times {
            None => self.without_time(number),
            Some(times) if number != KEY => self.cutter.on_other(number, times.pts),
            Some(times) => match self.cutter.on_key(times.pts, times.dts, is_rap, offset) {
                KeyVerdict::Keep => Verdict::Keep,
                KeyVerdict::Drop => Verdict::Drop,
                KeyVerdict::Begin => {
                    is_begin = true;
                    Verdict::Keep
                }
                KeyVerdict::End => {
                    self.release_held();
                    Verdict::Drop
                }
            },
        };
        if let (Verdict::Hold, Some(times)) = (verdict, times) {
            self.held.start(number, times.pts);
        }
        self.count(number, verdict);
        self.close_if_complete();
        let route = Route::from(verdict);
        self.streams[number].route = route;
        // Where every PES is a RAP only the first is marked as one.
        let is_marked = is_begin || is_rap && rap_class != RapClass::AnyPes;
        Understood { departure: Departure { times, is_marked }, route, is_begin }
    }

    /// A PES without a PTS goes where the one before it went.
    fn without_time(&self, number: usize) -> Verdict {
        match self.streams[number].route {
            _ if number == KEY && self.cutter.is_inside() => Verdict::Keep,
            _ if number == KEY => Verdict::Drop,
            Route::Out => Verdict::Keep,
            Route::Nowhere => Verdict::Drop,
            Route::Held => Verdict::Hold,
        }
    }

    fn count(&mut self, number: usize, verdict: Verdict) {
        let report = &mut self.intake.report;
        match verdict {
            Verdict::Early => report.early += 1,
            Verdict::Drop if number == KEY && !self.cutter.has_begun() && self.cutter.is_first() => {
                report.before_first_rap += 1;
            }
            Verdict::Keep if self.streams[number].codec.is_video() => report.video_pes += 1,
            Verdict::Keep => report.other_pes += 1,
            Verdict::Drop | Verdict::Hold => {}
        }
    }

    fn hold(&mut self, number: usize, packet: &Packet) {
        let dropped = self.held.push(number, packet);
        // Before the first RAP of a run the oldest are those that would be too early in any case.
        if self.cutter.is_first() && !self.cutter.has_begun() {
            self.intake.report.early += dropped;
        } else {
            self.intake.report.overflowed += dropped;
        }
    }

    /// The key stream has reached a bound: asks the cut rule again for all that is held.
    fn release_held(&mut self) {
        let is_open = self.streams.iter().map(|stream| stream.route == Route::Held).collect::<Vec<_>>();
        for pes in self.held.take() {
            let (number, verdict) = (pes.stream, self.cutter.verdict(pes.pts));
            match verdict {
                Verdict::Hold => self.held.put_back(pes),
                Verdict::Keep => pes.packets.iter().for_each(|packet| self.outlet.put(number, packet)),
                Verdict::Drop | Verdict::Early => {}
            }
            self.count(number, verdict);
            // The rest of a PES goes where its beginning went; the last one held of a stream is the one that goes on.
            if is_open[number] {
                self.streams[number].route = Route::from(verdict);
            }
        }
    }

    fn close_if_complete(&mut self) {
        if self.cutter.is_complete() && !self.is_closed {
            self.close();
        }
    }

    fn close(&mut self) {
        self.is_closed = true;
        self.outlet.close(self.extent);
    }
}
