//! [`SessionStore`] in memory; over Valkey it is tested by `tests/real`, but for what happens without one.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use playback_service::adapters::memory::{Limits, MemorySessions};
use playback_service::adapters::valkey::{self, ValkeySessions};
use playback_service::clock::{Clock, ManualClock};
use playback_service::domain::SessionId;
use playback_service::error::Kind;
use playback_service::metrics::Metrics;
use playback_service::playback::ports::{Note, SessionStore, Upstream, UpstreamState};

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

#[tokio::test]
async fn a_valkey_that_is_not_there_refuses_at_once_and_says_so() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = valkey::Server {
        host: nobody.ip().to_string(),
        port: nobody.port(),
        tls: None,
        username: None,
        password: Some("hunter2".to_owned()),
        database: 1,
        cluster: false,
        timeout: Duration::from_millis(250),
    };
    assert!(!format!("{server:?}").contains("hunter2"));
    let limits = valkey::CopyLimits { sessions: 10, stretches: 10 };
    let (clock, metrics) = (noon(), Arc::new(Metrics::new()));
    let store = ValkeySessions::new(server, limits, Arc::clone(&clock) as _, metrics);
    let expires = clock.now() + TimeDelta::hours(1);
    let (one, id) = (session(1), SessionId::random());
    for refused in [
        store.insert(one, expires).await.unwrap_err(),
        store.get(id).await.unwrap_err(),
        store.renew(id, expires).await.unwrap_err(),
        store.remove(id).await.unwrap_err(),
    ] {
        assert_eq!(refused.kind(), &Kind::UpstreamDown, "{refused}");
        assert!(refused.detail().contains("Valkey"));
    }
    store.note(id, Note::Manifest("#EXTM3U".into())).await.unwrap();
    assert_eq!(store.active().await.unwrap(), 0);
    assert!(matches!(store.state(), UpstreamState::Away(_)));
}
