//! Pass two of a file for download: the samples, in the chunks that pass one ([`super::plan`]) has laid out.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::interleave::Interleave;
use super::sample::Sampler;
use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::report::Report;

/// So many samples of one track that stand together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) lane: usize,
    pub(super) samples: u32,
}

/// Takes pass two. Push the same access units again, poll until there is nothing more, finish, poll again.
#[derive(Debug)]
pub(crate) struct Body {
    lanes: Vec<BodyLane>,
    held: Interleave,
    /// The chunks that are still to come.
    chunks: VecDeque<Chunk>,
    out: VecDeque<Bytes>,
    /// What pass one could not lay out as it came.
    report: Report,
}

/// One track in pass two.
#[derive(Debug)]
struct BodyLane {
    sampler: Sampler,
    /// Sizes of the samples that are still to come.
    sizes: std::vec::IntoIter<u32>,
    /// Samples of the chunk that is being filled, and their bytes.
    samples: u32,
    data: BytesMut,
}

impl Body {
    /// What makes samples of each track, and their sizes; the chunks to come; what pass one has met.
    pub(super) fn new(
        lanes: impl Iterator<Item = (Sampler, Vec<u32>)>,
        chunks: VecDeque<Chunk>,
        report: Report,
    ) -> Self {
        let lanes = lanes.map(|(sampler, sizes)| BodyLane {
            sampler,
            sizes: sizes.into_iter(),
            samples: 0,
            data: BytesMut::new(),
        });
        Self { lanes: lanes.collect(), held: Interleave::default(), chunks, out: VecDeque::new(), report }
    }

    /// What could not be written as it came.
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// Takes the next access unit. An error means that it is not what pass one was shown.
    pub(crate) fn push(&mut self, unit: &AccessUnit) -> Result<(), Error> {
        let changed = Error::SourceChanged { offset: unit.offset };
        let Some(lane) = self.lanes.get_mut(unit.stream) else { return Ok(()) };
        let Some(sample) = lane.sampler.sample(unit) else { return Ok(()) };
        let size = sample.len();
        if lane.sizes.next().map(|size| size as usize) != Some(size) {
            return Err(changed);
        }
        if self.held.is_due(unit.times.dts) {
            self.flush(unit.offset)?;
        }
        self.held.on_sample(unit.times.dts, size);
        let lane = self.lanes.get_mut(unit.stream).ok_or(changed)?;
        sample.write(&mut lane.data);
        lane.samples += 1;
        Ok(())
    }

    /// Ends pass two. An error means that access units of pass one are missing.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.flush(u64::MAX)?;
        match self.chunks.is_empty() {
            true => Ok(()),
            false => Err(Error::SourceChanged { offset: u64::MAX }),
        }
    }

    /// The next bytes of the file, behind its header.
    pub(crate) fn poll(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    fn flush(&mut self, offset: u64) -> Result<(), Error> {
        self.held.on_flush();
        for (number, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| lane.samples > 0) {
            let chunk = Chunk { lane: number, samples: std::mem::take(&mut lane.samples) };
            if self.chunks.pop_front() != Some(chunk) {
                return Err(Error::SourceChanged { offset });
            }
            self.out.push_back(lane.data.split().freeze());
        }
        Ok(())
    }
}
