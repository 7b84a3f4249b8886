//! Errors as `application/problem+json` (RFC 9457): the one place where a kind becomes a status.

use std::any::Any;

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use tracing::error;
use utoipa::ToSchema;

use super::json::Span;
use crate::error::{Error, Kind, Nearest};

/// A response that says what went wrong.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    retry_after: Option<u32>,
    body: Box<Body>,
}

/// Besides RFC 9457's members `error` and `message`, which existing clients read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body {
    #[serde(rename = "type")]
    #[schema(format = "uri")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    error: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<NearestBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Nearest)]
struct NearestBody {
    #[schema(required)]
    before: Option<Span>,
    #[schema(required)]
    after: Option<Span>,
}

impl Problem {
    fn new(status: StatusCode, slug: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let body = Body {
            kind: format!("urn:playback-service:problem:{slug}"),
            title,
            status: status.as_u16(),
            message: detail.clone(),
            detail,
            error: title,
            field: None,
            nearest: None,
        };
        Self { status, retry_after: None, body: Box::new(body) }
    }

    fn of(error: &Error) -> Self {
        let (status, slug, title) = describe(error.kind());
        let mut problem = Self::new(status, slug, title, error.detail());
        match error.kind() {
            Kind::Invalid { field } => problem.body.field = *field,
            Kind::NothingRecorded { nearest: Nearest { before, after } } => {
                let nearest = NearestBody { before: before.map(Span::from), after: after.map(Span::from) };
                problem.body.nearest = Some(nearest);
            }
            Kind::Busy { retry_after } => problem.retry_after = Some(*retry_after),
            _ => {}
        }
        problem
    }

    /// The status and the body that an error is answered with.
    pub(super) fn example(error: &Error) -> (StatusCode, Value) {
        let problem = Self::of(error);
        (problem.status, serde_json::to_value(&problem.body).unwrap_or_default())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if matches!(error.kind(), Kind::Internal) {
            error!(error = error.detail(), "internal error");
        }
        Self::of(&error)
    }
}

fn describe(kind: &Kind) -> (StatusCode, &'static str, &'static str) {
    match kind {
        Kind::Invalid { .. } => (StatusCode::BAD_REQUEST, "invalid-request", "Invalid request"),
        Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Request too large"),
        Kind::UnknownCamera => (StatusCode::NOT_FOUND, "unknown-camera", "Unknown camera"),
        Kind::NothingRecorded { .. } => (StatusCode::NOT_FOUND, "nothing-recorded", "Nothing recorded"),
        Kind::NoLiveView => (StatusCode::NOT_FOUND, "no-live-view", "No live view"),
        Kind::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized"),
        Kind::NoIngest => (StatusCode::FORBIDDEN, "no-ingest", "No indexing at ingest"),
        Kind::UnknownSession => (StatusCode::NOT_FOUND, "unknown-session", "Unknown session"),
        Kind::UnknownSegment => (StatusCode::NOT_FOUND, "unknown-segment", "Unknown segment"),
        Kind::Gone => (StatusCode::GONE, "recording-gone", "Recording gone"),
        Kind::Busy { .. } => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy"),
        Kind::BadUpstream => (StatusCode::BAD_GATEWAY, "bad-source", "Bad source"),
        Kind::UpstreamDown => (StatusCode::SERVICE_UNAVAILABLE, "source-down", "Source down"),
        Kind::UpstreamLate => (StatusCode::GATEWAY_TIMEOUT, "source-late", "Source late"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "Internal error"),
    }
}

/// What the log says of an answer: why something that the service depends on, or the service itself, failed. What clients do wrong
/// is left to them; it may be a path with the id of a session.
#[derive(Debug, Clone)]
pub(super) struct Why(pub(super) String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let headers =
            [(header::CONTENT_TYPE, "application/problem+json"), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.status, headers, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status.is_server_error() || self.status == StatusCode::GONE {
            response.extensions_mut().insert(Why(self.body.detail));
        }
        response
    }
}

/// No such path.
pub(super) async fn unknown_route(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "unknown-route",
        "Unknown route",
        format!("There is nothing at {}.", uri.path()),
    )
}

/// A path that has other methods.
pub(super) async fn method_not_allowed(method: Method) -> Problem {
    let detail = format!("{method} is not possible here.");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
}

/// A bug.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
    error!(panic = text, "a request ended in a bug");
    Problem::from(Error::internal("The service has a bug; it is in the log.")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::{Body as HttpBody, to_bytes};
    use axum::http::Request;
    use axum::routing::get;
    use tower::ServiceExt;
    use tower_http::catch_panic::CatchPanicLayer;

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        async fn bug() {
            panic!("secret {}", 7);
        }
        let router: Router = Router::new().route("/", get(bug)).layer(CatchPanicLayer::custom(panicked));
        let response = router.oneshot(Request::get("/").body(HttpBody::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
    }

    #[test]
    fn every_error_has_a_status_of_its_own_kind() {
        let statuses = [
            (Kind::Invalid { field: None }, 400),
            (Kind::Unauthorized, 401),
            (Kind::NoIngest, 403),
            (Kind::UnknownCamera, 404),
            (Kind::Gone, 410),
            (Kind::TooLarge, 413),
            (Kind::Internal, 500),
            (Kind::BadUpstream, 502),
            (Kind::UpstreamDown, 503),
            (Kind::UpstreamLate, 504),
        ];
        for (kind, status) in statuses {
            assert_eq!(Problem::from(Error::new(kind, "x")).status.as_u16(), status);
        }
    }
}
