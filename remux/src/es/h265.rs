//! H.265: what begins an access unit, and what its sequence parameter set says (H.265 §7.3.1, §7.3.2.2, §7.3.3).

use super::h265_sps::Sps;
use super::parameter_sets::SetId;
use super::{Role, Unit};
use crate::bits::{Bits, without_emulation_prevention};
use crate::layout::VideoFormat;

// nal_unit_type, table 7-1.
const BLA_W_LP: u8 = 16;
const BLA_W_RADL: u8 = 17;
const IDR_N_LP: u8 = 20;
const RSV_IRAP_VCL23: u8 = 23;
const LAST_VCL: u8 = 31;
const VPS: u8 = 32;
const SPS: u8 = 33;
const PPS: u8 = 34;
const ACCESS_UNIT_DELIMITER: u8 = 35;
const PREFIX_SEI: u8 = 39;

/// An access unit delimiter that allows every kind of slice (§7.3.2.5: pic_type 2).
pub(super) const DELIMITER: [u8; 3] = [0x46, 0x01, 0x50];

/// nal_unit_type where nuh_layer_id is 0. What belongs to a further layer is none of what its type says: players decode the
/// base layer.
pub(super) fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    let &[first, second] = nal.first_chunk()?;
    let is_base_layer = first & 1 == 0 && second >> 3 == 0;
    is_base_layer.then_some(first >> 1 & 0x3f)
}

/// What a NAL unit is in the order of an access unit (§7.4.2.4.4). Those of further layers belong to the picture before.
pub(super) fn role(nal: &[u8]) -> Option<Role> {
    nal.first_chunk::<2>()?;
    Some(match nal_unit_type(nal) {
        None => Role::Behind,
        Some(..=LAST_VCL) => Role::Slice,
        Some(VPS | SPS | PPS) => Role::ParameterSet,
        Some(ACCESS_UNIT_DELIMITER) => Role::Delimiter,
        Some(PREFIX_SEI | 41..=44 | 48..=55) => Role::Before,
        Some(_) => Role::Behind,
    })
}

/// first_slice_segment_in_pic_flag (§7.3.6.1).
pub(super) fn begins_picture(slice: &[u8]) -> bool {
    slice.get(2).is_some_and(|&byte| byte & 0x80 != 0)
}

/// Whether a NAL unit is a picture parameter set.
pub(super) fn is_picture_parameter_set(nal: &[u8]) -> bool {
    nal_unit_type(nal) == Some(PPS)
}

/// Which parameter set a NAL unit is.
pub(super) fn set_id(nal: &[u8]) -> Option<SetId> {
    let kind = nal_unit_type(nal)?;
    let mut bits = Bits::new(without_emulation_prevention(nal).skip(2));
    let id = match kind {
        VPS => bits.bits(4)?,
        SPS => Sps::parse(nal)?.id,
        PPS => bits.ue()?,
        _ => return None,
    };
    Some(SetId { kind, id })
}

/// The first slice tells.
pub(super) fn unit<'a>(nals: impl Iterator<Item = &'a [u8]>) -> Option<Unit> {
    for nal in nals {
        let Some(nal_unit_type) = nal_unit_type(nal) else { continue };
        match nal_unit_type {
            BLA_W_RADL..=IDR_N_LP => return Some(Unit::Idr),
            BLA_W_LP..=RSV_IRAP_VCL23 => return Some(Unit::OpenRap),
            ..=LAST_VCL => return Some(Unit::Picture),
            _ => {}
        }
    }
    None
}

/// What the first sequence parameter set says.
pub(super) fn format<'a>(mut nals: impl Iterator<Item = &'a [u8]>) -> Option<VideoFormat> {
    let sps = Sps::parse(nals.find(|nal| nal_unit_type(nal) == Some(SPS))?)?;
    Some(VideoFormat { width: sps.width, height: sps.height, codec_string: Some(sps.codec_string("hvc1")) })
}

#[cfg(test)]
mod tests {
    use super::super::annex_b::nal_units;
    use super::*;

    fn unit(data: &[u8]) -> Option<Unit> {
        super::unit(nal_units(data).map(|nal| nal.bytes))
    }

    fn format(data: &[u8]) -> Option<VideoFormat> {
        super::format(nal_units(data).map(|nal| nal.bytes))
    }

    #[test]
    fn the_first_slice_tells() {
        let with = |nal_type: u8| [0, 0, 1, 70, 1, 0x50, 0, 0, 1, nal_type << 1, 1];
        assert_eq!(unit(&with(19)), Some(Unit::Idr));
        assert_eq!(unit(&with(21)), Some(Unit::OpenRap));
        assert_eq!(unit(&with(16)), Some(Unit::OpenRap));
        assert_eq!(unit(&with(1)), Some(Unit::Picture));
        assert_eq!(unit(&with(34)), None);
    }

    #[test]
    fn a_further_layer_says_nothing_about_the_picture() {
        let nal = |nal_type: u8, layer: u8| [nal_type << 1 | layer >> 5, layer << 3 | 1, 0x80];
        let unit = |nals: [[u8; 3]; 2]| super::unit(nals.iter().map(|nal| &nal[..]));
        assert_eq!(unit([nal(0, 1), nal(19, 0)]), Some(Unit::Idr));
        assert_eq!(unit([nal(19, 32), nal(1, 0)]), Some(Unit::Picture));
        assert_eq!(role(&nal(19, 1)), Some(Role::Behind));
        assert_eq!(set_id(&nal(34, 1)), None);
    }

    #[test]
    fn a_sequence_parameter_set_gives_size_and_codec_string() {
        // x265, format range extensions, level 2 (60), 4:4:4, cropped to a height of 140.
        let data = [
            0, 0, 0, 1, 0x42, 0x01, 0x01, 0x04, 0x08, 0x00, 0x00, 0x03, 0x00, 0x9e, 0x08, 0x00, 0x00, 0x03,
            0x00, 0x00, 0x3c, 0x90, 0x02, 0xc4, 0x04, 0x8f, 0x97, 0x2c, 0xac, 0xd2, 0x49, 0x95, 0xe0, 0x2d,
            0xc0, 0x80, 0x80,
        ];
        let format = format(&data).unwrap();
        assert_eq!((format.width, format.height), (176, 140));
        assert_eq!(format.codec_string.as_deref(), Some("hvc1.4.10.L60.9E.8"));
    }

    #[test]
    fn a_cut_off_parameter_set_is_none() {
        assert_eq!(format(&[0, 0, 1, 0x42, 0x01, 0x01, 0x01, 0x60]), None);
    }
}
