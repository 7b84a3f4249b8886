//! Recordings kept elsewhere that nobody has read: how little of them is read to play them, and what becomes of them.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::fs;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use playback_service::domain::{Origin, RecordingKey};
use playback_service::error::Result;
use playback_service::playback::ports::{Indexes, Object, Objects, Part};
use support::remote::Platform;
use support::{CAMERA, Server, Session, Setup, fragmented, samples};
use tempfile::TempDir;

const NOTHING_KEPT: [&str; 3] = ["--cache-memory-bytes=0", "--cache-disk-bytes=0", "--prefetch-bytes=0"];

/// A service over what the platform has.
async fn serve(platform: &Arc<Platform>) -> (Server, TempDir) {
    serve_from(platform, tempfile::tempdir().unwrap()).await
}

/// One that has read a recording as a whole.
async fn serve_indexed(platform: &Arc<Platform>, key: &RecordingKey) -> (Server, TempDir) {
    let work_dir = tempfile::tempdir().unwrap();
    platform.remote(work_dir.path()).media(key).await.unwrap();
    serve_from(platform, work_dir).await
}

async fn serve_from(platform: &Arc<Platform>, work_dir: TempDir) -> (Server, TempDir) {
    let (wired, directory) = (Arc::clone(platform), work_dir.path().to_owned());
    let wire = Box::new(move |ports| wired.wired(ports, &directory));
    let setup = Setup { wire: Some(wire), ..Setup::with(&NOTHING_KEPT) };
    (Server::start(&samples(), work_dir.path(), setup).await, work_dir)
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(samples().join(name)).unwrap()
}

fn minute(name: &str) -> Vec<u8> {
    sample(&format!("{CAMERA}/2026/03/14/{name}.ts"))
}

/// The same with null packets in between: as many bytes as a camera of today makes of it.
fn stuffed(source: &[u8]) -> Vec<u8> {
    let mut null = [0xff; 188];
    null[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
    source.chunks(188).flat_map(|packet| [packet, &null.repeat(25)].concat()).collect()
}

/// The same for a fragmented file: boxes that mean nothing behind the media.
fn stuffed_fragments(source: &[u8]) -> Vec<u8> {
    let (mut at, mut out) = (0, Vec::new());
    while at < source.len() {
        let size = u32::from_be_bytes(source[at..at + 4].try_into().unwrap()) as usize;
        out.extend(&source[at..at + size]);
        if source[at + 4..at + 8] == *b"mdat" {
            out.extend(400_008u32.to_be_bytes());
            out.extend(b"free");
            out.extend(vec![7; 400_000]);
        }
        at += size;
    }
    out
}

fn exact(session: &Session<'_>) -> Vec<bool> {
    let recordings = session.answer["recordings"].as_array().unwrap();
    recordings.iter().map(|recording| recording["exact"].as_bool().unwrap()).collect()
}

async fn segments(session: &Session<'_>) -> Vec<Vec<u8>> {
    let mut segments = Vec::new();
    for index in 0..session.durations().await.len() {
        segments.push(session.segment(index).await);
    }
    segments
}

/// First and last byte of the reads of an object, in order.
fn reads(platform: &Platform, object: &str) -> Vec<(u64, u64)> {
    let asked = platform.origin.asked().into_iter().filter(|asked| asked.key == object);
    let ranges = asked.filter_map(|asked| asked.range);
    let ranges = ranges.filter_map(|range| {
        let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
        Some((start.parse().ok()?, end.parse().ok()?))
    });
    ranges.collect()
}

#[tokio::test]
async fn of_a_recording_that_looks_like_its_neighbour_only_a_little_head_is_read() {
    let platform = Arc::new(Platform::empty());
    platform.add("10-00-00", 60, &stuffed(&minute("10-00-00")));
    let second = platform.add("10-01-00", 60, &stuffed(&minute("10-01-00")));
    let other = platform.add("10-02-00", 60, &stuffed(&sample("cam-002-yard/2026/03/14/10-00-00.ts")));
    let (server, _work_dir) = serve(&platform).await;
    let session = server.open(CAMERA, "10:00:00", "10:03:00").await;
    assert_eq!(platform.origin.sent_of(&second.object), 0);

    let made = session.segment(15).await;
    let head = reads(&platform, &second.object)[0];
    assert!(head.0 == 0 && head.1 < 1 << 20, "{head:?}; five seconds would be more");
    let reads_on = reads(&platform, &second.object).iter().any(|read| read.0 == head.1 + 1);
    assert!(!reads_on, "{:?}", reads(&platform, &second.object));

    // This one looks different, and more of it is read to see how.
    assert!(!session.segment(25).await.is_empty());
    let first = reads(&platform, &other.object)[0];
    assert!(reads(&platform, &other.object).iter().any(|read| read.0 == first.1 + 1));

    let (indexed, _other_work_dir) = serve_indexed(&platform, &second).await;
    let again = indexed.open(CAMERA, "10:01:00", "10:02:00").await;
    assert_eq!(exact(&again), [true]);
    assert!(again.segment(5).await == made, "the same as with an index");
}

#[tokio::test]
async fn fragments_without_tables_are_found_as_packets_are() {
    let platform = Arc::new(Platform::empty());
    let file = stuffed_fragments(&fragmented(&minute("10-00-00")));
    let key = platform.add("10-00-00", 60, &file);
    let (server, _work_dir) = serve(&platform).await;
    let session = server.open(CAMERA, "10:00:33", "10:01:00").await;
    assert_eq!(exact(&session), [false]);
    let made = segments(&session).await;
    let longest = reads(&platform, &key.object).into_iter().map(|(start, end)| end - start).max().unwrap();
    assert!(longest < file.len() as u64 / 2, "{longest} of {}", file.len());
    let (indexed, _other_work_dir) = serve_indexed(&platform, &key).await;
    let again = indexed.open(CAMERA, "10:00:33", "10:01:00").await;
    assert_eq!(exact(&again), [true]);
    assert!(segments(&again).await == made);
}

/// How long it is.
fn seconds(source: &[u8]) -> i64 {
    let mut indexer = remux::Indexer::new();
    indexer.push(source);
    indexer.finish().unwrap().duration().as_seconds().round() as i64
}

#[tokio::test]
async fn what_has_been_played_from_end_to_end_is_exact() {
    let names = ["cam-001-entrance", "cam-002-yard"].into_iter().flat_map(|camera| {
        let directory = samples().join(camera).join("2026/03/14");
        let files = fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
        let files: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "ts")).collect();
        files
    });
    let mut inexact = Vec::new();
    for file in names {
        let platform = Arc::new(Platform::empty());
        let source = fs::read(&file).unwrap();
        platform.add("10-00-00", seconds(&source), &source);
        let (server, _work_dir) = serve(&platform).await;
        let session = server.open(CAMERA, "10:00:00", "10:10:00").await;
        assert_eq!(exact(&session), [false], "{}", file.display());
        segments(&session).await;
        if exact(&server.open(CAMERA, "10:00:00", "10:10:00").await) != [true] {
            inexact.push(file);
        }
    }
    assert!(inexact.is_empty(), "{inexact:?}");
}

/// How many pictures are in segments: their PES on the first PID.
fn pictures(segments: &[Vec<u8>]) -> usize {
    let starts = |packet: &&[u8]| packet[1] & 0x5f == 0x41 && packet[2] == 0;
    segments.iter().flat_map(|segment| segment.chunks(188)).filter(starts).count()
}

/// A minute, and once more: the clock goes back by a minute in the middle.
fn set_back() -> Vec<u8> {
    let minute = minute("10-00-00");
    stuffed(&[&minute[..], &minute].concat())
}

#[tokio::test]
async fn a_clock_that_is_set_on_the_way_has_the_recording_read() {
    let platform = Arc::new(Platform::empty());
    let key = platform.add("10-00-00", 120, &set_back());
    let (server, _work_dir) = serve(&platform).await;
    let session = server.open(CAMERA, "10:00:00", "10:02:00").await;
    assert_eq!(exact(&session), [false]);
    let made = segments(&session).await;
    assert!(made.iter().all(|segment| !segment.is_empty()));
    let (indexed, _other_work_dir) = serve_indexed(&platform, &key).await;
    let whole = pictures(&segments(&indexed.open(CAMERA, "10:00:00", "10:02:00").await).await);
    let shown = pictures(&made);
    println!("{shown} of {whole} pictures");
    assert!(shown <= whole && shown > whole / 3, "{shown} of {whole}");
    // Somebody has waited for it.
    let again = server.open(CAMERA, "10:00:00", "10:02:00").await;
    assert_eq!(exact(&again), [true, true], "one for each clock");
    assert!(again.playlist().await.contains("#EXT-X-DISCONTINUITY\n"));
    assert_eq!(pictures(&segments(&again).await), whole);
    // Who plays on keeps the list of cuts that the session was opened with.
    assert_eq!(session.durations().await.len(), made.len());
    assert!(pictures(&segments(&session).await) <= whole);
}

/// A server of objects that never answers.
#[derive(Debug)]
struct Silent;

impl Objects for Silent {
    fn open<'a>(
        &'a self,
        _recording: &'a RecordingKey,
        _part: Part,
        _known: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Object>> {
        pending().boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_who_wants_a_segment_waits_for_a_long_pass() {
    let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
    let key = platform.add("10-00-00", 60, b"");
    let remote = platform.remote_over(Arc::new(Silent), work_dir.path());
    assert_eq!(remote.soon(&key).await, Ok(None));
}
