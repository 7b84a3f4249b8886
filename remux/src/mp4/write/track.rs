//! What is true of a track before its first sample: its sample entry, its clock, and how long its frames last.

use super::ParameterSets;
use super::entry;
use crate::error::Error;
use crate::es::frames::aac::AudioSpecificConfig;
use crate::es::frames::{self, ac3, mpeg_audio, opus};
use crate::layout::{Codec, Format, Layout, Setup, Stream};
use crate::time::{MediaTime, Ticks};

/// The clock of pictures, and of what has no sampling rate: that of the source.
pub(crate) const VIDEO_TIMESCALE: u32 = 90_000;

/// One stream of a layout as a track.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// track_ID (ISO/IEC 14496-12 §8.3.2): 1 + the number of its stream in the layout.
    pub(crate) id: u32,
    pub(crate) codec: Codec,
    /// Its SampleEntry (§8.5.2), a whole box.
    pub(crate) entry: Vec<u8>,
    /// Units of its clock in a second (§8.4.2).
    pub(crate) timescale: u32,
    /// Duration of a sample where nothing else tells: a picture, or a frame of sound.
    pub(crate) frame_duration: u32,
    /// Size to be shown (§8.3.2); 0 for sound.
    pub(crate) size: (u32, u32),
    /// ISO 639-2/T code of five bits a letter (§8.4.2).
    pub(crate) language: u16,
}

impl Track {
    /// The tracks of a layout.
    pub(crate) fn all(layout: &Layout, parameter_sets: ParameterSets) -> Result<Vec<Self>, Error> {
        let streams = layout.streams.iter().zip(1..);
        streams.map(|(stream, id)| Self::new(id, stream, layout.frame_duration, parameter_sets)).collect()
    }

    fn new(id: u32, stream: &Stream, picture: Ticks, parameter_sets: ParameterSets) -> Result<Self, Error> {
        let refused = |reason| Error::NotForMp4 { stream: stream.source, codec: stream.codec, reason };
        let entry = entry::sample_entry(stream, parameter_sets).map_err(refused)?;
        let (timescale, frame_duration) = match stream.codec.is_video() {
            true => (VIDEO_TIMESCALE, u32::try_from(picture.get()).unwrap_or(0).max(1)),
            false => sound(stream).ok_or(refused("its sampling rate is not known"))?,
        };
        let language = language(&stream.descriptors);
        Ok(Self {
            id,
            codec: stream.codec,
            entry: entry.bytes,
            timescale,
            frame_duration,
            size: entry.size,
            language,
        })
    }

    pub(crate) fn is_video(&self) -> bool {
        self.codec.is_video()
    }

    /// The unit of this track's clock that is nearest to a time.
    pub(crate) fn units(&self, time: MediaTime) -> i64 {
        let second = i128::from(Ticks::SECOND.get());
        let scaled = i128::from(time.ticks()) * i128::from(self.timescale) + second / 2;
        let limit = i128::from(i64::MAX / 4);
        scaled.div_euclid(second).clamp(-limit, limit) as i64
    }

    /// Duration of a sample by its own account, in units of this track's clock.
    pub(crate) fn duration(&self, data: &[u8]) -> u32 {
        frames::samples(self.codec, data).filter(|&samples| samples > 0).unwrap_or(self.frame_duration)
    }
}

/// Sampling rate, and samples of a frame.
fn sound(stream: &Stream) -> Option<(u32, u32)> {
    let told = match (&stream.setup, stream.codec) {
        (Setup::AudioSpecificConfig(config), _) => {
            AudioSpecificConfig::parse(config).map(|config| (config.sample_rate, config.frame_samples))
        }
        (Setup::FrameHeader(header), Codec::MpegAudio) => {
            mpeg_audio::frame(header).frame().map(rate_and_samples)
        }
        (Setup::FrameHeader(header), _) => ac3::frame(header).frame().map(rate_and_samples),
        (Setup::Opus(_), _) => Some((opus::SAMPLE_RATE, opus::SAMPLE_RATE / 50)),
        (Setup::None | Setup::ParameterSets(_), _) => match &stream.format {
            Format::Audio(format) => Some((format.sample_rate, 1024)),
            Format::Video(_) => None,
        },
    };
    told.filter(|&(rate, samples)| rate > 0 && samples > 0)
}

fn rate_and_samples(frame: frames::Frame) -> (u32, u32) {
    (frame.sample_rate, frame.samples)
}

/// Language of an ISO_639_language_descriptor (H.222.0 §2.6.18) among the descriptors of a stream; `und` without one.
fn language(mut descriptors: &[u8]) -> u16 {
    const ISO_639_LANGUAGE: u8 = 0x0a;
    let pack =
        |code: [u8; 3]| code.iter().fold(0u16, |packed, letter| packed << 5 | u16::from(letter & 0x1f));
    while let [tag, length, rest @ ..] = descriptors {
        let Some((body, next)) = rest.split_at_checked(usize::from(*length)) else { break };
        match (*tag, body) {
            (ISO_639_LANGUAGE, &[a, b, c, ..]) if [a, b, c].iter().all(u8::is_ascii_lowercase) => {
                return pack([a, b, c]);
            }
            _ => descriptors = next,
        }
    }
    pack(*b"und")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        assert_eq!(language(&[]), 0x55c4);
        assert_eq!(language(&[0x52, 1, 9, 0x0a, 4, b'e', b'n', b'g', 0]), 0x15c7);
        assert_eq!(language(&[0x0a, 4, 0, 0, 0, 0]), 0x55c4);
        assert_eq!(language(&[0x0a, 40, b'e', b'n', b'g', 0]), 0x55c4);
    }
}
