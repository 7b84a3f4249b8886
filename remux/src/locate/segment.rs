//! A segment that is found on the way: from the first random access point at or after one time to that at or after another.

use serde::{Deserialize, Serialize};

use super::sounding::Point;
use crate::cut::{Bounds, To};
use crate::time::MediaTime;

/// Between which times a segment lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Thresholds {
    /// It begins at the first RAP at or after this; `None`: with the run.
    pub from: Option<MediaTime>,
    /// It ends before the first RAP at or after this; `None`: with the run.
    pub to: Option<MediaTime>,
}

impl Thresholds {
    pub(crate) fn bounds(self) -> Bounds {
        Bounds {
            from: self.from,
            is_first: self.from.is_none(),
            is_exact: false,
            to: self.to.map_or(To::End, To::Threshold),
            may_be_late: true,
        }
    }
}

/// A picture of the key stream (video, or the first stream where there is none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Where its first packet starts in the source.
    pub offset: u64,
    /// When it is shown.
    pub pts: MediaTime,
    /// When it is decoded.
    pub dts: MediaTime,
}

impl From<Mark> for Point {
    fn from(mark: Mark) -> Self {
        Self { offset: mark.offset, clock: mark.dts }
    }
}

/// What a segment has found in its bytes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The first picture of the bytes, RAP or not.
    pub first: Option<Mark>,
    /// RAP a, which the segment begins with.
    pub begin: Option<Mark>,
    /// RAP b, which it ends before.
    pub end: Option<Mark>,
    /// How it stands.
    pub standing: Standing,
    /// The first that was seen of some other stream belongs inside already: where that runs further ahead of its pictures
    /// than the bytes begin before RAP a ([`limits::LOCATE_LEAD`](crate::limits::LOCATE_LEAD)), more of it lies before them.
    pub may_lack_sound: bool,
    /// Up to where the source has been used.
    pub read_to: u64,
}

/// How the search for a segment's random access points stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// RAP a has not been seen.
    Before,
    /// The bytes begin too late: a RAP at or after the first threshold may lie before them. Nothing comes out; begin again
    /// further ahead.
    Late,
    /// RAP a has been seen, and all of what belongs behind it goes out.
    Inside,
    /// RAP b has been seen; sound that belongs before it may follow.
    Trailing,
    /// All is there.
    Complete,
    /// Nothing lies between the thresholds: the first RAP behind the first is also the first behind the second. Tables come
    /// out and nothing else.
    Empty,
}
