//! The Rebuild path: access units are taken out of their packets and put into new ones.

use super::{Events, Lane, Rewriter};
use crate::es::access_unit::AccessUnit;
use crate::es::assemble::Assembler;
use crate::pes::header::{Parsed, PesHeader};
use crate::pes::length;
use crate::pes::start::Starting;
use crate::timeline::{Standing, Timed};
use crate::ts::{Header, Packet, payload};

/// The state of a stream that is rebuilt.
#[derive(Debug)]
pub(super) struct Rebuild {
    /// Puts access units together.
    pub(super) assembler: Assembler,
    phase: Phase,
}

/// How far the PES has come.
#[derive(Debug)]
enum Phase {
    /// None has begun whose header can be read.
    Outside,
    /// Its header is not complete.
    Starting(Box<Starting>),
    /// Its data comes.
    Inside,
}

impl Rebuild {
    pub(super) fn new(assembler: Assembler) -> Self {
        Self { assembler, phase: Phase::Outside }
    }
}

impl Rewriter {
    /// A packet of a stream that is rebuilt.
    pub(super) fn on_rebuilt(
        &mut self,
        number: usize,
        packet: &Packet,
        offset: u64,
        has_gap: bool,
        events: &mut Events,
    ) {
        let mut units = std::mem::take(&mut self.units);
        let is_start = Header::of(packet).payload_unit_start_indicator();
        if let Lane::Rebuild(rebuild) = &mut self.streams[number].lane {
            if has_gap {
                rebuild.assembler.on_loss();
            }
            match (&mut rebuild.phase, is_start) {
                (_, true) => {
                    rebuild.phase = Phase::Starting(Starting::new(offset, packet));
                    let parsed = PesHeader::parse(payload(packet));
                    self.on_header(number, parsed, offset, events, &mut units);
                }
                (Phase::Starting(starting), false) => {
                    let parsed = starting.push_header(offset, packet);
                    self.on_header(number, parsed, offset, events, &mut units);
                }
                (Phase::Inside, false) => rebuild.assembler.on_payload(payload(packet), false, &mut units),
                (Phase::Outside, false) => {}
            }
        }
        self.put_units(number, units);
        self.piece.on_offset(offset);
    }

    /// Behind a packet of this stream: the packets that stand next to it in the chunk and do nothing but go on with its PES, up
    /// to one that completes an access unit.
    pub(super) fn on_rebuilt_row(&mut self, number: usize, chunk: &mut [u8]) {
        // Behind its last picture a piece can end at any packet.
        if self.piece.is_closed() || !self.piece.cutter.is_inside() {
            return;
        }
        let Lane::Rebuild(rebuild) = &mut self.streams[number].lane else { return };
        let Phase::Inside = rebuild.phase else { return };
        let mut units = std::mem::take(&mut self.units);
        let count = self.intake.admit_row(number, self.framer.row(chunk), |packet| {
            rebuild.assembler.on_payload(payload(packet), false, &mut units);
            units.is_empty()
        });
        self.framer.pass_row(count);
        self.put_units(number, units);
    }

    /// What has been seen of a PES's header says this.
    fn on_header(
        &mut self,
        number: usize,
        parsed: Parsed,
        offset: u64,
        events: &mut Events,
        units: &mut Vec<AccessUnit>,
    ) {
        let Lane::Rebuild(rebuild) = &mut self.streams[number].lane else { return };
        let header = match parsed {
            Parsed::More => return,
            Parsed::Bad => {
                rebuild.phase = Phase::Outside;
                return self.intake.on_bad_pes(number, offset, events);
            }
            Parsed::Complete(header) => header,
        };
        let Phase::Starting(starting) = std::mem::replace(&mut rebuild.phase, Phase::Outside) else { return };
        let raw = starting.packets.iter().copied();
        let offset = starting.offset;
        if self.piece.cutter.has_begun() {
            self.time.hold_on();
        }
        let timed = self.time.time(number, self.intake.pid(number), &header, raw);
        let times = match timed {
            Timed::Suspended => return,
            Timed::Unknown => None,
            Timed::Known(times, standing) => {
                self.intake.on_standing(number, standing, offset, events);
                if standing == Standing::Jumped {
                    self.piece.outlet.renounce(number);
                }
                Some((times, standing != Standing::Replaced))
            }
        };
        rebuild.phase = Phase::Inside;
        let length = length::told(starting.payload()).and_then(|told| told.checked_sub(header.length));
        rebuild.assembler.on_start(offset, times, length, units);
        rebuild.assembler.on_payload(&starting.payload()[header.length..], true, units);
    }

    /// The stream has ended.
    pub(super) fn finish_rebuilt(&mut self, number: usize) {
        let mut units = std::mem::take(&mut self.units);
        if let Lane::Rebuild(rebuild) = &mut self.streams[number].lane {
            rebuild.assembler.finish(&mut units);
        }
        self.put_units(number, units);
    }

    fn put_units(&mut self, number: usize, mut units: Vec<AccessUnit>) {
        if let Lane::Rebuild(rebuild) = &mut self.streams[number].lane {
            rebuild.assembler.report(&mut self.intake.report);
        }
        units.drain(..).for_each(|unit| self.piece.on_unit(unit));
        self.units = units;
    }
}
