//! What machines ask: is it alive, is it well, how much does it do.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::App;
use super::openapi::shapes;
use crate::playback::ports::UpstreamState;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    #[schema(schema_with = shapes::health)]
    status: &'static str,
    version: &'static str,
    /// `null` while nobody can say.
    #[schema(required)]
    active_sessions: Option<u64>,
    /// What the service depends on, by name: `up`, or what is wrong.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    upstreams: Map<String, Value>,
}

/// `GET /health`: 503 only while starting or going; an upstream that is away degrades.
pub(super) async fn health(State(app): State<App>) -> Response {
    let upstreams = &app.0.upstreams;
    let states: Vec<_> = upstreams.iter().map(|upstream| (upstream.name(), upstream.state())).collect();
    let any = |wanted: fn(&UpstreamState) -> bool| states.iter().any(|(_, state)| wanted(state));
    let (code, status) = if app.0.draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if any(|state| matches!(state, UpstreamState::Starting)) {
        (StatusCode::SERVICE_UNAVAILABLE, "starting")
    } else if any(|state| matches!(state, UpstreamState::Away(_))) {
        (StatusCode::OK, "degraded")
    } else {
        (StatusCode::OK, "healthy")
    };
    let health = Health {
        status,
        version: env!("CARGO_PKG_VERSION"),
        active_sessions: app.playback().ports.sessions.active().await.ok(),
        upstreams: states.into_iter().map(|(name, state)| (name.to_owned(), text(state).into())).collect(),
    };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(health)).into_response()
}

fn text(state: UpstreamState) -> String {
    match state {
        UpstreamState::Starting => "starting".to_owned(),
        UpstreamState::Up => "up".to_owned(),
        UpstreamState::Away(why) => why,
    }
}

/// `GET /livez`: the process answers.
pub(super) async fn livez() -> &'static str {
    "ok\n"
}

/// `GET /metrics`
pub(super) async fn metrics(State(app): State<App>) -> Response {
    // The gauge is set by whoever counts sessions; those that expired meanwhile are counted now.
    let _ = app.playback().ports.sessions.active().await;
    let playback = app.playback();
    playback.metrics.inflight_bytes.set(i64::try_from(playback.flights.budget().used()).unwrap_or(i64::MAX));
    let text = playback.metrics.text();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
