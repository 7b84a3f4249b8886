//! The parsers of sound on any bytes.

use crate::es::frames::aac::{AdtsHeader, AudioSpecificConfig};
use crate::es::frames::{self, Look, opus};
use crate::es::latm::{self, Element, Latm};
use crate::layout::Codec;

/// Takes `data` apart as sound of the kind that its first byte names, frame by frame: nothing panics, every frame has a
/// length, a duration and a rate, more bytes do not change what was said, and headers come back from configurations.
pub fn sound_frames(data: &[u8]) {
    let Some((&first, data)) = data.split_first() else { return };
    const CODECS: [Codec; 6] =
        [Codec::AacAdts, Codec::MpegAudio, Codec::Ac3, Codec::Eac3, Codec::Opus, Codec::AacLatm];
    let codec = CODECS[usize::from(first) % CODECS.len()];
    frames::samples(codec, data);
    opus::specific_box(first);
    check_configuration(data);
    check_latm(data);
    let mut rest = data;
    while !rest.is_empty() {
        let length = check_frame(codec, rest).unwrap_or(1);
        rest = rest.get(length..).unwrap_or_default();
    }
}

fn check_frame(codec: Codec, bytes: &[u8]) -> Option<usize> {
    let look = frames::frame(codec, bytes);
    for shorter in 0..bytes.len().min(16) {
        let before = frames::frame(codec, &bytes[..shorter]);
        assert!(before == Look::More || before == look, "{before:?}, then {look:?}");
    }
    let frame = look.frame()?;
    assert!(frame.header < frame.length && frame.sample_rate > 0);
    assert_eq!(frame.samples == 0, frame.continues);
    if let Some(header) = AdtsHeader::parse(bytes).filter(|_| codec == Codec::AacAdts)
        && let Some(config) = header.audio_specific_config()
    {
        let parsed = AudioSpecificConfig::parse(&config).expect("a configuration of a header");
        assert_eq!((parsed.sample_rate, parsed.channels), (frame.sample_rate, frame.channels));
        check_configuration(&config);
    }
    Some(frame.length)
}

/// A header made from a configuration says the same as the configuration.
fn check_configuration(bytes: &[u8]) {
    let Some(config) = AudioSpecificConfig::parse(bytes) else { return };
    assert!(config.sample_rate > 0 && config.frame_samples > 0);
    let Some(header) = config.adts_header(bytes.len()) else { return };
    let header = AdtsHeader::parse(&header).expect("a header that was just written");
    assert_eq!(header.frame.length, bytes.len() + 7);
    assert_eq!(u32::from(header.profile) + 1, config.core_object_type);
}

fn check_latm(mut data: &[u8]) {
    let mut latm = Latm::default();
    while let Some(length) = latm::length(data) {
        let element = data.get(..length).unwrap_or(data);
        if let Element::Frames(frames) = latm.push(element) {
            let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
            assert!(bytes < element.len(), "{bytes} bytes of frames from {}", element.len());
            assert!(latm.config().is_some_and(|(config, _)| AudioSpecificConfig::parse(config).is_some()));
        }
        data = data.get(length..).unwrap_or_default();
    }
}
