//! `remux hls`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use m3u8_rs::{MediaPlaylist, MediaPlaylistType, MediaSegment};
use remux::time::Ticks;
use remux::{Cut, CutList, Index, Output, Packaging, Remuxer};

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
    #[command(flatten)]
    report: ReportOption,
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
    input.show_progress("cutting", input.length());
    for (number, cut) in cuts.cuts.iter().enumerate() {
        let path = arguments.directory.join(segment_name(number));
        write_segment(&mut input, &index, cut, &path).map_err(|error| about(&path)(&error))?;
    }
    std::fs::write(&playlist_path, playlist(&cuts)?).map_err(|error| about(&playlist_path)(&error))?;
    input.hide_progress();
    let layout = index.runs.first().map(|run| &run.layout);
    arguments.report.write(&arguments.input, layout, &index.report, &events)?;
    Ok(conclude(layout, &index.report))
}

fn segment_name(number: usize) -> String {
    format!("segment-{number:05}.ts")
}

fn write_segment(input: &mut Input, index: &Index, cut: &Cut, path: &std::path::Path) -> Result<(), Failure> {
    let layout = Arc::new(index.runs[cut.run].layout.clone());
    let mut remuxer = Remuxer::segment(layout, cut, Packaging::TransportStream);
    let mut sink = Sink::create(path, input)?;
    let mut drain = |remuxer: &mut Remuxer| {
        while let Some(output) = remuxer.poll() {
            if let Output::Bytes(bytes) = output {
                sink.write(bytes)?;
            }
        }
        sink.flush()
    };
    let mut offset = cut.bytes.start;
    while offset < cut.bytes.end && !remuxer.is_complete() {
        let chunk = input.read_at(offset, cut.bytes.end - offset)?;
        if chunk.is_empty() {
            return Err("the recording became shorter while it was read".into());
        }
        let length = chunk.len() as u64;
        remuxer.push(offset, Bytes::from(chunk))?;
        offset += length;
        drain(&mut remuxer)?;
    }
    remuxer.finish()?;
    Ok(drain(&mut remuxer)?)
}

/// A VOD playlist of all cuts (RFC 8216 §4).
fn playlist(cuts: &CutList) -> Result<Vec<u8>, Failure> {
    // Microseconds: m3u8-rs would write all the digits of an f32 otherwise, most of them noise.
    m3u8_rs::WRITE_OPT_FLOAT_PRECISION.store(6, Ordering::Relaxed);
    let segments = cuts.cuts.iter().enumerate().map(|(number, cut)| MediaSegment {
        uri: segment_name(number),
        duration: cut.duration.as_seconds() as f32,
        discontinuity: number > 0 && cut.first,
        ..MediaSegment::default()
    });
    let longest = cuts.cuts.iter().map(|cut| cut.duration.as_seconds().round() as u64).max().unwrap_or(1);
    let playlist = MediaPlaylist {
        version: Some(3),
        target_duration: longest.max(1),
        playlist_type: Some(MediaPlaylistType::Vod),
        independent_segments: cuts.cuts.iter().all(|cut| cut.independent),
        end_list: true,
        segments: segments.collect(),
        ..MediaPlaylist::default()
    };
    let mut text = Vec::new();
    playlist.write_to(&mut text)?;
    Ok(text)
}
