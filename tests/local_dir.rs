//! Recordings in a directory: what appears, changes, grows, goes away, or was never media.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{API, Directory, Server, Setup, sample, set_age};

const MINUTES: [&str; 3] =
    ["cam/2026-03-14-10-00-00.ts", "cam/2026-03-14-10-01-00.ts", "cam/2026-03-14-10-02-00.ts"];

async fn listed(server: &Server, camera: &str) -> Value {
    server.read_all().await;
    server.get_json(&format!("{API}/cameras/{camera}/recordings")).await
}

fn indexed_bytes(server: &Server) -> u64 {
    server.playback().metrics.indexed_bytes.get()
}

#[tokio::test]
async fn three_layouts_and_a_time_zone() {
    let directory = Directory::with(&[
        "storage/2026/03/14/10-00-00.ts",
        "recorder/2026-03-14-10-00-00.ts",
        "site/mediamtx/2026-03-14_10-00-00-500000.ts",
    ]);
    let server = Server::over(&directory, Setup::with(&["--recordings-timezone", "Europe/Helsinki"])).await;
    for (camera, zero) in [
        ("storage", "2026-03-14T08:00:00Z"),
        ("recorder", "2026-03-14T08:00:00Z"),
        ("site%2Fmediamtx", "2026-03-14T08:00:00.500Z"),
    ] {
        assert_eq!(listed(&server, camera).await["recordings"][0]["zero"], zero, "{camera}");
    }
    server.open("site/mediamtx", "08:00:10", "08:00:20").await;
}

#[tokio::test]
async fn what_cannot_be_played_is_named_and_the_rest_plays() {
    let directory = Directory::with(&MINUTES);
    let torn = &fs::read(sample()).unwrap()[..188 * 4000 + 77];
    directory.add("cam/2026-03-14-10-03-00.ts", torn);
    directory.add("cam/2026-03-14-10-04-00.ts", b"");
    directory.add("cam/2026-03-14-10-05-00.ts", &[b'x'; 100_000]);
    directory.add("cam/2026-03-14-10-06-00.mp4", &[0; 1000]);
    let server = Server::over(&directory, Setup::default()).await;

    let all = listed(&server, "cam").await;
    let unreadable: Vec<&str> =
        all["unreadable"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    let expected = ["04-00.ts", "05-00.ts", "06-00.mp4"].map(|end| format!("cam/2026-03-14-10-{end}"));
    assert_eq!(unreadable, expected);
    assert_eq!(all["unreadable"][0]["detail"], "the file is empty");
    assert!(all["unreadable"][1]["detail"].as_str().unwrap().contains("not MPEG-TS"));
    assert!(all["unreadable"][2]["detail"].as_str().unwrap().contains("not MPEG-TS"));
    assert_eq!(all["recordings"].as_array().unwrap().len(), 4);

    let session = server.open("cam", "10:02:00", "10:07:00").await;
    let left_out = session.answer["left_out"].to_string();
    for part in [
        "10-03-00.ts: ",
        "10-04-00.ts: the file is empty",
        "10-05-00.ts: not MPEG-TS",
        "10-06-00.mp4: not MPEG-TS",
    ] {
        assert!(left_out.contains(part), "{part} is not in {left_out}");
    }
    for index in 0..session.durations().await.len() {
        assert!(!session.segment(index).await.is_empty());
    }

    let nothing = server.try_open("cam", "10:05:00", "10:05:10").await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
    let detail = nothing.json::<Value>().await.unwrap()["detail"].to_string();
    assert!(detail.contains("10-05-00.ts") && detail.contains("not MPEG-TS"), "{detail}");
    assert_eq!(server.metric("playback_recordings_unreadable").await, 3.0);
}

#[tokio::test]
async fn a_session_reads_what_nobody_has_read_and_only_once() {
    let directory = Directory::with(&MINUTES[..1]);
    let (service, _clock) = Setup::default().service(&directory.root(), &directory.work_dir());
    let playback = service.app().playback().clone();
    let body = |number: i64| {
        let start: chrono::DateTime<Utc> = "2026-03-14T10:00:00Z".parse().unwrap();
        let range = playback_service::domain::TimeRange::new(
            start + chrono::TimeDelta::seconds(number),
            start + chrono::TimeDelta::seconds(number + 10),
        );
        playback.open("cam".parse().unwrap(), range.unwrap())
    };
    let opened = futures::future::join_all((0..20).map(body)).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(playback.metrics.indexed_bytes.get(), fs::metadata(sample()).unwrap().len());
}

#[tokio::test]
async fn indexes_are_remembered_across_a_restart() {
    let directory = Directory::with(&MINUTES);
    let size = fs::metadata(sample()).unwrap().len();
    let first = Server::over(&directory, Setup::default()).await;
    let before = listed(&first, "cam").await;
    assert_eq!(indexed_bytes(&first), 3 * size);

    let stored = stored_indexes(&directory.work_dir());
    assert_eq!(stored.len(), 3);
    for file in &stored {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // One is damaged, and one recording was changed: both are read again, the third is not.
    fs::write(&stored[0], b"RMXI nonsense").unwrap();
    let second = Server::over(&directory, Setup::default()).await;
    assert_eq!(listed(&second, "cam").await, before);
    assert_eq!(indexed_bytes(&second), size);
    set_age(&directory.root().join(MINUTES[1]), Duration::from_secs(7200));
    let third = Server::over(&directory, Setup::default()).await;
    listed(&third, "cam").await;
    assert_eq!(indexed_bytes(&third), size);
}

fn stored_indexes(below: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(stored_indexes(&path));
        } else if path.extension().is_some_and(|extension| extension == "idx") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn without_a_directory_to_work_in_it_goes_on() {
    let directory = Directory::with(&MINUTES);
    fs::write(directory.work_dir(), b"a file is in the way").unwrap();
    let server = Server::over(&directory, Setup::default()).await;
    assert_eq!(server.open("cam", "10:00:30", "10:02:30").await.durations().await.len(), 20);
}

#[tokio::test]
async fn new_recordings_appear_and_old_ones_go() {
    let directory = Directory::with(&MINUTES[..1]);
    let server = Server::over(&directory, Setup::default()).await;
    assert_eq!(listed(&server, "cam").await["recordings"].as_array().unwrap().len(), 1);

    directory.add(MINUTES[1], &fs::read(sample()).unwrap());
    // The next walk may be as old as a moment; nothing more is needed for it to be seen.
    server.clock.advance(2);
    let session = server.open("cam", "10:01:10", "10:01:20").await;
    assert_eq!(session.answer["segment_ids"], json!([MINUTES[1]]));

    fs::remove_file(directory.root().join(MINUTES[0])).unwrap();
    assert_eq!(listed(&server, "cam").await["recordings"].as_array().unwrap().len(), 1);
    let gone = server.try_open("cam", "10:00:10", "10:00:20").await.json::<Value>().await.unwrap();
    assert_eq!(gone["nearest"]["before"], Value::Null);
}

#[tokio::test]
async fn links_that_leave_the_directory_are_refused() {
    let directory = Directory::with(&MINUTES[..1]);
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("2026-03-14-10-05-00.ts");
    fs::copy(sample(), &secret).unwrap();
    symlink(&secret, directory.root().join("cam/2026-03-14-10-05-00.ts")).unwrap();
    symlink(outside.path(), directory.root().join("other")).unwrap();
    symlink("2026-03-14-10-00-00.ts", directory.root().join("cam/2026-03-14-10-10-00.ts")).unwrap();
    let server = Server::over(&directory, Setup::default()).await;

    let all = listed(&server, "cam").await;
    assert_eq!(all["unreadable"][0]["id"], "cam/2026-03-14-10-05-00.ts");
    assert_eq!(all["recordings"].as_array().unwrap().len(), 2, "a link that stays inside is followed");
    assert_eq!(server.try_open("other", "10:05:00", "10:05:10").await.status(), StatusCode::NOT_FOUND);
    server.open("cam", "10:10:00", "10:10:10").await.segment(0).await;
}

#[tokio::test]
async fn overlaps_are_shown_once() {
    let directory = Directory::with(&["cam/2026-03-14-10-00-00.ts", "cam/2026-03-14-10-00-45.ts"]);
    directory.add("cam/2026-03-14_10-00-00-000000.ts", &fs::read(sample()).unwrap());
    let server = Server::over(&directory, Setup::default()).await;
    let session = server.open("cam", "10:00:00", "10:02:00").await;
    let played = session.answer["recordings"].as_array().unwrap().clone();
    assert_eq!(played.len(), 2, "the duplicate is dropped: {played:?}");
    // The cuts up to 10:00:57 lie wholly in the first recording.
    assert_eq!(played[1]["start_time"], "2026-03-14T10:00:57Z");
    assert_eq!(played[1]["zero"], "2026-03-14T10:00:45Z");
    assert_eq!(session.durations().await.iter().sum::<f64>(), 60.0 + 48.0);
}

#[tokio::test]
async fn a_recording_that_is_still_written_plays_to_its_last_whole_gop() {
    let bytes = fs::read(sample()).unwrap();
    let (half, rest) = bytes.split_at(bytes.len() / 2 / 188 * 188);
    let directory = Directory::with(&MINUTES[..1]);
    let growing = directory.root().join(MINUTES[1]);
    fs::write(&growing, half).unwrap();
    let server = Server::over(&directory, Setup { now: Some(Utc::now()), ..Setup::default() }).await;

    let session = server.open("cam", "10:00:55", "10:02:00").await;
    let durations = session.durations().await;
    let length: f64 = durations.iter().sum();
    // Six seconds of the first minute, and most of half of the second, in whole GOPs of two seconds: the last cut may get longer.
    assert!((length - 6.0) % 2.0 < 1e-6 && (22.0..36.0).contains(&length), "{durations:?}");
    let playlist = session.playlist().await;
    assert!(playlist.contains("PLAYLIST-TYPE:EVENT") && !playlist.contains("ENDLIST"), "{playlist}");
    let until = session.answer["recordings"][1]["end_time"].clone();
    assert_eq!(session.answer["open_until"], until);
    let mut sent = Vec::new();
    for index in 0..durations.len() {
        sent.push(session.segment(index).await);
    }

    // It goes on: who plays keeps the plan and the bytes.
    File::options().append(true).open(&growing).unwrap().write_all(rest).unwrap();
    let again = listed(&server, "cam").await;
    assert_eq!(again["recordings"][1]["growing"], true);
    assert_eq!(session.durations().await, durations);
    for (index, segment) in sent.iter().enumerate() {
        assert!(session.segment(index).await == *segment, "segment {index}");
    }

    // It is complete: a new session plays all of it.
    set_age(&growing, Duration::from_secs(60));
    server.recordings.walk().await;
    let whole = server.open("cam", "10:00:55", "10:02:00").await;
    assert_eq!(whole.durations().await.iter().sum::<f64>(), 66.0);
    assert_eq!(whole.answer["open_until"], Value::Null);
    assert!(whole.segment(1).await == sent[1], "what was complete then is the same now");

    // Who follows it gets the rest.
    let followed = session.durations().await;
    assert_eq!(followed[..durations.len()], durations);
    assert_eq!(followed.iter().sum::<f64>(), 66.0);
    let ended = session.playlist().await;
    assert!(ended.contains("PLAYLIST-TYPE:EVENT") && ended.contains("ENDLIST"), "{ended}");
    let target =
        |playlist: &str| playlist.lines().find(|line| line.contains("TARGETDURATION")).unwrap().to_owned();
    assert_eq!(target(&ended), target(&playlist));
    for (index, segment) in sent.iter().enumerate() {
        assert!(session.segment(index).await == *segment, "segment {index}");
    }
    assert!(!session.segment(followed.len() - 1).await.is_empty());
}

#[tokio::test]
async fn a_day_of_minutes_is_read_from_what_is_remembered() {
    let directory = Directory::empty();
    let day = directory.root().join("cam/2026/03/14");
    fs::create_dir_all(&day).unwrap();
    let first = directory.add("cam/2026/03/14/00-00-00.ts", &fs::read(sample()).unwrap());
    for minute in 1..120 {
        fs::hard_link(&first, day.join(format!("{:02}-{:02}-00.ts", minute / 60, minute % 60))).unwrap();
    }
    let server = Server::over(&directory, Setup::default()).await;
    listed(&server, "cam").await;
    let read = indexed_bytes(&server);
    let session = server.open("cam", "00:00:03", "02:00:00").await;
    assert_eq!(session.answer["segment_ids"].as_array().unwrap().len(), 120);
    assert_eq!(session.durations().await.len(), 1200);
    assert_eq!(session.answer["gaps"], json!([]));
    assert_eq!(indexed_bytes(&server), read, "to open a session over what is known reads nothing");
}
