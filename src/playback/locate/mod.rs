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
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use futures::future::join;
use remux::index::{Cut, Index, Learned};
use remux::layout::Layout;
use remux::locate::{GopFacts, Grid, Knowledge, Medium, Thresholds};
use remux::time::Ticks;

use self::read::ReadHead;
pub(super) use self::way::{Way, being_read};
use super::media::{MediaRun, facts};
use super::ports::Objects;
use crate::domain::{Extent, Origin, RecordingKey, RunExtent};
use crate::error::{Error, Kind, Result};

/// What is known of a recording that has not been read as a whole. It learns from everything that is read.
pub struct Sketch {
    origin: Origin,
    medium: Medium,
    run: MediaRun,
    gops: GopFacts,
    /// Bytes of the longest random access point of its head.
    key_frame: u64,
    known: Mutex<Knowledge>,
    /// The GOPs that have passed by.
    learned: Mutex<Learned>,
    /// Something in it is not what head and tail said.
    is_contradicted: AtomicBool,
}

/// What head and tail of a recording say.
#[derive(Debug, Clone)]
pub enum Sketched {
    /// It can be played without an index.
    Sketch(Arc<Sketch>),
    /// One pass has to be made first, for this reason.
    NeedsIndex(String),
}

/// What is believed of a recording before anything of it has been read.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// How long it is by its catalogue.
    pub duration: Option<Ticks>,
    /// Another recording by its camera: where it looks like that, little has to be read of its head.
    pub look: Option<Arc<Sketch>>,
}

/// Reads head and tail of a recording, both at once.
///
/// # Errors
/// Where it cannot be read, or there is nothing in it that can be played.
pub async fn sketch(objects: &dyn Objects, key: &RecordingKey, expected: &Expected) -> Result<Sketched> {
    let (head, tail) = join(read::head(objects, key, expected), read::tail(objects, key)).await;
    let ((origin, head), tail) = (head?, tail?);
    let Some(head) = head else { return Ok(Sketched::NeedsIndex("it brings tables along".to_owned())) };
    if tail.origin != origin {
        return Err(changed(key));
    }
    Ok(match read::knowledge(objects, key, &head, tail, expected).await? {
        Ok(known) => Sketched::Sketch(Arc::new(Sketch::of(origin, head, known))),
        Err(why) => Sketched::NeedsIndex(why.to_string()),
    })
}

impl Sketch {
    fn of(origin: Origin, head: ReadHead, known: Knowledge) -> Self {
        let run = MediaRun::of(head.medium.layout(), known.duration().unwrap_or_default());
        let (medium, gops) = (head.medium, head.head.gops);
        let key_frame = head.head.raps.iter().map(|rap| u64::from(rap.size)).max().unwrap_or(0);
        let (known, learned, is_contradicted) = (Mutex::new(known), Mutex::default(), AtomicBool::default());
        Self { origin, medium, run, gops, key_frame, known, learned, is_contradicted }
    }

    /// Whether something was met in it that is not what head and tail said: it has to be read as a whole.
    pub fn is_contradicted(&self) -> bool {
        self.is_contradicted.load(Ordering::Relaxed)
    }

    fn on_contradiction(&self) {
        self.is_contradicted.store(true, Ordering::Relaxed);
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
