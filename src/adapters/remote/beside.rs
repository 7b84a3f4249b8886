//! Indexes beside the objects: they spare the pass, where there are any.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use futures::future::BoxFuture;
use remux::index::Index;
use tokio::time::timeout;
use tracing::{info, warn};

use super::super::index_beside::{LARGEST, SUFFIX, Unfit, check_size, decode};
use super::library::Library;
use crate::domain::{Origin, RecordingKey};
use crate::error::{Error, Result};
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

/// Whoever waits for a recording does not wait longer for what may not be there.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("{0}")]
    Bytes(#[from] Error),
}

impl Library {
    /// The index beside a recording, where there is one that can be used.
    pub(super) async fn index_beside(&self, key: &RecordingKey) -> Option<Index> {
        let beside = self.beside.as_deref()?;
        let read = timeout(LONGEST_WAIT, async {
            let object = beside.beside(key, SUFFIX).await?;
            Some(read(object).await)
        });
        match read.await.ok().flatten()? {
            Ok(index) => Some(index),
            Err(reason) => {
                warn!(recording = %key.id, %reason, "index beside a recording not used");
                None
            }
        }
    }

    /// What the index beside a recording says, in place of a pass over it.
    pub(super) async fn found_beside(self: &Arc<Self>, key: &RecordingKey) -> Option<Arc<Media>> {
        let index = self.index_beside(key).await?;
        let origin = self.origin(key).await.ok()?;
        self.adopt(key, index, origin).await
    }

    /// What the bytes of a recording are now.
    pub(super) async fn origin(&self, key: &RecordingKey) -> Result<Origin> {
        Ok(self.objects.open(key, Part::Range(0..1), None).await?.origin)
    }

    /// Takes an index over, if it is one of these bytes.
    pub(super) async fn adopt(
        self: &Arc<Self>,
        key: &RecordingKey,
        index: Index,
        origin: Origin,
    ) -> Option<Arc<Media>> {
        if let Err(reason) = check_size(&index, origin.size) {
            warn!(recording = %key.id, %reason, "index beside a recording not used");
            return None;
        }
        let media = self.remember(key, index, origin).await.ok()?;
        self.learn(key, &media).await;
        info!(recording = %key.id, "index found beside it");
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
