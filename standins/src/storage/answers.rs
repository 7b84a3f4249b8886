//! What a Storage Service answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answers, Row, Shared, Sign};
use crate::{Dialect, lock};

/// Which rows a list gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selects {
    /// Those that share a moment with the range.
    Overlapping,
    /// Those that lie in it.
    Contained,
}

impl Selects {
    fn selects(self, row: &Row, start: DateTime<Utc>, end: DateTime<Utc>) -> bool {
        match self {
            Self::Overlapping => row.start < end && start < row.end,
            Self::Contained => start <= row.start && row.end <= end,
        }
    }
}

type Parameters = Query<HashMap<String, String>>;

/// `GET /api/v1/storage/segments?camera_id=&start_time=&end_time=&limit=`
pub(super) async fn documented(State(shared): State<Arc<Shared>>, Query(parameters): Parameters) -> Response {
    let answers = lock(&shared.answers).clone();
    if answers.dialect != Dialect::Documented {
        return no_such_page();
    }
    shared.lists.fetch_add(1, Ordering::Relaxed);
    let Some((start, end)) = range(&parameters, "start_time", "end_time") else {
        return failure(StatusCode::BAD_REQUEST, "bad time");
    };
    let Some(camera) = parameters.get("camera_id") else {
        return failure(StatusCode::BAD_REQUEST, "camera_id is missing");
    };
    let limit = parameters.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(answers.most_rows);
    let mut rows = shared.rows(camera, answers.selects, start, end);
    if answers.latest_first {
        rows.reverse();
    }
    rows.truncate(limit.min(answers.most_rows));
    Json(besides(json!({ "segments": rows }), &answers)).into_response()
}

/// `GET /api/v1/storage/segments/{camera_id}?start=&end=`
pub(super) async fn deployed(
    State(shared): State<Arc<Shared>>,
    Path(camera): Path<String>,
    Query(parameters): Parameters,
) -> Response {
    let answers = lock(&shared.answers).clone();
    if answers.dialect != Dialect::Deployed {
        return no_such_page();
    }
    shared.lists.fetch_add(1, Ordering::Relaxed);
    let Some((start, end)) = range(&parameters, "start", "end") else {
        return failure(StatusCode::BAD_REQUEST, "invalid time");
    };
    if answers.only_uuids && Uuid::parse_str(&camera).is_err() {
        return failure(StatusCode::INTERNAL_SERVER_ERROR, "invalid input syntax for type uuid");
    }
    let mut rows = shared.rows(&camera, Selects::Contained, start, end);
    rows.truncate(answers.most_rows);
    let count = rows.len();
    let rows = if rows.is_empty() { Value::Null } else { rows.into() };
    Json(besides(json!({ "segments": rows, "count": count }), &answers)).into_response()
}

/// `GET /api/v1/storage/segments/{id}/download?expiry_seconds=`
pub(super) async fn download(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(parameters): Parameters,
) -> Response {
    let sign = lock(&shared.sign).clone();
    let (Dialect::Documented, Some(Sign(sign))) = (lock(&shared.answers).dialect, sign) else {
        return no_such_page();
    };
    shared.downloads.fetch_add(1, Ordering::Relaxed);
    let path = lock(&shared.rows).iter().find(|row| row.id() == id).map(|row| row.path().to_owned());
    let Some(path) = path else { return failure(StatusCode::NOT_FOUND, "segment not found") };
    let seconds = parameters.get("expiry_seconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(900);
    Json(json!({ "url": sign(&path, Duration::from_secs(seconds)) })).into_response()
}

impl Shared {
    fn rows(&self, camera: &str, selects: Selects, start: DateTime<Utc>, end: DateTime<Utc>) -> Vec<Value> {
        let rows = lock(&self.rows);
        let selected = rows.iter().filter(|row| row.camera == camera && selects.selects(row, start, end));
        let mut selected: Vec<&Row> = selected.collect();
        selected.sort_by_key(|row| row.start);
        selected.into_iter().map(Row::to_json).collect()
    }
}

fn range(
    parameters: &HashMap<String, String>,
    start: &str,
    end: &str,
) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let time = |name| DateTime::parse_from_rfc3339(parameters.get(name)?).ok();
    Some((time(start)?.to_utc(), time(end)?.to_utc()))
}

fn besides(mut answer: Value, answers: &Answers) -> Value {
    if let (Some(answer), Some((name, value))) = (answer.as_object_mut(), &answers.besides) {
        answer.insert(name.clone(), value.clone());
    }
    answer
}

fn failure(status: StatusCode, message: &str) -> Response {
    let error = json!({ "error": { "message": message, "details": "stand-in" } });
    (status, Json(error)).into_response()
}

fn no_such_page() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found").into_response()
}
