//! Every request from its coming to the last byte of its answer, for whoever measures from outside.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use crate::lock;

/// Where they are read (`GET`) and forgotten (`DELETE`).
pub(super) const PATH: &str = "/_stand-in/stats";

/// The requests since they were last forgotten.
#[derive(Debug)]
pub(super) struct Visits {
    since: Instant,
    all: Mutex<Vec<Arc<Visit>>>,
}

/// One request. Times are microseconds since the origin was started; 0: not yet.
#[derive(Debug)]
pub(super) struct Visit {
    since: Instant,
    key: String,
    range: Option<String>,
    came: u64,
    answered: AtomicU64,
    ended: AtomicU64,
    sent: AtomicU64,
}

impl Default for Visits {
    fn default() -> Self {
        Self { since: Instant::now(), all: Mutex::default() }
    }
}

impl Visits {
    pub(super) fn begin(&self, key: &str, range: Option<&str>) -> Arc<Visit> {
        let visit = Arc::new(Visit {
            since: self.since,
            key: key.to_owned(),
            range: range.map(str::to_owned),
            came: microseconds(self.since),
            answered: AtomicU64::default(),
            ended: AtomicU64::default(),
            sent: AtomicU64::default(),
        });
        lock(&self.all).push(Arc::clone(&visit));
        visit
    }

    pub(super) fn forget(&self) {
        lock(&self.all).clear();
    }

    fn to_json(&self) -> Value {
        let visits: Vec<Value> = lock(&self.all).iter().map(|visit| visit.to_json()).collect();
        json!({ "now_us": microseconds(self.since), "requests": visits })
    }
}

impl Visit {
    pub(super) fn on_answer(&self) {
        self.answered.store(microseconds(self.since), Ordering::Relaxed);
    }

    pub(super) fn on_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn on_end(&self) {
        self.ended.store(microseconds(self.since), Ordering::Relaxed);
    }

    fn to_json(&self) -> Value {
        json!({
            "key": self.key,
            "range": self.range,
            "came_us": self.came,
            "answered_us": self.answered.load(Ordering::Relaxed),
            "ended_us": self.ended.load(Ordering::Relaxed),
            "bytes": self.sent.load(Ordering::Relaxed),
        })
    }
}

fn microseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// `GET` and `DELETE` of [`PATH`]
pub(super) async fn stats(State(shared): State<Arc<Shared>>, method: Method) -> Response {
    match method {
        Method::GET => Json(shared.visits.to_json()).into_response(),
        Method::DELETE => {
            shared.visits.forget();
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}
