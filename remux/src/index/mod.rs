//! What one pass over a recording learns: layout, RAPs, duration. Everything about cutting follows from it.

mod build;
mod cuts;
mod extents;
mod lane;
mod learned;
mod part;
mod part_stored;
mod pass;
mod reader;
mod settled;
mod stored;

use serde::{Deserialize, Serialize};

pub use self::build::{Indexer, Wants};
pub use self::cuts::{Cut, CutList};
pub use self::learned::Learned;
pub(crate) use self::part::KeyStart;
pub use self::part::{Part, PartError, PartIndexer};
pub(crate) use self::reader::first_rap;
pub use self::stored::{FORMAT_VERSION, IndexError};
pub(crate) use self::stored::{seal, unseal};

use crate::layout::Layout;
use crate::report::Report;
use crate::time::{MediaTime, Ticks};

/// What a complete pass over a recording has learned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Length of the recording in bytes.
    pub size: u64,
    /// Its runs in order; nearly every recording is one run. Never empty.
    pub runs: Vec<Run>,
    /// What the pass met.
    pub report: Report,
}

/// A stretch of a recording with one layout and one monotone clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What is true of the whole run.
    pub layout: Layout,
    /// Its random access points in order, at least one; PTS strictly rise.
    pub raps: Vec<Rap>,
    /// Where the run ends in time: the largest video PTS (audio PTS where there is no video) plus a frame.
    pub end: MediaTime,
    /// Up to which time all streams have been read; later, a recording that is still being written may get more.
    pub settled: MediaTime,
    /// PTS of the RAP that the run ends before, on its own clock: that of the next run, or where more of this one may
    /// follow; `None` where it ends with the recording, or with its program.
    pub next_rap: Option<MediaTime>,
    /// Where the run ends in the source, in bytes.
    pub end_offset: u64,
    /// Video pictures (audio PES where there is no video) from the first RAP on.
    pub pictures: u64,
}

/// A random access point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rap {
    /// Where its first packet starts in the source.
    pub offset: u64,
    /// When it is shown.
    pub pts: MediaTime,
    /// When it is decoded.
    pub dts: MediaTime,
    /// Bytes of source up to the next picture: what a key frame alone costs to read.
    pub size: u32,
    /// How far before `offset` the first PES of another stream starts that holds something shown with or after this RAP.
    pub lead: u32,
    /// How far after `offset` the last PES of another stream ends that is shown before this RAP.
    pub trail: u32,
    /// Decoding may start here without any trace of what came before: an IDR, or a RAP without leading pictures.
    pub independent: bool,
}

impl Run {
    /// From the first RAP's PTS to the end.
    pub fn duration(&self) -> Ticks {
        self.end - self.layout.zero
    }
}

impl Index {
    /// The durations of all runs together.
    pub fn duration(&self) -> Ticks {
        self.runs.iter().fold(Ticks::ZERO, |sum, run| sum + run.duration())
    }

    /// The same recording without the last GOPs of its last run that may still get more, for a file that is being written:
    /// nothing that is added later changes what is left. `None` where no complete GOP is.
    pub fn without_open_gop(mut self) -> Option<Self> {
        let run = self.runs.last_mut()?;
        let mut open = run.raps.pop()?;
        // Audio that belongs before this RAP may still come behind it.
        while open.pts > run.settled {
            open = run.raps.pop()?;
        }
        run.end = open.pts;
        run.next_rap = Some(open.pts);
        let reach = |rap: &Rap| rap.offset + u64::from(rap.trail);
        run.end_offset = run.raps.iter().map(reach).fold(reach(&open), u64::max);
        if run.raps.is_empty() {
            self.runs.pop();
        }
        (!self.runs.is_empty()).then_some(self)
    }
}
