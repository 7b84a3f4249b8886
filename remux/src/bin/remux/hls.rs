//! `remux hls`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use m3u8_rs::{ByteRange, Map, MediaPlaylist, MediaPlaylistType, MediaSegment};
use remux::time::Ticks;
use remux::{Cut, CutList, Index, Layout, Output, Packaging, Remuxer};

use crate::feed::feed;
use crate::input::Input;
use crate::output::Sink;
use crate::report::ReportOption;
use crate::stored::{Indexed, obtain};
use crate::{Done, Failure, about, conclude};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Where `remux index` has put an index beside the recording (IN.idx) that still fits it, the recording is read once instead of \
twice; events that --report would list are then counted only.

Example: segments of about four seconds, and a playlist for any HLS player:
  remux hls front-door.ts www/front-door --target 4
  (then open www/front-door/playlist.m3u8 through a web server)")]
pub(crate) struct Arguments {
    /// The recording: a file, for it is read twice.
    input: PathBuf,
    /// The directory for playlist and segments; made where it is not there.
    directory: PathBuf,
    /// Length of a segment in seconds, as far as random access points allow.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=3600))]
    target: u16,
    /// What the segments are; without it what players need: MP4 for H.265 and Opus, a transport stream for all else.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// One file that holds all segments, which the playlist names by byte ranges.
    #[arg(long)]
    single_file: bool,
    #[command(flatten)]
    report: ReportOption,
}

/// What segments can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Transport streams.
    Ts,
    /// Fragmented MP4.
    Fmp4,
}

const PLAYLIST: &str = "playlist.m3u8";

pub(crate) fn run(arguments: &Arguments) -> Result<Done, Failure> {
    if !std::fs::metadata(&arguments.input).is_ok_and(|metadata| metadata.is_file()) {
        return Err(about(&arguments.input)(&"not a file; hls reads its input twice"));
    }
    let mut input = Input::open(&arguments.input).map_err(|error| about(&arguments.input)(&error))?;
    arguments.report.check(&input, &arguments.directory)?;
    let Indexed { index, events } = obtain(&mut input, &arguments.input)?;
    let cuts = index.cuts(Ticks::from_millis(i64::from(arguments.target) * 1000));
    std::fs::create_dir_all(&arguments.directory).map_err(|error| about(&arguments.directory)(&error))?;
    // An older playlist would name segments that are being replaced.
    let playlist_path = arguments.directory.join(PLAYLIST);
    if input.is(&playlist_path) {
        return Err(about(&playlist_path)(&"is the recording that is being read"));
    }
    match std::fs::remove_file(&playlist_path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(about(&playlist_path)(&error));
        }
        _ => {}
    }
    let needs_mp4 = index.runs.iter().any(|run| run.layout.packaging() == Packaging::FragmentedMp4);
    let packaging = match arguments.format {
        Some(Format::Fmp4) => Packaging::FragmentedMp4,
        None if needs_mp4 => Packaging::FragmentedMp4,
        Some(Format::Ts) | None => Packaging::TransportStream,
    };
    input.show_progress("cutting", input.length());
    let mut writer = Writer {
        input: &mut input,
        path: &arguments.input,
        directory: &arguments.directory,
        packaging,
        single: None,
        is_single: arguments.single_file,
    };
    let segments = writer.write_all(&index, &cuts)?;
    let text = playlist(&cuts, segments, packaging, arguments.single_file)?;
    std::fs::write(&playlist_path, text).map_err(|error| about(&playlist_path)(&error))?;
    input.hide_progress();
    let layout = index.runs.first().map(|run| &run.layout);
    arguments.report.write(&arguments.input, layout, &index.report, &events)?;
    Ok(conclude(layout, &index.report))
}

/// Writes the segments, each to a file of its own or all to one.
struct Writer<'a> {
    input: &'a mut Input,
    path: &'a Path,
    directory: &'a Path,
    packaging: Packaging,
    is_single: bool,
    /// The one file, and what has been written to it.
    single: Option<(Sink, u64)>,
}

/// A piece as the playlist names it.
struct Written {
    uri: String,
    range: Option<ByteRange>,
}

impl Writer<'_> {
    /// All segments in order, each with its initialization segment where that is another than the one before.
    fn write_all(&mut self, index: &Index, cuts: &CutList) -> Result<Vec<MediaSegment>, Failure> {
        let mut segments = Vec::new();
        let mut run = None;
        for (number, cut) in cuts.cuts.iter().enumerate() {
            let layout = &index.runs[cut.run].layout;
            let mut map = None;
            if self.packaging == Packaging::FragmentedMp4 && run.replace(cut.run) != Some(cut.run) {
                let name = format!("init-{:03}.mp4", cut.run);
                let initialization = layout.initialization().map_err(|error| about(self.path)(&error))?;
                map = Some(self.write(&name, |_, sink| Ok(sink.write(initialization.clone())?))?);
            }
            let written =
                self.write(&self.segment_name(number), |writer, sink| writer.cut(layout, cut, sink))?;
            segments.push(MediaSegment {
                uri: written.uri,
                byte_range: written.range,
                duration: cut.duration.as_seconds() as f32,
                discontinuity: number > 0 && cut.first,
                map: map.map(|map| Map { uri: map.uri, byte_range: map.range, ..Map::default() }),
                ..MediaSegment::default()
            });
        }
        Ok(segments)
    }

    fn segment_name(&self, number: usize) -> String {
        format!("segment-{number:05}.{}", self.extension())
    }

    fn extension(&self) -> &'static str {
        match self.packaging {
            Packaging::TransportStream => "ts",
            Packaging::FragmentedMp4 => "m4s",
        }
    }

    /// A piece goes where `put` writes it.
    fn write(
        &mut self,
        name: &str,
        put: impl FnOnce(&mut Self, &mut Sink) -> Result<(), Failure>,
    ) -> Result<Written, Failure> {
        let uri = if self.is_single { format!("all.{}", self.extension()) } else { name.to_owned() };
        let path = self.directory.join(&uri);
        let in_output = about(&path);
        let (mut sink, offset) = match self.single.take() {
            Some(open) => open,
            None => (Sink::create(&path, self.input).map_err(|error| in_output(&error))?, 0),
        };
        put(self, &mut sink)?;
        sink.flush().map_err(|error| in_output(&error))?;
        let end = sink.written();
        let range = self.is_single.then_some(ByteRange { length: end - offset, offset: Some(offset) });
        self.single = self.is_single.then_some((sink, end));
        Ok(Written { uri, range })
    }

    fn cut(&mut self, layout: &Layout, cut: &Cut, sink: &mut Sink) -> Result<(), Failure> {
        let mut remuxer = Remuxer::segment(Arc::new(layout.clone()), cut, self.packaging);
        feed(self.input, self.path, &mut remuxer, cut.bytes.clone(), |remuxer, _| {
            let mut wanted = None;
            while let Some(output) = remuxer.poll() {
                match output {
                    Output::Bytes(bytes) => sink.write(bytes)?,
                    Output::Want(range) => wanted = Some(range),
                    _ => {}
                }
            }
            Ok(wanted)
        })
    }
}

/// A VOD playlist of all cuts (RFC 8216 §4).
fn playlist(
    cuts: &CutList,
    segments: Vec<MediaSegment>,
    packaging: Packaging,
    is_single: bool,
) -> Result<Vec<u8>, Failure> {
    // Microseconds: m3u8-rs would write all the digits of an f32 otherwise, most of them noise.
    m3u8_rs::WRITE_OPT_FLOAT_PRECISION.store(6, Ordering::Relaxed);
    let longest = cuts.cuts.iter().map(|cut| cut.duration.as_seconds().round() as u64).max().unwrap_or(1);
    let playlist = MediaPlaylist {
        // RFC 8216 §7: EXT-X-MAP needs 6, EXT-X-BYTERANGE 4.
        version: Some(match (packaging, is_single) {
            (Packaging::FragmentedMp4, _) => 6,
            (Packaging::TransportStream, true) => 4,
            (Packaging::TransportStream, false) => 3,
        }),
        target_duration: longest.max(1),
        playlist_type: Some(MediaPlaylistType::Vod),
        independent_segments: cuts.cuts.iter().all(|cut| cut.independent),
        end_list: true,
        segments,
        ..MediaPlaylist::default()
    };
    let mut text = Vec::new();
    playlist.write_to(&mut text)?;
    Ok(text)
}
