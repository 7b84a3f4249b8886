//! From access units to samples: NAL units behind their lengths, parameter sets and delimiters taken out
//! (ISO/IEC 14496-15 §4.3.3, §5.3.2, §8.3.1).

use bytes::BytesMut;

use super::ParameterSets;
use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data};
use crate::layout::{Codec, RapClass, Setup, Stream};
use crate::limits;

/// sample_flags (ISO/IEC 14496-12 §8.8.3.1) of a sample that decoding can begin at: sample_depends_on 2.
pub(crate) const SYNC_FLAGS: u32 = 0x0200_0000;
/// Of any other picture: sample_depends_on 1, sample_is_non_sync_sample.
pub(crate) const NON_SYNC_FLAGS: u32 = 0x0101_0000;

/// Whether decoding can begin at an access unit of this codec.
pub(crate) fn is_sync(codec: Codec, unit: Unit, class: RapClass) -> bool {
    !codec.is_video() || unit.is_rap(class)
}

/// Makes samples of the access units of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Sampler {
    codec: Codec,
    parameter_sets: ParameterSets,
    /// The parameter sets of the sample entry, which samples need not repeat.
    known: Vec<Vec<u8>>,
    /// Whether those are left out of the samples. Not any more once a different one came: a decoder that has taken it
    /// must be told when the old one is back.
    strips: bool,
}

/// The bytes of one sample, where they lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample<'a> {
    pieces: Vec<&'a [u8]>,
    has_lengths: bool,
}

impl Sampler {
    pub(crate) fn new(stream: &Stream, parameter_sets: ParameterSets) -> Self {
        let known = match &stream.setup {
            Setup::ParameterSets(sets) => sets.clone(),
            _ => Vec::new(),
        };
        let strips = parameter_sets == ParameterSets::OutOfBand;
        Self { codec: stream.codec, parameter_sets, known, strips }
    }

    /// Begins anew. Says whether a parameter set had come that the sample entry does not have.
    pub(crate) fn restart(&mut self) -> bool {
        let strips = self.parameter_sets == ParameterSets::OutOfBand;
        strips && !std::mem::replace(&mut self.strips, strips)
    }

    /// The sample that an access unit becomes; `None` where nothing of it is left, where it is not of this stream's kind,
    /// or larger than [`limits::SAMPLE_BYTES`].
    pub(crate) fn sample<'a>(&mut self, unit: &'a AccessUnit) -> Option<Sample<'a>> {
        let sample = match (&unit.data, self.codec.is_video()) {
            (Data::Nals(nals), true) => self.picture(nals.iter()),
            (Data::Frame(frame), false) => Sample { pieces: vec![frame], has_lengths: false },
            (Data::Nals(_), false) | (Data::Frame(_), true) => return None,
        };
        (1..=limits::SAMPLE_BYTES).contains(&sample.len()).then_some(sample)
    }

    fn picture<'a>(&mut self, nals: impl Iterator<Item = &'a [u8]> + Clone) -> Sample<'a> {
        let nals = nals.map(without_trailing_zeros).filter(|nal| !nal.is_empty());
        let is_other = |nal: &[u8]| self.is_parameter_set(nal) && !self.is_known(nal);
        if self.strips && nals.clone().any(is_other) {
            self.strips = false;
        }
        let is_kept = |nal: &&[u8]| !(self.is_delimiter(nal) || self.strips && self.is_parameter_set(nal));
        Sample { pieces: nals.filter(is_kept).collect(), has_lengths: true }
    }

    fn is_known(&self, nal: &[u8]) -> bool {
        self.known.iter().any(|known| without_trailing_zeros(known) == nal)
    }

    /// H.264 table 7-1: SPS, PPS, SPS extension; H.265 table 7-1: VPS, SPS, PPS.
    fn is_parameter_set(&self, nal: &[u8]) -> bool {
        let header = nal.first().copied().unwrap_or(0);
        match self.codec {
            Codec::H264 => matches!(header & 0x1f, 7 | 8 | 13),
            _ => matches!(header >> 1 & 0x3f, 32..=34),
        }
    }

    /// Access unit delimiter: a sample is an access unit already.
    fn is_delimiter(&self, nal: &[u8]) -> bool {
        let header = nal.first().copied().unwrap_or(0);
        match self.codec {
            Codec::H264 => header & 0x1f == 9,
            _ => header >> 1 & 0x3f == 35,
        }
    }
}

/// A NAL unit does not end in a zero (H.264 §7.4.1); those there are belong to the next start code.
fn without_trailing_zeros(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    nal.get(..end).unwrap_or_default()
}

impl Sample<'_> {
    /// Bytes of the sample.
    pub(crate) fn len(&self) -> usize {
        let length_size = if self.has_lengths { 4 } else { 0 };
        self.pieces
            .iter()
            .fold(0usize, |sum, piece| sum.saturating_add(length_size).saturating_add(piece.len()))
    }

    /// Appends the sample.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        for piece in &self.pieces {
            if self.has_lengths {
                out.extend_from_slice(&(piece.len() as u32).to_be_bytes());
            }
            out.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::write::testing::{AVC_PPS, AVC_SPS, layout, picture, sound};

    const SLICE: [u8; 2] = [0x65, 0x88];
    const OTHER_PPS: [u8; 2] = [0x68, 0x01];

    fn sampler(codec: Codec, parameter_sets: ParameterSets) -> Sampler {
        Sampler::new(&layout(&[codec]).streams[0], parameter_sets)
    }

    /// First bytes of the NAL units that are left.
    fn headers(sampler: &mut Sampler, nals: &[&[u8]]) -> Option<Vec<u8>> {
        let unit = picture(0, 0, 0, Unit::Idr, nals);
        let sample = sampler.sample(&unit)?;
        Some(sample.pieces.iter().map(|piece| piece[0]).collect())
    }

    #[test]
    fn what_the_sample_entry_says_is_left_out() {
        let mut sampler = sampler(Codec::H264, ParameterSets::OutOfBand);
        let with_zeros = [&AVC_PPS[..], &[0]].concat();
        assert_eq!(
            headers(&mut sampler, &[&[9, 0xf0], &AVC_SPS, &with_zeros, &[6, 1], &SLICE]),
            Some(vec![6, 0x65])
        );
        assert_eq!(headers(&mut sampler, &[&[9, 0xf0], &AVC_SPS]), None, "nothing is left");
        assert!(!sampler.restart());
    }

    #[test]
    fn once_another_parameter_set_came_all_stay() {
        let mut sampler = sampler(Codec::H264, ParameterSets::OutOfBand);
        assert_eq!(headers(&mut sampler, &[&AVC_SPS, &OTHER_PPS, &SLICE]), Some(vec![0x67, 0x68, 0x65]));
        assert_eq!(headers(&mut sampler, &[&AVC_SPS, &AVC_PPS, &SLICE]), Some(vec![0x67, 0x68, 0x65]));
        assert!(sampler.restart(), "and it is told");
        assert_eq!(headers(&mut sampler, &[&AVC_SPS, &AVC_PPS, &SLICE]), Some(vec![0x65]));
    }

    #[test]
    fn in_band_all_stay_but_delimiters() {
        let mut sampler = sampler(Codec::H264, ParameterSets::InBand);
        assert_eq!(
            headers(&mut sampler, &[&[9, 0xf0], &AVC_SPS, &OTHER_PPS, &SLICE]),
            Some(vec![0x67, 0x68, 0x65])
        );
        assert!(!sampler.restart());
        let mut hevc = self::sampler(Codec::H265, ParameterSets::InBand);
        assert_eq!(
            headers(&mut hevc, &[&[70, 1, 0x50], &[0x42, 1, 1], &[0x26, 1, 1]]),
            Some(vec![0x42, 0x26])
        );
    }

    #[test]
    fn what_is_of_another_kind_is_none() {
        let mut pictures = sampler(Codec::H264, ParameterSets::OutOfBand);
        assert_eq!(pictures.sample(&sound(0, 0, &[1])), None);
        let mut aac = sampler(Codec::AacAdts, ParameterSets::OutOfBand);
        assert_eq!(aac.sample(&picture(0, 0, 0, Unit::Idr, &[&SLICE])), None);
        assert_eq!(aac.sample(&sound(0, 0, &[])), None);
        assert_eq!(aac.sample(&sound(0, 0, &vec![0; limits::SAMPLE_BYTES + 1])), None);
        assert_eq!(aac.sample(&sound(0, 0, &[1, 0])).unwrap().len(), 2, "sound is not touched");
    }
}
