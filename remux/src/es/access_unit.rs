//! One access unit on its way from a demuxer to a muxer.

use std::ops::Range;

use bytes::Bytes;

use super::{Role, Unit, role};
use crate::layout::Codec;
use crate::timeline::Times;

/// One picture, or one frame of sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccessUnit {
    /// Number of its stream in the layout.
    pub(crate) stream: usize,
    /// Where in the source reading has to begin to get all of it.
    pub(crate) offset: u64,
    /// When it is decoded and shown, on the clock of the source: 90 kHz.
    pub(crate) times: Times,
    /// What decoding can do with it.
    pub(crate) unit: Unit,
    /// Packets of it, or right before it, were lost: the output must show a hole, too.
    pub(crate) is_damaged: bool,
    /// Whether a piece may begin and end at it: the source itself says when, and can be believed, and of a picture it shows
    /// the beginning, so that whoever begins to read here takes it for one.
    pub(crate) is_boundary: bool,
    /// What it consists of.
    pub(crate) data: Data,
}

impl AccessUnit {
    /// Bytes that it keeps in memory, about.
    pub(crate) fn size(&self) -> usize {
        match &self.data {
            Data::Nals(nals) => nals.bytes.len(),
            Data::Frame(frame) => frame.len(),
        }
    }
}

/// The bytes of an access unit, without anything that belongs to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data {
    /// Pictures: NAL units, whatever stood between them in the source.
    Nals(Nals),
    /// Sound: one frame. AAC: a raw_data_block without ADTS header; MPEG audio, AC-3, Enhanced AC-3: a frame with its own
    /// header; Opus: a packet.
    Frame(Bytes),
}

/// NAL units in order, each from its header on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Nals {
    bytes: Bytes,
    ranges: Vec<Range<usize>>,
}

impl Nals {
    /// NAL units that lie in `bytes` at `ranges`; a range outside of it is left out.
    pub(crate) fn new(bytes: Bytes, mut ranges: Vec<Range<usize>>) -> Self {
        ranges.retain(|range| range.start < range.end && range.end <= bytes.len());
        Self { bytes, ranges }
    }

    /// The NAL units.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &[u8]> + Clone + ExactSizeIterator {
        self.ranges.iter().map(|range| &self.bytes[range.clone()])
    }

    /// The NAL units before the first slice, and those from it on: parameter sets that are there no longer say how it is read.
    pub(crate) fn around_slice(
        &self,
        codec: Codec,
    ) -> (impl Iterator<Item = &[u8]> + Clone, impl Iterator<Item = &[u8]> + Clone) {
        let slice = self.iter().position(|nal| role(codec, nal) == Some(Role::Slice));
        let slice = slice.unwrap_or(self.ranges.len());
        (self.iter().take(slice), self.iter().skip(slice))
    }

    /// The NAL units, each a handle of its own.
    pub(crate) fn slices(&self) -> impl Iterator<Item = Bytes> {
        self.ranges.iter().map(|range| self.bytes.slice(range.clone()))
    }
}
