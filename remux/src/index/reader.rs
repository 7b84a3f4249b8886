//! Reads a stretch of a transport stream with one layout and tells what begins where.

use crate::es::Unit;
use crate::es::access_unit::AccessUnit;
use crate::es::assemble::Assembler;
use crate::head::Kept;
use crate::intake::{Admitted, Intake};
use crate::layout::{Codec, Layout, Path, RapClass};
use crate::limits;
use crate::pes::header::{Parsed, PesHeader};
use crate::pes::length;
use crate::pes::start::{Examined, PesStart, Starting, examine};
use crate::psi::watch::PsiWatch;
use crate::report::{Event, Report};
use crate::rewriter::Successor;
use crate::time::{MediaTime, Ticks};
use crate::timeline::{Standing, Timed, Timekeeper, Times};
use crate::ts::{Found, Framer, Header, PACKET, Packet, payload};

/// What is found on the way. Times go on where a clock is set anew.
#[derive(Debug)]
pub(super) enum Learned {
    /// A PES of a stream that is relabelled.
    Pes { number: usize, unit: Unit, times: Times, is_rap: bool, offset: u64 },
    /// A PES without a time.
    Untimed { number: usize, offset: u64 },
    /// An access unit of a stream that is rebuilt; the source has been read up to `read_to`.
    Unit { unit: AccessUnit, read_to: u64 },
    /// The last PES of a stream goes on up to `end`.
    Reached { number: usize, end: u64 },
    /// A PES of this stream cannot be read.
    Broken { number: usize },
    /// The clock of the key stream was set anew: from this DTS on times are shifted by so much.
    Jump { dts: MediaTime, shift: Ticks },
}

/// Reads the streams of one layout.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    framer: Framer,
    intake: Intake,
    events: Heard,
    time: Timekeeper,
    rap_class: RapClass,
    /// In the order of the layout: number 0 is the key stream.
    streams: Vec<StreamReader>,
    units: Vec<AccessUnit>,
    successor: Option<Successor>,
    /// The program has changed its streams.
    is_over: bool,
}

#[derive(Debug, Clone)]
struct StreamReader {
    codec: Codec,
    starting: Option<Box<Starting>>,
    /// Where it is rebuilt.
    assembler: Option<Box<Assembler>>,
    /// Whether the PES that has begun can be read.
    is_inside: bool,
}

const KEY: usize = 0;

/// When the first RAP of a run is shown that a pass finds in the bytes of its head, those up to `read_to`.
pub(crate) fn first_rap(layout: &Layout, psi: PsiWatch, head: &Kept, read_to: u64) -> Option<MediaTime> {
    let mut reader = Reader::new(layout, head.offset, psi);
    let mut left = usize::try_from(read_to.saturating_sub(head.offset)).unwrap_or(usize::MAX);
    let mut found = None;
    for piece in head.chunks.iter().flat_map(|chunk| chunk.chunks(FEW_BYTES)) {
        let piece = &piece[..piece.len().min(left)];
        left -= piece.len();
        let is_over = reader.push(piece, false, &mut |learned| found = found.or(learned.rap(layout)));
        if is_over || left == 0 || found.is_some() {
            break;
        }
    }
    if found.is_none() {
        reader.finish(&mut |learned| found = found.or(learned.rap(layout)));
    }
    found
}

/// Nearly always the first of these hold it.
const FEW_BYTES: usize = 16 << 10;

impl Learned {
    /// When it is shown, where it is a RAP of the key stream.
    fn rap(&self, layout: &Layout) -> Option<MediaTime> {
        match self {
            Self::Pes { number: KEY, times, is_rap: true, .. } => Some(times.pts),
            Self::Unit { unit, .. } if unit.stream == KEY && unit.is_boundary => {
                unit.unit.is_rap(layout.rap_class).then_some(unit.times.pts)
            }
            _ => None,
        }
    }
}

/// The first events of a pass.
#[derive(Debug, Clone, Default)]
struct Heard(Vec<Event>);

impl Extend<Event> for Heard {
    fn extend<T: IntoIterator<Item = Event>>(&mut self, events: T) {
        let room = limits::EVENTS.saturating_sub(self.0.len());
        self.0.extend(events.into_iter().take(room));
    }
}

impl Reader {
    pub(super) fn new(layout: &Layout, offset: u64, psi: PsiWatch) -> Self {
        let streams = layout.streams.iter().enumerate().map(|(number, stream)| StreamReader {
            codec: stream.codec,
            starting: None,
            assembler: (stream.path == Path::Rebuild).then(|| Box::new(Assembler::new(number, layout))),
            is_inside: false,
        });
        Self {
            framer: Framer::new(offset),
            intake: Intake::new(layout, Some(psi)),
            events: Heard::default(),
            time: Timekeeper::new(layout, layout.zero),
            rap_class: layout.rap_class,
            streams: streams.collect(),
            units: Vec::new(),
            successor: None,
            is_over: false,
        }
    }

    /// Offset of what has not been read.
    pub(super) fn offset(&self) -> u64 {
        self.framer.offset()
    }

    pub(super) fn report(&self) -> &Report {
        &self.intake.report
    }

    pub(super) fn into_events(self) -> Vec<Event> {
        self.events.0
    }

    pub(super) fn take_successor(&mut self) -> Option<Successor> {
        self.successor.take()
    }

    /// The next bytes. Says whether the program has changed its streams: then this reader is done.
    pub(super) fn push(&mut self, chunk: &[u8], at_end: bool, learn: &mut impl FnMut(Learned)) -> bool {
        loop {
            self.replay(learn);
            match self.framer.next(chunk, at_end) {
                Found::Inside(at) => {
                    let packet = chunk[at..].first_chunk().expect("the framer found a whole packet");
                    self.on_packet(packet, learn);
                }
                Found::Across => {
                    let packet = *self.framer.across();
                    self.on_packet(&packet, learn);
                }
                Found::Nothing => return false,
            }
            if self.intake.take_layout_change() {
                let (offset, bytes) = (self.framer.offset(), self.framer.unread(chunk).into());
                self.is_over = true;
                self.successor = self.intake.take_psi().map(|psi| Successor { psi, offset, bytes });
                return true;
            }
        }
    }

    /// No more packets come.
    pub(super) fn finish(&mut self, learn: &mut impl FnMut(Learned)) {
        if !self.is_over {
            self.push(&[], true, learn);
            self.intake.report.skipped_bytes += self.framer.take_gap().unwrap_or(0);
        }
        loop {
            self.time.suspense.on_end(false);
            self.replay(learn);
            (0..self.streams.len()).for_each(|number| _ = self.settle(number, None, learn));
            if !self.time.suspense.is_open() {
                break;
            }
        }
        self.intake.finish();
        for number in 0..self.streams.len() {
            if let Some(assembler) = &mut self.streams[number].assembler {
                assembler.finish(&mut self.units);
            }
            self.put_units(number, self.offset(), learn);
        }
    }

    #[inline]
    fn replay(&mut self, learn: &mut impl FnMut(Learned)) {
        while let Some(waiting) = self.time.suspense.next_replay() {
            if let Some(admitted) = self.intake.admit_again(&waiting, &mut self.events) {
                self.on_admitted(&waiting.packet, waiting.offset, admitted, learn);
            }
        }
    }

    #[inline]
    fn on_packet(&mut self, packet: &Packet, learn: &mut impl FnMut(Learned)) {
        let offset = self.framer.offset() - PACKET as u64;
        if let Some(skipped) = self.framer.take_gap() {
            self.intake.on_gap(offset, skipped, &mut self.events);
        }
        if self.time.suspense.is_open() && !self.intake.is_table(packet) {
            return self.time.suspense.hold(offset, packet);
        }
        if let Some(admitted) = self.intake.admit(offset, packet, &mut self.events) {
            self.on_admitted(packet, offset, admitted, learn);
        }
    }

    #[inline]
    fn on_admitted(
        &mut self,
        packet: &Packet,
        offset: u64,
        Admitted { number, has_gap }: Admitted,
        learn: &mut impl FnMut(Learned),
    ) {
        if self.streams[number].assembler.is_some() {
            return self.on_rebuilt(number, packet, offset, has_gap, learn);
        }
        if Header::of(packet).payload_unit_start_indicator() {
            if self.settle(number, Some((offset, packet)), learn) {
                return;
            }
            match examine(self.streams[number].codec, payload(packet), false) {
                Examined::More => self.streams[number].starting = Some(Starting::new(offset, packet)),
                examined => _ = self.on_examined(number, examined, [(offset, *packet)], learn),
            }
        } else if let stream = &mut self.streams[number]
            && let Some(starting) = &mut stream.starting
        {
            let examined = starting.push(stream.codec, offset, packet);
            if examined != Examined::More {
                self.on_started(number, examined, None, learn);
            }
        }
        if number != KEY && self.streams[number].starting.is_none() {
            learn(Learned::Reached { number, end: offset + PACKET as u64 });
        }
    }

    /// The stream's PES is over, for `next` begins another: what its start says now is all there will be. Says whether its time
    /// is in doubt: then its packets will come again, and `next` behind them.
    fn settle(
        &mut self,
        number: usize,
        next: Option<(u64, &Packet)>,
        learn: &mut impl FnMut(Learned),
    ) -> bool {
        let stream = &self.streams[number];
        match &stream.starting {
            Some(starting) if stream.assembler.is_none() => {
                let examined = starting.settle(stream.codec);
                self.on_started(number, examined, next, learn)
            }
            _ => false,
        }
    }

    fn on_started(
        &mut self,
        number: usize,
        examined: Examined,
        next: Option<(u64, &Packet)>,
        learn: &mut impl FnMut(Learned),
    ) -> bool {
        let Some(starting) = self.streams[number].starting.take() else { return false };
        let next = next.map(|(offset, packet)| (offset, *packet));
        self.on_examined(number, examined, starting.packets.into_iter().chain(next), learn)
    }

    /// Says whether the packets will come again.
    fn on_examined(
        &mut self,
        number: usize,
        examined: Examined,
        packets: impl IntoIterator<Item = (u64, Packet)>,
        learn: &mut impl FnMut(Learned),
    ) -> bool {
        let mut packets = packets.into_iter().peekable();
        let offset = packets.peek().map_or(0, |&(offset, _)| offset);
        let PesStart { header, unit } = match examined {
            Examined::Start(start) => start,
            Examined::More => return false,
            Examined::Bad => {
                self.intake.on_bad_pes(number, offset, &mut self.events);
                learn(Learned::Broken { number });
                return false;
            }
        };
        match self.timed(number, &header, packets, learn) {
            Timed::Suspended => {
                learn(Learned::Broken { number });
                return true;
            }
            Timed::Unknown => learn(Learned::Untimed { number, offset }),
            Timed::Known(times, standing) => {
                let is_rap = standing != Standing::Replaced && unit.is_rap(self.rap_class);
                learn(Learned::Pes { number, unit, times, is_rap, offset });
            }
        }
        false
    }

    fn timed(
        &mut self,
        number: usize,
        header: &PesHeader,
        packets: impl IntoIterator<Item = (u64, Packet)>,
        learn: &mut impl FnMut(Learned),
    ) -> Timed {
        let mut packets = packets.into_iter().peekable();
        let offset = packets.peek().map_or(0, |&(offset, _)| offset);
        let timed = self.time.time(number, self.intake.pid(number), header, packets);
        if let Timed::Known(times, standing) = timed {
            self.intake.on_standing(number, standing, offset, &mut self.events);
            if standing == Standing::Jumped && number == KEY {
                learn(Learned::Jump { dts: times.dts, shift: self.time.shift() });
            }
        }
        timed
    }

    /// A packet of a stream that is rebuilt.
    fn on_rebuilt(
        &mut self,
        number: usize,
        packet: &Packet,
        offset: u64,
        has_gap: bool,
        learn: &mut impl FnMut(Learned),
    ) {
        let stream = &mut self.streams[number];
        let Some(assembler) = &mut stream.assembler else { return };
        if has_gap {
            assembler.on_loss();
        }
        let is_start = Header::of(packet).payload_unit_start_indicator();
        match &mut stream.starting {
            starting if is_start => {
                *starting = Some(Starting::new(offset, packet));
                self.on_header(number, PesHeader::parse(payload(packet)), learn);
            }
            Some(starting) => {
                let parsed = starting.push_header(offset, packet);
                self.on_header(number, parsed, learn);
            }
            None if stream.is_inside => assembler.on_payload(payload(packet), false, &mut self.units),
            None => {}
        }
        self.put_units(number, offset + PACKET as u64, learn);
    }

    fn on_header(&mut self, number: usize, parsed: Parsed, learn: &mut impl FnMut(Learned)) {
        let header = match parsed {
            Parsed::More => return,
            Parsed::Bad => None,
            Parsed::Complete(header) => Some(header),
        };
        let stream = &mut self.streams[number];
        stream.is_inside = false;
        let Some(starting) = stream.starting.take() else { return };
        let Some(header) = header else {
            return self.intake.on_bad_pes(number, starting.offset, &mut self.events);
        };
        let times = match self.timed(number, &header, starting.packets.iter().copied(), learn) {
            Timed::Suspended => return,
            Timed::Unknown => None,
            Timed::Known(times, standing) => Some((times, standing != Standing::Replaced)),
        };
        let stream = &mut self.streams[number];
        stream.is_inside = true;
        let Some(assembler) = &mut stream.assembler else { return };
        let length = length::told(starting.payload()).and_then(|told| told.checked_sub(header.length));
        assembler.on_start(starting.offset, times, length, &mut self.units);
        assembler.on_payload(&starting.payload()[header.length..], true, &mut self.units);
    }

    fn put_units(&mut self, number: usize, read_to: u64, learn: &mut impl FnMut(Learned)) {
        if let Some(assembler) = &mut self.streams[number].assembler {
            assembler.report(&mut self.intake.report);
        }
        self.units.drain(..).for_each(|unit| learn(Learned::Unit { unit, read_to }));
    }
}
