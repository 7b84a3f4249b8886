//! What a PMT entry declares: by stream_type, then by descriptors (H.222.0 table 2-34; ETSI TS 101 154; camera habits).

use super::tables::DeclaredStream;
use crate::layout::{Codec, Kind};

/// What a declared stream is for the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// HLS can carry it.
    Carried(Codec),
    /// HLS cannot.
    NotCarried(Kind),
}

use Declared::{Carried, NotCarried};

const AC3_DESCRIPTOR: u8 = 0x6a;
const ENHANCED_AC3_DESCRIPTOR: u8 = 0x7a;
const AAC_DESCRIPTOR: u8 = 0x7c;
const TELETEXT: [u8; 2] = [0x46, 0x56];
const SUBTITLING: u8 = 0x59;

/// What `stream` declares to be.
pub(crate) fn declared(stream: &DeclaredStream) -> Declared {
    match stream.stream_type {
        0x1b => Carried(Codec::H264),
        0x24 => Carried(Codec::H265),
        0x0f => Carried(Codec::AacAdts),
        0x11 => Carried(Codec::AacLatm),
        0x03 | 0x04 => Carried(Codec::MpegAudio),
        // ATSC A/52 annex A; the HDMV formats use the same numbers.
        0x81 => Carried(Codec::Ac3),
        0x84 | 0x87 => Carried(Codec::Eac3),
        0x01 | 0x02 | 0x10 | 0x1c..=0x23 | 0x25..=0x2c | 0x32..=0x35 | 0x42 | 0xd1 | 0xd2 | 0xea => {
            NotCarried(Kind::OtherVideo)
        }
        0x06 => private(stream),
        // Metadata in PES: ID3 by its registration, KLV otherwise (RFC 8216 §3; MISB ST 1402).
        0x15 => NotCarried(if stream.descriptors.registration() == Some(*b"KLVA") {
            Kind::Klv
        } else {
            Kind::Id3
        }),
        0x86 => NotCarried(Kind::Scte35),
        // G.711 A-law and µ-law, G.722.1, G.723.1, G.729 and SVAC as cameras number them. 0x90 is also PGS subtitles,
        // which no camera sends.
        0x80 | 0x90..=0x99 | 0x9b => NotCarried(Kind::CameraAudio),
        0x82 | 0x83 | 0x85 | 0x88 | 0x8a | 0xa1 | 0xa2 => NotCarried(Kind::OtherAudio),
        _ => NotCarried(Kind::PrivateData),
    }
}

/// stream_type 0x06, PES private data: the descriptors say what it is.
fn private(stream: &DeclaredStream) -> Declared {
    let descriptors = &stream.descriptors;
    match descriptors.registration().as_ref() {
        Some(b"HEVC") => return Carried(Codec::H265),
        Some(b"AC-3") => return Carried(Codec::Ac3),
        Some(b"EAC3") => return Carried(Codec::Eac3),
        Some(b"KLVA") => return NotCarried(Kind::Klv),
        Some(b"Opus") => return Carried(Codec::Opus),
        Some(b"DTS1" | b"DTS2" | b"DTS3" | b"BSSD") => return NotCarried(Kind::OtherAudio),
        _ => {}
    }
    if descriptors.has(AC3_DESCRIPTOR) {
        Carried(Codec::Ac3)
    } else if descriptors.has(ENHANCED_AC3_DESCRIPTOR) {
        Carried(Codec::Eac3)
    } else if descriptors.has(AAC_DESCRIPTOR) {
        Carried(Codec::AacLatm)
    } else if TELETEXT.iter().any(|&tag| descriptors.has(tag)) || descriptors.has(SUBTITLING) {
        NotCarried(Kind::Subtitles)
    } else {
        NotCarried(Kind::PrivateData)
    }
}

/// The stream_type and descriptors that the output declares for a codec.
pub(crate) fn output(codec: Codec, source: &DeclaredStream) -> (u8, Vec<u8>) {
    if codec.is_metadata() {
        return (source.stream_type, source.descriptors.as_bytes().to_vec());
    }
    let (stream_type, mut descriptors) = output_of(codec, source.stream_type);
    if codec == Codec::Opus {
        descriptors.extend(opus_extension(source.descriptors.opus_channel_config().unwrap_or(2)));
    }
    descriptors.extend(source.descriptors.language().unwrap_or_default());
    (stream_type, descriptors)
}

/// The stream_type and descriptors of a codec, whatever its source; `mpeg_audio` is the stream_type of MPEG audio.
pub(crate) fn output_of(codec: Codec, mpeg_audio: u8) -> (u8, Vec<u8>) {
    let registration = |id: &[u8; 4]| [&[super::descriptor::REGISTRATION, 4], &id[..]].concat();
    match codec {
        Codec::H264 => (0x1b, Vec::new()),
        Codec::H265 => (0x24, registration(b"HEVC")),
        Codec::AacAdts => (0x0f, Vec::new()),
        Codec::AacLatm => (0x11, Vec::new()),
        // MPEG-1 (0x03) or MPEG-2 (0x04) as the source has it; a private stream cannot be MPEG audio.
        Codec::MpegAudio => (mpeg_audio, Vec::new()),
        Codec::Ac3 => (0x81, registration(b"AC-3")),
        Codec::Eac3 => (0x87, registration(b"EAC3")),
        Codec::Opus => (0x06, registration(b"Opus")),
        // As the source has it.
        Codec::Klv | Codec::Id3 => (0x15, Vec::new()),
        Codec::Scte35 => (0x86, Vec::new()),
    }
}

/// The descriptor that gives the channels of an Opus stream (ETSI TS 103 491 annex C).
pub(crate) fn opus_extension(channel_config_code: u8) -> [u8; 4] {
    [super::descriptor::EXTENSION, 2, super::descriptor::OPUS_EXTENSION, channel_config_code]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::psi::descriptor::Descriptors;
    use crate::ts::Pid;

    fn stream(stream_type: u8, descriptors: &[u8]) -> DeclaredStream {
        DeclaredStream { stream_type, pid: Pid::new(0x100), descriptors: Descriptors::new(descriptors) }
    }

    #[test]
    fn private_streams_are_told_apart_by_their_descriptors() {
        let table: [(&[u8], Declared); 7] = [
            (&[], NotCarried(Kind::PrivateData)),
            (&[0x6a, 1, 0], Carried(Codec::Ac3)),
            (&[0x7a, 1, 0], Carried(Codec::Eac3)),
            (&[5, 4, b'H', b'E', b'V', b'C'], Carried(Codec::H265)),
            (&[5, 4, b'K', b'L', b'V', b'A'], NotCarried(Kind::Klv)),
            (&[5, 4, b'O', b'p', b'u', b's'], Carried(Codec::Opus)),
            (&[0x56, 0], NotCarried(Kind::Subtitles)),
        ];
        for (descriptors, expected) in table {
            assert_eq!(declared(&stream(0x06, descriptors)), expected, "{descriptors:x?}");
        }
    }

    #[test]
    fn camera_audio_is_named() {
        assert_eq!(declared(&stream(0x90, &[])), NotCarried(Kind::CameraAudio));
    }
}
