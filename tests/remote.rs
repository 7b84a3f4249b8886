//! Recordings kept elsewhere: read once, remembered, gone, replaced, out of reach.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::fs;

use playback_service::domain::{CameraId, TimeRange};
use playback_service::error::Kind;
use playback_service::playback::ports::{Indexes, Objects, Part, Recordings};
use reqwest::StatusCode;
use standins::{Fault, StorageService, Times};
use support::remote::Platform;
use support::{CAMERA, Server, Setup, fragmented, progressive, sample, samples};

fn camera() -> CameraId {
    CAMERA.parse().unwrap()
}

fn minute() -> Vec<u8> {
    fs::read(sample()).unwrap()
}

#[tokio::test]
async fn an_object_is_read_once_for_all_who_ask_and_remembered() {
    let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
    let remote = platform.remote(work_dir.path());
    let footage = remote.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap();
    assert_eq!(platform.origin.requests(), 0, "nothing is read to list");
    let key = &footage.recordings[0].key;
    let asked = futures::future::join_all((0..8).map(|_| remote.media(key))).await;
    assert!(asked.iter().all(Result::is_ok));
    assert_eq!(platform.origin.requests(), 2, "its head, and the rest");
    assert_eq!(platform.origin.sent(), minute().len() as u64);

    let again = platform.remote(work_dir.path());
    assert_eq!(again.media(key).await.unwrap(), asked.into_iter().next().unwrap().unwrap());
    assert_eq!(platform.origin.requests(), 2, "a restart reads nothing again");
    let footage = again.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap();
    assert!(footage.recordings[0].extent.is_some() && footage.recordings[1].extent.is_none());
}

#[tokio::test]
async fn an_index_that_is_remembered_wins_over_a_grid_after_a_restart() {
    let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
    let keys: Vec<_> = platform.rows.0.lock().unwrap().iter().map(|row| row.key.clone()).collect();
    platform.remote(work_dir.path()).media(&keys[1]).await.unwrap();

    let again = platform.remote(work_dir.path());
    let grids = async || {
        let footage = again.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap();
        let extents = footage.recordings.iter().map(|recording| recording.extent.clone());
        extents.map(|extent| extent.map(|extent| extent.grid.is_some())).collect::<Vec<_>>()
    };
    assert_eq!(grids().await, [None; 5]);
    again.learn(&keys[0]).await.unwrap();
    let planned = Some(true);
    assert_eq!(grids().await, [planned, None, planned, planned, planned], "whoever plays it loads its index");
    platform.origin.forget();
    again.learn(&keys[1]).await.unwrap();
    assert_eq!(platform.origin.requests(), 0);
    assert_eq!(grids().await, [planned, Some(false), planned, planned, planned]);
}

#[tokio::test]
async fn of_mp4_only_the_tables_are_read() {
    for (make, most) in [(progressive as fn(&[u8]) -> Vec<u8>, 700_000), (fragmented, u64::MAX)] {
        let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
        let bytes = make(&minute());
        let key = platform.add("10-00-00", 60, &bytes);
        let media = platform.remote(work_dir.path()).media(&key).await.unwrap();
        assert_eq!(media.cuts().len(), 10);
        let indexed = platform.metrics.indexed_bytes.get();
        assert!(indexed <= most.min(bytes.len() as u64 * 2), "{indexed} of {}", bytes.len());
    }
}

#[tokio::test]
async fn what_is_gone_is_a_gap_with_a_name() {
    let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
    let remote = platform.remote(work_dir.path());
    let footage = remote.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap();
    let gone = &footage.recordings[1].key;
    let bytes = fs::read(samples().join(&*gone.object)).unwrap();
    platform.origin.remove(&gone.object);
    for _ in 0..2 {
        assert_eq!(remote.media(gone).await.unwrap_err().kind(), &Kind::Gone);
    }
    assert_eq!(platform.origin.requests(), 1, "it is not asked for again");
    let footage = remote.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap();
    assert_eq!(footage.recordings.len(), 4);
    assert_eq!((footage.unreadable.len(), &footage.unreadable[0].id), (1, &gone.id));
    assert!(footage.unreadable[0].detail.contains("no longer there"), "{:?}", footage.unreadable);

    platform.origin.put(&gone.object, bytes);
    platform.clock.advance(301);
    assert!(remote.media(gone).await.is_ok(), "after a while it is asked for again");
    assert_eq!(remote.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap().recordings.len(), 5);
}

#[tokio::test]
async fn what_is_no_media_is_a_gap_with_a_name() {
    let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
    let key = platform.add("10-00-00", 60, &[b'x'; 100_000]);
    platform.add("10-01-00", 60, &minute());
    let remote = platform.remote(work_dir.path());
    assert_eq!(remote.media(&key).await.unwrap_err().kind(), &Kind::BadUpstream);
    let footage = remote.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap();
    assert!(footage.unreadable[0].detail.contains("not MPEG-TS"), "{:?}", footage.unreadable);
    assert_eq!(footage.recordings.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_away_says_nothing_of_recordings() {
    let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
    let remote = platform.remote(work_dir.path());
    let footage = remote.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap();
    platform.origin.stop();
    assert_eq!(remote.media(&footage.recordings[0].key).await.unwrap_err().kind(), &Kind::UpstreamDown);
    platform.origin.resume();
    assert!(remote.media(&footage.recordings[0].key).await.is_ok());
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_no_gap() {
    let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
    let key = platform.add("10-00-00", 60, &minute());
    let remote = platform.remote(work_dir.path());
    platform.origin.faults().always(Fault::s3(403, "AccessDenied"));
    assert_eq!(remote.media(&key).await.unwrap_err().kind(), &Kind::BadUpstream);
    let error = remote.overlapping(&camera(), TimeRange::ALWAYS).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(error.detail().contains("AccessDenied"), "{error}");
    platform.origin.faults().clear();
    platform.clock.advance(31);
    assert!(remote.media(&key).await.is_ok());
}

#[tokio::test]
async fn what_is_replaced_is_learned_anew() {
    let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
    let key = platform.add("10-00-00", 60, &minute());
    let remote = platform.remote(work_dir.path());
    let media = remote.media(&key).await.unwrap();
    platform.origin.put(&key.object, minute());
    let lost = remote.open(&key, Part::Range(0..188), media.origin()).await.unwrap_err();
    assert_eq!(lost.kind(), &Kind::Gone);
    let media = remote.media(&key).await.unwrap();
    remote.open(&key, Part::Range(0..188), media.origin()).await.unwrap();
    let again = platform.remote(work_dir.path()).media(&key).await.unwrap();
    assert_eq!(again.origin(), media.origin(), "what was remembered is the new one");
}

#[tokio::test]
async fn what_breaks_off_is_read_to_its_end() {
    let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
    let key = platform.add("10-00-00", 60, &minute());
    let whole = platform.remote(work_dir.path()).media(&key).await.unwrap();
    platform.origin.faults().on("", Times::Next(3), Fault::CutAfter(300_000));
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(platform.remote(elsewhere.path()).media(&key).await.unwrap(), whole);
}

#[tokio::test]
async fn plays_as_from_a_directory() {
    let (local, _work_dir) = Server::over_samples().await;
    let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
    let (wired, directory) = (std::sync::Arc::new(platform), work_dir.path().to_owned());
    let platform = std::sync::Arc::clone(&wired);
    let wire = Box::new(move |ports| wired.wired(ports, &directory));
    let setup =
        Setup { wire: Some(wire), ..Setup::with(&["--cache-memory-bytes=0", "--cache-disk-bytes=0"]) };
    let remote = Server::start(&samples(), work_dir.path(), setup).await;

    let range = ("10:00:30", "10:08:30");
    let here = local.open(CAMERA, range.0, range.1).await;
    let there = remote.open(CAMERA, range.0, range.1).await;
    assert_eq!(there.durations().await, here.durations().await);
    for index in 0..here.durations().await.len() {
        assert!(there.segment(index).await == here.segment(index).await, "segment {index}");
    }

    // Nobody has read a recording as a whole, but all of some has been played.
    let exact = |answer: &serde_json::Value| -> Vec<bool> {
        answer["recordings"].as_array().unwrap().iter().map(|one| one["exact"].as_bool().unwrap()).collect()
    };
    assert_eq!(exact(&there.answer), [false; 5]);
    let learned = remote.open(CAMERA, range.0, range.1).await;
    let learned_exactly = exact(&learned.answer);
    assert!(
        !learned_exactly[0] && !learned_exactly[4],
        "of these only parts were played: {learned_exactly:?}"
    );
    assert!(learned_exactly.contains(&true), "{learned_exactly:?}");
    assert_eq!(learned.durations().await, here.durations().await);

    platform.origin.faults().on("", Times::Next(1), Fault::CutAfter(100_000));
    assert!(there.segment(0).await == here.segment(0).await, "a break in the middle is not seen");
    platform.origin.remove(&format!("{CAMERA}/2026/03/14/10-00-00.ts"));
    assert_eq!(remote.get(&there.segment_path(0)).await.status(), StatusCode::GONE);
    let again = remote.open(CAMERA, range.0, range.1).await;
    assert!(again.answer["left_out"].to_string().contains("no longer there"), "{}", again.answer);
    platform.origin.stop();
    assert_eq!(remote.get(&again.segment_path(0)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_whole_way_from_the_storage_service() {
    for deployed in [false, true] {
        let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
        let storage = if deployed { StorageService::start_deployed() } else { StorageService::start() };
        storage.sign_with(platform.origin.signer());
        for row in platform.rows.0.lock().unwrap().iter() {
            storage.add(standins::Row::of(CAMERA, &row.start.to_rfc3339(), 60));
        }
        // Unsigned at the stand-in, which knows signatures of its own only: the bucket's are shown to a real server elsewhere.
        platform.origin.behave(|behaviour| behaviour.only_signed = !deployed);
        let (url, endpoint) = (storage.url(), platform.origin.url());
        let endpoint = format!("--minio-endpoint={endpoint}");
        let storage_url = format!("--storage-service-url={url}");
        let bucket = [&endpoint, "--minio-access-key=them", "--minio-secret-key=5ecret"];
        let arguments = [&[storage_url.as_str()][..], if deployed { &bucket } else { &[] }].concat();
        let server = Server::start(&samples(), work_dir.path(), Setup::with(&arguments)).await;
        let session = server.open(CAMERA, "10:00:30", "10:08:30").await;
        assert_eq!(session.answer["segment_ids"].as_array().unwrap().len(), 5, "{}", session.answer);
        assert!(!session.segment(0).await.is_empty());
        let health = server.get_json("/health").await;
        assert_eq!(
            (&health["upstreams"]["objects"], &health["upstreams"]["storage"]),
            (&"up".into(), &"up".into())
        );
        for text in [session.answer.to_string(), server.get("/metrics").await.text().await.unwrap()] {
            assert!(!text.contains("X-Amz") && !text.contains("5ecret"), "{text}");
        }
    }
}
