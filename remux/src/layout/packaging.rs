//! What a run goes out as.

use super::{Codec, Layout, Stream};

/// What the output is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Packaging {
    /// A transport stream.
    #[default]
    TransportStream,
    /// Fragmented MP4 (CMAF): of [`Remuxer::copy`](crate::Remuxer::copy) a file with its initialization segment, of [`Remuxer::segment`](crate::Remuxer::segment) a media
    /// segment for the one that [`Layout::initialization`] gives.
    FragmentedMp4,
}

impl Layout {
    /// How an HLS session should carry it: H.265 and Opus play in fragmented MP4 only (Apple's HLS authoring specification,
    /// 1.5), everything else plays everywhere in a transport stream.
    pub fn packaging(&self) -> Packaging {
        let needs_mp4 = |stream: &Stream| matches!(stream.codec, Codec::H265 | Codec::Opus);
        match self.streams.iter().any(needs_mp4) {
            true => Packaging::FragmentedMp4,
            false => Packaging::TransportStream,
        }
    }
}
