//! MPEG-1 and MPEG-2 audio, layers I to III (ISO/IEC 11172-3 §2.4.1.3, 13818-3 §2.4.1.3; MPEG-2.5 as decoders read it).

use super::{Frame, Look};
use crate::bits::Bits;

/// Bytes of a header.
const HEADER: usize = 4;

/// bitrate_index 1 to 14 in kbit/s (ISO/IEC 11172-3 §2.4.2.3): MPEG-1 layers I, II and III.
const MPEG1_BITRATES: [[u32; 14]; 3] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];

/// The same of the halved rates (ISO/IEC 13818-3 §2.4.2.3): layer I, then layers II and III.
const MPEG2_BITRATES: [[u32; 14]; 2] = [
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// The fields of a header that say more than a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Layer, 1 to 3.
    pub(crate) layer: u8,
    /// Whether the sampling rate is one of MPEG-1 (ID 1).
    pub(crate) is_mpeg1: bool,
    /// Bits per second.
    pub(crate) bit_rate: u32,
    /// What the header says of the frame.
    pub(crate) frame: Frame,
}

/// Looks at the frame that `bytes` begin with. Free format, whose length no header tells, is bad.
pub(crate) fn frame(bytes: &[u8]) -> Look {
    match header(bytes) {
        Some(header) => Look::Frame(header.frame),
        None if bytes.len() < HEADER => Look::More,
        None => Look::Bad,
    }
}

/// The header that `bytes` begin with.
pub(crate) fn header(bytes: &[u8]) -> Option<Header> {
    let mut bits = Bits::new(bytes.iter().copied());
    if bits.bits(11)? != 0x7ff {
        return None;
    }
    let (version, layer) = (bits.bits(2)?, bits.bits(2)?);
    bits.skip(1)?; // protection_bit
    let bitrate_index = bits.bits(4)? as usize;
    let base = *[44_100, 48_000, 32_000].get(bits.bits(2)? as usize)?;
    let padding = bits.bits(1)?;
    bits.skip(1)?; // private_bit
    let channels = if bits.bits(2)? == 3 { 1 } else { 2 };
    let (is_mpeg1, sample_rate) = match version {
        3 => (true, base),
        2 => (false, base / 2),
        0 => (false, base / 4),
        _ => return None,
    };
    let layer = match layer {
        3 => 1,
        2 => 2,
        1 => 3,
        _ => return None,
    };
    let bit_rate = 1000 * bit_rate(is_mpeg1, layer, bitrate_index)?;
    // Layer I counts in slots of four bytes (ISO/IEC 11172-3 §2.4.3.1).
    let (samples, slot) = match (layer, is_mpeg1) {
        (1, _) => (384, 4),
        (3, false) => (576, 1),
        _ => (1152, 1),
    };
    let length = (samples / 8 / slot * bit_rate / sample_rate + padding) * slot;
    let length = length as usize;
    let frame = Frame { header: 0, length, samples, sample_rate, channels, continues: false };
    Some(Header { layer, is_mpeg1, bit_rate, frame })
}

/// kbit/s.
fn bit_rate(is_mpeg1: bool, layer: u8, bitrate_index: usize) -> Option<u32> {
    let rates = if is_mpeg1 {
        MPEG1_BITRATES.get(usize::from(layer) - 1)?
    } else {
        MPEG2_BITRATES.get(usize::from(layer > 1))?
    };
    rates.get(bitrate_index.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length, samples, rate and channels.
    fn of(bytes: &[u8]) -> Option<(usize, u32, u32, u32)> {
        frame(bytes).frame().map(|frame| (frame.length, frame.samples, frame.sample_rate, frame.channels))
    }

    #[test]
    fn every_version_and_layer() {
        let table = [
            ("MPEG-1 layer III, 128 kbit/s", [0xff, 0xfb, 0x90, 0x00], (417, 1152, 44_100, 2)),
            ("the same, padded", [0xff, 0xfb, 0x92, 0x00], (418, 1152, 44_100, 2)),
            ("MPEG-1 layer II, 192 kbit/s", [0xff, 0xfd, 0xa4, 0x00], (576, 1152, 48_000, 2)),
            ("MPEG-1 layer I, 384 kbit/s", [0xff, 0xff, 0xc4, 0x00], (384, 384, 48_000, 2)),
            ("the same at 44.1 kHz, padded", [0xff, 0xff, 0xc2, 0x00], (420, 384, 44_100, 2)),
            ("MPEG-2 layer III, 64 kbit/s, mono", [0xff, 0xf3, 0x84, 0xc0], (192, 576, 24_000, 1)),
            ("MPEG-2 layer II, 64 kbit/s", [0xff, 0xf5, 0x84, 0x00], (384, 1152, 24_000, 2)),
            ("MPEG-2.5 layer III, 8 kbit/s, mono", [0xff, 0xe3, 0x18, 0xc0], (72, 576, 8_000, 1)),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(of(&bytes), Some(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_frame() {
        assert_eq!(frame(&[0xff, 0xfb, 0x90]), Look::More);
        for bad in [
            [0xff, 0xfb, 0x00, 0x00], // free format
            [0xff, 0xfb, 0xf0, 0x00], // bitrate_index 15
            [0xff, 0xfb, 0x9c, 0x00], // sampling_frequency 3
            [0xff, 0xeb, 0x90, 0x00], // version 1
            [0xff, 0xf9, 0x90, 0x00], // layer 0: ADTS
            [0x00, 0xfb, 0x90, 0x00],
        ] {
            assert_eq!(frame(&bad), Look::Bad, "{bad:02x?}");
        }
    }
}
