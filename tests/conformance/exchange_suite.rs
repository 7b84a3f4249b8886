//! What every [`Exchange`] does. Run here over memory, and by `tests/real` over Valkey.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use playback_service::playback::exchange::{
    Claim, Entry, Errand, Exchange, LASTS_UNREAD, LONGEST_NAME, LONGEST_VALUE, MOST_BYTES, MOST_ENTRIES,
    News, Told, Topic,
};

/// Each asks for topics of its own.
pub(crate) async fn suite(exchange: &dyn Exchange) {
    tells(exchange).await;
    keeps_no_more_than_is_allowed(exchange).await;
    one_claims(exchange).await;
    claims_end(exchange).await;
}

/// A topic that nobody else has.
pub(crate) fn topic() -> Topic {
    Topic::of(&[uuid::Uuid::new_v4().as_bytes()])
}

pub(crate) fn entry(name: &str, value: &[u8]) -> Entry {
    Entry { name: name.into(), value: Bytes::copy_from_slice(value) }
}

pub(crate) fn news(entries: &[Entry], obsolete: &[&str]) -> News {
    let obsolete = obsolete.iter().map(|&name| name.into()).collect();
    News { entries: entries.to_vec(), obsolete, lasts: LASTS_UNREAD }
}

pub(crate) fn claim(topic: Topic, errand: Errand, holder: &str) -> Claim {
    Claim { topic, errand, holder: holder.into() }
}

async fn tells(exchange: &dyn Exchange) {
    let (here, elsewhere) = (topic(), topic());
    let read = async |topic| exchange.read(topic).await.unwrap().entries;
    assert_eq!(exchange.read(here).await.unwrap(), Told::default());
    let [a, b] = [entry("b", b"\0\xff\r\n"), entry("a", b"")];
    exchange.write(here, news(&[a.clone(), b.clone()], &[])).await.unwrap();
    assert_eq!(read(here).await, [b.clone(), a.clone()], "in the order of their names");
    assert_eq!(read(elsewhere).await, []);
    let [c, d] = [entry("c", b"1"), entry("a", b"2")];
    exchange.write(here, news(&[c.clone(), d.clone()], &["b", "nothing"])).await.unwrap();
    assert_eq!(read(here).await, [d, c]);
    exchange.write(here, news(&[], &["c"])).await.unwrap();
    assert_eq!(read(here).await.len(), 1);
    exchange.forget(here).await.unwrap();
    exchange.forget(elsewhere).await.unwrap();
    assert_eq!(read(here).await, []);
}

async fn keeps_no_more_than_is_allowed(exchange: &dyn Exchange) {
    let here = topic();
    let too_long = [entry("x", &vec![0; LONGEST_VALUE + 1]), entry(&"x".repeat(LONGEST_NAME + 1), b"")];
    exchange.write(here, news(&too_long, &[])).await.unwrap();
    assert_eq!(exchange.read(here).await.unwrap(), Told::default());

    let long: Vec<Entry> =
        (0..6).map(|number| entry(&number.to_string(), &vec![number; LONGEST_VALUE])).collect();
    for entry in &long {
        exchange.write(here, news(std::slice::from_ref(entry), &[])).await.unwrap();
    }
    let told = exchange.read(here).await.unwrap().entries;
    let bytes: usize = told.iter().map(|entry| entry.value.len()).sum();
    assert!(bytes <= MOST_BYTES && bytes > MOST_BYTES / 2, "{bytes}");
    assert!(told.iter().all(|entry| long.contains(entry)));

    let here = topic();
    let many: Vec<Entry> =
        (0..MOST_ENTRIES + 9).map(|number| entry(&format!("{number:04}"), b"old")).collect();
    exchange.write(here, news(&many, &[])).await.unwrap();
    exchange.write(here, news(&[entry("0007", b"new"), entry("last", b"")], &[])).await.unwrap();
    let told = exchange.read(here).await.unwrap().entries;
    assert_eq!((told.len(), &told[7]), (MOST_ENTRIES, &entry("0007", b"new")));
}

const LONG: Duration = Duration::from_secs(60);

async fn one_claims(exchange: &dyn Exchange) {
    let here = topic();
    let [ours, theirs] = ["we", "they"].map(|holder| claim(here, Errand::Index, holder));
    assert!(exchange.claim(&ours, LONG).await.unwrap());
    assert!(!exchange.claim(&theirs, LONG).await.unwrap());
    assert!(exchange.claim(&ours, LONG).await.unwrap(), "goes on");
    assert!(exchange.claim(&claim(here, Errand::Sketch, "they"), LONG).await.unwrap(), "another errand");
    assert!(
        exchange.claim(&claim(topic(), Errand::Index, "they"), LONG).await.unwrap(),
        "of another recording"
    );
    exchange.release(&theirs).await.unwrap();
    assert!(!exchange.claim(&theirs, LONG).await.unwrap(), "only who has it gives it up");
    exchange.release(&ours).await.unwrap();
    assert!(exchange.claim(&theirs, LONG).await.unwrap());
}

async fn claims_end(exchange: &dyn Exchange) {
    let here = topic();
    let [ours, theirs] = ["we", "they"].map(|holder| claim(here, Errand::Sketch, holder));
    let begun = Instant::now();
    assert!(exchange.claim(&ours, Duration::from_millis(80)).await.unwrap());
    while !exchange.claim(&theirs, LONG).await.unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
        tokio::task::yield_now().await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(70), "{:?}", begun.elapsed());
    assert!(!exchange.claim(&ours, LONG).await.unwrap());
}

/// Two that share what is behind them.
pub(crate) async fn are_one(one: Arc<dyn Exchange>, other: Arc<dyn Exchange>) {
    let here = topic();
    one.write(here, news(&[entry("a", b"1")], &[])).await.unwrap();
    assert_eq!(other.read(here).await.unwrap().entries, [entry("a", b"1")]);
    assert!(other.claim(&claim(here, Errand::Index, "other"), LONG).await.unwrap());
    assert!(!one.claim(&claim(here, Errand::Index, "one"), LONG).await.unwrap());
}
