//! MP4: recordings that are MP4 files, and sessions that go out as fragmented MP4.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::time::Duration;

use chrono::Utc;
use reqwest::StatusCode;
use serde_json::Value;
use support::{API, CAMERA, Directory, Server, Session, Setup, fragmented, progressive, sample, set_age};

/// Three minutes, each the sample: as it is, as an MP4 file, and in fragments.
fn side_by_side() -> Directory {
    let source = fs::read(sample()).unwrap();
    let directory = Directory::with(&["cam/2026/03/14/10-00-00.ts"]);
    directory.add("cam/2026/03/14/10-01-00.mp4", &progressive(&source));
    directory.add("cam/2026-03-14_10-02-00-000000.mp4", &fragmented(&source));
    directory
}

/// What a transport stream carries per PID, without packets, PES headers and the zeros between NAL units.
fn payloads(segments: &[Vec<u8>]) -> [Vec<u8>; 2] {
    let mut payloads = [Vec::new(), Vec::new()];
    for packet in segments.iter().flat_map(|segment| segment.chunks(188)) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        let payload = match packet[3] & 0x30 {
            0x10 => &packet[4..],
            0x30 => &packet[5 + usize::from(packet[4])..],
            _ => continue,
        };
        let is_start = packet[1] & 0x40 != 0;
        let payload = if is_start && pid >= 0x100 && payload.starts_with(&[0, 0, 1]) {
            &payload[9 + usize::from(payload[8])..]
        } else {
            payload
        };
        match pid {
            0x100 => payloads[0].extend_from_slice(payload),
            0x101 => payloads[1].extend_from_slice(payload),
            _ => {}
        }
    }
    payloads
}

/// Slices of pictures in Annex B: NAL unit types 1 and 5 (H.264 table 7-1).
fn slices(bytes: &[u8]) -> Vec<&[u8]> {
    let starts: Vec<usize> =
        (0..bytes.len().saturating_sub(3)).filter(|&at| bytes[at..].starts_with(&[0, 0, 1])).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let units = starts.iter().zip(ends).map(|(&start, end)| &bytes[start + 3..end]);
    let units = units.map(|unit| unit.trim_ascii_end_zeros());
    units.filter(|unit| matches!(unit.first().map(|kind| kind & 0x1f), Some(1 | 5))).collect()
}

trait TrimZeros {
    fn trim_ascii_end_zeros(&self) -> &Self;
}

impl TrimZeros for [u8] {
    fn trim_ascii_end_zeros(&self) -> &Self {
        let end = self.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        &self[..end]
    }
}

async fn segments(session: &Session<'_>, range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    let mut segments = Vec::new();
    for index in range {
        segments.push(session.segment(index).await);
    }
    segments
}

#[tokio::test]
async fn recordings_of_three_kinds_play_as_one_range() {
    let directory = side_by_side();
    let server = Server::over(&directory, Setup::default()).await;
    let session = server.open("cam", "10:00:00", "10:03:00").await;
    assert_eq!(session.answer["segment_ids"].as_array().unwrap().len(), 3);
    assert_eq!(session.answer["gaps"], serde_json::json!([]));
    assert_eq!(session.answer["left_out"], serde_json::json!([]));
    assert_eq!(session.durations().await, [6.0; 30]);
    assert!(!session.playlist().await.contains("EXT-X-MAP"), "H.264 goes out in transport streams");

    let of_ts = payloads(&segments(&session, 0..10).await);
    assert_eq!(slices(&of_ts[0]).len(), 1500);
    for minute in [10..20, 20..30] {
        let of_mp4 = payloads(&segments(&session, minute.clone()).await);
        assert!(slices(&of_mp4[0]) == slices(&of_ts[0]), "{minute:?}");
        assert!(of_mp4[1] == of_ts[1], "{minute:?}");
    }
    // Every segment but the first of a recording has its tables from memory.
    assert_eq!(server.metric("playback_cache_misses_total{cache=\"tables\"}").await, 2.0);
    assert_eq!(server.metric("playback_cache_hits_total{cache=\"tables\"}").await, 18.0);
    assert_eq!(server.metric("playback_damaged_segments_total").await, 0.0);
}

fn only_mp4() -> Setup {
    Setup::with(&["--playback-packaging", "fmp4"])
}

/// The types of the boxes at the top level.
fn boxes(bytes: &[u8]) -> Vec<String> {
    let mut kinds = Vec::new();
    let mut rest = bytes;
    while let [a, b, c, d, kind @ ..] = rest {
        kinds.push(String::from_utf8(kind[..4].to_vec()).unwrap());
        rest = &rest[u32::from_be_bytes([*a, *b, *c, *d]) as usize..];
    }
    kinds
}

/// The length of all media data.
fn media(segments: &[Vec<u8>]) -> usize {
    let mut sum = 0;
    for mut rest in segments.iter().map(Vec::as_slice) {
        while !rest.is_empty() {
            let (this, next) = rest.split_at(u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize);
            sum += if this[4..].starts_with(b"mdat") { this.len() - 8 } else { 0 };
            rest = next;
        }
    }
    sum
}

#[tokio::test]
async fn every_recording_goes_out_as_fragmented_mp4_where_that_is_set() {
    let directory = side_by_side();
    let server = Server::over(&directory, only_mp4()).await;
    let session = server.open("cam", "10:00:57", "10:02:03").await;
    let playlist = session.playlist().await;
    let lines: Vec<&str> = playlist.lines().filter(|line| !line.starts_with("#EXTINF")).collect();
    let maps: Vec<&&str> = lines.iter().filter(|line| line.starts_with("#EXT-X-MAP")).collect();
    assert_eq!(
        maps,
        [
            &"#EXT-X-MAP:URI=\"init/0.mp4\"",
            &"#EXT-X-MAP:URI=\"init/1.mp4\"",
            &"#EXT-X-MAP:URI=\"init/2.mp4\""
        ]
    );
    assert!(playlist.contains("#EXT-X-VERSION:7\n") && playlist.contains("\nsegment/11.m4s\n"), "{playlist}");
    for number in 0..3 {
        let init = server.get(&format!("{}/init/{number}.mp4", session.path)).await;
        assert_eq!(init.headers()["content-type"], "video/mp4");
        assert_eq!(boxes(&init.bytes().await.unwrap()), ["ftyp", "moov"]);
    }
    // The same minute thrice: the same media, however it is kept.
    let whole = server.open("cam", "10:00:00", "10:03:00").await;
    let mut of_minutes = Vec::new();
    for minute in 0..3 {
        let mut minutes_segments = Vec::new();
        for index in 10 * minute..10 * (minute + 1) {
            let answer = server.get(&format!("{}/segment/{index}.m4s", whole.path)).await;
            assert_eq!(
                (answer.status(), &answer.headers()["content-type"]),
                (StatusCode::OK, &"video/mp4".parse().unwrap())
            );
            minutes_segments.push(answer.bytes().await.unwrap().to_vec());
        }
        assert!(boxes(&minutes_segments[0]).contains(&"moof".to_owned()));
        of_minutes.push(media(&minutes_segments));
    }
    assert!(of_minutes[0] > 100_000);
    assert_eq!(of_minutes, [of_minutes[0]; 3]);
}

#[tokio::test]
async fn what_a_segment_is_packed_into_is_part_of_its_name() {
    let (packets, _one) = Server::over_samples().await;
    let work_dir = tempfile::tempdir().unwrap();
    let mp4 = Server::start(&support::samples(), work_dir.path(), only_mp4()).await;
    let of_packets = packets.open(CAMERA, "10:00:00", "10:01:00").await;
    let of_mp4 = mp4.open(CAMERA, "10:00:00", "10:01:00").await;
    let ts = packets.get(&of_packets.segment_path(0)).await;
    let path = format!("{}/segment/0.m4s", of_mp4.path);
    let m4s = mp4.get(&path).await;
    assert_ne!(ts.headers()["etag"], m4s.headers()["etag"]);
    assert_eq!(m4s.headers()["cache-control"], "private, max-age=3600, immutable");

    let init_path = format!("{}/init/0.mp4", of_mp4.path);
    for path in [&path, &init_path] {
        let url = mp4.url(path);
        let etag = mp4.get(path).await.headers()["etag"].clone();
        let head = mp4.client.head(&url).send().await.unwrap();
        assert_eq!((head.status(), &head.headers()["etag"]), (StatusCode::OK, &etag));
        let known = mp4.client.get(&url).header("if-none-match", &etag).send().await.unwrap();
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    }
    assert_eq!(mp4.get(&of_mp4.segment_path(0)).await.status(), StatusCode::NOT_FOUND);
    for (file, status) in [("1.mp4", 404), ("x.mp4", 400), ("0", 400)] {
        let answer = mp4.get(&format!("{}/init/{file}", of_mp4.path)).await;
        assert_eq!(answer.status().as_u16(), status, "{file}");
    }
    let none = packets.get(&format!("{}/init/0.mp4", of_packets.path)).await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
}

async fn listed(server: &Server) -> Value {
    server.read_all().await;
    server.get_json(&format!("{API}/cameras/cam/recordings")).await
}

#[tokio::test]
async fn a_fragmented_file_that_is_still_written_plays_to_its_last_whole_gop() {
    let bytes = fragmented(&fs::read(sample()).unwrap());
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    let directory = Directory::with(&["cam/2026-03-14-10-00-00.ts"]);
    let growing = directory.root().join("cam/2026-03-14-10-01-00.mp4");
    fs::write(&growing, half).unwrap();
    let server = Server::over(&directory, Setup { now: Some(Utc::now()), ..Setup::default() }).await;

    let session = server.open("cam", "10:00:55", "10:02:00").await;
    let durations = session.durations().await;
    let length: f64 = durations.iter().sum();
    assert!((length - 6.0) % 2.0 < 1e-6 && (18.0..36.0).contains(&length), "{durations:?}");
    assert_eq!(session.answer["left_out"], serde_json::json!([]), "what is not there yet is no damage");
    let sent = segments(&session, 0..durations.len()).await;
    assert_eq!(server.metric("playback_damaged_segments_total").await, 0.0);

    File::options().append(true).open(&growing).unwrap().write_all(rest).unwrap();
    let again = listed(&server).await;
    assert_eq!(again["recordings"][1]["growing"], true);
    assert!(segments(&session, 0..durations.len()).await == sent, "who plays keeps the bytes");

    set_age(&growing, Duration::from_secs(60));
    server.recordings.walk().await;
    let whole = server.open("cam", "10:00:55", "10:02:00").await;
    assert_eq!(whole.durations().await.iter().sum::<f64>(), 66.0);
    assert!(whole.segment(1).await == sent[1], "what was complete then is the same now");
}

#[tokio::test]
async fn a_file_without_tables_waits_until_it_has_them() {
    let directory = Directory::with(&["cam/2026-03-14-10-00-00.ts"]);
    let whole = progressive(&fs::read(sample()).unwrap());
    let path = directory.root().join("cam/2026-03-14-10-01-00.mp4");
    fs::write(&path, &whole[..5000]).unwrap();
    let server = Server::over(&directory, Setup { now: Some(Utc::now()), ..Setup::default() }).await;
    let begun = listed(&server).await;
    assert_eq!(begun["recordings"].as_array().unwrap().len(), 1);
    assert_eq!(begun["unreadable"][0]["id"], "cam/2026-03-14-10-01-00.mp4");

    fs::write(&path, &whole).unwrap();
    set_age(&path, Duration::from_secs(60));
    let complete = listed(&server).await;
    assert_eq!(complete["recordings"].as_array().unwrap().len(), 2);
    assert_eq!(complete["unreadable"], serde_json::json!([]));
}

#[tokio::test]
async fn an_mp4_recording_that_is_gone_is_410() {
    let directory = side_by_side();
    let server = Server::over(&directory, Setup::default()).await;
    let session = server.open("cam", "10:01:00", "10:02:00").await;
    session.segment(0).await;
    fs::remove_file(directory.root().join("cam/2026/03/14/10-01-00.mp4")).unwrap();
    // What is kept is sent for as long as nobody has to look whether the recording is still there.
    server.clock.advance(61);
    assert_eq!(server.get(&session.segment_path(0)).await.status(), StatusCode::GONE);
}
