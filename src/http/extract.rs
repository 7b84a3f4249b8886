//! What handlers take from a request, with our own answers where it is not there.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use tracing::Span;

use super::problem::Problem;
use super::{App, observe, params};
use crate::domain::SessionId;
use crate::error::{Error, Kind};

/// The body of a request, within the limits of size and time.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest<App> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let settings = app.settings();
        let limit = settings.http_max_body_bytes;
        let body = axum::body::to_bytes(request.into_body(), limit);
        let body = tokio::time::timeout(settings.http_header_timeout_seconds, body).await;
        let invalid = |detail| Problem::from(Error::new(Kind::Invalid { field: None }, detail));
        match body {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) if is_over_limit(&error) => {
                let detail = format!("The body is longer than {limit} bytes.");
                Err(Error::new(Kind::TooLarge, detail).into())
            }
            Ok(Err(_)) => Err(invalid("The body broke off.")),
            Err(_) => Err(invalid("The body did not come in time.")),
        }
    }
}

fn is_over_limit(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<http_body_util::LengthLimitError>())
}

/// The session of `/sessions/{id}/…`, and what follows it in the path.
pub(super) struct InSession<T = ()> {
    pub(super) id: SessionId,
    pub(super) rest: T,
}

impl FromRequestParts<App> for InSession {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| bad_path())?;
        Ok(Self { id: known(&id)?, rest: () })
    }
}

impl FromRequestParts<App> for InSession<String> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((id, rest)) = path.map_err(|_| bad_path())?;
        Ok(Self { id: known(&id)?, rest })
    }
}

fn known(id: &str) -> Result<SessionId, Problem> {
    let id = params::session(id)?;
    Span::current().record("session", observe::short_hash(id));
    Ok(id)
}

/// The camera id of `/cameras/{id}/…`, decoded.
pub(super) struct InCamera(pub(super) String);

impl FromRequestParts<App> for InCamera {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| bad_path())?;
        Ok(Self(id))
    }
}

fn bad_path() -> Problem {
    Error::new(Kind::Invalid { field: None }, "The path is not valid UTF-8.").into()
}
