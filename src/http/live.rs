//! Live view: open. The rest of a live session is in [`sessions`](super::sessions).

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::{Span, info};

use super::extract::Body;
use super::json::{LiveStream, session_url};
use super::params::Watch;
use super::problem::Problem;
use super::sessions::{base, no_store};
use super::{App, observe};
use crate::error::{Error, Kind};
use crate::live::Opened;

/// `POST /live`
pub(super) async fn open(State(app): State<App>, Body(body): Body) -> Result<Response, Problem> {
    let Watch { camera, format } = Watch::parse(&body)?;
    let live = app.live().ok_or_else(off)?;
    let Opened { session, expires_at } = live.open(camera, format).await?;

    Span::current().record("session", observe::short_hash(session.id));
    info!(camera = %session.camera, format = format.name(), made = session.plan.made, "live session opened");

    let location = [(header::LOCATION, session_url(session.id, base(&app))), no_store()];
    Ok((StatusCode::CREATED, location, Json(LiveStream::of(&session, expires_at))).into_response())
}

fn off() -> Error {
    Error::new(Kind::NoLiveView, "Live view is not configured: MEDIAMTX_URL says where streams are served.")
}
