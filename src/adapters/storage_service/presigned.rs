//! URLs to read a recording by, which the Storage Service has made out of its own right to read it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::StatusCode;
use serde::Deserialize;

use super::super::dialect::Dialect;
use super::super::objects::{PresignedUrls, SecretUrl};
use super::{StorageService, encoded};
use crate::domain::RecordingKey;
use crate::error::Result;

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
            return Err(
                client.gone(format!("Recording {} is no longer in the Storage Service.", recording.id))
            );
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
