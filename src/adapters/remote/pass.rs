//! One pass over an object for its index. Of an MP4 file only the tables are read.
//!
//! The engine takes what comes in pieces of a read: each is a fraction of a millisecond of work, so it is done where it is
//! received.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt;
use remux::index::{Index, Indexer, Wants};
use tracing::info;

use crate::domain::{Origin, RecordingKey};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::playback::ports::{Object, Objects, Part};

/// Why a recording has no index.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unindexed {
    #[error("{0}")]
    Bytes(#[from] Error),
    #[error(transparent)]
    Media(#[from] remux::Error),
}

/// Reads an object and learns what is in it; and what its bytes were.
pub(super) async fn pass(
    objects: &dyn Objects,
    recording: &RecordingKey,
    metrics: &Metrics,
) -> Result<(Index, Origin), Unindexed> {
    let first = objects.open(recording, Part::Range(0..FIRST_READ), None).await?;
    let origin = first.origin.clone();
    let mut pass = Pass {
        indexer: Indexer::with_size(origin.size),
        offset: 0,
        size: origin.size,
        progress: Progress::new(recording, origin.size),
    };
    pass.read(first).await?;
    while let Some(wanted) = pass.wants() {
        let object = objects.open(recording, Part::Range(wanted), Some(&origin)).await?;
        pass.read(object).await?;
    }
    metrics.indexed_bytes.inc_by(pass.progress.read);
    pass.progress.end();
    Ok((pass.indexer.finish()?, origin))
}

/// How much is read to see what it is: of MP4 little more may be needed.
const FIRST_READ: u64 = 64 << 10;

/// Of tables at least so much is read at a time: the next ones may lie close by.
const TABLES_READ: u64 = 256 << 10;

struct Pass<'a> {
    indexer: Indexer,
    /// Behind what was read last.
    offset: u64,
    size: u64,
    progress: Progress<'a>,
}

impl Pass<'_> {
    /// What to read next.
    fn wants(&mut self) -> Option<Range<u64>> {
        let wanted = match self.indexer.wants() {
            Wants::Nothing => return None,
            Wants::Next => self.offset..self.size,
            Wants::Range(range) => {
                let end = range.end.max(range.start.saturating_add(TABLES_READ));
                range.start..end.min(self.size)
            }
        };
        (!wanted.is_empty()).then_some(wanted)
    }

    /// Reads an object until the next bytes that are wanted lie outside of it.
    async fn read(&mut self, mut object: Object) -> Result<(), Error> {
        self.offset = object.range.start;
        while self.is_wanted_of(self.offset..object.range.end)
            && let Some(bytes) = object.bytes.next().await
        {
            let bytes = bytes?;
            self.progress.on_bytes(bytes.len() as u64);
            self.push(&bytes);
            self.offset += bytes.len() as u64;
        }
        Ok(())
    }

    fn is_wanted_of(&mut self, rest: Range<u64>) -> bool {
        match self.indexer.wants() {
            Wants::Nothing => false,
            Wants::Next => !rest.is_empty(),
            Wants::Range(range) => rest.contains(&range.start),
        }
    }

    /// Pushes what is wanted of bytes that lie at the offset.
    fn push(&mut self, bytes: &Bytes) {
        let here = self.offset..self.offset + bytes.len() as u64;
        let mut at = here.start;
        while at < here.end {
            let wanted = match self.indexer.wants() {
                Wants::Next => at..here.end,
                Wants::Range(range) if here.contains(&range.start) => range.start..range.end.min(here.end),
                Wants::Range(_) | Wants::Nothing => return,
            };
            if wanted.is_empty() {
                return;
            }
            let within = |offset: u64| usize::try_from(offset - here.start).unwrap_or(usize::MAX);
            self.indexer.push_at(wanted.start, &bytes[within(wanted.start)..within(wanted.end)]);
            at = wanted.end;
        }
    }
}

/// Tells the log how a long pass goes.
struct Progress<'a> {
    recording: &'a RecordingKey,
    size: u64,
    read: u64,
    begun: Instant,
    told: Instant,
}

/// How often that is told.
const EVERY: Duration = Duration::from_secs(10);

/// A pass over fewer bytes is told only where it takes long.
const WORTH_A_LINE: u64 = 256 << 20;

impl<'a> Progress<'a> {
    fn new(recording: &'a RecordingKey, size: u64) -> Self {
        if size >= WORTH_A_LINE {
            info!(recording = %recording.id, size, "indexing");
        }
        let now = Instant::now();
        Self { recording, size, read: 0, begun: now, told: now }
    }

    fn on_bytes(&mut self, bytes: u64) {
        self.read += bytes;
        if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            info!(recording = %self.recording.id, read = self.read, size = self.size, "indexing");
        }
    }

    fn end(&self) {
        let seconds = self.begun.elapsed().as_secs_f64();
        if self.read >= WORTH_A_LINE || seconds >= 1.0 {
            let gigabytes_per_second = self.read as f64 / 1e9 / seconds.max(1e-9);
            info!(recording = %self.recording.id, read = self.read, seconds, gigabytes_per_second, "indexed");
        }
    }
}
