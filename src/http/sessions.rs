//! Sessions: open, show, extend, stop, playlist.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::{Span, info};

use super::extract::{Body, InSession};
use super::json::{LiveStream, Session, Status, Time, session_url};
use super::params::{Start, extension};
use super::problem::Problem;
use super::{App, observe};
use crate::domain::WallTime;
use crate::error::{Error, Kind};
use crate::playback::Opened;
use crate::playback::ports::{Kept, LiveSession, Stored};

/// `POST /start`
pub(super) async fn start(State(app): State<App>, Body(body): Body) -> Result<Response, Problem> {
    open(&app, &body, StatusCode::CREATED).await
}

/// `POST /request`: the older name.
pub(super) async fn request(State(app): State<App>, Body(body): Body) -> Result<Response, Problem> {
    open(&app, &body, StatusCode::OK).await
}

async fn open(app: &App, body: &[u8], status: StatusCode) -> Result<Response, Problem> {
    let begun = Instant::now();
    let Start { camera, range } = Start::parse(body)?;
    let opened = app.playback().open(camera, range);
    let opened = tokio::time::timeout(app.settings().open_timeout_seconds, opened).await;
    let Opened { session, expires_at } = opened.unwrap_or_else(|_| Err(still_reading()))?;
    let seconds = begun.elapsed().as_secs_f64();
    app.playback().metrics.open_seconds.observe(seconds);

    Span::current().record("session", observe::short_hash(session.id));
    let (recordings, segments) = (session.plan.stretches.len(), session.plan.segments());
    info!(camera = %session.camera, recordings, segments, seconds, "session opened");

    let base = base(app);
    let location = [(header::LOCATION, session_url(session.id, base)), no_store()];
    Ok((status, location, Json(Session::of(&session, expires_at, base))).into_response())
}

fn still_reading() -> Error {
    let detail = "The recordings of this range are being read for the first time, which takes longer than a request \
                  may. It goes on: try again in a moment.";
    Error::new(Kind::Busy { retry_after: 10 }, detail)
}

/// `GET /sessions/{id}`
pub(super) async fn show(State(app): State<App>, session: InSession) -> Result<Response, Problem> {
    let Kept { session, expires_at } = app.playback().session(session.id).await?;
    Ok(match session {
        Stored::Recorded(session) => {
            ([no_store()], Json(Session::of(&session, expires_at, base(&app)))).into_response()
        }
        Stored::Live(session) => {
            keep(&app, &session, expires_at).await;
            ([no_store()], Json(LiveStream::of(&session, expires_at))).into_response()
        }
    })
}

/// `DELETE /sessions/{id}`
pub(super) async fn stop(State(app): State<App>, session: InSession) -> Result<Json<Status>, Problem> {
    let Kept { session, .. } = app.playback().session(session.id).await?;
    app.playback().stop(session.id()).await?;
    info!("session stopped");
    if let (Stored::Live(session), Some(live)) = (session, app.live()) {
        live.close(&session).await;
    }
    Ok(Json(Status { status: "stopped", expires_at: None }))
}

/// `POST /sessions/{id}/extend`
pub(super) async fn extend(
    State(app): State<App>,
    session: InSession,
    Body(body): Body,
) -> Result<Json<Status>, Problem> {
    let duration = extension(&body)?;
    let Kept { session, .. } = app.playback().session(session.id).await?;
    let expires_at = app.playback().extend(session.id(), duration).await?;
    if let Stored::Live(session) = session {
        keep(&app, &session, expires_at).await;
    }
    Ok(Json(Status { status: "extended", expires_at: Some(Time(expires_at)) }))
}

/// `GET /sessions/{id}/playlist.m3u8`
pub(super) async fn playlist(State(app): State<App>, session: InSession) -> Result<Response, Problem> {
    let playlist = app.playback().playlist(session.id).await?;
    let headers =
        [(header::CONTENT_TYPE, "application/vnd.apple.mpegurl"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, playlist).into_response())
}

/// A session that is shown or extended is a session that somebody wants to go on with.
async fn keep(app: &App, session: &LiveSession, expires_at: WallTime) {
    if let Some(live) = app.live() {
        live.keep(session, expires_at).await;
    }
}

pub(super) fn base(app: &App) -> &str {
    app.settings().public_base_url.as_deref().unwrap_or_default()
}

/// Whoever knows an answer with a session's id may play the session.
pub(super) fn no_store() -> (header::HeaderName, String) {
    (header::CACHE_CONTROL, "no-store".to_owned())
}
