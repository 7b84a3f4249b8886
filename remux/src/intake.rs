//! What every packet goes through first: whose it is, and whether it can be used.

use crate::layout::Layout;
use crate::layout::Path;
use crate::limits;
use crate::pes::length::LengthWatch;
use crate::psi::stream_type::{Declared, declared};
use crate::psi::tables::Pmt;
use crate::psi::watch::PsiWatch;
use crate::report::{Event, Report};
use crate::timeline::{Standing, Waiting};
use crate::ts::{Continuity, Counter, Header, Packet, Pid, payload_offset};

/// Sorts packets by stream and keeps account of damage.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    /// For each PID the number of its stream, [`TABLES`] or [`NOTHING`].
    slots: Box<[u8; Pid::COUNT]>,
    streams: Vec<Followed>,
    /// Follows the tables of a source that is read from its beginning; a segment is too short to have any of its own.
    psi: Option<PsiWatch>,
    /// The streams that the program declared when the run began, those that are left out for their silence too.
    declared: Option<Vec<(Pid, Declared)>>,
    has_layout_changed: bool,
    program_number: u16,
    pub(crate) report: Report,
}

/// A packet whose payload can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// The number of its stream.
    pub(crate) number: usize,
    /// Packets of its stream are missing before it.
    pub(crate) has_gap: bool,
}

#[derive(Debug, Clone)]
struct Followed {
    pid: Pid,
    declared: Declared,
    counter: Counter,
    /// Where its PES go out as they are.
    length: Option<LengthWatch>,
}

const NOTHING: u8 = u8::MAX;
const TABLES: u8 = u8::MAX - 1;
const _: () = assert!(limits::STREAMS < TABLES as usize);

impl Intake {
    /// Admits the streams of `layout`, numbered as there; with `psi`, what is known of the programs before, it notices when
    /// the program changes.
    pub(crate) fn new(layout: &Layout, psi: Option<PsiWatch>) -> Self {
        let streams = layout.streams.iter().take(limits::STREAMS).map(|stream| Followed {
            pid: stream.source.pid(),
            declared: Declared::Carried(stream.codec),
            counter: Counter::default(),
            length: (stream.path == Path::Relabel && !stream.codec.is_metadata())
                .then(|| LengthWatch::new(stream.codec.is_video())),
        });
        let mut intake = Self {
            slots: Box::new([NOTHING; Pid::COUNT]),
            streams: streams.collect(),
            psi,
            declared: None,
            has_layout_changed: false,
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
    ) -> Option<Admitted> {
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
        let Some(payload_at) = payload_offset(packet) else {
            self.report.damaged_packets += 1;
            return None;
        };
        let mut has_gap = false;
        match stream.counter.on_packet(packet) {
            Continuity::Follows => {}
            Continuity::Duplicate => {
                self.report.duplicates += 1;
                return None;
            }
            Continuity::Gap => {
                has_gap = true;
                stream.length.iter_mut().for_each(LengthWatch::on_loss);
                self.report.continuity_gaps += 1;
                events.extend([Event::ContinuityGap { offset, pid: stream.pid }]);
            }
        }
        if let Some(length) = &mut stream.length
            && length.on_payload(&packet[payload_at..], header.payload_unit_start_indicator())
        {
            self.report.wrong_lengths += 1;
        }
        Some(Admitted { number, has_gap })
    }

    /// No more packets come.
    pub(crate) fn finish(&mut self) {
        let lengths = self.streams.iter_mut().filter_map(|stream| stream.length.as_mut());
        self.report.wrong_lengths += lengths.map(|length| u64::from(length.finish())).sum::<u64>();
    }

    /// How many packets at the front of `row`, which stand behind one of this stream, go on with it and are nothing but payload:
    /// there is nothing more to find out about them. Each is handed to `on_each`, which says whether to go on behind it.
    #[inline]
    pub(crate) fn admit_row(
        &mut self,
        number: usize,
        row: &mut [Packet],
        on_each: impl FnMut(&mut Packet) -> bool,
    ) -> usize {
        let Some(stream) = self.streams.get_mut(number) else { return 0 };
        let count = stream.counter.on_row(stream.pid, row, on_each);
        if let Some(length) = &mut stream.length {
            length.on_row(&row[..count]);
        }
        self.report.packets += count as u64;
        count
    }

    /// The stream of a packet that was held for a doubtful time.
    pub(crate) fn admit_again(
        &mut self,
        waiting: &Waiting,
        events: &mut impl Extend<Event>,
    ) -> Option<Admitted> {
        if !waiting.is_admitted {
            return self.admit(waiting.offset, &waiting.packet, events);
        }
        let number = usize::from(self.slots[Header::of(&waiting.packet).pid().index()]);
        (number < self.streams.len()).then_some(Admitted { number, has_gap: false })
    }

    /// Whether this packet is of a PID that carries tables.
    #[inline]
    pub(crate) fn is_table(&self, packet: &Packet) -> bool {
        self.slots[Header::of(packet).pid().index()] == TABLES
    }

    /// Whether the program no longer has the streams that it began with; asking takes it.
    #[inline]
    pub(crate) fn take_layout_change(&mut self) -> bool {
        std::mem::take(&mut self.has_layout_changed)
    }

    /// What is known of the programs: the run is over.
    pub(crate) fn take_psi(&mut self) -> Option<PsiWatch> {
        self.psi.take()
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

    /// The times of this PES are not steady.
    #[cold]
    pub(crate) fn on_standing(
        &mut self,
        number: usize,
        standing: Standing,
        offset: u64,
        events: &mut impl Extend<Event>,
    ) {
        let pid = self.pid(number);
        match standing {
            Standing::Steady => {}
            Standing::Jumped => {
                self.report.timestamp_jumps += 1;
                events.extend([Event::TimestampJump { offset, pid }]);
            }
            Standing::Replaced => {
                self.report.wild_timestamps += 1;
                events.extend([Event::WildTimestamp { offset, pid }]);
            }
        }
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
        if has_changed && self.is_changed() {
            self.has_layout_changed = true;
            self.report.layout_changes += 1;
            events.extend([Event::LayoutChange { offset }]);
        }
        if is_moved {
            self.assign_slots();
        }
    }

    /// Whether the streams that could go out are others than when the run began.
    fn is_changed(&mut self) -> bool {
        let Some(now) = self.carried() else { return false };
        match &self.declared {
            Some(before) => *before != now,
            None => {
                // The head may have chosen its streams from another PMT than the first.
                let is_as_chosen =
                    self.streams.iter().all(|stream| now.contains(&(stream.pid, stream.declared)));
                self.declared = is_as_chosen.then_some(now);
                false
            }
        }
    }

    /// What could go out of the program that is played; where it is gone, of the first with anything to play.
    fn carried(&self) -> Option<Vec<(Pid, Declared)>> {
        let carried = |pmt: &Pmt| {
            let streams = pmt.streams.iter().map(|stream| (stream.pid, declared(stream)));
            streams.filter(|(_, declared)| matches!(declared, Declared::Carried(_))).collect::<Vec<_>>()
        };
        let psi = self.psi.as_ref()?;
        if psi.programs().any(|number| number == self.program_number) {
            let ours = psi.pmts().flatten().find(|pmt| pmt.program_number == self.program_number)?;
            return Some(carried(ours));
        }
        psi.pmts().flatten().map(carried).find(|streams| !streams.is_empty())
    }
}
