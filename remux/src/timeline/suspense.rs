//! A time that no camera's clock would show: what follows decides whether it is believed.
//!
//! ```text
//!            doubtful time            fits what came before it: Wild
//!  packets ──────────────▶ Suspense ─┤
//!                          (held)     three in a row: Believed       ──▶ held packets are played
//! ```
//! One frame with a wild time is a fault of the encoder, and gets another time. Three in a row are a clock that was set
//! anew, or a hole. The packets from the doubtful one on wait meanwhile, those of all streams, so that the order in which
//! things are decided is the order of the source.

use std::collections::VecDeque;

use super::clock::{Clock, Reading};
use crate::limits;
use crate::pes::header::{Parsed, PesHeader};
use crate::time::{MediaTime, Ticks};
use crate::ts::{Header, PACKET, Packet, Pid, payload};

/// What is decided about a doubtful time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// It is wrong: the PES is given another time, before this one, which follows it.
    Wild(Option<MediaTime>),
    /// It is right: the clock was set, or there is a hole.
    Believed,
}

/// A packet that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// Where it starts in the source.
    pub(crate) offset: u64,
    /// As it came.
    pub(crate) packet: Packet,
    /// It was looked at before the doubt arose, and must not be taken for its own duplicate.
    pub(crate) is_admitted: bool,
}

/// The doubts about the clocks of a source, at most one at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Suspense {
    open: Option<Doubt>,
    /// What is played before anything else.
    replay: VecDeque<Waiting>,
    /// What was decided about the PES of this PID that starts at this offset.
    ruling: Option<(Pid, u64, Ruling)>,
}

#[derive(Debug, Clone)]
struct Doubt {
    pid: Pid,
    offset: u64,
    /// The clock before the doubtful time.
    clock: Clock,
    /// The last time that fits the doubtful one.
    newest: MediaTime,
    /// How many in a row do, itself included.
    agreeing: usize,
    packets: VecDeque<Waiting>,
    /// The beginning of a PES whose header is not complete yet.
    partial: Vec<u8>,
}

/// Times in a row that make a clock believed.
const CONFIRMATIONS: usize = 3;
/// The most that is kept.
const MOST_PACKETS: usize = limits::SUSPENSE_BYTES / PACKET;

impl Suspense {
    /// Whether packets are being held.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What was decided about a doubtful time in the PES of `pid` at `offset`, if that is being played again.
    pub(crate) fn ruling(&mut self, pid: Pid, offset: u64) -> Option<Ruling> {
        self.ruling.take_if(|&mut (of, at, _)| (of, at) == (pid, offset)).map(|(_, _, ruling)| ruling)
    }

    /// Holds the packets of the PES of `pid` at `offset`, the last of which has just been seen, and all that follow.
    pub(crate) fn open(
        &mut self,
        pid: Pid,
        offset: u64,
        clock: Clock,
        reading: Reading,
        packets: impl IntoIterator<Item = (u64, Packet)>,
    ) {
        let admitted =
            packets.into_iter().map(|(offset, packet)| Waiting { offset, packet, is_admitted: true });
        let waiting = std::mem::take(&mut self.replay);
        let doubt = Doubt {
            pid,
            offset,
            clock,
            newest: reading.times.dts,
            agreeing: 1,
            packets: VecDeque::new(),
            partial: Vec::new(),
        };
        self.open = Some(doubt);
        admitted.chain(waiting).for_each(|waiting| self.add(waiting));
    }

    /// The next packet of the source, while packets are held.
    pub(crate) fn hold(&mut self, offset: u64, packet: &Packet) {
        self.add(Waiting { offset, packet: *packet, is_admitted: false });
    }

    fn add(&mut self, waiting: Waiting) {
        let Some(doubt) = &mut self.open else { return self.replay.push_back(waiting) };
        let ruling = doubt.vote(waiting.offset, &waiting.packet);
        doubt.packets.push_back(waiting);
        if let Some(ruling) = ruling {
            self.settle(ruling);
        } else if doubt.packets.len() >= MOST_PACKETS {
            self.settle(Ruling::Believed);
        }
    }

    /// No more comes: at the end of a source a time that nothing confirmed is not believed; where the source `goes_on`, what
    /// would confirm it has not been read, for it belongs behind the piece.
    pub(crate) fn on_end(&mut self, goes_on: bool) {
        let is_confirmed = self.open.as_ref().is_some_and(|doubt| doubt.agreeing > 1);
        self.settle(if is_confirmed || goes_on { Ruling::Believed } else { Ruling::Wild(None) });
    }

    fn settle(&mut self, ruling: Ruling) {
        if let Some(doubt) = self.open.take() {
            self.ruling = Some((doubt.pid, doubt.offset, ruling));
            self.replay = doubt.packets;
        }
    }

    /// The next packet that was held, once that is decided.
    #[inline]
    pub(crate) fn next_replay(&mut self) -> Option<Waiting> {
        if self.open.is_some() { None } else { self.replay.pop_front() }
    }
}

impl Doubt {
    /// What a packet says about the doubtful time, if it says anything.
    fn vote(&mut self, offset: u64, packet: &Packet) -> Option<Ruling> {
        let header = Header::of(packet);
        if header.pid() != self.pid || header.transport_error_indicator() || header.is_scrambled() {
            return None;
        }
        match header.payload_unit_start_indicator() {
            true => self.partial.clear(),
            false if self.partial.is_empty() => return None,
            false => {}
        }
        if offset == self.offset {
            return None;
        }
        self.partial.extend_from_slice(payload(packet));
        let parsed = PesHeader::parse(&self.partial);
        if parsed != Parsed::More {
            self.partial.clear();
        }
        let Parsed::Complete(header) = parsed else { return None };
        let dts = self.clock.read(&header)?.times.dts;
        // Over a jump of hours the nearest turn of the clock may be another one.
        let near_new =
            header.dts.or(header.pts)?.unwrap_near(self.newest - self.clock.added()) + self.clock.added();
        if self.clock.is_plausible(dts - self.clock.reference()) {
            return Some(Ruling::Wild(Some(dts)));
        }
        let step = near_new - self.newest;
        if step <= Ticks::ZERO || step > Clock::LONGEST_HOLE {
            return Some(Ruling::Wild(None));
        }
        (self.newest, self.agreeing) = (near_new, self.agreeing + 1);
        (self.agreeing >= CONFIRMATIONS).then_some(Ruling::Believed)
    }
}
