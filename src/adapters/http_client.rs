//! Questions to services that answer in JSON: bounded in time and size, asked again where that is safe and may help, and every
//! failure put into one of the kinds that [`error`](crate::error) knows.
//!
//! What a service says of a failure is passed on shortened and without anything that looks like a URL: those of cameras and of
//! objects contain secrets.

mod failure;
mod said;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use self::failure::Failure;
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::ports::{Upstream, UpstreamState};
use crate::tls;

/// A client of one service.
#[derive(Debug)]
pub struct JsonClient {
    service: Service,
    settings: Settings,
    client: Client,
    metrics: Arc<Metrics>,
    state: Mutex<UpstreamState>,
}

/// What a service is called.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// In metrics and in `/health`: `storage`.
    pub name: &'static str,
    /// In sentences: `The Storage Service`.
    pub title: &'static str,
}

/// How a service is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What its paths are put behind, without a slash at the end.
    pub base: String,
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for a whole answer, further tries included.
    pub answer: Duration,
    /// Largest answer that is read.
    pub max_bytes: usize,
}

/// An answer that was read to its end; its status is whatever it is.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    body: Bytes,
}

impl JsonClient {
    /// A client that has not asked anything yet.
    pub fn new(service: Service, settings: Settings, metrics: Arc<Metrics>) -> Self {
        let options =
            || Client::builder().connect_timeout(settings.connect).redirect(Policy::none()).no_proxy();
        let client = tls::client(options);
        Self { service, settings, client, metrics, state: Mutex::new(UpstreamState::Up) }
    }

    /// Asks for `target`, a path with its query: up to [`TRIES`] times where nobody answers, an answer breaks off or its status
    /// says that the service has failed.
    ///
    /// # Errors
    /// Where there is no whole answer in time, or it says that the service has failed (5xx).
    pub async fn get(&self, target: &str) -> Result<Answer> {
        let deadline = Instant::now() + self.settings.answer;
        let asked = match timeout_at(deadline, self.ask_again(target)).await {
            Ok(asked) => asked,
            Err(_) => Err(Failure::Late(self.settings.answer)),
        };
        self.note(asked)
    }

    async fn ask_again(&self, target: &str) -> Result<Answer, Failure> {
        let mut tried = 1;
        loop {
            match self.ask(target).await {
                Err(failure) if failure.may_pass() && tried < TRIES => sleep(rest(tried)).await,
                asked => return asked,
            }
            tried += 1;
        }
    }

    async fn ask(&self, target: &str) -> Result<Answer, Failure> {
        let response = self.client.get(format!("{}{target}", self.settings.base)).send().await?;
        let status = response.status();
        let answer = Answer { status, body: read(response, self.settings.max_bytes).await? };
        if status.is_server_error() { Err(Failure::Refused(answer)) } else { Ok(answer) }
    }

    /// What a successful answer says.
    ///
    /// # Errors
    /// Where it is none, or says something else.
    pub fn parse<T: DeserializeOwned>(&self, answer: Answer) -> Result<T> {
        let parsed = match answer.status.is_success() {
            true => serde_json::from_slice(&answer.body).map_err(Failure::Nonsense),
            false => Err(Failure::Refused(answer)),
        };
        self.note(parsed)
    }

    /// The error that says so: the service answered with a status that is of no use.
    pub fn refusal(&self, answer: Answer) -> Error {
        self.fail(Failure::Refused(answer))
    }

    /// The error that says so: what was asked for is no longer there. Nothing is wrong with the service.
    pub fn gone(&self, detail: String) -> Error {
        let error = Error::new(Kind::Gone, detail);
        self.metrics.on_upstream_failure(self.service.name, &error);
        error
    }

    /// The error that says so: the service did what it should not have done.
    pub fn wrong(&self, detail: &str) -> Error {
        self.fail(Failure::Wrong(detail.to_owned()))
    }

    fn note<T>(&self, result: Result<T, Failure>) -> Result<T> {
        match result {
            Ok(value) => {
                self.is(UpstreamState::Up);
                Ok(value)
            }
            Err(failure) => Err(self.fail(failure)),
        }
    }

    /// Notes a failure, for `/health` and the metrics.
    fn fail(&self, failure: Failure) -> Error {
        let error = failure.into_error(self.service.title);
        self.is(UpstreamState::Away(error.detail().to_owned()));
        self.metrics.on_upstream_failure(self.service.name, &error);
        error
    }

    fn is(&self, state: UpstreamState) {
        *self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = state;
    }
}

/// How often something is asked at most.
pub const TRIES: u32 = 3;

/// Before the second try; doubled before each further one. Up to half of it is left to chance, so that replicas do not ask in
/// step.
const REST: Duration = Duration::from_millis(100);

fn rest(tried: u32) -> Duration {
    REST * 2_u32.saturating_pow(tried - 1).min(32) * rand::random_range(50..=100) / 100
}

async fn read(mut response: Response, max_bytes: usize) -> Result<Bytes, Failure> {
    let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(Failure::TooLarge(max_bytes));
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Err(Failure::TooLarge(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl Answer {
    /// What it says as JSON, whatever its status.
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Upstream for JsonClient {
    fn name(&self) -> &'static str {
        self.service.name
    }

    /// As the last question found it.
    fn state(&self) -> UpstreamState {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}
