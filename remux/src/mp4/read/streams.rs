//! The layout of an MP4 file: which of its tracks go out, and where its clock begins.

use bytes::Bytes;

use super::movie::{Movie, Track};
use super::tables::Sample;
use crate::error::Error;
use crate::es::Unit;
use crate::layout::{
    AudioFormat, Codec, Coding, Container, Format, Framing, Layout, LeftOut, LeftOutReason, Path, RapClass,
    Setup, Source, Stream,
};
use crate::limits;
use crate::psi::stream_type::{opus_extension, output_of};
use crate::streams::{DEFAULT_FRAME, ENOUGH_STARTS, FIRST_OUTPUT_PID};
use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;
use crate::ts::{PacketSize, Pid};

/// What is known of the samples of one track.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// How many there are.
    pub(super) samples: u64,
    /// PTS of the first random access points, at most [`RAPS`], and whether each is one by a recovery point only.
    raps: Vec<(MediaTime, bool)>,
    /// PTS of the last random access point.
    last_rap: Option<MediaTime>,
    /// Whether pictures behind a random access point are shown before it.
    has_leading: bool,
    last_dts: Option<MediaTime>,
    /// Steps of the clock, at most [`STEPS`].
    steps: Vec<Ticks>,
    /// The first bytes of its first sample.
    pub(super) header: Option<Bytes>,
    /// Samples that the file calls sync samples.
    sync: u64,
}

/// Random access points that the layout looks at.
const RAPS: usize = 2;
/// Steps that the frame duration is measured from.
const STEPS: usize = 256;
/// Bytes of a frame in which its header lies.
pub(super) const FRAME_HEADER: usize = 64;

impl Seen {
    /// What the tables of a track say.
    pub(super) fn of_tables(track: &Track, size: Option<u64>) -> Self {
        let mut seen = Self::default();
        let is_there = |sample: &Sample| sample.size > 0 && size.is_none_or(|size| sample.end() <= size);
        for sample in track.tables.samples().filter(is_there) {
            let unit = unit_of_flag(track, sample.is_sync);
            seen.on_sample(unit, sample.is_sync, track.clock.times(sample.dts, sample.pts));
        }
        seen
    }

    /// A sample, in decoding order.
    pub(super) fn on_sample(&mut self, unit: Unit, is_sync: bool, times: Times) {
        self.samples += 1;
        self.sync += u64::from(is_sync);
        if let Some(last) = self.last_dts.replace(times.dts)
            && self.steps.len() < STEPS
        {
            self.steps.push(times.dts - last);
        }
        if unit.is_random_access() || unit == Unit::Opaque {
            if self.raps.len() < RAPS {
                self.raps.push((times.pts, unit == Unit::OpenRap));
            }
            self.last_rap = Some(times.pts);
        } else {
            self.has_leading |= self.last_rap.is_some_and(|rap| times.pts < rap);
        }
    }

    /// Whether the file tells sync samples from others.
    pub(super) fn tells_sync(&self) -> bool {
        self.sync > 0 && self.sync < self.samples
    }

    /// Whether enough has been seen of the key track.
    pub(super) fn is_known(&self) -> bool {
        self.raps.len() >= RAPS && self.steps.len() >= ENOUGH_STARTS
    }

    fn random_access(&self, track: &Track) -> Result<(RapClass, MediaTime, Option<Ticks>), Error> {
        let class = match track.codec {
            Codec::H264 if self.has_leading || self.raps.iter().any(|&(_, is_open)| is_open) => {
                RapClass::RecoveryPoint
            }
            Codec::H264 => RapClass::Idr,
            Codec::H265 => RapClass::Irap,
            _ => RapClass::AnyPes,
        };
        let mut times = self.raps.iter().map(|&(pts, _)| pts);
        let zero = times.next().ok_or_else(|| {
            let reason = format!("track {} ({}) has no random access point", track.id, track.codec);
            Error::NothingToPlay { reason }
        })?;
        let gop = times.next().map(|second| second - zero).filter(|&gop| gop > Ticks::ZERO);
        Ok((class, zero, gop))
    }

    /// The median step of the clock.
    fn frame_duration(&self) -> Ticks {
        let mut steps: Vec<Ticks> = self.steps.iter().copied().filter(|&step| step > Ticks::ZERO).collect();
        steps.sort_unstable();
        steps.get(steps.len() / 2).copied().unwrap_or(DEFAULT_FRAME)
    }
}

/// What a sample is as far as its flags say.
pub(super) fn unit_of_flag(track: &Track, is_sync: bool) -> Unit {
    match (track.codec.is_video(), is_sync) {
        (false, _) => Unit::Opaque,
        (true, true) => Unit::Idr,
        (true, false) => Unit::Picture,
    }
}

/// The track whose random access points are those of the file: the first pictures, or the first sound where there are
/// none.
pub(super) fn key(movie: &Movie, has_samples: impl Fn(usize) -> bool) -> Option<usize> {
    let mut with_samples = (0..movie.tracks.len()).filter(|&track| has_samples(track));
    let is_video = |&track: &usize| movie.tracks.get(track).is_some_and(|track| track.codec.is_video());
    with_samples.clone().find(is_video).or_else(|| with_samples.next())
}

/// Whether the layout needs a frame of this codec: the tables do not describe it as its header does.
pub(super) fn needs_header(codec: Codec) -> bool {
    matches!(codec, Codec::MpegAudio | Codec::Ac3 | Codec::Eac3)
}

/// The layout of a file of which this much has been seen, by track; and the tracks of its streams.
///
/// # Errors
/// [`Error::NothingToPlay`] where no track has samples, or nothing to begin at.
pub(super) fn layout(movie: &Movie, seen: &[Seen]) -> Result<(Layout, Vec<usize>), Error> {
    let count = |track: usize| seen.get(track).map_or(0, |seen| seen.samples);
    let key = key(movie, |track| count(track) > 0).ok_or_else(|| nothing_to_play(movie))?;
    let (Some(key_track), Some(key_seen)) = (movie.tracks.get(key), seen.get(key)) else {
        return Err(nothing_to_play(movie));
    };
    let (rap_class, zero, gop) = key_seen.random_access(key_track)?;
    let mut left_out = movie.left_out.clone();
    let mut chosen = vec![key];
    for (number, track) in movie.tracks.iter().enumerate().filter(|&(number, _)| number != key) {
        let reason = match track {
            _ if count(number) == 0 => LeftOutReason::Silent,
            track if track.codec.is_video() => LeftOutReason::SecondVideo,
            _ if chosen.len() == limits::STREAMS => LeftOutReason::TooMany,
            _ => {
                chosen.push(number);
                continue;
            }
        };
        left_out.push(LeftOut { source: Source::Track(track.id), coding: coding(track.codec), reason });
    }
    let streams = chosen.iter().zip(FIRST_OUTPUT_PID..).filter_map(|(&number, pid)| {
        let header = seen.get(number).and_then(|seen| seen.header.as_ref());
        Some(stream(movie.tracks.get(number)?, header, Pid::new(pid)))
    });
    let moov = movie.range.clone();
    let layout = Layout {
        packet_size: PacketSize::default(),
        program_descriptors: Vec::new(),
        container: if movie.is_fragmented {
            Container::FragmentedMp4 { moov }
        } else {
            Container::Mp4 { moov }
        },
        program_number: 1,
        streams: streams.collect(),
        left_out,
        zero,
        rap_class,
        gop,
        frame_duration: key_seen.frame_duration(),
    };
    Ok((layout, chosen))
}

/// The tracks of the streams of a layout that is known, in its order; a track that has gone is `None`.
pub(super) fn tracks_of(movie: &Movie, layout: &Layout) -> Vec<Option<usize>> {
    let number = |source| movie.tracks.iter().position(|track| Source::Track(track.id) == source);
    layout.streams.iter().map(|stream| number(stream.source)).collect()
}

/// That a movie has nothing that can be played.
pub(super) fn nothing_to_play(movie: &Movie) -> Error {
    let mut found: Vec<String> = movie.left_out.iter().map(LeftOut::to_string).collect();
    let silent = |track: &Track| format!("track {} ({}): declared, but without data", track.id, track.codec);
    found.extend(movie.tracks.iter().map(silent));
    let reason = if found.is_empty() { "the movie has no tracks".to_owned() } else { found.join("; ") };
    Error::NothingToPlay { reason }
}

/// The sample entry that files use for a codec.
fn coding(codec: Codec) -> Coding {
    Coding::SampleEntry(*match codec {
        Codec::H264 => b"avc1",
        Codec::H265 => b"hvc1",
        Codec::Ac3 => b"ac-3",
        Codec::Eac3 => b"ec-3",
        Codec::Opus => b"Opus",
        Codec::AacAdts | Codec::AacLatm | Codec::MpegAudio => b"mp4a",
        Codec::Klv | Codec::Id3 | Codec::Scte35 => b"mett",
    })
}

/// `stream_type` of MPEG-1 and of MPEG-2 audio (H.222.0 table 2-34), which has the lower sampling rates.
const MPEG1_AUDIO: u8 = 0x03;
const MPEG2_AUDIO: u8 = 0x04;
const LOWEST_OF_MPEG1: u32 = 32_000;

fn stream(track: &Track, header: Option<&Bytes>, output_pid: Pid) -> Stream {
    let mut format = track.format.clone();
    let mut setup = track.setup.clone();
    if let (Some(header), true) = (header, needs_header(track.codec)) {
        let told = AudioFormat::of_frame(track.codec, header);
        if told != AudioFormat::default() {
            format = Format::Audio(told);
        }
        setup = Setup::FrameHeader(header.to_vec());
    }
    let is_mpeg2 = matches!(&format, Format::Audio(audio) if audio.sample_rate < LOWEST_OF_MPEG1);
    let mpeg_audio = if is_mpeg2 { MPEG2_AUDIO } else { MPEG1_AUDIO };
    let (stream_type, mut descriptors) = output_of(track.codec, mpeg_audio);
    if let (Some([a, b, c]), false) = (track.language, track.codec.is_video()) {
        descriptors.extend([crate::psi::descriptor::LANGUAGE, 4, a, b, c, 0]);
    }
    if let (Setup::Opus(_), Format::Audio(audio)) = (&setup, &format) {
        descriptors.extend(opus_extension(u8::try_from(audio.channels).unwrap_or(2).clamp(1, 8)));
    }
    Stream {
        source: Source::Track(track.id),
        output_pid,
        stream_type,
        codec: track.codec,
        path: Path::Rebuild,
        repairs: Vec::new(),
        framing: Framing::Native,
        reorder: 0,
        shift: Ticks::ZERO,
        pes_duration: Ticks::ZERO,
        descriptors,
        format,
        setup,
    }
}
