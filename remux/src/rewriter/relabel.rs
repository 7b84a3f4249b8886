//! The Relabel path: packets stay as they are, only headers change.
//!
//! A packet stays where it lies in the chunk that it came in. What must be seen before the first packet of a PES can go out
//! nearly always stands in that packet; where it does not, the packets are copied aside until it does.

use super::outlet::Departure;
use super::piece::{Judged, Route};
use super::{Events, Fate, Lane, Rewriter};
use crate::pes::start::{Examined, PesStart, Starting, examine};
use crate::timeline::{Standing, Timed};
use crate::ts::{PACKET, Packet, payload_offset, relabel};

/// The state of a stream that is relabelled.
#[derive(Debug, Default)]
pub(super) struct Relabel {
    /// The PES that has begun, as long as its first bytes do not say enough.
    pub(super) starting: Option<Box<Starting>>,
}

impl Rewriter {
    /// The first packet of a PES.
    pub(super) fn on_start(
        &mut self,
        number: usize,
        packet: &mut Packet,
        offset: u64,
        events: &mut Events,
    ) -> Fate {
        if self.settle(number, Some((offset, packet)), events) {
            return Fate::Dropped;
        }
        let codec = self.streams[number].codec;
        let payload_at = payload_offset(packet).unwrap_or(PACKET);
        let start = match examine(codec, &packet[payload_at..], false) {
            Examined::More => {
                self.streams[number].lane =
                    Lane::Relabel(Relabel { starting: Some(Starting::new(offset, packet)) });
                return Fate::Dropped;
            }
            Examined::Bad => {
                self.on_bad(number, offset, events);
                return Fate::Dropped;
            }
            Examined::Start(start) => start,
        };
        let raw = *packet;
        let Some((departure, standing)) = self.time(number, &start, [(offset, raw)], events) else {
            return Fate::Dropped;
        };
        let is_rap = self.is_rap(number, &start, standing);
        let judged = self.piece.judge(number, departure, is_rap, offset);
        self.piece.close_if_complete();
        let departure = Departure { is_marked: judged.is_marked, ..departure };
        if judged.route == Route::Nowhere {
            return Fate::Dropped;
        }
        let outlet = &mut self.piece.outlet;
        if judged.route == Route::Out {
            outlet.before_pes(number, packet, departure);
        }
        outlet.write_header(&start, departure, &mut packet[payload_at..]);
        outlet.label_first(number, packet, departure);
        if judged.route == Route::Held {
            self.piece.start_holding(number, departure);
            self.piece.hold(number, packet);
            return Fate::Dropped;
        }
        self.piece.outlet.announce(number, packet);
        if judged.is_begin { Fate::KeptThenHeld } else { Fate::Kept(number) }
    }

    /// Behind a packet of this stream that goes out: the packets that stand next to it in the chunk and do nothing but go on
    /// with its PES. Those are nearly all packets of a recording, so they go through one short loop.
    pub(super) fn on_row(&mut self, number: usize, chunk: &mut [u8]) {
        let is_simple = matches!(&self.streams[number].lane, Lane::Relabel(Relabel { starting: None }));
        if !is_simple || self.piece.route(number) != Route::Out || self.piece.is_closed() {
            return;
        }
        let row = self.framer.row(chunk);
        let pid = self.piece.outlet.pid(number);
        let count = self.intake.admit_row(number, row, |packet| {
            relabel(packet, pid);
            true
        });
        if let Some(last) = row[..count].last() {
            self.piece.outlet.on_last(number, last);
            self.piece.outlet.source(self.framer.pass_row(count));
        }
    }

    /// A further packet of a PES that does not simply go out.
    pub(super) fn on_rest(&mut self, number: usize, packet: &mut Packet, offset: u64, events: &mut Events) {
        let stream = &mut self.streams[number];
        if let Lane::Relabel(Relabel { starting: Some(starting) }) = &mut stream.lane {
            let examined = starting.push(stream.codec, offset, packet);
            self.on_examined(number, examined, None, events);
        } else if self.piece.route(number) == Route::Held {
            self.piece.outlet.label_next(number, packet);
            self.piece.hold(number, packet);
        } else {
            self.piece.on_offset(offset);
        }
    }

    /// The stream's PES is over, for `next` begins another: what its start says now is all there will be. Says whether its time
    /// is in doubt: then its packets will come again, and `next` behind them.
    pub(super) fn settle(
        &mut self,
        number: usize,
        next: Option<(u64, &Packet)>,
        events: &mut Events,
    ) -> bool {
        let stream = &self.streams[number];
        let Lane::Relabel(Relabel { starting: Some(starting) }) = &stream.lane else { return false };
        let examined = starting.settle(stream.codec);
        self.on_examined(number, examined, next, events)
    }

    /// Where a start that took several packets says enough now, they go where the first alone would have gone. Says whether they
    /// will come again instead, and `next` behind them.
    fn on_examined(
        &mut self,
        number: usize,
        examined: Examined,
        next: Option<(u64, &Packet)>,
        events: &mut Events,
    ) -> bool {
        let start = match examined {
            Examined::More => return false,
            Examined::Bad => None,
            Examined::Start(start) => Some(start),
        };
        let Lane::Relabel(relabel) = &mut self.streams[number].lane else { return false };
        let Some(starting) = relabel.starting.take() else { return false };
        let Some(start) = start else {
            self.on_bad(number, starting.offset, events);
            return false;
        };
        let raw = starting.packets.iter().copied().chain(next.map(|(offset, packet)| (offset, *packet)));
        let Some((departure, standing)) = self.time(number, &start, raw, events) else { return true };
        let is_rap = self.is_rap(number, &start, standing);
        let judged = self.piece.judge(number, departure, is_rap, starting.offset);
        self.on_started(number, *starting, &start, departure, judged);
        false
    }

    fn on_started(
        &mut self,
        number: usize,
        mut starting: Starting,
        start: &PesStart,
        departure: Departure,
        judged: Judged,
    ) {
        self.piece.close_if_complete();
        let departure = Departure { is_marked: judged.is_marked, ..departure };
        let outlet = &mut self.piece.outlet;
        match (judged.route, starting.packets.first()) {
            (Route::Nowhere, _) | (_, None) => return,
            (Route::Out, Some((_, first))) => outlet.before_pes(number, first, departure),
            (Route::Held, Some(_)) => {}
        }
        starting.write_header(start, |header| outlet.write_header(start, departure, header));
        if judged.route == Route::Held {
            self.piece.start_holding(number, departure);
        }
        for (position, (_, packet)) in starting.packets.iter_mut().enumerate() {
            match position {
                0 => self.piece.outlet.label_first(number, packet, departure),
                _ => self.piece.outlet.label_next(number, packet),
            }
            match judged.route {
                Route::Held => self.piece.hold(number, packet),
                _ => self.piece.outlet.put(number, packet),
            }
            if position == 0 && judged.is_begin {
                self.piece.release_held();
            }
        }
    }

    fn on_bad(&mut self, number: usize, offset: u64, events: &mut Events) {
        self.piece.mute(number);
        self.intake.on_bad_pes(number, offset, events);
    }

    /// When a PES goes out; `None` where its packets will come again.
    fn time(
        &mut self,
        number: usize,
        start: &PesStart,
        packets: impl IntoIterator<Item = (u64, Packet)>,
        events: &mut Events,
    ) -> Option<(Departure, Standing)> {
        let mut packets = packets.into_iter().peekable();
        let offset = packets.peek().map_or(0, |&(offset, _)| offset);
        if self.has_begun() {
            self.time.hold_on();
        }
        let (times, standing) = match self.time.time(number, self.intake.pid(number), &start.header, packets)
        {
            Timed::Suspended => {
                self.piece.mute(number);
                return None;
            }
            Timed::Unknown => (None, Standing::Steady),
            Timed::Known(times, standing) => (Some(times), standing),
        };
        self.intake.on_standing(number, standing, offset, events);
        if standing == Standing::Jumped {
            self.piece.outlet.renounce(number);
        }
        Some((Departure { times, is_marked: false }, standing))
    }

    /// A single wild time must neither begin nor end a piece.
    fn is_rap(&self, number: usize, start: &PesStart, standing: Standing) -> bool {
        number == super::KEY
            && standing != Standing::Replaced
            && start.header.pts.is_some()
            && start.unit.is_rap(self.layout().rap_class)
    }
}
