//! What playback needs from outside, declared here by its user and filled at the edge: a directory and memory today, the
//! Storage Service, a bucket, a VMS and Valkey tomorrow.
//!
//! All of them may be far away: every call is async, fails with an [`Error`] that says who failed
//! how, and gives bounded answers. Every port has one conformance suite (`tests/conformance`) that all its adapters pass.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use futures::stream::BoxStream;
use remux::time::Ticks;

pub use super::kept::{Finished, SegmentCache, SegmentKey, Stored as StoredSegment, Tier};
use super::locate::Sketch;
use super::media::Media;
use super::plan::Plan;
pub use super::turns::{Need, Reading, Tasks, Turn, Turns};
use crate::domain::{
    CameraId, LivePlan, Origin, Recording, RecordingId, RecordingKey, Session, SessionId, TimeRange,
    Unreadable, WallTime,
};
#[cfg(doc)]
use crate::error::{Error, Kind};
use crate::error::{Nearest, Result};

/// Which cameras there are: a VMS, or whoever keeps the recordings.
pub trait Cameras: Debug + Send + Sync {
    /// Whether there is such a camera, recorded or not.
    fn exists<'a>(&'a self, camera: &'a CameraId) -> BoxFuture<'a, Result<bool>>;

    /// All cameras, by id.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Camera>>>;
}

/// A camera, and what its keeper knows about its footage without reading any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Camera {
    /// Which.
    pub id: CameraId,
    /// How many recordings there are; `None` where counting them would mean to fetch them.
    pub recordings: Option<u64>,
    /// From the start of the first to the end of the last recording; `None` where nothing is recorded or known.
    pub recorded: Option<TimeRange>,
}

/// What was recorded when: a directory, a Storage Service.
pub trait Recordings: Debug + Send + Sync {
    /// The recordings of a camera of which something is to be seen in `range`, placed on the wall clock, in order.
    fn overlapping<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Footage>>;

    /// The recorded spans nearest to a range in which there is nothing.
    fn nearest<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Nearest>>;
}

/// What [`Recordings::overlapping`] finds.
#[derive(Debug, Clone, Default)]
pub struct Footage {
    /// What can be played, or could be once somebody has read it ([`Recording::extent`] is `None`).
    pub recordings: Vec<Arc<Recording>>,
    /// What cannot: not media, gone from its storage, kept where nobody can read it.
    pub unreadable: Vec<Unreadable>,
}

/// What is known of the insides of recordings.
pub trait Indexes: Debug + Send + Sync {
    /// Cuts and layouts of a version of a recording: the same answer for as long as there are sessions over it. Where
    /// nobody has read the recording yet it is read now, once for all who ask; the next
    /// [`Recordings::overlapping`] knows its extent.
    ///
    /// # Errors
    /// [`Kind::Gone`] where the version is no longer there,
    /// [`Kind::BadUpstream`] where it cannot be played.
    fn media<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Arc<Media>>>;

    /// Whether an index of a recording is kept, though the last [`Recordings::overlapping`] may not have known its extent.
    fn keeps<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, bool> {
        let _ = recording;
        ready(false).boxed()
    }

    /// Learns as much of a recording as planning it takes: the next [`Recordings::overlapping`] knows its extent, and may know
    /// those of its neighbours. Where recordings are far away that is less than [`media`](Self::media) takes.
    ///
    /// # Errors
    /// As [`media`](Self::media).
    fn learn<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<()>> {
        async move { self.media(recording).await.map(drop) }.boxed()
    }

    /// What [`media`](Self::media) says, if that is known or takes moments only; `None` while it is being found out.
    ///
    /// # Errors
    /// As [`media`](Self::media).
    fn soon<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Option<Arc<Media>>>> {
        async move { self.media(recording).await.map(Some) }.boxed()
    }

    /// Head and tail of a recording that is planned by a grid; `None` where that does not do, and it has to be read as a whole.
    ///
    /// # Errors
    /// As [`media`](Self::media).
    fn sketch<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Option<Arc<Sketch>>>> {
        let _ = recording;
        ready(Ok(None)).boxed()
    }

    /// More of a recording that is planned by a grid has passed by: its [`sketch`](Self::sketch) knows it. Waits for nothing.
    fn on_learned(&self, recording: &RecordingKey) {
        let _ = recording;
    }
}

/// The bytes of recordings: files, objects of a bucket, presigned URLs.
pub trait Objects: Debug + Send + Sync {
    /// Opens a part of a version of a recording; little more than its head is read before the stream is polled. Where `known`
    /// says what the bytes were when something was learned from them, they still have to be the same.
    ///
    /// # Errors
    /// [`Kind::Gone`] where the version is no longer there: what is opened is never another
    /// one. [`Kind::BadUpstream`] where the part begins behind the end, or what is served is not
    /// what was asked for; [`Kind::UpstreamDown`] and
    /// [`Kind::UpstreamLate`] where nobody answers.
    fn open<'a>(
        &'a self,
        recording: &'a RecordingKey,
        part: Part,
        known: Option<&'a Origin>,
    ) -> BoxFuture<'a, Result<Object>>;
}

/// Which bytes of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// From `start` up to `end`, or up to the recording's end where that comes first.
    Range(Range<u64>),
    /// So many at its end, or all of it.
    Last(u64),
}

impl Part {
    /// The bytes of it that a recording of `size` bytes has; `None` where it has none of them.
    pub fn within(&self, size: u64) -> Option<Range<u64>> {
        let range = match self {
            Self::Range(range) => range.start..range.end.min(size),
            Self::Last(count) => size.saturating_sub(*count)..size,
        };
        (range.start < range.end).then_some(range)
    }
}

/// A part of a recording's bytes that has been opened.
pub struct Object {
    /// What the bytes are.
    pub origin: Origin,
    /// When they were last changed, to the second, where that is known.
    pub modified: Option<WallTime>,
    /// Which of them come.
    pub range: Range<u64>,
    /// The bytes of `range` in order, in uniquely owned buffers. Ends early only with an error: what breaks off on the way is
    /// resumed where that can be done. To drop it is to stop reading.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

/// What a catalogue of recordings that are kept elsewhere lists.
pub trait Catalogue: Debug + Send + Sync {
    /// What of a camera's recordings overlaps `range`, in order of their starts, each once.
    fn rows<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Listing>>;

    /// The listed spans nearest to a range in which there is nothing, as far as a few questions find them.
    fn nearest<'a>(&'a self, camera: &'a CameraId, range: TimeRange) -> BoxFuture<'a, Result<Nearest>>;
}

/// What [`Catalogue::rows`] finds.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// What can be read.
    pub rows: Vec<Row>,
    /// What cannot: rows that make no sense, recordings kept where nobody can read them.
    pub unreadable: Vec<Unreadable>,
}

/// A recording as its catalogue lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which recording, and where its bytes are.
    pub key: RecordingKey,
    /// When it begins.
    pub start: WallTime,
    /// How long it is, to the second or worse.
    pub duration: Ticks,
}

impl Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Object")
            .field("origin", &self.origin)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// Where sessions live until they expire: memory, Valkey.
pub trait SessionStore: Debug + Send + Sync {
    /// Keeps a new session until `expires_at`.
    ///
    /// # Errors
    /// [`Kind::Busy`] where the store is full, [`Kind::UpstreamDown`]
    /// where it cannot be reached.
    fn insert(&self, session: Stored, expires_at: WallTime) -> BoxFuture<'_, Result<()>>;

    /// A session that has not expired.
    fn get(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Kept>>>;

    /// Moves the end of a session, and of everything kept with it, never to an earlier moment. `false` where there is no such
    /// session.
    fn renew(&self, id: SessionId, expires_at: WallTime) -> BoxFuture<'_, Result<bool>>;

    /// Forgets a session and everything kept with it. `false` where there is no such session.
    fn remove(&self, id: SessionId) -> BoxFuture<'_, Result<bool>>;

    /// Keeps what was made for a session with it, for other programs to read. What it says can be made again from the session.
    /// Never waits for anything far away.
    fn note(&self, id: SessionId, note: Note) -> BoxFuture<'_, Result<()>>;

    /// How many sessions are kept, as far as this store knows.
    fn active(&self) -> BoxFuture<'_, Result<u64>>;
}

/// What was made for a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Its playlist.
    Manifest(Arc<str>),
    /// A segment: where it comes from.
    Segment {
        /// Its number in the session.
        index: u32,
        /// Its recording.
        recording: RecordingId,
        /// Its number in the recording's cut list.
        cut: u32,
    },
}

/// A session over a recorded range.
pub type PlaybackSession = Session<Plan>;

/// A session that watches a camera live.
pub type LiveSession = Session<LivePlan>;

/// A session of either kind, which never changes.
#[derive(Debug, Clone, PartialEq)]
pub enum Stored {
    /// Over a recorded range.
    Recorded(Arc<PlaybackSession>),
    /// Of a camera, live.
    Live(Arc<LiveSession>),
}

impl Stored {
    /// Which session.
    pub fn id(&self) -> SessionId {
        match self {
            Self::Recorded(session) => session.id,
            Self::Live(session) => session.id,
        }
    }

    /// When it was opened.
    pub fn created_at(&self) -> WallTime {
        match self {
            Self::Recorded(session) => session.created_at,
            Self::Live(session) => session.created_at,
        }
    }

    /// How many stretches it keeps.
    pub fn stretches(&self) -> usize {
        match self {
            Self::Recorded(session) => session.plan.stretches.len(),
            Self::Live(_) => 0,
        }
    }
}

/// A session as a store keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The session.
    pub session: Stored,
    /// When it ends, which does.
    pub expires_at: WallTime,
}

/// Something the service depends on, for `/health`.
pub trait Upstream: Debug + Send + Sync {
    /// What it is called there.
    fn name(&self) -> &'static str;

    /// Whether it can be used right now; says what is wrong otherwise.
    fn state(&self) -> UpstreamState;
}

/// Something the service depends on, for who wants to know before anybody plays anything.
pub trait Probe: Debug + Send + Sync {
    /// Uses it as the service does, leaving nothing behind.
    ///
    /// # Errors
    /// Where the service could not use it.
    fn probe(&self) -> BoxFuture<'_, Result<()>>;
}

/// What an [`Upstream`] says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamState {
    /// Not asked yet.
    Starting,
    /// Works.
    Up,
    /// Does not, and why.
    Away(String),
}
