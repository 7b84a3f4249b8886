//! Segments on a disk, in `WORK_DIR/segments`.
//!
//! Written by a thread of its own, never by a request. What goes wrong with the disk turns the tier off, with one warning, and
//! it is tried again after a while; playing goes on without it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use futures::{Stream, StreamExt, stream};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::super::index_store;
use super::file::{self, Head, SegmentFile};
use super::index::{Asked, Entry, Index};
use crate::clock::Clock;
use crate::domain::{RecordingKey, WallTime};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::playback::ports::{Finished, SegmentKey, StoredSegment, Tier};

/// How the disk is used.
#[derive(Debug, Clone)]
pub struct DiskSettings {
    /// The directory below which there is one for segments.
    pub work_dir: PathBuf,
    /// The most that is kept; 0 for nothing.
    pub bytes: u64,
    /// How long it is kept.
    pub max_age: Duration,
    /// What stays free on the disk.
    pub min_free: u64,
}

/// The tier on the disk; nothing, where it has no bytes.
#[derive(Debug)]
pub(super) struct DiskTier(Option<(Arc<Disk>, Sender<Job>)>);

#[derive(Debug)]
struct Disk {
    settings: DiskSettings,
    directory: PathBuf,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    shared: Mutex<Shared>,
    /// Bytes that wait to be written.
    queued: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    state: State,
    index: Index,
    asked: Asked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// What is there has not been looked through yet.
    Starting,
    On,
    /// Does not work, and when that is looked at again.
    Off {
        why: String,
        until: WallTime,
    },
}

enum Job {
    Write(SegmentKey, Arc<Finished>),
    Remove(Vec<SegmentKey>),
}

/// The label of the tier in the metrics.
const TIER: &str = "segment_disk";

/// The most that waits to be written; what comes beyond it is not kept.
const QUEUE: u64 = 64 << 20;

/// How often it is looked for what is too old.
const SWEEP: Duration = Duration::from_secs(60);

/// After how many seconds a disk that did not work is tried again.
const RETRY: TimeDelta = TimeDelta::seconds(60);

impl DiskTier {
    pub(super) fn new(settings: DiskSettings, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        if settings.bytes == 0 {
            return Self(None);
        }
        let disk = Arc::new(Disk {
            directory: settings.work_dir.join("segments"),
            settings,
            clock,
            metrics,
            shared: Mutex::new(Shared {
                state: State::Starting,
                index: Index::default(),
                asked: Asked::default(),
            }),
            queued: AtomicU64::new(0),
        });
        let (jobs, waiting) = mpsc::channel();
        let working = Arc::clone(&disk);
        let thread = thread::Builder::new().name("segment-disk".to_owned());
        match thread.spawn(move || working.work(&waiting)) {
            Ok(_) => Self(Some((disk, jobs))),
            Err(error) => {
                warn!(%error, "segments are not kept on the disk");
                Self(None)
            }
        }
    }

    /// Notes that somebody asks for a segment.
    pub(super) fn on_asked(&self, key: &SegmentKey) {
        if let Some((disk, _)) = &self.0 {
            disk.shared().asked.note(*key);
        }
    }

    pub(super) fn offer(&self, key: SegmentKey, segment: &Arc<Finished>) {
        let Some((disk, jobs)) = &self.0 else { return };
        if disk.wants(&key, segment.len()) {
            disk.queued.fetch_add(segment.len(), Ordering::Relaxed);
            // Where the thread is gone so is the process.
            let _ = jobs.send(Job::Write(key, Arc::clone(segment)));
        }
    }

    pub(super) fn forget(&self, recording: &RecordingKey) {
        let Some((disk, jobs)) = &self.0 else { return };
        let hash = file::hash_of(recording);
        let gone = disk.shared().index.take(|entry| entry.recording == hash);
        // Where the thread is gone so is the process.
        let _ = jobs.send(Job::Remove(gone));
    }

    pub(super) async fn fetch(&self, key: &SegmentKey) -> Option<StoredSegment> {
        let (disk, jobs) = self.0.as_ref()?;
        let found = match disk.find(key) {
            true => disk.open(*key, jobs.clone()).await,
            false => None,
        };
        let counter = if found.is_some() { &disk.metrics.cache_hits } else { &disk.metrics.cache_misses };
        counter.with_label_values(&[TIER]).inc();
        found
    }

    pub(super) fn tier(&self) -> Tier {
        let none = Tier {
            name: TIER,
            off: Some("CACHE_DISK_BYTES is 0".to_owned()),
            entries: 0,
            bytes: 0,
            limit: 0,
            hits: 0,
            misses: 0,
            evictions: 0,
        };
        let Some((disk, _)) = &self.0 else { return none };
        let counts = disk.metrics.of_cache(TIER);
        let shared = disk.shared();
        let off = match &shared.state {
            State::Starting => Some("starting".to_owned()),
            State::On => None,
            State::Off { why, .. } => Some(why.clone()),
        };
        let (entries, bytes) = (shared.index.len() as u64, shared.index.bytes());
        let (hits, misses, evictions) = (counts.hits, counts.misses, counts.evictions);
        Tier { off, entries, bytes, limit: disk.settings.bytes, hits, misses, evictions, ..none }
    }
}

impl Disk {
    fn wants(&self, key: &SegmentKey, length: u64) -> bool {
        let shared = self.shared();
        let is_on = match &shared.state {
            State::On => true,
            State::Starting => false,
            State::Off { until, .. } => *until <= self.clock.now(),
        };
        let has_room = self.queued.load(Ordering::Relaxed).saturating_add(length) <= QUEUE;
        is_on && has_room && shared.asked.is_again(key) && !shared.index.contains(key)
    }

    /// Whether a segment is there and not too old.
    fn find(&self, key: &SegmentKey) -> bool {
        let mut shared = self.shared();
        let is_on = shared.state == State::On;
        is_on && shared.index.touch(key).is_some_and(|entry| !self.is_old(&entry))
    }

    fn is_old(&self, entry: &Entry) -> bool {
        let age = TimeDelta::from_std(self.settings.max_age).unwrap_or(TimeDelta::MAX);
        self.clock.now() - entry.written_at >= age
    }

    async fn open(self: &Arc<Self>, key: SegmentKey, jobs: Sender<Job>) -> Option<StoredSegment> {
        let (disk, now) = (Arc::clone(self), self.clock.now());
        let opened = spawn_blocking(move || {
            let (head, file) = file::open(&disk.path(&key), &key)?;
            file.on_used(now);
            io::Result::Ok((head, file))
        });
        match opened.await.map_err(io::Error::other).flatten() {
            Ok((head, file)) => {
                let disk = Arc::clone(self);
                let frames =
                    blocks(file).map(move |block| block.map_err(|error| disk.damaged(key, &error, &jobs)));
                Some(StoredSegment { origin: head.origin(), frames: frames.boxed() })
            }
            Err(error) => {
                warn!(segment = %key, %error, "a segment on the disk is not used");
                self.damaged(key, &error, &jobs);
                None
            }
        }
    }

    /// A file that is not what it was is forgotten.
    fn damaged(&self, key: SegmentKey, error: &io::Error, jobs: &Sender<Job>) -> Error {
        self.metrics.cache_damaged.inc();
        self.shared().index.remove(&key);
        let _ = jobs.send(Job::Remove(vec![key]));
        Error::internal(format!("Segment {key} on the disk cannot be read: {error}."))
    }

    fn path(&self, key: &SegmentKey) -> PathBuf {
        self.directory.join(key.to_string())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // What may be half done in here is told by files that are checked when they are read.
        self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The blocks of a file. To drop it is to stop reading.
fn blocks(file: SegmentFile) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(file, |mut file| async move {
        let read = spawn_blocking(move || file.next().map(|block| (block, file)));
        let (block, file) = read.await.map_err(io::Error::other)??;
        Ok(block.map(|block| (block, file)))
    })
}

/// The thread.
impl Disk {
    fn work(&self, jobs: &Receiver<Job>) {
        self.start();
        loop {
            match jobs.recv_timeout(SWEEP) {
                Ok(Job::Write(key, segment)) => {
                    self.keep(key, &segment);
                    self.queued.fetch_sub(segment.len(), Ordering::Relaxed);
                }
                Ok(Job::Remove(keys)) => self.remove(&keys),
                Err(RecvTimeoutError::Timeout) => self.remove_old(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tell();
        }
    }

    /// Looks through what is there.
    fn start(&self) {
        let found = index_store::prepare(&self.settings.work_dir, &self.directory).and_then(|()| self.scan());
        match found {
            Ok(index) => {
                let (entries, bytes) = (index.len(), index.bytes());
                let mut shared = self.shared();
                (shared.index, shared.state) = (index, State::On);
                drop(shared);
                info!(directory = %self.directory.display(), entries, bytes, "segments are kept on the disk");
                self.remove_old();
                self.make_room(0);
            }
            Err(error) => self.turn_off(&error),
        }
        self.tell();
    }

    fn scan(&self) -> io::Result<Index> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            if name.starts_with(TEMPORARY) {
                let _ = fs::remove_file(entry.path());
            }
            // What has another name is none of ours.
            let Some(key) = SegmentKey::parse(name) else { continue };
            match self.look_at(&entry.path(), &key) {
                Ok((used, entry)) => found.push((used, key, entry)),
                Err(error) => {
                    warn!(segment = %key, %error, "a segment on the disk is not used");
                    self.metrics.cache_damaged.inc();
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        found.sort_by_key(|&(used, key, _)| (used, key));
        let mut index = Index::default();
        found.into_iter().for_each(|(_, key, entry)| index.insert(key, entry));
        Ok(index)
    }

    fn look_at(&self, path: &Path, key: &SegmentKey) -> io::Result<(std::time::SystemTime, Entry)> {
        let (head, _) = file::open(path, key)?;
        let metadata = fs::metadata(path)?;
        Ok((metadata.modified()?, Entry::new(metadata.len(), head.recording(), head.written_at)))
    }

    fn keep(&self, key: SegmentKey, segment: &Finished) {
        if self.shared().state != State::On {
            self.start();
        }
        let shared = self.shared();
        if shared.state != State::On || shared.index.contains(&key) {
            return;
        }
        drop(shared);
        match self.write(key, segment) {
            Ok(entry) => {
                self.shared().index.insert(key, entry);
                self.make_room(0);
            }
            Err(error) => self.turn_off(&error),
        }
    }

    fn write(&self, key: SegmentKey, segment: &Finished) -> io::Result<Entry> {
        self.make_room(segment.len());
        self.check_free(segment.len())?;
        let head = Head::of(&key, segment, self.clock.now());
        let temporary = self.directory.join(format!("{TEMPORARY}{key}.{}", std::process::id()));
        let length = file::write(&temporary, &self.path(&key), &head, segment)?;
        Ok(Entry::new(length, head.recording(), head.written_at))
    }

    /// Others may fill the disk as well: what is kept here goes first.
    fn check_free(&self, length: u64) -> io::Result<()> {
        loop {
            let disk = rustix::fs::statvfs(&self.directory)?;
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            if free >= self.settings.min_free.saturating_add(length) {
                return Ok(());
            }
            let Some(oldest) = self.shared().index.pop_oldest() else {
                let floor = self.settings.min_free;
                return Err(io::Error::other(format!("{free} bytes are free, and {floor} shall stay free")));
            };
            self.on_evicted(&oldest);
        }
    }

    /// Makes room for `length` more bytes.
    fn make_room(&self, length: u64) {
        let next = || {
            let mut shared = self.shared();
            let is_full = shared.index.bytes().saturating_add(length) > self.settings.bytes;
            if is_full { shared.index.pop_oldest() } else { None }
        };
        while let Some(oldest) = next() {
            self.on_evicted(&oldest);
        }
    }

    fn on_evicted(&self, key: &SegmentKey) {
        self.metrics.cache_evictions.with_label_values(&[TIER]).inc();
        self.remove(&[*key]);
    }

    fn remove_old(&self) {
        let old = self.shared().index.take(|entry| self.is_old(entry));
        self.remove(&old);
    }

    fn remove(&self, keys: &[SegmentKey]) {
        for key in keys {
            // What cannot be removed is found again at the next start.
            let _ = fs::remove_file(self.path(key));
        }
    }

    fn turn_off(&self, error: &io::Error) {
        let mut shared = self.shared();
        if !matches!(shared.state, State::Off { .. }) {
            warn!(directory = %self.directory.display(), %error, "segments are not kept on the disk for now");
        }
        shared.state = State::Off { why: error.to_string(), until: self.clock.now() + RETRY };
    }

    fn tell(&self) {
        let bytes = i64::try_from(self.shared().index.bytes()).unwrap_or(i64::MAX);
        self.metrics.cache_bytes.with_label_values(&[TIER]).set(bytes);
    }
}

/// What names of unfinished files begin with.
const TEMPORARY: &str = ".new.";

#[cfg(test)]
mod tests;
