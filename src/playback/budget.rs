//! Memory that is shared out, and given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many bytes, for all who take of them.
#[derive(Debug, Clone, Default)]
pub struct Budget(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    used: AtomicU64,
    limit: u64,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub fn of(limit: u64) -> Self {
        Self(Arc::new(Inner { used: AtomicU64::new(0), limit }))
    }

    /// Bytes that are taken.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Bytes there are.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Nothing yet; it grows.
    pub(super) fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }

    fn take(&self, bytes: u64) -> bool {
        let limit = self.0.limit;
        let taken = |used: u64| used.checked_add(bytes).filter(|&used| used <= limit);
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }
}

/// A part of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Budget,
    bytes: u64,
}

impl Share {
    /// Takes more; `false`, and nothing taken, where there is no more.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let grown = self.budget.take(bytes);
        self.bytes += if grown { bytes } else { 0 };
        grown
    }

    /// Gives everything back.
    pub(super) fn clear(&mut self) {
        self.budget.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}
