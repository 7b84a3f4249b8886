//! `mp4a`, `ac-3`, `ec-3` and `Opus`: AudioSampleEntry (ISO/IEC 14496-12 §12.2.3) and what each kind puts into it.

use super::Refused;
use crate::es::frames::aac::AudioSpecificConfig;
use crate::es::frames::{ac3, mpeg_audio, opus};
use crate::layout::{Codec, Format, Setup, Stream};
use crate::mp4::write::boxes::BoxWriter;

/// objectTypeIndication (ISO/IEC 14496-1 table 5).
mod object_type {
    pub(super) const AAC: u8 = 0x40;
    pub(super) const MPEG2_AUDIO: u8 = 0x69;
    pub(super) const MPEG1_AUDIO: u8 = 0x6b;
}

/// The sample entry of a stream of sound.
pub(super) fn sample_entry(stream: &Stream) -> Result<Vec<u8>, Refused> {
    match (stream.codec, &stream.setup) {
        (Codec::AacAdts | Codec::AacLatm, Setup::AudioSpecificConfig(config)) => aac(config, stream),
        (Codec::AacAdts | Codec::AacLatm, _) => Err("its AudioSpecificConfig is not known"),
        (Codec::Opus, Setup::Opus(body)) => opus(body),
        (Codec::Opus, _) => Err("its OpusSpecificBox is not known"),
        (Codec::MpegAudio, Setup::FrameHeader(header)) => mpeg_audio(header),
        (Codec::Ac3 | Codec::Eac3, Setup::FrameHeader(header)) => ac3(header),
        _ => Err("no frame of it is known"),
    }
}

/// Its name in `CODECS`, where its setup says more than its kind.
pub(super) fn codec_string(stream: &Stream) -> Option<String> {
    match (stream.codec, &stream.setup) {
        (Codec::AacAdts | Codec::AacLatm, Setup::AudioSpecificConfig(config)) => {
            AudioSpecificConfig::parse(config).map(|config| format!("mp4a.40.{}", config.object_type))
        }
        // audioObjectType 32 to 34 are layers I to III (ISO/IEC 14496-3 table 1.17). Apple's players know MP3 as
        // `mp4a.40.34`, and hls.js takes that for the `mp3` of Media Source Extensions.
        (Codec::MpegAudio, Setup::FrameHeader(header)) => {
            mpeg_audio::header(header).map(|header| format!("mp4a.40.{}", 31 + header.layer))
        }
        (Codec::Ac3 | Codec::Eac3, Setup::FrameHeader(header)) => {
            let name = |header: ac3::Header| if header.is_enhanced { "ec-3" } else { "ac-3" };
            ac3::header(header).map(|header| name(header).to_owned())
        }
        (Codec::Opus, _) => Some("opus".to_owned()),
        _ => None,
    }
}

/// MP4AudioSampleEntry (ISO/IEC 14496-14 §6.7).
fn aac(config: &[u8], stream: &Stream) -> Result<Vec<u8>, Refused> {
    let parsed = AudioSpecificConfig::parse(config).ok_or("its AudioSpecificConfig cannot be read")?;
    let channels = match (&stream.format, parsed.channels) {
        (Format::Audio(format), 0) => format.channels,
        (_, channels) => channels,
    };
    Ok(audio(b"mp4a", parsed.sample_rate, channels, |boxes| {
        esds(boxes, object_type::AAC, 0, Some(config));
    }))
}

fn mpeg_audio(header: &[u8]) -> Result<Vec<u8>, Refused> {
    let header = mpeg_audio::header(header).ok_or("its frame header cannot be read")?;
    let object_type = if header.is_mpeg1 { object_type::MPEG1_AUDIO } else { object_type::MPEG2_AUDIO };
    Ok(audio(b"mp4a", header.frame.sample_rate, header.frame.channels, |boxes| {
        esds(boxes, object_type, header.bit_rate, None);
    }))
}

/// ESDBox (ISO/IEC 14496-14 §6.7) with an ES_Descriptor (ISO/IEC 14496-1 §7.2.6.5).
fn esds(boxes: &mut BoxWriter, object_type: u8, bit_rate: u32, specific_info: Option<&[u8]>) {
    let mut decoder_config = BoxWriter::new();
    decoder_config.u8(object_type);
    decoder_config.u8(0x05 << 2 | 1); // streamType 5: sound; upStream 0
    decoder_config.zeros(3); // bufferSizeDB
    decoder_config.u32(bit_rate); // maxBitrate
    decoder_config.u32(bit_rate); // avgBitrate; 0: not known
    if let Some(info) = specific_info {
        descriptor(&mut decoder_config, 0x05, info); // DecoderSpecificInfo
    }
    let mut es = BoxWriter::new();
    es.zeros(3); // ES_ID, which is 0 in files, and flags
    descriptor(&mut es, 0x04, &decoder_config.into_bytes());
    descriptor(&mut es, 0x06, &[2]); // SLConfigDescriptor: predefined for MP4
    boxes.full(b"esds", 0, 0, |boxes| descriptor(boxes, 0x03, &es.into_bytes()));
}

/// Tag, size of an expandable class in four bytes (ISO/IEC 14496-1 §8.3.3), content.
fn descriptor(boxes: &mut BoxWriter, tag: u8, content: &[u8]) {
    boxes.u8(tag);
    let size = content.len();
    boxes.bytes(&[21, 14, 7].map(|shift| 0x80 | (size >> shift) as u8));
    boxes.u8(size as u8 & 0x7f);
    boxes.bytes(content);
}

/// AC3SampleEntry and EC3SampleEntry (ETSI TS 102 366 annex F).
fn ac3(frame: &[u8]) -> Result<Vec<u8>, Refused> {
    let header = ac3::header(frame).ok_or("its frame header cannot be read")?;
    let ac3::Header { fscod, bsid, bsmod, acmod, lfeon, bit_rate_code, .. } = header;
    let [fscod, bsid, bsmod, acmod, lfeon, bit_rate_code] =
        [fscod, bsid, bsmod, acmod, u8::from(lfeon), bit_rate_code].map(u32::from);
    let kind = if header.is_enhanced { b"ec-3" } else { b"ac-3" };
    Ok(audio(kind, header.frame.sample_rate, header.frame.channels, |boxes| match header.is_enhanced {
        // AC3SpecificBox, §F.4.
        false => boxes.nested(b"dac3", |boxes| {
            let fields =
                fscod << 22 | bsid << 17 | bsmod << 14 | acmod << 11 | lfeon << 10 | bit_rate_code << 5;
            boxes.bytes(&fields.to_be_bytes()[1..]);
        }),
        // EC3SpecificBox, §F.6: one independent substream (num_ind_sub counts from 0).
        true => boxes.nested(b"dec3", |boxes| {
            boxes.u16((data_rate(&header) << 3) as u16);
            let dependent = u32::from(has_dependent_substream(frame, &header));
            // reserved 1, asvc 1; reserved 3, num_dep_sub 4, chan_loc 9 or reserved 1.
            let substream = fscod << 22 | bsid << 17 | bsmod << 12 | acmod << 9 | lfeon << 8 | dependent << 1;
            boxes.bytes(&substream.to_be_bytes()[1..]);
            if dependent == 1 {
                boxes.u8(0); // chan_loc, whose ninth bit is the lowest before: what it adds is not looked into
            }
        }),
    }))
}

/// kbit/s of an Enhanced AC-3 frame, in 13 bits.
fn data_rate(header: &ac3::Header) -> u32 {
    let frame = &header.frame;
    let bits = frame.length as u64 * 8 * u64::from(frame.sample_rate);
    (bits / (1000 * u64::from(frame.samples.max(1)))).min(0x1fff) as u32
}

/// Whether the bytes behind a frame, if there are any, are one that continues it.
fn has_dependent_substream(frame: &[u8], header: &ac3::Header) -> bool {
    let next = frame.get(header.frame.length..).unwrap_or_default();
    ac3::header(next).is_some_and(|next| next.frame.continues)
}

/// OpusSampleEntry (Encapsulation of Opus in ISO Base Media File Format §4.3.1).
fn opus(body: &[u8]) -> Result<Vec<u8>, Refused> {
    let (&version, channels) = body.first().zip(body.get(1)).ok_or("its OpusSpecificBox is cut off")?;
    if version != 0 || body.len() < 11 || *channels == 0 {
        return Err("its OpusSpecificBox cannot be read");
    }
    Ok(audio(b"Opus", opus::SAMPLE_RATE, u32::from(*channels), |boxes| {
        boxes.nested(b"dOps", |boxes| boxes.bytes(body));
    }))
}

/// An AudioSampleEntry of version 0. Its rate has 16 bits; a higher one is told by the clock of the track alone.
fn audio(kind: &[u8; 4], rate: u32, channels: u32, specific: impl FnOnce(&mut BoxWriter)) -> Vec<u8> {
    let mut boxes = BoxWriter::new();
    boxes.nested(kind, |boxes| {
        boxes.zeros(6);
        boxes.u16(1); // data_reference_index
        boxes.zeros(8);
        boxes.u16(u16::try_from(channels).ok().filter(|&channels| channels > 0).unwrap_or(2));
        boxes.u16(16); // samplesize
        boxes.zeros(4);
        boxes.u32(u16::try_from(rate).map_or(0, |rate| u32::from(rate) << 16));
        specific(boxes);
    });
    boxes.into_bytes()
}
