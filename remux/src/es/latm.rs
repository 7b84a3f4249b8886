//! AAC in LATM/LOAS (ISO/IEC 14496-3 §1.7): AudioSyncStream elements, taken apart into raw frames.
//!
//! The configuration comes in some elements and holds for those that follow (useSameStreamMux), so what reads them
//! remembers it. Supported is what broadcasters and cameras send: one program, one layer, audioMuxVersion 0 or 1.

use bytes::Bytes;

use super::frames::aac::AudioSpecificConfig;
use crate::bits::Bits;

/// Bytes of syncword and audioMuxLengthBytes.
const HEADER: usize = 3;

/// Takes the elements of one stream apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latm {
    mux: Option<StreamMux>,
}

/// What an AudioMuxElement holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Element {
    /// Raw frames, in order; the configuration is [`Latm::config`].
    Frames(Vec<Bytes>),
    /// It needs a configuration that has not come yet.
    Waiting,
    /// It uses a part of the standard that is not supported: which one.
    Unsupported(&'static str),
    /// It is damaged.
    Bad,
}

/// What is kept of a StreamMuxConfig (§1.7.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
struct StreamMux {
    config: Vec<u8>,
    parsed: AudioSpecificConfig,
    sub_frames: u32,
    /// Bytes of each frame where all are of one length (frameLengthType 1).
    fixed_length: Option<usize>,
    other_data_bits: u32,
}

/// Why a StreamMuxConfig cannot be used.
enum Refused {
    Unsupported(&'static str),
    Bad,
}

/// Bytes of the AudioSyncStream element that `bytes` begin with (§1.7.2): syncword 0x2b7, 13 bits of length. `None` where
/// there is none, or its header is not complete.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let header = bytes.get(..HEADER)?;
    let mut bits = Bits::new(header.iter().copied());
    (bits.bits(11)? == 0x2b7).then_some(())?;
    Some(HEADER + bits.bits(13)? as usize)
}

impl Latm {
    /// The AudioSpecificConfig in force, as bytes and as what it says.
    pub(crate) fn config(&self) -> Option<(&[u8], AudioSpecificConfig)> {
        self.mux.as_ref().map(|mux| (&mux.config[..], mux.parsed))
    }

    /// A stream whose configuration is known, and plain ([`is_plain`](Self::is_plain)): it can be entered anywhere.
    pub(crate) fn configured(config: &[u8]) -> Self {
        let mux = AudioSpecificConfig::parse(config).map(|parsed| StreamMux {
            config: config.to_vec(),
            parsed,
            sub_frames: 0,
            fixed_length: None,
            other_data_bits: 0,
        });
        Self { mux }
    }

    /// Whether elements hold one frame each, whose length they say, and nothing else: then the AudioSpecificConfig is all
    /// that needs to be known.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |mux: &StreamMux| (mux.sub_frames, mux.fixed_length, mux.other_data_bits) == (0, None, 0);
        self.mux.as_ref().is_some_and(plain)
    }

    /// Takes one whole AudioSyncStream element, as long as [`length`] says.
    pub(crate) fn push(&mut self, element: &[u8]) -> Element {
        let Some(payload) = length(element).and_then(|length| element.get(HEADER..length)) else {
            return Element::Bad;
        };
        let mut bits = Bits::new(payload.iter().copied());
        match bits.flag() {
            None => return Element::Bad,
            Some(true) => {}
            Some(false) => match stream_mux_config(&mut bits, payload) {
                Ok(mux) => self.mux = Some(mux),
                Err(Refused::Unsupported(what)) => {
                    self.mux = None;
                    return Element::Unsupported(what);
                }
                Err(Refused::Bad) => return Element::Bad,
            },
        }
        match &self.mux {
            None => Element::Waiting,
            Some(mux) => frames(&mut bits, mux).map_or(Element::Bad, Element::Frames),
        }
    }
}

/// PayloadLengthInfo and PayloadMux of every subframe (§1.7.3.1); they need not begin at a byte.
fn frames(bits: &mut Bits<impl Iterator<Item = u8>>, mux: &StreamMux) -> Option<Vec<Bytes>> {
    let mut frames = Vec::new();
    for _ in 0..=mux.sub_frames {
        let length = match mux.fixed_length {
            Some(length) => length,
            None => payload_length(bits)?,
        };
        let frame: Option<Vec<u8>> = (0..length).map(|_| Some(bits.bits(8)? as u8)).collect();
        frames.push(Bytes::from(frame?));
    }
    bits.skip(mux.other_data_bits)?;
    frames.retain(|frame| !frame.is_empty());
    Some(frames)
}

/// MuxSlotLengthBytes: bytes of 255 and one that is less, added up.
fn payload_length(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<usize> {
    let mut length = 0usize;
    loop {
        let byte = bits.bits(8)?;
        length = length.checked_add(byte as usize)?;
        if byte != 255 {
            return Some(length);
        }
    }
}

/// StreamMuxConfig (§1.7.3.1); `bits` read `payload`.
fn stream_mux_config(
    bits: &mut Bits<impl Iterator<Item = u8>>,
    payload: &[u8],
) -> Result<StreamMux, Refused> {
    let bad = || Refused::Bad;
    let version = bits.flag().ok_or_else(bad)?;
    if version && bits.flag().ok_or_else(bad)? {
        return Err(Refused::Unsupported("audioMuxVersionA 1"));
    }
    if version {
        latm_value(bits).ok_or_else(bad)?; // taraBufferFullness
    }
    if !bits.flag().ok_or_else(bad)? {
        return Err(Refused::Unsupported("streams of different time framing"));
    }
    let sub_frames = bits.bits(6).ok_or_else(bad)?;
    if bits.bits(4).ok_or_else(bad)? != 0 {
        return Err(Refused::Unsupported("several programs"));
    }
    if bits.bits(3).ok_or_else(bad)? != 0 {
        return Err(Refused::Unsupported("several layers"));
    }
    let (config, parsed) = audio_specific_config(bits, payload, version).ok_or_else(bad)?;
    let fixed_length = match bits.bits(3).ok_or_else(bad)? {
        0 => {
            bits.skip(8).ok_or_else(bad)?; // latmBufferFullness
            None
        }
        // frameLength counts bytes from 20 on (§1.7.3.2.3).
        1 => Some(bits.bits(9).ok_or_else(bad)? as usize + 20),
        _ => return Err(Refused::Unsupported("a coder other than AAC")),
    };
    let other_data_bits = other_data(bits, version).ok_or_else(bad)?;
    if bits.flag().ok_or_else(bad)? {
        bits.skip(8).ok_or_else(bad)?; // crcCheckSum
    }
    Ok(StreamMux { config, parsed, sub_frames, fixed_length, other_data_bits })
}

/// The configuration, copied out from where it begins to where it ends, which may be within a byte.
fn audio_specific_config(
    bits: &mut Bits<impl Iterator<Item = u8>>,
    payload: &[u8],
    has_length: bool,
) -> Option<(Vec<u8>, AudioSpecificConfig)> {
    let announced = if has_length { Some(latm_value(bits)?) } else { None };
    let begin = bits.position();
    let parsed = AudioSpecificConfig::read(bits)?;
    let mut length = bits.position() - begin;
    if let Some(announced) = announced {
        bits.skip(announced.checked_sub(u32::try_from(length).ok()?)?)?;
        length = bits.position() - begin;
    }
    let mut copy = Bits::new(payload.iter().copied());
    copy.skip(u32::try_from(begin).ok()?)?;
    let mut config = Vec::new();
    while length > 0 {
        let count = length.min(8);
        config.push((copy.bits(count as u32)? << (8 - count)) as u8);
        length -= count;
    }
    Some((config, parsed))
}

/// otherDataLenBits, 0 where there is none.
fn other_data(bits: &mut Bits<impl Iterator<Item = u8>>, version: bool) -> Option<u32> {
    if !bits.flag()? {
        return Some(0);
    }
    if version {
        return latm_value(bits);
    }
    let mut length = 0u32;
    loop {
        let escaped = bits.flag()?;
        length = length.checked_mul(256)?.checked_add(bits.bits(8)?)?;
        if !escaped {
            return Some(length);
        }
    }
}

/// LatmGetValue() (§1.7.3.1): one to four bytes.
fn latm_value(bits: &mut Bits<impl Iterator<Item = u8>>) -> Option<u32> {
    let more = bits.bits(2)?;
    bits.bits(8 * (more + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes fields of so many bits.
    fn bits(fields: &[(u32, u32)]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        for &(count, value) in fields {
            bits.extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        }
        bits.chunks(8)
            .map(|byte| (0..8).fold(0, |value, at| value << 1 | u8::from(byte.get(at) == Some(&true))))
            .collect()
    }

    fn element(fields: &[(u32, u32)]) -> Vec<u8> {
        let payload = bits(fields);
        [bits(&[(11, 0x2b7), (13, payload.len() as u32)]), payload].concat()
    }

    /// AAC-LC, 48 kHz, stereo.
    const CONFIG: (u32, u32) = (16, 0x1190);

    /// useSameStreamMux 0, audioMuxVersion 0, allStreamsSameTimeFraming, numSubFrames, numProgram, numLayer.
    const HEAD: [(u32, u32); 6] = [(1, 0), (1, 0), (1, 1), (6, 0), (4, 0), (3, 0)];

    fn frames(element: Element) -> Vec<Vec<u8>> {
        match element {
            Element::Frames(frames) => frames.iter().map(|frame| frame.to_vec()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_configuration_is_kept() {
        let payload = [(8, 2), (8, 0xab), (8, 0xcd)];
        // frameLengthType 0, latmBufferFullness, otherDataPresent, crcCheckPresent.
        let tail = [CONFIG, (3, 0), (8, 0xff), (1, 0), (1, 0)];
        let first = element(&[&HEAD[..], &tail, &payload].concat());
        let same = element(&[&[(1, 1)], &payload[..]].concat());
        let mut latm = Latm::default();
        assert_eq!(latm.push(&same), Element::Waiting);
        assert_eq!(length(&first), Some(first.len()));
        assert_eq!(frames(latm.push(&first)), [[0xab, 0xcd]]);
        assert_eq!(frames(latm.push(&same)), [[0xab, 0xcd]]);
        let (bytes, config) = latm.config().unwrap();
        assert_eq!((bytes, config.sample_rate, config.channels), (&[0x11, 0x90][..], 48_000, 2));
        assert_eq!(latm.push(&same[..4]), Element::Bad, "cut off");
        assert_eq!(latm.push(&element(&[(1, 1), (8, 9), (8, 1)])), Element::Bad, "longer than the element");
    }

    #[test]
    fn version_1_with_subframes_other_data_and_checksum() {
        let mut latm = Latm::default();
        let element = element(&[
            (1, 0), // useSameStreamMux
            (1, 1), // audioMuxVersion
            (1, 0), // audioMuxVersionA
            (2, 0),
            (8, 0xff), // taraBufferFullness
            (1, 1),
            (6, 1), // two subframes
            (4, 0),
            (3, 0),
            (2, 0),
            (8, 21), // ascLen: the configuration and five bits of fill
            CONFIG,
            (5, 0),
            (3, 0),
            (8, 0xff),
            (1, 1), // otherDataPresent
            (2, 0),
            (8, 3), // otherDataLenBits
            (1, 1), // crcCheckPresent
            (8, 0x5a),
            (8, 1), // the first frame
            (8, 0x11),
            (8, 2),
            (8, 0x22),
            (8, 0x33),
            (3, 7), // other data
        ]);
        assert_eq!(frames(latm.push(&element)), [vec![0x11], vec![0x22, 0x33]]);
        assert_eq!(latm.config().unwrap().0, [0x11, 0x90, 0x00]);
    }

    #[test]
    fn frames_of_one_length_and_long_ones() {
        let mut latm = Latm::default();
        let fixed = [&HEAD[..], &[CONFIG, (3, 1), (9, 1), (1, 0), (1, 0)], &[(8, 0x77); 21]].concat();
        assert_eq!(frames(latm.push(&element(&fixed))), [[0x77; 21]]);
        let escaped =
            [CONFIG, (3, 0), (8, 0), (1, 1), (1, 1), (8, 0), (1, 0), (8, 2), (1, 0), (8, 255), (8, 1)];
        let escaped = [&HEAD[..], &escaped, &[(8, 0x66); 256], &[(2, 0)]].concat();
        assert_eq!(frames(latm.push(&element(&escaped))), [[0x66; 256]]);
    }

    #[test]
    fn what_is_not_supported_says_so() {
        let mut latm = Latm::default();
        for (head, what) in [
            (&[(1, 0), (1, 1), (1, 1)][..], "audioMuxVersionA 1"),
            (&[(1, 0), (1, 0), (1, 0)], "streams of different time framing"),
            (&[(1, 0), (1, 0), (1, 1), (6, 0), (4, 1)], "several programs"),
            (&[(1, 0), (1, 0), (1, 1), (6, 0), (4, 0), (3, 1)], "several layers"),
        ] {
            assert_eq!(latm.push(&element(&[head, &[(32, 0); 4]].concat())), Element::Unsupported(what));
        }
        assert_eq!(length(&[0x56, 0xe0]), None);
        assert_eq!(length(&[0xff, 0xf1, 0x50]), None);
    }
}
