//! An [`Exchange`] in memory: complete, for one process.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use moka::ops::compute::Op;
use moka::sync::Cache;
use tokio::time::Instant;

use crate::error::Result;
use crate::playback::exchange::{
    Claim, Entry, Errand, Exchange, LASTS, MOST_BYTES, MOST_ENTRIES, News, Told, Topic,
};

/// Keeps what was told last.
#[derive(Debug)]
pub struct MemoryExchange {
    topics: Cache<Topic, Arc<Entries>>,
    claims: Mutex<HashMap<(Topic, Errand), Held>>,
}

type Entries = BTreeMap<Arc<str>, Bytes>;

/// Who has claimed an errand, and until when.
#[derive(Debug)]
struct Held {
    holder: Arc<str>,
    until: Instant,
}

impl MemoryExchange {
    /// An empty one that keeps so many bytes.
    pub fn new(bytes: u64) -> Self {
        let topics = Cache::builder()
            .weigher(|_, entries: &Arc<Entries>| u32::try_from(weight(entries)).unwrap_or(u32::MAX))
            .max_capacity(bytes)
            .time_to_idle(LASTS)
            .build();
        Self { topics, claims: Mutex::default() }
    }

    fn claim_now(&self, claim: &Claim, lasts: Duration) -> bool {
        let now = Instant::now();
        // A panic while it was locked left whole entries.
        let mut claims = self.claims.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        claims.retain(|_, held| held.until > now);
        let key = (claim.topic, claim.errand);
        let is_free = claims.get(&key).is_none_or(|held| held.holder == claim.holder);
        if is_free {
            claims.insert(key, Held { holder: Arc::clone(&claim.holder), until: now + lasts });
        }
        is_free
    }

    fn release_now(&self, claim: &Claim) {
        let mut claims = self.claims.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let key = (claim.topic, claim.errand);
        if claims.get(&key).is_some_and(|held| held.holder == claim.holder) {
            claims.remove(&key);
        }
    }
}

fn weight(entries: &Entries) -> usize {
    entries.iter().map(|(name, value)| ENTRY + name.len() + value.len()).sum::<usize>() + ENTRY
}

/// What an entry takes besides its bytes, roughly.
const ENTRY: usize = 128;

fn told_too(entries: &mut Entries, news: News) {
    for name in &news.obsolete {
        entries.remove(name);
    }
    let mut bytes: usize = entries.values().map(Bytes::len).sum();
    for Entry { name, value } in news.entries.into_iter().filter(Entry::is_allowed) {
        let before = entries.get(&name).map(Bytes::len);
        let total = bytes - before.unwrap_or(0) + value.len();
        if total <= MOST_BYTES && (before.is_some() || entries.len() < MOST_ENTRIES) {
            bytes = total;
            entries.insert(name, value);
        }
    }
}

impl Exchange for MemoryExchange {
    fn read(&self, topic: Topic) -> BoxFuture<'_, Result<Told>> {
        let entries = self.topics.get(&topic).unwrap_or_default();
        let entries = entries.iter().map(|(name, value)| Entry { name: name.clone(), value: value.clone() });
        ready(Ok(Told { entries: entries.collect(), passed_over: 0 })).boxed()
    }

    fn write(&self, topic: Topic, news: News) -> BoxFuture<'_, Result<()>> {
        self.topics.entry(topic).and_compute_with(|entry| {
            let mut entries = entry.map(|entry| Entries::clone(entry.value())).unwrap_or_default();
            told_too(&mut entries, news);
            Op::Put(Arc::new(entries))
        });
        ready(Ok(())).boxed()
    }

    fn forget(&self, topic: Topic) -> BoxFuture<'_, Result<()>> {
        self.topics.invalidate(&topic);
        ready(Ok(())).boxed()
    }

    fn claim<'a>(&'a self, claim: &'a Claim, lasts: Duration) -> BoxFuture<'a, Result<bool>> {
        ready(Ok(self.claim_now(claim, lasts))).boxed()
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<()>> {
        self.release_now(claim);
        ready(Ok(())).boxed()
    }
}
