//! What a stream carries, and what is known of its pictures or its sound.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a stream carries, of what HLS can carry in a transport stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Codec {
    /// ITU-T H.264, Annex B.
    H264,
    /// ITU-T H.265, Annex B.
    H265,
    /// AAC in ADTS frames.
    AacAdts,
    /// AAC in LATM/LOAS.
    AacLatm,
    /// MPEG-1 or MPEG-2 audio, layer I to III.
    MpegAudio,
    /// AC-3.
    Ac3,
    /// Enhanced AC-3.
    Eac3,
    /// Opus.
    Opus,
    /// KLV metadata (SMPTE ST 336, MISB ST 1402), where it is asked for.
    Klv,
    /// Timed ID3 metadata, where it is asked for.
    Id3,
    /// SCTE-35 cues, where they are asked for.
    Scte35,
}

impl Codec {
    /// Whether it is pictures.
    pub const fn is_video(self) -> bool {
        matches!(self, Self::H264 | Self::H265)
    }

    /// Whether it is neither pictures nor sound.
    pub const fn is_metadata(self) -> bool {
        matches!(self, Self::Klv | Self::Id3 | Self::Scte35)
    }

    /// A short name in lower case, as programs print it: `h264`, `h265`, `aac`, `aac-latm`, `mpeg-audio`, `ac3`, `eac3`,
    /// `opus`, `klv`, `id3`, `scte35`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::AacAdts => "aac",
            Self::AacLatm => "aac-latm",
            Self::MpegAudio => "mpeg-audio",
            Self::Ac3 => "ac3",
            Self::Eac3 => "eac3",
            Self::Opus => "opus",
            Self::Klv => "klv",
            Self::Id3 => "id3",
            Self::Scte35 => "scte35",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the head says about the pictures or the sound; every field is `None` or 0 where it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Pictures.
    Video(VideoFormat),
    /// Sound.
    Audio(AudioFormat),
}

/// What a sequence parameter set says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoFormat {
    /// Picture width after cropping.
    pub width: u32,
    /// Picture height after cropping.
    pub height: u32,
    /// RFC 6381 codec string, as in `CODECS`: `avc1.64001f`, `hvc1.1.6.L93.B0`.
    pub codec_string: Option<String>,
}

/// What the first audio frame says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFormat {
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u32,
    /// RFC 6381 codec string, as in `CODECS`: `mp4a.40.2`.
    pub codec_string: Option<String>,
}

/// What decoding can begin at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RapClass {
    /// H.264: IDR pictures only.
    Idr,
    /// H.264 whose IDR do not recur: recovery points (D.1.8, `recovery_frame_cnt` 0) as well.
    RecoveryPoint,
    /// H.264 without either of these: recovery points with any `recovery_frame_cnt`, after which pictures become right.
    Gradual,
    /// H.265: every IRAP picture (IDR, BLA, CRA).
    Irap,
    /// No video: every PES start.
    AnyPes,
}
