//! [`SessionStore`]

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use playback_service::adapters::memory::{Limits, MemorySessions};
use playback_service::clock::{Clock, ManualClock};
use playback_service::domain::{RecordingId, RecordingKey, Session, SessionId, TimeRange, Version};
use playback_service::error::Kind;
use playback_service::metrics::Metrics;
use playback_service::playback::plan::{Numbering, Plan, Stretch};
use playback_service::playback::ports::{SessionStore, Stored};
use remux::time::Ticks;

/// An empty store that keeps `sessions`, and the clock by which it expires them.
type Make = fn(sessions: usize) -> (Arc<dyn SessionStore>, Arc<ManualClock>);

fn in_memory(sessions: usize) -> (Arc<dyn SessionStore>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at("2026-03-14T12:00:00Z".parse().unwrap()));
    let limits = Limits { sessions, stretches: 1000 };
    let store = MemorySessions::new(Arc::clone(&clock) as _, limits, Arc::new(Metrics::new()));
    (Arc::new(store), clock)
}

#[tokio::test]
async fn memory() {
    suite(in_memory).await;
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

async fn suite(make: Make) {
    keeps_until_the_end(make).await;
    renews(make).await;
    removes(make).await;
    is_bounded(make).await;
}

async fn keeps_until_the_end(make: Make) {
    let (store, clock) = make(10);
    let (session, expires) = (session(3), clock.now() + TimeDelta::seconds(60));
    store.insert(session.clone(), expires).await.unwrap();
    let kept = store.get(session.id()).await.unwrap().unwrap();
    assert_eq!((&kept.session, kept.expires_at), (&session, expires));
    assert!(store.get(SessionId::random()).await.unwrap().is_none());
    clock.advance(59);
    assert_eq!(store.active().await.unwrap(), 1);
    clock.advance(1);
    assert!(store.get(session.id()).await.unwrap().is_none(), "it ends at that moment");
    assert_eq!(store.active().await.unwrap(), 0);
}

async fn renews(make: Make) {
    let (store, clock) = make(10);
    let session = session(1);
    store.insert(session.clone(), clock.now() + TimeDelta::seconds(60)).await.unwrap();
    let later = clock.now() + TimeDelta::seconds(100);
    assert!(store.renew(session.id(), later).await.unwrap());
    clock.advance(90);
    assert_eq!(store.get(session.id()).await.unwrap().unwrap().expires_at, later);
    clock.advance(10);
    assert!(
        !store.renew(session.id(), later + TimeDelta::seconds(100)).await.unwrap(),
        "what has ended is not renewed"
    );
    assert!(store.get(session.id()).await.unwrap().is_none());
}

async fn removes(make: Make) {
    let (store, clock) = make(10);
    let (one, other) = (session(1), session(1));
    for session in [&one, &other] {
        store.insert(session.clone(), clock.now() + TimeDelta::seconds(60)).await.unwrap();
    }
    assert!(store.remove(one.id()).await.unwrap());
    assert!(!store.remove(one.id()).await.unwrap());
    assert!(store.get(one.id()).await.unwrap().is_none());
    assert!(store.get(other.id()).await.unwrap().is_some());
    assert_eq!(store.active().await.unwrap(), 1);
}

async fn is_bounded(make: Make) {
    let (store, clock) = make(2);
    let expires = clock.now() + TimeDelta::seconds(60);
    for _ in 0..2 {
        store.insert(session(1), expires).await.unwrap();
    }
    let full = store.insert(session(1), expires).await.unwrap_err();
    assert!(matches!(full.kind(), Kind::Busy { .. }));
    clock.advance(60);
    store.insert(session(1), expires + TimeDelta::seconds(60)).await.unwrap();
}

/// A session over so many recordings.
fn session(stretches: usize) -> Stored {
    let start: DateTime<Utc> = "2026-03-14T10:00:00Z".parse().unwrap();
    let range = TimeRange::new(start, start + TimeDelta::seconds(60)).unwrap();
    let stretch = Stretch {
        recording: RecordingKey {
            id: RecordingId::from("3e09466c-6b7f-4c53-9f64-bd7f8c1a6f2e"),
            object: "cam/2026/03/14/10-00-00.ts".into(),
            version: Version { size: 1, validator: "1".into(), growing: false },
        },
        zero: start,
        first: 0,
        last: 9,
        span: range,
        frame_rate: Some(25.0),
        grid: None,
    };
    let plan = Plan {
        range,
        numbering: Numbering::of(Ticks::from_millis(6000)),
        packaging: remux::Packaging::TransportStream,
        stretches: vec![stretch; stretches],
        start_offset: Ticks::ZERO,
        left_out: vec!["something".to_owned()],
        open_until: None,
        follows: false,
    };
    let camera = "cam".parse().unwrap();
    Stored::Recorded(Arc::new(Session { id: SessionId::random(), camera, created_at: start, plan }))
}
