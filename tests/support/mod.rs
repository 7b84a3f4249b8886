//! A running service for tests: the real one, on a port of its own, over a directory of its own, with a clock that is
//! turned by hand.

#![allow(dead_code, unreachable_pub, reason = "every test program uses a part of it")]

pub mod log;
pub mod remote;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use clap::Parser;
use playback_service::adapters::local_dir::LocalDir;
use playback_service::app::Service;
use playback_service::clock::ManualClock;
use playback_service::config::Config;
use playback_service::http::App;
use playback_service::live::Makers;
use playback_service::playback::{Playback, Ports};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const API: &str = "/api/v1/playback";

/// The camera of most tests: three minutes from 10:00 on, and two more from 10:07 on.
pub const CAMERA: &str = "cam-001-entrance";

/// The samples that come with the project.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/recordings")
}

/// One sample, a minute of `CAMERA`.
pub fn sample() -> PathBuf {
    samples().join(CAMERA).join("2026/03/14/10-00-00.ts")
}

/// A sample again and again, as one recording of so many minutes.
pub fn minutes(count: usize) -> Vec<u8> {
    let minute = fs::read(sample()).unwrap();
    remuxed(&mut remux::Remuxer::copy(remux::Copy::default()), &minute.repeat(count))
}

/// A transport stream as a fragmented MP4 file.
pub fn fragmented(source: &[u8]) -> Vec<u8> {
    let copy = remux::Copy { packaging: remux::Packaging::FragmentedMp4, ..remux::Copy::default() };
    remuxed(&mut remux::Remuxer::copy(copy), source)
}

/// A transport stream as an MP4 file with its tables first.
pub fn progressive(source: &[u8]) -> Vec<u8> {
    let copy = remux::Copy::default;
    let mut measuring = remux::Remuxer::measure(copy());
    remuxed(&mut measuring, source);
    remuxed(&mut remux::Remuxer::write(copy(), measuring.into_measured().unwrap()), source)
}

fn remuxed(remuxer: &mut remux::Remuxer, source: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    let mut drain = |remuxer: &mut remux::Remuxer| {
        while let Some(output) = remuxer.poll() {
            if let remux::Output::Bytes(bytes) = output {
                written.extend_from_slice(&bytes);
            }
        }
    };
    for (number, chunk) in source.chunks(1 << 20).enumerate() {
        remuxer.push((number << 20) as u64, bytes::Bytes::copy_from_slice(chunk)).unwrap();
        drain(remuxer);
    }
    remuxer.finish().unwrap();
    drain(remuxer);
    written
}

/// A directory of recordings, and beside it one for the service to work in.
pub struct Directory(TempDir);

impl Directory {
    pub fn empty() -> Self {
        let directory = Self(tempfile::tempdir().unwrap());
        fs::create_dir(directory.root()).unwrap();
        directory
    }

    /// With a sample at each of `paths`, written an hour ago.
    pub fn with(paths: &[&str]) -> Self {
        let directory = Self::empty();
        for path in paths {
            directory.add(path, &fs::read(sample()).unwrap());
        }
        directory
    }

    pub fn root(&self) -> PathBuf {
        self.0.path().join("recordings")
    }

    pub fn work_dir(&self) -> PathBuf {
        self.0.path().join("work")
    }

    /// A file that was written an hour ago.
    pub fn add(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        set_age(&path, Duration::from_secs(3600));
        path
    }
}

/// Makes a file look as if it had last been written to so long ago.
pub fn set_age(path: &Path, age: Duration) {
    let file = File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

/// How a service under test differs from one on embedded defaults.
#[derive(Default)]
pub struct Setup {
    pub arguments: Vec<String>,
    /// Replaces adapters.
    pub wire: Option<Box<dyn FnOnce(Ports) -> Ports>>,
    /// Replaces what makes the paths of live view.
    pub make: Option<Box<dyn FnOnce(Makers) -> Makers>>,
    pub now: Option<DateTime<Utc>>,
}

impl Setup {
    pub fn with(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(), ..Self::default() }
    }

    /// The service, not yet listening.
    pub fn service(&self, root: &Path, work_dir: &Path) -> (Service, Arc<ManualClock>) {
        let now = self.now.unwrap_or_else(|| "2026-03-14T12:00:00Z".parse().unwrap());
        let clock = Arc::new(ManualClock::at(now));
        let given = [
            "playback-service",
            "--recordings-dir",
            root.to_str().unwrap(),
            "--work-dir",
            work_dir.to_str().unwrap(),
        ];
        let given = given.into_iter().chain(self.arguments.iter().map(String::as_str));
        let config = Config::try_parse_from(given).unwrap();
        (Service::new(config, Arc::clone(&clock) as _), clock)
    }
}

/// A service that is listening.
pub struct Server {
    pub client: Client,
    pub address: SocketAddr,
    pub clock: Arc<ManualClock>,
    pub recordings: LocalDir,
    pub app: App,
    stop: Option<oneshot::Sender<()>>,
    pub served: JoinHandle<()>,
}

impl Server {
    /// Over the samples.
    pub async fn over_samples() -> (Self, TempDir) {
        let work_dir = tempfile::tempdir().unwrap();
        (Self::start(&samples(), work_dir.path(), Setup::default()).await, work_dir)
    }

    pub async fn over(directory: &Directory, setup: Setup) -> Self {
        Self::start(&directory.root(), &directory.work_dir(), setup).await
    }

    pub async fn start(root: &Path, work_dir: &Path, mut setup: Setup) -> Self {
        playback_service::tls::choose_provider();
        let (service, clock) = setup.service(root, work_dir);
        let service = match setup.wire.take() {
            Some(wire) => service.rewired(wire),
            None => service,
        };
        let service = match setup.make.take() {
            Some(make) => service.remade(make),
            None => service,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (recordings, app) = (service.recordings().clone(), service.app().clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(service.serve(listener, async {
            let _ = stopped.await;
        }));
        playback_service::tls::choose_provider();
        Self { client: Client::new(), address, clock, recordings, app, stop: Some(stop), served }
    }

    /// Has every recording read, so that nothing that is told of one is an estimate.
    pub async fn read_all(&self) {
        self.recordings.walk().await;
        self.recordings.read_all().await;
    }

    pub fn playback(&self) -> &Playback {
        self.app.playback()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.client.post(self.url(path)).json(&body).send().await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.client.delete(self.url(path)).send().await.unwrap()
    }

    pub async fn get_json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// `POST /start` of `camera` on the day of the samples, times like `10:01:30`.
    pub async fn try_open(&self, camera: &str, start: &str, end: &str) -> Response {
        let body = json!({
            "camera_id": camera, "format": "hls",
            "start_time": format!("2026-03-14T{start}Z"), "end_time": format!("2026-03-14T{end}Z"),
        });
        self.post(&format!("{API}/start"), body).await
    }

    pub async fn open(&self, camera: &str, start: &str, end: &str) -> Session<'_> {
        let response = self.try_open(camera, start, end).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{}", response.text().await.unwrap());
        let answer: Value = response.json().await.unwrap();
        let path = format!("{API}/sessions/{}", answer["session_id"].as_str().unwrap());
        Session { server: self, path, answer }
    }

    /// The value of a metric, by name and labels as they are printed.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
    }

    /// Asks the service to stop.
    pub fn stop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
    }
}

/// A session that was opened.
pub struct Session<'a> {
    server: &'a Server,
    /// `/api/v1/playback/sessions/{id}`
    pub path: String,
    pub answer: Value,
}

impl Session<'_> {
    pub fn segment_path(&self, index: usize) -> String {
        format!("{}/segment/{index}.ts", self.path)
    }

    pub async fn playlist(&self) -> String {
        let response = self.server.get(&format!("{}/playlist.m3u8", self.path)).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.text().await.unwrap()
    }

    pub async fn segment(&self, index: usize) -> Vec<u8> {
        let response = self.server.get(&self.segment_path(index)).await;
        assert_eq!(response.status(), StatusCode::OK, "segment {index}");
        response.bytes().await.unwrap().into()
    }

    /// `EXTINF` of each segment.
    pub async fn durations(&self) -> Vec<f64> {
        let playlist = self.playlist().await;
        let lines = playlist.lines().filter_map(|line| line.strip_prefix("#EXTINF:"));
        lines.map(|line| line.trim_end_matches(',').parse().unwrap()).collect()
    }
}

/// Waits until `condition` holds; fails the test when it takes longer than anything here should.
pub async fn eventually<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(), "{what}: did not happen");
}
