//! Objects of servers that we did not write: s3s-fs for S3, nginx for plain ranges.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::signer::Signer;
use playback_service::adapters::objects::{
    Bucket, BucketSettings, HttpObjects, PresignedUrls, SecretUrl, Settings,
};
use playback_service::clock::SystemClock;
use playback_service::domain::{RecordingId, RecordingKey, Version};
use playback_service::error::{Error, Kind, Result};
use playback_service::metrics::Metrics;
use playback_service::playback::ports::{Objects, Part};
use tempfile::TempDir;

use crate::{certificates, nginx};

pub(crate) const BUCKET: &str = "cctv-recordings";
const KEY: &str = "site/door/2026/03/14/10-00-00.ts";
const ALL: Part = Part::Range(0..u64::MAX);

/// A server of a directory with one object in it; it ends with this value.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:port`
    pub(crate) address: String,
    directory: TempDir,
}

impl Server {
    fn start(command: impl FnOnce(&Path, u16) -> Command) -> Self {
        let directory = TempDir::new().unwrap();
        let object = directory.path().join("root").join(BUCKET).join(KEY);
        std::fs::create_dir_all(object.parent().unwrap()).unwrap();
        std::fs::write(&object, content()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = command(directory.path(), port);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("s3s-fs and nginx are needed for these tests (tests/run installs them)");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self { child, address: format!("http://127.0.0.1:{port}"), directory }
    }

    pub(crate) fn s3() -> Self {
        Self::start(|directory, port| {
            let mut command = Command::new(s3s_fs());
            let port = port.to_string();
            command.args([
                "--host",
                "127.0.0.1",
                "--port",
                &port,
                "--access-key",
                "them",
                "--secret-key",
                "5ecret",
            ]);
            command.arg(directory.join("root"));
            command
        })
    }

    fn nginx(location: &str) -> Self {
        Self::start(|directory, port| {
            let root = directory.join("root");
            let place = format!("listen 127.0.0.1:{port}; root {};", root.display());
            nginx::command(directory, &format!("server {{ {place} location / {{ {location} }} }}"))
        })
    }

    /// The same server behind TLS, with a certificate of an authority of its own.
    pub(crate) fn behind_tls(&self) -> Self {
        Self::start(|directory, port| {
            certificates::make(directory);
            let (at, upstream) = (directory.display(), &self.address);
            let tls = format!("ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key;");
            let pass =
                format!("proxy_pass {upstream}; proxy_http_version 1.1; proxy_set_header Host $http_host;");
            let server = format!("listen 127.0.0.1:{port} ssl; {tls} location / {{ {pass} }}");
            nginx::command(directory, &format!("server {{ {server} }}"))
        })
    }

    /// The file with the certificate of that authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn object(&self) -> PathBuf {
        self.object_at(KEY)
    }

    /// The file behind a key.
    pub(crate) fn object_at(&self, key: &str) -> PathBuf {
        self.directory.path().join("root").join(BUCKET).join(key)
    }

    /// What makes URLs that are good for a time.
    pub(crate) fn signer(&self) -> AmazonS3 {
        playback_service::tls::choose_provider();
        let builder = AmazonS3Builder::new().with_allow_http(true).with_endpoint(&self.address);
        let builder = builder.with_bucket_name(BUCKET).with_access_key_id("them");
        builder.with_secret_access_key("5ecret").build().unwrap()
    }

    fn bucket(&self, name: &str, secret_key: &str) -> Arc<dyn PresignedUrls> {
        Arc::new(Bucket::new(BucketSettings {
            endpoint: self.address.clone(),
            bucket: name.to_owned(),
            region: "us-east-1".to_owned(),
            access_key: "them".to_owned(),
            secret_key: secret_key.to_owned(),
        }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn s3s_fs() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/s3s-fs");
    if installed.exists() { installed } else { "s3s-fs".into() }
}

fn content() -> Vec<u8> {
    (0..3_000_000_u32).map(|position| (position % 251 + position / 4096) as u8).collect()
}

fn key(object: &str) -> RecordingKey {
    let version = Version { size: 0, validator: "row".into(), growing: false };
    RecordingKey { id: RecordingId::from("recording"), object: object.into(), version }
}

fn objects(urls: Arc<dyn PresignedUrls>) -> HttpObjects {
    let settings = Settings { retry_within: Duration::from_millis(300), ..Settings::default() };
    HttpObjects::new(urls, settings, Arc::new(SystemClock), Arc::new(Metrics::new()))
}

async fn read(objects: &HttpObjects, part: Part) -> Result<Vec<u8>> {
    let object = objects.open(&key(KEY), part, None).await?;
    Ok(object.bytes.try_collect::<Vec<Bytes>>().await?.concat())
}

async fn failure(urls: Arc<dyn PresignedUrls>, object: &str) -> Error {
    let error = objects(urls).open(&key(object), ALL, None).await.unwrap_err();
    for secret in ["Amz", "http", "127.0.0.1", "5ecret"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    error
}

async fn reads_parts(objects: &HttpObjects) {
    let content = content();
    let size = content.len();
    for (part, expected) in [
        (ALL, 0..size),
        (Part::Range(188..376), 188..376),
        (Part::Range(2_999_000..u64::MAX), 2_999_000..size),
        (Part::Range(2_999_000..4_000_000), 2_999_000..size),
        (Part::Last(1000), size - 1000..size),
        (Part::Last(u64::MAX), 0..size),
    ] {
        let object = objects.open(&key(KEY), part.clone(), None).await.unwrap();
        assert_eq!(object.range, expected.start as u64..expected.end as u64, "{part:?}");
        assert_eq!(object.origin.size, size as u64);
        assert!(object.origin.validator.is_some());
        assert!(read(objects, part).await.unwrap() == content[expected]);
    }
    let error = read(objects, Part::Range(3_000_000..3_000_001)).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(error.detail().contains("before what is to be read"), "{error}");
}

#[tokio::test]
async fn a_bucket_is_read_with_own_credentials() {
    let server = Server::s3();
    reads_parts(&objects(server.bucket(BUCKET, "5ecret"))).await;
    let missing = failure(server.bucket(BUCKET, "5ecret"), "site/door/2026/03/14/11-00-00.ts").await;
    assert_eq!(missing.kind(), &Kind::Gone);
    for (urls, code) in [
        (server.bucket(BUCKET, "wrong"), "SignatureDoesNotMatch"),
        (server.bucket("no-such-bucket", "5ecret"), "NoSuch"),
    ] {
        let error = failure(urls, KEY).await;
        assert!(error.detail().contains(code) || error.kind() == &Kind::Gone, "{error}");
        assert!(code != "SignatureDoesNotMatch" || error.kind() == &Kind::BadUpstream, "{error}");
    }
}

/// The first URL has expired, the next ones are good.
#[derive(Debug)]
struct Expiring {
    first: String,
    then: Arc<dyn PresignedUrls>,
    asked: AtomicUsize,
}

impl PresignedUrls for Expiring {
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>> {
        match self.asked.fetch_add(1, Ordering::Relaxed) {
            0 => ready(Ok(SecretUrl::parse(&self.first).unwrap())).boxed(),
            _ => self.then.url(recording),
        }
    }

    fn valid_for(&self) -> Duration {
        self.then.valid_for()
    }
}

#[tokio::test]
async fn a_url_that_has_expired_is_renewed() {
    let server = Server::s3();
    let then = server.bucket(BUCKET, "5ecret");
    let first =
        server.signer().signed_url(reqwest::Method::GET, &KEY.into(), Duration::from_secs(1)).await.unwrap();
    let status = || async { reqwest::get(first.clone()).await.unwrap().status().as_u16() };
    while status().await != 403 {}
    let urls = Arc::new(Expiring { first: first.to_string(), then, asked: AtomicUsize::default() });
    let objects = objects(Arc::clone(&urls) as _);
    assert!(read(&objects, ALL).await.unwrap() == content());
    assert_eq!(urls.asked.load(Ordering::Relaxed), 2);
}

/// URLs that need no signature.
#[derive(Debug)]
struct Open(String);

impl PresignedUrls for Open {
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>> {
        let url = SecretUrl::parse(&format!("{}/{BUCKET}/{}", self.0, recording.object));
        ready(Ok(url.unwrap())).boxed()
    }

    fn valid_for(&self) -> Duration {
        Duration::from_secs(60)
    }
}

#[tokio::test]
async fn nginx_serves_ranges() {
    let server = Server::nginx("");
    let urls = || Arc::new(Open(server.address.clone()));
    let objects = objects(urls());
    reads_parts(&objects).await;
    // s3s-fs 0.14 answers 500 to this.
    assert!(read(&objects, Part::Last(4_000_000)).await.unwrap() == content());
    assert_eq!(failure(urls(), "none.ts").await.kind(), &Kind::Gone);

    let origin = objects.open(&key(KEY), ALL, None).await.unwrap().origin;
    std::fs::write(server.object(), vec![0; 2_000_000]).unwrap();
    let error = objects.open(&key(KEY), Part::Range(0..10), Some(&origin)).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::Gone);
}

#[tokio::test]
async fn nginx_without_ranges_is_noticed() {
    let server = Server::nginx("max_ranges 0;");
    let objects = objects(Arc::new(Open(server.address.clone())));
    assert!(read(&objects, Part::Range(1000..2000)).await.unwrap() == content()[1000..2000]);
    let error = read(&objects, Part::Range(2_000_000..2_000_010)).await.unwrap_err();
    assert!(error.detail().contains("ignores Range"), "{error}");
}
