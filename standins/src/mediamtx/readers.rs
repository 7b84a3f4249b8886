//! What readers get: low-latency HLS (`hls`), and a WHEP end point that answers every offer, though there is no media
//! behind the answer.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::hls::{self, Asked};
use super::{Shared, nobody};
use crate::lock;

/// Everything that is not the API's.
pub(super) async fn read(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut response = route(&shared, request).await;
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, GET, POST, PATCH, DELETE"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Link, Location"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        response.headers_mut().insert::<HeaderName>(name, HeaderValue::from_static(value));
    }
    response
}

async fn route(shared: &Shared, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if parts.method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
    let Some((name, file)) = path.trim_start_matches('/').rsplit_once('/') else { return nobody() };
    match (&parts.method, file, name.strip_suffix("/whep")) {
        (&Method::POST, "whep", _) => match axum::body::to_bytes(body, LONGEST_OFFER).await {
            Ok(offer) => take_offer(shared, name, &parts.headers, &offer),
            Err(_) => StatusCode::BAD_REQUEST.into_response(),
        },
        (&Method::PATCH, id, Some(name)) if is_open(shared, name, id) => {
            StatusCode::NO_CONTENT.into_response()
        }
        (&Method::DELETE, id, Some(name)) if close(shared, name, id) => StatusCode::OK.into_response(),
        (&Method::GET, file, None) => match shared.playing(name) {
            Some(playing) => {
                let asked = Asked { name, file, uri: &parts.uri, headers: &parts.headers };
                hls::answer(shared, playing, asked).await
            }
            None => nobody(),
        },
        _ => nobody(),
    }
}

const LONGEST_OFFER: usize = 1 << 20;

/// Somebody who watches by WebRTC.
#[derive(Debug, Clone)]
pub(super) struct WhepSession {
    pub(super) name: String,
    id: String,
}

/// An offer has to be one; the answer has no media.
fn take_offer(shared: &Shared, name: &str, headers: &axum::http::HeaderMap, offer: &[u8]) -> Response {
    let is_sdp = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/sdp");
    if !is_sdp || !offer.starts_with(b"v=0") {
        return (StatusCode::BAD_REQUEST, "invalid offer").into_response();
    }
    if !lock(&shared.configured).contains_key(name) && shared.playing(name).is_none() {
        return nobody();
    }
    let id = Uuid::new_v4().to_string();
    let location = format!("/{name}/whep/{id}");
    lock(&shared.whep).open.push(WhepSession { name: name.to_owned(), id });
    lock(&shared.whep).offers.push(String::from_utf8_lossy(offer).into_owned());
    let headers = [(header::CONTENT_TYPE, "application/sdp".to_owned()), (header::LOCATION, location)];
    let answer = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    (StatusCode::CREATED, headers, answer).into_response()
}

fn is_open(shared: &Shared, name: &str, id: &str) -> bool {
    lock(&shared.whep).open.iter().any(|session| session.name == name && session.id == id)
}

fn close(shared: &Shared, name: &str, id: &str) -> bool {
    let was_open = is_open(shared, name, id);
    lock(&shared.whep).open.retain(|session| session.id != id);
    was_open
}
