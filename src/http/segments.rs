//! Segments: streamed as they are made, or whole for HTTP/1.0.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use remux::Packaging;
use tracing::Span;

use super::App;
use super::extract::InSession;
use super::params;
use super::problem::Problem;
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;

/// `GET` and `HEAD /sessions/{id}/segment/{index}.ts` or `.m4s`
pub(super) async fn segment(
    State(app): State<App>,
    InSession { id, rest: file }: InSession<String>,
    method: Method,
    version: Version,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (index, packaging) = params::segment(&file)?;
    let segment = app.playback().segment(id, index, packaging).await?;
    let caching = [(header::ETAG, segment.etag.clone()), (header::CACHE_CONTROL, CACHE_CONTROL.to_owned())];
    if is_known(&headers, &segment.etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    let made =
        Made { inner: segment.body, span: Span::current(), metrics: Arc::clone(&app.playback().metrics) };
    let body = match (method, version) {
        (Method::HEAD, _) => Body::from_stream(stream::empty::<Result<Bytes>>()),
        // An HTTP/1.0 client cannot tell a body that broke off from one that is complete, and caches keep either.
        (_, Version::HTTP_10 | Version::HTTP_09) => whole(&app, made).await?,
        _ => streamed(made).await?,
    };
    let content_type = match packaging {
        Packaging::TransportStream => "video/mp2t",
        Packaging::FragmentedMp4 => MP4,
    };
    Ok((caching, [(header::CONTENT_TYPE, content_type)], body).into_response())
}

/// `GET` and `HEAD /sessions/{id}/init/{number}.mp4`
pub(super) async fn initialization(
    State(app): State<App>,
    InSession { id, rest: file }: InSession<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let made = app.playback().initialization(id, params::initialization(&file)?).await?;
    let caching = [(header::ETAG, made.etag.clone()), (header::CACHE_CONTROL, CACHE_CONTROL.to_owned())];
    if is_known(&headers, &made.etag) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [(header::CONTENT_TYPE, MP4)], made.bytes).into_response())
}

/// Of media segments, too: `video/iso.segment` is known to fewer players and proxies.
const MP4: &str = "video/mp4";

/// The URL contains the session, and what is behind it never changes.
const CACHE_CONTROL: &str = "private, max-age=3600, immutable";

/// What goes wrong before the first byte still has a status of its own; after that the body ends abnormally.
async fn streamed(mut made: impl Stream<Item = Result<Bytes>> + Send + Unpin + 'static) -> Result<Body> {
    let first = made.next().await.transpose()?;
    Ok(Body::from_stream(stream::iter(first).map(Ok).chain(made)))
}

async fn whole(app: &App, mut made: impl Stream<Item = Result<Bytes>> + Unpin) -> Result<Body> {
    let limit = app.settings().http10_max_segment_bytes;
    let _turn = app.0.whole_segments.acquire().await;
    let mut body = Vec::new();
    while let Some(bytes) = made.next().await.transpose()? {
        if body.len() + bytes.len() > limit {
            let detail =
                format!("The segment is longer than {limit} bytes, which HTTP/1.0 is not served with.");
            return Err(Error::new(Kind::Busy { retry_after: 3600 }, detail));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body.into())
}

/// RFC 9110 §13.1.2, with the weak comparison that it asks for.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = tags.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

/// Counts what is handed out; what is logged on the way belongs to the request.
struct Made<S> {
    inner: S,
    span: Span,
    metrics: Arc<Metrics>,
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Stream for Made<S> {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let span = self.span.clone();
        let _entered = span.enter();
        let polled = self.inner.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            self.metrics.segment_bytes.inc_by(bytes.len() as u64);
        }
        polled
    }
}
