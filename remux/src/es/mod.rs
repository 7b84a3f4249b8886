//! Elementary streams: what the start of an access unit says.

#[allow(dead_code, reason = "what makes and takes them is being built")]
pub(crate) mod access_unit;
pub(crate) mod annex_b;
mod audio;
mod h264;
mod h265;

pub(crate) use self::audio::{audio_format, audio_specific_config};

use self::annex_b::{Nal, nal_units};
use crate::layout::{Codec, RapClass, VideoFormat};

/// What kind of access unit begins a PES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// H.264 IDR, or H.265 IDR and BLA without leading pictures that need what came before.
    Idr,
    /// H.264 recovery point with `recovery_frame_cnt` 0, or H.265 CRA: pictures that lead it may need what came before.
    OpenRap,
    /// Any other picture.
    Picture,
    /// Sound, or what is not looked into.
    Opaque,
}

impl Unit {
    /// Whether decoding can begin here in a stream of this class.
    pub(crate) fn is_rap(self, class: RapClass) -> bool {
        match class {
            RapClass::Idr => self == Self::Idr,
            RapClass::RecoveryPoint | RapClass::Irap => matches!(self, Self::Idr | Self::OpenRap),
            RapClass::AnyPes => true,
        }
    }
}

/// What kind of access unit `data` begins; `None` where more bytes are needed to tell.
pub(crate) fn unit(codec: Codec, data: &[u8]) -> Option<Unit> {
    match codec {
        Codec::H264 => h264::unit(nal_units(data)),
        Codec::H265 => h265::unit(nal_units(data)),
        _ => Some(Unit::Opaque),
    }
}

/// What kind of access unit a complete one is, given as its NAL units.
pub(crate) fn unit_of_nals<'a>(codec: Codec, nals: impl IntoIterator<Item = &'a [u8]>) -> Unit {
    let nals = nals.into_iter().map(complete);
    match codec {
        Codec::H264 => h264::unit(nals).unwrap_or(Unit::Picture),
        Codec::H265 => h265::unit(nals).unwrap_or(Unit::Picture),
        _ => Unit::Opaque,
    }
}

/// Whether an H.264 access unit begins with an I slice.
pub(crate) fn is_intra<'a>(codec: Codec, nals: impl IntoIterator<Item = &'a [u8]>) -> bool {
    codec == Codec::H264 && h264::is_intra(nals)
}

/// What the sequence parameter set among `nals` says; defaults where there is none that can be read.
pub(crate) fn video_format_of_nals<'a>(
    codec: Codec,
    nals: impl IntoIterator<Item = &'a [u8]>,
) -> VideoFormat {
    let nals = nals.into_iter().map(complete);
    let format = match codec {
        Codec::H264 => h264::format(nals),
        Codec::H265 => h265::format(nals),
        _ => None,
    };
    format.unwrap_or_default()
}

fn complete(bytes: &[u8]) -> Nal<'_> {
    Nal { bytes, is_complete: true }
}

/// What the sequence parameter set in the access unit `data` says; defaults where there is none that can be read.
pub(crate) fn video_format(codec: Codec, data: &[u8]) -> VideoFormat {
    let format = match codec {
        Codec::H264 => h264::format(nal_units(data)),
        Codec::H265 => h265::format(nal_units(data)),
        _ => None,
    };
    format.unwrap_or_default()
}
