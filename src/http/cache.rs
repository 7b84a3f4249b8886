//! What is kept of segments.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::App;
use super::openapi::shapes;
use crate::playback::Budget;
use crate::playback::ports::Tier;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CacheStats)]
pub(super) struct Stats {
    tiers: Vec<TierStats>,
    /// Segments on their way.
    inflight: Memory,
    /// Segments made ahead.
    prefetch: Memory,
}

#[derive(Debug, Serialize, ToSchema)]
struct TierStats {
    name: &'static str,
    #[schema(schema_with = shapes::on_or_off)]
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    entries: u64,
    bytes: u64,
    limit_bytes: u64,
    hits: u64,
    misses: u64,
    evictions: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Memory {
    bytes: u64,
    limit_bytes: u64,
}

/// `GET /cache/stats`
pub(super) async fn stats(State(app): State<App>) -> Response {
    let playback = app.playback();
    let stats = Stats {
        tiers: playback.ports.cache.tiers().into_iter().map(TierStats::from).collect(),
        inflight: playback.flights.budget().into(),
        prefetch: playback.ahead.budget().into(),
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(stats)).into_response()
}

impl From<Tier> for TierStats {
    fn from(tier: Tier) -> Self {
        Self {
            name: tier.name,
            state: if tier.off.is_none() { "on" } else { "off" },
            reason: tier.off,
            entries: tier.entries,
            bytes: tier.bytes,
            limit_bytes: tier.limit,
            hits: tier.hits,
            misses: tier.misses,
            evictions: tier.evictions,
        }
    }
}

impl From<&Budget> for Memory {
    fn from(budget: &Budget) -> Self {
        Self { bytes: budget.used(), limit_bytes: budget.limit() }
    }
}
