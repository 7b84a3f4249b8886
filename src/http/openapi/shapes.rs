//! Shapes that are not those of a type: strings of a certain form, and bodies that are read member by member.

use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::json::Time;
use super::super::problem;
use crate::domain::LiveFormat;

/// What `POST /start` takes; [`Start`](super::super::params::Start) reads it.
#[derive(ToSchema)]
#[schema(as = StartRequest, example = json!({
    "camera_id": "cam-001-entrance", "format": "hls",
    "start_time": "2026-03-14T10:00:30Z", "end_time": "2026-03-14T10:08:30Z",
}))]
#[allow(dead_code, reason = "it is a shape only")]
pub(super) struct StartRequest {
    #[schema(schema_with = camera_id)]
    camera_id: String,
    start_time: Time,
    /// After `start_time`, and no further from it than `limits` of the list of cameras says.
    end_time: Time,
    #[schema(schema_with = recorded_format)]
    format: String,
}

/// What `POST /index` takes; [`Stretch`](super::super::params::Stretch) reads it.
#[derive(ToSchema)]
#[schema(as = IndexRequest, example = json!({
    "camera_id": "cam-001-entrance",
    "start_time": "2026-03-14T10:00:00Z", "end_time": "2026-03-14T11:00:00Z",
}))]
#[allow(dead_code, reason = "it is a shape only")]
pub(super) struct IndexRequest {
    #[schema(schema_with = camera_id)]
    camera_id: String,
    start_time: Time,
    /// After `start_time`.
    end_time: Time,
}

/// What `POST /index/minio` takes: an event as S3 has it; [`Created`](super::super::params::Created) reads it.
#[derive(ToSchema)]
#[schema(as = EventRequest, example = json!({"Records": []}))]
#[allow(dead_code, reason = "it is a shape only")]
pub(super) struct EventRequest {
    #[schema(rename = "Records")]
    records: Vec<serde_json::Value>,
}

/// What `POST /live` takes; [`Watch`](super::super::params::Watch) reads it.
#[derive(ToSchema)]
#[schema(as = LiveRequest, example = json!({"camera_id": "cam-001-entrance", "format": "hls"}))]
#[allow(dead_code, reason = "it is a shape only")]
pub(super) struct LiveRequest {
    #[schema(schema_with = camera_id)]
    camera_id: String,
    #[schema(schema_with = live_format)]
    format: String,
}

/// What `POST /sessions/{id}/extend` takes; [`extension`](super::super::params::extension) reads it.
#[derive(ToSchema)]
#[schema(as = ExtendRequest, example = json!({"duration_seconds": 3600}))]
#[allow(dead_code, reason = "it is a shape only")]
pub(super) struct ExtendRequest {
    /// How long from now the session is to live at least.
    #[schema(minimum = 1, maximum = 86_400)]
    duration_seconds: i64,
}

/// A string of [`CameraId`](crate::domain::CameraId).
pub(in super::super) fn camera_id() -> ObjectBuilder {
    string()
        .pattern(Some(format!("^{PART}(/{PART})*$")))
        .min_length(Some(1))
        .max_length(Some(255))
        .examples(["cam-001-entrance"])
}

/// A part between slashes that is neither empty nor `.` nor `..`.
const PART: &str = r"(?:[A-Za-z0-9_~-]|\.[A-Za-z0-9_~-]|\.\.[A-Za-z0-9_.~-])[A-Za-z0-9_.~-]*";

pub(super) fn session_id() -> ObjectBuilder {
    string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

/// The file of a segment.
pub(super) fn segment_file() -> ObjectBuilder {
    string().pattern(Some(r"^[0-9]+\.(ts|m4s)$")).examples(["0.ts"])
}

/// The file of an initialization segment.
pub(super) fn initialization_file() -> ObjectBuilder {
    string().pattern(Some(r"^[0-9]+\.mp4$")).examples(["0.mp4"])
}

pub(super) fn etag() -> ObjectBuilder {
    string().pattern(Some("^\".*\"$"))
}

pub(super) fn moment() -> RefOr<Schema> {
    Time::schema()
}

pub(in super::super) fn recorded_format() -> ObjectBuilder {
    one_of(&["hls"])
}

pub(in super::super) fn live_format() -> ObjectBuilder {
    one_of(&LiveFormat::ALL.map(LiveFormat::name))
}

pub(in super::super) fn live_formats() -> ArrayBuilder {
    ArrayBuilder::new().items(live_format())
}

pub(in super::super) fn session_status() -> ObjectBuilder {
    one_of(&["stopped", "extended"])
}

pub(in super::super) fn health() -> ObjectBuilder {
    one_of(&["healthy", "degraded", "starting", "draining"])
}

pub(in super::super) fn on_or_off() -> ObjectBuilder {
    one_of(&["on", "off"])
}

/// What all errors are, with all that it refers to.
pub(super) fn of_problems() -> Vec<(String, RefOr<Schema>)> {
    of::<problem::Body>()
}

/// A type, with all that it refers to.
pub(super) fn of<T: ToSchema>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    schemas
}

fn string() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn one_of(words: &[&str]) -> ObjectBuilder {
    string().enum_values(Some(words.iter().copied()))
}
