//! The Storage Service: which recordings of a camera there are, and URLs to read them by.
//!
//! It is asked for more than is wanted, because one form of it gives only what lies wholly inside of what it is asked for;
//! `pages` puts what it gives together, `entry` reads it without trusting it, and `listing` chooses from it.

mod entry;
mod listing;
mod nearest;
mod pages;
mod presigned;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta};
use futures::FutureExt;
use futures::future::BoxFuture;
use moka::future::Cache;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::entry::{Entry, Page};
use super::dialect::{Dialect, Spoken, is_no_such_question};
use super::http_client::{self, JsonClient, Service};
use crate::domain::{CameraId, TimeRange, WallTime};
use crate::error::{Nearest, Result};
use crate::metrics::Metrics;
use crate::playback::ports::{Catalogue, Listing, Probe, Upstream, UpstreamState};

/// A Storage Service. Clones share everything.
#[derive(Debug, Clone)]
pub struct StorageService(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: JsonClient,
    spoken: Spoken,
    longest: TimeDelta,
    /// What was listed a moment ago: to open a session is to ask several times.
    recent: Cache<Asked, Arc<[Entry]>>,
}

/// How it is reached, and what is known of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its URL, without a slash at the end.
    pub url: String,
    /// In which form it answers; `None`: to be found out.
    pub dialect: Option<Dialect>,
    /// The longest recording there may be: so much is asked for around what is wanted.
    pub longest: Duration,
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for an answer.
    pub answer: Duration,
    /// How long a listing answers the same question again; zero: not at all.
    pub remember: Duration,
}

/// Camera, and the seconds from and to.
type Asked = (CameraId, i64, i64);

impl StorageService {
    /// The one that `settings` say. Nothing is asked yet.
    pub fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        let reached = http_client::Settings {
            base: settings.url,
            connect: settings.connect,
            answer: settings.answer,
            max_bytes: LARGEST_ANSWER,
        };
        let recent = Cache::builder()
            .max_capacity(if settings.remember.is_zero() { 0 } else { REMEMBERED_ROWS })
            .weigher(|_, entries: &Arc<[Entry]>| u32::try_from(entries.len()).unwrap_or(u32::MAX).max(1))
            .time_to_live(settings.remember)
            .build();
        Self(Arc::new(Inner {
            client: JsonClient::new(SERVICE, reached, metrics),
            spoken: Spoken::new(settings.dialect),
            longest: TimeDelta::from_std(settings.longest).unwrap_or(TimeDelta::MAX),
            recent,
        }))
    }

    /// Every row that may matter for `range`, and more.
    async fn entries(&self, camera: &CameraId, range: TimeRange) -> Result<Arc<[Entry]>> {
        let window = Window::around(range, self.0.longest);
        let asked = (camera.clone(), window.start.timestamp(), window.end.timestamp());
        let listed = self.0.recent.try_get_with(asked, async { self.all_pages(camera, window).await });
        listed.await.map_err(|error| (*error).clone())
    }

    /// What the service lists in `window`, or the beginning of it.
    async fn page(&self, camera: &CameraId, window: Window) -> Result<Page> {
        let Inner { client, spoken, .. } = &*self.0;
        for dialect in spoken.to_try() {
            let answer = client.get(&target(*dialect, camera, window)).await?;
            if is_no_such_question(answer.status) && spoken.to_try().len() > 1 {
                continue;
            }
            let page = client.parse(answer)?;
            spoken.on_understood(*dialect);
            return Ok(page);
        }
        Err(client
            .wrong("has no list of recordings in either of its forms; STORAGE_SERVICE_URL may be wrong"))
    }
}

const SERVICE: Service = Service { name: "storage", title: "The Storage Service" };

/// About ten times what a thousand rows take.
const LARGEST_ANSWER: usize = 4 << 20;

/// Rows that are remembered for a moment, of all cameras together; some 300 bytes each.
const REMEMBERED_ROWS: u64 = 100_000;

fn target(dialect: Dialect, camera: &CameraId, window: Window) -> String {
    let camera = encoded(camera.as_str());
    let [start, end] = [window.start, window.end].map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
    match dialect {
        Dialect::Documented => format!(
            "/api/v1/storage/segments?camera_id={camera}&start_time={start}&end_time={end}&limit={LIMIT}"
        ),
        Dialect::Deployed => format!("/api/v1/storage/segments/{camera}?start={start}&end={end}"),
    }
}

/// Rows that are asked for at a time, where that can be said.
const LIMIT: usize = 1000;

/// As a part of a path or as a value.
fn encoded(text: &str) -> impl std::fmt::Display {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, PLAIN)
}

/// What the service is asked for: whole seconds, in years of four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    start: WallTime,
    end: WallTime,
}

impl Window {
    /// `range`, and `more` on both sides.
    fn around(range: TimeRange, more: TimeDelta) -> Self {
        let start = range.start().checked_sub_signed(more).unwrap_or(WallTime::MIN_UTC);
        let end = range.end().checked_add_signed(more + TimeDelta::seconds(1)).unwrap_or(WallTime::MAX_UTC);
        Self::of_seconds(start.timestamp(), end.timestamp())
    }

    fn of_seconds(start: i64, end: i64) -> Self {
        let moment = |second: i64| DateTime::from_timestamp(second.clamp(FIRST, LAST), 0).unwrap_or_default();
        Self { start: moment(start), end: moment(end) }
    }
}

/// 0001-01-01T00:00:00Z
const FIRST: i64 = -62_135_596_800;

/// 9999-12-31T23:59:59Z
const LAST: i64 = 253_402_300_799;

impl Catalogue for StorageService {
    fn rows<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Listing>> {
        async move { Ok(listing::listing(&self.entries(camera, range).await?, camera, range)) }.boxed()
    }

    fn nearest<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Nearest>> {
        self.look_around(camera, range).boxed()
    }
}

impl Probe for StorageService {
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        let range = Window::of_seconds(0, 1);
        async move { self.page(&CameraId::none(), range).await.map(drop) }.boxed()
    }
}

impl Upstream for StorageService {
    fn name(&self) -> &'static str {
        self.0.client.name()
    }

    fn state(&self) -> UpstreamState {
        self.0.client.state()
    }
}
