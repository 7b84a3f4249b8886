//! The shapes of answers.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::API;
use super::openapi::shapes;
use super::params::Asked;
use crate::domain::{
    AudioFacts, Recording, SessionId, TimeRange, Unreadable, VideoFacts, WallTime, gaps, merge,
};
use crate::playback::plan::Stretch;
use crate::playback::ports::{Camera, Footage, LiveSession, PlaybackSession};

/// A moment as RFC 3339 in UTC, to the microsecond.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-03-14T10:00:00Z")]
pub(super) struct Time(pub(super) WallTime);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Rounded: media time is whole ticks, and the wall time made from it the nanosecond below.
        let moment = chrono::DurationRound::duration_round(self.0, chrono::TimeDelta::microseconds(1))
            .unwrap_or(self.0);
        serializer.serialize_str(&moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct Span {
    start_time: Time,
    end_time: Time,
}

impl From<TimeRange> for Span {
    fn from(range: TimeRange) -> Self {
        Self { start_time: Time(range.start()), end_time: Time(range.end()) }
    }
}

/// A session over a recorded range (`PlaybackResponse`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Session<'a> {
    #[schema(format = Uuid)]
    session_id: String,
    #[schema(schema_with = shapes::camera_id)]
    camera_id: &'a str,
    #[serde(flatten)]
    range: Span,
    #[schema(schema_with = shapes::recorded_format)]
    format: &'static str,
    /// The playlist.
    url: String,
    expires_at: Time,
    /// Ids of the recordings that are played, in order.
    segment_ids: Vec<&'a str>,
    recordings: Vec<PlayedRecording<'a>>,
    spans: Vec<Span>,
    gaps: Vec<Span>,
    /// What was recorded and cannot be played, and why.
    left_out: &'a [String],
    /// When the first frame of the playlist was taken: at the key frame at or before `start_time`.
    #[schema(required)]
    playlist_start: Option<Time>,
    /// There where more of the range may be recorded yet, up to then.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_until: Option<Time>,
}

#[derive(Debug, Serialize, ToSchema)]
struct PlayedRecording<'a> {
    id: &'a str,
    #[serde(flatten)]
    span: Span,
    /// The wall time of its first frame.
    zero: Time,
    /// How many discontinuities lie before it in the playlist.
    discontinuity: usize,
    #[schema(required)]
    frame_rate: Option<f64>,
    /// Whether its segments begin exactly where the playlist says, not within a GOP of it.
    exact: bool,
}

impl<'a> Session<'a> {
    /// The answer for a session; `base` comes before the URLs in it.
    pub(super) fn of(session: &'a PlaybackSession, expires_at: WallTime, base: &str) -> Self {
        let stretches = &session.plan.stretches;
        let mut segment_ids: Vec<&str> =
            stretches.iter().map(|stretch| stretch.recording.id.as_str()).collect();
        segment_ids.dedup();
        let spans = merge(stretches.iter().map(|stretch| stretch.span));
        Self {
            session_id: session.id.reveal(),
            camera_id: session.camera.as_str(),
            range: session.plan.range.into(),
            format: "hls",
            url: format!("{}/playlist.m3u8", session_url(session.id, base)),
            expires_at: Time(expires_at),
            segment_ids,
            recordings: stretches.iter().enumerate().map(PlayedRecording::of).collect(),
            gaps: gaps(&spans, session.plan.range).into_iter().map(Span::from).collect(),
            spans: spans.into_iter().map(Span::from).collect(),
            left_out: &session.plan.left_out,
            playlist_start: stretches.first().map(|stretch| Time(stretch.span.start())),
            open_until: session.plan.open_until.map(Time),
        }
    }
}

/// A session that watches a camera live (`LiveResponse`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LiveStream<'a> {
    #[schema(format = Uuid)]
    session_id: String,
    #[schema(schema_with = shapes::camera_id)]
    camera_id: &'a str,
    #[schema(schema_with = shapes::live_format)]
    format: &'static str,
    /// Where the media server serves the stream.
    url: &'a str,
    expires_at: Time,
}

impl<'a> LiveStream<'a> {
    /// The answer for a live session.
    pub(super) fn of(session: &'a LiveSession, expires_at: WallTime) -> Self {
        Self {
            session_id: session.id.reveal(),
            camera_id: session.camera.as_str(),
            format: session.plan.format.name(),
            url: &session.plan.url,
            expires_at: Time(expires_at),
        }
    }
}

/// Where a session is found.
pub(super) fn session_url(id: SessionId, base: &str) -> String {
    format!("{base}{API}/sessions/{}", id.reveal())
}

impl<'a> PlayedRecording<'a> {
    fn of((discontinuity, stretch): (usize, &'a Stretch)) -> Self {
        Self {
            id: stretch.recording.id.as_str(),
            span: stretch.span.into(),
            zero: Time(stretch.zero),
            discontinuity,
            frame_rate: stretch.frame_rate,
            exact: stretch.grid.is_none(),
        }
    }
}

/// `{"status":"stopped"}` and its like.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    #[schema(schema_with = shapes::session_status)]
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Time>,
}

/// All cameras.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CameraList {
    pub(super) cameras: Vec<CameraEntry>,
    pub(super) limits: Limits,
    /// In which formats cameras can be watched live; empty where live view is off.
    #[schema(schema_with = shapes::live_formats)]
    pub(super) live: Vec<&'static str>,
}

/// What clients have to keep to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Limits {
    pub(super) max_range_seconds: i64,
}

/// A camera, and from when to when there is footage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CameraEntry {
    #[schema(schema_with = shapes::camera_id)]
    id: String,
    /// How many recordings there are; `null` where nobody has counted.
    #[schema(required)]
    recordings: Option<u64>,
    #[schema(required)]
    first: Option<Time>,
    #[schema(required)]
    last: Option<Time>,
}

impl From<Camera> for CameraEntry {
    fn from(camera: Camera) -> Self {
        Self {
            id: camera.id.to_string(),
            recordings: camera.recordings,
            first: camera.recorded.map(|range| Time(range.start())),
            last: camera.recorded.map(|range| Time(range.end())),
        }
    }
}

/// What was recorded by a camera.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Timeline<'a> {
    #[schema(schema_with = shapes::camera_id)]
    camera_id: &'a str,
    #[schema(required)]
    start_time: Option<Time>,
    #[schema(required)]
    end_time: Option<Time>,
    recordings: Vec<ListedRecording<'a>>,
    spans: Vec<Span>,
    gaps: Vec<Span>,
    unreadable: Vec<ListedUnreadable<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct ListedRecording<'a> {
    id: &'a str,
    #[serde(flatten)]
    span: Span,
    zero: Time,
    duration_seconds: f64,
    size_bytes: u64,
    /// Whether it has been read; until then its end is an estimate.
    indexed: bool,
    /// Whether it is still being written.
    growing: bool,
    #[schema(required)]
    video: Option<Video>,
    #[schema(required)]
    audio: Option<Audio>,
    left_out: Vec<&'a str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Video {
    codec: &'static str,
    width: u32,
    height: u32,
    #[schema(required)]
    frame_rate: Option<f64>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Audio {
    codec: &'static str,
    sample_rate: u32,
    channels: u32,
}

#[derive(Debug, Serialize, ToSchema)]
struct ListedUnreadable<'a> {
    id: &'a str,
    #[serde(flatten)]
    span: Span,
    detail: &'a str,
}

impl<'a> Timeline<'a> {
    pub(super) fn of(camera_id: &'a str, asked: Asked, footage: &'a Footage) -> Self {
        let spans = merge(footage.recordings.iter().map(|recording| recording.visible));
        let start = asked.start.or(spans.first().map(TimeRange::start));
        let end = asked.end.or(spans.last().map(TimeRange::end));
        let within = start.zip(end).and_then(|(start, end)| TimeRange::new(start, end).ok());
        Self {
            camera_id,
            start_time: start.map(Time),
            end_time: end.map(Time),
            recordings: footage.recordings.iter().map(|recording| ListedRecording::of(recording)).collect(),
            gaps: within
                .map(|within| gaps(&spans, within))
                .unwrap_or_default()
                .into_iter()
                .map(Span::from)
                .collect(),
            spans: spans.into_iter().map(Span::from).collect(),
            unreadable: footage.unreadable.iter().map(ListedUnreadable::of).collect(),
        }
    }
}

impl<'a> ListedRecording<'a> {
    fn of(recording: &'a Recording) -> Self {
        let extent = recording.extent.as_deref();
        let facts = extent.map(|extent| &*extent.facts);
        let left_out = extent.iter().flat_map(|extent| extent.facts.left_out.iter().chain(&extent.damages));
        Self {
            id: recording.key.id.as_str(),
            span: recording.visible.into(),
            zero: Time(recording.zero),
            duration_seconds: extent
                .map_or(recording.visible.duration(), |extent| extent.duration())
                .as_seconds(),
            size_bytes: recording.key.version.size,
            indexed: extent.is_some(),
            growing: recording.key.version.growing,
            video: facts.and_then(|facts| facts.video.as_ref()).map(Video::of),
            audio: facts.and_then(|facts| facts.audio.as_ref()).map(Audio::of),
            left_out: left_out.map(String::as_str).collect(),
        }
    }
}

impl Video {
    fn of(facts: &VideoFacts) -> Self {
        Self { codec: facts.codec, width: facts.width, height: facts.height, frame_rate: facts.frame_rate }
    }
}

impl Audio {
    fn of(facts: &AudioFacts) -> Self {
        Self { codec: facts.codec, sample_rate: facts.sample_rate, channels: facts.channels }
    }
}

impl<'a> ListedUnreadable<'a> {
    fn of(unreadable: &'a Unreadable) -> Self {
        Self { id: unreadable.id.as_str(), span: unreadable.span.into(), detail: &unreadable.detail }
    }
}
