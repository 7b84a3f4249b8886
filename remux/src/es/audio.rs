//! What is told about the sound of a stream: sampling rate, channels and codec string.

use super::frames::aac::{AdtsHeader, AudioSpecificConfig};
use super::frames::{self, ac3, mpeg_audio};
use crate::layout::{AudioFormat, Codec};

impl AudioFormat {
    /// What an AudioSpecificConfig says.
    pub(crate) fn of_config(config: &AudioSpecificConfig) -> Self {
        Self {
            sample_rate: config.sample_rate,
            channels: config.channels,
            codec_string: Some(aac(config.object_type)),
        }
    }

    /// What the frame says that `data` begins with; defaults where it is none, or says nothing (LATM).
    pub(crate) fn of_frame(codec: Codec, data: &[u8]) -> Self {
        let Some(frame) = frames::frame(codec, data).frame() else { return Self::default() };
        Self {
            sample_rate: frame.sample_rate,
            channels: frame.channels,
            codec_string: codec_string(codec, data),
        }
    }
}

/// RFC 6381, of the frame that `data` begins with.
fn codec_string(codec: Codec, data: &[u8]) -> Option<String> {
    match codec {
        Codec::AacAdts => AdtsHeader::parse(data).map(|header| aac(u32::from(header.profile) + 1)),
        // Of MPEG audio only layer III has one that is in use.
        Codec::MpegAudio => {
            mpeg_audio::header(data).filter(|header| header.layer == 3).map(|_| "mp4a.40.34".to_owned())
        }
        Codec::Ac3 | Codec::Eac3 => {
            ac3::header(data).map(|header| if header.is_enhanced { "ec-3" } else { "ac-3" }.to_owned())
        }
        Codec::Opus => Some("opus".to_owned()),
        Codec::AacLatm | Codec::H264 | Codec::H265 | Codec::Klv | Codec::Id3 | Codec::Scte35 => None,
    }
}

fn aac(object_type: u32) -> String {
    format!("mp4a.40.{object_type}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_frames() {
        let told = |codec, data: &[u8]| {
            let format = AudioFormat::of_frame(codec, data);
            (format.sample_rate, format.channels, format.codec_string)
        };
        let string = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(Codec::AacAdts, &[0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc]),
            (44_100, 2, string("mp4a.40.2"))
        );
        assert_eq!(told(Codec::MpegAudio, &[0xff, 0xfd, 0xa4, 0x00]), (48_000, 2, None));
        assert_eq!(told(Codec::MpegAudio, &[0xff, 0xfb, 0x94, 0xc0]), (48_000, 1, string("mp4a.40.34")));
        assert_eq!(
            told(Codec::Ac3, &[0x0b, 0x77, 0, 0, 0x14, 0x40, 0xe1, 0xff]),
            (48_000, 6, string("ac-3"))
        );
        assert_eq!(told(Codec::AacAdts, b"no audio"), (0, 0, None));
        assert_eq!(told(Codec::Ac3, &[0x0b]), (0, 0, None));
    }
}
