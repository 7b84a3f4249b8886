//! Notes on their way to Valkey: nobody waits for them. Queued up to a limit, written by a task, each once.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::domain::SessionId;
use crate::metrics::Metrics;
use crate::playback::ports::Note;

/// The way in.
#[derive(Debug)]
pub(super) struct Notes {
    queue: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    seen: Seen,
    metrics: Arc<Metrics>,
}

/// A note that waits to be written.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) id: SessionId,
    pub(super) note: Note,
    pub(super) _room: OwnedSemaphorePermit,
}

impl Notes {
    pub(super) fn new(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Queued>) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let room = Arc::new(Semaphore::new(QUEUE_BYTES));
        (Self { queue, room, seen: Seen::default(), metrics }, waiting)
    }

    /// Queues a note, unless it was written before. Where there is no room it is dropped and counted.
    pub(super) fn push(&self, id: SessionId, note: Note) {
        if !self.seen.is_new(id, &note) {
            return;
        }
        if let Err(note) = self.try_push(id, note) {
            self.on_dropped(id, &note);
        }
    }

    /// The note was not written: the next like it is.
    pub(super) fn on_dropped(&self, id: SessionId, note: &Note) {
        self.seen.forget(id, note);
        self.metrics.notes_dropped.inc();
    }

    /// Valkey may have come back empty: everything is written again.
    pub(super) fn on_return(&self) {
        self.seen.clear();
    }

    fn try_push(&self, id: SessionId, note: Note) -> Result<(), Note> {
        let weight = match &note {
            Note::Manifest(text) => text.len(),
            Note::Segment { recording, .. } => recording.as_str().len(),
        };
        let weight = u32::try_from(weight.max(1)).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(weight) else { return Err(note) };
        let queued = Queued { id, note, _room: room };
        self.queue.try_send(queued).map_err(|error| error.into_inner().note)
    }
}

/// How many notes wait, and how many bytes they may have together. A playlist that is longer is never written.
const QUEUE: usize = 1024;
const QUEUE_BYTES: usize = 16 << 20;

/// Which notes have been seen, as far as 512 KiB remember it: a note whose place another one has taken is written again.
#[derive(Debug)]
struct Seen {
    hasher: RandomState,
    places: Box<[AtomicU64]>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { hasher: RandomState::new(), places: (0..PLACES).map(|_| AtomicU64::new(0)).collect() }
    }
}

const PLACES: usize = 1 << 16;

impl Seen {
    fn is_new(&self, id: SessionId, note: &Note) -> bool {
        let (place, hash) = self.place(id, note);
        place.swap(hash, Ordering::Relaxed) != hash
    }

    fn forget(&self, id: SessionId, note: &Note) {
        let (place, hash) = self.place(id, note);
        let _ = place.compare_exchange(hash, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn clear(&self) {
        self.places.iter().for_each(|place| place.store(0, Ordering::Relaxed));
    }

    fn place(&self, id: SessionId, note: &Note) -> (&AtomicU64, u64) {
        // 0 is an empty place.
        let hash = self.hasher.hash_one(Named(id, note)) | 1 << 63;
        (&self.places[hash as usize % PLACES], hash)
    }
}

/// What makes a note another one: the recording and cut behind a segment never change, a playlist that grows does.
struct Named<'a>(SessionId, &'a Note);

impl Hash for Named<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        match self.1 {
            Note::Manifest(text) => text.hash(state),
            Note::Segment { index, .. } => index.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(index: u32) -> Note {
        Note::Segment { index, recording: "a".into(), cut: 1 }
    }

    #[test]
    fn a_note_is_queued_once_until_it_is_dropped() {
        let (notes, mut waiting) = Notes::new(Arc::new(Metrics::new()));
        let id = SessionId::random();
        for note in [segment(1), segment(1), Note::Manifest("a".into()), Note::Manifest("a".into())] {
            notes.push(id, note);
        }
        assert_eq!(waiting.len(), 2);
        notes.push(id, Note::Manifest("b".into()));
        notes.on_dropped(id, &segment(1));
        notes.push(id, segment(1));
        assert_eq!(waiting.len(), 4);
        assert_eq!(waiting.try_recv().unwrap().note, segment(1));
    }

    #[test]
    fn past_the_limits_notes_are_dropped_and_counted() {
        let metrics = Arc::new(Metrics::new());
        let (notes, waiting) = Notes::new(Arc::clone(&metrics));
        let id = SessionId::random();
        notes.push(id, Note::Manifest("x".repeat(QUEUE_BYTES + 1).into()));
        assert_eq!((waiting.len(), metrics.notes_dropped.get()), (0, 1));
        (0..QUEUE as u32 + 5).for_each(|index| notes.push(id, segment(index)));
        assert_eq!((waiting.len(), metrics.notes_dropped.get()), (QUEUE, 6));
    }
}
