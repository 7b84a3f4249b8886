//! AAC: its AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1), ADTS headers (§1.A.3.2), and one made from the other.

use super::{Frame, Look};
use crate::bits::Bits;

/// samplingFrequencyIndex (table 1.18).
const SAMPLE_RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Channels per channelConfiguration (table 1.19); 0 where a program_config_element tells.
const CHANNELS: [u32; 15] = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8];

// audioObjectType (table 1.17).
const ER_AAC_LD: u32 = 23;
const SBR: u32 = 5;
const PS: u32 = 29;
const ER_AAC_ELD: u32 = 39;

/// What an AudioSpecificConfig says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioSpecificConfig {
    /// audioObjectType as coded: 5 and 29 where spectral band replication is signalled.
    pub(crate) object_type: u32,
    /// audioObjectType of the core coder.
    pub(crate) core_object_type: u32,
    /// samplingFrequencyIndex of the core coder; 15 where the frequency is written out.
    sampling_frequency_index: u32,
    /// channelConfiguration.
    channel_configuration: u32,
    /// Samples per second that a decoder puts out.
    pub(crate) sample_rate: u32,
    /// Channels of the core coder; 0 where the configuration does not say.
    pub(crate) channels: u32,
    /// Samples of each channel that a decoder puts out for a frame.
    pub(crate) frame_samples: u32,
}

impl AudioSpecificConfig {
    /// Reads `bytes` as far as is needed.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        Self::read(&mut Bits::new(bytes.iter().copied()))
    }

    /// Reads a configuration without what only its length would announce (the syncExtensionType of §1.6.2.1).
    pub(crate) fn read(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<Self> {
        let object_type = object_type(bits)?;
        let (sampling_frequency_index, core_rate) = sampling_frequency(bits)?;
        let channel_configuration = bits.bits(4)?;
        let (core_object_type, sample_rate) = match object_type {
            SBR | PS => {
                let (_, rate) = sampling_frequency(bits)?;
                (self::object_type(bits)?, rate)
            }
            _ => (object_type, core_rate),
        };
        let short = bits.flag()?; // frameLengthFlag of GASpecificConfig (§4.4.1), and of ELDSpecificConfig (§4.6.20)
        let core_samples = match (core_object_type, short) {
            (ER_AAC_LD | ER_AAC_ELD, false) => 512,
            (ER_AAC_LD | ER_AAC_ELD, true) => 480,
            (_, false) => 1024,
            (_, true) => 960,
        };
        let mut channels = *CHANNELS.get(channel_configuration as usize)?;
        if core_object_type != ER_AAC_ELD {
            channels = ga_specific_config(bits, core_object_type, channel_configuration)?.unwrap_or(channels);
        }
        let doubled = sample_rate == core_rate.saturating_mul(2);
        Some(Self {
            object_type,
            core_object_type,
            sampling_frequency_index,
            channel_configuration,
            sample_rate: if doubled { sample_rate } else { core_rate },
            channels,
            frame_samples: if doubled { 2 * core_samples } else { core_samples },
        })
    }

    /// The ADTS header for a raw_data_block of `length` bytes; `None` where ADTS has no room for this configuration, or
    /// for a frame of this length (§1.A.3.2.1).
    pub(crate) fn adts_header(&self, length: usize) -> Option<[u8; 7]> {
        let profile = self.core_object_type.checked_sub(1).filter(|&profile| profile < 4)?;
        let frequency = u8::try_from(self.sampling_frequency_index).ok().filter(|&index| index < 13)?;
        let channels = u8::try_from(self.channel_configuration).ok().filter(|&channels| channels < 8)?;
        let frame_length = length.checked_add(7).filter(|&length| length < 1 << 13)?;
        Some([
            0xff,
            0xf1, // ID 0 (MPEG-4), layer 0, protection_absent 1
            (profile as u8) << 6 | frequency << 2 | channels >> 2,
            (channels & 3) << 6 | (frame_length >> 11) as u8,
            (frame_length >> 3) as u8,
            (frame_length << 5) as u8 | 0x1f, // adts_buffer_fullness 0x7ff: variable rate
            0xfc,                             // and one raw_data_block
        ])
    }
}

/// GetAudioObjectType() (§1.6.2.1).
fn object_type(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<u32> {
    match bits.bits(5)? {
        31 => Some(32 + bits.bits(6)?),
        object_type => Some(object_type),
    }
}

/// samplingFrequencyIndex, and the frequency, which is never 0.
fn sampling_frequency(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<(u32, u32)> {
    let index = bits.bits(4)?;
    let rate = match index {
        15 => bits.bits(24)?,
        _ => *SAMPLE_RATES.get(index as usize)?,
    };
    (rate > 0).then_some((index, rate))
}

/// The rest of GASpecificConfig (§4.4.1) behind its frameLengthFlag, of the object types that a transport stream carries;
/// gives the channels of a program_config_element.
fn ga_specific_config(
    bits: &mut Bits<impl Iterator<Item = u8>>,
    object_type: u32,
    channel_configuration: u32,
) -> Option<Option<u32>> {
    if bits.flag()? {
        bits.skip(14)?; // coreCoderDelay
    }
    let extension = bits.flag()?;
    let channels = match channel_configuration {
        0 => Some(program_config_element(bits)?),
        _ => None,
    };
    if matches!(object_type, 6 | 20) {
        bits.skip(3)?; // layerNr
    }
    if extension {
        if matches!(object_type, 17 | 19 | 20 | ER_AAC_LD) {
            bits.skip(3)?; // the resilience flags
        }
        bits.skip(1)?; // extensionFlag3
    }
    Some(channels)
}

/// program_config_element() (§4.4.1.1): gives its channels.
fn program_config_element(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<u32> {
    bits.skip(4 + 2 + 4)?; // element_instance_tag, object_type, sampling_frequency_index
    let (front, side, back) = (bits.bits(4)?, bits.bits(4)?, bits.bits(4)?);
    let (lfe, data, coupling) = (bits.bits(2)?, bits.bits(3)?, bits.bits(4)?);
    for width in [4, 4, 3] {
        if bits.flag()? {
            bits.skip(width)?; // mono, stereo and matrix mixdown
        }
    }
    let mut channels = lfe;
    for _ in 0..front + side + back {
        channels += 1 + bits.bits(1)?; // is_cpe
        bits.skip(4)?;
    }
    bits.skip(4 * lfe + 4 * data + 5 * coupling)?;
    bits.skip((8 - bits.position() as u32 % 8) % 8)?; // byte_alignment
    let comment = bits.bits(8)?;
    bits.skip(8 * comment)?;
    Some(channels)
}

/// adts_fixed_header and adts_variable_header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AdtsHeader {
    /// profile_ObjectType: audioObjectType - 1.
    pub(crate) profile: u8,
    pub(crate) sampling_frequency_index: u8,
    pub(crate) channel_configuration: u8,
    /// What the header says of the frame.
    pub(crate) frame: Frame,
}

impl AdtsHeader {
    /// Bytes without and with a CRC.
    const LENGTHS: [usize; 2] = [7, 9];

    /// The header that `bytes` begin with. Several raw_data_blocks in a frame, which no encoder met writes, cannot be
    /// told apart without decoding: `None`.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(bytes.iter().copied());
        if bits.bits(12)? != 0xfff {
            return None;
        }
        bits.skip(1)?; // ID
        let layer = bits.bits(2)?;
        let header = Self::LENGTHS[usize::from(!bits.flag()?)];
        let profile = bits.bits(2)?;
        let frequency = bits.bits(4)?;
        bits.skip(1)?; // private_bit
        let channel_configuration = bits.bits(3)?;
        bits.skip(4)?; // original_copy, home, copyright
        let length = bits.bits(13)? as usize;
        bits.skip(11)?; // adts_buffer_fullness
        let blocks = bits.bits(2)?;
        if layer != 0 || blocks != 0 || length <= header {
            return None;
        }
        let frame = Frame {
            header,
            length,
            samples: 1024,
            sample_rate: *SAMPLE_RATES.get(frequency as usize)?,
            channels: *CHANNELS.get(channel_configuration as usize)?,
            continues: false,
        };
        Some(Self {
            profile: profile as u8,
            sampling_frequency_index: frequency as u8,
            channel_configuration: channel_configuration as u8,
            frame,
        })
    }

    /// The AudioSpecificConfig that says the same; `None` where only a program_config_element tells the channels.
    pub(crate) fn audio_specific_config(&self) -> Option<[u8; 2]> {
        let frequency = self.sampling_frequency_index;
        (self.channel_configuration != 0).then_some([
            (self.profile + 1) << 3 | frequency >> 1,
            frequency << 7 | self.channel_configuration << 3,
        ])
    }
}

/// Looks at the ADTS frame that `bytes` begin with.
pub(super) fn adts_frame(bytes: &[u8]) -> Look {
    match AdtsHeader::parse(bytes) {
        Some(header) => Look::Frame(header.frame),
        None if bytes.len() < AdtsHeader::LENGTHS[0] => Look::More,
        None => Look::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Object type, rate, channels and samples of a frame.
    fn of(bytes: &[u8]) -> Option<(u32, u32, u32, u32)> {
        let config = AudioSpecificConfig::parse(bytes)?;
        Some((config.object_type, config.sample_rate, config.channels, config.frame_samples))
    }

    #[test]
    fn configurations() {
        assert_eq!(of(&[0x12, 0x10]), Some((2, 44_100, 2, 1024)), "AAC-LC");
        assert_eq!(of(&[0x11, 0x8c]), Some((2, 48_000, 1, 960)), "short frames");
        assert_eq!(of(&[0x2b, 0x11, 0x88, 0x00]), Some((5, 48_000, 2, 2048)), "HE-AAC, 24 kHz doubled");
        assert_eq!(of(&[0xeb, 0x09, 0x88, 0x00]), Some((29, 48_000, 1, 2048)), "HE-AAC v2");
        assert_eq!(of(&[0x17, 0x80, 0x1f, 0x40, 0x08]), Some((2, 16_000, 1, 1024)), "a frequency in full");
        assert_eq!(of(&[0x13, 0x90, 0x56, 0xe5, 0xa5]), Some((2, 22_050, 2, 1024)), "and what follows");
        for bad in [&[][..], &[0x12], &[0x16, 0x90], &[0x17, 0x80, 0, 0, 0x08]] {
            assert_eq!(of(bad), None, "{bad:02x?}");
        }
    }

    #[test]
    fn channels_of_a_program_config_element() {
        // AAC-LC, 48 kHz, channelConfiguration 0: one front pair, no comment.
        let config = [0x11, 0x80, 0x04, 0xc4, 0x00, 0x00, 0x20, 0x00, 0x00];
        assert_eq!(of(&config), Some((2, 48_000, 2, 1024)));
        assert_eq!(of(&config[..6]), None);
    }

    #[test]
    fn headers() {
        let header = AdtsHeader::parse(&[0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc]).unwrap();
        assert_eq!((header.frame.header, header.frame.length), (7, 16));
        assert_eq!(header.audio_specific_config(), Some([0x12, 0x10]));
        let with_crc = adts_frame(&[0xff, 0xf0, 0x4c, 0x40, 0x02, 0x1f, 0xfc]).frame().unwrap();
        assert_eq!((with_crc.header, with_crc.sample_rate, with_crc.channels), (9, 48_000, 1));
        assert_eq!(adts_frame(&[0xff, 0xf1, 0x50]), Look::More);
        for bad in [
            [0xff, 0xf1, 0x50, 0x80, 0x00, 0xff, 0xfc], // nothing behind the header
            [0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfd], // two blocks
            [0xff, 0xf1, 0x78, 0x80, 0x02, 0x1f, 0xfc], // sampling_frequency_index 14
            [0xff, 0xf3, 0x50, 0x80, 0x02, 0x1f, 0xfc], // layer 1
        ] {
            assert_eq!(adts_frame(&bad), Look::Bad, "{bad:02x?}");
        }
    }

    #[test]
    fn a_header_comes_back_from_its_configuration() {
        for config in [[0x12, 0x10], [0x11, 0x88], [0x0d, 0x90], [0x15, 0xb8]] {
            let parsed = AudioSpecificConfig::parse(&config).unwrap();
            let bytes = parsed.adts_header(700).unwrap();
            let header = AdtsHeader::parse(&bytes).unwrap();
            assert_eq!((header.frame.header, header.frame.length), (7, 707));
            assert_eq!(header.audio_specific_config(), Some(config));
        }
        let he_aac = AudioSpecificConfig::parse(&[0x2b, 0x11, 0x88, 0x00]).unwrap();
        let header = AdtsHeader::parse(&he_aac.adts_header(100).unwrap()).unwrap();
        assert_eq!(header.frame.sample_rate, 24_000, "ADTS names the core");
        assert_eq!(he_aac.adts_header(8185), None, "13 bits of length");
    }
}
