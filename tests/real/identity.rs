//! What a session plays is what was recorded: every access unit from the first random access point on exactly once, bit
//! for bit, in order - judged by ffmpeg, on both sides.

use std::path::Path;

use mpeg2ts::ts::{ReadTsPacket, TsPacketReader, TsPayload};
use tempfile::TempDir;

use crate::clips::{CLIPS, Clip, Clips, START, samples};
use crate::service::{Service, Session};
use crate::tools::{Frame, frames, probe, run};

/// Ten seconds on the 90 kHz clock: where the output of a recording begins.
const ORIGIN: i64 = 900_000;

#[test]
fn every_access_unit_of_every_kind_of_clip_arrives_once() {
    let clips = Clips::make();
    let service = Service::start(clips.directory.path());
    for clip in CLIPS {
        let session = service.open(clip.name, START, "2026-02-03T04:06:00Z");
        let segments = service.segments(&session);
        assert_eq!(session.is_mp4(), clip.name == "hevc", "{}", clip.name);
        if session.is_mp4() {
            let init = service.initialization(&session, 0);
            check_mp4(clip, &clips.file(clip), &session, &[&[init][..], &segments].concat());
        } else {
            check(clip, &clips.file(clip), &session, &segments);
        }
    }
}

#[test]
fn every_access_unit_of_the_samples_arrives_once() {
    let service = Service::start(&samples());
    for (camera, files) in [
        ("cam-001-entrance", &["10-00-00", "10-01-00", "10-02-00", "10-07-00", "10-08-00"][..]),
        ("cam-002-yard", &["10-00-00", "10-01-00", "10-05-00", "10-07-00"]),
    ] {
        let session = service.open(camera, "2026-03-14T10:00:00Z", "2026-03-14T10:10:00Z");
        let segments = service.segments(&session);
        // One stretch of the playlist per recording.
        let mut starts: Vec<usize> = session
            .playlist
            .segments
            .iter()
            .enumerate()
            .filter(|(_, s)| s.discontinuity)
            .map(|(n, _)| n)
            .collect();
        starts.insert(0, 0);
        assert_eq!(starts.len(), files.len());
        starts.push(segments.len());
        for (file, range) in files.iter().zip(starts.windows(2)) {
            let source = samples().join(camera).join("2026/03/14").join(format!("{file}.ts"));
            let made = joined(&segments[range[0]..range[1]]);
            for stream in ["v:0", "a:0"] {
                same_frames(
                    camera,
                    stream,
                    &frames(&source, stream),
                    &frames(&made.path().join("joined.ts"), stream),
                );
            }
        }
    }
}

fn check(clip: &Clip, source: &Path, session: &Session, segments: &[Vec<u8>]) {
    let name = clip.name;
    assert!(segments.len() > 1, "{name}: {} segments", segments.len());
    let directory = joined(segments);
    let whole = directory.path().join("joined.ts");
    if clip.has_video {
        let (source, made) = (frames(source, "v:0"), frames(&whole, "v:0"));
        same_frames(name, "video", &source, &made);
        assert_eq!(made[0].pts, ORIGIN, "{name}: zero is at 10 s");
        exact_durations(name, session, segments, &made);
    }
    if clip.has_audio {
        match clip.name {
            // LATM goes out as ADTS: other bytes around the same sound.
            "latm" => assert_eq!(samples_of(source), samples_of(&whole), "{name}: decoded sound"),
            _ => same_frames(name, "audio", &frames(source, "a:0"), &frames(&whole, "a:0")),
        }
    }
    for (number, segment) in segments.iter().enumerate() {
        let what = format!("{name}, segment {number}");
        let file = directory.path().join(format!("{number}.ts"));
        std::fs::write(&file, segment).unwrap();
        strict(&what, segment, clip.has_video);
        if clip.has_video {
            let first = &probe(
                &file,
                &["-select_streams", "v:0", "-show_entries", "packet=flags", "-read_intervals", "%+#1"],
            );
            assert!(first[0].starts_with('K'), "{what} begins with {first:?}");
        } else {
            probe(&file, &["-show_entries", "stream=codec_name"]);
        }
    }
}

/// Hashes of the decoded frames of sound.
fn samples_of(file: &Path) -> Vec<String> {
    let arguments = ["-v", "error", "-i", file.to_str().unwrap(), "-map", "0:a:0", "-f", "framehash", "-"];
    let rows = String::from_utf8(run("ffmpeg", &arguments).stdout).unwrap();
    let hash = |row: &str| row.rsplit(',').next().unwrap_or_default().trim().to_owned();
    rows.lines().filter(|row| !row.starts_with('#')).map(hash).collect()
}

/// H.265: the same pictures, packed otherwise, at the same times; the sound bit for bit. `file` is all of a session.
fn check_mp4(clip: &Clip, source: &Path, session: &Session, file: &[Vec<u8>]) {
    let directory = TempDir::new().unwrap();
    let whole = directory.path().join("joined.mp4");
    std::fs::write(&whole, file.concat()).unwrap();
    let (recorded, made) = (frames(source, "v:0"), frames(&whole, "v:0"));
    let times = |frames: &[Frame]| frames.iter().map(|frame| frame.pts - frames[0].pts).collect::<Vec<_>>();
    assert_eq!(times(&made), times(&recorded), "{}", clip.name);
    assert_eq!(made[0].pts, ORIGIN, "{}: zero is at 10 s", clip.name);
    let hashes = |file: &Path| frames(file, "a:0").into_iter().map(|frame| frame.hash).collect::<Vec<_>>();
    assert_eq!(hashes(&whole), hashes(source), "{}: sound", clip.name);
    // Players read it from its playlist, as many pictures as there are.
    let count = ["-count_packets", "-select_streams", "v:0", "-show_entries", "stream=nb_read_packets"];
    // Once for the program, once for its stream.
    let counted = probe(&session.playlist_url, &count);
    assert_eq!(counted.first(), Some(&recorded.len().to_string()), "{counted:?}");
}

/// The same access units in the same order, and all times moved by the same amount.
pub(crate) fn same_frames(name: &str, what: &str, source: &[Frame], made: &[Frame]) {
    assert!(!source.is_empty(), "{name}: no {what}");
    assert_eq!(source.len(), made.len(), "{name}: number of {what} frames");
    let wrap = 1i64 << 33;
    let shift = made[0].pts - source[0].pts;
    for (number, (source, made)) in source.iter().zip(made).enumerate() {
        assert_eq!(source.hash, made.hash, "{name}: {what} frame {number}");
        let moved = (made.pts - source.pts - shift).rem_euclid(wrap);
        // ffmpeg counts audio on from the first frame of a PES in its own rounding.
        assert!(
            moved.min(wrap - moved) <= 1,
            "{name}: {what} frame {number} at {} instead of {}",
            made.pts,
            source.pts + shift
        );
    }
}

/// `EXTINF` is the time from random access point to random access point; the last one ends with the last picture.
fn exact_durations(name: &str, session: &Session, segments: &[Vec<u8>], made: &[Frame]) {
    let mut starts: Vec<i64> = segments.iter().map(|segment| first_video_pts(segment)).collect();
    let times: Vec<i64> = {
        let mut times: Vec<i64> = made.iter().map(|frame| frame.pts).collect();
        times.sort_unstable();
        times
    };
    let picture = times[1] - times[0];
    starts.push(times.last().unwrap() + picture);
    for (number, pair) in starts.windows(2).enumerate() {
        let said = f64::from(session.playlist.segments[number].duration);
        let is = (pair[1] - pair[0]) as f64 / 90_000.0;
        assert!((said - is).abs() < 2e-5, "{name}: EXTINF {said} of segment {number}, which lasts {is}");
    }
}

pub(crate) fn first_video_pts(segment: &[u8]) -> i64 {
    let mut reader = TsPacketReader::new(segment);
    while let Some(packet) = reader.read_ts_packet().unwrap() {
        if let Some(TsPayload::PesStart(pes)) = packet.payload
            && pes.header.stream_id.is_video()
        {
            return pes.header.pts.unwrap().as_u64() as i64;
        }
    }
    panic!("no video");
}

/// The strict reader takes all of it; PAT and PMT come first, then the start of a random access point, and no audio before.
fn strict(what: &str, segment: &[u8], has_video: bool) {
    let mut reader = TsPacketReader::new(segment);
    let mut kinds = Vec::new();
    while let Some(packet) = reader.read_ts_packet().unwrap_or_else(|error| panic!("{what}: {error}")) {
        kinds.push(match packet.payload {
            Some(TsPayload::Pat(_)) => "PAT",
            Some(TsPayload::Pmt(_)) => "PMT",
            Some(TsPayload::PesStart(pes)) if pes.header.stream_id.is_video() => "video",
            Some(TsPayload::PesStart(_)) => "audio",
            Some(TsPayload::PesContinuation(_)) => "more",
            // A clock reference alone.
            None => continue,
            other => panic!("{what}: {other:?}"),
        });
    }
    assert_eq!(kinds[..3], ["PAT", "PMT", if has_video { "video" } else { "audio" }], "{what}");
}

fn joined(segments: &[Vec<u8>]) -> TempDir {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("joined.ts"), segments.concat()).unwrap();
    directory
}
