//! The conclusions of [`Facts`] from PES that were read in parts.

use super::Index;
use super::pass::Facts;
use super::reader::Learned;
use crate::error::Error;
use crate::layout::{Layout, Path};
use crate::pes::start::{Examined, PesStart};
use crate::time::MediaTime;
use crate::timeline::{Timed, Timekeeper};

/// Takes what parts have settled, in order.
///
/// It knows no packets, so that it cannot look ahead: where a time is doubtful, or a stream must be rebuilt to know its access
/// units, parts do not do, and the recording has to be passed over in one go.
#[derive(Debug)]
pub(super) struct SettledPass {
    facts: Facts,
    time: Timekeeper,
    refused: Option<Error>,
}

impl SettledPass {
    pub(super) fn new(layout: Layout) -> Self {
        let zero = layout.zero;
        Self::near(layout, zero)
    }

    /// The same of what lies around `reference`: a clock of 33 bits does not say which of its turns it is on.
    pub(super) fn near(layout: Layout, reference: MediaTime) -> Self {
        let rebuilt = layout.streams.iter().find(|stream| stream.path != Path::Relabel);
        let refused = rebuilt
            .map(|stream| Error::NeedsOnePass { offset: 0, reason: format!("{} is rebuilt", stream.source) });
        Self { time: Timekeeper::new(&layout, reference), facts: Facts::new(layout), refused }
    }

    /// The same of what begins inside a run.
    pub(super) fn inside(self) -> Self {
        Self { facts: self.facts.inside(), ..self }
    }

    /// The start of a PES at `offset` has been read.
    pub(super) fn on_examined(&mut self, number: usize, examined: Examined, offset: u64) {
        match examined {
            Examined::Start(start) => self.on_pes(number, &start, offset),
            Examined::Bad => {
                self.facts.report_mut().damaged_pes += 1;
                self.facts.on(Learned::Broken { number });
            }
            Examined::More => {}
        }
    }

    fn on_pes(&mut self, number: usize, &PesStart { header, unit }: &PesStart, offset: u64) {
        match self.time.time_at_once(number, &header) {
            Timed::Known(times, _) => {
                let is_rap = unit.is_rap(self.facts.layout().rap_class);
                self.facts.on(Learned::Pes { number, unit, times, is_rap, offset });
            }
            Timed::Unknown => self.facts.on(Learned::Untimed { number, offset }),
            Timed::Suspended => {
                let reason = "a clock makes a step that cannot be judged alone".to_owned();
                self.refused.get_or_insert(Error::NeedsOnePass { offset, reason });
            }
        }
    }

    /// The last PES of a stream goes on up to `end`.
    pub(super) fn on_other_packet(&mut self, number: usize, end: u64) {
        self.facts.on(Learned::Reached { number, end });
    }

    /// All has been seen, and the run ends at this place in the source.
    pub(super) fn finish_at(mut self, end_offset: u64) -> Result<Index, Error> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let report = std::mem::take(self.facts.report_mut());
        Ok(Index { size: end_offset, runs: self.facts.finish(end_offset)?, report })
    }
}
