//! What decoders are told in sample entries: `avcC` and `hvcC` (ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1), `esds`
//! (ISO/IEC 14496-14 §6.7.2, ISO/IEC 14496-1 §7.2.6).

use bytes::Bytes;

use super::entry::Description;
use crate::mp4::boxes::{Fields, Node};

/// What `avcC` or `hvcC` says.
pub(crate) struct AvcConfig {
    pub(crate) description: Description,
    /// RFC 6381 codec string, where no parameter set is there to tell it.
    pub(crate) codec_string: Option<String>,
}

/// `AVCDecoderConfigurationRecord`.
pub(crate) fn avc(record: &Bytes) -> Option<AvcConfig> {
    let mut fields = Fields::new(record);
    fields.skip(1)?; // configurationVersion
    let [profile, compatibility, level] = fields.array()?;
    let nal_length_size = usize::from(fields.u8()? & 3) + 1;
    let mut parameter_sets = Vec::new();
    let sps = fields.u8()? & 0x1f;
    nal_units(&mut fields, record, usize::from(sps), &mut parameter_sets);
    let pps = fields.u8().unwrap_or(0);
    nal_units(&mut fields, record, usize::from(pps), &mut parameter_sets);
    let codec_string = Some(format!("avc1.{profile:02x}{compatibility:02x}{level:02x}"));
    Some(AvcConfig { description: Description { nal_length_size, parameter_sets }, codec_string })
}

// nal_unit_type of parameter sets, H.265 table 7-1.
const VPS: u8 = 32;
const PPS: u8 = 34;

/// `HEVCDecoderConfigurationRecord`; what is no parameter set is left out.
pub(crate) fn hevc(record: &Bytes) -> Option<AvcConfig> {
    let mut fields = Fields::new(record);
    fields.skip(21)?;
    let nal_length_size = usize::from(fields.u8()? & 3) + 1;
    let mut arrays = Vec::new();
    for _ in 0..fields.u8()? {
        let (Some(kind), Some(count)) = (fields.u8(), fields.u16()) else { break };
        let mut sets = Vec::new();
        nal_units(&mut fields, record, usize::from(count), &mut sets);
        arrays.push((kind & 0x3f, sets));
    }
    arrays.retain(|(kind, _)| matches!(kind, VPS..=PPS));
    arrays.sort_by_key(|&(kind, _)| kind);
    let parameter_sets = arrays.into_iter().flat_map(|(_, sets)| sets).collect();
    Some(AvcConfig { description: Description { nal_length_size, parameter_sets }, codec_string: None })
}

/// NAL units with lengths of 16 bits; one that does not end is left out.
fn nal_units(fields: &mut Fields<'_>, record: &Bytes, count: usize, found: &mut Vec<Bytes>) {
    for _ in 0..count {
        let Some(nal) = fields.u16().and_then(|length| fields.bytes(usize::from(length))) else { return };
        if !nal.is_empty() {
            found.push(record.slice_ref(nal));
        }
    }
}

/// What an `esds` box names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoder<'a> {
    /// AAC, with its AudioSpecificConfig.
    Aac(&'a [u8]),
    MpegAudio,
    Ac3,
    Eac3,
    Other,
}

// Descriptor tags, ISO/IEC 14496-1 table 1.
const ES_DESCRIPTOR: u8 = 3;
const DECODER_CONFIG_DESCRIPTOR: u8 = 4;
const DECODER_SPECIFIC_INFO: u8 = 5;

/// The decoder that an `esds` box names by its objectTypeIndication (the registry of mp4ra.org).
pub(crate) fn decoder(esds: &Node) -> Option<Decoder<'_>> {
    let (_, _, mut fields) = esds.full()?;
    let mut es = descriptor(&mut fields, ES_DESCRIPTOR)?;
    es.skip(2)?; // ES_ID
    let flags = es.u8()?;
    es.skip(if flags & 0x80 != 0 { 2 } else { 0 })?; // dependsOn_ES_ID
    if flags & 0x40 != 0 {
        let length = es.u8()?;
        es.skip(usize::from(length))?; // URLstring
    }
    es.skip(if flags & 0x20 != 0 { 2 } else { 0 })?; // OCR_ES_Id
    let mut config = descriptor(&mut es, DECODER_CONFIG_DESCRIPTOR)?;
    let object_type_indication = config.u8()?;
    config.skip(12)?; // streamType, bufferSizeDB, maxBitrate, avgBitrate
    Some(match object_type_indication {
        0x40 | 0x66..=0x68 => {
            Decoder::Aac(descriptor(&mut config, DECODER_SPECIFIC_INFO).map_or(&[], |info| info.rest()))
        }
        0x69 | 0x6b => Decoder::MpegAudio,
        0xa5 => Decoder::Ac3,
        0xa6 => Decoder::Eac3,
        _ => Decoder::Other,
    })
}

/// The body of the next descriptor with this tag; others are passed over. A length that goes too far ends with what is
/// there.
fn descriptor<'a>(fields: &mut Fields<'a>, wanted: u8) -> Option<Fields<'a>> {
    loop {
        let tag = fields.u8()?;
        let mut length = 0usize;
        // expandable (ISO/IEC 14496-1 §8.3.3): seven bits in each byte, at most four of them.
        for _ in 0..4 {
            let byte = fields.u8()?;
            length = length << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let body = fields.bytes(length.min(fields.rest().len()))?;
        if tag == wanted {
            return Some(Fields::new(body));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_record_keeps_what_is_complete() {
        let record = [1, 0x64, 0, 0x28, 0xff, 0xe1, 0, 2, 0x67, 1, 2, 0, 1, 0x68, 0, 9, 0x68];
        for length in 0..record.len() {
            let config = avc(&Bytes::copy_from_slice(&record[..length]));
            assert_eq!(config.is_some(), length >= 6, "{length}");
        }
        let config = avc(&Bytes::copy_from_slice(&record)).unwrap();
        assert_eq!(config.description.parameter_sets, [&[0x67, 1][..], &[0x68]]);
        assert_eq!(config.codec_string.as_deref(), Some("avc1.640028"));
    }

    #[test]
    fn hevc_sets_come_in_the_order_vps_sps_pps() {
        let mut record = vec![0; 23];
        (record[21], record[22]) = (0xfd, 4);
        for kind in [PPS, 39, 33, VPS] {
            record.extend([0x80 | kind, 0, 1, 0, 1, kind << 1]);
        }
        let config = hevc(&Bytes::from(record)).unwrap();
        assert_eq!(config.description.nal_length_size, 2);
        let kinds: Vec<u8> = config.description.parameter_sets.iter().map(|set| set[0] >> 1).collect();
        assert_eq!(kinds, [VPS, 33, PPS]);
    }
}
