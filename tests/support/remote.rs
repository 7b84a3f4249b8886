//! Recordings kept elsewhere: a catalogue in memory, bytes at a stand-in origin.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::NaiveDateTime;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use playback_service::adapters::exchange::MemoryExchange;
use playback_service::adapters::objects::{HttpObjects, PresignedUrls, SecretUrl, Settings};
use playback_service::adapters::remote::{self, Beside, Remote};
use playback_service::clock::{Clock, ManualClock};
use playback_service::domain::{CameraId, RecordingId, RecordingKey, TimeRange, Version, later, merge};
use playback_service::error::{Nearest, Result};
use playback_service::metrics::Metrics;
use playback_service::playback::Ports;
use playback_service::playback::exchange::Exchange;
use playback_service::playback::ports::{Catalogue, Listing, Objects, Row};
use remux::time::Ticks;
use standins::{Origin, Signer};

use super::{CAMERA, samples};

/// URLs that a stand-in origin signs, and how many there were.
#[derive(Debug)]
pub struct Signed {
    pub signer: Signer,
    pub asked: AtomicUsize,
}

impl PresignedUrls for Signed {
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let url = self.signer.sign(&recording.object, Duration::from_secs(1800));
        ready(Ok(SecretUrl::parse(&url).unwrap())).boxed()
    }

    fn valid_for(&self) -> Duration {
        Duration::from_secs(1800)
    }
}

/// Rows of one camera.
#[derive(Debug, Default)]
pub struct Rows(pub Mutex<Vec<Row>>);

impl Rows {
    fn overlapping(&self, camera: &CameraId, range: TimeRange) -> Vec<Row> {
        let rows = self.0.lock().unwrap();
        let of_camera = |row: &&Row| row.key.object.starts_with(&format!("{camera}/"));
        rows.iter().filter(of_camera).filter(|row| span(row).overlaps(&range)).cloned().collect()
    }
}

fn span(row: &Row) -> TimeRange {
    TimeRange::new(row.start, later(row.start, row.duration)).unwrap()
}

impl Catalogue for Rows {
    fn rows<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Listing>> {
        let rows = self.overlapping(camera, range);
        ready(Ok(Listing { rows, unreadable: Vec::new() })).boxed()
    }

    fn nearest<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Nearest>> {
        let spans = merge(self.overlapping(camera, TimeRange::ALWAYS).iter().map(span));
        let nearest = Nearest {
            before: spans.iter().rfind(|span| span.end() <= range.start()).copied(),
            after: spans.iter().find(|span| span.start() >= range.end()).copied(),
        };
        ready(Ok(nearest)).boxed()
    }
}

/// Nobody else is told anything there.
pub fn alone() -> Arc<dyn Exchange> {
    Arc::new(MemoryExchange::new(1 << 24))
}

fn settings(
    beside: Option<Arc<dyn Beside>>,
    exchange: Arc<dyn Exchange>,
    work_dir: &Path,
) -> remote::Settings {
    remote::Settings {
        work_dir: work_dir.to_owned(),
        scope: "test".to_owned(),
        index_concurrency: 2,
        index_cache_bytes: 1 << 27,
        segment_target: Ticks::from_millis(6000),
        exchange,
        beside,
    }
}

/// A platform in small: rows, an origin, and what reads them.
#[derive(Debug)]
pub struct Platform {
    pub origin: Origin,
    pub rows: Arc<Rows>,
    pub urls: Arc<Signed>,
    pub clock: Arc<ManualClock>,
    pub metrics: Arc<Metrics>,
}

impl Platform {
    pub fn empty() -> Self {
        let origin = Origin::start();
        origin.behave(|behaviour| behaviour.only_signed = true);
        let urls = Arc::new(Signed { signer: origin.signer(), asked: AtomicUsize::default() });
        let clock = Arc::new(ManualClock::at("2026-03-14T12:00:00Z".parse().unwrap()));
        Self { origin, rows: Arc::default(), urls, clock, metrics: Arc::new(Metrics::new()) }
    }

    /// With the samples of `CAMERA`.
    pub fn with_samples() -> Self {
        let platform = Self::empty();
        let directory = samples().join(CAMERA).join("2026/03/14");
        let mut names: Vec<String> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".ts"))
            .collect();
        names.sort();
        for name in names {
            let start = name.trim_end_matches(".ts");
            platform.add(start, 60, &fs::read(directory.join(&name)).unwrap());
        }
        platform
    }

    /// A recording of `CAMERA` that begins at `HH-MM-SS`; its row says so many seconds.
    pub fn add(&self, start: &str, seconds: i64, bytes: &[u8]) -> RecordingKey {
        let object = format!("{CAMERA}/2026/03/14/{start}.ts");
        self.origin.put(&object, bytes.to_vec());
        let version = Version { size: bytes.len() as u64, validator: "row".into(), growing: false };
        let key = RecordingKey { id: RecordingId::from(start), object: object.as_str().into(), version };
        let start =
            NaiveDateTime::parse_from_str(&format!("2026-03-14 {start}"), "%Y-%m-%d %H-%M-%S").unwrap();
        let row =
            Row { key: key.clone(), start: start.and_utc(), duration: Ticks::from_millis(seconds * 1000) };
        self.rows.0.lock().unwrap().push(row);
        key
    }

    pub fn settings() -> Settings {
        Settings {
            connect_timeout: Duration::from_secs(2),
            first_byte_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_millis(200),
            retry_within: Duration::from_millis(400),
            ..Settings::default()
        }
    }

    pub fn objects(&self) -> HttpObjects {
        self.objects_with(Self::settings())
    }

    pub fn objects_with(&self, settings: Settings) -> HttpObjects {
        let urls = Arc::clone(&self.urls) as Arc<dyn PresignedUrls>;
        HttpObjects::new(urls, settings, self.clock(), Arc::clone(&self.metrics))
    }

    pub fn remote(&self, work_dir: &Path) -> Remote {
        self.remote_over(Arc::new(self.objects()), work_dir)
    }

    /// One that looks for indexes beside the objects.
    pub fn remote_beside(&self, work_dir: &Path) -> Remote {
        let objects = Arc::new(self.objects());
        self.remote_with(Arc::clone(&objects) as _, Some(objects), work_dir)
    }

    /// One of those that tell each other what they learn at `exchange`.
    pub fn replica(&self, exchange: &Arc<dyn Exchange>, work_dir: &Path, metrics: &Arc<Metrics>) -> Remote {
        let rows = Arc::clone(&self.rows) as Arc<dyn Catalogue>;
        let settings = settings(None, Arc::clone(exchange), work_dir);
        Remote::new(rows, Arc::new(self.objects()), settings, self.clock(), Arc::clone(metrics))
    }

    pub fn remote_over(&self, objects: Arc<dyn Objects>, work_dir: &Path) -> Remote {
        self.remote_with(objects, None, work_dir)
    }

    fn remote_with(
        &self,
        objects: Arc<dyn Objects>,
        beside: Option<Arc<dyn Beside>>,
        work_dir: &Path,
    ) -> Remote {
        let rows = Arc::clone(&self.rows) as Arc<dyn Catalogue>;
        Remote::new(
            rows,
            objects,
            settings(beside, alone(), work_dir),
            self.clock(),
            Arc::clone(&self.metrics),
        )
    }

    /// `ports` with recordings from here.
    pub fn wired(&self, ports: Ports, work_dir: &Path) -> Ports {
        Self::wired_to(self.remote(work_dir), ports)
    }

    /// `ports` with recordings from `remote`.
    pub fn wired_to(remote: Remote, ports: Ports) -> Ports {
        let remote = Arc::new(remote);
        Ports {
            recordings: Arc::clone(&remote) as _,
            indexes: Arc::clone(&remote) as _,
            objects: remote,
            ..ports
        }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as _
    }
}
