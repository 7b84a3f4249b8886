//! The streams of a source that do not go out, and why.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::stream::Source;

/// A stream of the source that does not go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it is found in the source.
    pub source: Source,
    /// What it declares to be.
    pub coding: Coding,
    /// Why.
    pub reason: LeftOutReason,
}

/// What a stream declares to be, in the terms of its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coding {
    /// Its `stream_type` in the PMT (H.222.0 table 2-34).
    StreamType(u8),
    /// The type of its sample entry (ISO/IEC 14496-12 §8.5.2); spaces where it has none.
    SampleEntry([u8; 4]),
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StreamType(stream_type) => write!(f, "stream type 0x{stream_type:02x}"),
            Self::SampleEntry(kind) => write!(f, "sample entry {}", kind.escape_ascii()),
        }
    }
}

/// Why a stream does not go out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LeftOutReason {
    /// HLS carries nothing of this kind; the text says what it was taken for.
    NotForHls(Kind),
    /// Declared, but without data in the head: players wait for such a stream for ever.
    Silent,
    /// A further video stream: a player shows one.
    SecondVideo,
    /// All its packets in the head are scrambled, or its samples are encrypted.
    Scrambled,
    /// Its PID cannot carry a stream, or is used twice.
    BadPid,
    /// The PMT of the output, which is one packet, has no room for it.
    TooMany,
    /// What describes it cannot be read.
    Damaged,
}

/// What a stream that HLS cannot carry was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// MPEG-1, MPEG-2 or MPEG-4 Visual pictures, or a newer codec without a place in HLS transport streams.
    OtherVideo,
    /// G.711 and other telephone codecs (stream types 0x90 to 0x99 of some cameras).
    CameraAudio,
    /// DTS, AC-4, LPCM, Opus and others.
    OtherAudio,
    /// Timecodes, chapters and other tracks that are not played.
    Auxiliary,
    /// KLV metadata.
    Klv,
    /// Timed ID3 metadata.
    Id3,
    /// SCTE-35 cues.
    Scte35,
    /// Teletext or DVB subtitles.
    Subtitles,
    /// Private data, ONVIF metadata and what is not known.
    PrivateData,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): ", self.source, self.coding)?;
        f.write_str(match self.reason {
            LeftOutReason::NotForHls(Kind::OtherVideo) => "video that HLS cannot carry",
            LeftOutReason::NotForHls(Kind::CameraAudio) => "G.711 or other camera audio, not carried by HLS",
            LeftOutReason::NotForHls(Kind::OtherAudio) => "audio that HLS cannot carry",
            LeftOutReason::NotForHls(Kind::Auxiliary) => "a track that is not played",
            LeftOutReason::NotForHls(Kind::Klv) => "KLV metadata, not carried by HLS",
            LeftOutReason::NotForHls(Kind::Id3) => "ID3 metadata, left out",
            LeftOutReason::NotForHls(Kind::Scte35) => "SCTE-35 cues, left out",
            LeftOutReason::NotForHls(Kind::Subtitles) => "teletext or subtitles, not carried by HLS",
            LeftOutReason::NotForHls(Kind::PrivateData) => "private data, not carried by HLS",
            LeftOutReason::Silent => "declared, but without data",
            LeftOutReason::SecondVideo => "a further video stream",
            LeftOutReason::Scrambled => "scrambled",
            LeftOutReason::BadPid => "a PID that cannot carry a stream, or used twice",
            LeftOutReason::Damaged => "its description cannot be read",
            LeftOutReason::TooMany => "more streams than one packet of PMT declares",
        })
    }
}
