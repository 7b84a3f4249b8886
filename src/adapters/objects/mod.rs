//! Recordings that are objects of a server, read by HTTP.
//!
//! ```text
//! PresignedUrls (a bucket with own credentials, a Storage Service) ──> urls: kept until shortly before they expire
//! open ──> reader: one Range request; retried, its URL renewed once ──> answer: is it what was asked for?
//! poll ──> body: the bytes in order; what breaks off or stalls is resumed at the next byte, of the same state only
//! ```
//!
//! Nothing is read ahead of who polls but what a connection holds; to drop a body is to close its connection.

mod answer;
mod body;
mod bucket;
mod failure;
mod health;
mod patience;
mod reader;
mod secret_url;
mod urls;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use self::answer::Answer;
pub use self::bucket::{Bucket, BucketSettings};
use self::health::Health;
use self::reader::Reader;
pub use self::secret_url::{PresignedUrls, SecretUrl};
use super::remote::Beside;
use crate::clock::Clock;
use crate::domain::{Origin, RecordingId, RecordingKey, Version};
use crate::error::{Kind, Result};
use crate::metrics::Metrics;
use crate::playback::ports::{Object, Objects, Part, Probe, Upstream, UpstreamState};

/// How objects are read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the head of an answer after that.
    pub first_byte_timeout: Duration,
    /// Longest wait for the next bytes of an answer.
    pub stall_timeout: Duration,
    /// How long what may pass is tried again.
    pub retry_within: Duration,
    /// The hosts that URLs may name, as `host` or `host:port`; any where there are none.
    pub hosts: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            first_byte_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(10),
            retry_within: RETRY_WITHIN,
            hosts: Vec::new(),
        }
    }
}

/// Whoever waits for a segment has given up after this.
pub const RETRY_WITHIN: Duration = Duration::from_secs(5);

/// Objects behind URLs that somebody signs.
#[derive(Debug, Clone)]
pub struct HttpObjects(Arc<Reader>);

impl HttpObjects {
    /// Objects behind the URLs that `urls` gives.
    pub fn new(
        urls: Arc<dyn PresignedUrls>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Reader::new(urls, settings, clock, metrics)))
    }

    fn health(&self) -> &Health {
        self.0.health()
    }

    fn object(&self, recording: RecordingKey, answer: Answer) -> Object {
        let (origin, modified, range) = (answer.origin.clone(), answer.modified, answer.range.clone());
        Object { origin, modified, range, bytes: body::stream_of(Arc::clone(&self.0), recording, answer) }
    }
}

impl Objects for HttpObjects {
    /// What a catalogue says of a version is no more than that: its size and validator are not those of the bytes.
    fn open<'a>(
        &'a self,
        recording: &'a RecordingKey,
        part: Part,
        known: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Object>> {
        async move {
            let answer = self.0.open(recording, &part, known).await?;
            Ok(self.object(recording.clone(), answer))
        }
        .boxed()
    }
}

impl Probe for HttpObjects {
    /// Asks for an object that need not be there, signed as any other: who may not read hears so all the same.
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        let version = Version { size: 1, validator: "".into(), growing: false };
        let nothing = RecordingKey { id: RecordingId::from(NOTHING), object: NOTHING.into(), version };
        async move {
            match self.0.open(&nothing, &Part::Range(0..1), None).await {
                Err(error) if *error.kind() != Kind::Gone => Err(error),
                _ => Ok(()),
            }
        }
        .boxed()
    }
}

impl Beside for HttpObjects {
    fn beside<'a>(
        &'a self,
        recording: &'a RecordingKey,
        suffix: &'static str,
    ) -> BoxFuture<'a, Option<Object>> {
        let object = format!("{}{suffix}", recording.object).into();
        let key = RecordingKey { object, ..recording.clone() };
        async move {
            let answer = self.0.find(&key, &Part::Range(0..u64::MAX)).await?;
            Some(self.object(key, answer))
        }
        .boxed()
    }
}

const NOTHING: &str = "playback-probe";

impl Upstream for HttpObjects {
    fn name(&self) -> &'static str {
        UPSTREAM
    }

    fn state(&self) -> UpstreamState {
        self.health().state()
    }
}

/// The name in metrics and of `/health`.
const UPSTREAM: &str = "objects";
