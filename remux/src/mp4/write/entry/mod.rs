//! Sample entries (ISO/IEC 14496-12 §8.5.2) and the `CODECS` attribute (RFC 6381 §3.3) of what a layout says.

mod audio;
mod video;

use super::ParameterSets;
use crate::layout::{Codec, Format, Layout, Setup, Stream};

/// Why a stream has no sample entry.
type Refused = &'static str;

/// A SampleEntry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampleEntry {
    /// The whole box.
    pub(crate) bytes: Vec<u8>,
    /// Width and height to be shown; 0 for sound.
    pub(crate) size: (u32, u32),
}

/// The SampleEntry of a stream.
pub(crate) fn sample_entry(stream: &Stream, parameter_sets: ParameterSets) -> Result<SampleEntry, Refused> {
    match (stream.codec, &stream.setup) {
        (Codec::H264, Setup::ParameterSets(sets)) => video::avc(sets, stream, parameter_sets),
        (Codec::H265, Setup::ParameterSets(sets)) => video::hevc(sets, parameter_sets),
        (Codec::H264 | Codec::H265, _) => Err("its parameter sets are not known"),
        _ => audio::sample_entry(stream).map(|bytes| SampleEntry { bytes, size: (0, 0) }),
    }
}

/// The `CODECS` attribute of a layout, its streams in order; `None` where one of them cannot be named: then a playlist
/// says nothing rather than half.
pub(crate) fn codecs(layout: &Layout, parameter_sets: ParameterSets) -> Option<String> {
    let names = layout.streams.iter().map(|stream| codec_string(stream, parameter_sets));
    let mut names = names.collect::<Option<Vec<_>>>()?;
    // Several streams of one kind are one codec (RFC 8216 §4.3.4.2 lists formats, not renditions).
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    Some(names.join(",")).filter(|codecs| !codecs.is_empty())
}

fn codec_string(stream: &Stream, parameter_sets: ParameterSets) -> Option<String> {
    let from_setup = match (stream.codec, &stream.setup) {
        (Codec::H264, Setup::ParameterSets(sets)) => video::avc_codec_string(sets, parameter_sets),
        (Codec::H265, Setup::ParameterSets(sets)) => video::hevc_codec_string(sets, parameter_sets),
        _ => audio::codec_string(stream),
    };
    from_setup.or_else(|| match &stream.format {
        Format::Video(format) => format.codec_string.clone(),
        Format::Audio(format) => format.codec_string.clone(),
    })
}
