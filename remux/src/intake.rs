//! What every packet goes through first: whose it is, and whether it can be used.

use crate::layout::Layout;
use crate::limits;
use crate::psi::stream_type::{Declared, declared};
use crate::psi::watch::PsiWatch;
use crate::report::{Event, Report};
use crate::ts::{Continuity, Counter, Header, Packet, Pid, payload_offset};

/// Sorts packets by stream and keeps account of damage.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    /// For each PID the number of its stream, [`TABLES`] or [`NOTHING`].
    slots: Box<[u8; Pid::COUNT]>,
    streams: Vec<Admitted>,
    /// Follows the tables of a source that is read from its beginning; a segment is too short to have any of its own.
    psi: Option<PsiWatch>,
    program_number: u16,
    pub(crate) report: Report,
}

#[derive(Debug, Clone)]
struct Admitted {
    pid: Pid,
    declared: Declared,
    counter: Counter,
}

const NOTHING: u8 = u8::MAX;
const TABLES: u8 = u8::MAX - 1;
const _: () = assert!(limits::STREAMS < TABLES as usize);

impl Intake {
    /// Admits the streams of `layout`, numbered as there; with `follow_tables` it notices when the program changes.
    pub(crate) fn new(layout: &Layout, follow_tables: bool) -> Self {
        let streams = layout.streams.iter().take(limits::STREAMS).map(|stream| Admitted {
            pid: stream.source.pid(),
            declared: Declared::Carried(stream.codec),
            counter: Counter::default(),
        });
        let mut intake = Self {
            slots: Box::new([NOTHING; Pid::COUNT]),
            streams: streams.collect(),
            psi: follow_tables.then(PsiWatch::default),
            program_number: layout.program_number,
            report: Report::default(),
        };
        intake.assign_slots();
        intake
    }

    /// The number of streams.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// The source PID of a stream.
    pub(crate) fn pid(&self, number: usize) -> Pid {
        self.streams.get(number).map_or(Pid::NULL, |stream| stream.pid)
    }

    fn assign_slots(&mut self) {
        self.slots.fill(NOTHING);
        for pid in self.psi.iter().flat_map(PsiWatch::pids) {
            self.slots[pid.index()] = TABLES;
        }
        // In reverse, so that of two streams with one PID the first has it.
        for (number, stream) in self.streams.iter().enumerate().rev() {
            self.slots[stream.pid.index()] = number as u8;
        }
    }

    /// The stream of a packet whose payload can be used.
    #[inline]
    pub(crate) fn admit(
        &mut self,
        offset: u64,
        packet: &Packet,
        events: &mut impl Extend<Event>,
    ) -> Option<usize> {
        self.report.packets += 1;
        let header = Header::of(packet);
        let number = usize::from(self.slots[header.pid().index()]);
        let Some(stream) = self.streams.get_mut(number) else {
            if number == usize::from(TABLES) {
                self.on_table(offset, packet, events);
            }
            return None;
        };
        if header.transport_error_indicator() {
            self.report.transport_errors += 1;
            return None;
        }
        if !header.has_payload() {
            return None;
        }
        if header.is_scrambled() {
            self.report.scrambled += 1;
            return None;
        }
        if payload_offset(packet).is_none() {
            self.report.damaged_packets += 1;
            return None;
        }
        match stream.counter.on_packet(packet) {
            Continuity::Follows => {}
            Continuity::Duplicate => {
                self.report.duplicates += 1;
                return None;
            }
            Continuity::Gap => {
                self.report.continuity_gaps += 1;
                events.extend([Event::ContinuityGap { offset, pid: stream.pid }]);
            }
        }
        Some(number)
    }

    /// Bytes before `offset` that belong to no packet.
    #[cold]
    pub(crate) fn on_gap(&mut self, offset: u64, skipped: u64, events: &mut impl Extend<Event>) {
        self.report.resyncs += 1;
        self.report.skipped_bytes += skipped;
        events.extend([Event::Resync { offset, skipped }]);
    }

    /// A PES of this stream whose start cannot be read.
    #[cold]
    pub(crate) fn on_bad_pes(&mut self, number: usize, offset: u64, events: &mut impl Extend<Event>) {
        self.report.damaged_pes += 1;
        events.extend([Event::DamagedPes { offset, pid: self.pid(number) }]);
    }

    /// The clock of this stream has jumped.
    #[cold]
    pub(crate) fn on_jump(&mut self, number: usize, offset: u64, events: &mut impl Extend<Event>) {
        self.report.timestamp_jumps += 1;
        events.extend([Event::TimestampJump { offset, pid: self.pid(number) }]);
    }

    #[cold]
    fn on_table(&mut self, offset: u64, packet: &Packet, events: &mut impl Extend<Event>) {
        let Some(psi) = &mut self.psi else { return };
        if Header::of(packet).transport_error_indicator() {
            return;
        }
        let pids = psi.pids().count();
        let has_changed = psi.on_packet(packet);
        self.report.damaged_sections = psi.damaged();
        let is_moved = psi.pids().count() != pids || psi.pids().any(|pid| self.slots[pid.index()] == NOTHING);
        if has_changed && !self.is_as_declared() {
            self.report.layout_changes += 1;
            events.extend([Event::LayoutChange { offset }]);
        }
        if is_moved {
            self.assign_slots();
        }
    }

    /// Whether the PMT still declares every stream that goes out as it was.
    fn is_as_declared(&self) -> bool {
        let mut pmts = self.psi.iter().flat_map(PsiWatch::pmts).flatten();
        let Some(pmt) = pmts.find(|pmt| pmt.program_number == self.program_number) else { return true };
        self.streams.iter().all(|stream| {
            pmt.streams.iter().any(|found| found.pid == stream.pid && declared(found) == stream.declared)
        })
    }
}
