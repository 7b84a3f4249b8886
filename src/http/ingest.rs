//! Indexing at ingest, for whoever knows the secret.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::info;
use utoipa::ToSchema;

use super::App;
use super::extract::Body;
use super::params::{Created, Stretch};
use super::problem::Problem;
use crate::error::{Error, Kind, Result};
use crate::playback::Queued;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    queued: usize,
    known: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Noted {
    queued: usize,
    ignored: usize,
}

/// `POST /index`
pub(super) async fn range(
    State(app): State<App>,
    _: Allowed,
    Body(body): Body,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let Stretch { camera, range } = Stretch::parse(&body)?;
    let Queued { queued, known } = app.playback().index(&camera, range).await?;
    info!(%camera, queued, known, "to be indexed");
    Ok((StatusCode::ACCEPTED, Json(Accepted { queued, known })))
}

/// `POST /index/minio`
pub(super) async fn event(
    State(app): State<App>,
    _: Allowed,
    Body(body): Body,
) -> Result<(StatusCode, Json<Noted>), Problem> {
    let Created { keys, others } = Created::parse(&body)?;
    let queued = app.playback().index_new(keys.iter().map(String::as_str))?;
    let ignored = keys.len() - queued + others;
    Ok((StatusCode::ACCEPTED, Json(Noted { queued, ignored })))
}

/// Who asks knows the secret.
pub(super) struct Allowed;

impl FromRequestParts<App> for Allowed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let secret = app.settings().ingest_secret.as_ref().ok_or_else(off)?;
        let given = bearer(&parts.headers).ok_or_else(unauthorized)?;
        if is_same(given, secret.reveal().as_bytes()) { Ok(Self) } else { Err(unauthorized().into()) }
    }
}

/// RFC 6750 §2.1; the scheme in any case (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = given.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

const SCHEME: &[u8] = b"Bearer ";

/// How long it takes says nothing of either: what is compared are hashes, and all of them.
fn is_same(given: &[u8], secret: &[u8]) -> bool {
    let (given, secret) = (Sha256::digest(given), Sha256::digest(secret));
    let differences = given.iter().zip(&*secret).fold(0, |differences, (a, b)| differences | (a ^ b));
    std::hint::black_box(differences) == 0
}

fn off() -> Error {
    let detail = "Indexing at ingest is off: INGEST_SECRET says who may ask for it.";
    Error::new(Kind::NoIngest, detail)
}

fn unauthorized() -> Error {
    let detail = "Authorization: Bearer, with the secret of INGEST_SECRET, is missing or wrong.";
    Error::new(Kind::Unauthorized, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_behind_the_scheme() {
        for (given, expected) in [
            ("Bearer 5ecret", Some("5ecret")),
            ("bearer  5ecret ", Some("5ecret")),
            ("Bearer", None),
            ("Basic 5ecret", None),
            ("5ecret", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, given.parse().unwrap())]);
            assert_eq!(bearer(&headers), expected.map(str::as_bytes), "{given:?}");
        }
        assert!(is_same(b"5ecret", b"5ecret"));
        assert!(!is_same(b"5ecre", b"5ecret") && !is_same(b"", b"5ecret"));
    }
}
