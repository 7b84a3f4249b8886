//! What every [`SessionStore`] does. Run here over memory, and by `tests/real` over Valkey.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use playback_service::clock::{Clock, ManualClock};
use playback_service::domain::{
    LiveFormat, LivePlan, RecordingId, RecordingKey, Session, SessionId, TimeRange, Version,
};
use playback_service::playback::plan::{Numbering, Plan, Stretch};
use playback_service::playback::ports::{Note, SessionStore, Stored};
use remux::time::Ticks;

/// Makes a store that knows no session yet, and the clock by which its sessions end.
pub(crate) type Make<'a> = &'a dyn Fn() -> (Arc<dyn SessionStore>, Arc<ManualClock>);

pub(crate) async fn suite(make: Make<'_>) {
    keeps_until_the_end(make).await;
    keeps_live_sessions(make).await;
    renews(make).await;
    never_shortens(make).await;
    removes(make).await;
    takes_notes(make).await;
}

pub(crate) fn noon() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-03-14T12:00:00Z".parse().unwrap()))
}

async fn keeps_until_the_end(make: Make<'_>) {
    let (store, clock) = make();
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

async fn keeps_live_sessions(make: Make<'_>) {
    let (store, clock) = make();
    let session = live();
    store.insert(session.clone(), clock.now() + TimeDelta::hours(24)).await.unwrap();
    assert_eq!(store.get(session.id()).await.unwrap().unwrap().session, session);
}

async fn renews(make: Make<'_>) {
    let (store, clock) = make();
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
    assert!(!store.renew(SessionId::random(), later + TimeDelta::seconds(100)).await.unwrap());
}

async fn never_shortens(make: Make<'_>) {
    let (store, clock) = make();
    let (session, end) = (session(1), clock.now() + TimeDelta::seconds(60));
    store.insert(session.clone(), end).await.unwrap();
    assert!(store.renew(session.id(), end - TimeDelta::seconds(30)).await.unwrap());
    assert_eq!(store.get(session.id()).await.unwrap().unwrap().expires_at, end);
}

async fn removes(make: Make<'_>) {
    let (store, clock) = make();
    let (one, other) = (session(1), session(1));
    for session in [&one, &other] {
        store.insert(session.clone(), clock.now() + TimeDelta::seconds(60)).await.unwrap();
    }
    assert!(store.remove(one.id()).await.unwrap());
    assert!(!store.remove(one.id()).await.unwrap());
    assert!(store.get(one.id()).await.unwrap().is_none());
    assert!(!store.renew(one.id(), clock.now() + TimeDelta::seconds(90)).await.unwrap());
    assert!(store.get(other.id()).await.unwrap().is_some());
    assert_eq!(store.active().await.unwrap(), 1);
}

/// Of sessions that it knows, and of others.
async fn takes_notes(make: Make<'_>) {
    let (store, clock) = make();
    let session = session(1);
    store.insert(session.clone(), clock.now() + TimeDelta::seconds(60)).await.unwrap();
    for id in [session.id(), SessionId::random()] {
        store.note(id, Note::Manifest("#EXTM3U\n".into())).await.unwrap();
        store.note(id, segment_note(0)).await.unwrap();
    }
    assert_eq!(store.get(session.id()).await.unwrap().unwrap().session, session);
}

pub(crate) fn segment_note(index: u32) -> Note {
    Note::Segment { index, recording: RecordingId::from("3e09466c"), cut: index + 5 }
}

/// A session over so many recordings.
pub(crate) fn session(stretches: usize) -> Stored {
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

fn live() -> Stored {
    let url = "http://media.example:8888/camera_cam/index.m3u8".into();
    let plan = LivePlan { format: LiveFormat::Hls, path: "camera_cam".into(), url, made: true };
    let (camera, created_at) = ("cam".parse().unwrap(), "2026-03-14T12:00:00Z".parse().unwrap());
    Stored::Live(Arc::new(Session { id: SessionId::random(), camera, created_at, plan }))
}
