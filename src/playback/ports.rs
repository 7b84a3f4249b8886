//! What playback needs from outside, declared here by its user and filled at the edge: a directory and memory today, the
//! Storage Service, a bucket, a VMS and Valkey tomorrow.
//!
//! All of them may be far away: every call is async, fails with an [`Error`](crate::error::Error) that says who failed
//! how, and gives bounded answers. Every port has one conformance suite (`tests/conformance`) that all its adapters pass.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use super::media::Media;
use super::plan::Plan;
use crate::domain::{CameraId, Recording, RecordingKey, Session, SessionId, TimeRange, Unreadable, WallTime};
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
    /// [`Kind::Gone`](crate::error::Kind::Gone) where the version is no longer there,
    /// [`Kind::BadUpstream`](crate::error::Kind::BadUpstream) where it cannot be played.
    fn media<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<Arc<Media>>>;
}

/// The bytes of recordings: files, objects of a bucket, presigned URLs.
pub trait Objects: Debug + Send + Sync {
    /// Opens `range` of a version of a recording; nothing is read before the stream is polled.
    ///
    /// # Errors
    /// [`Kind::Gone`](crate::error::Kind::Gone) where the version is no longer there: what is opened is never another
    /// one.
    fn open<'a>(&'a self, recording: &'a RecordingKey, range: Range<u64>) -> BoxFuture<'a, Result<Object>>;
}

/// A range of a recording's bytes that has been opened.
pub struct Object {
    /// The bytes of the range in order, in uniquely owned buffers. Ends early only with an error. To drop it is to stop
    /// reading.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

impl Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Object { .. }")
    }
}

/// Where sessions live until they expire: memory, Valkey.
pub trait SessionStore: Debug + Send + Sync {
    /// Keeps a new session until `expires_at`.
    ///
    /// # Errors
    /// [`Kind::Busy`](crate::error::Kind::Busy) where the store is full.
    fn insert(&self, session: Arc<PlaybackSession>, expires_at: WallTime) -> BoxFuture<'_, Result<()>>;

    /// A session that has not expired.
    fn get(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Kept>>>;

    /// Moves the end of a session, and of everything kept with it. `false` where there is no such session.
    fn renew(&self, id: SessionId, expires_at: WallTime) -> BoxFuture<'_, Result<bool>>;

    /// Forgets a session and everything kept with it. `false` where there is no such session.
    fn remove(&self, id: SessionId) -> BoxFuture<'_, Result<bool>>;

    /// How many sessions are kept.
    fn active(&self) -> BoxFuture<'_, Result<u64>>;
}

/// A session over a recorded range.
pub type PlaybackSession = Session<Plan>;

/// A session as a store keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The session, which never changes.
    pub session: Arc<PlaybackSession>,
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
