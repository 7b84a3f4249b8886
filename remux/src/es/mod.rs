//! Elementary streams: what the start of an access unit says.

pub(crate) mod access_unit;
pub(crate) mod annex_b;
pub(crate) mod assemble;
mod audio;
pub(crate) mod frames;
pub(crate) mod h264;
mod h265;
pub(crate) mod h265_sps;
pub(crate) mod latm;
pub(crate) mod parameter_sets;
pub(crate) mod picture;

use serde::{Deserialize, Serialize};

use self::annex_b::{Nal, nal_units};
use crate::layout::{Codec, RapClass, VideoFormat};

/// What kind of access unit begins a PES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// H.264 IDR, or H.265 IDR and BLA without leading pictures that need what came before.
    Idr,
    /// H.264 recovery point with `recovery_frame_cnt` 0, or H.265 CRA: pictures that lead it may need what came before.
    OpenRap,
    /// H.264 recovery point with a later `recovery_frame_cnt`: pictures become right some frames on.
    Gradual,
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
            RapClass::Gradual => matches!(self, Self::Idr | Self::OpenRap | Self::Gradual),
            RapClass::AnyPes => true,
        }
    }

    /// Whether decoding begins here in some stream or other.
    pub(crate) fn may_begin(self) -> bool {
        matches!(self, Self::Idr | Self::OpenRap | Self::Gradual)
    }

    /// Whether every decoder can begin here.
    pub(crate) fn is_random_access(self) -> bool {
        matches!(self, Self::Idr | Self::OpenRap)
    }
}

/// What a NAL unit is in the order of an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Access unit delimiter: an access unit begins with it.
    Delimiter,
    /// Belongs before the slices of its picture.
    ParameterSet,
    /// Anything else that belongs before the slices of its picture.
    Before,
    /// A slice of the primary coded picture.
    Slice,
    /// Belongs behind the slices of its picture.
    Behind,
}

/// What a NAL unit of this codec is; `None` where it is too short to tell.
pub(crate) fn role(codec: Codec, nal: &[u8]) -> Option<Role> {
    match codec {
        Codec::H265 => h265::role(nal),
        _ => h264::role(nal),
    }
}

/// What kind of access unit `data` begins; `None` where more bytes are needed to tell.
pub(crate) fn unit(codec: Codec, data: &[u8]) -> Option<Unit> {
    match codec {
        Codec::H264 => h264::unit(nal_units(data)),
        Codec::H265 => h265::unit(nal_units(data).map(|nal| nal.bytes)),
        _ => Some(Unit::Opaque),
    }
}

/// What kind of access unit these NAL units are.
pub(crate) fn unit_of<'a>(codec: Codec, mut nals: impl Iterator<Item = &'a [u8]>) -> Unit {
    let unit = match codec {
        Codec::H264 => h264::unit(nals.map(|bytes| Nal { bytes, is_complete: true })),
        Codec::H265 => h265::unit(&mut nals),
        _ => Some(Unit::Opaque),
    };
    unit.unwrap_or(Unit::Picture)
}

/// Whether an H.264 access unit begins with an I slice.
pub(crate) fn is_intra<'a>(codec: Codec, nals: impl IntoIterator<Item = &'a [u8]>) -> bool {
    codec == Codec::H264 && h264::is_intra(nals)
}

/// What the sequence parameter set among these NAL units says; defaults where there is none that can be read.
pub(crate) fn video_format<'a>(codec: Codec, nals: impl Iterator<Item = &'a [u8]>) -> VideoFormat {
    let format = match codec {
        Codec::H264 => h264::format(nals),
        Codec::H265 => h265::format(nals),
        _ => None,
    };
    format.unwrap_or_default()
}

/// Whether a NAL unit is a picture parameter set, which refers to a sequence parameter set.
pub(crate) fn is_picture_parameter_set(codec: Codec, nal: &[u8]) -> bool {
    match codec {
        Codec::H265 => h265::is_picture_parameter_set(nal),
        _ => h264::is_picture_parameter_set(nal),
    }
}

/// An access unit delimiter for any picture of this codec.
pub(crate) fn delimiter(codec: Codec) -> &'static [u8] {
    match codec {
        Codec::H265 => &h265::DELIMITER,
        _ => &h264::DELIMITER,
    }
}
