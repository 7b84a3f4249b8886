//! MediaMTX's Control API (1.15 and newer): paths are added, looked at and deleted by their names.
//!
//! Nothing that MediaMTX says of a failure is passed on: it may quote the source, and with it the camera's password.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::live::encoded;
use crate::live::ports::{Ensured, MediaServer, SourceUrl};
use crate::metrics::Metrics;
use crate::playback::ports::{Probe, Upstream, UpstreamState};
use crate::tls;

/// The Control API of a MediaMTX.
#[derive(Debug)]
pub struct MediaMtx {
    client: Client,
    settings: Settings,
    metrics: Arc<Metrics>,
    state: Mutex<UpstreamState>,
}

/// How it is reached.
#[derive(Clone)]
pub struct Settings {
    /// Where its API is.
    pub api: Url,
    /// User and password, where it wants them.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("api", &self.api.as_str()).finish_non_exhaustive()
    }
}

/// What the configuration of a path says, as far as we write it.
#[derive(Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Path {
    source: String,
    source_on_demand: bool,
    source_on_demand_start_timeout: String,
    source_on_demand_close_after: String,
}

impl Path {
    /// Reads a camera for as long as somebody watches.
    fn of(source: &SourceUrl) -> Self {
        Self {
            source: source.reveal().to_owned(),
            source_on_demand: true,
            source_on_demand_start_timeout: "15s".to_owned(),
            source_on_demand_close_after: "10s".to_owned(),
        }
    }

    /// Whether it looks like one that was made here from another source, of a camera that has got a new password since.
    fn is_outdated(&self, present: &Self) -> bool {
        let as_it_would_be = Self { source: present.source.clone(), ..self.clone() };
        as_it_would_be == *present
            && self.source != present.source
            && SourceUrl::parse(&self.source).is_some()
    }
}

/// A path in use.
#[derive(Debug, Deserialize)]
struct Active {
    #[serde(default)]
    readers: Vec<Value>,
}

impl MediaMtx {
    /// The API that `settings` say. Nothing is asked yet.
    pub fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        let options = || {
            let client = Client::builder().connect_timeout(CONNECT_WITHIN).timeout(ANSWER_WITHIN);
            client.redirect(Policy::none()).no_proxy()
        };
        let client = tls::client(options);
        Self { client, settings, metrics, state: Mutex::new(UpstreamState::Up) }
    }

    async fn ensure_path(&self, path: &str, source: Option<&SourceUrl>) -> Result<Ensured> {
        let Some(present) = source.map(Path::of) else { return self.look(path).await };
        match self.configured(path).await? {
            Some(found) if found.is_outdated(&present) => {
                self.patch(path, &present).await?;
                Ok(Ensured::Found)
            }
            Some(_) => Ok(Ensured::Found),
            None => self.add(path, &present).await,
        }
    }

    /// A path that somebody publishes to need not be configured by its own name.
    async fn look(&self, path: &str) -> Result<Ensured> {
        let is_there = self.configured(path).await?.is_some() || self.active(path).await?.is_some();
        Ok(if is_there { Ensured::Found } else { Ensured::Missing })
    }

    async fn configured(&self, path: &str) -> Result<Option<Path>> {
        let answer = self.ask(Method::GET, "v3/config/paths/get", path, None).await?;
        answer.unless_missing()?.map(|answer| answer.json()).transpose()
    }

    async fn active(&self, path: &str) -> Result<Option<Active>> {
        let answer = self.ask(Method::GET, "v3/paths/get", path, None).await?;
        answer.unless_missing()?.map(|answer| answer.json()).transpose()
    }

    async fn add(&self, path: &str, present: &Path) -> Result<Ensured> {
        let answer = self.ask(Method::POST, "v3/config/paths/add", path, Some(present)).await?;
        if answer.status != StatusCode::BAD_REQUEST {
            return answer.ok().map(|_| Ensured::Made);
        }
        // Another replica, or somebody else, was faster; what it made is not ours.
        self.patch(path, present).await?;
        Ok(Ensured::Found)
    }

    async fn patch(&self, path: &str, present: &Path) -> Result<()> {
        self.ask(Method::PATCH, "v3/config/paths/patch", path, Some(present)).await?.ok().map(drop)
    }

    async fn delete(&self, path: &str) -> Result<()> {
        let answer = self.ask(Method::DELETE, "v3/config/paths/delete", path, None).await?;
        answer.unless_missing().map(drop)
    }

    async fn ask(&self, method: Method, call: &str, path: &str, body: Option<&Path>) -> Result<Answer> {
        let base = self.settings.api.as_str().trim_end_matches('/');
        let mut request = self.client.request(method, format!("{base}/{call}/{}", encoded(path)));
        if let Some((user, password)) = &self.settings.credentials {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = match request.send().await {
            Ok(response) => Answer::read(response).await,
            Err(error) => Err(failure(&error)),
        };
        answer.map_err(|kind| Error::new(kind.clone(), detail(&kind)))
    }

    /// Notes how a call went, for `/health` and the metrics.
    fn note<T>(&self, result: Result<T>) -> Result<T> {
        let state = match &result {
            Ok(_) => UpstreamState::Up,
            Err(error) => UpstreamState::Away(error.detail().to_owned()),
        };
        *self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = state;
        result.inspect_err(|error| self.metrics.on_upstream_failure(NAME, error))
    }
}

const NAME: &str = "mediamtx";

/// It is near, or away.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// No call waits for a camera.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The longest answer that is read; the configuration of a path has some kilobytes, and a reader some hundred bytes.
const LONGEST_ANSWER: usize = 4 << 20;

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    async fn read(mut response: Response) -> std::result::Result<Self, Kind> {
        let status = response.status();
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(Kind::BadUpstream);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self { status, body: body.freeze() })
    }

    fn ok(self) -> Result<Self> {
        match self.status {
            status if status.is_success() => Ok(self),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Error::new(
                Kind::BadUpstream,
                "The media server refuses its Control API; MEDIAMTX_API_USER and MEDIAMTX_API_PASSWORD say who asks.",
            )),
            status => Err(Error::new(
                Kind::BadUpstream,
                format!(
                    "The media server did not do what it was asked for (it answered {}).",
                    status.as_u16()
                ),
            )),
        }
    }

    fn unless_missing(self) -> Result<Option<Self>> {
        if self.status == StatusCode::NOT_FOUND { Ok(None) } else { self.ok().map(Some) }
    }

    fn json<T: for<'a> Deserialize<'a>>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Error::new(Kind::BadUpstream, detail(&Kind::BadUpstream)))
    }
}

fn failure(error: &reqwest::Error) -> Kind {
    match error {
        error if error.is_timeout() && !error.is_connect() => Kind::UpstreamLate,
        error if error.is_decode() || error.is_builder() => Kind::BadUpstream,
        _ => Kind::UpstreamDown,
    }
}

fn detail(kind: &Kind) -> &'static str {
    match kind {
        Kind::UpstreamLate => "The media server did not answer in time.",
        Kind::UpstreamDown => "The media server cannot be reached.",
        _ => "The media server gave an answer that makes no sense.",
    }
}

impl MediaServer for MediaMtx {
    fn ensure<'a>(&'a self, path: &'a str, source: Option<&'a SourceUrl>) -> BoxFuture<'a, Result<Ensured>> {
        self.ensure_path(path, source).map(|result| self.note(result)).boxed()
    }

    fn has_readers<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<bool>> {
        let active = self.active(path).map(|result| self.note(result));
        async { Ok(active.await?.is_some_and(|active| !active.readers.is_empty())) }.boxed()
    }

    fn take_down<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        self.delete(path).map(|result| self.note(result)).boxed()
    }
}

/// What is read of a list.
#[derive(Deserialize)]
#[allow(dead_code, reason = "that it is there is all that matters")]
struct List {
    items: Vec<serde::de::IgnoredAny>,
}

impl Probe for MediaMtx {
    /// Reads what may be written.
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        async {
            let answer = self.ask(Method::GET, "v3/config/paths", "list", None).await;
            self.note(answer)?.ok()?.json::<List>().map(drop)
        }
        .boxed()
    }
}

impl Upstream for MediaMtx {
    fn name(&self) -> &'static str {
        NAME
    }

    /// As the last call found it.
    fn state(&self) -> UpstreamState {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}
