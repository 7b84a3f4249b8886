//! From the text of a request to typed parameters. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::percent_decode_str;
use remux::Packaging;
use serde_json::{Map, Value};

use crate::domain::{CameraId, LiveFormat, SessionId, TimeRange, WallTime};
use crate::error::{Error, Kind, Result};

/// What `POST /start` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) camera: CameraId,
    pub(super) range: TimeRange,
}

impl Start {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        let fields = object(body)?;
        let Stretch { camera, range } = Stretch::of(&fields)?;
        match text(&fields, "format")? {
            "hls" => Ok(Self { camera, range }),
            _ => Err(Error::invalid("format", "must be \"hls\"")),
        }
    }
}

/// What `POST /index` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) camera: CameraId,
    pub(super) range: TimeRange,
}

impl Stretch {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        Self::of(&object(body)?)
    }

    fn of(fields: &Map<String, Value>) -> Result<Self> {
        let camera = camera(text(fields, "camera_id")?)?;
        let start = time("start_time", text(fields, "start_time")?)?;
        let end = time("end_time", text(fields, "end_time")?)?;
        let range = TimeRange::new(start, end).map_err(|empty| Error::invalid("end_time", empty))?;
        Ok(Self { camera, range })
    }
}

/// What an event of a bucket says, as S3 and MinIO tell it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Created {
    /// The keys of objects that are new.
    pub(super) keys: Vec<String>,
    /// How many records are about something else.
    pub(super) others: usize,
}

impl Created {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        let fields = object(body)?;
        let records = field(&fields, "Records")?.as_array();
        let records = records.ok_or_else(|| Error::invalid("Records", "must be a list"))?;
        let keys: Vec<String> = records.iter().filter_map(created).collect();
        Ok(Self { others: records.len() - keys.len(), keys })
    }
}

/// The key of a record, which is encoded as a form's values are.
fn created(record: &Value) -> Option<String> {
    let event = record.get("eventName")?.as_str()?;
    event.strip_prefix("s3:").unwrap_or(event).strip_prefix("ObjectCreated:")?;
    let key = record.pointer("/s3/object/key")?.as_str()?.replace('+', " ");
    percent_decode_str(&key).decode_utf8().ok().map(Into::into)
}

/// What `POST /live` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watch {
    pub(super) camera: CameraId,
    pub(super) format: LiveFormat,
}

impl Watch {
    pub(super) fn parse(body: &[u8]) -> Result<Self> {
        let fields = object(body)?;
        let camera = camera(text(&fields, "camera_id")?)?;
        let wanted = text(&fields, "format")?;
        let format = LiveFormat::ALL.into_iter().find(|format| format.name() == wanted);
        let unknown = || Error::invalid("format", "must be \"hls\", \"rtsp\" or \"webrtc\"");
        Ok(Self { camera, format: format.ok_or_else(unknown)? })
    }
}

/// The `duration_seconds` of `POST /extend`.
pub(super) fn extension(body: &[u8]) -> Result<TimeDelta> {
    let fields = object(body)?;
    let seconds =
        field(&fields, "duration_seconds")?.as_i64().filter(|seconds| (1..=86_400).contains(seconds));
    let seconds = seconds
        .ok_or_else(|| Error::invalid("duration_seconds", "must be a whole number from 1 to 86400"))?;
    Ok(TimeDelta::seconds(seconds))
}

/// The `start_time` and `end_time` of a query, both of which may be missing.
pub(super) fn range(query: Option<&str>) -> Result<(TimeRange, Asked)> {
    let mut asked = Asked::default();
    for (name, value) in form_urlencoded(query.unwrap_or_default()) {
        // A zone of +02:00 that was not encoded arrives as a space.
        let value = || value.replace(' ', "+");
        match name.as_str() {
            "start_time" => asked.start = Some(time("start_time", &value())?),
            "end_time" => asked.end = Some(time("end_time", &value())?),
            _ => {}
        }
    }
    let always = TimeRange::ALWAYS;
    let (start, end) = (asked.start.unwrap_or(always.start()), asked.end.unwrap_or(always.end()));
    let range = TimeRange::new(start, end).map_err(|empty| Error::invalid("end_time", empty))?;
    Ok((range, asked))
}

/// What a query asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) start: Option<WallTime>,
    pub(super) end: Option<WallTime>,
}

pub(super) fn camera(text: &str) -> Result<CameraId> {
    text.parse().map_err(|invalid| Error::invalid("camera_id", invalid))
}

/// An id that is none names no session.
pub(super) fn session(text: &str) -> Result<SessionId> {
    SessionId::parse(text).ok_or_else(Error::unknown_session)
}

/// The number in `12.ts` or `12.m4s`, and what the segment is to be packed into.
pub(super) fn segment(file: &str) -> Result<(u32, Packaging)> {
    let wrong = || Error::invalid("index", "must be a number from 0 on, followed by .ts or .m4s");
    let (number, extension) = file.rsplit_once('.').ok_or_else(wrong)?;
    let packaging = match extension {
        "ts" => Packaging::TransportStream,
        "m4s" => Packaging::FragmentedMp4,
        _ => return Err(wrong()),
    };
    Ok((index(number).ok_or_else(wrong)?, packaging))
}

/// The number in `2.mp4`.
pub(super) fn initialization(file: &str) -> Result<u32> {
    let number = file.strip_suffix(".mp4").and_then(index);
    number.ok_or_else(|| Error::invalid("index", "must be a number from 0 on, followed by .mp4"))
}

fn index(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // More than any number that a session has.
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

fn object(body: &[u8]) -> Result<Map<String, Value>> {
    let wrong = |detail: String| Error::new(Kind::Invalid { field: None }, detail);
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(wrong("The body must be a JSON object.".to_owned())),
        Err(error) => Err(wrong(format!("The body is not JSON: {error}."))),
    }
}

fn field<'a>(fields: &'a Map<String, Value>, name: &'static str) -> Result<&'a Value> {
    let given = fields.get(name).filter(|value| !value.is_null());
    given.ok_or_else(|| Error::invalid(name, "is missing"))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &'static str) -> Result<&'a str> {
    field(fields, name)?.as_str().ok_or_else(|| Error::invalid(name, "must be a string"))
}

fn time(name: &'static str, text: &str) -> Result<WallTime> {
    let moment = DateTime::parse_from_rfc3339(text);
    let wrong = |_| Error::invalid(name, "must be an RFC 3339 time with a zone, like 2026-03-14T10:00:00Z");
    moment.map(|moment| moment.with_timezone(&Utc)).map_err(wrong)
}

/// Names and values of a query string, decoded.
fn form_urlencoded(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (percent_decoded(name), percent_decoded(value))
    })
}

fn percent_decoded(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.split_at_checked(2).filter(|_| *first == b'%');
        let byte = hex.and_then(|(hex, after)| {
            let hex = std::str::from_utf8(hex)
                .ok()
                .filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            Some((u8::from_str_radix(hex, 16).ok()?, after))
        });
        let (byte, after) = byte.unwrap_or((if *first == b'+' { b' ' } else { *first }, after));
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(changes: &[(&str, Value)]) -> Vec<u8> {
        let mut fields = serde_json::json!({
            "camera_id": "cam-1", "start_time": "2026-03-14T10:00:00Z", "end_time": "2026-03-14T12:00:00.5+01:00",
            "format": "hls", "something": "else",
        });
        for (name, value) in changes {
            match value {
                Value::Null => fields.as_object_mut().unwrap().remove(*name),
                value => fields.as_object_mut().unwrap().insert((*name).to_owned(), value.clone()),
            };
        }
        fields.to_string().into_bytes()
    }

    fn blamed<T: std::fmt::Debug>(result: Result<T>) -> Option<&'static str> {
        match result.unwrap_err().kind() {
            Kind::Invalid { field } => *field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_good_request_is_understood() {
        let start = Start::parse(&body(&[])).unwrap();
        assert_eq!(start.camera.as_str(), "cam-1");
        assert_eq!(start.range.start().to_rfc3339(), "2026-03-14T10:00:00+00:00");
        assert_eq!(start.range.end().to_rfc3339(), "2026-03-14T11:00:00.500+00:00");
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        for field in ["camera_id", "start_time", "end_time", "format"] {
            assert_eq!(blamed(Start::parse(&body(&[(field, Value::Null)]))), Some(field), "missing");
            assert_eq!(blamed(Start::parse(&body(&[(field, 7.into())]))), Some(field), "not a string");
            assert_eq!(blamed(Start::parse(&body(&[(field, "".into())]))), Some(field), "empty");
        }
        for (field, value) in [
            ("camera_id", "../cam"),
            ("start_time", "2026-03-14T10:00:00"),
            ("start_time", "2026-02-30T10:00:00Z"),
            ("start_time", "1773482400"),
            ("end_time", "2026-03-14T10:00:00Z"),
            ("end_time", "2026-03-14T09:59:59Z"),
            ("format", "dash"),
        ] {
            assert_eq!(blamed(Start::parse(&body(&[(field, value.into())]))), Some(field), "{value}");
        }
        for body in [&b""[..], b"{", b"[]", b"null", b"\xff"] {
            assert_eq!(blamed(Start::parse(body)), None);
        }
    }

    #[test]
    fn events_name_new_objects() {
        let record = |event: &str, key: Value| serde_json::json!({ "eventName": event, "s3": { "object": { "key": key } } });
        let put = |key: &str| record("s3:ObjectCreated:Put", key.into());
        for (records, keys, others) in [
            (vec![put("cam-001%2F2026%2F03%2F14%2F10-00-00.ts")], vec!["cam-001/2026/03/14/10-00-00.ts"], 0),
            (vec![put("a+b%2Bc"), put("site/a")], vec!["a b+c", "site/a"], 0),
            (vec![record("ObjectCreated:CompleteMultipartUpload", "a".into())], vec!["a"], 0),
            (vec![record("s3:ObjectRemoved:Delete", "a".into()), put("b")], vec!["b"], 1),
            (vec![record("s3:ObjectCreated:Put", 7.into()), put("%ff"), 7.into(), Value::Null], vec![], 4),
            (vec![], vec![], 0),
        ] {
            let body =
                serde_json::json!({ "EventName": "s3:ObjectCreated:Put", "Records": records }).to_string();
            let expected = Created { keys: keys.into_iter().map(str::to_owned).collect(), others };
            assert_eq!(Created::parse(body.as_bytes()).unwrap(), expected, "{body}");
        }
        for wrong in ["{}", r#"{"Records":null}"#, r#"{"Records":{}}"#] {
            assert_eq!(blamed(Created::parse(wrong.as_bytes())), Some("Records"), "{wrong}");
        }
        assert_eq!(blamed(Created::parse(b"[]")), None);
    }

    #[test]
    fn live_view_has_a_camera_and_a_format() {
        for format in LiveFormat::ALL {
            let watch = Watch::parse(&body(&[("format", format.name().into())])).unwrap();
            assert_eq!((watch.camera.as_str(), watch.format), ("cam-1", format));
        }
        for field in ["camera_id", "format"] {
            for value in [Value::Null, 7.into(), "".into(), "HLS?".into()] {
                assert_eq!(blamed(Watch::parse(&body(&[(field, value.clone())]))), Some(field), "{value}");
            }
        }
        assert_eq!(blamed(Watch::parse(b"[]")), None);
    }

    #[test]
    fn extensions_have_limits() {
        assert_eq!(extension(br#"{"duration_seconds":86400}"#), Ok(TimeDelta::days(1)));
        for value in ["0", "86401", "-1", "1.5", "\"60\"", "null", "1e99"] {
            let body = format!("{{\"duration_seconds\":{value}}}");
            assert_eq!(blamed(extension(body.as_bytes())), Some("duration_seconds"), "{value}");
        }
    }

    #[test]
    fn segments_have_numbers() {
        assert_eq!(segment("0.ts"), Ok((0, Packaging::TransportStream)));
        assert_eq!(segment("14399.m4s"), Ok((14_399, Packaging::FragmentedMp4)));
        assert_eq!(segment("99999999999999999999.ts"), Ok((u32::MAX, Packaging::TransportStream)));
        for file in ["", ".ts", "0", "-1.ts", "+1.ts", "1.5.ts", "a.ts", "0.TS", "0.mp4", "٣.ts"] {
            assert_eq!(blamed(segment(file)), Some("index"), "{file}");
        }
        assert_eq!(initialization("7.mp4"), Ok(7));
        for file in ["", ".mp4", "0", "0.m4s", "0.ts", "-1.mp4"] {
            assert_eq!(blamed(initialization(file)), Some("index"), "{file}");
        }
    }

    #[test]
    fn ranges_may_be_open() {
        assert_eq!(range(None).unwrap().0, TimeRange::ALWAYS);
        let (found, asked) = range(Some("end_time=2026-03-14T10%3A00%3A00%2B02:00&other=%zz")).unwrap();
        assert_eq!((found.end(), asked.start), (asked.end.unwrap(), None));
        assert_eq!(found.end().to_rfc3339(), "2026-03-14T08:00:00+00:00");
        let unencoded = range(Some("start_time=2026-03-14T10:00:00+02:00")).unwrap().0;
        assert_eq!(unencoded.start().to_rfc3339(), "2026-03-14T08:00:00+00:00");
        assert_eq!(blamed(range(Some("start_time=yesterday"))), Some("start_time"));
        let reversed = "start_time=2026-03-14T10:00:00Z&end_time=2026-03-14T10:00:00Z";
        assert_eq!(blamed(range(Some(reversed))), Some("end_time"));
    }
}
