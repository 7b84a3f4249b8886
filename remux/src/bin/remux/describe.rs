//! Streams in words and in JSON.

use remux::layout::{Coding, Format, LeftOut, Path, Repair, Source, Stream};
use serde::Serialize;

/// A stream that goes out.
#[derive(Serialize)]
pub(crate) struct StreamSummary<'a> {
    #[serde(flatten)]
    pub(crate) source: SourceSummary,
    #[serde(skip)]
    pub(crate) place: Source,
    pub(crate) codec: &'static str,
    pub(crate) path: Path,
    /// What it is rebuilt for.
    #[serde(skip_serializing_if = "<[Repair]>::is_empty")]
    pub(crate) repairs: &'a [Repair],
    #[serde(flatten)]
    pub(crate) format: &'a Format,
}

/// One that does not.
#[derive(Serialize)]
pub(crate) struct LeftOutSummary {
    #[serde(flatten)]
    pub(crate) source: SourceSummary,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_type: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_entry: Option<String>,
    pub(crate) reason: String,
}

/// Where a stream is found.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SourceSummary {
    Pid(u16),
    Track(u32),
}

impl SourceSummary {
    fn of(source: Source) -> Self {
        match source {
            Source::Pid(pid) => Self::Pid(pid.value()),
            Source::Track(track) => Self::Track(track),
        }
    }
}

impl<'a> StreamSummary<'a> {
    pub(crate) fn of(stream: &'a Stream) -> Self {
        Self {
            source: SourceSummary::of(stream.source),
            place: stream.source,
            codec: stream.codec.name(),
            path: stream.path,
            repairs: &stream.repairs,
            format: &stream.format,
        }
    }
}

impl LeftOutSummary {
    pub(crate) fn of(left_out: &LeftOut) -> Self {
        let (stream_type, sample_entry) = match left_out.coding {
            Coding::StreamType(stream_type) => (Some(stream_type), None),
            Coding::SampleEntry(kind) => (None, Some(kind.escape_ascii().to_string())),
        };
        let source = SourceSummary::of(left_out.source);
        Self { source, stream_type, sample_entry, reason: left_out.to_string() }
    }
}

/// What is known of pictures or sound.
pub(crate) fn describe(format: &Format) -> String {
    let codec_string =
        |text: &Option<String>| text.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    match format {
        Format::Video(video) => {
            format!("{}x{}{}", video.width, video.height, codec_string(&video.codec_string))
        }
        Format::Audio(audio) => {
            format!(
                "{} Hz, {} channels{}",
                audio.sample_rate,
                audio.channels,
                codec_string(&audio.codec_string)
            )
        }
    }
}
