//! Indexes beside the objects: they spare the pass, where there are any.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::{BoxFuture, try_join};
use moka::future::Cache;
use remux::index::Index;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::super::index_beside::{LARGEST, SUFFIX, Unfit, check_size, decode};
use super::library::Library;
use super::placing::Listed;
use crate::domain::{CameraId, Origin, RecordingKey, TimeRange, later};
use crate::error::Error;
use crate::playback::exchange::LASTS_UNREAD;
use crate::playback::media::Media;
use crate::playback::ports::{Object, Part};

/// Opens what lies beside recordings.
pub trait Beside: Debug + Send + Sync {
    /// The object whose key is that of a recording and `suffix`. That there is none is no failure, and nobody is asked twice.
    fn beside<'a>(
        &'a self,
        recording: &'a RecordingKey,
        suffix: &'static str,
    ) -> BoxFuture<'a, Option<Object>>;
}

/// Where there are indexes beside recordings: there the neighbours have one, too, and are not planned by a grid.
#[derive(Debug)]
pub(super) struct Sides {
    cameras: Cache<CameraId, ()>,
    found: Cache<RecordingKey, ()>,
    /// What is looked for before head and tail are read.
    expected: Cache<RecordingKey, ()>,
}

impl Sides {
    pub(super) fn is_expected(&self, key: &RecordingKey) -> bool {
        self.expected.contains_key(key)
    }
}

impl Default for Sides {
    fn default() -> Self {
        Self {
            cameras: Cache::new(MOST_CAMERAS),
            found: Cache::new(MOST_KNOWN),
            expected: Cache::new(MOST_KNOWN),
        }
    }
}

const MOST_CAMERAS: u64 = 10_000;
/// Some hundred bytes each.
const MOST_KNOWN: u64 = 50_000;

/// How many recordings of a range are looked for one by one; those behind are planned by a grid.
const MOST_EXPECTED: usize = 200;

/// Whoever waits for a recording does not wait longer for what may not be there.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("{0}")]
    Bytes(#[from] Error),
    #[error("it is older than the recording")]
    Older,
}

impl Library {
    /// The index beside a recording, where there is one that can be used, and what the recording's bytes are.
    async fn index_beside(&self, key: &RecordingKey) -> Option<(Index, Origin)> {
        let beside = self.beside.as_deref()?;
        let read = timeout(LONGEST_WAIT, async {
            let object = beside.beside(key, SUFFIX).await?;
            Some(self.read_beside(key, object).await)
        });
        match read.await.ok().flatten()? {
            Ok(found) => Some(found),
            Err(reason) => {
                warn!(recording = %key.id, %reason, "index beside a recording not used");
                None
            }
        }
    }

    /// An index that is older than its recording is one of what was there before, whatever its size.
    async fn read_beside(&self, key: &RecordingKey, beside: Object) -> Result<(Index, Origin), Unread> {
        let made = beside.modified;
        let recording = async { Ok(self.objects.open(key, Part::Range(0..1), None).await?) };
        let (index, recording) = try_join(read(beside), recording).await?;
        if made.zip(recording.modified).is_some_and(|(made, recorded)| made < recorded) {
            return Err(Unread::Older);
        }
        check_size(&index, recording.origin.size)?;
        Ok((index, recording.origin))
    }

    /// The recordings of a range that are to have an index beside them, as their camera's do: their session looks for it.
    pub(super) async fn expected_beside(
        &self,
        camera: &CameraId,
        rows: &[Listed],
        range: TimeRange,
    ) -> HashSet<RecordingKey> {
        let Sides { cameras, found, expected } = &self.sides;
        let is_sketched = |key: &RecordingKey| self.sketches.is_sketched(key);
        let missed = rows.iter().any(|(row, _)| expected.contains_key(&row.key) && is_sketched(&row.key));
        if missed {
            cameras.invalidate(camera).await;
        } else if rows.iter().any(|(row, _)| found.contains_key(&row.key)) {
            cameras.insert(camera.clone(), ()).await;
        }
        if !cameras.contains_key(camera) {
            return HashSet::new();
        }
        let is_seen =
            |(row, _): &&Listed| row.start < range.end() && later(row.start, row.duration) > range.start();
        let seen = rows.iter().filter(is_seen).take(MOST_EXPECTED);
        let unknown = seen.filter(|(row, known)| known.is_none() && !is_sketched(&row.key));
        let keys: HashSet<RecordingKey> = unknown.map(|(row, _)| row.key.clone()).collect();
        for key in &keys {
            expected.insert(key.clone(), ()).await;
        }
        keys
    }

    /// The index beside a recording, looked for before anything else, where its neighbours have one.
    pub(super) async fn found_as_expected(self: &Arc<Self>, key: &RecordingKey) -> bool {
        let found = self.found_beside(key).await;
        if let Some(media) = &found {
            self.media.insert(key.clone(), Arc::clone(media)).await;
        }
        found.is_some()
    }

    /// What the index beside a recording says, in place of a pass over it.
    pub(super) async fn found_beside(self: &Arc<Self>, key: &RecordingKey) -> Option<Arc<Media>> {
        let (index, origin) = self.index_beside(key).await?;
        self.tell_index(key, &index, &origin, LASTS_UNREAD, None);
        let media = self.remember(key, index, origin).await.ok()?;
        self.learn(key, &media).await;
        self.sides.found.insert(key.clone(), ()).await;
        debug!(recording = %key.id, "index found beside it");
        Some(media)
    }
}

async fn read(object: Object) -> Result<Index, Unread> {
    if object.origin.size > LARGEST {
        return Err(Unfit::TooLarge.into());
    }
    let bytes = object.bytes.try_fold(Vec::new(), |mut bytes, piece| async move {
        bytes.extend_from_slice(&piece);
        Ok(bytes)
    });
    Ok(decode(&bytes.await?)?)
}
