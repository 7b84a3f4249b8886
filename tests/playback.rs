//! Playlists and segments, from the samples to the bytes on the wire.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use playback_service::domain::{Origin, RecordingKey};
use playback_service::error::{Error, Kind, Result};
use playback_service::playback::Ports;
use playback_service::playback::ports::{Object, Objects, Part};
use reqwest::StatusCode;
use support::{CAMERA, Directory, Server, Setup, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

#[tokio::test]
async fn a_playlist_over_a_boundary_and_a_gap() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:02:45.04", "10:07:10").await;
    let expected = "\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-START:TIME-OFFSET=3.04,PRECISE=YES
#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:02:42.000Z
#EXTINF:6.000000,
segment/0.ts
#EXTINF:6.000000,
segment/1.ts
#EXTINF:6.000000,
segment/2.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-03-14T10:07:00.000Z
#EXTINF:6.000000,
segment/3.ts
#EXTINF:6.000000,
segment/4.ts
#EXT-X-ENDLIST
";
    assert_eq!(session.playlist().await, expected);
    let path = format!("{}/playlist.m3u8", session.path);
    let headers = server.get(&path).await.headers().clone();
    assert_eq!(headers["content-type"], "application/vnd.apple.mpegurl");
    assert_eq!(headers["cache-control"], "no-cache");
}

/// Payload packets per PID of a transport stream.
fn packets(bytes: &[u8]) -> BTreeMap<u16, usize> {
    assert_eq!(bytes.len() % 188, 0);
    let mut packets = BTreeMap::new();
    for packet in bytes.chunks(188) {
        assert_eq!(packet[0], 0x47);
        if packet[3] & 0x10 != 0 {
            *packets.entry(u16::from_be_bytes([packet[1] & 0x1f, packet[2]])).or_default() += 1;
        }
    }
    packets
}

#[tokio::test]
async fn all_segments_together_are_the_recordings() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:00:00", "10:09:00").await;
    let mut sent: BTreeMap<u16, usize> = BTreeMap::new();
    for index in 0..session.durations().await.len() {
        for (pid, count) in packets(&session.segment(index).await) {
            *sent.entry(pid).or_default() += count;
        }
    }
    let mut recorded: BTreeMap<u16, usize> = BTreeMap::new();
    let day = support::samples().join(CAMERA).join("2026/03/14");
    for file in fs::read_dir(day).unwrap() {
        for (pid, count) in packets(&fs::read(file.unwrap().path()).unwrap()) {
            *recorded.entry(pid).or_default() += count;
        }
    }
    // Video and audio are relabelled packet by packet; tables and clock are written anew.
    for (source, output) in [(0x100, 0x100), (0x101, 0x101)] {
        assert!(recorded[&source] > 1000);
        assert_eq!(sent[&output], recorded[&source]);
    }
}

#[tokio::test]
async fn the_same_cut_is_the_same_bytes_in_every_session() {
    let (server, _work_dir) = Server::over_samples().await;
    let long = server.open(CAMERA, "10:00:00", "10:09:00").await;
    let short = server.open(CAMERA, "10:01:07", "10:01:13").await;
    let [of_long, of_short] =
        [server.get(&long.segment_path(11)).await, server.get(&short.segment_path(0)).await];
    assert_eq!(of_long.headers()["etag"], of_short.headers()["etag"]);
    assert_ne!(server.get(&short.segment_path(1)).await.headers()["etag"], of_short.headers()["etag"]);
    assert!(of_long.bytes().await.unwrap() == of_short.bytes().await.unwrap());
}

#[tokio::test]
async fn headers_of_a_segment() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let url = server.url(&session.segment_path(0));
    let got = server.client.get(&url).send().await.unwrap();
    assert_eq!(got.headers()["content-type"], "video/mp2t");
    assert_eq!(got.headers()["cache-control"], "private, max-age=3600, immutable");
    let etag = got.headers()["etag"].clone();
    assert!(etag.to_str().unwrap().starts_with('"'));

    let head = server.client.head(&url).send().await.unwrap();
    for name in ["content-type", "cache-control", "etag"] {
        assert_eq!(head.headers()[name], got.headers()[name]);
    }
    assert_ne!(head.headers().get("content-length").map(|length| length.as_bytes()), Some(&b"0"[..]));
    let known = server.client.get(&url).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(known.headers()["etag"], etag);
    let part = server.client.get(&url).header("range", "bytes=0-187").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::OK);
    assert_eq!(part.bytes().await.unwrap(), got.bytes().await.unwrap());
}

#[tokio::test]
async fn segments_that_are_not_there() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    for (file, status) in
        [("10.ts", 404), ("4294967296.ts", 404), ("-1.ts", 400), ("x.ts", 400), ("0.m4s", 404), ("0", 400)]
    {
        let answer = server.get(&format!("{}/segment/{file}", session.path)).await;
        assert_eq!(answer.status().as_u16(), status, "{file}");
    }
}

#[tokio::test]
async fn a_recording_that_is_gone_or_replaced_is_410() {
    let directory = Directory::with(&["cam/2026-03-14-10-00-00.ts", "cam/2026-03-14-10-01-00.ts"]);
    let server = Server::over(&directory, Setup::default()).await;
    let session = server.open("cam", "10:00:00", "10:02:00").await;
    assert_eq!(server.get(&session.segment_path(0)).await.status(), StatusCode::OK);

    fs::remove_file(directory.root().join("cam/2026-03-14-10-00-00.ts")).unwrap();
    // So long may what was kept be sent.
    server.clock.advance(60);
    directory.add("cam/2026-03-14-10-01-00.ts", &fs::read(support::sample()).unwrap()[..188 * 2000]);
    for index in [0, 10] {
        assert_eq!(server.get(&session.segment_path(index)).await.status(), StatusCode::GONE, "{index}");
        let head = server.client.head(server.url(&session.segment_path(index))).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::GONE, "{index}");
    }
}

/// A request as text, everything that comes back until the server closes.
async fn raw(server: &Server, request: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A connection that breaks off is what some of the tests are about.
    let _ = stream.read_to_end(&mut answer).await;
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |end| end + 4);
    (String::from_utf8(answer[..head].to_vec()).unwrap().to_lowercase(), answer.split_off(head))
}

#[tokio::test]
async fn an_old_client_gets_the_length_first() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let expected = session.segment(3).await;
    let (head, body) = raw(&server, &format!("GET {} HTTP/1.0\r\n\r\n", session.segment_path(3))).await;
    assert!(head.contains(&format!("content-length: {}\r\n", expected.len())), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(body == expected);
}

#[tokio::test]
async fn a_segment_too_large_for_an_old_client_is_refused() {
    let work_dir = tempfile::tempdir().unwrap();
    let setup = Setup::with(&["--http10-max-segment-bytes", "10000"]);
    let server = Server::start(&support::samples(), work_dir.path(), setup).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let (head, _) = raw(&server, &format!("GET {} HTTP/1.0\r\n\r\n", session.segment_path(3))).await;
    assert!(head.contains(" 503 ") && head.contains("application/problem+json"), "{head}");
    assert_eq!(server.get(&session.segment_path(3)).await.status(), StatusCode::OK);
}

/// The bytes of recordings, handed out by the tests: 64 KiB for each permit, and what then happens.
#[derive(Debug)]
struct Tap {
    inner: Arc<dyn Objects>,
    permits: Arc<Semaphore>,
    /// What comes instead of the bytes that nobody permitted.
    then: Option<Error>,
    dropped: Arc<AtomicBool>,
    given: Arc<Mutex<usize>>,
}

/// Sets its flag when the stream that owns it is dropped.
struct OnDrop(Arc<AtomicBool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

const DROP: usize = 64 << 10;

impl Objects for Tap {
    fn open<'a>(
        &'a self,
        recording: &'a RecordingKey,
        part: Part,
        known: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Object>> {
        async move {
            let object = self.inner.open(recording, part, known).await?;
            let pieces = object.bytes.flat_map(|piece| {
                let piece = piece.unwrap();
                let pieces: Vec<Bytes> = piece.chunks(DROP).map(Bytes::copy_from_slice).collect();
                stream::iter(pieces)
            });
            let (permits, then, given) =
                (Arc::clone(&self.permits), self.then.clone(), Arc::clone(&self.given));
            let guard = OnDrop(Arc::clone(&self.dropped));
            let bytes = pieces.then(move |piece| {
                let _owned = &guard;
                let (permits, then, given) = (Arc::clone(&permits), then.clone(), Arc::clone(&given));
                async move {
                    match (permits.try_acquire(), then) {
                        (Ok(permit), _) => permit.forget(),
                        (Err(_), Some(error)) => return Err(error),
                        (Err(_), None) => permits.acquire().await.unwrap().forget(),
                    }
                    *given.lock().unwrap() += 1;
                    Ok(piece)
                }
            });
            Ok(Object { bytes: bytes.boxed(), ..object })
        }
        .boxed()
    }
}

/// A service whose source gives `permits` pieces, and then `then`, or waits.
async fn tapped(permits: usize, then: Option<Error>, arguments: &[&str]) -> (Server, Tap, tempfile::TempDir) {
    let permits = Arc::new(Semaphore::new(permits));
    let (dropped, given) = (Arc::default(), Arc::default());
    let copy = Arc::new(Mutex::new(None));
    let (handed, wired) =
        (Arc::clone(&copy), (Arc::clone(&permits), Arc::clone(&dropped), Arc::clone(&given)));
    let wire = move |ports: Ports| {
        let (permits, dropped, given) = wired;
        *handed.lock().unwrap() = Some(Arc::clone(&ports.objects));
        Ports { objects: Arc::new(Tap { inner: ports.objects, permits, then, dropped, given }), ..ports }
    };
    let work_dir = tempfile::tempdir().unwrap();
    let setup = Setup { wire: Some(Box::new(wire)), ..Setup::with(arguments) };
    let server = Server::start(&support::samples(), work_dir.path(), setup).await;
    let inner = copy.lock().unwrap().take().unwrap();
    (server, Tap { inner, permits, then: None, dropped, given }, work_dir)
}

#[tokio::test]
async fn what_breaks_before_the_first_byte_has_a_status() {
    let late = Error::new(Kind::UpstreamLate, "The bucket did not answer.");
    let (server, _tap, _work_dir) = tapped(0, Some(late), &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let answer = server.get(&session.segment_path(0)).await;
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(answer.text().await.unwrap().contains("The bucket did not answer."));
    assert_eq!(server.metric("playback_transmux_failures_total").await, 1.0);
}

#[tokio::test]
async fn what_breaks_later_never_looks_complete() {
    let broken = Error::new(Kind::BadUpstream, "The disk is broken.");
    let (server, _tap, _work_dir) = tapped(1, Some(broken), &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let request = server.client.get(server.url(&session.segment_path(0)));
    // The connection may break before the head was sent, or after.
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status(), StatusCode::OK);
        answer.bytes().await.unwrap_err();
    }

    let (head, body) = raw(&server, &format!("GET {} HTTP/1.0\r\n\r\n", session.segment_path(0))).await;
    assert!(head.contains(" 502 "), "{head}");
    assert!(String::from_utf8(body).unwrap().contains("The disk is broken."));
    assert_eq!(server.metric("playback_transmux_failures_total").await, 2.0);
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_reading() {
    let (server, tap, _work_dir) = tapped(1, None, &[]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let mut answer = server.get(&session.segment_path(0)).await;
    assert!(answer.chunk().await.unwrap().is_some());
    assert!(!tap.dropped.load(Ordering::SeqCst));
    drop(answer);
    eventually("the source is dropped", || async { tap.dropped.load(Ordering::SeqCst) }).await;
    assert_eq!(*tap.given.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_segment_on_its_way_is_finished_before_the_end() {
    let (mut server, tap, _work_dir) = tapped(1, None, &["--shutdown-delay-seconds", "1"]).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let mut answer = server.get(&session.segment_path(0)).await;
    let mut bytes = answer.chunk().await.unwrap().unwrap().to_vec();

    drop(session);
    server.stop();
    eventually("it says that it is going", || async {
        let health = server.get("/health").await;
        health.status() == StatusCode::SERVICE_UNAVAILABLE
            && health.text().await.unwrap().contains("draining")
    })
    .await;
    eventually("it no longer listens", || async { TcpStream::connect(server.address).await.is_err() }).await;
    assert!(!server.served.is_finished(), "there is an answer on its way");

    tap.permits.add_permits(100);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    packets(&bytes);
    drop(answer);
    (&mut server.served).await.unwrap();
}
