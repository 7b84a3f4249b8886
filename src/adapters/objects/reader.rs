//! Asks for parts of objects: retried, the URL renewed once, and the answer checked.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_UNMODIFIED_SINCE, RANGE};
use reqwest::{Client, Response, redirect};
use tokio::time::timeout;
use tracing::debug;

use super::answer::{Answer, Head, head, modified, range_header};
use super::failure::Failure;
use super::health::Health;
use super::patience::Patience;
use super::secret_url::{PresignedUrls, SecretUrl};
use super::urls::Urls;
use super::{Settings, UPSTREAM};
use crate::clock::Clock;
use crate::domain::{Origin, RecordingKey};
use crate::error::{Error, Result};
use crate::metrics::Metrics;
use crate::playback::ports::Part;
use crate::tls;

/// What all reads share.
#[derive(Debug)]
pub(super) struct Reader {
    client: Client,
    urls: Urls,
    pub(super) settings: Settings,
    pub(super) metrics: Arc<Metrics>,
    health: Health,
}

/// Connections that are kept open for the next request, and how long.
const IDLE_CONNECTIONS: usize = 64;
const IDLE_FOR: Duration = Duration::from_secs(30);

/// Of an answer that is an error so much is read, to find its code.
const MOST_OF_AN_ERROR: usize = 4096;

impl Reader {
    pub(super) fn new(
        urls: Arc<dyn PresignedUrls>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let options = || {
            Client::builder()
                .redirect(redirect::Policy::none())
                // Settings come from one place; and a URL is for nobody between.
                .no_proxy()
                .http1_only()
                .referer(false)
                .connect_timeout(settings.connect_timeout)
                .pool_idle_timeout(IDLE_FOR)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .tcp_keepalive(IDLE_FOR)
        };
        let client = tls::client(options);
        let urls = Urls::new(urls, &settings, clock);
        Self { client, urls, settings, metrics, health: Health::default() }
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// Opens a part that still has to be of the state `known`.
    pub(super) async fn open(
        &self,
        recording: &RecordingKey,
        part: &Part,
        known: Option<&Origin>,
    ) -> Result<Answer> {
        let answer = self.ask(recording, part, None).await.and_then(|answer| match known {
            Some(known) if !is_same(known, &answer.origin) => Err(Failure::Replaced),
            _ => Ok(answer),
        });
        answer.map_err(|failure| self.failed(recording, failure))
    }

    /// Opens what may be there or not: asked for once, and not to get it is no failure that counts.
    pub(super) async fn find(&self, recording: &RecordingKey, part: &Part) -> Option<Answer> {
        let range = range_header(part)?;
        let kept = self.urls.of(recording).await.ok()?;
        self.ask_once(&kept.url, part, &request_headers(&range, None)).await.ok()
    }

    /// Opens the rest of what was begun, of the same state.
    pub(super) async fn resume(
        &self,
        recording: &RecordingKey,
        rest: std::ops::Range<u64>,
        origin: &Origin,
    ) -> Result<Answer, Failure> {
        self.metrics.upstream_resumes.with_label_values(&[UPSTREAM]).inc();
        match self.ask(recording, &Part::Range(rest), Some(origin)).await {
            Ok(answer) if answer.origin == *origin => Ok(answer),
            Ok(_) | Err(Failure::BehindTheEnd { .. }) => Err(Failure::Changed),
            Err(failure) => Err(failure),
        }
    }

    /// The error that is told, and counted.
    pub(super) fn failed(&self, recording: &RecordingKey, failure: Failure) -> Error {
        // Who gives URLs counts its own failures.
        let is_ours = !matches!(failure, Failure::NoUrl(_));
        let error = failure.into_error(recording);
        if is_ours {
            self.metrics.on_upstream_failure(UPSTREAM, &error);
        }
        error
    }

    async fn ask(
        &self,
        recording: &RecordingKey,
        part: &Part,
        only: Option<&Origin>,
    ) -> Result<Answer, Failure> {
        let range = range_header(part).ok_or(Failure::BehindTheEnd { size: None })?;
        let headers = request_headers(&range, only);
        let mut patience = Patience::for_(self.settings.retry_within);
        loop {
            let failure = match self.ask_with_a_good_url(recording, part, &headers).await {
                Err(failure) if failure.is_passing() => failure,
                outcome => return outcome,
            };
            let Some(pause) = patience.next_pause() else { return Err(failure) };
            debug!(recording = %recording.id, reason = %failure, "asking again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask_with_a_good_url(
        &self,
        recording: &RecordingKey,
        part: &Part,
        headers: &HeaderMap,
    ) -> Result<Answer, Failure> {
        let kept = self.urls.of(recording).await.map_err(Failure::NoUrl)?;
        match self.ask_once(&kept.url, part, headers).await {
            Err(Failure::Refused { .. }) => {
                let kept = self.urls.instead_of(recording, &kept).await.map_err(Failure::NoUrl)?;
                self.ask_once(&kept.url, part, headers).await
            }
            outcome => outcome,
        }
    }

    async fn ask_once(&self, url: &SecretUrl, part: &Part, headers: &HeaderMap) -> Result<Answer, Failure> {
        let response =
            self.send(url, headers).await.inspect_err(|failure| self.health.on_failure(failure))?;
        self.health.on_answer();
        match head(response.status(), response.headers(), part) {
            Ok(Head { origin, range, skip }) => {
                let modified = modified(response.headers());
                Ok(Answer { origin, modified, range, skip, response })
            }
            Err(failure) => Err(self.explained(failure, response).await),
        }
    }

    async fn send(&self, url: &SecretUrl, headers: &HeaderMap) -> Result<Response, Failure> {
        self.metrics.upstream_requests.with_label_values(&[UPSTREAM]).inc();
        let longest = self.settings.connect_timeout + self.settings.first_byte_timeout;
        let sending = self.client.get(url.reveal().clone()).headers(headers.clone()).send();
        let answered = timeout(longest, sending).await.map_err(|_| Failure::Late(longest))?;
        answered.map_err(|error| Failure::unanswered(error, self.settings.connect_timeout))
    }

    /// Where the code in an answer's body says more than its status.
    async fn explained(&self, failure: Failure, response: Response) -> Failure {
        if !matches!(failure, Failure::Refused { .. } | Failure::Gone) {
            return failure;
        }
        let status = response.status();
        let code = timeout(self.settings.stall_timeout, error_code(response)).await.ok().flatten();
        match failure {
            // Not one recording, all of them.
            Failure::Gone if code.as_deref() == Some("NoSuchBucket") => Failure::Refused { status, code },
            Failure::Refused { .. } => Failure::Refused { status, code },
            other => other,
        }
    }
}

/// As far as either says anything.
fn is_same(known: &Origin, found: &Origin) -> bool {
    let differs = |(known, found): (&Arc<str>, &Arc<str>)| known != found;
    known.size == found.size && !known.validator.as_ref().zip(found.validator.as_ref()).is_some_and(differs)
}

fn request_headers(range: &str, only: Option<&Origin>) -> HeaderMap {
    let condition = only.and_then(|origin| condition(origin.validator.as_deref()?));
    let range = HeaderValue::from_str(range).ok().map(|range| (RANGE, range));
    range.into_iter().chain(condition).collect()
}

/// Servers need not look at it (RFC 9110 §13.1): what they answer is compared all the same.
fn condition(validator: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = match validator {
        // A weak one never matches (§13.1.1).
        weak if weak.starts_with("W/") => return None,
        etag if etag.starts_with('"') => IF_MATCH,
        _ => IF_UNMODIFIED_SINCE,
    };
    Some((name, HeaderValue::from_str(validator).ok()?))
}

/// `<Code>` of an error of S3.
async fn error_code(mut response: Response) -> Option<String> {
    let mut body = Vec::new();
    while body.len() < MOST_OF_AN_ERROR
        && let Ok(Some(bytes)) = response.chunk().await
    {
        body.extend_from_slice(&bytes);
    }
    code_in(&String::from_utf8_lossy(&body))
}

fn code_in(xml: &str) -> Option<String> {
    let (code, _) = xml.split_once("<Code>")?.1.split_once("</Code>")?;
    let is_code =
        code.len() <= 64 && !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_is_a_word_or_nothing() {
        assert_eq!(code_in("<Error><Code>NoSuchKey</Code>").as_deref(), Some("NoSuchKey"));
        for other in ["", "<Code></Code>", "<Code>a b</Code>", "<Code>x", "<html>"] {
            assert_eq!(code_in(other), None, "{other}");
        }
    }

    #[test]
    fn a_condition_fits_its_validator() {
        let name = |validator| condition(validator).map(|(name, _)| name);
        assert_eq!(name("\"abc\""), Some(IF_MATCH));
        assert_eq!(name("W/\"abc\""), None);
        assert_eq!(name("Sat, 14 Mar 2026 10:00:00 GMT"), Some(IF_UNMODIFIED_SINCE));
    }

    #[test]
    fn states_are_the_same_as_far_as_they_say() {
        let origin = |size, validator: Option<&str>| Origin { size, validator: validator.map(Into::into) };
        assert!(is_same(&origin(5, Some("a")), &origin(5, Some("a"))));
        assert!(is_same(&origin(5, None), &origin(5, Some("a"))));
        assert!(!is_same(&origin(5, Some("a")), &origin(5, Some("b"))));
        assert!(!is_same(&origin(5, None), &origin(6, None)));
    }
}
