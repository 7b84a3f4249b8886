//! How long it takes to open sessions over a day of one-minute files: 1440 links to one of the samples, the real
//! adapter, the whole way through the HTTP application, without a socket.
//!
//! `cargo run --release --example day_of_sessions [sessions]`

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use clap::Parser;
use playback_service::app::Service;
use playback_service::clock::SystemClock;
use playback_service::config::Config;
use tower::ServiceExt;

const SAMPLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts");

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let sessions: usize = std::env::args().nth(1).map_or(Ok(200), |count| count.parse())?;
    let directory = tempfile::tempdir()?;
    let root = directory.path().join("recordings");
    make_day(&root)?;

    let begun = Instant::now();
    let _read = service(directory.path(), &root).await;
    println!("read 1440 files, empty WORK_DIR   {:>8.1} ms", milliseconds(begun.elapsed()));
    let begun = Instant::now();
    let router = service(directory.path(), &root).await;
    println!("read 1440 files, from WORK_DIR    {:>8.1} ms", milliseconds(begun.elapsed()));

    let mut opened = Vec::new();
    let mut playlists = Vec::new();
    for number in 0..sessions {
        let (took, answer) = timed(&router, start(number)?).await?;
        opened.push(took);
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        let url = answer["url"].as_str().ok_or("no url")?;
        let (took, playlist) = timed(&router, Request::get(url).body(Body::empty())?).await?;
        playlists.push(took);
        let segments = String::from_utf8_lossy(&playlist).matches("#EXTINF").count();
        assert!(segments >= 14_000, "a day has about 14,400 segments, not {segments}");
    }
    println!("{sessions} sessions over the whole day, each a second off the one before:");
    report("POST /start", &mut opened);
    report("GET playlist.m3u8", &mut playlists);
    Ok(())
}

/// A day of one-minute recordings, all the same bytes.
fn make_day(root: &Path) -> Outcome<()> {
    let day = root.join("cam/2026/03/14");
    fs::create_dir_all(&day)?;
    let source = root.join("sample");
    fs::copy(SAMPLE, &source)?;
    fs::File::options()
        .append(true)
        .open(&source)?
        .set_modified(SystemTime::now() - Duration::from_secs(3600))?;
    for minute in 0..1440 {
        fs::hard_link(&source, day.join(format!("{:02}-{:02}-00.ts", minute / 60, minute % 60)))?;
    }
    Ok(())
}

async fn service(directory: &Path, root: &Path) -> Router {
    let arguments =
        ["--recordings-dir".as_ref(), root.as_os_str(), "--work-dir".as_ref(), directory.as_os_str()];
    let config = Config::parse_from(std::iter::once("playback-service".as_ref()).chain(arguments));
    let service = Service::new(config, Arc::new(SystemClock));
    service.recordings().walk().await;
    service.recordings().read_all().await;
    service.app().clone().router()
}

fn start(number: usize) -> Outcome<Request<Body>> {
    let second = number % 60;
    let body = serde_json::json!({
        "camera_id": "cam", "format": "hls",
        "start_time": format!("2026-03-14T00:00:{second:02}Z"), "end_time": "2026-03-15T00:00:00Z",
    });
    Ok(Request::post("/api/v1/playback/start").body(Body::from(body.to_string()))?)
}

async fn timed(router: &Router, request: Request<Body>) -> Outcome<(Duration, axum::body::Bytes)> {
    let begun = Instant::now();
    let response = router.clone().oneshot(request).await?;
    assert!(response.status().is_success(), "{}", response.status());
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    Ok((begun.elapsed(), body))
}

fn report(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |share: usize| milliseconds(times[(times.len() - 1) * share / 100]);
    println!("  {what:<20} median {:>6.2} ms   p95 {:>6.2} ms   worst {:>6.2} ms", at(50), at(95), at(100));
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
