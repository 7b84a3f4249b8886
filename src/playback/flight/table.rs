//! All segments on their way that may be joined.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use super::Flight;
use crate::playback::Playback;
use crate::playback::budget::Budget;
use crate::playback::flight::Wanted;
use crate::playback::kept::SegmentKey;
use crate::playback::turns::Need;

/// Segments on their way, by key, and the memory for their frames.
#[derive(Debug, Clone, Default)]
pub struct Flights(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    table: Mutex<HashMap<SegmentKey, Weak<Flight>>>,
    budget: Budget,
}

impl Flights {
    /// With so many bytes to keep frames in.
    pub fn with(budget: Budget) -> Self {
        Self(Arc::new(Inner { table: Mutex::default(), budget }))
    }

    /// Memory for frames.
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// The flight that brings a segment: one under way, or a new one.
    pub(in crate::playback) fn join(&self, wanted: Wanted, playback: &Playback, need: Need) -> Arc<Flight> {
        // Before the guard, so that it is dropped after: the end of a flight needs the table.
        let known;
        let mut table = self.table();
        known = table.get(&wanted.key).and_then(Weak::upgrade);
        match &known {
            Some(flight) if flight.joinable.load(Ordering::Relaxed) => {
                playback.metrics.coalesced_segments.inc();
                Arc::clone(flight)
            }
            _ => {
                let key = wanted.key;
                let flight = Arc::new(Flight::shared(wanted, playback, need));
                table.insert(key, Arc::downgrade(&flight));
                flight
            }
        }
    }

    pub(super) fn forget(&self, key: &SegmentKey, flight: &Flight) {
        let mut table = self.table();
        if table.get(key).is_some_and(|known| std::ptr::eq(known.as_ptr(), flight)) {
            table.remove(key);
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<SegmentKey, Weak<Flight>>> {
        // Each change is one step.
        self.0.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
