//! Sessions in real servers: Redis as Debian ships it, plain and with TLS, Valkey, and clusters of one node and of several; away,
//! hung, restarted, loading and evicting while they are used.

mod exchange;
pub(crate) mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use playback_service::adapters::valkey::{CopyLimits, Server, ValkeySessions};
use playback_service::clock::{Clock, ManualClock};
use playback_service::domain::SessionId;
use playback_service::error::Kind;
use playback_service::metrics::Metrics;
use playback_service::playback::ports::{Note, SessionStore, Stored, Upstream, UpstreamState};
use serde_json::{Value, json};

use self::server::{Flavour, Running};
use crate::clips::samples;
use crate::service::Service;
use crate::session_suite::{noon, segment_note, session, suite};

/// A replica's store, and its clock.
struct Replica {
    store: Arc<ValkeySessions>,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
}

impl Replica {
    fn of(server: &Running) -> Self {
        Self::with(server.settings(), 100)
    }

    fn with(server: Server, sessions: usize) -> Self {
        playback_service::tls::choose_provider();
        let (clock, metrics) = (noon(), Arc::new(Metrics::new()));
        let limits = CopyLimits { sessions, stretches: 1000 };
        let store = ValkeySessions::new(server, limits, Arc::clone(&clock) as _, Arc::clone(&metrics));
        Self { store: Arc::new(store), clock, metrics }
    }

    /// A new session that ends in an hour.
    async fn opened(&self) -> Stored {
        let session = session(2);
        self.store.insert(session.clone(), self.in_an_hour()).await.unwrap();
        session
    }

    fn in_an_hour(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now() + TimeDelta::hours(1)
    }

    async fn has(&self, id: SessionId) -> bool {
        self.store.get(id).await.unwrap().is_some()
    }

    async fn until_up(&self) {
        eventually("up", async || self.store.state() == UpstreamState::Up).await;
    }

    async fn until_away(&self) {
        eventually("away", async || matches!(self.store.state(), UpstreamState::Away(_))).await;
    }
}

async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(), "{what}: did not happen");
}

async fn conforms(flavour: Flavour) {
    let server = Running::start(flavour);
    suite(&|| {
        let replica = Replica::of(&server);
        (replica.store as _, replica.clock)
    })
    .await;
    replicas_share(&server).await;
    all_keys_have_their_end_and_go_together(&server).await;
    exchange::conforms(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis() {
    conforms(Flavour::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_tls() {
    conforms(Flavour::RedisTls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn valkey() {
    conforms(Flavour::Valkey).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn valkey_cluster() {
    conforms(Flavour::Cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_cluster_with_tls() {
    conforms(Flavour::ClusterTls).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_cluster_of_three_nodes() {
    conforms(Flavour::ThreeNodes).await;
}

/// Slots move to another node while sessions are in them, and the first node hands over to its follower.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_may_move_its_slots_and_fail_over() {
    let server = Running::start(Flavour::ThreeNodes);
    let replica = Replica::of(&server);
    let mut ids = Vec::new();
    for _ in 0..40 {
        let id = replica.opened().await.id();
        replica.store.note(id, segment_note(3)).await.unwrap();
        ids.push(id);
    }
    let (from, to) = (server.node_id(), server.others[0].node_id());
    server.cluster(&[
        "reshard",
        &server.address(),
        "--cluster-from",
        &from,
        "--cluster-to",
        &to,
        "--cluster-slots",
        "2000",
        "--cluster-yes",
    ]);
    all_go_on(&server, &replica, &ids[..20]).await;

    assert_eq!(server.others[2].cli(&["CLUSTER", "FAILOVER"]), "OK");
    wait_for("the follower leads", || server.others[2].cli(&["INFO", "replication"]).contains("role:master"));
    all_go_on(&server, &replica, &ids[20..]).await;
}

/// Another replica knows them; they are renewed, and stopped with everything that there is of them.
async fn all_go_on(server: &Running, replica: &Replica, ids: &[SessionId]) {
    let other = Replica::of(server);
    let later = replica.in_an_hour() + TimeDelta::hours(1);
    for id in ids {
        assert!(other.has(*id).await);
        assert!(replica.store.renew(*id, later).await.unwrap());
    }
    for id in ids {
        assert!(replica.store.remove(*id).await.unwrap());
    }
    let left = server.keys();
    assert!(ids.iter().all(|id| !left.iter().any(|key| key.contains(&id.reveal()))), "{left:?}");
}

/// What it has in its slots is lost with it; all else goes on when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_one_of_its_nodes_is_away_until_it_is_back() {
    let mut server = Running::start(Flavour::ThreeNodes);
    let replica = Replica::of(&server);
    let id = replica.opened().await.id();
    server.others[1].kill();
    replica.until_away().await;
    let begun = Instant::now();
    assert!(replica.has(id).await);
    let refused = replica.store.insert(session(1), replica.in_an_hour()).await.unwrap_err();
    assert_eq!(refused.kind(), &Kind::UpstreamDown);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    server.others[1].restart();
    replica.until_up().await;
    eventually("sessions in every slot", async || {
        let mut opened = true;
        for _ in 0..20 {
            opened &= replica.store.insert(session(1), replica.in_an_hour()).await.is_ok();
        }
        opened
    })
    .await;
    assert!(replica.has(id).await);
}

/// One opens, the other plays, renews and stops; the first notices within about a second.
async fn replicas_share(server: &Running) {
    let [one, other] = [Replica::of(server), Replica::of(server)];
    let session = one.opened().await;
    let id = session.id();
    let kept = other.store.get(id).await.unwrap().unwrap();
    assert_eq!((kept.session, kept.expires_at), (session, one.in_an_hour()));

    let later = one.in_an_hour() + TimeDelta::hours(1);
    assert!(other.store.renew(id, later).await.unwrap());
    let begun = Instant::now();
    eventually("the new end", async || one.store.get(id).await.unwrap().unwrap().expires_at == later).await;
    assert!(other.store.remove(id).await.unwrap());
    eventually("the stop", async || !one.has(id).await).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(!one.store.renew(id, later).await.unwrap());
}

async fn all_keys_have_their_end_and_go_together(server: &Running) {
    let replica = Replica::of(server);
    server.flush();
    let session = replica.opened().await;
    let (id, text) = (session.id(), session.id().reveal());
    for note in [Note::Manifest("#EXTM3U\n".into()), segment_note(0), segment_note(17), segment_note(0)] {
        replica.store.note(id, note).await.unwrap();
    }
    replica.store.note(SessionId::random(), segment_note(0)).await.unwrap();
    let mut expected = vec![
        format!("playback:hls:manifest:{text}"),
        format!("playback:hls:segment:{text}:0"),
        format!("playback:hls:segment:{text}:17"),
        format!("playback:keys:{text}"),
        format!("playback:session:{text}"),
    ];
    expected.sort();
    eventually("the keys", async || server.keys() == expected).await;
    assert_eq!(server.cli(&["GET", &expected[0]]), "#EXTM3U");
    let segment: Value = serde_json::from_str(&server.cli(&["GET", &expected[2]])).unwrap();
    assert_eq!(segment, json!({"recording": "3e09466c", "cut": 22}));
    let stored: Value = serde_json::from_str(&server.cli(&["GET", &expected[4]])).unwrap();
    assert_eq!(stored["camera_id"], "cam");
    assert_eq!(stored["start_time"], "2026-03-14T10:00:00Z");
    assert_eq!(stored["end_time"], "2026-03-14T10:01:00Z");
    assert_eq!(stored["expires_at"], "2026-03-14T13:00:00.000000000Z");
    let ttls = || expected.iter().map(|key| server.ttl(key)).collect::<Vec<_>>();
    // The last note's end may still be on its way.
    eventually("an end", async || ttls().iter().all(|ttl| (3550..=3600).contains(ttl))).await;

    assert!(replica.store.renew(id, replica.clock.now() + TimeDelta::hours(2)).await.unwrap());
    assert!(ttls().iter().all(|ttl| (7150..=7200).contains(ttl)), "{:?}", ttls());
    let stored: Value = serde_json::from_str(&server.cli(&["GET", &expected[4]])).unwrap();
    assert_eq!(stored["expires_at"], "2026-03-14T14:00:00.000000000Z");

    assert!(replica.store.remove(id).await.unwrap());
    assert_eq!(server.keys(), Vec::<String>::new());
}

/// A day in segments of 6 s, all of them played.
#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_segments_is_renewed_and_removed_as_a_whole() {
    let server = Running::start(Flavour::Valkey);
    let replica = Replica::of(&server);
    let id = replica.opened().await.id();
    let script = "for index = 0, 14399 do
        redis.call('SET', 'playback:hls:segment:' .. ARGV[1] .. ':' .. index, 'x', 'EX', 60)
        redis.call('SETBIT', 'playback:keys:' .. ARGV[1], index, 1)
    end";
    server.cli(&["EVAL", script, "0", &id.reveal()]);
    assert_eq!(server.cli(&["DBSIZE"]), "14402");
    let begun = Instant::now();
    assert!(replica.store.renew(id, replica.clock.now() + TimeDelta::hours(2)).await.unwrap());
    let renewed = begun.elapsed();
    for index in [0, 7, 8, 14_399] {
        let ttl = server.ttl(&format!("playback:hls:segment:{}:{index}", id.reveal()));
        assert!((7100..=7200).contains(&ttl), "{index}: {ttl}");
    }
    let begun = Instant::now();
    assert!(replica.store.remove(id).await.unwrap());
    crate::tools::say(&format!("14,400 keys: renewed in {renewed:?}, removed in {:?}", begun.elapsed()));
    assert!(server.keys().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn any_key_may_be_evicted() {
    let server = Running::start(Flavour::Valkey);
    let [replica, other] = [Replica::of(&server), Replica::of(&server)];
    for number in 0..4 {
        let session = replica.opened().await;
        let id = session.id();
        replica.store.note(id, Note::Manifest("#EXTM3U\n".into())).await.unwrap();
        replica.store.note(id, segment_note(3)).await.unwrap();
        eventually("the keys", async || server.keys().len() == 4).await;
        let evicted = &server.keys()[number];
        server.cli(&["DEL", evicted]);
        let survives = !evicted.starts_with("playback:session:");
        assert_eq!(other.has(id).await, survives, "{evicted}");
        eventually("noticed", async || replica.has(id).await == survives).await;
        assert_eq!(other.store.renew(id, other.in_an_hour()).await.unwrap(), survives);
        assert_eq!(replica.store.remove(id).await.unwrap(), survives);
        // A segment whose list is gone ends by itself.
        let left = if evicted.starts_with("playback:keys:") { 1 } else { 0 };
        assert_eq!(server.keys().len(), left, "{evicted}: {:?}", server.keys());
        server.flush();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_while_valkey_is_away_and_afterwards() {
    let mut server = Running::start(Flavour::Valkey);
    let replica = Replica::of(&server);
    let [played, renewed, stopped] =
        [replica.opened().await.id(), replica.opened().await.id(), replica.opened().await.id()];
    server.kill();
    replica.until_away().await;
    let begun = Instant::now();
    let later = replica.clock.now() + TimeDelta::hours(2);
    for _ in 0..1000 {
        assert!(replica.has(played).await);
    }
    assert!(replica.store.renew(renewed, later).await.unwrap());
    assert!(replica.store.remove(stopped).await.unwrap());
    assert!(!replica.store.remove(stopped).await.unwrap());
    assert!(!replica.has(stopped).await);
    let refused = replica.store.insert(session(1), later).await.unwrap_err();
    assert_eq!(refused.kind(), &Kind::UpstreamDown);
    assert!(refused.detail().contains("Valkey"), "{refused}");
    assert_eq!(replica.store.get(SessionId::random()).await.unwrap_err().kind(), &Kind::UpstreamDown);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());

    // It comes back empty: what is played goes on, and other replicas see it again.
    server.restart();
    replica.until_up().await;
    assert!(replica.has(played).await && replica.has(renewed).await);
    let other = Replica::of(&server);
    eventually("put back", async || other.has(played).await && other.has(renewed).await).await;
    assert_eq!(other.store.get(renewed).await.unwrap().unwrap().expires_at, later);
    assert!(!other.has(stopped).await && !replica.has(stopped).await);
    replica.opened().await;
    let counted = replica.metrics.text();
    assert!(
        counted.contains(r#"playback_upstream_failures_total{kind="down",upstream="valkey"}"#),
        "{counted}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_stopped_meanwhile_is_gone_from_a_valkey_that_kept_it() {
    let mut server = Running::start(Flavour::ValkeyWithFile);
    let replica = Replica::of(&server);
    let [stopped, kept] = [replica.opened().await.id(), replica.opened().await.id()];
    server.kill();
    replica.until_away().await;
    assert!(replica.store.remove(stopped).await.unwrap());
    server.restart();
    eventually("stopped there, too", async || {
        server.keys() == [format!("playback:session:{}", kept.reveal())]
    })
    .await;
    assert!(replica.has(kept).await && !replica.has(stopped).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_valkey_costs_a_request_its_time_out_at_most() {
    let server = Running::start(Flavour::Redis);
    let replica = Replica::with(Server { timeout: Duration::from_millis(250), ..server.settings() }, 10);
    replica.until_up().await;
    let id = replica.opened().await.id();
    server.signal("STOP");
    let begun = Instant::now();
    let late = replica.store.insert(session(1), replica.in_an_hour()).await.unwrap_err();
    assert!(matches!(late.kind(), Kind::UpstreamLate | Kind::UpstreamDown));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    replica.until_away().await;
    let begun = Instant::now();
    assert!(replica.has(id).await);
    let refused = replica.store.insert(session(1), replica.in_an_hour()).await.unwrap_err();
    assert_eq!(refused.kind(), &Kind::UpstreamDown);
    assert!(begun.elapsed() < Duration::from_millis(200), "{:?}", begun.elapsed());
    server.signal("CONT");
    replica.until_up().await;
    replica.opened().await;
}

/// What a fail-over looks like from the old primary.
#[tokio::test(flavor = "multi_thread")]
async fn a_valkey_that_may_not_be_written_to_counts_as_away() {
    let server = Running::start(Flavour::Valkey);
    let replica = Replica::of(&server);
    let id = replica.opened().await.id();
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let refused = replica.store.insert(session(1), replica.in_an_hour()).await.unwrap_err();
    assert_eq!(refused.kind(), &Kind::UpstreamDown);
    replica.until_away().await;
    let UpstreamState::Away(why) = replica.store.state() else { panic!() };
    assert!(why.contains("read only"), "{why}");
    assert!(replica.has(id).await);
    server.cli(&["REPLICAOF", "NO", "ONE"]);
    replica.until_up().await;
    replica.opened().await;
}

/// It is there, and says that it still reads its data set.
#[tokio::test(flavor = "multi_thread")]
async fn a_valkey_that_loads_counts_as_away_until_it_has_loaded() {
    let mut server = Running::start(Flavour::Valkey);
    let replica = Replica::of(&server);
    let id = replica.opened().await.id();
    let script = "for number = 1, 4000 do redis.call('SET', 'other:' .. number, 'x') end";
    server.cli(&["EVAL", script, "0"]);
    assert_eq!(server.cli(&["SAVE"]), "OK");
    server.kill();
    replica.until_away().await;
    server.restart_slowly();
    eventually("it is said why", async || match replica.store.state() {
        UpstreamState::Away(why) => why.to_lowercase().contains("loading"),
        state => panic!("{state:?} while it loads"),
    })
    .await;
    assert!(replica.has(id).await);
    let refused = replica.store.insert(session(1), replica.in_an_hour()).await.unwrap_err();
    assert_eq!(refused.kind(), &Kind::UpstreamDown);
    replica.until_up().await;
    assert!(replica.has(id).await && Replica::of(&server).has(id).await);
    replica.opened().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valkey_that_is_not_there_yet_is_waited_for_in_the_background() {
    let mut server = Running::start(Flavour::Redis);
    server.kill();
    let replica = Replica::of(&server);
    replica.until_away().await;
    server.restart();
    replica.until_up().await;
    replica.opened().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_said_and_forgiven() {
    let server = Running::start(Flavour::Redis);
    let wrong = Server { password: Some("hunter2".to_owned()), ..server.settings() };
    let replica = Replica::with(wrong, 10);
    replica.until_away().await;
    let UpstreamState::Away(why) = replica.store.state() else { panic!() };
    assert!(why.contains("WRONGPASS") || why.to_lowercase().contains("password"), "{why}");
    assert!(!why.contains("hunter2"));
    server.cli(&["CONFIG", "SET", "requirepass", "hunter2"]);
    replica.until_up().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = Running::start(Flavour::RedisTls);
    let replica = Replica::with(Server { tls: Some(None), ..server.settings() }, 10);
    replica.until_away().await;
    let UpstreamState::Away(why) = replica.store.state() else { panic!() };
    assert!(why.contains("certificate"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_an_error_or_gone_and_can_be_removed() {
    let server = Running::start(Flavour::Valkey);
    let [writer, replica] = [Replica::of(&server), Replica::of(&server)];
    let id = writer.opened().await.id();
    let key = format!("playback:session:{}", id.reveal());
    let good = server.cli(&["GET", &key]);
    server.cli(&["SET", &key, &good.replacen("cam", "../", 1), "EX", "60"]);
    let error = replica.store.get(id).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(!error.to_string().contains(&id.reveal()));
    server.cli(&["SET", &key, &good.replacen("\"version\":1", "\"version\":9", 1), "EX", "60"]);
    assert!(!replica.has(id).await);
    server.cli(&["DEL", &key]);
    server.cli(&["LPUSH", &key, "x"]);
    assert_eq!(replica.store.get(id).await.unwrap_err().kind(), &Kind::BadUpstream);
    assert!(replica.store.remove(id).await.unwrap());
    assert!(server.keys().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_sessions_than_are_remembered_are_asked_for() {
    let server = Running::start(Flavour::Valkey);
    let replica = Replica::with(server.settings(), 3);
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(replica.opened().await.id());
    }
    assert_eq!(replica.store.active().await.unwrap(), 3);
    for id in ids {
        assert!(replica.has(id).await);
    }
}

/// Two of the program on one Valkey: what one opens the other plays, and DELETE leaves nothing behind.
#[test]
fn two_services_share_sessions() {
    let server = Running::start(Flavour::Redis);
    let address = server.url();
    let settings = [("VALKEY_ADDR", address.as_str())];
    let [one, other] =
        [Service::start_with(&samples(), &settings), Service::start_with(&samples(), &settings)];
    let session = one.open("cam-001-entrance", "2026-03-14T10:00:00Z", "2026-03-14T10:02:00Z");
    let elsewhere = session.playlist_url.replacen(&one.base, &other.base, 1);
    let same = |url: &str| {
        one.get(url).bytes().unwrap() == other.get(&url.replacen(&one.base, &other.base, 1)).bytes().unwrap()
    };
    assert!(same(&session.playlist_url));
    assert!((0..session.playlist.segments.len()).all(|number| same(&session.segment_url(number))));
    let count = session.playlist.segments.len() + 3;
    wait_for("the notes", || server.keys().len() == count);
    let health: Value = other.get("/health").json().unwrap();
    assert_eq!((&health["status"], &health["upstreams"]["valkey"]), (&json!("healthy"), &json!("up")));

    let path = elsewhere.trim_end_matches("/playlist.m3u8");
    assert_eq!(other.client.delete(path).send().unwrap().status(), 200);
    wait_for("everything gone", || server.keys().is_empty());
    wait_for("noticed", || one.get(&session.playlist_url).status() == 404);
}

#[test]
fn a_service_without_its_valkey_says_so() {
    let mut server = Running::start(Flavour::Redis);
    let service = Service::start_with(Path::new(&samples()), &[("VALKEY_ADDR", &server.url())]);
    let session = service.open("cam-001-entrance", "2026-03-14T10:00:00Z", "2026-03-14T10:01:00Z");
    server.kill();
    let health = || service.get("/health").json::<Value>().unwrap();
    wait_for("degraded", || health()["status"] == "degraded");
    assert_eq!(service.segment(&session, 0)[0], 0x47);
    let body = json!({
        "camera_id": "cam-001-entrance", "format": "hls",
        "start_time": "2026-03-14T10:00:00Z", "end_time": "2026-03-14T10:01:00Z",
    });
    let start = format!("{}/api/v1/playback/start", service.base);
    let refused = service.client.post(&start).json(&body).send().unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.text().unwrap().contains("Valkey"));
    server.restart();
    wait_for("healthy", || health()["status"] == "healthy");
    assert_eq!(service.segment(&session, 1)[0], 0x47);
    assert_eq!(service.client.post(&start).json(&body).send().unwrap().status(), 201);
}

pub(crate) fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: did not happen");
        std::thread::yield_now();
    }
}
