//! H.265: picture order count out of slice headers (H.265 §7.3.6.1).

use super::h265::{is_base_idr, is_broken_link, nal_unit_type, set_id};
use super::h265_sps::Sps;
use super::order::OrderBits;
use super::picture::{find, remember};
use crate::bits::{Bits, without_emulation_prevention};

/// What slice headers are read with.
#[derive(Debug, Clone, Default)]
pub(super) struct Syntax {
    sps: Vec<(u32, Sequence)>,
    pps: Vec<(u32, Picture)>,
}

#[derive(Debug, Clone, Copy)]
struct Sequence {
    has_colour_planes: bool,
    /// log2_max_pic_order_cnt_lsb.
    order_bits: u32,
}

#[derive(Debug, Clone, Copy)]
struct Picture {
    sps_id: u32,
    has_output_flag: bool,
    extra_bits: u32,
}

const SPS: u8 = 33;
const PPS: u8 = 34;
/// The last nal_unit_type of pictures that can be left out (table 7-1): of those below the odd ones are references.
const RSV_VCL_R15: u8 = 15;
const RADL_N: u8 = 6;
const RASL_R: u8 = 9;

impl Syntax {
    pub(super) fn on_parameter_set(&mut self, nal: &[u8]) {
        let Some(set) = set_id(nal) else { return };
        if set.kind == SPS
            && let Some(sequence) = Sequence::of(nal)
        {
            remember(&mut self.sps, set.id, sequence);
        } else if set.kind == PPS
            && let Some(picture) = Picture::of(nal)
        {
            remember(&mut self.pps, set.id, picture);
        }
    }

    /// What the first slice of a picture says.
    pub(super) fn order(&self, nal: &[u8]) -> Option<OrderBits> {
        let kind = nal_unit_type(nal)?;
        let mut bits = Bits::new(without_emulation_prevention(nal).skip(2));
        if !bits.flag()? {
            // Not the first_slice_segment_in_pic.
            return None;
        }
        if kind > RSV_VCL_R15 {
            bits.skip(1)?; // no_output_of_prior_pics_flag
        }
        let picture = find(&self.pps, bits.ue()?)?;
        let sequence = find(&self.sps, picture.sps_id)?;
        bits.skip(picture.extra_bits)?;
        bits.ue()?; // slice_type
        bits.skip(u32::from(picture.has_output_flag))?;
        bits.skip(if sequence.has_colour_planes { 2 } else { 0 })?;
        let is_idr = is_base_idr(kind);
        let is_sub_layer = nal.get(1).is_none_or(|&byte| byte & 7 != 1);
        let can_go = kind <= RSV_VCL_R15 && kind % 2 == 0 || (RADL_N..=RASL_R).contains(&kind);
        Some(OrderBits {
            lsb: if is_idr { 0 } else { bits.bits(sequence.order_bits)? },
            length: sequence.order_bits,
            begins_sequence: is_idr || is_broken_link(kind),
            is_reference: !is_sub_layer && !can_go,
        })
    }
}

impl Sequence {
    fn of(nal: &[u8]) -> Option<Self> {
        let sps = Sps::parse(nal)?;
        Some(Self { has_colour_planes: sps.has_colour_planes, order_bits: sps.order_bits? })
    }
}

impl Picture {
    /// pic_parameter_set_rbsp, its beginning (§7.3.2.3).
    fn of(nal: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(without_emulation_prevention(nal).skip(2));
        bits.ue()?; // pps_pic_parameter_set_id
        let sps_id = bits.ue()?;
        bits.skip(1)?; // dependent_slice_segments_enabled_flag
        Some(Self { sps_id, has_output_flag: bits.flag()?, extra_bits: bits.bits(3)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_say_where_their_pictures_stand() {
        let mut syntax = Syntax::default();
        syntax.on_parameter_set(&[
            0x42, 0x01, 0x01, 0x04, 0x08, 0, 0, 3, 0, 0x9e, 0x08, 0, 0, 3, 0, 0, 0x3c, 0x90, 0x02, 0xc4,
            0x04, 0x8f, 0x97, 0x2c, 0xac, 0xd2, 0x49, 0x95, 0xe0, 0x2d, 0xc0, 0x80, 0x80,
        ]);
        // pps 0, sps 0, no dependent slices, no output flag, no extra bits.
        syntax.on_parameter_set(&[0x44, 0x01, 0xc0, 0x80]);
        // IDR: first slice, no_output_of_prior_pics_flag, pps 0, slice_type 2.
        let idr = syntax.order(&[0x26, 0x01, 0b1010_1100]).unwrap();
        assert_eq!((idr.lsb, idr.begins_sequence, idr.is_reference), (0, true, true));
        // TRAIL_N: first slice, pps 0, slice_type 0, eight bits of order.
        let picture = syntax.order(&[0x00, 0x01, 0b1110_0000, 0b1010_0000, 0]).unwrap();
        assert_eq!((picture.lsb, picture.length, picture.is_reference), (5, 8, false));
        assert_eq!(syntax.order(&[0x02, 0x01, 0b0110_0000]), None);
    }
}
