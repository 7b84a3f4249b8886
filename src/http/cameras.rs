//! Cameras, and what they recorded.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};

use super::App;
use super::extract::InCamera;
use super::json::{CameraList, Limits, Timeline};
use super::params;
use super::problem::Problem;
use crate::domain::LiveFormat;
use crate::error::Error;

/// `GET /cameras`
pub(super) async fn list(State(app): State<App>) -> Result<Json<CameraList>, Problem> {
    let playback = app.playback();
    let cameras = playback.ports.cameras.list().await?;
    let max_range_seconds = playback.settings.max_range.get() / remux::time::Ticks::SECOND.get();
    Ok(Json(CameraList {
        cameras: cameras.into_iter().map(Into::into).collect(),
        limits: Limits { max_range_seconds },
        live: app.live().into_iter().flat_map(|_| LiveFormat::ALL).map(LiveFormat::name).collect(),
    }))
}

/// `GET /cameras/{id}/recordings?start_time&end_time`
pub(super) async fn recordings(
    State(app): State<App>,
    InCamera(id): InCamera,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let camera = params::camera(&id)?;
    let (range, asked) = params::range(query.as_deref())?;
    let footage = app.playback().ports.recordings.overlapping(&camera, range).await?;
    if footage.recordings.is_empty() && footage.unreadable.is_empty() {
        app.playback().check_camera(&camera).await?;
    }
    if footage.recordings.len() > MOST_LISTED {
        let detail = format!("and end_time must be closer: the range has more than {MOST_LISTED} recordings");
        return Err(Error::invalid("start_time", detail).into());
    }
    Ok(Json(Timeline::of(camera.as_str(), asked, &footage)).into_response())
}

/// More are not listed at a time: they would be an answer of 40 MB.
const MOST_LISTED: usize = 100_000;
