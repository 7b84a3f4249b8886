//! Recordings in a directory: the embedded default.
//!
//! ```text
//! walk (scan) ──> catalogue: files, what was learned of them, places in time ──> Cameras, Recordings
//! pass in the background ─┐
//! session that waits ─────┴─> library: index once, remember in WORK_DIR ──> Indexes
//! segment ──> root: open below the root, never outside ──> read ──> Objects
//! ```
//!
//! The directory is walked again every [`Settings::rescan`], and at once when somebody asks for what the last walk
//! cannot have seen.

mod catalogue;
mod library;
mod names;
mod read;
mod root;
mod scan;
mod store;

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use chrono_tz::Tz;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use remux::time::Ticks;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use self::library::{Library, gone};
use self::root::Root;
use self::store::IndexStore;
use crate::clock::Clock;
use crate::domain::{CameraId, RecordingKey, TimeRange, WallTime};
use crate::error::{Error, Kind, Nearest, Result};
use crate::metrics::Metrics;
use crate::playback::media::Media;
use crate::playback::ports::{
    Camera, Cameras, Footage, Indexes, Object, Objects, Recordings, Upstream, UpstreamState,
};

/// Where the recordings are, and how they are read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory.
    pub root: PathBuf,
    /// The time zone of names.
    pub zone: Tz,
    /// Where indexes are remembered.
    pub work_dir: PathBuf,
    /// How often the directory is walked.
    pub rescan: Duration,
    /// Recordings that the background pass reads at a time.
    pub index_concurrency: usize,
    /// Bytes of cut lists that are kept in memory.
    pub index_cache_bytes: u64,
    /// Target duration of a cut.
    pub segment_target: Ticks,
}

/// A directory of recordings.
#[derive(Debug, Clone)]
pub struct LocalDir {
    library: Arc<Library>,
    walks: Arc<Walks>,
    rescan: Duration,
    index_concurrency: usize,
}

/// When the directory was last walked, and how that went.
#[derive(Debug, Default)]
struct Walks {
    /// Held by the one who walks.
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Option<Walk>>,
    /// Told after every walk.
    done: Notify,
}

#[derive(Debug, Clone)]
struct Walk {
    at: WallTime,
    cost: Duration,
    failure: Option<String>,
}

impl LocalDir {
    /// A directory that nobody has looked into yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let root = Root::new(settings.root);
        let store = IndexStore::open(&settings.work_dir, &root);
        let cutting = (settings.segment_target, settings.index_cache_bytes);
        let library = Library::new(root, settings.zone, store, cutting, clock, metrics);
        Self {
            library: Arc::new(library),
            walks: Arc::default(),
            rescan: settings.rescan,
            index_concurrency: settings.index_concurrency,
        }
    }

    /// Walks and reads in the background until [`stop`](Self::stop).
    pub fn start(&self) {
        let walker = self.clone();
        tokio::spawn(async move {
            let mut swept = false;
            while !walker.library.is_stopped() {
                walker.walk().await;
                swept = swept || walker.sweep().await;
                tokio::time::sleep(walker.rescan.max(walker.last_cost() * WALK_COSTS)).await;
            }
        });
        let reader = self.clone();
        tokio::spawn(async move {
            while !reader.library.is_stopped() {
                let walked = reader.walks.done.notified();
                reader.read_all().await;
                walked.await;
            }
        });
    }

    /// Ends what [`start`](Self::start) began.
    pub fn stop(&self) {
        self.library.stop();
        self.walks.done.notify_waiters();
    }

    /// Walks the directory now.
    pub async fn walk(&self) {
        let _turn = self.walks.turn.lock().await;
        self.walk_in_turn().await;
    }

    /// Reads all recordings that nobody has read yet, the latest first.
    pub async fn read_all(&self) {
        let unread = self.library.catalogue().unread(self.library.clock.now());
        let (begun, count) = (Instant::now(), unread.len());
        let reads = stream::iter(unread).for_each_concurrent(self.index_concurrency, |key| async move {
            // What is wrong with a recording has been logged and remembered.
            let _ = self.library.media_by_reading(&key).await;
        });
        reads.await;
        if count > 0 && !self.library.is_stopped() {
            self.count();
            info!(recordings = count, seconds = begun.elapsed().as_secs_f64(), "recordings read");
        }
    }

    async fn walk_in_turn(&self) {
        let library = Arc::clone(&self.library);
        let (at, begun) = (self.library.clock.now(), Instant::now());
        let walked = spawn_blocking(move || {
            let scan = scan::scan(&library.root, library.zone)?;
            library.catalogue().update(scan.files);
            Ok::<_, io::Error>((scan.failures, scan.truncated))
        });
        let walked = walked.await.map_err(io::Error::other).flatten();
        let failure = walked.as_ref().err().map(ToString::to_string);
        let previous = self.last().replace(Walk { at, cost: begun.elapsed(), failure });
        let previous_failure = previous.and_then(|walk| walk.failure);
        match walked {
            Ok((failures, truncated)) => self.on_walked(&failures, truncated),
            // What was known stays: a directory that is away comes back.
            Err(error) if previous_failure.is_none() => {
                warn!(directory = %self.library.root.path().display(), %error, "recordings cannot be listed");
            }
            Err(_) => {}
        }
        self.count();
        self.walks.done.notify_waiters();
    }

    fn on_walked(&self, failures: &[(String, io::Error)], truncated: bool) {
        if let Some((path, error)) = failures.first() {
            warn!(path, %error, failures = failures.len(), "not everything could be listed");
        }
        if truncated {
            warn!(limit = scan::MAX_FILES, "too many recordings: some are not seen");
        }
    }

    /// Walks if the last walk is older than a moment and cannot know what is asked for.
    async fn walk_if(&self, is_blind: impl Fn(Option<&Walk>) -> bool) {
        let needs_walk = || {
            let last = self.last();
            let rests = last.as_ref().is_some_and(|walk| self.library.clock.now() - walk.at < walk.rest());
            !rests && is_blind(last.as_ref())
        };
        if needs_walk() {
            let _turn = self.walks.turn.lock().await;
            // Somebody else may have walked while this one waited.
            if needs_walk() {
                self.walk_in_turn().await;
            }
        }
    }

    async fn sweep(&self) -> bool {
        let library = Arc::clone(&self.library);
        let swept = spawn_blocking(move || {
            let known: Vec<(String, root::Stamp)> =
                library.catalogue().stamps().map(|(path, stamp)| (path.to_owned(), stamp)).collect();
            // An empty directory may be one that is not mounted yet.
            if !known.is_empty() {
                library.store.sweep(known.iter().map(|(path, stamp)| (path.as_str(), *stamp)));
            }
            !known.is_empty()
        });
        swept.await.unwrap_or(true)
    }

    fn count(&self) {
        let (all, unread, unreadable) = self.library.catalogue().counts();
        let metrics = &self.library.metrics;
        for (gauge, count) in [
            (&metrics.recordings, all),
            (&metrics.recordings_unread, unread),
            (&metrics.recordings_unreadable, unreadable),
        ] {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Walk>> {
        self.walks.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn last_cost(&self) -> Duration {
        self.last().as_ref().map_or(Duration::ZERO, |walk| walk.cost)
    }
}

/// Walking takes at most one part in this many of the time.
const WALK_COSTS: u32 = 20;

/// The shortest time between walks that somebody asks for.
const REST: TimeDelta = TimeDelta::seconds(1);

impl Walk {
    fn rest(&self) -> TimeDelta {
        TimeDelta::from_std(self.cost * WALK_COSTS).unwrap_or(REST).max(REST)
    }
}

impl Cameras for LocalDir {
    fn exists<'a>(&'a self, camera: &'a CameraId) -> BoxFuture<'a, Result<bool>> {
        let exists = || self.library.catalogue().contains(camera);
        async move {
            self.walk_if(|_| !exists()).await;
            Ok(exists())
        }
        .boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Camera>>> {
        async {
            self.walk_if(|last| last.is_none()).await;
            Ok(self.library.catalogue().cameras(self.library.clock.now()))
        }
        .boxed()
    }
}

impl Recordings for LocalDir {
    fn overlapping<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Footage>> {
        async move {
            let now = self.library.clock.now();
            self.walk_if(|last| last.is_none_or(|walk| range.end() > walk.at)).await;
            let footage = self.library.catalogue().overlapping(camera, range, now);
            if !footage.recordings.is_empty() {
                return Ok(footage);
            }
            self.walk_if(|_| true).await;
            Ok(self.library.catalogue().overlapping(camera, range, now))
        }
        .boxed()
    }

    fn nearest<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Nearest>> {
        async move { Ok(self.library.catalogue().nearest(camera, range, self.library.clock.now())) }.boxed()
    }
}

impl Indexes for LocalDir {
    fn media<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Arc<Media>>> {
        self.library.media(recording).boxed()
    }
}

impl Objects for LocalDir {
    fn open<'a>(&'a self, recording: &'a RecordingKey, range: Range<u64>) -> BoxFuture<'a, Result<Object>> {
        let (root, key) = (self.library.root.clone(), recording.clone());
        async move {
            let opened = spawn_blocking(move || root.open(key.id.as_str())).await;
            let (file, stamp) = match opened.map_err(io::Error::other).flatten() {
                Ok(opened) => opened,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone(recording)),
                Err(error) => return Err(unreadable(recording, &error)),
            };
            if !stamp.holds(&recording.version) {
                return Err(gone(recording));
            }
            let recording = recording.clone();
            let bytes = read::stream_of(file, range).map_err(move |error| unreadable(&recording, &error));
            Ok(Object { bytes: bytes.boxed() })
        }
        .boxed()
    }
}

fn unreadable(recording: &RecordingKey, error: &io::Error) -> Error {
    Error::new(Kind::BadUpstream, format!("Recording {} cannot be read: {error}.", recording.id))
}

impl Upstream for LocalDir {
    fn name(&self) -> &'static str {
        "recordings"
    }

    fn state(&self) -> UpstreamState {
        match &*self.last() {
            None => UpstreamState::Starting,
            Some(Walk { failure: Some(failure), .. }) => {
                UpstreamState::Away(format!("the directory of recordings cannot be listed: {failure}"))
            }
            Some(_) => UpstreamState::Up,
        }
    }
}
