//! Rows of recordings.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A row: where it counts when a range is asked for, and the members that are sent, whatever they say.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which camera it is found under.
    pub camera: String,
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when.
    pub end: DateTime<Utc>,
    members: Map<String, Value>,
}

impl Row {
    /// A row as a recorder makes it: an object in the bucket, its key by the start.
    ///
    /// # Panics
    /// Where `start` is no time in RFC 3339.
    pub fn of(camera: &str, start: &str, seconds: i64) -> Self {
        let start = DateTime::parse_from_rfc3339(start).unwrap_or_else(|error| panic!("{start}: {error}"));
        Self::at(camera, start.to_utc(), Duration::seconds(seconds))
    }

    /// As [`of`](Self::of).
    pub fn at(camera: &str, start: DateTime<Utc>, duration: Duration) -> Self {
        let end = start + duration;
        let members = json!({
            "id": Uuid::new_v4().to_string(),
            "camera_id": camera,
            "start_time": text(start),
            "end_time": text(end),
            "duration_seconds": duration.num_seconds(),
            "size_bytes": 0,
            "storage_backend": "MINIO",
            "storage_path": format!("{camera}/{}", start.format("%Y/%m/%d/%H-%M-%S.ts")),
            "checksum": null,
            "created_at": text(end),
        });
        let Value::Object(members) = members else { unreachable!("an object was written") };
        Self { camera: camera.to_owned(), start, end, members }
    }

    /// The same row, with another `member`: it is sent, not believed.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// The same row without a member.
    #[must_use]
    pub fn without(mut self, member: &str) -> Self {
        self.members.remove(member);
        self
    }

    /// `id`, where it is a string.
    pub fn id(&self) -> &str {
        self.string("id")
    }

    /// `storage_path`, where it is a string.
    pub fn path(&self) -> &str {
        self.string("storage_path")
    }

    fn string(&self, member: &str) -> &str {
        self.members.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> Value {
        Value::Object(self.members.clone())
    }
}

fn text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
