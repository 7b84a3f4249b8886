//! The clocks of all streams of a run.

use super::clock::{Clock, Times};
use super::suspense::{Ruling, Suspense};
use crate::layout::Layout;
use crate::limits;
use crate::pes::header::PesHeader;
use crate::time::{MediaTime, Ticks};
use crate::ts::{Packet, Pid};

/// Gives every PES its times.
#[derive(Debug, Clone)]
pub(crate) struct Timekeeper {
    /// In the order of the layout: number 0 is the key stream.
    clocks: Vec<Clock>,
    /// The packets that wait for a decision.
    pub(crate) suspense: Suspense,
    /// Nothing has gone out: a clock that jumps is begun anew rather than made to go on.
    is_free: bool,
}

/// When a PES is decoded and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timed {
    /// At these times.
    Known(Times, Standing),
    /// Its header does not say.
    Unknown,
    /// What follows must be seen first: its packets will come again.
    Suspended,
}

/// What the times of a PES are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They go on from those before.
    Steady,
    /// Its clock was set anew; times go on as if it had not been.
    Jumped,
    /// They are not what its header says, which cannot be.
    Replaced,
}

const KEY: usize = 0;

impl Timekeeper {
    /// Clocks that begin near `reference`.
    pub(crate) fn new(layout: &Layout, reference: MediaTime) -> Self {
        let clocks = layout.streams.iter().take(limits::STREAMS).enumerate().map(|(number, stream)| {
            // Where times are rare, they are as far apart as that.
            let least = if number == KEY { layout.frame_duration } else { Ticks::ZERO };
            Clock::near(reference, stream.pes_duration.max(least))
                .measured(number != KEY)
                .shifted(stream.shift)
                .reordering(stream.reorder, layout.frame_duration)
                .trusted(stream.codec.is_metadata())
        });
        Self { clocks: clocks.collect(), suspense: Suspense::default(), is_free: false }
    }

    /// Until [`hold_on`](Self::hold_on) clocks may jump as they like: where a source is read from some place before what is
    /// wanted, its times are those that it says, and a wild one at that place does no harm.
    pub(crate) fn free(self) -> Self {
        Self { is_free: true, ..self }
    }

    /// Something has gone out.
    #[inline]
    pub(crate) fn hold_on(&mut self) {
        self.is_free = false;
    }

    /// The times of the PES of stream `number`, whose packets up to now are `packets`.
    pub(crate) fn time(
        &mut self,
        number: usize,
        pid: Pid,
        header: &PesHeader,
        packets: impl IntoIterator<Item = (u64, Packet)>,
    ) -> Timed {
        let Some(clock) = self.clocks.get_mut(number) else { return Timed::Unknown };
        let Some(reading) = clock.read(header) else { return Timed::Unknown };
        if !reading.is_doubtful {
            clock.take(reading.times);
            let standing = if reading.is_patched { Standing::Replaced } else { Standing::Steady };
            return Timed::Known(reading.times, standing);
        }
        let mut packets = packets.into_iter().peekable();
        let offset = packets.peek().map_or(0, |&(offset, _)| offset);
        match self.suspense.ruling(pid, offset) {
            None => {
                self.suspense.open(pid, offset, *clock, reading, packets);
                Timed::Suspended
            }
            Some(Ruling::Wild(next)) => {
                let times = clock.replace(reading.times.delay(), next);
                Timed::Known(times, Standing::Replaced)
            }
            Some(Ruling::Believed) => self.believe(number, reading.times),
        }
    }

    /// The same without looking ahead: what is doubtful stays undecided.
    pub(crate) fn time_at_once(&mut self, number: usize, header: &PesHeader) -> Timed {
        let Some(clock) = self.clocks.get_mut(number) else { return Timed::Unknown };
        match clock.read(header) {
            None => Timed::Unknown,
            Some(reading) if reading.is_patched => Timed::Suspended,
            // Sound may be rare; were it wrong, the next time would be a step back.
            Some(reading) if reading.is_doubtful && (number == KEY || !clock.is_hole(reading.times.dts)) => {
                Timed::Suspended
            }
            Some(reading) => {
                clock.take(reading.times);
                Timed::Known(reading.times, Standing::Steady)
            }
        }
    }

    fn believe(&mut self, number: usize, times: Times) -> Timed {
        let clock = &mut self.clocks[number];
        if self.is_free || clock.is_hole(times.dts) {
            clock.take(times);
            return Timed::Known(times, Standing::Steady);
        }
        let mut times = clock.rebase(times);
        let key = self.clocks[KEY].shift();
        if number == KEY {
            self.clocks.iter_mut().skip(1).filter(|clock| clock.shift() != Ticks::ZERO).for_each(|clock| {
                clock.follow(key);
            });
        } else if key != Ticks::ZERO {
            times = times.shifted(self.clocks[number].follow(key));
        }
        Timed::Known(times, Standing::Jumped)
    }

    /// What the times of the key stream are shifted by.
    pub(crate) fn shift(&self) -> Ticks {
        self.clocks.first().map_or(Ticks::ZERO, Clock::shift)
    }
}
