//! What of a layout goes into MP4, and what MP4 and playlists say of it.

use bytes::Bytes;

use super::{ParameterSets, codecs, init};
use crate::error::Error;
use crate::layout::{Coding, Kind, Layout, LeftOut, LeftOutReason, Stream};

impl Layout {
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
}

/// The layout without the sound that MP4 has no place for.
pub(crate) fn for_mp4(mut layout: Layout) -> Layout {
    let goes = |stream: &Stream| {
        let alone = Layout { streams: vec![stream.clone()], ..layout.clone() };
        stream.codec.is_video() || init(&alone, ParameterSets::OutOfBand).is_ok()
    };
    let (kept, dropped) = layout.streams.clone().into_iter().partition::<Vec<_>, _>(|stream| goes(stream));
    layout.streams = kept;
    layout.left_out.extend(dropped.iter().map(left_out));
    layout
}

/// A stream that a transport stream could carry, but MP4 cannot.
fn left_out(stream: &Stream) -> LeftOut {
    LeftOut {
        source: stream.source,
        coding: Coding::StreamType(stream.stream_type),
        reason: LeftOutReason::NotForHls(Kind::OtherAudio),
    }
}
