//! URLs are asked for once and used until shortly before they expire.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use tracing::warn;

use super::Settings;
use super::secret_url::{PresignedUrls, SecretUrl};
use crate::clock::Clock;
use crate::domain::RecordingKey;
use crate::error::{Error, Kind, Result};

/// The URLs that are in use.
#[derive(Debug)]
pub(super) struct Urls {
    source: Arc<dyn PresignedUrls>,
    kept: Cache<RecordingKey, Arc<Kept>>,
    clock: Arc<dyn Clock>,
    hosts: Vec<String>,
}

/// A URL, and how long it is used.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) url: SecretUrl,
    lifetime: Duration,
}

/// URLs that are kept, at about a kilobyte each.
const MOST_KEPT: u64 = 20_000;

/// A URL is given up this long before it expires, or after three quarters of a life that is shorter than four times that.
const MARGIN: Duration = Duration::from_secs(60);

impl Urls {
    pub(super) fn new(source: Arc<dyn PresignedUrls>, settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        let kept = Cache::builder().max_capacity(MOST_KEPT).expire_after(Lifetime).build();
        let hosts = settings.hosts.clone();
        Self { source, kept, clock, hosts }
    }

    /// Where a recording can be read. Of many who ask at once one goes and gets it.
    pub(super) async fn of(&self, recording: &RecordingKey) -> Result<Arc<Kept>> {
        let asked = async { self.ask(recording).await.map(Arc::new) };
        let kept = self.kept.try_get_with_by_ref(recording, asked).await;
        kept.map_err(|error: Arc<Error>| Error::clone(&error))
    }

    /// Another one than `refused`.
    pub(super) async fn instead_of(
        &self,
        recording: &RecordingKey,
        refused: &Arc<Kept>,
    ) -> Result<Arc<Kept>> {
        let current = self.kept.get(recording).await;
        // Somebody else may have had it renewed meanwhile.
        if current.is_some_and(|current| Arc::ptr_eq(&current, refused)) {
            self.kept.invalidate(recording).await;
        }
        self.of(recording).await
    }

    async fn ask(&self, recording: &RecordingKey) -> Result<Kept> {
        let url = self.source.url(recording).await?;
        if !self.hosts.is_empty() && !url.is_at(&self.hosts) {
            warn!(recording = %recording.id, host = url.host(), "a URL leads to a host that OBJECT_HOSTS does not name");
            let detail = "leads to a host that is not allowed (OBJECT_HOSTS)";
            return Err(Error::new(
                Kind::BadUpstream,
                format!("The URL of recording {} {detail}.", recording.id),
            ));
        }
        let valid = url.lifetime(self.clock.now()).unwrap_or_else(|| self.source.valid_for());
        Ok(Kept { url, lifetime: valid - MARGIN.min(valid / 4) })
    }
}

#[derive(Debug)]
struct Lifetime;

impl Expiry<RecordingKey, Arc<Kept>> for Lifetime {
    fn expire_after_create(&self, _key: &RecordingKey, kept: &Arc<Kept>, _at: Instant) -> Option<Duration> {
        Some(kept.lifetime)
    }
}
