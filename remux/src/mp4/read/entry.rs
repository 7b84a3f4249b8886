//! Sample entries: what a track carries, and what its decoder is told (ISO/IEC 14496-12 §8.5.2, §12.1.3, §12.2.3).

use bytes::Bytes;

use super::config::{self, AvcConfig, Decoder};
use crate::es::frames::aac::AudioSpecificConfig;
use crate::es::video_format;
use crate::layout::{AudioFormat, Codec, Format, Kind, LeftOutReason, Setup, VideoFormat};
use crate::mp4::boxes::{Fields, FourCc, Node};

/// What a track carries.
#[derive(Debug, Clone)]
pub(crate) struct Coded {
    pub(crate) codec: Codec,
    pub(crate) format: Format,
    pub(crate) setup: Setup,
    /// Of pictures: one for each sample entry.
    pub(crate) descriptions: Vec<Description>,
}

/// What one sample entry says of its pictures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Description {
    /// Bytes of the length before each NAL unit, 1 to 4 (ISO/IEC 14496-15 §5.3.3.1.2).
    pub(crate) nal_length_size: usize,
    /// Its parameter sets.
    pub(crate) parameter_sets: Vec<Bytes>,
}

/// Why a track is not played, and the type of its sample entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotPlayed {
    pub(crate) entry: FourCc,
    pub(crate) reason: LeftOutReason,
}

/// Bytes of a VisualSampleEntry before its boxes.
const VISUAL: usize = 78;
/// Bytes of an AudioSampleEntry before its boxes.
const AUDIO: usize = 28;
/// Bytes that versions 1 and 2 of QuickTime's sound description have more.
const QUICKTIME_SOUND: [usize; 3] = [0, 16, 36];

/// What the sample entries in `stsd` of a track with this handler say.
pub(crate) fn coded(handler: FourCc, stsd: &Node) -> Result<Coded, NotPlayed> {
    let mut entries = stsd.children_after(8);
    let Some(first) = entries.next() else {
        return Err(NotPlayed { entry: *b"    ", reason: LeftOutReason::Damaged });
    };
    let entry = first.kind;
    let is_quicktime = stsd.full().is_some_and(|(version, ..)| version == 0);
    let refuse = |reason| Err(NotPlayed { entry, reason });
    let coded = match &entry {
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" => video(&first, entries),
        b"mp4a" | b".mp3" | b"ms\0U" | b"ac-3" | b"ec-3" | b"Opus" => audio(&first, is_quicktime),
        b"encv" | b"enca" => return refuse(LeftOutReason::Scrambled),
        _ => return refuse(LeftOutReason::NotForHls(other(handler, entry))),
    };
    match coded {
        Some(Ok(coded)) => Ok(coded),
        Some(Err(kind)) => refuse(LeftOutReason::NotForHls(kind)),
        None => refuse(LeftOutReason::Damaged),
    }
}

/// What a sample entry that is not played is taken for.
fn other(handler: FourCc, entry: FourCc) -> Kind {
    match (&handler, &entry) {
        (_, b"alaw" | b"ulaw" | b"ALAW" | b"ULAW" | b"g726" | b"G726") => Kind::CameraAudio,
        (b"vide", _) => Kind::OtherVideo,
        (b"soun", _) => Kind::OtherAudio,
        (b"subt" | b"text" | b"sbtl" | b"clcp", _) => Kind::Subtitles,
        (b"tmcd" | b"hint", _) => Kind::Auxiliary,
        _ => Kind::PrivateData,
    }
}

type Found = Option<Result<Coded, Kind>>;

/// A VisualSampleEntry, and further ones of the same kind.
fn video(entry: &Node, further: impl Iterator<Item = Node>) -> Found {
    let codec = if matches!(&entry.kind, b"avc1" | b"avc3") { Codec::H264 } else { Codec::H265 };
    let AvcConfig { description, codec_string } = video_config(codec, entry)?;
    let mut fields = Fields::new(&entry.body);
    fields.skip(24)?;
    let (width, height) = (u32::from(fields.u16()?), u32::from(fields.u16()?));
    let sets = &description.parameter_sets;
    let mut format = video_format(codec, sets.iter().map(|set| &set[..]));
    if format == VideoFormat::default() {
        format = VideoFormat { width, height, codec_string };
    }
    let setup = Setup::ParameterSets(sets.iter().map(|set| set.to_vec()).collect());
    // What cannot be read is used nowhere, or its samples are as the first entry says.
    let further = further.map(|entry| video_config(codec, &entry).map(|config| config.description));
    let further = further.map(|found| found.unwrap_or_else(|| description.clone()));
    let descriptions = std::iter::once(description.clone()).chain(further).collect();
    Some(Ok(Coded { codec, format: Format::Video(format), setup, descriptions }))
}

fn video_config(codec: Codec, entry: &Node) -> Option<AvcConfig> {
    let mut boxes = entry.children_after(VISUAL);
    match codec {
        Codec::H264 => config::avc(&boxes.find(|child| child.kind == *b"avcC")?.body),
        _ => config::hevc(&boxes.find(|child| child.kind == *b"hvcC")?.body),
    }
}

/// An AudioSampleEntry, of ISO files or of QuickTime.
fn audio(entry: &Node, is_quicktime: bool) -> Found {
    let mut fields = Fields::new(&entry.body);
    fields.skip(8)?;
    let version = usize::from(fields.u16()?);
    fields.skip(6)?;
    let channels = u32::from(fields.u16()?);
    fields.skip(6)?;
    let sample_rate = u32::from(fields.u16()?);
    let more = if is_quicktime { QUICKTIME_SOUND.get(version).copied().unwrap_or(0) } else { 0 };
    let boxes = || {
        let own = entry.children_after(AUDIO + more);
        own.flat_map(|child| {
            let inner = (child.kind == *b"wave").then(|| child.children());
            std::iter::once(child).chain(inner.into_iter().flatten())
        })
    };
    let find = |kind: &FourCc| boxes().find(|child| child.kind == *kind);
    let told = |codec, codec_string: Option<&str>| {
        let codec_string = codec_string.map(str::to_owned);
        let format = AudioFormat { sample_rate, channels, codec_string };
        Some(Ok(sound(codec, format, Setup::None)))
    };
    match &entry.kind {
        b"ac-3" => told(Codec::Ac3, Some("ac-3")),
        b"ec-3" => told(Codec::Eac3, Some("ec-3")),
        b"Opus" => opus(&find(b"dOps")?, channels),
        b"mp4a" => match config::decoder(&find(b"esds")?)? {
            Decoder::Aac(config) => Some(aac(config)),
            Decoder::MpegAudio => told(Codec::MpegAudio, None),
            Decoder::Ac3 => told(Codec::Ac3, Some("ac-3")),
            Decoder::Eac3 => told(Codec::Eac3, Some("ec-3")),
            Decoder::Other => Some(Err(Kind::OtherAudio)),
        },
        _ => told(Codec::MpegAudio, Some("mp4a.40.34")),
    }
}

fn sound(codec: Codec, format: AudioFormat, setup: Setup) -> Coded {
    Coded { codec, format: Format::Audio(format), setup, descriptions: Vec::new() }
}

/// AAC of a kind that ADTS can name: Main, LC, SSR, LTP, and SBR and PS on top of one of them.
fn aac(config: &[u8]) -> Result<Coded, Kind> {
    let told = AudioSpecificConfig::parse(config).filter(|told| matches!(told.object_type, 1..=5 | 29));
    let format = AudioFormat::of_config(&told.ok_or(Kind::OtherAudio)?);
    Ok(sound(Codec::AacAdts, format, Setup::AudioSpecificConfig(config.to_vec())))
}

/// Opus always runs at 48 kHz.
fn opus(specific: &Node, channels: u32) -> Found {
    let channels = specific.body.get(1).copied().map_or(channels, u32::from);
    let format = AudioFormat { sample_rate: 48_000, channels, codec_string: Some("opus".to_owned()) };
    Some(Ok(sound(Codec::Opus, format, Setup::Opus(specific.body.to_vec()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::read::testing::{audio_entry, avc1, boxed, container, esds, full};

    fn read(handler: &FourCc, entries: &[Vec<u8>]) -> Result<Coded, NotPlayed> {
        let body = [&(entries.len() as u32).to_be_bytes()[..], &entries.concat()].concat();
        let stsd = Bytes::from(full(b"stsd", 0, 0, &body));
        coded(*handler, &Node::new(0, &stsd).unwrap())
    }

    const LC_44100_STEREO: [u8; 2] = [0x12, 0x10];

    #[test]
    fn pictures_bring_parameter_sets_and_length_size() {
        let coded = read(b"vide", &[avc1(2)]).unwrap();
        assert_eq!((coded.codec, coded.descriptions[0].nal_length_size), (Codec::H264, 2));
        let Setup::ParameterSets(sets) = coded.setup else { panic!("{:?}", coded.setup) };
        assert_eq!(sets.iter().map(|set| set[0]).collect::<Vec<_>>(), [0x67, 0x68]);
        let Format::Video(format) = coded.format else { panic!("{:?}", coded.format) };
        assert_eq!((format.width, format.height), (1920, 1080));
    }

    #[test]
    fn sound_of_iso_files_and_of_quicktime() {
        let aac = esds(0x40, &LC_44100_STEREO);
        let wave = container(b"wave", &[boxed(b"frma", b"mp4a"), aac.clone()]);
        for entry in [audio_entry(b"mp4a", 0, &aac), audio_entry(b"mp4a", 1, &wave)] {
            let coded = read(b"soun", &[entry]).unwrap();
            assert_eq!(coded.setup, Setup::AudioSpecificConfig(LC_44100_STEREO.to_vec()));
            let Format::Audio(format) = coded.format else { panic!("{:?}", coded.format) };
            assert_eq!((format.sample_rate, format.channels), (44_100, 2));
        }
        let codec = |entry: Vec<u8>| read(b"soun", &[entry]).unwrap().codec;
        assert_eq!(codec(audio_entry(b"mp4a", 0, &esds(0x6b, &[]))), Codec::MpegAudio);
        assert_eq!(codec(audio_entry(b".mp3", 1, &[])), Codec::MpegAudio);
        assert_eq!(codec(audio_entry(b"ec-3", 0, &boxed(b"dec3", &[0; 5]))), Codec::Eac3);
        assert_eq!(codec(audio_entry(b"Opus", 0, &boxed(b"dOps", &[0; 11]))), Codec::Opus);
    }

    #[test]
    fn what_is_not_played_has_a_reason() {
        let reason = |handler, entry: &FourCc| read(handler, &[boxed(entry, &[0; 100])]).unwrap_err().reason;
        use LeftOutReason::{Damaged, NotForHls, Scrambled};
        assert_eq!(reason(b"soun", b"alaw"), NotForHls(Kind::CameraAudio));
        assert_eq!(reason(b"soun", b"sowt"), NotForHls(Kind::OtherAudio));
        assert_eq!(reason(b"vide", b"av01"), NotForHls(Kind::OtherVideo));
        assert_eq!(reason(b"meta", b"metx"), NotForHls(Kind::PrivateData));
        assert_eq!(reason(b"vide", b"encv"), Scrambled);
        assert_eq!(reason(b"vide", b"avc1"), Damaged);
        assert_eq!(read(b"vide", &[]).unwrap_err().reason, Damaged);
    }
}
