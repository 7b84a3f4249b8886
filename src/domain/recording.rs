//! Recordings: what one is called, which state of it is meant, what its media says, and where it lies in time.

use std::fmt;
use std::sync::Arc;

use remux::locate::Grid;
use remux::time::Ticks;

use super::{TimeRange, WallTime};

/// What a recording is called where it is kept: a storage segment's id, the path of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordingId(Arc<str>);

impl RecordingId {
    /// The id as its keeper gives it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Arc<str>> for RecordingId {
    fn from(id: Arc<str>) -> Self {
        Self(id)
    }
}

impl From<RecordingId> for Arc<str> {
    fn from(id: RecordingId) -> Self {
        id.0
    }
}

impl From<&str> for RecordingId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One state of a recording's bytes, in the words of the catalogue that lists it. Everything that is learned from bytes, and
/// every cut list, belongs to a version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// How many bytes there are; catalogues of objects may be wrong about it, then [`Origin::size`] is right.
    pub size: u64,
    /// What the keeper tells states of equal size apart by: an ETag, a modification time.
    pub validator: Arc<str>,
    /// More bytes are still being added: only what is complete in these `size` bytes belongs to this version.
    pub growing: bool,
}

/// The bytes of a recording as whoever serves them describes them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// How many bytes there are.
    pub size: u64,
    /// What the server tells states of equal size apart by: an ETag, else a modification time. Without one a body that breaks off
    /// cannot be resumed and nothing made of it is kept.
    pub validator: Option<Arc<str>>,
}

/// One version of one recording: what a session names, so that it keeps meaning the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordingKey {
    /// Which recording.
    pub id: RecordingId,
    /// What its bytes are called where they are kept: the path of a file, the key of an object.
    pub object: Arc<str>,
    /// Which state of it.
    pub version: Version,
}

/// A recording and where it lies on the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Which recording, and which state of it.
    pub key: RecordingKey,
    /// Wall time of the recording's zero, the PTS of its first random access point.
    pub zero: WallTime,
    /// What of it is to be seen: from zero (from the end of the recording before, where the two overlap) to its end.
    pub visible: TimeRange,
    /// What the media says; `None` until somebody has read it: `visible` is then an estimate.
    pub extent: Option<Arc<Extent>>,
}

/// What the media says about a recording's length and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Its runs in order; nearly every recording is one run.
    pub runs: Vec<RunExtent>,
    /// Mean distance of its random access points.
    pub gop: Ticks,
    /// What is in it.
    pub facts: Arc<Facts>,
    /// What was damaged or lost, in words.
    pub damages: Vec<String>,
    /// How it is cut as long as nobody has read all of it; `None`: its cut list is known.
    pub grid: Option<Grid>,
}

impl Extent {
    /// The runs laid end to end.
    pub fn duration(&self) -> Ticks {
        self.runs.iter().fold(Ticks::ZERO, |sum, run| sum + run.duration)
    }
}

/// The length of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunExtent {
    /// From the PTS of its first random access point to its end.
    pub duration: Ticks,
    /// How many cuts it has.
    pub cuts: u32,
    /// How it can go out.
    pub carriage: Carriage,
}

/// What a run can be packed into. What can be packed into neither is not in here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Carriage {
    /// Transport stream or fragmented MP4, as is wanted.
    #[default]
    Any,
    /// Players take it in fragmented MP4 only.
    Mp4,
    /// Its head does not say what an initialization segment has to say.
    TransportStream,
}

/// What is in a recording. Most recordings of a camera share one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Its pictures.
    pub video: Option<VideoFacts>,
    /// Its sound.
    pub audio: Option<AudioFacts>,
    /// Streams that do not go out, and why, in words.
    pub left_out: Vec<String>,
    /// Those that fragmented MP4 has no place for, besides.
    pub not_for_mp4: Vec<String>,
}

// The only number that is not an integer is a frame rate made from a positive tick count, so never NaN.
impl Eq for Facts {}

/// A recording's pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoFacts {
    /// Short name, `h264`.
    pub codec: &'static str,
    /// Width in pixels; 0 where the stream does not say.
    pub width: u32,
    /// Height in pixels; 0 where the stream does not say.
    pub height: u32,
    /// Pictures per second; `None` where the head does not show it.
    pub frame_rate: Option<f64>,
}

/// A recording's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioFacts {
    /// Short name, `aac`.
    pub codec: &'static str,
    /// Samples per second; 0 where the stream does not say.
    pub sample_rate: u32,
    /// Channels; 0 where the stream does not say.
    pub channels: u32,
}

/// A recording that is there but cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which.
    pub id: RecordingId,
    /// Where it would be, as far as its name tells.
    pub span: TimeRange,
    /// Why, in words.
    pub detail: Arc<str>,
}
