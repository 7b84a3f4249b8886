//! What goes out: the source's packets with new labels, tables and clock references between them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::pieces::Pieces;
use super::{Extent, KEY};
use crate::es::access_unit::AccessUnit;
use crate::layout::{Layout, ORIGIN};
use crate::mux::dress::{Dressed, Dresser};
use crate::mux::pacing::Pacing;
use crate::mux::packetize::{Pes, packetize};
use crate::mux::tables::{Tables, Version};
use crate::pes::start::PesStart;
use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;
use crate::ts::{
    Header, Packet, Pid, discontinuity_packet, has_room_for_pcr, pcr_packet, relabel,
    rewrite_adaptation_field, set_discontinuity,
};

/// Collects the output of a piece in order.
#[derive(Debug)]
pub(super) struct Outlet {
    layout: Arc<Layout>,
    /// In the order of the layout: number 0 is the key stream, which carries the clock.
    streams: Vec<Outgoing>,
    tables: Tables,
    pacing: Pacing,
    /// DTS of the last PES of the key stream, on the output clock.
    last_dts: Option<MediaTime>,
    /// PTS - DTS of the first.
    delay: Option<Ticks>,
    /// Up to where the key stream is shown, on the output clock.
    end: MediaTime,
    /// Where zero lies on the output clock.
    origin: MediaTime,
    extent: Extent,
    /// Packets that go behind the first of the key stream, while that waits.
    behind_first: Option<Vec<Packet>>,
    pieces: Pieces,
}

#[derive(Debug)]
struct Outgoing {
    pid: Pid,
    /// continuity_counter of the last packet that went out.
    counter: u8,
    /// The times of the last PES, where it is rebuilt.
    last: Option<Times>,
    /// Whether its counters have been declared to begin here.
    is_announced: bool,
    /// Puts its access units into PES, where it is rebuilt.
    dresser: Dresser,
    /// The last PES of a segment decides how many packets there are: it waits until it is known to be the last.
    waiting: Option<Dressed>,
}

/// What the next run of a recording that is copied as a whole goes on from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Continuation {
    /// Where its zero lies on the output clock.
    origin: MediaTime,
    tables: Version,
}

/// A PES as it goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departure {
    /// `None` where the source does not say.
    pub(super) times: Option<Times>,
    /// It is a RAP: tables go before it, and its packet says so.
    pub(super) is_marked: bool,
}

impl Outlet {
    /// With `continues` the counters go on from a piece before; otherwise they are declared to begin here, for in a
    /// playlist another run may come before (H.222.0 §2.4.3.5). Programs that read over an `EXT-X-DISCONTINUITY` would
    /// take the step for a loss.
    pub(super) fn new(layout: Arc<Layout>, continues: bool, extent: Extent) -> Self {
        let tables = Tables::new(&layout, Version::default());
        Self::build(layout, continues, extent, tables, ORIGIN)
    }

    /// The output of a run that goes on from another.
    pub(super) fn following(layout: Arc<Layout>, continuation: Continuation) -> Self {
        let tables = Tables::new(&layout, continuation.tables);
        Self::build(layout, false, Extent::Whole, tables, continuation.origin)
    }

    fn build(
        layout: Arc<Layout>,
        continues: bool,
        extent: Extent,
        tables: Tables,
        origin: MediaTime,
    ) -> Self {
        let streams = layout.streams.iter().map(|stream| Outgoing {
            pid: stream.output_pid,
            counter: 0x0f,
            last: None,
            is_announced: continues,
            dresser: Dresser::new(stream),
            waiting: None,
        });
        Self {
            streams: streams.collect(),
            tables,
            pacing: Pacing::default(),
            last_dts: None,
            delay: None,
            end: origin,
            origin,
            extent,
            behind_first: None,
            pieces: Pieces::default(),
            layout,
        }
    }

    /// What a further run goes on from.
    pub(super) fn continuation(&self) -> Continuation {
        Continuation { origin: self.end, tables: self.tables.next_version() }
    }

    /// What is added to times of the source.
    pub(super) fn shift(&self) -> Ticks {
        self.origin - self.layout.zero
    }

    /// Where a time of the source lies on the output clock.
    fn output_time(&self, source: MediaTime) -> MediaTime {
        self.origin + (source - self.layout.zero)
    }

    /// Whether what goes out now has to be copied: something else goes before it.
    #[inline]
    pub(super) fn is_held_up(&self) -> bool {
        self.behind_first.is_some()
    }

    /// A packet goes out, behind the first of the key stream.
    fn put_packet(&mut self, packet: &Packet) {
        match &mut self.behind_first {
            Some(waiting) => waiting.push(*packet),
            None => self.pieces.made(packet),
        }
    }

    /// The packets at this place in the chunk go out.
    #[inline]
    pub(super) fn source(&mut self, at: Range<usize>) {
        self.pieces.source(at);
    }

    /// A packet that was copied aside goes out, labelled already.
    pub(super) fn put(&mut self, number: usize, packet: &Packet) {
        let mut packet = *packet;
        self.announce(number, &mut packet);
        self.streams[number].counter = Header::of(&packet).continuity_counter();
        self.put_packet(&packet);
    }

    /// A packet that was labelled already goes out at the caller's hand.
    pub(super) fn copied(&mut self, packet: &Packet) {
        self.put_packet(packet);
    }

    /// Hands out what was collected from `chunk`.
    pub(super) fn take(&mut self, chunk: Bytes, out: &mut VecDeque<Bytes>) {
        self.pieces.take(chunk, out);
    }

    /// What goes out before a PES: on the key stream tables and clock references that are due.
    pub(super) fn before_pes(&mut self, number: usize, first: &Packet, pes: Departure) {
        let (KEY, Some(times)) = (number, pes.times) else { return };
        let counter = Header::of(first).continuity_counter().wrapping_sub(1);
        let dts = self.before_key(times, pes.is_marked, counter);
        let is_due = self.pacing.needs_pcr(dts, pes.is_marked, self.layout.frame_duration);
        if is_due && !has_room_for_pcr(first) {
            let packet = pcr_packet(self.streams[KEY].pid, counter, pes.is_marked, Pacing::pcr(dts));
            self.pieces.made(&packet);
            self.pacing.on_pcr(dts);
        }
    }

    /// Tables and clock references that are due before the key stream's next; `counter` is that of its last packet. Gives
    /// its DTS on the output clock.
    fn before_key(&mut self, times: Times, is_marked: bool, counter: u8) -> MediaTime {
        for number in KEY + 1..self.streams.len() {
            if let Some(due) = self.streams[number].dresser.take_due(times.dts) {
                self.put_dressed(number, due);
            }
        }
        let dts = self.output_time(times.dts);
        self.fill_clock(dts, counter);
        if self.pacing.take_tables(dts, is_marked) {
            self.put_tables();
        }
        self.last_dts = Some(dts);
        self.delay.get_or_insert(times.delay());
        self.end = self.end.max(self.output_time(times.pts) + self.layout.frame_duration);
        dts
    }

    /// An access unit goes out in packets of its own; `is_marked` says that it is a RAP.
    pub(super) fn put_unit(&mut self, unit: AccessUnit, is_marked: bool) {
        let Some(stream) = self.streams.get_mut(unit.stream) else { return };
        let number = unit.stream;
        match stream.dresser.put(unit, is_marked) {
            Some(dressed) => self.put_dressed(number, dressed),
            // Frames of sound that wait for others, where there are no pictures.
            None if number == KEY && self.last_dts.is_none() => {
                self.behind_first.get_or_insert_default();
            }
            None => {}
        }
    }

    /// An access unit does not go out.
    pub(super) fn skip_unit(&mut self, unit: &AccessUnit) {
        if let Some(stream) = self.streams.get_mut(unit.stream) {
            stream.dresser.skip(unit);
        }
    }

    /// In a segment the last PES of each stream waits.
    fn put_dressed(&mut self, number: usize, dressed: Dressed) {
        let next = match self.extent {
            Extent::Whole => Some(dressed),
            Extent::Segment => self.streams[number].waiting.replace(dressed),
        };
        match next {
            Some(next) => self.put_pes(number, &next, false),
            // Tables and the RAP go before everything else.
            None if number == KEY => {
                self.behind_first.get_or_insert_default();
            }
            None => {}
        }
    }

    /// Times of sound that the source does not give may have run ahead of one that it gives: what goes out rises. The cut rule
    /// goes by the source's, which do not depend on what was read before.
    fn rising(&mut self, number: usize, times: Times) -> Times {
        let last = &mut self.streams[number].last;
        let least = last.map(|last| last.dts + Ticks::new(1)).filter(|&least| times.dts < least);
        let rising = least.map_or(times, |dts| Times { dts, pts: times.pts.max(dts) });
        *last = Some(rising);
        rising
    }

    fn put_pes(&mut self, number: usize, dressed: &Dressed, align: bool) {
        let mut pcr = None;
        let times = self.rising(number, dressed.times);
        if number == KEY {
            let dts = self.before_key(times, dressed.is_marked, self.streams[KEY].counter);
            self.pacing.on_pcr(dts);
            pcr = Some(Pacing::pcr(dts));
        }
        let output = |time: MediaTime| self.output_time(time).wrap();
        let Times { pts, dts } = times;
        let (pts, dts) = (output(pts), (dts != pts).then(|| output(dts)));
        let stream = &mut self.streams[number];
        let pes = Pes {
            stream_id: dressed.stream_id,
            pts,
            dts,
            pcr,
            is_rap: dressed.is_marked,
            is_announced: !std::mem::replace(&mut stream.is_announced, true),
            has_hole: dressed.is_damaged,
            data: &dressed.pieces().collect::<Vec<_>>(),
        };
        let behind = self.behind_first.take_if(|_| number == KEY).unwrap_or_default();
        let counter = &mut stream.counter;
        match &mut self.behind_first {
            None => self.pieces.make(|made| packetize(stream.pid, &pes, counter, align, made)),
            Some(waiting) => {
                let mut made = BytesMut::new();
                packetize(stream.pid, &pes, counter, align, &mut made);
                waiting.extend(made.as_chunks().0);
            }
        }
        behind.iter().for_each(|packet| self.pieces.made(packet));
    }

    /// Writes times of the output clock into a PES header.
    pub(super) fn write_header(&self, start: &PesStart, pes: Departure, header: &mut [u8]) {
        let output = |time: MediaTime| self.output_time(time).wrap();
        start.header.rewrite(
            header,
            pes.times.map(|times| output(times.pts)),
            pes.times.map(|times| output(times.dts)),
        );
    }

    /// Labels the first packet of a PES; on the key stream it carries a PCR where there is room.
    pub(super) fn label_first(&mut self, number: usize, packet: &mut Packet, pes: Departure) {
        let stream = &mut self.streams[number];
        stream.counter = Header::of(packet).continuity_counter();
        relabel(packet, stream.pid);
        let dts = pes.times.map(|times| self.output_time(times.dts));
        let pcr = dts.filter(|_| number == KEY && has_room_for_pcr(packet));
        rewrite_adaptation_field(packet, pes.is_marked, pcr.map(Pacing::pcr));
        if let Some(dts) = pcr {
            self.pacing.on_pcr(dts);
        }
    }

    /// Labels a packet that goes on with a PES.
    #[inline]
    pub(super) fn label_next(&mut self, number: usize, packet: &mut Packet) {
        let stream = &mut self.streams[number];
        stream.counter = Header::of(packet).continuity_counter();
        relabel(packet, stream.pid);
        if Header::of(packet).has_adaptation_field() {
            rewrite_adaptation_field(packet, false, None);
        }
    }

    /// Where a stream goes out.
    #[inline]
    pub(super) fn pid(&self, number: usize) -> Pid {
        self.streams[number].pid
    }

    /// The last packet of this stream that went out.
    #[inline]
    pub(super) fn on_last(&mut self, number: usize, packet: &Packet) {
        self.streams[number].counter = Header::of(packet).continuity_counter();
    }

    /// The source begins anew here, as where two recordings are joined: so do its counters.
    pub(super) fn renounce(&mut self, number: usize) {
        if let Some(stream) = self.streams.get_mut(number) {
            stream.is_announced = false;
        }
    }

    /// Declares before the first packet of a stream, or in it, that its counter does not go on from another run.
    pub(super) fn announce(&mut self, number: usize, first: &mut Packet) {
        let stream = &mut self.streams[number];
        if !std::mem::replace(&mut stream.is_announced, true) && !set_discontinuity(first) {
            let before = Header::of(first).continuity_counter().wrapping_sub(1);
            let packet = discontinuity_packet(stream.pid, before);
            self.put_packet(&packet);
        }
    }

    /// The end: the clock runs on to where the next picture would be, or to the RAP shown at `next`, the counters of the
    /// tables to where the next segment begins.
    pub(super) fn close(&mut self, next: Option<MediaTime>) {
        self.flush();
        if let (Some(last), Some(key)) = (self.last_dts, self.streams.first()) {
            let counter = key.counter;
            let frame_later = last + self.layout.frame_duration.min(Ticks::SECOND);
            let next = next.map(|pts| self.output_time(pts) - self.delay.unwrap_or(Ticks::ZERO));
            self.fill_clock(next.map_or(frame_later, |next| next.max(frame_later)), counter);
        } else {
            // A piece without a single RAP is still a transport stream.
            self.put_tables();
        }
        while self.extent == Extent::Segment && !self.tables.is_aligned() {
            self.put_tables();
        }
    }

    /// What still waits goes out: of a segment the last PES of each rebuilt stream, in so many packets that the counter
    /// ends where that of the next segment begins.
    fn flush(&mut self) {
        for number in 0..self.streams.len() {
            if let Some(dressed) = self.streams[number].dresser.finish() {
                self.put_dressed(number, dressed);
            }
            if let Some(last) = self.streams[number].waiting.take() {
                self.put_pes(number, &last, true);
            }
        }
    }

    /// Clock references in a hole between pictures, and tables with them.
    fn fill_clock(&mut self, until: MediaTime, counter: u8) {
        let pid = self.streams[KEY].pid;
        for dts in self.pacing.take_fillers(until) {
            if self.pacing.take_tables(dts, false) {
                self.put_tables();
            }
            self.pieces.made(&pcr_packet(pid, counter, false, Pacing::pcr(dts)));
        }
    }

    fn put_tables(&mut self) {
        for packet in self.tables.next_pair() {
            self.pieces.made(packet);
        }
    }
}
