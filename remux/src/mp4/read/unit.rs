//! From a sample to an access unit: NAL units out of their lengths (ISO/IEC 14496-15 §5.3.4.2), frames as they are.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::entry::Description;
use super::movie::Track;
use super::tables::Sample;
use crate::es::access_unit::{Data, Nals};
use crate::es::{Unit, is_intra, unit_of};
use crate::layout::RapClass;

/// What a sample holds.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) data: Data,
    pub(crate) unit: Unit,
    /// Whether not all of it could be read.
    pub(crate) is_damaged: bool,
}

/// What the bytes of `sample` hold; `None` where that is nothing.
pub(crate) fn content(track: &Track, sample: &Sample, bytes: Bytes, class: RapClass) -> Option<Content> {
    if !track.codec.is_video() {
        let data = Data::Frame(bytes);
        return Some(Content { data, unit: Unit::Opaque, is_damaged: false });
    }
    let number = (sample.description as usize).saturating_sub(1);
    let description = track.descriptions.get(number).or(track.descriptions.first())?;
    let (mut ranges, is_damaged) = nal_ranges(&bytes, description.nal_length_size);
    let mut bytes = bytes;
    if sample.is_sync && number > 0 {
        (bytes, ranges) = with_parameter_sets(description, &bytes, &ranges);
    }
    let nals = Nals::new(bytes, ranges);
    if nals.iter().len() == 0 {
        return None;
    }
    let unit = random_access(track, sample, &nals, class);
    Some(Content { data: Data::Nals(nals), unit, is_damaged })
}

/// Where the NAL units lie, and whether a length goes too far; an empty one is no NAL unit.
fn nal_ranges(sample: &[u8], nal_length_size: usize) -> (Vec<Range<usize>>, bool) {
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(length) = sample.get(at..at + nal_length_size) {
        let length = length.iter().fold(0usize, |length, &byte| length << 8 | usize::from(byte));
        let start = at + nal_length_size;
        if length > sample.len() - start {
            return (ranges, true);
        }
        at = start + length;
        if length > 0 {
            ranges.push(start..at);
        }
    }
    (ranges, at != sample.len())
}

/// Puts the parameter sets of a further sample entry where it begins to hold: the setup of the track has those of the
/// first.
fn with_parameter_sets(
    description: &Description,
    bytes: &Bytes,
    ranges: &[Range<usize>],
) -> (Bytes, Vec<Range<usize>>) {
    let mut joined = BytesMut::new();
    let mut joined_ranges = Vec::new();
    let nals = ranges.iter().filter_map(|range| bytes.get(range.clone()));
    for nal in description.parameter_sets.iter().map(|set| &set[..]).chain(nals) {
        let start = joined.len();
        joined.extend_from_slice(nal);
        joined_ranges.push(start..joined.len());
    }
    (joined.freeze(), joined_ranges)
}

/// What decoding can do with a picture. Its NAL units tell; where they leave it open, as in streams whose random access
/// points are plain I pictures, what the file says counts unless the picture itself contradicts.
fn random_access(track: &Track, sample: &Sample, nals: &Nals, class: RapClass) -> Unit {
    let told = unit_of(track.codec, nals.iter());
    let is_open = match told {
        Unit::OpenRap => true,
        Unit::Picture => sample.is_sync && is_intra(track.codec, nals.iter()),
        Unit::Gradual => sample.is_sync,
        Unit::Idr | Unit::Opaque => false,
    };
    match (is_open, class) {
        (true, RapClass::Idr) if sample.is_sync => Unit::Idr,
        (true, _) => Unit::OpenRap,
        (false, _) => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(ranges: &[(usize, usize)]) -> Vec<Range<usize>> {
        ranges.iter().map(|&(start, end)| start..end).collect()
    }

    #[test]
    fn lengths_of_all_sizes() {
        assert_eq!(nal_ranges(&[1, 9, 2, 8, 7], 1), (ranges(&[(1, 2), (3, 5)]), false));
        assert_eq!(nal_ranges(&[0, 1, 9, 0, 0, 0, 1, 8], 2), (ranges(&[(2, 3), (7, 8)]), false));
        assert_eq!(nal_ranges(&[0, 0, 1, 9], 3), (ranges(&[(3, 4)]), false));
        assert_eq!(nal_ranges(&[0, 0, 0, 1, 9], 4), (ranges(&[(4, 5)]), false));
        assert_eq!(nal_ranges(&[], 4), (ranges(&[]), false));
    }

    #[test]
    fn a_length_beyond_the_sample_keeps_what_is_before_it() {
        assert_eq!(nal_ranges(&[0, 0, 0, 1, 9, 0, 0, 0, 2, 9], 4), (ranges(&[(4, 5)]), true));
        assert_eq!(nal_ranges(&[0, 0, 0, 1, 9, 0], 4), (ranges(&[(4, 5)]), true));
        assert_eq!(nal_ranges(&[0xff, 0xff, 0xff, 0xff], 4), (ranges(&[]), true));
    }
}
