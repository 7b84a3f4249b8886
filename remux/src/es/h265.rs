//! H.265: what begins an access unit, and what its sequence parameter set says (H.265 §7.3.1, §7.3.2.2, §7.3.3).

use super::Unit;
use super::annex_b::nal_units;
use super::h265_sps::Sps;
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
pub(super) fn unit(data: &[u8]) -> Option<Unit> {
    for nal in nal_units(data) {
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
pub(super) fn format(data: &[u8]) -> Option<VideoFormat> {
    let sps = nal_units(data).find(|nal| nal_unit_type(nal.bytes) == Some(SPS))?;
    let sps = Sps::parse(sps.bytes)?;
    Some(VideoFormat { width: sps.width, height: sps.height, codec_string: Some(sps.codec_string("hvc1")) })
}

#[cfg(test)]
mod tests {
    use super::*;

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
