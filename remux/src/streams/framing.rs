//! Whether NAL units stand behind start codes or behind lengths.

use std::ops::Range;

use crate::es::annex_b::{nal_units, without_trailing_zeros};
use crate::layout::{Codec, Framing};

/// How the NAL units of a PES follow each other; `None` where it looks like nothing known.
pub(super) fn framing(codec: Codec, data: &[u8]) -> Option<Framing> {
    let zeros = data.iter().take_while(|&&byte| byte == 0).count();
    if zeros >= 2 && data.get(zeros) == Some(&1) {
        return Some(Framing::Native);
    }
    [4, 2, 1].into_iter().find(|&size| fits(codec, data, size)).map(Framing::Length)
}

/// Whether lengths of `size` bytes lead to the end exactly, over NAL units that can be.
fn fits(codec: Codec, data: &[u8], size: u8) -> bool {
    let nals = length_prefixed(data, usize::from(size));
    let reaches_end = nals.last().is_some_and(|last| last.end == data.len());
    reaches_end && nals.iter().all(|nal| is_plausible(codec, &data[nal.clone()]))
}

/// forbidden_zero_bit, and a nal_unit_type that has a meaning (table 7-1 of either standard).
fn is_plausible(codec: Codec, nal: &[u8]) -> bool {
    match (codec, nal) {
        (Codec::H265, [first, second, ..]) => first & 0x80 == 0 && first >> 1 <= 40 && second & 0x07 != 0,
        (Codec::H265, _) => false,
        (_, [first, ..]) => first & 0x80 == 0 && (1..=21).contains(&(first & 0x1f)),
        (_, []) => false,
    }
}

/// Where the NAL units lie, as far as lengths lead.
fn length_prefixed(data: &[u8], size: usize) -> Vec<Range<usize>> {
    let mut nals = Vec::new();
    let mut at = 0usize;
    while let Some(field) = data.get(at..at + size) {
        let length = field.iter().fold(0usize, |value, &byte| value << 8 | usize::from(byte));
        let begin = at + size;
        if length == 0 || data.len() - begin < length {
            break;
        }
        nals.push(begin..begin + length);
        at = begin + length;
    }
    nals
}

/// The NAL units of a PES in this framing, as an access unit has them.
pub(super) fn nals(framing: Framing, data: &[u8]) -> Vec<&[u8]> {
    let nals: Vec<&[u8]> = match framing {
        Framing::Length(size) => {
            length_prefixed(data, usize::from(size)).into_iter().map(|nal| &data[nal]).collect()
        }
        Framing::Native | Framing::Latm => nal_units(data).map(|nal| nal.bytes).collect(),
    };
    nals.into_iter().map(without_trailing_zeros).filter(|nal| !nal.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_from_start_codes() {
        let h264 = |data: &[u8]| framing(Codec::H264, data);
        assert_eq!(h264(&[0, 0, 0, 1, 0x67, 1]), Some(Framing::Native));
        assert_eq!(h264(&[0, 0, 1, 0x67, 1]), Some(Framing::Native));
        assert_eq!(h264(&[0, 0, 0, 2, 0x67, 1, 0, 0, 0, 3, 0x65, 8, 8]), Some(Framing::Length(4)));
        assert_eq!(h264(&[0, 2, 0x67, 1, 0, 3, 0x65, 8, 8]), Some(Framing::Length(2)));
        assert_eq!(h264(&[2, 0x67, 1, 3, 0x65, 8, 8]), Some(Framing::Length(1)));
        assert_eq!(h264(&[2, 0x67, 1, 3, 0x65, 8]), None);
        assert_eq!(h264(&[]), None);
    }

    #[test]
    fn zeros_of_the_next_start_code_are_no_part_of_a_nal_unit() {
        let data = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0, 0, 1, 0x65, 3];
        assert_eq!(nals(Framing::Native, &data), [&[0x67, 1], &[0x68, 2], &[0x65, 3]]);
        assert_eq!(nals(Framing::Length(1), &[3, 0x67, 1, 0, 2, 0x65, 3]), [&[0x67, 1], &[0x65, 3]]);
    }
}
