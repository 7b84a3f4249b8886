//! A bucket that we have credentials of: URLs are signed here, nobody has to be asked.

use std::fmt;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::Signer;
use reqwest::Method;

use super::secret_url::{PresignedUrls, SecretUrl};
use crate::domain::RecordingKey;
use crate::error::{Error, Kind, Result};
use crate::tls;

/// A bucket, and who we are there.
#[derive(Clone)]
pub struct BucketSettings {
    /// `http://minio:9000`
    pub endpoint: String,
    /// The name of the bucket; it is part of paths.
    pub bucket: String,
    /// The region that signatures name.
    pub region: String,
    /// Who we are.
    pub access_key: String,
    /// What shows it.
    pub secret_key: String,
}

impl fmt::Debug for BucketSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, bucket, region, access_key: _, secret_key: _ } = self;
        write!(f, "BucketSettings({endpoint}/{bucket}, {region})")
    }
}

/// A bucket of an S3 server.
#[derive(Debug)]
pub struct Bucket(AmazonS3);

/// How long a URL is signed for; reading may begin up to then.
const SIGNED_FOR: Duration = Duration::from_secs(3600);

impl Bucket {
    /// A bucket that is addressed by path.
    pub fn new(settings: BucketSettings) -> Self {
        tls::choose_provider();
        // Its client is never used: whom it would trust is nobody's business.
        let client = ClientOptions::new().with_no_system_certificates(true);
        let bucket = AmazonS3Builder::new()
            .with_client_options(client)
            .with_allow_http(settings.endpoint.starts_with("http://"))
            .with_endpoint(settings.endpoint)
            .with_bucket_name(settings.bucket)
            .with_region(settings.region)
            .with_access_key_id(settings.access_key)
            .with_secret_access_key(settings.secret_key)
            .with_virtual_hosted_style_request(false)
            .build();
        Self(bucket.expect("nothing that a bucket needs is missing"))
    }

    async fn sign(&self, recording: &RecordingKey) -> Result<SecretUrl> {
        let unusable = || {
            let detail = format!("Recording {} has a key that no object can have.", recording.id);
            Error::new(Kind::BadUpstream, detail)
        };
        let key = Path::parse(&*recording.object).map_err(|_| unusable())?;
        // Nothing is sent for it: the credentials are at hand.
        let signed = self.0.signed_url(Method::GET, &key, SIGNED_FOR).await;
        signed.ok().and_then(SecretUrl::new).ok_or_else(unusable)
    }
}

impl PresignedUrls for Bucket {
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>> {
        self.sign(recording).boxed()
    }

    fn valid_for(&self) -> Duration {
        SIGNED_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::domain::{RecordingId, Version};

    #[tokio::test]
    async fn urls_name_the_object_by_path_and_say_how_long_they_are_good_for() {
        let bucket = Bucket::new(BucketSettings {
            endpoint: "http://minio:9000".to_owned(),
            bucket: "cctv-recordings".to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "key".to_owned(),
            secret_key: "secret".to_owned(),
        });
        let version = Version { size: 1, validator: "1".into(), growing: false };
        let key = |object: &str| RecordingKey {
            id: RecordingId::from("a"),
            object: object.into(),
            version: version.clone(),
        };
        let url = bucket.url(&key("site/door 1/2026/03/14/10-00-00.ts")).await.unwrap();
        assert_eq!(url.reveal().path(), "/cctv-recordings/site/door%201/2026/03/14/10-00-00.ts");
        assert!(url.lifetime(SystemClock.now()).unwrap() > SIGNED_FOR - Duration::from_secs(60));
        for wrong in ["a/../b", "a//b"] {
            assert_eq!(bucket.url(&key(wrong)).await.unwrap_err().kind(), &Kind::BadUpstream, "{wrong}");
        }
    }
}
