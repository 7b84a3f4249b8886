//! Packets of a transport stream in, one piece of output out.
//!
//! ```text
//!           ┌ no stream that goes out, or damage ─▶ dropped
//! packet ─▶ Intake ─▶ start of a PES? ─▶ Timekeeper ─▶ Cutter ─▶ header rewritten in place ─▶ Outlet
//!                         │  └ cannot be ─▶ Suspense    └ cannot be told yet ─▶ Held
//!                         └ rebuilt: Assembler ─▶ access unit ─▶ Cutter ─▶ new packets ─▶ Outlet
//! ```
//! Each stream goes one of two ways, as its layout says: [`relabel`] or [`rebuild`].

mod held;
mod interleave;
mod movie;
mod mp4;
mod outlet;
mod piece;
mod pieces;
mod rebuild;
mod relabel;
mod splice;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use self::outlet::Outlet;
use self::piece::{Piece, Route};
use self::rebuild::Rebuild;
use self::relabel::Relabel;
use crate::cut::{Bounds, Seen};
use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::es::assemble::Assembler;
use crate::intake::{Admitted, Intake};
use crate::layout::{Codec, Layout, Path};
use crate::locate::Found;
use crate::psi::watch::PsiWatch;
use crate::report::{Event, Report};
use crate::time::Ticks;
use crate::timeline::Timekeeper;
use crate::ts::{self, Framer, Header, PACKET, Packet, PacketSize};

pub use self::movie::Measured;
pub(crate) use self::movie::Target;
pub(crate) use self::mp4::Mp4Rewriter;
pub(crate) use self::outlet::Continuation;

/// Makes one piece of output: a whole run of a recording, or a segment of it.
#[derive(Debug)]
pub(crate) struct Rewriter {
    framer: Framer,
    intake: Intake,
    /// In the order of the layout: number 0 is the key stream.
    streams: Vec<StreamState>,
    time: Timekeeper,
    piece: Piece,
    /// Room for the access units of one packet.
    units: Vec<AccessUnit>,
    /// What follows the run's last packet.
    successor: Option<Successor>,
}

/// What a [`Rewriter`] makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Something that stands alone, or goes on from another run.
    Whole,
    /// A segment: the counters of its tables end where those of the next one begin.
    Segment,
}

/// Where the next run begins.
#[derive(Debug, Clone)]
pub(crate) struct Successor {
    /// What the source says about its programs.
    pub(crate) psi: PsiWatch,
    /// Offset in the source of its first byte.
    pub(crate) offset: u64,
    /// What has been pushed of it.
    pub(crate) bytes: Bytes,
}

/// A stream that goes out.
#[derive(Debug)]
struct StreamState {
    codec: Codec,
    lane: Lane,
}

/// How a stream gets from source to output.
#[derive(Debug)]
enum Lane {
    Relabel(Relabel),
    Rebuild(Box<Rebuild>),
    /// Sections, which have no PES around them.
    Sections,
}

/// Where events go.
type Events = VecDeque<Event>;

/// What becomes of the packet just seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dropped,
    /// What it carries was taken out of it, for the stream of this number.
    Taken(usize),
    /// It is of the stream of this number, and goes out from where it lies.
    Kept(usize),
    /// So it does, and what was held goes behind it.
    KeptThenHeld,
}

const KEY: usize = 0;

impl Rewriter {
    /// Begins where `framer` does.
    ///
    /// # Errors
    /// Where the layout cannot go into the target.
    pub(crate) fn new(
        layout: Arc<Layout>,
        bounds: Bounds,
        framer: Framer,
        extent: Extent,
        target: Target,
    ) -> Result<Self, Error> {
        let layout = target.layout(&layout);
        let continues = extent == Extent::Whole || !bounds.is_first;
        let outlet = Outlet::new(Arc::clone(&layout), continues, extent);
        Self::build(layout, bounds, framer, extent, outlet, PsiWatch::default(), target)
    }

    /// A further run of what is copied as a whole: `psi` is what the source said about its programs before.
    pub(crate) fn following(
        layout: Arc<Layout>,
        bounds: Bounds,
        framer: Framer,
        psi: PsiWatch,
        continuation: Continuation,
    ) -> Result<Self, Error> {
        let outlet = Outlet::following(Arc::clone(&layout), continuation);
        Self::build(layout, bounds, framer, Extent::Whole, outlet, psi, Target::Packets)
    }

    fn build(
        layout: Arc<Layout>,
        bounds: Bounds,
        framer: Framer,
        extent: Extent,
        outlet: Outlet,
        psi: PsiWatch,
        target: Target,
    ) -> Result<Self, Error> {
        let makes_packets = matches!(target, Target::Packets);
        let reference = bounds.from.unwrap_or(layout.zero);
        let intake = Intake::new(&layout, (extent == Extent::Whole).then_some(psi));
        let streams = layout.streams.iter().enumerate().take(intake.len()).map(|(number, stream)| {
            let lane = match stream.path {
                _ if stream.codec == Codec::Scte35 => Lane::Sections,
                Path::Relabel if makes_packets => Lane::Relabel(Relabel::default()),
                Path::Relabel | Path::Rebuild => {
                    Lane::Rebuild(Box::new(Rebuild::new(Assembler::new(number, &layout))))
                }
            };
            StreamState { codec: stream.codec, lane }
        });
        let time = Timekeeper::new(&layout, reference);
        Ok(Self {
            framer,
            streams: streams.collect(),
            time: if extent == Extent::Segment { time.free() } else { time },
            intake,
            piece: Piece::new(layout, bounds, extent, outlet, target)?,
            units: Vec::new(),
            successor: None,
        })
    }

    /// Why no more can be made.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.piece.failure()
    }

    /// What was measured, where that was asked for.
    pub(crate) fn into_measured(self) -> Result<Option<Measured>, Error> {
        self.piece.into_measured()
    }

    /// The next bytes of the source.
    pub(crate) fn push(
        &mut self,
        mut chunk: BytesMut,
        out: &mut VecDeque<Bytes>,
        events: &mut VecDeque<Event>,
    ) {
        self.run(&mut chunk, false, events);
        self.piece.take(chunk.freeze(), out);
    }

    /// The end of the source.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Bytes>, events: &mut VecDeque<Event>) {
        self.run(&mut [], true, events);
        if !self.piece.is_closed() {
            self.intake.report.skipped_bytes += self.framer.take_gap().unwrap_or(0);
            self.end_run(events);
        }
        self.piece.take(Bytes::new(), out);
    }

    /// Whether nothing that follows can change the output.
    pub(crate) fn is_complete(&self) -> bool {
        self.piece.is_closed()
    }

    /// Whether a RAP that the piece could begin at has been found.
    pub(crate) fn has_begun(&self) -> bool {
        self.piece.cutter.has_begun()
    }

    /// What it has found of its bounds.
    pub(crate) fn found(&self) -> Found {
        let cutter = &self.piece.cutter;
        let Seen { first, begin, end, .. } = cutter.seen;
        Found {
            first,
            begin,
            end,
            standing: cutter.standing(),
            may_lack_sound: cutter.seen.may_lack_sound(),
            read_to: self.framer.offset(),
        }
    }

    /// What it makes.
    pub(crate) fn extent(&self) -> Extent {
        self.piece.extent()
    }

    /// The layout that it follows.
    pub(crate) fn layout(&self) -> &Layout {
        &self.piece.layout
    }

    /// What has happened so far.
    pub(crate) fn report(&self) -> Report {
        self.intake.report.clone() + &self.piece.report()
    }

    /// Media time from zero to where the key stream has come.
    pub(crate) fn elapsed(&self) -> Ticks {
        self.piece.reached - self.layout().zero
    }

    /// The run has ended because the program has changed its streams: where the next begins.
    pub(crate) fn take_successor(&mut self) -> Option<(Successor, Continuation)> {
        let successor = self.successor.take()?;
        Some((successor, self.piece.outlet.continuation()))
    }

    fn run(&mut self, chunk: &mut [u8], at_end: bool, events: &mut VecDeque<Event>) {
        while !self.piece.is_closed() {
            self.replay(events);
            // What was played again may have been the last that belongs inside.
            if self.piece.is_closed() {
                break;
            }
            match self.framer.next(chunk, at_end) {
                ts::Found::Inside(at) => self.on_inside(chunk, at, events),
                ts::Found::Across => {
                    let offset = self.framer.offset() - PACKET as u64;
                    let mut packet = *self.framer.across();
                    self.on_copied(&mut packet, offset, events);
                }
                ts::Found::Nothing => break,
            }
            if self.intake.take_layout_change() {
                self.succeed(chunk, events);
            }
        }
    }

    /// A packet that lies in the chunk.
    #[inline]
    fn on_inside(&mut self, chunk: &mut [u8], at: usize, events: &mut Events) {
        let offset = self.framer.offset() - PACKET as u64;
        let packet = chunk[at..].first_chunk_mut().expect("the framer found a whole packet");
        let fate = self.on_packet(packet, offset, events);
        // Packets that do not lie side by side make one piece only where they are copied together; and some have to wait.
        let in_place = self.framer.packet_size() == PacketSize::Plain && !self.piece.outlet.is_held_up();
        match (fate, in_place) {
            (Fate::Dropped, _) => return,
            (Fate::Taken(number), _) => return self.on_rebuilt_row(number, chunk),
            (_, true) => self.piece.outlet.source(at..at + PACKET),
            (_, false) => self.piece.outlet.copied(packet),
        }
        self.after(fate);
        if let (Fate::Kept(number), true) = (fate, in_place) {
            self.on_row(number, chunk);
        }
    }

    /// What was held for a doubtful time, once that is decided.
    #[inline]
    fn replay(&mut self, events: &mut Events) {
        while let Some(mut waiting) = self.time.suspense.next_replay() {
            let Some(admitted) = self.intake.admit_again(&waiting, events) else { continue };
            let fate = self.on_admitted(&mut waiting.packet, waiting.offset, admitted, events);
            self.put_copied(&waiting.packet, fate);
        }
    }

    /// A packet that does not lie in the chunk.
    fn on_copied(&mut self, packet: &mut Packet, offset: u64, events: &mut Events) {
        let fate = self.on_packet(packet, offset, events);
        self.put_copied(packet, fate);
    }

    fn put_copied(&mut self, packet: &Packet, fate: Fate) {
        if let Fate::Kept(_) | Fate::KeptThenHeld = fate {
            self.piece.outlet.copied(packet);
            self.after(fate);
        }
    }

    #[inline]
    fn after(&mut self, fate: Fate) {
        if fate == Fate::KeptThenHeld {
            self.piece.release_held();
        }
    }

    #[inline]
    fn on_packet(&mut self, packet: &mut Packet, offset: u64, events: &mut Events) -> Fate {
        if let Some(skipped) = self.framer.take_gap() {
            self.intake.on_gap(offset, skipped, events);
        }
        // Tables never wait: what they say ends a run.
        if self.time.suspense.is_open() && !self.intake.is_table(packet) {
            self.time.suspense.hold(offset, packet);
            return Fate::Dropped;
        }
        match self.intake.admit(offset, packet, events) {
            Some(admitted) => self.on_admitted(packet, offset, admitted, events),
            None => Fate::Dropped,
        }
    }

    #[inline]
    fn on_admitted(
        &mut self,
        packet: &mut Packet,
        offset: u64,
        Admitted { number, has_gap }: Admitted,
        events: &mut Events,
    ) -> Fate {
        match &self.streams[number].lane {
            Lane::Relabel(_) if Header::of(packet).payload_unit_start_indicator() => {
                self.on_start(number, packet, offset, events)
            }
            Lane::Relabel(Relabel { starting: None }) if self.piece.route(number) == Route::Out => {
                self.piece.outlet.label_next(number, packet);
                Fate::Kept(number)
            }
            Lane::Relabel(_) => {
                self.on_rest(number, packet, offset, events);
                Fate::Dropped
            }
            Lane::Sections => self.on_section_packet(number, packet),
            Lane::Rebuild(_) => {
                self.on_rebuilt(number, packet, offset, has_gap, events);
                Fate::Taken(number)
            }
        }
    }

    /// A packet of sections goes out where it stands, while the key stream is inside.
    #[cold]
    fn on_section_packet(&mut self, number: usize, packet: &mut Packet) -> Fate {
        if !self.piece.cutter.is_inside() {
            return Fate::Dropped;
        }
        self.piece.counted.other_pes += u64::from(Header::of(packet).payload_unit_start_indicator());
        let shift = self.piece.outlet.shift() + self.time.shift();
        splice::move_times(packet, shift);
        self.piece.outlet.label_next(number, packet);
        self.piece.outlet.announce(number, packet);
        Fate::Kept(number)
    }

    /// The program has changed its streams: what comes now is another run.
    #[cold]
    fn succeed(&mut self, chunk: &[u8], events: &mut Events) {
        let bytes = Bytes::from(self.framer.unread(chunk));
        let offset = self.framer.offset();
        self.end_run(events);
        self.successor = self.intake.take_psi().map(|psi| Successor { psi, offset, bytes });
    }

    /// No more packets come: what is still waiting goes out.
    fn end_run(&mut self, events: &mut VecDeque<Event>) {
        self.piece.cutter.on_last_bytes();
        let goes_on = self.extent() == Extent::Segment && self.piece.cutter.ends_before_rap();
        loop {
            self.time.suspense.on_end(goes_on);
            self.replay(events);
            for number in 0..self.streams.len() {
                self.settle(number, None, events);
            }
            if !self.time.suspense.is_open() {
                break;
            }
        }
        self.intake.finish();
        for number in 0..self.streams.len() {
            self.finish_rebuilt(number);
        }
        self.piece.finish();
    }
}
