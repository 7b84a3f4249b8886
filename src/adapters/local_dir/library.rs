//! Indexes of files: each is made once, whoever asks and however many ask at a time; remembered in `WORK_DIR`, and the
//! cuts of what is played kept in memory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use moka::future::Cache;
use moka::notification::RemovalCause;
use remux::index::Index;
use remux::time::Ticks;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::{debug, info, warn};

use super::beside;
use super::catalogue::Catalogue;
use super::files::{Extents, Failure, Learned};
use super::pass::{Followed, Pass, Unindexed};
use super::root::{Root, Stamp};
use super::store::IndexStore;
use crate::clock::Clock;
use crate::domain::{Name, RecordingKey};
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::media::Media;

/// All that is shared between those who ask and the pass in the background.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) root: Root,
    pub(super) zone: Tz,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) store: IndexStore,
    catalogue: Mutex<Catalogue>,
    media: Cache<RecordingKey, Arc<Media>>,
    target: Ticks,
    followed: Followed,
    /// Recordings that are read for somebody who waits.
    reads: Semaphore,
    stop: AtomicBool,
}

/// Recordings that are read at a time for sessions that wait for them, besides those of the background pass.
const READS_ON_DEMAND: usize = 4;

impl Library {
    pub(super) fn new(
        root: Root,
        zone: Tz,
        store: IndexStore,
        (target, cache_bytes): (Ticks, u64),
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let evictions = metrics.cache_evictions.with_label_values(&[CACHE]);
        let media = Cache::builder()
            .weigher(|_, media: &Arc<Media>| u32::try_from(media.weight()).unwrap_or(u32::MAX))
            .max_capacity(cache_bytes)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evictions.inc();
                }
            })
            .build();
        Self {
            root,
            zone,
            clock,
            metrics,
            store,
            catalogue: Mutex::default(),
            media,
            target,
            followed: Followed::default(),
            reads: Semaphore::new(READS_ON_DEMAND),
            stop: AtomicBool::new(false),
        }
    }

    /// What is known of the files. Never held across an await.
    pub(super) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        // Whoever panicked while holding it left at worst a file out, until the next walk.
        self.catalogue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Counts recordings for the metrics.
    pub(super) fn count(&self) {
        let (all, unread, unreadable) = self.catalogue().counts();
        let metrics = &self.metrics;
        for (gauge, count) in [
            (&metrics.recordings, all),
            (&metrics.recordings_unread, unread),
            (&metrics.recordings_unreadable, unreadable),
        ] {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Passes under way end soon, and come to nothing.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Looks again at a file that was still being written when it was last looked at.
    pub(super) async fn look_again(self: &Arc<Self>, key: &RecordingKey) {
        let (library, key) = (Arc::clone(self), key.clone());
        let looked = spawn_blocking(move || {
            let path = key.id.as_str();
            if let (Some(name), Ok((_, stamp))) = (Name::parse(path, library.zone), library.root.open(path)) {
                library.catalogue().restamp(&name, &key.id, stamp, library.clock.now());
            }
        });
        // If it cannot be looked at, what was known stays until the next walk.
        let _ = looked.await;
    }

    /// Cuts and layouts of a version, for a session.
    pub(super) async fn media(self: &Arc<Self>, key: &RecordingKey) -> Result<Arc<Media>> {
        if let Some(media) = self.media.get(key).await {
            self.metrics.cache_hits.with_label_values(&[CACHE]).inc();
            return Ok(media);
        }
        self.metrics.cache_misses.with_label_values(&[CACHE]).inc();
        let (library, key) = (Arc::clone(self), key.clone());
        // A task of its own: who asked may go away, the others who wait must not lose the pass.
        let read = tokio::spawn(async move {
            let permit = library.reads.acquire().await;
            let media = library.media_by_reading(&key).await;
            drop(permit);
            media
        });
        read.await.map_err(|_| Error::internal("Reading a recording failed."))?
    }

    /// As [`media`](Self::media), without counting and without waiting for a turn.
    pub(super) async fn media_by_reading(self: &Arc<Self>, key: &RecordingKey) -> Result<Arc<Media>> {
        let library = Arc::clone(self);
        let owned = key.clone();
        let read = async move {
            let read = spawn_blocking(move || library.read(&owned)).await;
            read.map_err(|_| Error::internal("Reading a recording failed."))?
        };
        self.media.try_get_with_by_ref(key, read).await.map_err(|error: Arc<Error>| Error::clone(&error))
    }

    /// Blocks while it reads.
    fn read(&self, key: &RecordingKey) -> Result<Arc<Media>> {
        let path = key.id.as_str();
        let found = Name::parse(path, self.zone).zip(Stamp::of_version(&key.version));
        let (name, stamp) = found.ok_or_else(|| gone(key))?;
        let begun = Instant::now();
        let index = match self.index(key, &name, stamp) {
            Ok(index) => index,
            Err(Unread::Gone) => return Err(gone(key)),
            Err(Unread::Failed(why)) => {
                return Err(self.on_failure(key, &name, stamp, begun.elapsed(), &why));
            }
        };
        Ok(self.on_index(key, &name, stamp, begun.elapsed(), index))
    }

    fn index(&self, key: &RecordingKey, name: &Name, stamp: Stamp) -> Result<Index, Unread> {
        let path = key.id.as_str();
        if let Some(index) = self.store.load(path, stamp) {
            return Ok(index);
        }
        let (file, current) = match self.root.open(path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Unread::Gone),
            Err(error) => return Err(Unread::Failed(error.into())),
        };
        if !current.holds(&key.version) {
            self.catalogue().restamp(name, &key.id, current, self.clock.now());
            return Err(Unread::Gone);
        }
        if !key.version.growing
            && let Some(index) = beside::index(&self.root, path, current)
        {
            return Ok(index);
        }
        let begun = Instant::now();
        let index = if key.version.growing {
            self.followed.index(&key.id, &file, stamp.size, &self.stop)
        } else {
            self.followed.forget(&key.id);
            Pass::new(&file, stamp.size, false).and_then(|pass| pass.index(&file, stamp.size, &self.stop))
        };
        let (index, bytes) = index.map_err(Unread::Failed)?;
        self.metrics.indexed_bytes.inc_by(bytes);
        let seconds = begun.elapsed().as_secs_f64();
        if seconds >= WORTH_A_LINE {
            info!(recording = path, bytes, seconds, "indexed");
        }
        // What is still being written is another file in a moment.
        if !key.version.growing {
            self.store.save(path, stamp, &index);
        }
        Ok(index)
    }

    fn on_index(
        &self,
        key: &RecordingKey,
        name: &Name,
        stamp: Stamp,
        cost: Duration,
        index: Index,
    ) -> Arc<Media> {
        let closed = Arc::new(Media::of(&index, self.target));
        let open = index.without_open_gop().map(|index| Arc::new(Media::of(&index, self.target)));
        let extents = Extents {
            closed: Arc::new(closed.extent()),
            open: open.as_ref().map(|media| Arc::new(media.extent())),
        };
        let learned = Learned { stamp, at: self.clock.now(), cost, found: Ok(extents) };
        self.catalogue().learn(name, &key.id, learned);
        match open {
            Some(open) if key.version.growing => open,
            _ => closed,
        }
    }

    fn on_failure(
        &self,
        key: &RecordingKey,
        name: &Name,
        stamp: Stamp,
        cost: Duration,
        why: &Unindexed,
    ) -> Error {
        if matches!(why, Unindexed::Stopped) {
            return Error::new(Kind::Busy { retry_after: 5 }, "The service is stopping.");
        }
        let failure = Failure { detail: why.to_string().into(), passing: matches!(why, Unindexed::Io(_)) };
        // Of a file that has just been begun there may be nothing to play yet.
        match key.version.growing {
            true => debug!(recording = %key.id, reason = %why, "recording not playable yet"),
            false => warn!(recording = %key.id, reason = %why, "recording left out"),
        }
        let detail = format!("Recording {} cannot be played: {why}.", key.id);
        let learned = Learned { stamp, at: self.clock.now(), cost, found: Err(failure) };
        self.catalogue().learn(name, &key.id, learned);
        Error::new(Kind::BadUpstream, detail)
    }
}

enum Unread {
    Gone,
    Failed(Unindexed),
}

/// The label of the cache in the metrics.
const CACHE: &str = "index";

/// A pass that takes this many seconds is told in the log.
const WORTH_A_LINE: f64 = 1.0;

pub(super) fn gone(key: &RecordingKey) -> Error {
    Error::new(Kind::Gone, format!("Recording {} is no longer there, or is another one now.", key.id))
}
