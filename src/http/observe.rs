//! Every request: an id, a span, a line in the log, a count.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use sha2::{Digest, Sha256};
use tracing::{Instrument, debug, info, info_span, warn};
use uuid::Uuid;

use super::App;
use super::problem::Why;
use crate::domain::SessionId;

/// `X-Request-Id`: taken from the client where it makes sense, made otherwise, and given back.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(&request);
    // The template and not the path: a path contains a session's id, and whoever knows that may play the session.
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let span = info_span!("request", request_id = id.to_str().ok(), method = %request.method(), route, session = tracing::field::Empty);

    let mut response = next.run(request).instrument(span.clone()).await;
    app.playback().metrics.requests.with_label_values(&[response.status().as_str()]).inc();
    span.in_scope(|| log(&response, &route, begun));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn log(response: &Response, route: &str, begun: Instant) {
    let (status, milliseconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64() * 1000.0);
    let why = response.extensions().get::<Why>().map(|Why(why)| why.as_str());
    match status {
        410 | 500.. => warn!(status, milliseconds, why, "answered"),
        // What players and machines ask all the time is told only to who wants to know.
        ..400 if is_routine(route) => debug!(status, milliseconds, "answered"),
        _ => info!(status, milliseconds, "answered"),
    }
}

fn is_routine(route: &str) -> bool {
    route.ends_with("/segment/{file}")
        || ["/health", "/livez", "/metrics", "/", "/assets/{file}"].contains(&route)
}

fn request_id(request: &Request) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID).filter(|given| {
        let bytes = given.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=LONGEST_ID).contains(&bytes.len()) && bytes.iter().all(is_plain)
    });
    let made = || HeaderValue::from_str(&Uuid::new_v4().simple().to_string());
    given.cloned().or_else(|| made().ok()).unwrap_or(HeaderValue::from_static("none"))
}

/// The longest id that is taken from a client.
const LONGEST_ID: usize = 64;

/// A session in the log: enough to tell sessions apart, not enough to play one.
pub(super) fn short_hash(id: SessionId) -> String {
    Sha256::digest(id.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
