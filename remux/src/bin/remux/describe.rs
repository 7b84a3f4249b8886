//! Streams in words and in JSON.

use remux::layout::{Format, LeftOut, Path, Stream};
use serde::Serialize;

/// A stream that goes out.
#[derive(Serialize)]
pub(crate) struct StreamSummary<'a> {
    pub(crate) pid: u16,
    pub(crate) codec: &'static str,
    pub(crate) path: Path,
    #[serde(flatten)]
    pub(crate) format: &'a Format,
}

/// One that does not.
#[derive(Serialize)]
pub(crate) struct LeftOutSummary {
    pub(crate) pid: u16,
    pub(crate) stream_type: u8,
    pub(crate) reason: String,
}

impl<'a> StreamSummary<'a> {
    pub(crate) fn of(stream: &'a Stream) -> Self {
        Self {
            pid: stream.source.pid().value(),
            codec: stream.codec.name(),
            path: stream.path,
            format: &stream.format,
        }
    }
}

impl LeftOutSummary {
    pub(crate) fn of(left_out: &LeftOut) -> Self {
        Self { pid: left_out.pid.value(), stream_type: left_out.stream_type, reason: left_out.to_string() }
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
