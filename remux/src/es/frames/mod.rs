//! Frames of sound: how long the frame at the start of some bytes is, in bytes and in samples.
//!
//! Every kind of sound that a transport stream carries says so in the header of each frame, but LATM, whose
//! configuration need not be repeated ([`super::latm`]).

pub(crate) mod aac;
pub(crate) mod ac3;
pub(crate) mod mpeg_audio;
pub(crate) mod opus;

use crate::layout::Codec;

/// One frame of sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Bytes before what MP4 would call the sample: an ADTS header, the control header of Opus in transport streams.
    pub(crate) header: usize,
    /// Bytes of the whole frame, `header` included.
    pub(crate) length: usize,
    /// Samples of each channel that it decodes to; 0 where it `continues` the frame before.
    pub(crate) samples: u32,
    /// Samples per second.
    pub(crate) sample_rate: u32,
    /// Channels; 0 where the header does not say.
    pub(crate) channels: u32,
    /// Whether it belongs to the access unit that the frame before began: a further substream of Enhanced AC-3.
    pub(crate) continues: bool,
}

/// What the start of some bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// A frame. Its end may lie past the bytes that were looked at.
    Frame(Frame),
    /// Perhaps a frame: its header is not complete.
    More,
    /// No frame, or one that cannot be passed on.
    Bad,
}

impl Look {
    /// The frame, if it is one.
    pub(crate) fn frame(self) -> Option<Frame> {
        match self {
            Self::Frame(frame) => Some(frame),
            Self::More | Self::Bad => None,
        }
    }
}

/// Looks at the frame that `bytes` begin with, as a transport stream carries it.
pub(crate) fn frame(codec: Codec, bytes: &[u8]) -> Look {
    match codec {
        Codec::AacAdts => aac::adts_frame(bytes),
        Codec::MpegAudio => mpeg_audio::frame(bytes),
        Codec::Ac3 | Codec::Eac3 => ac3::frame(bytes),
        Codec::Opus => opus::frame(bytes),
        Codec::AacLatm | Codec::H264 | Codec::H265 => Look::Bad,
        Codec::Klv | Codec::Id3 | Codec::Scte35 => Look::Bad,
    }
}

/// Samples that a frame decodes to as an access unit carries it: without the headers that belong to a container, and in
/// Enhanced AC-3 with all its substreams. `None` where it does not say (AAC never does).
pub(crate) fn samples(codec: Codec, data: &[u8]) -> Option<u32> {
    match codec {
        Codec::MpegAudio => mpeg_audio::frame(data).frame().map(|frame| frame.samples),
        Codec::Ac3 | Codec::Eac3 => ac3::samples(data),
        Codec::Opus => opus::samples(data),
        Codec::AacAdts | Codec::AacLatm | Codec::H264 | Codec::H265 => None,
        Codec::Klv | Codec::Id3 | Codec::Scte35 => None,
    }
}
