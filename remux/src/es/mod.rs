//! Elementary streams: what the start of an access unit says.

#[allow(dead_code, reason = "what makes and takes them is being built")]
pub(crate) mod access_unit;
pub(crate) mod annex_b;
mod audio;
#[allow(dead_code, reason = "what takes frames of sound apart is being built")]
pub(crate) mod frames;
pub(crate) mod h264;
mod h265;
pub(crate) mod h265_sps;
#[allow(dead_code, reason = "what takes frames of sound apart is being built")]
pub(crate) mod latm;

pub(crate) use self::audio::audio_format;

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
        Codec::H264 => h264::unit(data),
        Codec::H265 => h265::unit(data),
        _ => Some(Unit::Opaque),
    }
}

/// What the sequence parameter set in the access unit `data` says; defaults where there is none that can be read.
pub(crate) fn video_format(codec: Codec, data: &[u8]) -> VideoFormat {
    let format = match codec {
        Codec::H264 => h264::format(data),
        Codec::H265 => h265::format(data),
        _ => None,
    };
    format.unwrap_or_default()
}
