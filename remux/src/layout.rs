//! What is true of a whole run: its streams, how they go out, and where its clock begins.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::mp4::write::{ParameterSets, codecs, init};
use crate::remuxer::Packaging;
use crate::rewriter::for_mp4;

use crate::time::{MediaTime, Ticks};
use crate::ts::{PacketSize, Pid};

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

    /// How an HLS session should carry it: H.265 and Opus play in fragmented MP4 only (Apple's HLS authoring specification,
    /// 1.5), everything else plays everywhere in a transport stream.
    pub fn packaging(&self) -> Packaging {
        let needs_mp4 = |stream: &Stream| matches!(stream.codec, Codec::H265 | Codec::Opus);
        match self.streams.iter().any(needs_mp4) {
            true => Packaging::FragmentedMp4,
            false => Packaging::TransportStream,
        }
    }

    /// The initialization segment of its fragmented MP4 segments: what `EXT-X-MAP` names.
    ///
    /// # Errors
    /// [`Error::NotForMp4`] where its pictures cannot go into MP4. Sound that cannot is left out.
    pub fn initialization(&self) -> Result<Bytes, Error> {
        init(&for_mp4(self.clone()), ParameterSets::OutOfBand)
    }

    /// What goes out in a transport stream, but not in MP4: sound that MP4 has no place for.
    pub fn left_out_of_mp4(&self) -> Vec<LeftOut> {
        for_mp4(self.clone()).left_out.split_off(self.left_out.len())
    }

    /// The `CODECS` attribute of a multivariant playlist (RFC 6381, RFC 8216 §4.3.4.2); `None` where a stream does not say
    /// what it is.
    pub fn codecs(&self) -> Option<String> {
        codecs(self, ParameterSets::OutOfBand)
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
    /// Added to its times: where they have nothing to do with those of the pictures, what stands side by side in the source
    /// is shown together.
    pub shift: Ticks,
    /// How long one of its PES lasts, about; of the key stream [`Layout::frame_duration`] says how long a picture does. 0 in
    /// MP4.
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

impl LeftOut {
    /// A stream that a transport stream could carry, but MP4 cannot.
    pub(crate) fn not_for_mp4(stream: &Stream) -> Self {
        Self {
            source: stream.source,
            coding: Coding::StreamType(stream.stream_type),
            reason: LeftOutReason::NotForHls(Kind::OtherAudio),
        }
    }
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
