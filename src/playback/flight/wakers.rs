//! Who waits for the next frame. The source wakes all of them, so that one goes on where another went away.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Wake, Waker};

/// The readers of a segment that wait, by number.
#[derive(Debug, Default)]
pub(super) struct Wakers(Mutex<Vec<(u64, Waker)>>);

impl Wakers {
    pub(super) fn insert(&self, reader: u64, waker: &Waker) {
        let mut waiting = self.waiting();
        match waiting.iter_mut().find(|(number, _)| *number == reader) {
            Some((_, known)) => known.clone_from(waker),
            None => waiting.push((reader, waker.clone())),
        }
    }

    pub(super) fn remove(&self, reader: u64) {
        self.waiting().retain(|(number, _)| *number != reader);
    }

    pub(super) fn any(&self) -> bool {
        !self.waiting().is_empty()
    }

    pub(super) fn wake_all(&self) {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<(u64, Waker)>> {
        // Nothing in here can leave it half done.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }
}
