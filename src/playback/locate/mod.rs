//! Playing a recording that nobody has indexed: its head and its tail are read once, then for each segment as little as finds
//! it. What to read and what it says is the engine's ([`remux::locate`]); here the reads are done.
//!
//! ```text
//! sketch:   head ┬─▶ layout, GOPs ─┐
//!           tail ┴─▶ duration ─────┴─▶ Sketch        once for a recording
//! way:      thresholds ─▶ probes, if any ─▶ range    for every segment
//! ```

mod read;
mod stored;
mod way;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::join;
use remux::index::{Cut, Index, Learned};
use remux::layout::Layout;
use remux::locate::{GopFacts, Grid, Head, Knowledge, Thresholds};
use remux::time::Ticks;

pub(super) use self::way::Way;
use super::media::{MediaRun, facts};
use super::ports::Objects;
use crate::domain::{Extent, Origin, RecordingKey, RunExtent};
use crate::error::{Error, Kind, Result};

/// What is known of a recording that has not been read as a whole. It learns from everything that is read.
pub struct Sketch {
    origin: Origin,
    run: MediaRun,
    gops: GopFacts,
    known: Mutex<Knowledge>,
    /// The GOPs that have passed by.
    learned: Mutex<Learned>,
}

/// What head and tail of a recording say.
#[derive(Debug, Clone)]
pub enum Sketched {
    /// It can be played without an index.
    Sketch(Arc<Sketch>),
    /// One pass has to be made first, for this reason.
    NeedsIndex(String),
}

/// Reads head and tail of a recording, both at once. `duration` is what the catalogue says of it.
///
/// # Errors
/// Where it cannot be read, or there is nothing in it that can be played.
pub async fn sketch(objects: &dyn Objects, key: &RecordingKey, duration: Option<Ticks>) -> Result<Sketched> {
    let (head, tail) = join(read::head(objects, key, duration), read::tail(objects, key)).await;
    let ((origin, head), tail) = (head?, tail?);
    let Some(head) = head else { return Ok(Sketched::NeedsIndex("it brings tables along".to_owned())) };
    if tail.origin != origin {
        return Err(changed(key));
    }
    Ok(match read::knowledge(objects, key, &head, tail, duration).await? {
        Ok(known) => Sketched::Sketch(Arc::new(Sketch::of(origin, &head, known))),
        Err(why) => Sketched::NeedsIndex(why.to_string()),
    })
}

impl Sketch {
    fn of(origin: Origin, head: &Head, known: Knowledge) -> Self {
        let run = MediaRun::of(&head.layout, known.duration().unwrap_or_default());
        Self { origin, run, gops: head.gops, known: Mutex::new(known), learned: Mutex::default() }
    }

    /// What its bytes were when they were read.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The layout of its only run.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.run.layout
    }

    /// A hash of the layout.
    pub fn layout_digest(&self) -> &[u8; 32] {
        &self.run.digest
    }

    /// From zero to the end of its last picture.
    pub fn duration(&self) -> Ticks {
        self.run.duration
    }

    /// Cuts of about `target` for a recording that looks like this one and is `duration` long.
    pub fn grid(&self, duration: Ticks, target: Ticks) -> Grid {
        Grid::new(self.layout().zero, &self.gops, duration, target)
    }

    /// Length and content of a recording that looks like this one and is cut as `grid` says.
    pub fn extent(&self, grid: Grid) -> Extent {
        let run = RunExtent { duration: grid.duration, cuts: grid.cells, carriage: self.run.carriage };
        Extent {
            runs: vec![run],
            gop: grid.gop,
            facts: Arc::new(facts(self.layout())),
            damages: Vec::new(),
            grid: Some(grid),
        }
    }

    /// The index, once all of the recording has passed by.
    pub fn index(&self) -> Option<Index> {
        self.learned().index(self.layout())
    }

    /// The exact cut between two thresholds, where it has passed by before.
    pub(super) fn cut(&self, thresholds: Thresholds) -> Option<Cut> {
        self.learned().cut(thresholds)
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        // Whoever panicked while holding it left whole GOPs.
        self.learned.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn known(&self) -> MutexGuard<'_, Knowledge> {
        // Whoever panicked while holding it left whole points.
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sketch")
            .field("origin", &self.origin)
            .field("gops", &self.gops)
            .finish_non_exhaustive()
    }
}

fn changed(key: &RecordingKey) -> Error {
    Error::new(Kind::Gone, format!("Recording {} has changed while it was read.", key.id))
}
