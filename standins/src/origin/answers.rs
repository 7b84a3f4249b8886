//! What an origin answers.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use percent_encoding::percent_decode_str;

use super::body::{Sending, Source, body};
use super::range::Wanted;
use super::sign::{Verdict, hex};
use super::visits::Visit;
use super::{Asked, BUCKET, Behaviour, Content, Object, Ranges, Shared, Validators};
use crate::faults::s3_error;
use crate::lock;

/// `GET` and `HEAD` of `/{bucket}/{key}`
pub(super) async fn object(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let behaviour = lock(&shared.behaviour).clone();
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    let key = path.trim_start_matches('/').strip_prefix(BUCKET).and_then(|rest| rest.strip_prefix('/'));
    let key = key.unwrap_or_default().to_owned();
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
    let visit = shared.visits.begin(&key, range.as_deref());
    tokio::time::sleep(behaviour.latency).await;
    let query = uri.query().unwrap_or_default();
    let request = Request { method, query, headers: &headers, visit: &visit };
    let response = answer(&shared, &behaviour, &key, &request).unwrap_or_else(|refusal| refusal);
    visit.on_answer();
    lock(&shared.asked).push(Asked { key, range, status: response.status().as_u16() });
    response
}

struct Request<'a> {
    method: Method,
    query: &'a str,
    headers: &'a HeaderMap,
    visit: &'a Arc<Visit>,
}

impl Request<'_> {
    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn answer(
    shared: &Arc<Shared>,
    behaviour: &Behaviour,
    key: &str,
    request: &Request<'_>,
) -> Result<Response, Response> {
    check_access(shared, behaviour, key, request)?;
    let object = lock(&shared.objects).get(key).cloned().ok_or_else(no_such_key)?;
    let state = Current::of(shared, behaviour, key, &object).map_err(|_| no_such_key())?;
    if request.header(header::IF_MATCH).is_some_and(|wanted| !state.is(wanted)) {
        return Err(refusal(StatusCode::PRECONDITION_FAILED, "PreconditionFailed"));
    }
    let (status, range) = state.part(behaviour, request)?;
    let content_range = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), state.size);
    let length = range.end - range.start;
    let body = match request.method {
        Method::HEAD => Body::empty(),
        _ => {
            let sending = Sending::new(Arc::clone(shared), key.to_owned(), Arc::clone(request.visit));
            body(sending, state.source, range, behaviour.bytes_per_second)
        }
    };
    let mut response = (status, [(header::CONTENT_LENGTH, length.to_string())], body).into_response();
    let mut set = |name, value: &str| {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, content_type(key));
    if behaviour.ranges != Ranges::Ignored {
        set(header::ACCEPT_RANGES, "bytes");
    }
    if status == StatusCode::PARTIAL_CONTENT {
        set(header::CONTENT_RANGE, &content_range);
    }
    if let Some(etag) = &state.etag {
        set(header::ETAG, etag);
    }
    if let Some(modified) = &state.modified {
        set(header::LAST_MODIFIED, modified);
    }
    Ok(response)
}

fn check_access(
    shared: &Shared,
    behaviour: &Behaviour,
    key: &str,
    request: &Request<'_>,
) -> Result<(), Response> {
    if !behaviour.only_signed {
        return Ok(());
    }
    match shared.signer.check(key, request.query) {
        // A URL that is signed for GET is good for nothing else.
        Verdict::Holds if request.method == Method::GET => Ok(()),
        Verdict::Expired => Err(refusal(StatusCode::FORBIDDEN, "AccessDenied")),
        _ => Err(refusal(StatusCode::FORBIDDEN, "SignatureDoesNotMatch")),
    }
}

/// The state of an object when it was asked for.
struct Current {
    source: Source,
    size: u64,
    etag: Option<String>,
    modified: Option<String>,
}

impl Current {
    fn of(shared: &Shared, behaviour: &Behaviour, key: &str, object: &Object) -> io::Result<Self> {
        let (source, size, time) = match &object.content {
            Content::Bytes(bytes) => (Source::Bytes(bytes.clone()), bytes.len() as u64, object.put),
            Content::File(path) => {
                let file = File::open(path)?;
                let metadata = file.metadata()?;
                (Source::File(Arc::new(file)), metadata.len(), metadata.modified()?)
            }
        };
        let etag = || format!("\"{}\"", &hex(format!("{key}\n{size}\n{time:?}\n{}", object.change))[..32]);
        let new_etag = || format!("\"change-{}\"", shared.changes.fetch_add(1, Ordering::Relaxed));
        let (etag, modified) = match behaviour.validators {
            Validators::Both => (Some(etag()), Some(http_date(time))),
            Validators::LastModified => (None, Some(http_date(time))),
            Validators::None => (None, None),
            Validators::NewEachTime => (Some(new_etag()), None),
        };
        Ok(Self { source, size, etag, modified })
    }

    fn is(&self, validator: &str) -> bool {
        validator == "*" || [&self.etag, &self.modified].into_iter().flatten().any(|own| own == validator)
    }

    fn part(
        &self,
        behaviour: &Behaviour,
        request: &Request<'_>,
    ) -> Result<(StatusCode, Range<u64>), Response> {
        let same = request.header(header::IF_RANGE).is_none_or(|wanted| self.is(wanted));
        let ranges = behaviour.ranges;
        let range = request.header(header::RANGE).filter(|_| same && ranges != Ranges::Ignored);
        match Wanted::of(range, self.size) {
            Wanted::All => Ok((StatusCode::OK, 0..self.size)),
            Wanted::Part(range) if ranges == Ranges::Shifted => {
                Ok((StatusCode::PARTIAL_CONTENT, range.start + 1..range.end.max(range.start + 1)))
            }
            Wanted::Part(range) => Ok((StatusCode::PARTIAL_CONTENT, range)),
            Wanted::Nothing => {
                let mut response = refusal(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange");
                if let Ok(value) = format!("bytes */{}", self.size).parse() {
                    response.headers_mut().insert(header::CONTENT_RANGE, value);
                }
                Err(response)
            }
        }
    }
}

/// RFC 9110 §5.6.7
fn http_date(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn content_type(key: &str) -> &'static str {
    if key.ends_with(".mp4") { "video/mp4" } else { "video/mp2t" }
}

fn no_such_key() -> Response {
    refusal(StatusCode::NOT_FOUND, "NoSuchKey")
}

fn refusal(status: StatusCode, code: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/xml")], s3_error(code)).into_response()
}
