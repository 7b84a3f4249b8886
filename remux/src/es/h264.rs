//! H.264: what begins an access unit, and what its sequence parameter set says (H.264 §7.3, §7.4.1.2, D.1.8).

use h264_reader::nal::sps::SeqParameterSet;
use h264_reader::rbsp::{BitReader, decode_nal};

use super::annex_b::Nal;
use super::parameter_sets::SetId;
use super::{Role, Unit};
use crate::bits::{Bits, without_emulation_prevention};
use crate::layout::VideoFormat;

// nal_unit_type, table 7-1.
const SLICE: u8 = 1;
const SLICE_PARTITION_A: u8 = 2;
const IDR_SLICE: u8 = 5;
const SEI: u8 = 6;
const SPS: u8 = 7;
const PPS: u8 = 8;
const ACCESS_UNIT_DELIMITER: u8 = 9;

/// An access unit delimiter that allows every kind of slice (§7.3.2.4: primary_pic_type 7).
pub(super) const DELIMITER: [u8; 2] = [0x09, 0xf0];

/// payloadType of the recovery point SEI message (D.1.1).
const RECOVERY_POINT: u32 = 6;

fn nal_unit_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|header| header & 0x1f)
}

/// What a NAL unit is in the order of an access unit (§7.4.1.2.3).
pub(super) fn role(nal: &[u8]) -> Option<Role> {
    Some(match nal_unit_type(nal)? {
        SLICE | SLICE_PARTITION_A | IDR_SLICE => Role::Slice,
        ACCESS_UNIT_DELIMITER => Role::Delimiter,
        SPS | PPS => Role::ParameterSet,
        // SPS extension, prefix, subset SPS, depth parameter set, reserved.
        SEI | 13..=18 => Role::Before,
        _ => Role::Behind,
    })
}

/// Whether a NAL unit is a picture parameter set.
pub(super) fn is_picture_parameter_set(nal: &[u8]) -> bool {
    nal_unit_type(nal) == Some(PPS)
}

/// Which parameter set a NAL unit is.
pub(super) fn set_id(nal: &[u8]) -> Option<SetId> {
    let kind = nal_unit_type(nal)?;
    let mut bits = Bits::new(without_emulation_prevention(nal).skip(1));
    match kind {
        SPS => bits.skip(24)?, // profile_idc, constraint flags, level_idc
        PPS => {}
        _ => return None,
    }
    Some(SetId { kind, id: bits.ue()? })
}

/// The first slice tells.
pub(super) fn unit<'a>(nals: impl Iterator<Item = Nal<'a>>) -> Option<Unit> {
    let mut recovery_frame_cnt = None;
    for nal in nals {
        let Some(nal_unit_type) = nal_unit_type(nal.bytes) else { continue };
        match nal_unit_type {
            IDR_SLICE => return Some(Unit::Idr),
            SLICE | SLICE_PARTITION_A => {
                return Some(match recovery_frame_cnt {
                    Some(0) => Unit::OpenRap,
                    Some(_) => Unit::Gradual,
                    None => Unit::Picture,
                });
            }
            SEI if nal.is_complete => recovery_frame_cnt = recovery_frame_cnt.or(recovery_point(nal.bytes)),
            _ => {}
        }
    }
    None
}

/// Whether the first slice is an I slice (slice_type, table 7-6): it needs no other picture.
pub(super) fn is_intra<'a>(nals: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let slice = nals
        .into_iter()
        .find(|nal| matches!(nal_unit_type(nal), Some(SLICE | SLICE_PARTITION_A | IDR_SLICE)));
    let Some(slice) = slice else { return false };
    let mut bits = Bits::new(without_emulation_prevention(slice).skip(1));
    let (_first_mb_in_slice, slice_type) = (bits.ue(), bits.ue());
    slice_type.is_some_and(|slice_type| matches!(slice_type % 5, 2 | 4))
}

/// recovery_frame_cnt of the recovery point that a SEI NAL unit holds (D.1.8): how many frames after this one pictures are
/// right (in output order); with 0, from here on.
fn recovery_point(nal: &[u8]) -> Option<u32> {
    let mut bytes = without_emulation_prevention(nal).skip(1);
    while let Some(payload_type) = sei_number(&mut bytes) {
        let payload_size = sei_number(&mut bytes)? as usize;
        if payload_type == RECOVERY_POINT {
            return Bits::new(bytes.take(payload_size)).ue();
        }
        if payload_size > 0 {
            bytes.nth(payload_size - 1)?;
        }
    }
    None
}

/// payloadType or payloadSize: bytes of 0xff and one that is less, added up (§7.3.2.3.1).
fn sei_number(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut sum = 0u32;
    loop {
        let byte = bytes.next()?;
        sum = sum.checked_add(u32::from(byte))?;
        if byte != 0xff {
            return Some(sum);
        }
    }
}

/// What the first sequence parameter set says.
pub(super) fn format<'a>(mut nals: impl Iterator<Item = &'a [u8]>) -> Option<VideoFormat> {
    let sps = sequence_parameter_set(nals.find(|nal| nal_unit_type(nal) == Some(SPS))?)?;
    let (width, height) = sps.pixel_dimensions().ok()?;
    Some(VideoFormat { width, height, codec_string: Some(sps.rfc6381().to_string()) })
}

/// A sequence parameter set, from its NAL unit header on; `None` where the NAL unit is none.
pub(crate) fn sequence_parameter_set(nal: &[u8]) -> Option<SeqParameterSet> {
    if nal_unit_type(nal)? != SPS {
        return None;
    }
    let rbsp = decode_nal(nal).ok()?;
    SeqParameterSet::from_bits(BitReader::new(&*rbsp)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::annex_b::nal_units;
    use super::*;

    const AUD: [u8; 6] = [0, 0, 0, 1, 0x09, 0xf0];

    fn with(nals: &[&[u8]]) -> Vec<u8> {
        nals.iter().fold(AUD.to_vec(), |data, nal| [&data[..], &[0, 0, 1], nal].concat())
    }

    #[test]
    fn the_first_slice_tells() {
        assert_eq!(unit(nal_units(&with(&[&[0x67, 1], &[0x68, 1], &[0x65, 0x88]]))), Some(Unit::Idr));
        assert_eq!(unit(nal_units(&with(&[&[0x41, 0x9a]]))), Some(Unit::Picture));
        assert_eq!(unit(nal_units(&with(&[&[0x67, 1], &[0x68, 1]]))), None);
        assert_eq!(unit(nal_units(&[])), None);
        assert_eq!(
            unit(nal_units(&with(&[&[], &[0x65, 0x88]]))),
            Some(Unit::Idr),
            "a NAL unit without a byte hides nothing"
        );
    }

    #[test]
    fn recovery_point_counts_only_when_exact() {
        // A user data message of 3 bytes, then a recovery point: recovery_frame_cnt ue(v), three flags.
        let exact = [0x06, 5, 3, 1, 2, 3, 6, 1, 0b1100_0000, 0x80];
        let later = [0x06, 6, 1, 0b0101_0000, 0x80];
        assert_eq!(unit(nal_units(&with(&[&exact, &[0x41, 0x9a]]))), Some(Unit::OpenRap));
        assert_eq!(unit(nal_units(&with(&[&later, &[0x41, 0x9a]]))), Some(Unit::Gradual));
        assert_eq!(unit(nal_units(&with(&[&[0x06, 0xff, 0xff], &[0x41, 0x9a]]))), Some(Unit::Picture));
    }

    #[test]
    fn a_sequence_parameter_set_gives_size_and_codec_string() {
        // 1920x1080, High, level 4.0, cropped by 8 lines.
        let sps = [
            0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03,
            0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58,
        ];
        let format = format([&sps[..]].into_iter()).unwrap();
        assert_eq!(
            (format.width, format.height, format.codec_string.as_deref()),
            (1920, 1080, Some("avc1.640028"))
        );
    }
}
