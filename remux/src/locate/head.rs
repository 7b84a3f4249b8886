//! The head of a recording: its layout, and how far apart its first random access points are.

use serde::{Deserialize, Serialize};

use super::grid::{ENOUGH_RAPS, GopFacts};
use crate::error::Error;
use crate::index::{Indexer, Rap};
use crate::layout::Layout;
use crate::limits;
use crate::time::Ticks;

/// Reads the head: push the recording from its first byte on while it [wants](Self::wants) more, then finish.
#[derive(Debug, Clone)]
pub struct HeadReader {
    indexer: Indexer,
    size: u64,
    read: u64,
    raps: u32,
}

/// What a [`HeadReader`] needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadWants {
    /// The bytes behind those pushed last.
    Next,
    /// Nothing: finish.
    Nothing,
    /// It is MP4, whose tables say where everything is: what an [`Indexer`] asks for makes its index.
    Tables,
}

/// What the head of a recording says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The layout of the first run, as an [`Indexer`] finds it.
    pub layout: Layout,
    /// The random access points of that run in what was read.
    pub raps: Vec<Rap>,
    /// How far apart they are.
    pub gops: GopFacts,
    /// Runs seen. More than one: the recording has to be scanned.
    pub runs: usize,
    /// Bytes read.
    pub read: u64,
    /// Of a recording that was read to its end, how long its first run is.
    pub duration: Option<Ticks>,
}

impl HeadReader {
    /// The head of a recording of `size` bytes, of which the layout is wanted and nothing else.
    pub fn new(size: u64) -> Self {
        Self { indexer: Indexer::with_size(size), size, read: 0, raps: 1 }
    }

    /// The same, but as many random access points are wanted as a grid needs, if the first 8 MiB have them.
    pub fn for_grid(size: u64) -> Self {
        Self { raps: ENOUGH_RAPS, ..Self::new(size) }
    }

    /// What is needed next. It says as early as possible that nothing is: small pieces keep what is read small.
    pub fn wants(&mut self) -> HeadWants {
        if self.indexer.is_mp4() {
            return HeadWants::Tables;
        }
        if self.read >= self.size || self.indexer.has_failed() {
            return HeadWants::Nothing;
        }
        let raps = self.indexer.first_run().map(|(_, raps)| raps.len());
        match raps {
            Some(raps) if raps >= self.raps as usize || self.read >= limits::HEAD as u64 => {
                HeadWants::Nothing
            }
            _ => HeadWants::Next,
        }
    }

    /// The next bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.read += bytes.len() as u64;
        self.indexer.push(bytes);
    }

    /// What has been found.
    ///
    /// # Errors
    /// Where there is nothing to play, as of an [`Indexer`]; [`Error::NeedsIndex`] of MP4.
    pub fn finish(self) -> Result<Head, Error> {
        if self.indexer.is_mp4() {
            return Err(Error::NeedsIndex);
        }
        let (size, read) = (self.size, self.read);
        let index = self.indexer.finish()?;
        let runs = index.runs.len();
        let first = index.runs.into_iter().next();
        let first = first.ok_or_else(|| Error::NothingToPlay { reason: "no run".to_owned() })?;
        let duration = (read >= size).then(|| first.duration());
        Ok(Head {
            gops: GopFacts::of(&first.raps),
            layout: first.layout,
            raps: first.raps,
            runs,
            read,
            duration,
        })
    }
}
