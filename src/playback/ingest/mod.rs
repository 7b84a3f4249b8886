//! Recordings that are indexed before anybody plays them, because whoever keeps them says that they are there.
//!
//! ```text
//! a camera and a range ──> its recordings ─┐
//! the name of a new object ────────────────┴─> queue ──> workers: its row, if it is listed yet ──> one pass (Indexes::media)
//!                                                ^──────────────── not yet: again a little later
//! ```

mod queue;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use tracing::{debug, error, warn};

pub use self::queue::Ingest;
use self::queue::{Job, New, Outcome};
use super::Playback;
use crate::domain::{CameraId, Recording, RecordingKey, TimeRange};
use crate::error::Result;

/// What becomes of the recordings of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// These will be read.
    pub queued: usize,
    /// These have an index.
    pub known: usize,
}

impl Playback {
    /// Has the recordings of a range indexed that are not, in the background.
    ///
    /// # Errors
    /// Where the range is longer than allowed, the camera is not known, its recordings cannot be listed, or too many wait.
    pub async fn index(&self, camera: &CameraId, range: TimeRange) -> Result<Queued> {
        self.check_length(range)?;
        self.check_camera(camera).await?;
        let footage = self.ports.recordings.overlapping(camera, range).await?;
        let mut jobs = Vec::new();
        for recording in &footage.recordings {
            if !self.is_indexed(recording).await {
                jobs.push(Job::Read(recording.key.clone()));
            }
        }
        let queued = jobs.len();
        self.enqueue(jobs)?;
        Ok(Queued { queued, known: footage.recordings.len() - queued })
    }

    /// Has objects indexed that are new where recordings are kept, as soon as they are listed. Gives how many of the names are
    /// those of recordings.
    ///
    /// # Errors
    /// Where too many wait.
    pub fn index_new<'a>(&self, objects: impl Iterator<Item = &'a str>) -> Result<usize> {
        let new = objects.filter_map(|object| New::of(object, self.ingest.zone()));
        let jobs: Vec<Job> = new.map(Job::Find).collect();
        let queued = jobs.len();
        self.enqueue(jobs)?;
        Ok(queued)
    }

    async fn is_indexed(&self, recording: &Recording) -> bool {
        recording.extent.as_ref().is_some_and(|extent| extent.grid.is_none())
            || self.ports.indexes.keeps(&recording.key).await
    }

    fn enqueue(&self, jobs: Vec<Job>) -> Result<()> {
        let hired = self.ingest.add(jobs)?;
        self.set_to_work(hired);
        Ok(())
    }

    fn set_to_work(&self, workers: usize) {
        self.count_waiting();
        for _ in 0..workers {
            let this = self.clone();
            self.ports.tasks.spawn(async move { this.work().await }.boxed());
        }
    }

    async fn work(&self) {
        while let Some(job) = self.ingest.next() {
            let object = Arc::clone(job.object());
            // Whatever goes wrong with one, the others are not to wait for ever.
            let done = AssertUnwindSafe(self.do_job(job)).catch_unwind().await;
            let outcome = done.unwrap_or_else(|_| {
                error!(object = &*object, "indexing ended in a bug");
                Some(Outcome::Failed)
            });
            if let Some(outcome) = outcome {
                self.ingest.on_done(&object, outcome);
            }
            self.count_waiting();
        }
    }

    /// `None`: it is not done with.
    async fn do_job(&self, job: Job) -> Option<Outcome> {
        match job {
            Job::Read(key) => Some(self.read(&key).await),
            Job::Find(new) => match self.row_of(&new).await {
                Ok(Some(recording)) if self.is_indexed(&recording).await => Some(Outcome::Known),
                Ok(Some(recording)) => Some(self.read(&recording.key).await),
                Ok(None) => self.find_later(new, "it is not listed"),
                Err(error) => self.find_later(new, error.detail()),
            },
        }
    }

    async fn read(&self, key: &RecordingKey) -> Outcome {
        match self.ports.indexes.media(key).await {
            Ok(_) => Outcome::Indexed,
            Err(error) => {
                warn!(recording = %key.id, reason = error.detail(), "recording not indexed");
                Outcome::Failed
            }
        }
    }

    async fn row_of(&self, new: &New) -> Result<Option<Arc<Recording>>> {
        let Some(around) = new.around() else { return Ok(None) };
        let footage = self.ports.recordings.overlapping(&new.name.camera, around).await?;
        Ok(footage.recordings.into_iter().find(|recording| recording.key.object == new.object))
    }

    fn find_later(&self, mut new: New, reason: &str) -> Option<Outcome> {
        let Some(pause) = new.next_pause() else {
            warn!(object = &*new.object, reason, "new object given up");
            return Some(Outcome::Failed);
        };
        debug!(object = &*new.object, reason, "new object looked for again later");
        let this = self.clone();
        let again = async move { this.set_to_work(this.ingest.add_again(new)) };
        self.ports.tasks.later(pause, again.boxed());
        None
    }

    fn count_waiting(&self) {
        self.metrics.index_queue.set(i64::try_from(self.ingest.len()).unwrap_or(i64::MAX));
    }
}
