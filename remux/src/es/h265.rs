//! H.265: what begins an access unit, and what its sequence parameter set says (H.265 §7.3.1, §7.3.2.2, §7.3.3).

use super::Unit;
use super::annex_b::Nal;
use crate::bits::{Bits, without_emulation_prevention};
use crate::layout::VideoFormat;

// nal_unit_type, table 7-1.
const BLA_W_LP: u8 = 16;
const BLA_W_RADL: u8 = 17;
const IDR_N_LP: u8 = 20;
const RSV_IRAP_VCL23: u8 = 23;
const LAST_VCL: u8 = 31;
const SPS: u8 = 33;

fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|header| header >> 1 & 0x3f)
}

/// The first slice tells.
pub(super) fn unit<'a>(nals: impl IntoIterator<Item = Nal<'a>>) -> Option<Unit> {
    for nal in nals {
        let Some(nal_unit_type) = nal_unit_type(nal.bytes) else { continue };
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
pub(super) fn format<'a>(nals: impl IntoIterator<Item = Nal<'a>>) -> Option<VideoFormat> {
    let sps = nals.into_iter().find(|nal| nal_unit_type(nal.bytes) == Some(SPS))?;
    // The NAL unit header is two bytes (§7.3.1.2).
    let mut bits = Bits::new(without_emulation_prevention(sps.bytes).skip(2));
    bits.skip(4)?; // sps_video_parameter_set_id
    let max_sub_layers_minus1 = bits.bits(3)?;
    bits.skip(1)?; // sps_temporal_id_nesting_flag
    let codec_string = profile_tier_level(&mut bits, max_sub_layers_minus1)?;
    bits.ue()?; // sps_seq_parameter_set_id
    let chroma_format_idc = bits.ue()?;
    if chroma_format_idc == 3 {
        bits.skip(1)?; // separate_colour_plane_flag
    }
    let (width, height) = (bits.ue()?, bits.ue()?);
    let (mut crop_x, mut crop_y) = (0u32, 0u32);
    if bits.flag()? {
        let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
        // SubWidthC and SubHeightC, table 6-1.
        let (unit_x, unit_y) = match chroma_format_idc {
            1 => (2, 2),
            2 => (2, 1),
            _ => (1, 1),
        };
        crop_x = left.saturating_add(right).saturating_mul(unit_x);
        crop_y = top.saturating_add(bottom).saturating_mul(unit_y);
    }
    Some(VideoFormat {
        width: width.saturating_sub(crop_x),
        height: height.saturating_sub(crop_y),
        codec_string: Some(codec_string),
    })
}

/// profile_tier_level (§7.3.3), read past; gives the codec string of ISO/IEC 14496-15 annex E.3.
fn profile_tier_level(
    bits: &mut Bits<impl Iterator<Item = u8>>,
    max_sub_layers_minus1: u32,
) -> Option<String> {
    let (space, tier, profile) = (bits.bits(2)?, bits.flag()?, bits.bits(5)?);
    let compatibility = bits.bits(32)?.reverse_bits();
    let mut constraints = Vec::new();
    for _ in 0..6 {
        constraints.push(bits.bits(8)?);
    }
    let level = bits.bits(8)?;
    let mut present = Vec::new();
    for _ in 0..max_sub_layers_minus1 {
        present.push((bits.flag()?, bits.flag()?));
    }
    if max_sub_layers_minus1 > 0 {
        bits.skip((8 - max_sub_layers_minus1) * 2)?;
    }
    for (has_profile, has_level) in present {
        bits.skip(if has_profile { 88 } else { 0 } + if has_level { 8 } else { 0 })?;
    }
    let space = ["", "A", "B", "C"][space as usize];
    let tier = if tier { 'H' } else { 'L' };
    let mut codec_string = format!("hvc1.{space}{profile}.{compatibility:X}.{tier}{level}");
    let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    for byte in &constraints[..used] {
        codec_string += &format!(".{byte:X}");
    }
    Some(codec_string)
}

#[cfg(test)]
mod tests {
    use super::super::annex_b::nal_units;
    use super::*;

    #[test]
    fn the_first_slice_tells() {
        let with = |nal_type: u8| [0, 0, 1, 70, 1, 0x50, 0, 0, 1, nal_type << 1, 1];
        assert_eq!(unit(nal_units(&with(19))), Some(Unit::Idr));
        assert_eq!(unit(nal_units(&with(21))), Some(Unit::OpenRap));
        assert_eq!(unit(nal_units(&with(16))), Some(Unit::OpenRap));
        assert_eq!(unit(nal_units(&with(1))), Some(Unit::Picture));
        assert_eq!(unit(nal_units(&with(34))), None);
    }

    #[test]
    fn a_sequence_parameter_set_gives_size_and_codec_string() {
        // x265, format range extensions, level 2 (60), 4:4:4, cropped to a height of 140.
        let data = [
            0, 0, 0, 1, 0x42, 0x01, 0x01, 0x04, 0x08, 0x00, 0x00, 0x03, 0x00, 0x9e, 0x08, 0x00, 0x00, 0x03,
            0x00, 0x00, 0x3c, 0x90, 0x02, 0xc4, 0x04, 0x8f, 0x97, 0x2c, 0xac, 0xd2, 0x49, 0x95, 0xe0, 0x2d,
            0xc0, 0x80, 0x80,
        ];
        let format = format(nal_units(&data)).unwrap();
        assert_eq!((format.width, format.height), (176, 140));
        assert_eq!(format.codec_string.as_deref(), Some("hvc1.4.10.L60.9E.8"));
    }

    #[test]
    fn a_cut_off_parameter_set_is_none() {
        assert_eq!(format(nal_units(&[0, 0, 1, 0x42, 0x01, 0x01, 0x01, 0x60])), None);
    }
}
