//! What replicas tell each other in real servers: the suite of the port, what others may have written there, and servers that
//! are away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use playback_service::adapters::valkey::Server;
use playback_service::playback::exchange::{Errand, Exchange, LONGEST_VALUE, MOST_ENTRIES, Topic};

use super::server::{Flavour, Running};
use super::{Replica, eventually};
use crate::exchange_suite::{are_one, claim, entry, news, suite, topic};

/// Run over every flavour.
pub(super) async fn conforms(server: &Running) {
    let [one, other] = [Replica::of(server), Replica::of(server)];
    suite(&one.store.exchange()).await;
    are_one(Arc::new(one.store.exchange()), Arc::new(other.store.exchange())).await;
    server.flush();
    keys_have_their_end(server, &one.store.exchange()).await;
    server.flush();
}

fn key(topic: Topic) -> String {
    format!("playback:learned:{{{topic}}}")
}

async fn keys_have_their_end(server: &Running, exchange: &dyn Exchange) {
    let here = topic();
    exchange.write(here, news(&[entry("a", b"1")], &[])).await.unwrap();
    let claims = [Errand::Sketch, Errand::Index].map(|errand| claim(here, errand, "we"));
    for claim in &claims {
        assert!(exchange.claim(claim, Duration::from_secs(60)).await.unwrap());
    }
    let keys = [key(here), format!("{}:index", key(here)), format!("{}:sketch", key(here))];
    assert_eq!(server.keys_of("playback:*"), keys);
    let slot = |key: &String| server.cli(&["CLUSTER", "KEYSLOT", key]);
    assert!(keys.iter().all(|key| slot(key) == slot(&keys[0])), "on one node");
    let (hour, day) = (3540..=3600, 86_340..=86_400);
    assert!(hour.contains(&server.ttl(&keys[0])));
    assert!(keys[1..].iter().all(|key| (1..=60).contains(&server.ttl(key))));
    exchange.read(here).await.unwrap();
    assert!(day.contains(&server.ttl(&keys[0])), "what is read is kept for longer");
    exchange.write(here, news(&[entry("b", b"1")], &[])).await.unwrap();
    assert!(day.contains(&server.ttl(&keys[0])), "and not for less again");
    exchange.forget(here).await.unwrap();
    for claim in &claims {
        exchange.release(claim).await.unwrap();
    }
    assert_eq!(server.keys_of("playback:*"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_none_of_ours_is_passed_over_and_makes_room() {
    let server = Running::start(Flavour::Valkey);
    let replica = Replica::of(&server);
    let exchange = replica.store.exchange();
    let fill = "for i = 1, tonumber(ARGV[1]) do redis.call('HSET', KEYS[1], i, string.rep('x', ARGV[2])) end";
    let hostile: [&dyn Fn(&str); 4] = [
        &|key| drop(server.cli(&["SET", key, "x"])),
        &|key| drop(server.cli(&["LPUSH", key, "x", "y"])),
        &|key| drop(server.cli(&["EVAL", fill, "1", key, &(MOST_ENTRIES + 1).to_string(), "1"])),
        &|key| drop(server.cli(&["EVAL", fill, "1", key, "1", &(LONGEST_VALUE + 1).to_string()])),
    ];
    for (number, write) in hostile.into_iter().enumerate() {
        let here = topic();
        write(&key(here));
        let told = exchange.read(here).await.unwrap();
        assert_eq!((told.entries.len(), told.passed_over), (0, 1), "{number}");
        exchange.write(here, news(&[entry("a", b"1")], &[])).await.unwrap();
        assert_eq!(exchange.read(here).await.unwrap().entries, [entry("a", b"1")], "{number}");
    }
    let ours = claim(topic(), Errand::Index, "we");
    let key = format!("{}:index", key(ours.topic));
    for command in
        [&["SET", &key, "for ever"][..], &["SET", &key, "for long", "EX", "9999"], &["SADD", &key, "x"]]
    {
        assert!(!server.cli(command).is_empty());
        assert!(exchange.claim(&ours, Duration::from_secs(9)).await.unwrap(), "{command:?}");
        assert!((1..=9).contains(&server.ttl(&key)));
        server.cli(&["DEL", &key]);
    }
    server.cli(&["SET", &key, "they", "EX", "20"]);
    assert!(!exchange.claim(&ours, Duration::from_secs(9)).await.unwrap());
    exchange.release(&ours).await.unwrap();
    assert_eq!(server.cli(&["GET", &key]), "they");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_server_that_is_away_or_hangs() {
    let mut server = Running::start(Flavour::Valkey);
    let replica = Replica::with(Server { timeout: Duration::from_millis(250), ..server.settings() }, 10);
    let exchange = replica.store.exchange();
    replica.until_up().await;
    let (here, ours) = (topic(), claim(topic(), Errand::Sketch, "we"));
    let refused = async || {
        let begun = Instant::now();
        assert!(exchange.read(here).await.is_err());
        assert!(exchange.write(here, news(&[entry("a", b"1")], &[])).await.is_err());
        assert!(exchange.claim(&ours, Duration::from_secs(9)).await.is_err());
        assert!(exchange.forget(here).await.is_err() && exchange.release(&ours).await.is_err());
        begun.elapsed()
    };
    server.signal("STOP");
    let took = refused().await;
    assert!(took < Duration::from_millis(5 * 250 + 500), "{took:?}");
    replica.until_away().await;
    let took = refused().await;
    assert!(took < Duration::from_millis(200), "{took:?}");
    server.signal("CONT");
    replica.until_up().await;
    exchange.write(here, news(&[entry("a", b"1")], &[])).await.unwrap();
    server.kill();
    replica.until_away().await;
    let took = refused().await;
    assert!(took < Duration::from_millis(200), "{took:?}");
    server.restart();
    eventually("it is back, and empty", async || {
        exchange.read(here).await.is_ok_and(|told| told.entries.is_empty())
    })
    .await;
}
