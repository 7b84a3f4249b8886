//! Indexes of objects: each is made once, whoever asks and however many ask at a time; remembered in `WORK_DIR`, and the cuts
//! of what is played kept in memory.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use moka::future::Cache;
use moka::notification::RemovalCause;
use remux::index::Index;
use remux::time::Ticks;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::warn;

use super::super::index_store::IndexStore;
use super::beside::Sides;
use super::kept;
use super::learned::{Cause, Known, Learned, Loss};
use super::others::Others;
use super::pass::{Unindexed, pass};
use super::sketches::Sketches;
use super::{Beside, Settings};
use crate::clock::Clock;
use crate::domain::{Origin, RecordingKey, WallTime};
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::exchange::{Errand, LASTS_UNREAD};
use crate::playback::media::Media;
use crate::playback::ports::Objects;

/// What is known of objects, and how more is learned.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) beside: Option<Arc<dyn Beside>>,
    pub(super) learned: Learned,
    pub(super) sketches: Sketches,
    pub(super) sides: Sides,
    pub(super) others: Others,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    store: IndexStore,
    pub(super) media: Cache<RecordingKey, Arc<Media>>,
    pub(super) target: Ticks,
    /// Objects that are read at a time.
    reads: Semaphore,
    swept: Mutex<Option<WallTime>>,
}

impl Library {
    pub(super) fn new(
        objects: Arc<dyn Objects>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let evictions = metrics.cache_evictions.with_label_values(&[CACHE]);
        let media = Cache::builder()
            .weigher(|_, media: &Arc<Media>| u32::try_from(media.weight()).unwrap_or(u32::MAX))
            .max_capacity(settings.index_cache_bytes)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evictions.inc();
                }
            })
            .build();
        Self {
            objects,
            beside: settings.beside,
            learned: Learned::default(),
            sketches: Sketches::default(),
            sides: Sides::default(),
            others: Others::new(settings.exchange, settings.scope.clone(), Arc::clone(&metrics)),
            clock,
            metrics,
            store: IndexStore::open(&settings.work_dir, settings.scope.as_bytes()),
            media,
            target: settings.segment_target,
            reads: Semaphore::new(settings.index_concurrency),
            swept: Mutex::default(),
        }
    }

    /// Cuts and layouts of a recording.
    pub(super) async fn media(self: &Arc<Self>, key: &RecordingKey) -> Result<Arc<Media>> {
        if let Some(media) = self.media.get(key).await {
            self.metrics.cache_hits.with_label_values(&[CACHE]).inc();
            return Ok(media);
        }
        self.metrics.cache_misses.with_label_values(&[CACHE]).inc();
        if let Some(Known::Lost(loss)) = self.learned.of(key, self.clock.now()).await {
            return Err(loss.error);
        }
        let (library, key) = (Arc::clone(self), key.clone());
        // A task of its own: who asked may go away, the others who wait must not lose the pass.
        let read = tokio::spawn(async move {
            let media = library.media.try_get_with_by_ref(&key, library.read(&key)).await;
            media.map_err(|error: Arc<Error>| Error::clone(&error))
        });
        read.await.map_err(|_| Error::internal(FAILED))?
    }

    /// The same, if it takes no longer than a client waits gladly. It goes on meanwhile.
    pub(super) async fn soon(self: &Arc<Self>, key: &RecordingKey) -> Result<Option<Arc<Media>>> {
        timeout(PATIENCE, self.media(key)).await.map_or(Ok(None), |media| media.map(Some))
    }

    /// What was learned of a recording holds no more.
    pub(super) async fn forget(self: &Arc<Self>, key: &RecordingKey) {
        self.media.invalidate(key).await;
        self.learned.forget(key).await;
        self.sketches.forget(key).await;
        self.others.forget(key).await;
        let (library, name) = (Arc::clone(self), kept::file_name(key));
        // What could not be forgotten is found wrong again.
        let _ = spawn_blocking(move || library.store.forget(&name)).await;
    }

    async fn read(self: &Arc<Self>, key: &RecordingKey) -> Result<Arc<Media>> {
        if let Some(media) = self.remembered(key).await? {
            self.learn(key, &media).await;
            return Ok(media);
        }
        if let Some(media) = self.found_beside(key).await {
            return Ok(media);
        }
        let turn = self.others.errand(key, Errand::Index, || self.heard_index(key)).await;
        let claimed = match turn.done() {
            Ok(media) => return Ok(media),
            Err(claimed) => claimed,
        };
        let turn = self.reads.acquire().await;
        let passed = pass(&*self.objects, key, &self.metrics).await;
        drop(turn);
        match passed {
            Ok((index, origin)) => {
                self.tell_index(key, &index, &origin, LASTS_UNREAD, claimed);
                let media = self.remember(key, index, origin).await?;
                self.learn(key, &media).await;
                Ok(media)
            }
            Err(why) => Err(self.on_failure(key, why).await),
        }
    }

    /// Those of `keys` that something is remembered of in `WORK_DIR`.
    pub(super) async fn kept(self: &Arc<Self>, mut keys: Vec<RecordingKey>) -> Vec<RecordingKey> {
        let library = Arc::clone(self);
        let looked = spawn_blocking(move || {
            keys.retain(|key| library.store.has(&kept::file_name(key)));
            keys
        });
        // What cannot be looked up is read.
        looked.await.unwrap_or_default()
    }

    pub(super) async fn remembered(self: &Arc<Self>, key: &RecordingKey) -> Result<Option<Arc<Media>>> {
        let (library, name) = (Arc::clone(self), kept::file_name(key));
        let loaded = spawn_blocking(move || {
            let bytes = library.store.load(&name)?;
            match kept::decode(&bytes) {
                Some((index, origin)) => Some(library.media_of(&index, origin)),
                None => {
                    library.store.forget(&name);
                    None
                }
            }
        });
        loaded.await.map_err(|_| Error::internal(FAILED))
    }

    pub(super) async fn remember(
        self: &Arc<Self>,
        key: &RecordingKey,
        index: Index,
        origin: Origin,
    ) -> Result<Arc<Media>> {
        let (library, key) = (Arc::clone(self), key.clone());
        let remembered = spawn_blocking(move || {
            // What cannot be made anything of is not remembered.
            let media = library.media_of(&index, origin.clone());
            // Without a validator nobody could tell that the object has been replaced.
            if origin.validator.is_some() {
                let bytes = kept::encode(&index, &origin);
                library.store.save(key.id.as_str(), &kept::file_name(&key), &bytes);
                library.sweep();
            }
            media
        });
        remembered.await.map_err(|_| Error::internal(FAILED))
    }

    fn media_of(&self, index: &Index, origin: Origin) -> Arc<Media> {
        Arc::new(Media::of(index, self.target).learned_from(origin))
    }

    pub(super) async fn learn(&self, key: &RecordingKey, media: &Media) {
        self.learned.learn(key, Known::Extent(Arc::new(media.extent()))).await;
        self.sketches.on_index(key).await;
    }

    pub(super) async fn on_failure(&self, key: &RecordingKey, why: Unindexed) -> Error {
        let now = self.clock.now();
        let (error, loss) = match why {
            Unindexed::Bytes(error) => (error.clone(), Loss::of(&error, now)),
            Unindexed::Media(media) => {
                let detail = format!("Recording {} cannot be played: {media}.", key.id);
                let error = Error::new(Kind::BadUpstream, detail);
                let reason = media.to_string().into();
                (error.clone(), Some(Loss { error, reason, cause: Cause::Media, at: now }))
            }
        };
        if let Some(loss) = loss {
            warn!(recording = %key.id, reason = %loss.reason, "recording left out");
            self.learned.learn(key, Known::Lost(loss)).await;
        }
        error
    }

    /// Forgets what has been remembered for longer than anything is kept. Blocks.
    fn sweep(&self) {
        let now = self.clock.now();
        let mut swept = self.swept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if swept.is_none_or(|swept| now - swept > SWEEP_AFTER) {
            *swept = Some(now);
            drop(swept);
            self.store.sweep(&HashSet::new(), STALE);
        }
    }
}

/// The label of the cache in the metrics.
const CACHE: &str = "index";

/// How long somebody who waits for a segment waits for a pass.
const PATIENCE: Duration = Duration::from_secs(3);

const FAILED: &str = "Reading a recording failed.";

const SWEEP_AFTER: TimeDelta = TimeDelta::days(1);

/// Platforms keep recordings for 90 days; an index that was needed after all is made again.
const STALE: Duration = Duration::from_secs(100 * 24 * 3600);
