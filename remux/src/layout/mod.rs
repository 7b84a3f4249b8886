//! What is true of a whole run: its streams, how they go out, and where its clock begins.

mod codec;
mod left_out;
mod packaging;
mod stream;

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use self::codec::{AudioFormat, Codec, Format, RapClass, VideoFormat};
pub use self::left_out::{Coding, Kind, LeftOut, LeftOutReason};
pub use self::packaging::Packaging;
pub use self::stream::{Framing, Path, Repair, Setup, Source, Stream};
use crate::time::{MediaTime, Ticks};
use crate::ts::PacketSize;

/// What the head of a run says about all of it. Together with a source range it determines the bytes of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// How far apart the packets of the source stand.
    pub packet_size: PacketSize,
    /// What the source is, and where a container that keeps its tables elsewhere keeps them.
    pub container: Container,
    /// `program_number` of the source program; 1 where the container knows none.
    pub program_number: u16,
    /// Descriptors of the program that its metadata streams need, as bytes (H.222.0 §2.6).
    pub program_descriptors: Vec<u8>,
    /// The streams that go out, video first, then in the order of the PMT or of the tracks.
    pub streams: Vec<Stream>,
    /// The streams that do not, and why.
    pub left_out: Vec<LeftOut>,
    /// **Zero**: PTS of the run's first RAP. Output time is source time - zero + [`ORIGIN`].
    pub zero: MediaTime,
    /// What counts as a random access point.
    pub rap_class: RapClass,
    /// Distance of the first two RAPs; `None` where the head shows only one.
    pub gop: Option<Ticks>,
    /// Duration of a picture (of an audio PES where there is no video), as measured in the head.
    pub frame_duration: Ticks,
}

/// Where zero lies on the output clock: 10 s, so that no DTS falls below 0 and bytes never depend on the session.
pub const ORIGIN: MediaTime = MediaTime::from_ticks(900_000);

impl Layout {
    /// The video stream, if the run has one.
    pub fn video(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.codec.is_video())
    }

    /// The first audio stream, if the run has one.
    pub fn audio(&self) -> Option<&Stream> {
        self.streams.iter().find(|stream| !stream.codec.is_video() && !stream.codec.is_metadata())
    }

    /// This layout, of which little has been seen, with what takes longer to see from that of another recording; `None` where
    /// they do not look the same.
    pub(crate) fn completed_by(self, model: &Self) -> Option<Self> {
        let is_close = |a: Ticks, b: Ticks| (a - b).abs() <= Ticks::new(b.get() / 16);
        // A recorder begins every file with an IDR, whatever follows.
        let may_be_alike = self.rap_class == model.rap_class || self.rap_class == RapClass::Idr;
        if !may_be_alike || !is_close(self.frame_duration, model.frame_duration) {
            return None;
        }
        let durations = model.streams.iter().map(|stream| stream.pes_duration);
        let streams = self.streams.into_iter().zip(durations);
        let streams = streams.map(|(stream, pes_duration)| Stream { pes_duration, ..stream }).collect();
        let Self { rap_class, frame_duration, .. } = *model;
        let completed = Self { streams, rap_class, frame_duration, ..self };
        let expected = Self { zero: completed.zero, gop: completed.gop, ..model.clone() };
        (completed == expected).then_some(completed)
    }

    /// Where a source time lies on the output clock.
    pub fn output_time(&self, source: MediaTime) -> MediaTime {
        ORIGIN + (source - self.zero)
    }
}

/// What a source is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Container {
    /// MPEG-TS (H.222.0).
    #[default]
    TransportStream,
    /// MP4 whose samples are listed in its `moov` box (ISO/IEC 14496-12 §8.2.1).
    Mp4 {
        /// Where the box lies, header included.
        moov: Range<u64>,
    },
    /// MP4 whose samples are listed in `moof` boxes (ISO/IEC 14496-12 §8.8).
    FragmentedMp4 {
        /// Where the `moov` box lies, header included.
        moov: Range<u64>,
    },
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TransportStream => "mpeg-ts",
            Self::Mp4 { .. } => "mp4",
            Self::FragmentedMp4 { .. } => "fragmented mp4",
        })
    }
}
