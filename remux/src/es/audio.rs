//! What the first frame of an audio stream says of its sound. Frames are never touched.

use crate::bits::Bits;
use crate::layout::{AudioFormat, Codec};

/// What the audio frame that `data` begins with says; defaults where it is none.
pub(crate) fn audio_format(codec: Codec, data: &[u8]) -> AudioFormat {
    let format = match codec {
        Codec::AacAdts => adts(data),
        Codec::AacLatm => latm(data),
        Codec::MpegAudio => mpeg_audio(data),
        Codec::Ac3 | Codec::Eac3 => ac3(data),
        Codec::Opus | Codec::H264 | Codec::H265 => None,
        Codec::Klv | Codec::Id3 | Codec::Scte35 => None,
    };
    format.unwrap_or_default()
}

/// ISO/IEC 14496-3 table 1.18.
const AAC_SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// ISO/IEC 14496-3 table 1.19: channels per channel_configuration.
const AAC_CHANNELS: [u32; 8] = [0, 1, 2, 3, 4, 5, 6, 8];

fn aac(object_type: u32, frequency_index: u32, channel_configuration: u32) -> Option<AudioFormat> {
    Some(AudioFormat {
        sample_rate: *AAC_SAMPLE_RATES.get(frequency_index as usize)?,
        channels: *AAC_CHANNELS.get(channel_configuration as usize)?,
        codec_string: Some(format!("mp4a.40.{object_type}")),
    })
}

/// What an AudioSpecificConfig says (ISO/IEC 14496-3 §1.6.2.1).
pub(crate) fn audio_specific_config(config: &[u8]) -> Option<AudioFormat> {
    let mut bits = Bits::new(config.iter().copied());
    let object_type = audio_object_type(&mut bits)?;
    let frequency_index = bits.bits(4)?;
    let sample_rate = match frequency_index {
        0x0f => bits.bits(24)?,
        index => *AAC_SAMPLE_RATES.get(index as usize)?,
    };
    let channels = *AAC_CHANNELS.get(bits.bits(4)? as usize)?;
    Some(AudioFormat { sample_rate, channels, codec_string: Some(format!("mp4a.40.{object_type}")) })
}

fn audio_object_type(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<u32> {
    match bits.bits(5)? {
        31 => Some(32 + bits.bits(6)?),
        object_type => Some(object_type),
    }
}

/// adts_fixed_header (ISO/IEC 14496-3 §1.A.3.2.1).
fn adts(data: &[u8]) -> Option<AudioFormat> {
    let mut bits = Bits::new(data.iter().copied());
    if bits.bits(12)? != 0xfff {
        return None;
    }
    bits.skip(4)?; // ID, layer, protection_absent
    let (profile, frequency_index) = (bits.bits(2)?, bits.bits(4)?);
    bits.skip(1)?; // private_bit
    aac(profile + 1, frequency_index, bits.bits(3)?)
}

/// AudioSyncStream with a StreamMuxConfig in its first element (ISO/IEC 14496-3 §1.7.2, §1.7.3).
fn latm(data: &[u8]) -> Option<AudioFormat> {
    let mut bits = Bits::new(data.iter().copied());
    if bits.bits(11)? != 0x2b7 {
        return None;
    }
    bits.skip(13)?; // audioMuxLengthBytes
    let (same_mux, version) = (bits.flag()?, bits.flag()?);
    if same_mux || version {
        return None;
    }
    bits.skip(1 + 6 + 4 + 3)?; // allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer
    let object_type = bits.bits(5)?;
    let frequency_index = bits.bits(4)?;
    aac(object_type, frequency_index, bits.bits(4)?)
}

/// The header of ISO/IEC 11172-3 §2.4.1.3, extended by ISO/IEC 13818-3.
fn mpeg_audio(data: &[u8]) -> Option<AudioFormat> {
    let mut bits = Bits::new(data.iter().copied());
    if bits.bits(11)? != 0x7ff {
        return None;
    }
    let (version, layer) = (bits.bits(2)?, bits.bits(2)?);
    bits.skip(1 + 4)?; // protection_bit, bitrate_index
    let base = *[44_100, 48_000, 32_000].get(bits.bits(2)? as usize)?;
    bits.skip(2)?; // padding_bit, private_bit
    let mono = bits.bits(2)? == 3;
    let sample_rate = match version {
        3 => base,
        2 => base / 2,
        0 => base / 4,
        _ => return None,
    };
    let codec_string = (layer == 1).then(|| "mp4a.40.34".to_owned());
    Some(AudioFormat { sample_rate, channels: if mono { 1 } else { 2 }, codec_string })
}

/// syncinfo and bsi of AC-3 and Enhanced AC-3 (ETSI TS 102 366 §4.3, annex E.1.2).
fn ac3(data: &[u8]) -> Option<AudioFormat> {
    const SAMPLE_RATES: [u32; 3] = [48_000, 44_100, 32_000];
    const CHANNELS: [u32; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
    let bsid = data.get(5)? >> 3;
    let mut bits = Bits::new(data.iter().copied());
    if bits.bits(16)? != 0x0b77 {
        return None;
    }
    let is_enhanced = bsid > 10;
    let (sample_rate, acmod) = if is_enhanced {
        bits.skip(2 + 3 + 11)?; // strmtyp, substreamid, frmsiz
        let fscod = bits.bits(2)? as usize;
        let half = bits.bits(2)? as usize; // numblkscod, or fscod2 for the halved rates
        let rate = SAMPLE_RATES.get(fscod).copied().or_else(|| SAMPLE_RATES.get(half).map(|rate| rate / 2));
        (rate?, bits.bits(3)?)
    } else {
        bits.skip(16)?; // crc1
        let rate = *SAMPLE_RATES.get(bits.bits(2)? as usize)?;
        bits.skip(6 + 5 + 3)?; // frmsizecod, bsid, bsmod
        let acmod = bits.bits(3)?;
        let mix_levels = [acmod & 1 == 1 && acmod != 1, acmod & 4 == 4, acmod == 2];
        bits.skip(2 * mix_levels.iter().filter(|&&present| present).count() as u32)?;
        (rate, acmod)
    };
    let lfe = u32::from(bits.flag()?);
    Some(AudioFormat {
        sample_rate,
        channels: CHANNELS[acmod as usize] + lfe,
        codec_string: Some(if is_enhanced { "ec-3" } else { "ac-3" }.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_and_channels(codec: Codec, data: &[u8]) -> (u32, u32) {
        let format = audio_format(codec, data);
        (format.sample_rate, format.channels)
    }

    #[test]
    fn first_frames() {
        assert_eq!(
            rate_and_channels(Codec::AacAdts, &[0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc]),
            (44_100, 2)
        );
        assert_eq!(rate_and_channels(Codec::MpegAudio, &[0xff, 0xfd, 0xa4, 0x00]), (48_000, 2));
        assert_eq!(rate_and_channels(Codec::Ac3, &[0x0b, 0x77, 0, 0, 0x14, 0x40, 0xe1, 0xff]), (48_000, 6));
        assert_eq!(audio_format(Codec::AacAdts, b"no audio"), AudioFormat::default());
        assert_eq!(audio_format(Codec::Ac3, &[0x0b]), AudioFormat::default());
    }
}
