//! Segments that are kept, shared while they are made, made ahead; and what happens when too many are asked for.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use playback_service::domain::{Origin, RecordingKey, SessionId};
use playback_service::error::{Error, Kind, Result};
use playback_service::playback::Ports;
use playback_service::playback::ports::{Object, Objects, Part};
use playback_service::playback::segment::Served;
use remux::Packaging;
use reqwest::StatusCode;
use serde_json::Value;
use support::{API, CAMERA, Directory, Server, Session, Setup, eventually};
use tempfile::TempDir;
use tokio::sync::Semaphore;

/// The bytes of recordings, in pieces of 64 KiB that the tests hand out.
#[derive(Debug)]
struct Source {
    inner: Arc<dyn Objects>,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    pieces: Semaphore,
    /// Opened to be read, and opened to see that they are there.
    reads: AtomicUsize,
    looks: AtomicUsize,
    open: AtomicUsize,
    fails: Mutex<Option<Error>>,
}

impl Gate {
    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn open_now(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    fn let_through(&self) {
        self.pieces.add_permits(100_000);
    }
}

/// Counts what is open.
struct Opened(Arc<Gate>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

const PIECE: usize = 64 << 10;

impl Objects for Source {
    fn open<'a>(
        &'a self,
        recording: &'a RecordingKey,
        part: Part,
        known: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Object>> {
        let is_look = matches!(&part, Part::Range(range) if range.end - range.start == 1);
        async move {
            let counter = if is_look { &self.gate.looks } else { &self.gate.reads };
            counter.fetch_add(1, Ordering::SeqCst);
            let object = self.inner.open(recording, part, known).await?;
            self.gate.open.fetch_add(1, Ordering::SeqCst);
            let guard = Opened(Arc::clone(&self.gate));
            let pieces = object.bytes.flat_map(|piece| {
                let piece = piece.unwrap();
                stream::iter(piece.chunks(PIECE).map(Bytes::copy_from_slice).collect::<Vec<_>>())
            });
            let bytes = stream::unfold((Box::pin(pieces), guard), |(mut pieces, guard)| async move {
                let piece = pieces.next().await?;
                guard.0.pieces.acquire().await.unwrap().forget();
                let failure = guard.0.fails.lock().unwrap().clone();
                Some((failure.map_or(Ok(piece), Err), (pieces, guard)))
            });
            Ok(Object { bytes: bytes.boxed(), ..object })
        }
        .boxed()
    }
}

/// A service over the samples whose source gives `pieces` pieces until more are let through.
async fn gated(pieces: usize, arguments: &[&str]) -> (Server, Arc<Gate>, TempDir) {
    let work_dir = tempfile::tempdir().unwrap();
    let gate = Arc::new(Gate {
        pieces: Semaphore::new(pieces),
        reads: AtomicUsize::default(),
        looks: AtomicUsize::default(),
        open: AtomicUsize::default(),
        fails: Mutex::default(),
    });
    let handed = Arc::clone(&gate);
    let wire = move |ports: Ports| {
        let source = Source { inner: Arc::clone(&ports.objects), gate: handed };
        Ports { objects: Arc::new(source), ..ports }
    };
    let setup = Setup { wire: Some(Box::new(wire)), ..kept(arguments) };
    let server = Server::start(&support::samples(), work_dir.path(), setup).await;
    (server, gate, work_dir)
}

const ALL: usize = 100_000;

fn id_of(session: &Session<'_>) -> SessionId {
    SessionId::parse(session.path.rsplit('/').next().unwrap()).unwrap()
}

async fn try_segment(server: &Server, session: &Session<'_>, index: u32) -> Result<Served> {
    let segment = server.playback().segment(id_of(session), index, Packaging::TransportStream).await?;
    Ok(segment.body)
}

async fn rest(body: Served) -> Result<Vec<u8>> {
    let frames: Vec<Bytes> = body.try_collect().await?;
    Ok(frames.concat())
}

/// A segment as it is made without any of this.
async fn expected(index: u32) -> Vec<u8> {
    made_plainly(index, &[]).await
}

async fn made_plainly(index: u32, arguments: &[&str]) -> Vec<u8> {
    let off = ["--cache-memory-bytes=0", "--cache-inflight-bytes=0"];
    let arguments: Vec<&str> = off.iter().chain(arguments).copied().collect();
    let (server, _gate, _work_dir) = gated(ALL, &arguments).await;
    let session = server.open(CAMERA, "10:00:00", "10:02:00").await;
    session.segment(index as usize).await
}

/// Segments are kept in memory unless `arguments` say otherwise; of files they are not by default.
fn kept(arguments: &[&str]) -> Setup {
    let is_told = arguments.iter().any(|argument| argument.starts_with("--cache-memory-bytes"));
    let memory = (!is_told).then_some("--cache-memory-bytes=268435456");
    let arguments: Vec<&str> = arguments.iter().copied().chain(memory).collect();
    Setup::with(&arguments)
}

#[tokio::test]
async fn a_kept_segment_is_the_same_and_reads_nothing() {
    let (server, gate, _work_dir) = gated(ALL, &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let expected = expected(3).await;
    assert!(session.segment(3).await == expected);
    let other = server.open(CAMERA, "10:00:00", "10:02:00").await;
    assert!(other.segment(3).await == expected);
    let head = server.client.head(server.url(&other.segment_path(3))).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!((gate.reads(), gate.looks.load(Ordering::SeqCst)), (1, 0));
    assert_eq!(server.metric("playback_cache_hits_total{cache=\"segment_memory\"}").await, 2.0);
    assert_eq!(server.metric("playback_inflight_bytes").await, 0.0);
}

#[tokio::test]
async fn without_a_cache_every_request_reads() {
    let (server, gate, _work_dir) = gated(ALL, &["--cache-memory-bytes=0"]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    assert!(session.segment(0).await == session.segment(0).await);
    assert_eq!(gate.reads(), 2);
}

#[tokio::test]
async fn many_who_ask_at_once_cause_one_read() {
    let (server, gate, _work_dir) = gated(1, &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let requests = (0..20).map(|_| session.segment(2));
    let watch = async {
        eventually("all have come", || async {
            server.metric("playback_coalesced_segments_total").await == 19.0
        })
        .await;
        gate.let_through();
    };
    let (answers, ()) = tokio::join!(join_all(requests), watch);
    let expected = expected(2).await;
    assert!(answers.iter().all(|answer| *answer == expected));
    assert_eq!(gate.reads(), 1);
}

#[tokio::test]
async fn where_the_first_goes_away_another_goes_on() {
    let (server, gate, _work_dir) = gated(1, &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let mut first = try_segment(&server, &session, 1).await.unwrap();
    let second = try_segment(&server, &session, 1).await.unwrap();
    first.next().await.unwrap().unwrap();
    // Both wait; the first one is the one that the source would wake.
    let mut second = tokio::spawn(rest(second));
    assert!(first.next().now_or_never().is_none());
    tokio::task::yield_now().await;
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    gate.let_through();
    assert!(second.await.unwrap().unwrap() == expected(1).await);
    assert_eq!((gate.reads(), gate.open_now()), (1, 0));
}

#[tokio::test]
async fn where_all_go_away_the_source_is_dropped() {
    let (server, gate, _work_dir) = gated(1, &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let readers = join_all((0..3).map(|_| try_segment(&server, &session, 1))).await;
    assert_eq!((gate.reads(), gate.open_now()), (1, 1));
    drop(readers);
    assert_eq!(gate.open_now(), 0);
    assert_eq!(server.playback().flights.budget().used(), 0);
    assert_eq!(server.metric("playback_turns_taken{turn=\"read\"}").await, 0.0);
    assert_eq!(server.metric("playback_turns_taken{turn=\"segment\"}").await, 0.0);
}

#[tokio::test]
async fn a_slow_reader_holds_nobody_up() {
    for arguments in [&[][..], &["--cache-inflight-bytes=0"], &["--cache-max-segment-bytes=50000"]] {
        let (server, gate, _work_dir) = gated(ALL, arguments).await;
        let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
        let mut slow = try_segment(&server, &session, 4).await.unwrap();
        let mut begun = slow.next().await.unwrap().unwrap().to_vec();
        let expected = expected(4).await;
        assert!(session.segment(4).await == expected);
        begun.extend(rest(slow).await.unwrap());
        assert!(begun == expected, "{arguments:?}");
        assert_eq!(gate.reads(), if arguments.is_empty() { 1 } else { 2 }, "{arguments:?}");
        assert_eq!(server.playback().flights.budget().used(), 0);
    }
}

#[tokio::test]
async fn who_falls_behind_goes_on_alone() {
    // Enough to join at the beginning, not enough to keep it all.
    const MINUTES: &str = "--segment-target-seconds=60";
    let (server, gate, _work_dir) = gated(1, &[MINUTES, "--cache-max-segment-bytes=200000"]).await;
    let session = server.open(CAMERA, "10:00:00", "10:02:00").await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(try_segment(&server, &session, 0).await.unwrap());
    }
    let mut slow = bodies.pop().unwrap();
    let mut begun = slow.next().await.unwrap().unwrap().to_vec();
    gate.let_through();
    let expected = made_plainly(0, &[MINUTES]).await;
    assert!(expected.len() > 600_000, "{}", expected.len());
    for body in bodies {
        assert!(rest(body).await.unwrap() == expected);
    }
    begun.extend(rest(slow).await.unwrap());
    assert!(begun == expected);
    assert_eq!(gate.reads(), 3, "each of the two who fell behind read once more");
}

#[tokio::test]
async fn an_error_reaches_all_and_stays_with_nobody() {
    let (server, gate, _work_dir) = gated(0, &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let readers = join_all((0..5).map(|_| try_segment(&server, &session, 1))).await;
    let late = Error::new(Kind::UpstreamLate, "The bucket did not answer.");
    *gate.fails.lock().unwrap() = Some(late.clone());
    gate.let_through();
    for reader in readers {
        assert_eq!(rest(reader.unwrap()).await, Err(late.clone()));
    }
    *gate.fails.lock().unwrap() = None;
    assert!(session.segment(1).await == expected(1).await);
    assert_eq!(gate.reads(), 2);
}

#[tokio::test]
async fn what_is_deleted_stops_playing() {
    let directory = Directory::with(&["cam/2026-03-14-10-00-00.ts"]);
    let server = Server::over(&directory, kept(&[])).await;
    let session = server.open("cam", "10:00:00", "10:01:00").await;
    let segment = session.segment(0).await;
    session.segment(1).await;
    fs::remove_file(directory.root().join("cam/2026-03-14-10-00-00.ts")).unwrap();
    server.clock.advance(59);
    assert!(session.segment(0).await == segment);
    server.clock.advance(1);
    assert_eq!(server.get(&session.segment_path(0)).await.status(), StatusCode::GONE);
    let stats = stats(&server).await;
    assert_eq!((&stats["tiers"][0]["entries"], &stats["tiers"][0]["bytes"]), (&0.into(), &0.into()));
    server.clock.advance(-60);
    assert_eq!(server.get(&session.segment_path(1)).await.status(), StatusCode::GONE);
}

#[tokio::test]
async fn what_is_still_there_is_looked_at_once_in_a_while() {
    let (server, gate, _work_dir) = gated(ALL, &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    session.segment(0).await;
    for _ in 0..3 {
        server.clock.advance(40);
        session.segment(0).await;
    }
    assert_eq!((gate.reads(), gate.looks.load(Ordering::SeqCst)), (1, 1));
}

async fn stats(server: &Server) -> Value {
    server.get_json(&format!("{API}/cache/stats")).await
}

#[tokio::test]
async fn a_restart_finds_what_is_on_the_disk() {
    let (server, gate, work_dir) = gated(ALL, &["--cache-disk-bytes=100000000"]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    eventually("the disk is ready", || async { stats(&server).await["tiers"][1]["state"] == "on" }).await;
    let segment = session.segment(3).await;
    assert_eq!(stats(&server).await["tiers"][1]["entries"], 0, "asked for once");
    session.segment(3).await;
    eventually("it is written", || async { stats(&server).await["tiers"][1]["entries"] == 1 }).await;
    assert_eq!(gate.reads(), 1);
    drop(session);

    // Without memory, to see the disk.
    let arguments = ["--cache-disk-bytes=100000000", "--cache-memory-bytes=0"];
    let again = Server::start(&support::samples(), work_dir.path(), Setup::with(&arguments)).await;
    eventually("the disk is ready", || async { stats(&again).await["tiers"][1]["state"] == "on" }).await;
    let session = again.open(CAMERA, "10:00:00", "10:01:00").await;
    assert!(session.segment(3).await == segment);
    let tiers = stats(&again).await["tiers"].take();
    assert_eq!((&tiers[1]["hits"], &tiers[1]["name"]), (&1.into(), &"segment_disk".into()));
    assert_eq!((&tiers[0]["state"], &tiers[0]["reason"]), (&"off".into(), &"CACHE_MEMORY_BYTES is 0".into()));
}

#[tokio::test]
async fn a_file_that_is_damaged_is_made_anew_on_the_way() {
    let work_dir = tempfile::tempdir().unwrap();
    let arguments = ["--cache-disk-bytes=100000000", "--cache-memory-bytes=0"];
    let server = Server::start(&support::samples(), work_dir.path(), Setup::with(&arguments)).await;
    eventually("the disk is ready", || async { stats(&server).await["tiers"][1]["state"] == "on" }).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let segment = session.segment(3).await;
    assert!(session.segment(3).await == segment);
    eventually("it is written", || async { stats(&server).await["tiers"][1]["entries"] == 1 }).await;
    let file = fs::read_dir(work_dir.path().join("segments")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(session.segment(3).await == segment);
    assert_eq!(server.metric("playback_cache_damaged_total").await, 1.0);
}

#[tokio::test]
async fn what_is_still_growing_is_not_kept() {
    let directory = Directory::empty();
    let path = directory.root().join("cam/2026-03-14-10-00-00.ts");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, fs::read(support::sample()).unwrap()).unwrap();
    let server = Server::over(&directory, Setup { now: Some(chrono::Utc::now()), ..kept(&[]) }).await;
    let session = server.open("cam", "10:00:00", "10:01:00").await;
    session.segment(0).await;
    assert_eq!(stats(&server).await["tiers"][0]["entries"], 0);
}

#[tokio::test]
async fn too_many_at_once_are_told_to_come_back() {
    let (server, gate, _work_dir) = gated(1, &["--max-running-segments=1", "--queue-seconds=1"]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let running = try_segment(&server, &session, 0).await.unwrap();
    let refused = server.get(&session.segment_path(1)).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(server.metric("playback_turns_refused_total{turn=\"segment\"}").await, 1.0);
    gate.let_through();
    rest(running).await.unwrap();
    session.segment(1).await;
    // What is in memory needs no turn.
    let _running = try_segment(&server, &session, 2).await.unwrap();
    session.segment(1).await;
}

#[tokio::test]
async fn a_client_that_does_not_read_lets_others_read() {
    let (server, gate, _work_dir) = gated(ALL, &["--max-upstream-reads=1", "--queue-seconds=5"]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let expected = expected(0).await;
    let mut slow = try_segment(&server, &session, 0).await.unwrap();
    let mut begun = slow.next().await.unwrap().unwrap().to_vec();
    session.segment(1).await;
    assert_eq!(gate.open_now(), 0, "the slow one's source is closed");
    begun.extend(rest(slow).await.unwrap());
    assert!(begun == expected);
    assert_eq!(gate.reads(), 3);
}

#[tokio::test]
async fn a_session_that_plays_on_finds_the_next_segment_made() {
    let (server, gate, _work_dir) = gated(ALL, &["--prefetch=on", "--cache-memory-bytes=0"]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    session.segment(3).await;
    session.segment(5).await;
    assert_eq!(gate.reads(), 2, "who jumps about gets nothing ahead");
    session.segment(6).await;
    eventually("the next one is made", || async {
        server.metric("playback_prefetched_segments_total").await == 1.0
    })
    .await;
    assert_eq!(gate.reads(), 4);
    assert!(session.segment(7).await == expected(7).await);
    eventually("and the one after it", || async {
        server.metric("playback_prefetched_segments_total").await == 2.0
    })
    .await;
    assert_eq!(gate.reads(), 5);
    assert!(stats(&server).await["prefetch"]["bytes"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn nothing_is_made_ahead_of_files_or_without_memory() {
    for arguments in [&[][..], &["--prefetch=off"], &["--prefetch=on", "--prefetch-bytes=1000"]] {
        let (server, gate, _work_dir) = gated(ALL, arguments).await;
        let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
        for index in 0..4 {
            session.segment(index).await;
        }
        assert_eq!(gate.reads(), 4, "{arguments:?}");
    }
}
