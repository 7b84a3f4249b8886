//! Recordings in a directory: the embedded default.
//!
//! ```text
//! walk (scan) ──> catalogue: files, what was learned of them, places in time ──> Cameras, Recordings
//! pass in the background ─┐
//! session that waits ─────┴─> library: the index beside the file, or one pass, remembered in WORK_DIR ──> Indexes
//! segment ──> root: open below the root, never outside ──> read ──> Objects
//! ```
//!
//! The directory is walked again every [`Settings::rescan`], and at once when somebody asks for what the last walk
//! cannot have seen.

mod beside;
mod catalogue;
mod files;
mod library;
mod pass;
mod ports;
mod read;
mod root;
mod scan;
mod store;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use chrono_tz::Tz;
use futures::{StreamExt, stream};
use remux::time::Ticks;
use tracing::info;

use self::library::Library;
use self::root::Root;
use self::store::IndexStore;
use self::walk::Walks;
use crate::clock::Clock;
use crate::metrics::Metrics;

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
    index_concurrency: usize,
}

impl LocalDir {
    /// A directory that nobody has looked into yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let root = Root::new(settings.root);
        let store = IndexStore::open(&settings.work_dir, &root);
        let cutting = (settings.segment_target, settings.index_cache_bytes);
        let library = Arc::new(Library::new(root, settings.zone, store, cutting, clock, metrics));
        let walks = Arc::new(Walks::new(Arc::clone(&library), settings.rescan));
        Self { library, walks, index_concurrency: settings.index_concurrency }
    }

    /// Walks and reads in the background until [`stop`](Self::stop).
    pub fn start(&self) {
        let walks = Arc::clone(&self.walks);
        tokio::spawn(async move { walks.go_on().await });
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
        self.walks.walk_if(|_| true, TimeDelta::zero()).await;
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
            self.library.count();
            info!(recordings = count, seconds = begun.elapsed().as_secs_f64(), "recordings read");
        }
    }
}
