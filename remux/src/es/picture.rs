//! Where one coded picture ends and the next begins (H.264 §7.4.1.2.4, H.265 §7.4.2.4.5).

use h264_reader::nal::sps::{ChromaFormat, FrameMbsFlags, PicOrderCntType, SeqParameterSet};

use super::order::OrderBits;
use super::{h264, h265, h265_order};
use crate::bits::{Bits, without_emulation_prevention};
use crate::layout::Codec;
use crate::limits;

/// Tells the slices of one picture from those of the next.
#[derive(Debug, Clone)]
pub(crate) struct PictureWatch {
    codec: Codec,
    /// What slice headers of H.264 are read with.
    sps: Vec<(u32, SliceSyntax)>,
    /// For each pic_parameter_set_id its seq_parameter_set_id.
    pps: Vec<(u32, u32)>,
    /// The same of H.265.
    h265: h265_order::Syntax,
    last: Option<SliceId>,
    /// Whether the picture of the last slice, or its field, has shown its first macroblock.
    has_first: bool,
    /// H.265: nal_unit_type of the last slice.
    last_type: Option<u8>,
}

/// What a sequence parameter set says of the slice headers that follow.
#[derive(Debug, Clone, Copy)]
struct SliceSyntax {
    has_colour_planes: bool,
    frame_num_bits: u32,
    frames_only: bool,
    /// log2_max_pic_order_cnt_lsb; 0 where pictures are ordered in another way.
    pic_order_bits: u32,
}

/// first_mb_in_slice of a slice whose header ends before it: it goes with the slice before, where that is of its kind.
const CUT_OFF: u32 = u32::MAX;

/// What slices of one picture have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SliceId {
    nal_unit_type_is_idr: bool,
    is_reference: bool,
    first_mb_in_slice: u32,
    /// `None` where no parameter set says how to read on.
    rest: Option<Rest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rest {
    pic_parameter_set_id: u32,
    frame_num: u32,
    /// field_pic_flag, bottom_field_flag.
    field: Option<bool>,
    idr_pic_id: u32,
    pic_order_cnt_lsb: u32,
}

impl PictureWatch {
    pub(crate) fn new(codec: Codec) -> Self {
        Self {
            codec,
            sps: Vec::new(),
            pps: Vec::new(),
            h265: h265_order::Syntax::default(),
            last: None,
            has_first: false,
            last_type: None,
        }
    }

    /// A parameter set that the slices to come are read with.
    pub(crate) fn on_parameter_set(&mut self, nal: &[u8]) {
        if self.codec == Codec::H265 {
            return self.h265.on_parameter_set(nal);
        }
        let Some(set) = h264::set_id(nal) else { return };
        if let Some(sps) = h264::sequence_parameter_set(nal) {
            remember(&mut self.sps, set.id, SliceSyntax::of(&sps));
        } else if let Some(sps_id) = sps_id_of_pps(nal) {
            remember(&mut self.pps, set.id, sps_id);
        }
    }

    /// Whether this slice begins another picture than the slice before it.
    pub(crate) fn on_slice(&mut self, nal: &[u8]) -> bool {
        if self.codec == Codec::H265 {
            // All slices of a picture are of one type (§7.4.2.2); where another comes, the first of its picture is missing.
            let last = std::mem::replace(&mut self.last_type, h265::nal_unit_type(nal));
            return h265::begins_picture(nal) || self.last_type != last;
        }
        let Some(slice) = self.slice(nal) else { return false };
        let is_first = slice.first_mb_in_slice == 0;
        let is_second_field = self.last.is_some_and(|last| slice.is_second_field_of(&last));
        // Two IDR pictures side by side with the same idr_pic_id break §7.4.3. Only redundant pictures, which no camera sends,
        // would show the first macroblock again.
        let begins_again = is_first && self.has_first && !is_second_field;
        let is_other = begins_again || self.last.is_none_or(|last| !slice.is_of_same_picture(&last));
        self.has_first = is_first || self.has_first && !is_other && !is_second_field;
        self.last = Some(slice);
        is_other
    }

    /// Whether a slice is the first of its picture, as far as it says so itself.
    pub(crate) fn is_first(&self, nal: &[u8]) -> bool {
        match self.codec {
            Codec::H265 => h265::begins_picture(nal),
            _ => self.slice(nal).is_some_and(|slice| [0, CUT_OFF].contains(&slice.first_mb_in_slice)),
        }
    }

    /// Where the picture stands in the order of showing, as its first slice says.
    pub(crate) fn order(&self, nal: &[u8]) -> Option<OrderBits> {
        if self.codec == Codec::H265 {
            return self.h265.order(nal);
        }
        let slice = self.slice(nal)?;
        let syntax = find(&self.sps, find(&self.pps, slice.rest?.pic_parameter_set_id)?)?;
        (syntax.pic_order_bits > 0).then_some(OrderBits {
            lsb: slice.rest?.pic_order_cnt_lsb,
            length: syntax.pic_order_bits,
            begins_sequence: slice.nal_unit_type_is_idr,
            is_reference: slice.is_reference,
        })
    }

    /// slice_header, its first half (§7.3.3).
    fn slice(&self, nal: &[u8]) -> Option<SliceId> {
        let header = *nal.first()?;
        let is_idr = header & 0x1f == 5;
        let mut bits = Bits::new(without_emulation_prevention(nal).skip(1));
        let first_mb_in_slice = bits.ue().unwrap_or(CUT_OFF);
        Some(SliceId {
            nal_unit_type_is_idr: is_idr,
            is_reference: header & 0x60 != 0,
            first_mb_in_slice,
            rest: self.rest(&mut bits, is_idr),
        })
    }

    fn rest(&self, bits: &mut Bits<impl Iterator<Item = u8>>, is_idr: bool) -> Option<Rest> {
        bits.ue()?; // slice_type
        let pic_parameter_set_id = bits.ue()?;
        let sps_id = find(&self.pps, pic_parameter_set_id)?;
        let syntax = find(&self.sps, sps_id)?;
        if syntax.has_colour_planes {
            bits.skip(2)?; // colour_plane_id
        }
        let frame_num = bits.bits(syntax.frame_num_bits)?;
        let is_field = !syntax.frames_only && bits.flag()?;
        let field = if is_field { Some(bits.flag()?) } else { None };
        let idr_pic_id = if is_idr { bits.ue()? } else { 0 };
        let pic_order_cnt_lsb = bits.bits(syntax.pic_order_bits)?;
        Some(Rest { pic_parameter_set_id, frame_num, field, idr_pic_id, pic_order_cnt_lsb })
    }
}

pub(super) fn remember<T>(entries: &mut Vec<(u32, T)>, id: u32, entry: T) {
    entries.retain(|&(known, _)| known != id);
    if entries.len() < limits::PARAMETER_SETS {
        entries.push((id, entry));
    }
}

pub(super) fn find<T: Copy>(entries: &[(u32, T)], id: u32) -> Option<T> {
    entries.iter().find(|&&(known, _)| known == id).map(|&(_, entry)| entry)
}

/// seq_parameter_set_id of a picture parameter set (§7.3.2.2).
fn sps_id_of_pps(nal: &[u8]) -> Option<u32> {
    let mut bits = Bits::new(without_emulation_prevention(nal).skip(1));
    bits.ue()?; // pic_parameter_set_id
    bits.ue()
}

impl SliceSyntax {
    fn of(sps: &SeqParameterSet) -> Self {
        Self {
            has_colour_planes: matches!(sps.chroma_info.chroma_format, ChromaFormat::YUV444)
                && sps.chroma_info.separate_colour_plane_flag,
            frame_num_bits: u32::from(sps.log2_max_frame_num_minus4) + 4,
            frames_only: matches!(sps.frame_mbs_flags, FrameMbsFlags::Frames),
            pic_order_bits: match sps.pic_order_cnt {
                PicOrderCntType::TypeZero { log2_max_pic_order_cnt_lsb_minus4 } => {
                    u32::from(log2_max_pic_order_cnt_lsb_minus4) + 4
                }
                _ => 0,
            },
        }
    }
}

impl SliceId {
    /// Two fields of one frame count as one picture: whoever made the stream put them into one access unit, and players
    /// count pictures by access units.
    fn is_of_same_picture(&self, last: &Self) -> bool {
        if self.nal_unit_type_is_idr != last.nal_unit_type_is_idr && !self.is_second_field_of(last) {
            return false;
        }
        match (self.rest, last.rest) {
            _ if self.is_second_field_of(last) => true,
            (Some(rest), Some(before)) => rest == before && self.is_reference == last.is_reference,
            // Without parameter sets: the first macroblock begins a picture.
            _ => self.first_mb_in_slice != 0,
        }
    }

    fn is_second_field_of(&self, last: &Self) -> bool {
        let (Some(rest), Some(before)) = (self.rest, last.rest) else { return false };
        match (before.field, rest.field) {
            (Some(first), Some(second)) => first != second && rest.frame_num == before.frame_num,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With parameter sets that say how to read on.
    fn watch() -> PictureWatch {
        let mut watch = PictureWatch::new(Codec::H264);
        let sets = [
            &[
                0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00,
                0x03, 0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58,
            ][..],
            &[0x68, 0xeb, 0xe3, 0xcb],
        ];
        sets.iter().for_each(|set| watch.on_parameter_set(set));
        watch
    }

    #[test]
    fn pictures_that_all_say_the_same_are_told_apart_by_their_first_macroblock() {
        let (first, second) = ([0x65, 0x88, 0x82, 3, 0x55], [0x65, 0x44, 0x41, 3, 0x55]);
        let mut watch = watch();
        assert_eq!([first, second, first, first].map(|nal| watch.on_slice(&nal)), [true, false, true, true]);
    }

    #[test]
    fn a_slice_that_is_cut_off_begins_a_picture_only_where_it_is_of_another_kind() {
        let mut watch = watch();
        let slices: [&[u8]; 4] = [&[0x65, 0x88, 0x82, 3, 0x55], &[0x65], &[0x41, 0], &[0x41]];
        assert_eq!(slices.map(|nal| watch.on_slice(nal)), [true, false, true, false]);
        assert!(watch.is_first(&[0x65]), "it may be, as far as it says itself");
    }
}
