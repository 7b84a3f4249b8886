//! `avc1` and `hvc1` (ISO/IEC 14496-15 §5.4.2, §8.4.1) with their decoder configuration records.

use h264_reader::nal::sps::ChromaFormat;

use super::{Refused, SampleEntry};
use crate::es::h264::sequence_parameter_set;
use crate::es::h265_sps::Sps;
use crate::layout::{Format, Stream};
use crate::mp4::write::ParameterSets;
use crate::mp4::write::boxes::BoxWriter;

/// Bytes of the length in front of each NAL unit: lengthSizeMinusOne is one less.
pub(crate) const LENGTH_SIZE: usize = 4;

/// H.264 nal_unit_type (H.264 table 7-1).
mod avc_nal {
    pub(super) const SPS: u8 = 7;
    pub(super) const PPS: u8 = 8;
    pub(super) const SPS_EXTENSION: u8 = 13;
}

/// H.265 nal_unit_type (H.265 table 7-1) of VPS, SPS and PPS.
const HEVC_PARAMETER_SETS: [u8; 3] = [32, 33, 34];
const HEVC_SPS: u8 = 33;

/// The parameter sets of one nal_unit_type; those that a record cannot hold, whose lengths have 16 bits, left out.
fn of_type(sets: &[Vec<u8>], kind: u8, kind_of: fn(u8) -> u8) -> Vec<&[u8]> {
    let of_kind =
        |set: &&[u8]| set.len() <= usize::from(u16::MAX) && set.first().copied().map(kind_of) == Some(kind);
    sets.iter().map(Vec::as_slice).filter(of_kind).collect()
}

fn avc_sets(sets: &[Vec<u8>], kind: u8) -> Vec<&[u8]> {
    of_type(sets, kind, |header| header & 0x1f)
}

fn hevc_sets(sets: &[Vec<u8>], kind: u8) -> Vec<&[u8]> {
    of_type(sets, kind, |header| header >> 1 & 0x3f)
}

fn avc_name(parameter_sets: ParameterSets) -> &'static str {
    match parameter_sets {
        ParameterSets::OutOfBand => "avc1",
        ParameterSets::InBand => "avc3",
    }
}

fn hevc_name(parameter_sets: ParameterSets) -> &'static str {
    match parameter_sets {
        ParameterSets::OutOfBand => "hvc1",
        ParameterSets::InBand => "hev1",
    }
}

/// `avc1.` and profile_idc, constraint flags and level_idc in hexadecimal (ISO/IEC 14496-15 annex E.2).
pub(super) fn avc_codec_string(sets: &[Vec<u8>], parameter_sets: ParameterSets) -> Option<String> {
    let &[_, profile, constraints, level, ..] = *avc_sets(sets, avc_nal::SPS).first()? else { return None };
    Some(format!("{}.{profile:02x}{constraints:02x}{level:02x}", avc_name(parameter_sets)))
}

pub(super) fn hevc_codec_string(sets: &[Vec<u8>], parameter_sets: ParameterSets) -> Option<String> {
    let sps = hevc_sets(sets, HEVC_SPS);
    Some(Sps::parse(sps.first()?)?.codec_string(hevc_name(parameter_sets)))
}

/// The sample entry of H.264.
pub(super) fn avc(
    sets: &[Vec<u8>],
    stream: &Stream,
    parameter_sets: ParameterSets,
) -> Result<SampleEntry, Refused> {
    let [sps, pps] = [avc_nal::SPS, avc_nal::PPS].map(|kind| avc_sets(sets, kind));
    let &[_, profile, constraints, level, ..] = *sps.first().ok_or("it has no sequence parameter set")?
    else {
        return Err("its sequence parameter set is cut off");
    };
    if pps.is_empty() {
        return Err("it has no picture parameter set");
    }
    let parsed = sps.first().and_then(|sps| sequence_parameter_set(sps));
    let size = match (&parsed.as_ref().map(|sps| sps.pixel_dimensions()), &stream.format) {
        (Some(Ok(size)), _) => *size,
        (_, Format::Video(format)) => (format.width, format.height),
        (_, Format::Audio(_)) => (0, 0),
    };
    let chroma = parsed.as_ref().map(|sps| &sps.chroma_info);
    let aspect =
        parsed.as_ref().and_then(|sps| sps.vui_parameters.as_ref()?.aspect_ratio_info.as_ref()?.get());
    let bytes = visual(avc_name(parameter_sets), size, aspect, |boxes| {
        // AVCDecoderConfigurationRecord, ISO/IEC 14496-15 §5.3.3.1.
        boxes.nested(b"avcC", |boxes| {
            boxes.bytes(&[1, profile, constraints, level, 0xfc | (LENGTH_SIZE - 1) as u8]);
            avc_array(boxes, 0xe0, &sps, 31);
            avc_array(boxes, 0, &pps, 255);
            if !matches!(profile, 66 | 77 | 88) {
                boxes.u8(0xfc | chroma.map_or(1, |chroma| chroma_format_idc(chroma.chroma_format)));
                boxes.u8(0xf8 | chroma.map_or(0, |chroma| chroma.bit_depth_luma_minus8 & 7));
                boxes.u8(0xf8 | chroma.map_or(0, |chroma| chroma.bit_depth_chroma_minus8 & 7));
                avc_array(boxes, 0, &avc_sets(sets, avc_nal::SPS_EXTENSION), 255);
            }
        });
    });
    Ok(SampleEntry { bytes, size: shown(size, aspect) })
}

/// chroma_format_idc (H.264 table 6-1).
fn chroma_format_idc(format: ChromaFormat) -> u8 {
    match format {
        ChromaFormat::Monochrome => 0,
        ChromaFormat::YUV422 => 2,
        ChromaFormat::YUV444 => 3,
        ChromaFormat::YUV420 | ChromaFormat::Invalid(_) => 1,
    }
}

/// A count, with `reserved` bits above it, and parameter sets behind their lengths.
fn avc_array(boxes: &mut BoxWriter, reserved: u8, sets: &[&[u8]], most: usize) {
    let sets = &sets[..sets.len().min(most)];
    boxes.u8(reserved | sets.len() as u8);
    sets.iter().for_each(|set| with_length(boxes, set));
}

/// A parameter set behind 16 bits of length.
fn with_length(boxes: &mut BoxWriter, set: &[u8]) {
    boxes.u16(set.len() as u16);
    boxes.bytes(set);
}

/// The sample entry of H.265.
pub(super) fn hevc(sets: &[Vec<u8>], parameter_sets: ParameterSets) -> Result<SampleEntry, Refused> {
    let arrays = HEVC_PARAMETER_SETS.map(|kind| (kind, hevc_sets(sets, kind)));
    if arrays.iter().any(|(_, sets)| sets.is_empty()) {
        return Err("it has no VPS, SPS or PPS");
    }
    let sps = hevc_sets(sets, HEVC_SPS).first().and_then(|sps| Sps::parse(sps));
    let sps = sps.ok_or("its sequence parameter set cannot be read")?;
    let size = (sps.width, sps.height);
    let bytes = visual(hevc_name(parameter_sets), size, None, |boxes| {
        boxes.nested(b"hvcC", |boxes| {
            hevc_record(boxes, &sps);
            boxes.u8(arrays.len() as u8);
            for (kind, sets) in &arrays {
                // array_completeness: all there are, where samples carry none.
                boxes.u8(u8::from(parameter_sets == ParameterSets::OutOfBand) << 7 | kind);
                boxes.u16(sets.len() as u16);
                sets.iter().for_each(|set| with_length(boxes, set));
            }
        });
    });
    Ok(SampleEntry { bytes, size })
}

/// HEVCDecoderConfigurationRecord up to its arrays (ISO/IEC 14496-15 §8.3.2.1).
fn hevc_record(boxes: &mut BoxWriter, sps: &Sps) {
    boxes.u8(1); // configurationVersion
    boxes.bytes(&sps.general);
    boxes.u16(0xf000); // min_spatial_segmentation_idc: not known
    boxes.u8(0xfc); // parallelismType: not known
    boxes.u8(0xfc | sps.chroma_format_idc);
    boxes.u8(0xf8 | sps.bit_depth_luma_minus8);
    boxes.u8(0xf8 | sps.bit_depth_chroma_minus8);
    boxes.u16(0); // avgFrameRate: not known
    let temporal_layers = (sps.max_sub_layers_minus1 + 1) & 7;
    // constantFrameRate 0: not known.
    boxes.u8(temporal_layers << 3 | u8::from(sps.temporal_id_nesting) << 2 | (LENGTH_SIZE - 1) as u8);
}

/// A VisualSampleEntry (ISO/IEC 14496-12 §12.1.3) of one frame per sample at 72 dpi.
fn visual(
    kind: &str,
    size: (u32, u32),
    aspect: Option<(u16, u16)>,
    configuration: impl FnOnce(&mut BoxWriter),
) -> Vec<u8> {
    let mut boxes = BoxWriter::new();
    let kind = kind.as_bytes().first_chunk().expect("every name of a sample entry has four letters");
    boxes.nested(kind, |boxes| {
        boxes.zeros(6);
        boxes.u16(1); // data_reference_index
        boxes.zeros(16);
        boxes.u16(size.0.min(u32::from(u16::MAX)) as u16);
        boxes.u16(size.1.min(u32::from(u16::MAX)) as u16);
        boxes.u32(0x0048_0000); // horizresolution
        boxes.u32(0x0048_0000); // vertresolution
        boxes.u32(0);
        boxes.u16(1); // frame_count
        boxes.zeros(32); // compressorname
        boxes.u16(0x18); // depth
        boxes.u16(0xffff);
        configuration(boxes);
        if let Some((horizontal, vertical)) = usable(aspect) {
            boxes.nested(b"pasp", |boxes| {
                boxes.u32(u32::from(horizontal));
                boxes.u32(u32::from(vertical));
            });
        }
    });
    boxes.into_bytes()
}

/// A sample aspect ratio that says something (H.264 §E.2.1: 0 is unspecified).
fn usable(aspect: Option<(u16, u16)>) -> Option<(u16, u16)> {
    aspect.filter(|&(horizontal, vertical)| horizontal > 0 && vertical > 0)
}

/// Size as it is shown: pixels that are not square make it wider or narrower.
fn shown((width, height): (u32, u32), aspect: Option<(u16, u16)>) -> (u32, u32) {
    let (horizontal, vertical) = usable(aspect).unwrap_or((1, 1));
    let wide = u64::from(width) * u64::from(horizontal) / u64::from(vertical);
    (u32::try_from(wide).unwrap_or(width), height)
}
