//! URLs to read a recording by, which the Storage Service has made out of its own right to read it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

use super::super::dialect::Dialect;
use super::{StorageService, encoded};
use crate::domain::RecordingKey;
use crate::error::{Error, Kind, Result};

/// Knows URLs that recordings can be read by for a while.
pub trait PresignedUrls: fmt::Debug + Send + Sync {
    /// A new URL of a recording.
    ///
    /// # Errors
    /// [`Kind::Gone`] where it is no longer listed.
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>>;

    /// How long a URL can be used from when it was asked for.
    fn valid_for(&self) -> Duration;
}

/// A URL that lets whoever has it read a recording: never printed, `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Arc<Url>);

impl SecretUrl {
    /// An `http://` or `https://` URL; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST)?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
        is_web.then(|| Self(Arc::new(url)))
    }

    /// The URL itself, for the request.
    pub fn reveal(&self) -> &Url {
        &self.0
    }
}

/// Signatures with session tokens take some kilobytes.
const LONGEST: usize = 16 << 10;

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretUrl(…)")
    }
}

/// How long URLs are asked to be good for.
const VALID: Duration = Duration::from_secs(1800);

#[derive(Deserialize)]
struct Download {
    url: String,
}

impl StorageService {
    async fn presigned(&self, recording: &RecordingKey) -> Result<SecretUrl> {
        let (client, id) = (&self.0.client, encoded(recording.id.as_str()));
        if self.0.spoken.known() == Some(Dialect::Deployed) {
            return Err(client.wrong(
                "gives no URLs of recordings in its deployed form: MINIO_ENDPOINT, MINIO_ACCESS_KEY and MINIO_SECRET_KEY \
                 have to say how they are read",
            ));
        }
        let target = format!("/api/v1/storage/segments/{id}/download?expiry_seconds={}", VALID.as_secs());
        let answer = client.get(&target).await?;
        if answer.status == StatusCode::NOT_FOUND {
            let detail = format!("Recording {} is no longer in the Storage Service.", recording.id);
            return Err(Error::new(Kind::Gone, detail));
        }
        let download: Download = client.parse(answer)?;
        SecretUrl::parse(&download.url)
            .ok_or_else(|| client.wrong("gave a URL of a recording that is none of http or https"))
    }
}

impl PresignedUrls for StorageService {
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>> {
        self.presigned(recording).boxed()
    }

    fn valid_for(&self) -> Duration {
        VALID
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_of_the_web_and_never_shown() {
        let url = SecretUrl::parse("http://minio:9000/cctv-recordings/a.ts?X-Amz-Signature=5ecret").unwrap();
        assert_eq!(format!("{url:?}"), "SecretUrl(…)");
        assert_eq!(url.reveal().query(), Some("X-Amz-Signature=5ecret"));
        for wrong in ["", "/a.ts", "file:///etc/passwd", "ftp://minio/a.ts", "data:,x", "http://"] {
            assert!(SecretUrl::parse(wrong).is_none(), "{wrong:?}");
        }
        assert!(SecretUrl::parse(&format!("http://minio/{}", "x".repeat(LONGEST))).is_none());
    }
}
