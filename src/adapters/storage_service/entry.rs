//! What the Storage Service says of a recording, read without trusting it: what is missing or of another kind than it should be
//! is not there, and only an answer that is no list at all is an error.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta};
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::domain::WallTime;

/// A row of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, from = "Members")]
pub(super) struct Entry {
    pub(super) id: Option<Arc<str>>,
    pub(super) camera: Option<Arc<str>>,
    pub(super) start: Option<WallTime>,
    pub(super) end: Option<WallTime>,
    pub(super) backend: Option<Arc<str>>,
    pub(super) path: Option<Arc<str>>,
    pub(super) size: u64,
    /// What tells states of its bytes apart, as far as the service knows any.
    pub(super) validator: Arc<str>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Members {
    id: Text,
    camera_id: Text,
    start_time: Text,
    end_time: Text,
    duration_seconds: Number,
    size_bytes: Number,
    storage_backend: Text,
    storage_path: Text,
    checksum: Text,
    created_at: Text,
}

impl From<Members> for Entry {
    fn from(members: Members) -> Self {
        let start = members.start_time.time();
        let duration =
            members.duration_seconds.0.and_then(|seconds| TimeDelta::try_seconds(seconds.cast_signed()));
        let end = members.end_time.time().or_else(|| start?.checked_add_signed(duration?));
        Self {
            id: members.id.0,
            camera: members.camera_id.0,
            start,
            end,
            backend: members.storage_backend.0,
            path: members.storage_path.0,
            size: members.size_bytes.0.unwrap_or_default(),
            validator: members.checksum.0.or(members.created_at.0).unwrap_or_default(),
        }
    }
}

/// A text, if it is one and short enough to be what it should be.
#[derive(Debug, Default)]
struct Text(Option<Arc<str>>);

impl Text {
    fn time(&self) -> Option<WallTime> {
        DateTime::parse_from_rfc3339(self.0.as_ref()?).ok().map(|time| time.to_utc())
    }
}

/// No id and no key of a bucket is longer.
const LONGEST_TEXT: usize = 1024;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Text(String),
            Other(IgnoredAny),
        }
        Ok(match Any::deserialize(deserializer)? {
            Any::Text(text) if (1..=LONGEST_TEXT).contains(&text.len()) => Self(Some(text.into())),
            Any::Text(_) | Any::Other(IgnoredAny) => Self(None),
        })
    }
}

/// A whole number from 0 on, if it is one.
#[derive(Debug, Default)]
struct Number(Option<u64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Number(u64),
            Other(IgnoredAny),
        }
        Ok(match Any::deserialize(deserializer)? {
            Any::Number(number) => Self(Some(number).filter(|number| i64::try_from(*number).is_ok())),
            Any::Other(IgnoredAny) => Self(None),
        })
    }
}

/// An answer of the list, in either form.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Page {
    /// Its rows, as they come; `null` where there are none.
    #[serde(deserialize_with = "rows")]
    pub(super) segments: Vec<Entry>,
}

/// Rows of one answer: more than either form gives.
const MOST_ROWS: usize = 10_000;

fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    deserializer.deserialize_option(Rows)
}

struct Rows;

impl<'de> Visitor<'de> for Rows {
    type Value = Vec<Entry>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of segments, or null")
    }

    fn visit_none<E: Error>(self) -> Result<Vec<Entry>, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Entry>, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Vec<Entry>, A::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Row(Entry),
            Other(IgnoredAny),
        }
        let mut entries = Vec::new();
        while let Some(row) = rows.next_element()? {
            if entries.len() == MOST_ROWS {
                return Err(A::Error::custom("too many segments"));
            }
            entries.push(match row {
                Any::Row(entry) => entry,
                Any::Other(IgnoredAny) => Entry::default(),
            });
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Entry>, serde_json::Error> {
        serde_json::from_str::<Page>(text).map(|page| page.segments)
    }

    #[test]
    fn reads_what_is_there() {
        let row = r#"{"id":"a","camera_id":"cam-1","start_time":"2026-03-14T11:00:00+01:00","end_time":"2026-03-14T11:00:00Z",
            "duration_seconds":3599,"size_bytes":12,"storage_backend":"S3","storage_path":"k","checksum":null,
            "thumbnail_path":"t","created_at":"c"}"#;
        let entries = parse(&format!(r#"{{"segments":[{row}],"count":1,"more":[{{}}]}}"#)).unwrap();
        assert_eq!(
            entries,
            [Entry {
                id: Some("a".into()),
                camera: Some("cam-1".into()),
                start: "2026-03-14T10:00:00Z".parse().ok(),
                end: "2026-03-14T11:00:00Z".parse().ok(),
                backend: Some("S3".into()),
                path: Some("k".into()),
                size: 12,
                validator: "c".into(),
            }]
        );
        for empty in [r#"{"segments":[]}"#, r#"{"segments":null,"count":0}"#] {
            assert_eq!(parse(empty).unwrap(), []);
        }
    }

    #[test]
    fn what_is_of_another_kind_is_not_there() {
        for row in [
            r#"{"id":7,"start_time":0,"end_time":[],"size_bytes":-1,"storage_path":"","checksum":{}}"#,
            r#"{"id":null,"start_time":"yesterday","size_bytes":"12","duration_seconds":1.5}"#,
            r#"{"size_bytes":18446744073709551615,"duration_seconds":1e300}"#,
            "7",
            "[]",
            "null",
            "{}",
        ] {
            assert_eq!(parse(&format!(r#"{{"segments":[{row}]}}"#)).unwrap(), [Entry::default()], "{row}");
        }
        let timed = r#"{"segments":[{"start_time":"2026-03-14T10:00:00Z","duration_seconds":60}]}"#;
        assert_eq!(parse(timed).unwrap()[0].end, "2026-03-14T10:01:00Z".parse().ok());
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        let endless = format!(r#"{{"segments":[{}{{}}]}}"#, "{},".repeat(MOST_ROWS));
        for wrong in
            ["", "[]", "{}", "null", r#"{"segments":7}"#, r#"{"segments":{}}"#, r#"{"segments":[{"#, &endless]
        {
            assert!(parse(wrong).is_err(), "{wrong:.40}");
        }
    }
}
