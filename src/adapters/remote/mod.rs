//! Recordings that are kept elsewhere: a catalogue lists them, a server of objects has their bytes.
//!
//! ```text
//! Catalogue: rows ─┐
//! learned ─────────┴─> placing: rows on the wall clock, as long as their media says where it was read ──> Recordings
//! session that waits ──> sketches: head and tail ──> Indexes: planned by a grid, found while it is played
//!             or, sooner, the index that lies beside it, where there is one
//!             where that is not enough: library: one pass, remembered in WORK_DIR ──> Indexes: cut exactly
//! what either says ──> others: told to other replicas, and asked of them first
//! segment ──> the objects themselves; what turns out to be gone or changed is forgotten ──> Objects
//! ```

mod beside;
mod kept;
mod learned;
mod library;
mod others;
mod pass;
mod placing;
mod ports;
mod sketches;

use std::path::PathBuf;
use std::sync::Arc;

use remux::time::Ticks;

pub use self::beside::Beside;
use self::library::Library;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::playback::exchange::Exchange;
use crate::playback::ports::{Catalogue, Objects};

/// How recordings are read.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where indexes are remembered.
    pub work_dir: PathBuf,
    /// What the recordings are part of: indexes of several catalogues do not mix.
    pub scope: String,
    /// Recordings that are read at a time.
    pub index_concurrency: usize,
    /// Bytes of cut lists that are kept in memory.
    pub index_cache_bytes: u64,
    /// Target duration of a cut.
    pub segment_target: Ticks,
    /// Where replicas tell each other what they learn.
    pub exchange: Arc<dyn Exchange>,
    /// Who opens indexes that lie beside recordings, where they are looked for.
    pub beside: Option<Arc<dyn Beside>>,
}

/// Recordings that a catalogue lists and a server of objects has.
#[derive(Debug, Clone)]
pub struct Remote {
    catalogue: Arc<dyn Catalogue>,
    library: Arc<Library>,
}

impl Remote {
    /// What `catalogue` lists, with its bytes in `objects`.
    pub fn new(
        catalogue: Arc<dyn Catalogue>,
        objects: Arc<dyn Objects>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { catalogue, library: Arc::new(Library::new(objects, settings, clock, metrics)) }
    }
}
