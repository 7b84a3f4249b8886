//! [`SessionStore`] in memory

use std::sync::Arc;

use chrono::TimeDelta;
use playback_service::adapters::memory::{Limits, MemorySessions};
use playback_service::clock::{Clock, ManualClock};
use playback_service::error::Kind;
use playback_service::metrics::Metrics;
use playback_service::playback::ports::SessionStore;

use crate::session_suite::{noon, session, suite};

/// An empty store that keeps `sessions`, and the clock by which it expires them.
fn in_memory(sessions: usize) -> (Arc<dyn SessionStore>, Arc<ManualClock>) {
    let clock = noon();
    let limits = Limits { sessions, stretches: 1000 };
    let store = MemorySessions::new(Arc::clone(&clock) as _, limits, Arc::new(Metrics::new()));
    (Arc::new(store), clock)
}

#[tokio::test]
async fn memory() {
    suite(&|| in_memory(10)).await;
}

#[tokio::test]
async fn memory_counts_what_sessions_weigh() {
    let (store, clock) = in_memory(1000);
    let expires = clock.now() + TimeDelta::hours(1);
    for _ in 0..10 {
        store.insert(session(100), expires).await.unwrap();
    }
    let full = store.insert(session(1), expires).await.unwrap_err();
    assert!(matches!(full.kind(), Kind::Busy { .. }));
}

#[tokio::test]
async fn memory_is_bounded() {
    let (store, clock) = in_memory(2);
    let expires = clock.now() + TimeDelta::seconds(60);
    for _ in 0..2 {
        store.insert(session(1), expires).await.unwrap();
    }
    let full = store.insert(session(1), expires).await.unwrap_err();
    assert!(matches!(full.kind(), Kind::Busy { .. }));
    clock.advance(60);
    store.insert(session(1), expires + TimeDelta::seconds(60)).await.unwrap();
}
