//! One stream of a run: where it is, how it gets from source to output, and why not as it stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::codec::{Codec, Format};
use crate::time::Ticks;
use crate::ts::Pid;

/// One stream that goes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Where it is found in the source.
    pub source: Source,
    /// PID in the output; the same in every recording for the same place in the layout.
    pub output_pid: Pid,
    /// `stream_type` of the output PMT.
    pub stream_type: u8,
    /// What the stream carries.
    pub codec: Codec,
    /// How it gets from source to output.
    pub path: Path,
    /// Why it cannot be relabelled; empty where it is, and in MP4, which has no packets to relabel.
    pub repairs: Vec<Repair>,
    /// How its access units lie in the source.
    pub framing: Framing,
    /// Pictures that are decoded before one that is shown before them, at most: where the source has no DTS, this is how
    /// they are made. 0 where it has them, or needs none.
    pub reorder: u8,
    /// Where pictures lack times: what their picture order count grows by from one to that which is shown next. 0 where they
    /// have times, or it is not known.
    pub order_step: u8,
    /// Added to its times: where they have nothing to do with those of the pictures, what stands side by side in the source
    /// is shown together.
    pub shift: Ticks,
    /// How far apart the PES that have times are, about; of the key stream
    /// [`Layout::frame_duration`](super::Layout::frame_duration) says how long a picture lasts. 0 in MP4.
    pub pes_duration: Ticks,
    /// Descriptors of the output PMT, as bytes (H.222.0 §2.6).
    pub descriptors: Vec<u8>,
    /// What is known of pictures or sound.
    pub format: Format,
    /// What a decoder is told before the first access unit.
    pub setup: Setup,
}

/// Where a stream is found in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A PID of a transport stream.
    Pid(Pid),
    /// A `track_ID` of an MP4 file (ISO/IEC 14496-12 §8.3.2).
    Track(u32),
}

impl Source {
    /// The PID; [`Pid::NULL`], which carries nothing, for a track.
    pub const fn pid(self) -> Pid {
        match self {
            Self::Pid(pid) => pid,
            Self::Track(_) => Pid::NULL,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "PID {pid}"),
            Self::Track(track) => write!(f, "track {track}"),
        }
    }
}

/// What a decoder is told before the first access unit: what MP4 keeps in its sample entries, and what a transport stream
/// carries in band.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setup {
    /// Nothing, or nothing that is known.
    #[default]
    None,
    /// H.264 and H.265: NAL units without start codes, in the order VPS, SPS, PPS; one for each id.
    ParameterSets(Vec<Vec<u8>>),
    /// AAC: the AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    AudioSpecificConfig(Vec<u8>),
    /// Opus: the body of an OpusSpecificBox (Encapsulation of Opus in ISO Base Media File Format §4.3.2).
    Opus(Vec<u8>),
    /// MPEG audio, AC-3 and Enhanced AC-3: the first bytes of a frame, its header among them.
    FrameHeader(Vec<u8>),
}

/// How a stream gets from source to output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Path {
    /// Packets are copied and only headers change.
    Relabel,
    /// Access units are taken out of their packets and put into new ones.
    Rebuild,
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Relabel => "relabel",
            Self::Rebuild => "rebuild",
        })
    }
}

/// What a stream is rebuilt for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Repair {
    /// NAL units behind lengths, which belong into MP4, instead of start codes.
    LengthPrefixed,
    /// Access units without a delimiter.
    NoDelimiter,
    /// Random access points without their parameter sets.
    NoParameterSets,
    /// Parameter sets, or other parts of an access unit, at the end of the PES before.
    Misplaced,
    /// Several access units in one PES, or one in several.
    Packing,
    /// PES without a PTS.
    NoTimes,
    /// Pictures that are shown in another order than they come in, and have no DTS.
    NoDts,
    /// Frames of sound that lie in more than one PES.
    SplitFrames,
    /// AAC in LATM, which players do not understand: it goes out in ADTS.
    Latm,
    /// PES of another length than they say.
    WrongLengths,
    /// Random access points whose first packet has no room to say so: players that seek by random_access_indicator would
    /// not find them.
    NoRoom,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LengthPrefixed => "NAL units behind lengths",
            Self::NoDelimiter => "no access unit delimiters",
            Self::NoParameterSets => "random access points without parameter sets",
            Self::Misplaced => "parameter sets in the PES before",
            Self::Packing => "PES that are not one access unit each",
            Self::NoTimes => "PES without PTS",
            Self::NoDts => "reordered pictures without DTS",
            Self::SplitFrames => "frames over several PES",
            Self::Latm => "AAC in LATM",
            Self::WrongLengths => "PES of another length than they say",
            Self::NoRoom => "random access points without room for their mark",
        })
    }
}

/// How access units lie in a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framing {
    /// As the codec's own byte stream: start codes, ADTS, frames with headers. In MP4: as samples.
    #[default]
    Native,
    /// NAL units behind a length of so many bytes: 1, 2 or 4.
    Length(u8),
    /// AAC in AudioSyncStream elements of LATM (ISO/IEC 14496-3 §1.7.2).
    Latm,
}
