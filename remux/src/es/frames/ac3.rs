//! AC-3 and Enhanced AC-3: syncinfo and bsi (ETSI TS 102 366 §4.3, §4.4, annex E.1).

use super::{Frame, Look};
use crate::bits::Bits;

/// Bytes of a header as far as it is read.
const HEADER: usize = 8;

const SYNCWORD: u32 = 0x0b77;
const SAMPLE_RATES: [u32; 3] = [48_000, 44_100, 32_000];
/// Full channels per acmod (table 4.3).
const CHANNELS: [u32; 8] = [2, 1, 2, 3, 3, 4, 4, 5];
/// kbit/s of two frmsizecod each (table 4.13).
const BIT_RATES: [u32; 19] =
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];
/// Samples of an audio block.
const BLOCK: u32 = 256;

/// The fields of a header that MP4 repeats in `dac3` and `dec3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) is_enhanced: bool,
    pub(crate) fscod: u8,
    pub(crate) bsid: u8,
    /// 0 in Enhanced AC-3, where it stands behind metadata that is not read.
    pub(crate) bsmod: u8,
    pub(crate) acmod: u8,
    pub(crate) lfeon: bool,
    /// frmsizecod / 2; 0 in Enhanced AC-3.
    pub(crate) bit_rate_code: u8,
    /// What the header says of the frame.
    pub(crate) frame: Frame,
}

/// Looks at the frame that `bytes` begin with.
pub(crate) fn frame(bytes: &[u8]) -> Look {
    match header(bytes) {
        Some(header) => Look::Frame(header.frame),
        None if bytes.len() < HEADER => Look::More,
        None => Look::Bad,
    }
}

/// Samples of an access unit: a frame and those that continue it.
pub(crate) fn samples(mut bytes: &[u8]) -> Option<u32> {
    let mut samples = None;
    while let Some(header) = header(bytes) {
        samples = Some(samples.unwrap_or(0u32).saturating_add(header.frame.samples));
        bytes = bytes.get(header.frame.length..).unwrap_or_default();
    }
    samples
}

/// The header that `bytes` begin with.
pub(crate) fn header(bytes: &[u8]) -> Option<Header> {
    let bsid = bytes.get(5)? >> 3;
    let mut bits = Bits::new(bytes.get(..HEADER)?.iter().copied());
    if bits.bits(16)? != SYNCWORD {
        return None;
    }
    // bsid 9 and 10 are AC-3 at half and quarter rate, of decoders before Enhanced AC-3 (TS 102 366 §4.4.2.1).
    match bsid {
        0..=10 => ac3(&mut bits, bsid),
        11..=16 => enhanced(&mut bits, bsid),
        _ => None,
    }
}

/// What follows the syncword in AC-3 (§4.3.1, §4.3.2).
fn ac3(bits: &mut Bits<impl Iterator<Item = u8>>, bsid: u8) -> Option<Header> {
    bits.skip(16)?; // crc1
    let fscod = bits.bits(2)?;
    let frmsizecod = bits.bits(6)?;
    let full_rate = *SAMPLE_RATES.get(fscod as usize)?;
    let bit_rate = 1000 * BIT_RATES.get(frmsizecod as usize / 2)?;
    // Words of 16 bits in six blocks; at 44.1 kHz every second frame is a word longer (table 4.13).
    let words = bit_rate * 6 * BLOCK / full_rate / 16 + if fscod == 1 { frmsizecod & 1 } else { 0 };
    bits.skip(5)?; // bsid
    let bsmod = bits.bits(3)?;
    let acmod = bits.bits(3)?;
    // cmixlev, surmixlev, dsurmod: two bits each, where the mode has the channels.
    let levels = [acmod & 1 == 1 && acmod != 1, acmod & 4 == 4, acmod == 2];
    bits.skip(2 * levels.iter().filter(|&&present| present).count() as u32)?;
    let lfeon = bits.flag()?;
    let frame = Frame {
        header: 0,
        length: 2 * words as usize,
        samples: 6 * BLOCK,
        sample_rate: full_rate >> bsid.saturating_sub(8),
        channels: CHANNELS.get(acmod as usize)? + u32::from(lfeon),
        continues: false,
    };
    Some(Header {
        is_enhanced: false,
        fscod: fscod as u8,
        bsid,
        bsmod: bsmod as u8,
        acmod: acmod as u8,
        lfeon,
        bit_rate_code: frmsizecod as u8 / 2,
        frame,
    })
}

/// What follows the syncword in Enhanced AC-3 (annex E.1.2.2, E.1.3.1).
fn enhanced(bits: &mut Bits<impl Iterator<Item = u8>>, bsid: u8) -> Option<Header> {
    let (strmtyp, substreamid) = (bits.bits(2)?, bits.bits(3)?);
    let frmsiz = bits.bits(11)?;
    let fscod = bits.bits(2)?;
    let half = bits.bits(2)? as usize; // numblkscod, or fscod2 where fscod is 3
    let (sample_rate, blocks) = match fscod {
        3 => (SAMPLE_RATES.get(half)? / 2, 6),
        _ => (*SAMPLE_RATES.get(fscod as usize)?, *[1, 2, 3, 6].get(half)?),
    };
    let acmod = bits.bits(3)?;
    let lfeon = bits.flag()?;
    // strmtyp 3 is reserved; a dependent substream, or a further independent one, adds channels and no time.
    let continues = match strmtyp {
        3 => return None,
        1 => true,
        _ => substreamid != 0,
    };
    let frame = Frame {
        header: 0,
        length: 2 * (frmsiz as usize + 1),
        samples: if continues { 0 } else { blocks * BLOCK },
        sample_rate,
        channels: CHANNELS.get(acmod as usize)? + u32::from(lfeon),
        continues,
    };
    Some(Header {
        is_enhanced: true,
        fscod: fscod as u8,
        bsid,
        bsmod: 0,
        acmod: acmod as u8,
        lfeon,
        bit_rate_code: 0,
        frame,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> (usize, u32, u32, u32) {
        let frame = frame(bytes).frame().expect("a frame");
        (frame.length, frame.samples, frame.sample_rate, frame.channels)
    }

    #[test]
    fn ac3_frames() {
        assert_eq!(
            of(&[0x0b, 0x77, 0, 0, 0x1c, 0x40, 0xe1, 0xff]),
            (1536, 1536, 48_000, 6),
            "384 kbit/s, 3/2 and LFE"
        );
        assert_eq!(of(&[0x0b, 0x77, 0, 0, 0x54, 0x40, 0x40, 0]), (2 * 417, 1536, 44_100, 2), "192 kbit/s");
        assert_eq!(of(&[0x0b, 0x77, 0, 0, 0x55, 0x40, 0x40, 0]), (2 * 418, 1536, 44_100, 2), "and a word");
        assert_eq!(of(&[0x0b, 0x77, 0, 0, 0x80, 0x40, 0x20, 0]), (2 * 96, 1536, 32_000, 1), "32 kbit/s mono");
    }

    #[test]
    fn every_frame_size_of_44_1_khz() {
        // TS 102 366 table 4.13, the column for 44.1 kHz.
        let words =
            [69, 87, 104, 121, 139, 174, 208, 243, 278, 348, 417, 487, 557, 696, 835, 975, 1114, 1253, 1393];
        for (code, words) in words.into_iter().enumerate() {
            for odd in 0..2 {
                let header = [0x0b, 0x77, 0, 0, 0x40 | (2 * code + odd) as u8, 0x40, 0x40, 0];
                assert_eq!(of(&header).0, 2 * (words + odd), "frmsizecod {}", 2 * code + odd);
            }
        }
    }

    #[test]
    fn enhanced_frames() {
        let independent = [0x0b, 0x77, 0x01, 0x7f, 0x3f, 0x86, 0, 0];
        assert_eq!(of(&independent), (768, 1536, 48_000, 6));
        let two_blocks = [0x0b, 0x77, 0x00, 0x7f, 0x54, 0x80, 0, 0];
        assert_eq!(of(&two_blocks), (256, 512, 44_100, 2));
        let half_rate = [0x0b, 0x77, 0x00, 0x7f, 0xc4, 0x80, 0, 0];
        assert_eq!(of(&half_rate), (256, 1536, 24_000, 2));
        let dependent = [0x0b, 0x77, 0x40, 0x03, 0x34, 0x80, 0, 0];
        let frame = frame(&dependent).frame().unwrap();
        assert_eq!((frame.length, frame.samples, frame.continues), (8, 0, true));
        let mut unit = vec![0; 256];
        unit[..8].copy_from_slice(&two_blocks);
        unit.extend(dependent);
        assert_eq!(samples(&unit), Some(512), "a dependent substream adds no time");
    }

    #[test]
    fn what_is_no_frame() {
        assert_eq!(frame(&[0x0b, 0x77, 0]), Look::More);
        assert_eq!(frame(&[0x0b, 0x78, 0, 0, 0x1c, 0x40, 0xe1, 0xff]), Look::Bad);
        assert_eq!(frame(&[0x0b, 0x77, 0, 0, 0xdc, 0x40, 0xe1, 0xff]), Look::Bad, "fscod 3");
        assert_eq!(frame(&[0x0b, 0x77, 0, 0, 0x26, 0x40, 0xe1, 0xff]), Look::Bad, "frmsizecod 38");
        assert_eq!(frame(&[0x0b, 0x77, 0xc0, 0, 0x34, 0x80, 0, 0]), Look::Bad, "strmtyp 3");
        assert_eq!(frame(&[0x0b, 0x77, 0, 0, 0x1c, 0xf8, 0, 0]), Look::Bad, "bsid 31");
        assert_eq!(samples(&[]), None);
    }
}
