//! A session as it stands in Valkey: JSON that begins with its version and its end.
//!
//! ```text
//! {"version":1,"expires_at":"2026-03-14T13:00:00.000000000Z","kind":"recorded","session_id":…,"camera_id":…,
//!  "created_at":…,"start_time":…,"end_time":…,…,"stretches":[[…],…]}
//! ```
//!
//! The end stands at a fixed place in fixed width, so that a renewal overwrites it and a look at whether the session is still
//! there reads nothing else: the rest never changes.

use std::sync::Arc;

use chrono::SecondsFormat;
use remux::Packaging;
use remux::time::Ticks;
use serde::{Deserialize, Serialize};

use super::rows::{Names, Row, row, span, stretch};
use crate::domain::{LiveFormat, LivePlan, Session, SessionId, WallTime};
use crate::playback::plan::{Numbering, Plan};
use crate::playback::ports::{Kept, LiveSession, PlaybackSession, Stored};

/// What every session of this version begins with; its end follows.
pub(super) const PREFIX: &str = "{\"version\":1,\"expires_at\":\"";

/// How many bytes the end of a session takes.
pub(super) const END_BYTES: usize = 30;

/// How many bytes there are up to the end of [the end](END_BYTES).
pub(super) const HEAD_BYTES: usize = PREFIX.len() + END_BYTES;

/// The longest session that is written or read: a week of one-minute recordings takes a tenth of it.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// The most segments that a session may say it has.
const MAX_SEGMENTS: u32 = 10_000_000;

const VERSION: u32 = 1;

/// Why what was read is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// Written by another version of the service.
    #[error("it was written by another version of the service")]
    OtherVersion,
    /// It makes no sense; says what of it.
    #[error("{0}")]
    Damaged(String),
}

pub(super) type Result<T> = std::result::Result<T, Unreadable>;

/// The end of a session in its fixed width.
pub(super) fn end_text(expires_at: WallTime) -> String {
    expires_at.to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// A session and its end as JSON.
pub(super) fn write(session: &Stored, expires_at: WallTime) -> Result<String> {
    let expires_at = end_text(expires_at);
    let json = match session {
        Stored::Recorded(session) => serde_json::to_string(&Recorded::of(session, expires_at)?),
        Stored::Live(session) => serde_json::to_string(&Live::of(session, expires_at)),
    };
    let json = json.map_err(|error| damaged(error.to_string()))?;
    if json.len() > MAX_BYTES { Err(damaged("it is too long")) } else { Ok(json) }
}

/// The end of a session, from its [first bytes](HEAD_BYTES).
pub(super) fn read_end(head: &[u8]) -> Result<WallTime> {
    let end = head.strip_prefix(PREFIX.as_bytes()).ok_or(Unreadable::OtherVersion)?;
    let end = end.get(..END_BYTES).and_then(|end| std::str::from_utf8(end).ok());
    end.ok_or_else(|| damaged("it breaks off")).and_then(moment)
}

/// What [`write`] wrote.
pub(super) fn read(id: SessionId, json: &[u8]) -> Result<Kept> {
    if json.len() > MAX_BYTES {
        return Err(damaged("it is too long"));
    }
    let head: Head = parse(json)?;
    if head.version != VERSION {
        return Err(Unreadable::OtherVersion);
    }
    let expires_at = read_end(json)?;
    let session = match head.kind {
        Kind::Recorded => Stored::Recorded(Arc::new(parse::<Recorded>(json)?.into_session()?)),
        Kind::Live => Stored::Live(Arc::new(parse::<Live>(json)?.into_session()?)),
    };
    if session.id() == id { Ok(Kept { session, expires_at }) } else { Err(damaged("it is another session")) }
}

#[derive(Deserialize)]
struct Head {
    version: u32,
    kind: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Recorded,
    Live,
}

/// The order of fields is part of the format: see [`PREFIX`].
#[derive(Serialize, Deserialize)]
struct Recorded {
    version: u32,
    expires_at: String,
    kind: Kind,
    session_id: String,
    camera_id: String,
    created_at: WallTime,
    start_time: WallTime,
    end_time: WallTime,
    /// [`Numbering`]
    index_format: u16,
    segment_target: i64,
    packaging: Container,
    start_offset: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_until: Option<WallTime>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left_out: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    follows: bool,
    stretches: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Live {
    version: u32,
    expires_at: String,
    kind: Kind,
    session_id: String,
    camera_id: String,
    created_at: WallTime,
    format: Format,
    path: String,
    url: String,
    made: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Container {
    Ts,
    Fmp4,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Hls,
    Rtsp,
    WebRtc,
}

impl Recorded {
    fn of(session: &PlaybackSession, expires_at: String) -> Result<Self> {
        let plan = &session.plan;
        let mut before = Names::default();
        let rows = plan.stretches.iter().map(|stretch| row(stretch, plan.range.start(), &mut before));
        Ok(Self {
            version: VERSION,
            expires_at,
            kind: Kind::Recorded,
            session_id: session.id.reveal(),
            camera_id: session.camera.to_string(),
            created_at: session.created_at,
            start_time: plan.range.start(),
            end_time: plan.range.end(),
            index_format: plan.numbering.format,
            segment_target: plan.numbering.target.get(),
            packaging: plan.packaging.into(),
            start_offset: plan.start_offset.get(),
            open_until: plan.open_until,
            left_out: plan.left_out.clone(),
            follows: plan.follows,
            stretches: rows.collect::<Result<_>>()?,
        })
    }

    fn into_session(self) -> Result<PlaybackSession> {
        let range = span(self.start_time, self.end_time)?;
        let mut before = Names::default();
        let stretches = self.stretches.into_iter().map(|row| stretch(row, range.start(), &mut before));
        let plan = Plan {
            range,
            numbering: Numbering { format: self.index_format, target: Ticks::new(self.segment_target) },
            packaging: self.packaging.into(),
            stretches: stretches.collect::<Result<_>>()?,
            start_offset: Ticks::new(self.start_offset),
            left_out: self.left_out,
            open_until: self.open_until,
            follows: self.follows,
        };
        if plan.segments() > MAX_SEGMENTS {
            return Err(damaged("it has too many segments"));
        }
        session(&self.session_id, &self.camera_id, self.created_at, plan)
    }
}

impl Live {
    fn of(session: &LiveSession, expires_at: String) -> Self {
        let plan = &session.plan;
        Self {
            version: VERSION,
            expires_at,
            kind: Kind::Live,
            session_id: session.id.reveal(),
            camera_id: session.camera.to_string(),
            created_at: session.created_at,
            format: plan.format.into(),
            path: plan.path.to_string(),
            url: plan.url.to_string(),
            made: plan.made,
        }
    }

    fn into_session(self) -> Result<LiveSession> {
        let (path, url) = (self.path.into(), self.url.into());
        let plan = LivePlan { format: self.format.into(), path, url, made: self.made };
        session(&self.session_id, &self.camera_id, self.created_at, plan)
    }
}

fn session<P>(id: &str, camera: &str, created_at: WallTime, plan: P) -> Result<Session<P>> {
    let id = SessionId::parse(id).ok_or_else(|| damaged("session_id is no id"))?;
    let camera = camera.parse().map_err(|error| damaged(format!("camera_id {error}")))?;
    Ok(Session { id, camera, created_at, plan })
}

/// What [`end_text`] wrote.
pub(super) fn moment(text: &str) -> Result<WallTime> {
    text.parse().map_err(|_| damaged("expires_at is no time"))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    // The category alone: the words may quote what was read.
    serde_json::from_slice(json)
        .map_err(|error| damaged(format!("{:?} error at byte {}", error.classify(), error.column())))
}

/// It makes no sense.
pub(super) fn damaged(what: impl Into<String>) -> Unreadable {
    Unreadable::Damaged(what.into())
}

impl From<Packaging> for Container {
    fn from(packaging: Packaging) -> Self {
        match packaging {
            Packaging::TransportStream => Self::Ts,
            Packaging::FragmentedMp4 => Self::Fmp4,
        }
    }
}

impl From<Container> for Packaging {
    fn from(container: Container) -> Self {
        match container {
            Container::Ts => Self::TransportStream,
            Container::Fmp4 => Self::FragmentedMp4,
        }
    }
}

impl From<LiveFormat> for Format {
    fn from(format: LiveFormat) -> Self {
        match format {
            LiveFormat::Hls => Self::Hls,
            LiveFormat::Rtsp => Self::Rtsp,
            LiveFormat::WebRtc => Self::WebRtc,
        }
    }
}

impl From<Format> for LiveFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Hls => Self::Hls,
            Format::Rtsp => Self::Rtsp,
            Format::WebRtc => Self::WebRtc,
        }
    }
}

#[cfg(test)]
mod tests {
    use remux::locate::Grid;
    use remux::time::MediaTime;

    use super::*;
    use crate::domain::{RecordingId, RecordingKey, TimeRange, Version};
    use crate::playback::plan::Stretch;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn at(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    fn key(id: String, object: String, size: u64, growing: bool) -> RecordingKey {
        let version = Version { size, validator: format!("v{size}").into(), growing };
        RecordingKey { id: RecordingId::from(id.as_str()), object: object.into(), version }
    }

    /// A week of hours, as the Storage Service lists them.
    fn week() -> Stored {
        let start = at("2026-03-14T00:00:00Z");
        let stretch = |hour: i64| {
            let zero = start + TimeDelta::hours(hour) + TimeDelta::nanoseconds(133_333_333);
            let id = format!("{:08x}-6b7f-4c53-9f64-{:012x}", hour * 0x1357_9bdf, hour * 0x2468_ace0);
            let object = format!("cam-001/{}.ts", zero.format("%Y/%m/%d/%H-%M-%S"));
            Stretch {
                recording: key(id, object, 1_800_000_000 + hour as u64, false),
                zero,
                first: 0,
                last: 599,
                span: TimeRange::new(zero, zero + TimeDelta::hours(1)).unwrap(),
                frame_rate: Some(25.0),
                grid: None,
            }
        };
        let plan = Plan {
            range: TimeRange::new(start, start + TimeDelta::days(7)).unwrap(),
            numbering: Numbering::of(Ticks::from_millis(6000)),
            packaging: Packaging::TransportStream,
            stretches: (0..168).map(stretch).collect(),
            start_offset: Ticks::ZERO,
            left_out: Vec::new(),
            open_until: None,
            follows: false,
        };
        let camera = "cam-001".parse().unwrap();
        Stored::Recorded(Arc::new(Session { id: SessionId::random(), camera, created_at: start, plan }))
    }

    fn live() -> Stored {
        let plan = LivePlan {
            format: LiveFormat::WebRtc,
            path: "camera_cam-001".into(),
            url: "http://mediamtx:8889/camera_cam-001/whep".into(),
            made: true,
        };
        let (camera, created_at) = ("cam-001".parse().unwrap(), at("2026-03-14T10:00:00.5Z"));
        Stored::Live(Arc::new(Session { id: SessionId::random(), camera, created_at, plan }))
    }

    const END: &str = "2026-03-14T13:00:00.123456789Z";

    #[test]
    fn what_was_written_is_read() {
        for session in [week(), live()] {
            let json = write(&session, at(END)).unwrap();
            let kept = read(session.id(), json.as_bytes()).unwrap();
            assert_eq!((kept.session, kept.expires_at), (session, at(END)));
            assert_eq!(&json[PREFIX.len()..HEAD_BYTES], END);
            assert_eq!(read_end(&json.as_bytes()[..HEAD_BYTES]).unwrap(), at(END));
        }
    }

    #[test]
    fn a_week_of_hours_stays_small() {
        let json = write(&week(), at(END)).unwrap();
        assert!(json.len() < 168 * 150, "{}", json.len());
    }

    #[test]
    fn other_programs_find_what_they_look_for() {
        let session = week();
        let json: serde_json::Value = serde_json::from_str(&write(&session, at(END)).unwrap()).unwrap();
        let fields = ["camera_id", "start_time", "end_time", "expires_at", "session_id"];
        let values = fields.map(|field| json[field].as_str().unwrap());
        let id = session.id().reveal();
        assert_eq!(values, ["cam-001", "2026-03-14T00:00:00Z", "2026-03-21T00:00:00Z", END, &id]);
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let session = live();
        let json = write(&session, at(END)).unwrap();
        let other = json.replacen("\"version\":1", "\"version\":2", 1);
        assert!(matches!(read(session.id(), other.as_bytes()), Err(Unreadable::OtherVersion)));
        for damaged in [
            json.replacen("cam-001", "../etc", 1),
            json.replacen("webrtc", "smoke", 1),
            json.replacen("T10:", "T99:", 1),
            json.replacen(END, "2026-03-14T13:00:00.12345678xZ", 1),
            json[..json.len() - 1].to_owned(),
            "{}".to_owned(),
            "[".repeat(100_000),
            String::new(),
        ] {
            assert!(
                matches!(read(session.id(), damaged.as_bytes()), Err(Unreadable::Damaged(_))),
                "{damaged:.80}"
            );
        }
        let Err(error) = read(SessionId::random(), json.as_bytes()) else { panic!("another session's") };
        assert!(!error.to_string().contains(&session.id().reveal()));
    }

    #[test]
    fn rows_that_make_no_sense_are_refused() {
        let session = week();
        let json = write(&session, at(END)).unwrap();
        let (before, _) = json.split_once("\"stretches\":").unwrap();
        let with = |row: &str| format!("{before}\"stretches\":[{row}]}}");
        let good = r#"[[0,"a"],[0,"b"],1,[0,"c"],false,0,0,1,0,9,25.0,null]"#;
        assert!(read(session.id(), with(good).as_bytes()).is_ok());
        for bad in [
            r#"[[1,"a"],[0,"b"],1,[0,"c"],false,0,0,1,0,9,25.0,null]"#,
            r#"[[0,"a"],[0,"b"],1,[0,"c"],false,0,0,0,0,9,25.0,null]"#,
            r#"[[0,"a"],[0,"b"],1,[0,"c"],false,0,0,1,9,0,25.0]"#,
            r#"[[0,"a"],[0,"b"],1,[0,"c"],false,9223372036854775807,9223372036854775807,1,0,9,25.0,null]"#,
            r#"[[0,"a"],[0,"b"],1,[0,"c"],false,0,0,1,0,4294967295,25.0]"#,
            r#"[[0,"a"],[0,"b"],-1,[0,"c"],false,0,0,1,0,9,25.0,null]"#,
            r#"[[0,"a"]]"#,
        ] {
            let result = read(session.id(), with(bad).as_bytes());
            assert!(matches!(result, Err(Unreadable::Damaged(_))), "{bad}");
        }
    }

    prop_compose! {
        fn any_stretch()(
            id in "[a-c/é]{0,8}", object in ".{0,12}", size: u64, growing: bool, zero in -1_i64 << 55..1 << 55,
            from in -1_i64 << 50..1 << 50, length in 1_i64..1 << 50, first in 0_u32..1000, more in 0_u32..1000,
            frame_rate in proptest::option::of(0.1_f64..240.0), cell in proptest::option::of(1_i64..1 << 40),
        ) -> Stretch {
            let last = first + more;
            let grid = cell.map(|cell| Grid {
                version: 1,
                zero: MediaTime::from_ticks(zero),
                cell: Ticks::new(cell),
                gop: Ticks::new(cell / 3),
                longest_gop: Ticks::new(cell / 2),
                duration: Ticks::new(cell * 5),
                cells: last + 1,
            });
            let zero = WallTime::from_timestamp_nanos(zero);
            let start = zero + TimeDelta::nanoseconds(from);
            let span = TimeRange::new(start, start + TimeDelta::nanoseconds(length)).unwrap();
            Stretch { recording: key(id, object, size, growing), zero, first, last, span, frame_rate, grid }
        }
    }

    proptest! {
        #[test]
        fn every_plan_survives(
            stretches in proptest::collection::vec(any_stretch(), 0..12), fmp4: bool, target: i64, offset: i64,
            left_out in proptest::collection::vec(".{0,20}", 0..3), open: bool, follows: bool,
        ) {
            let Stored::Recorded(session) = week() else { unreachable!() };
            let mut session = Session::clone(&session);
            session.plan = Plan {
                numbering: Numbering { format: 7, target: Ticks::new(target) },
                packaging: if fmp4 { Packaging::FragmentedMp4 } else { Packaging::TransportStream },
                stretches,
                start_offset: Ticks::new(offset),
                left_out,
                open_until: open.then(|| at(END)),
                follows,
                ..session.plan
            };
            let session = Stored::Recorded(Arc::new(session));
            let json = write(&session, at(END)).unwrap();
            prop_assert_eq!(read(session.id(), json.as_bytes()).unwrap().session, session);
        }

        #[test]
        fn damage_is_an_error_or_another_session_never_a_panic(
            changes in proptest::collection::vec((0_usize..25_000, any::<u8>()), 1..6), cut in 0_usize..30_000,
        ) {
            let session = week();
            let mut json = write(&session, at(END)).unwrap().into_bytes();
            for (place, byte) in changes {
                let place = place % json.len();
                json[place] = byte;
            }
            json.truncate(cut);
            let _ = read(session.id(), &json);
            let _ = read_end(&json);
        }
    }
}
