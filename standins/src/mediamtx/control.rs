//! The Control API.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Shared;
use crate::lock;

type Answer = Result<Response, Response>;

/// A call that may be made; it is on record.
pub(super) struct Call;

impl FromRequestParts<Arc<Shared>> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Response> {
        let given = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let wanted = lock(&shared.behaviour).credentials.clone();
        if let Some((user, password)) = wanted {
            let wanted = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
            if given != Some(&wanted) {
                return Err(failure(StatusCode::UNAUTHORIZED, "authentication error"));
            }
        }
        lock(&shared.calls).push(format!("{} {}", parts.method, parts.uri.path()));
        Ok(Self)
    }
}

/// `POST /v3/config/paths/add/{name}`
pub(super) async fn add(
    _: Call,
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let settings = object(&body)?;
    let mut configured = lock(&shared.configured);
    if configured.contains_key(&name) {
        return Err(failure(StatusCode::BAD_REQUEST, "path already exists"));
    }
    configured.insert(name, settings);
    Ok(StatusCode::OK.into_response())
}

/// `PATCH /v3/config/paths/patch/{name}`
pub(super) async fn change(
    _: Call,
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer {
    let settings = object(&body)?;
    lock(&shared.configured).get_mut(&name).ok_or_else(not_found)?.extend(settings);
    Ok(StatusCode::OK.into_response())
}

/// `DELETE /v3/config/paths/delete/{name}`
pub(super) async fn remove(_: Call, State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    lock(&shared.configured).remove(&name).ok_or_else(not_found)?;
    lock(&shared.states).remove(&name);
    Ok(StatusCode::OK.into_response())
}

/// `GET /v3/config/paths/get/{name}`
pub(super) async fn configuration(
    _: Call,
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Answer {
    let settings = lock(&shared.configured).get(&name).cloned().ok_or_else(not_found)?;
    Ok(Json(named(&name, settings)).into_response())
}

/// `GET /v3/config/paths/list`
pub(super) async fn configurations(_: Call, State(shared): State<Arc<Shared>>) -> Response {
    let items: Vec<Value> =
        lock(&shared.configured).clone().into_iter().map(|(name, settings)| named(&name, settings)).collect();
    Json(json!({ "pageCount": 1, "itemCount": items.len(), "items": items })).into_response()
}

/// `GET /v3/paths/get/{name}`
pub(super) async fn state(_: Call, State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    if !lock(&shared.configured).contains_key(&name) {
        return Err(not_found());
    }
    let state = lock(&shared.states).get(&name).cloned().unwrap_or_default();
    let readers = shared.readers(&name).into_iter().enumerate();
    let readers: Vec<Value> =
        readers.map(|(number, kind)| json!({ "type": kind, "id": number.to_string() })).collect();
    let mut answer = json!({
        "name": name, "confName": name, "ready": state.ready, "tracks": [], "bytesReceived": 0, "bytesSent": 0,
        "readers": readers,
    });
    if !lock(&shared.behaviour).before_1_16 {
        answer["available"] = state.ready.into();
    }
    Ok(Json(answer).into_response())
}

fn named(name: &str, mut settings: Map<String, Value>) -> Value {
    settings.insert("name".to_owned(), name.into());
    settings.into()
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Response> {
    serde_json::from_slice(body).map_err(|error| failure(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn not_found() -> Response {
    failure(StatusCode::NOT_FOUND, "path not found")
}

fn failure(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "status": "error", "error": error }))).into_response()
}

/// RFC 4648 §4
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let bits =
            (0..3).fold(0, |bits, index| bits << 8 | usize::from(chunk.get(index).copied().unwrap_or(0)));
        let digit = move |index: usize| char::from(ALPHABET[bits >> (18 - 6 * index) & 63]);
        let written = chunk.len() + 1;
        (0..4).map(|index| if index < written { digit(index) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_as_rfc_4648_has_it() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }
}
