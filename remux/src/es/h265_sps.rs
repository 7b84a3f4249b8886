//! H.265: the sequence parameter set as far as its bit depths (H.265 §7.3.2.2, §7.3.3).

use crate::bits::{Bits, without_emulation_prevention};

/// What players and sample entries are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sps {
    /// general_profile_space to general_level_idc, as coded (§7.3.3).
    pub(crate) general: [u8; 12],
    /// sps_max_sub_layers_minus1.
    pub(crate) max_sub_layers_minus1: u8,
    /// sps_temporal_id_nesting_flag.
    pub(crate) temporal_id_nesting: bool,
    /// sps_seq_parameter_set_id.
    pub(crate) id: u32,
    /// chroma_format_idc, 0 to 3.
    pub(crate) chroma_format_idc: u8,
    /// bit_depth_luma_minus8, 0 to 8.
    pub(crate) bit_depth_luma_minus8: u8,
    /// bit_depth_chroma_minus8, 0 to 8.
    pub(crate) bit_depth_chroma_minus8: u8,
    /// Width after cropping by the conformance window.
    pub(crate) width: u32,
    /// Height after cropping by the conformance window.
    pub(crate) height: u32,
    /// separate_colour_plane_flag.
    pub(crate) has_colour_planes: bool,
    /// log2_max_pic_order_cnt_lsb, 4 to 16; `None` where it ends before.
    pub(crate) order_bits: Option<u32>,
}

impl Sps {
    /// Reads a NAL unit, from its header on.
    pub(crate) fn parse(nal: &[u8]) -> Option<Self> {
        // The NAL unit header is two bytes (§7.3.1.2).
        let mut bits = Bits::new(without_emulation_prevention(nal).skip(2));
        bits.skip(4)?; // sps_video_parameter_set_id
        let max_sub_layers_minus1 = bits.bits(3)?;
        let temporal_id_nesting = bits.flag()?;
        let general = profile_tier_level(&mut bits, max_sub_layers_minus1)?;
        let id = bits.ue()?;
        let chroma_format_idc = u8::try_from(bits.ue()?).ok().filter(|&idc| idc <= 3)?;
        let has_colour_planes = chroma_format_idc == 3 && bits.flag()?;
        let (width, height) = cropped_size(&mut bits, chroma_format_idc)?;
        let mut bit_depth =
            || bits.ue().and_then(|depth| u8::try_from(depth).ok()).filter(|&depth| depth <= 8);
        Some(Self {
            general,
            max_sub_layers_minus1: max_sub_layers_minus1 as u8,
            temporal_id_nesting,
            id,
            chroma_format_idc,
            bit_depth_luma_minus8: bit_depth()?,
            bit_depth_chroma_minus8: bit_depth()?,
            width,
            height,
            has_colour_planes,
            order_bits: bits.ue().map(|bits| bits.saturating_add(4)).filter(|&bits| bits <= 16),
        })
    }

    /// The codec string of ISO/IEC 14496-15 annex E.3 for a sample entry `hvc1` or `hev1`.
    pub(crate) fn codec_string(&self, sample_entry: &str) -> String {
        let [flags, c0, c1, c2, c3, constraints @ .., level] = self.general;
        let space = ["", "A", "B", "C"][usize::from(flags >> 6)];
        let tier = if flags & 0x20 != 0 { 'H' } else { 'L' };
        let profile = flags & 0x1f;
        let compatibility = u32::from_be_bytes([c0, c1, c2, c3]).reverse_bits();
        let mut codec_string = format!("{sample_entry}.{space}{profile}.{compatibility:X}.{tier}{level}");
        let used = constraints.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        for byte in &constraints[..used] {
            codec_string += &format!(".{byte:X}");
        }
        codec_string
    }
}

/// profile_tier_level (§7.3.3): its general part; that of the sub-layers is read past.
fn profile_tier_level(
    bits: &mut Bits<impl Iterator<Item = u8>>,
    max_sub_layers_minus1: u32,
) -> Option<[u8; 12]> {
    let mut general = [0; 12];
    for byte in &mut general {
        *byte = bits.bits(8)? as u8;
    }
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
    Some(general)
}

/// Size of the pictures, less the conformance window.
fn cropped_size(bits: &mut Bits<impl Iterator<Item = u8>>, chroma_format_idc: u8) -> Option<(u32, u32)> {
    let (width, height) = (bits.ue()?, bits.ue()?);
    if !bits.flag()? {
        return Some((width, height));
    }
    let (left, right, top, bottom) = (bits.ue()?, bits.ue()?, bits.ue()?, bits.ue()?);
    // SubWidthC and SubHeightC, table 6-1.
    let (unit_x, unit_y) = match chroma_format_idc {
        1 => (2, 2),
        2 => (2, 1),
        _ => (1, 1),
    };
    let crop = |length: u32, before: u32, after: u32, unit: u32| {
        length.saturating_sub(before.saturating_add(after).saturating_mul(unit))
    };
    Some((crop(width, left, right, unit_x), crop(height, top, bottom, unit_y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_range_extensions() {
        // x265, level 2 (60), 4:4:4, cropped to a height of 140.
        let sps = Sps::parse(&[
            0x42, 0x01, 0x01, 0x04, 0x08, 0x00, 0x00, 0x03, 0x00, 0x9e, 0x08, 0x00, 0x00, 0x03, 0x00, 0x00,
            0x3c, 0x90, 0x02, 0xc4, 0x04, 0x8f, 0x97, 0x2c, 0xac, 0xd2, 0x49, 0x95, 0xe0, 0x2d, 0xc0, 0x80,
            0x80,
        ])
        .unwrap();
        assert_eq!((sps.chroma_format_idc, sps.width, sps.height), (3, 176, 140));
        assert_eq!((sps.bit_depth_luma_minus8, sps.bit_depth_chroma_minus8), (0, 0));
        assert_eq!((sps.max_sub_layers_minus1, sps.temporal_id_nesting), (0, true));
        assert_eq!(sps.codec_string("hev1"), "hev1.4.10.L60.9E.8");
    }
}
