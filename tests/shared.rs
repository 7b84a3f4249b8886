//! Replicas that tell each other what they learn of recordings: what one has read the others need not read.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, join, join_all, ready};
use playback_service::adapters::remote::Remote;
use playback_service::domain::{CameraId, RecordingKey, TimeRange};
use playback_service::error::{Error, Kind, Result};
use playback_service::metrics::Metrics;
use playback_service::playback::exchange::{Claim, Entry, Exchange, News, Told, Topic};
use playback_service::playback::ports::{Indexes, Objects, Part, Recordings};
use support::remote::{Platform, alone};
use support::{CAMERA, Server, Session, Setup, eventually, minutes, samples};
use tempfile::TempDir;

/// One of several, with a disk and metrics of its own.
struct Replica {
    remote: Remote,
    metrics: Arc<Metrics>,
    _work_dir: TempDir,
}

impl Replica {
    fn of(platform: &Platform, exchange: &Arc<dyn Exchange>) -> Self {
        let (metrics, work_dir) = (Arc::new(Metrics::new()), tempfile::tempdir().unwrap());
        let remote = platform.replica(exchange, work_dir.path(), &metrics);
        Self { remote, metrics, _work_dir: work_dir }
    }

    fn told(&self, what: &str) -> u64 {
        self.metrics.shared_told.with_label_values(&[what]).get()
    }

    fn taken(&self, what: &str) -> u64 {
        self.metrics.shared_taken.with_label_values(&[what]).get()
    }

    async fn has_told(&self, what: &str) {
        eventually(what, async || self.told(what) > 0).await;
    }

    async fn served(&self) -> (Server, TempDir) {
        let (remote, work_dir) = (self.remote.clone(), tempfile::tempdir().unwrap());
        let wire = Box::new(move |ports| Platform::wired_to(remote, ports));
        let none = ["--cache-memory-bytes=0", "--cache-disk-bytes=0"];
        let setup = Setup { wire: Some(wire), ..Setup::with(&none) };
        (Server::start(&samples(), work_dir.path(), setup).await, work_dir)
    }

    /// Whether each recording is cut exactly; `None` of what nobody knows.
    async fn exact(&self) -> Vec<Option<bool>> {
        let camera: CameraId = CAMERA.parse().unwrap();
        let footage = self.remote.overlapping(&camera, TimeRange::ALWAYS).await.unwrap();
        let extents = footage.recordings.iter().map(|recording| recording.extent.clone());
        extents.map(|extent| extent.map(|extent| extent.grid.is_none())).collect()
    }
}

/// A recording of twenty minutes from 10:00 on.
fn platform() -> (Platform, RecordingKey) {
    let platform = Platform::empty();
    let key = platform.add("10-00-00", 1200, &minutes(20));
    (platform, key)
}

fn exact(session: &Session<'_>) -> Vec<bool> {
    let recordings = session.answer["recordings"].as_array().unwrap();
    recordings.iter().map(|recording| recording["exact"].as_bool().unwrap()).collect()
}

#[tokio::test]
async fn head_and_tail_are_read_by_one_replica() {
    let ((platform, key), exchange) = (platform(), alone());
    let [one, other] = [(); 2].map(|()| Replica::of(&platform, &exchange));
    one.remote.learn(&key).await.unwrap();
    one.has_told("sketch").await;
    let asked = platform.origin.requests();
    assert_eq!(other.exact().await, [Some(false)], "planned without having been read here");
    other.remote.learn(&key).await.unwrap();
    let [sketch, elsewhere] =
        [one.remote.sketch(&key).await.unwrap(), other.remote.sketch(&key).await.unwrap()];
    assert_eq!(platform.origin.requests(), asked);
    let (sketch, elsewhere) = (sketch.unwrap(), elsewhere.unwrap());
    assert_eq!((sketch.layout(), sketch.duration()), (elsewhere.layout(), elsewhere.duration()));
    assert_eq!((other.taken("sketch"), other.told("sketch")), (1, 0));
}

#[tokio::test]
async fn who_asks_at_the_same_time_waits_for_who_reads() {
    let ((platform, key), exchange) = (platform(), alone());
    let replicas = [(); 4].map(|()| Replica::of(&platform, &exchange));
    let alone = Platform::empty();
    alone.add("10-00-00", 1200, &minutes(20));
    Replica::of(&alone, &support::remote::alone()).remote.learn(&key).await.unwrap();
    for learned in join_all(replicas.iter().map(|replica| replica.remote.learn(&key))).await {
        learned.unwrap();
    }
    assert_eq!(platform.origin.requests(), alone.origin.requests(), "as often as one alone");

    platform.origin.forget();
    let read = join_all(replicas.iter().map(|replica| replica.remote.media(&key))).await;
    let read: Vec<_> = read.into_iter().map(Result::unwrap).collect();
    assert!(read.iter().all(|media| media == &read[0]));
    assert_eq!(platform.origin.sent(), platform.rows.0.lock().unwrap()[0].key.version.size, "each byte once");
    let awaited: u64 = replicas.iter().map(|replica| replica.metrics.shared_awaited.get()).sum();
    assert!(awaited >= 3, "{awaited}");
    for replica in &replicas {
        assert_eq!(replica.exact().await, [Some(true)]);
    }
    assert_eq!(replicas.iter().map(|replica| replica.told("index")).sum::<u64>(), 1);
}

#[tokio::test]
async fn who_reads_and_goes_away_is_followed() {
    let ((platform, key), exchange) = (platform(), alone());
    let [one, other] = [(); 2].map(|()| Replica::of(&platform, &exchange));
    platform.origin.behave(|behaviour| behaviour.latency = Duration::from_secs(3600));
    let asks = eventually("a request", async || platform.urls.asked.load(Ordering::Relaxed) > 0);
    tokio::select! {
        _ = one.remote.learn(&key) => panic!("it cannot be there yet"),
        () = asks => {}
    }
    platform.origin.behave(|behaviour| behaviour.latency = Duration::ZERO);
    let begun = Instant::now();
    other.remote.learn(&key).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn cuts_are_exact_where_another_replica_has_read() {
    let ((platform, _), exchange) = (platform(), alone());
    let [one, other] = [(); 2].map(|()| Replica::of(&platform, &exchange));
    let ((here, _a), (there, _b)) = join(one.served(), other.served()).await;
    let played = here.open(CAMERA, "10:10:00", "10:11:00").await;
    let mut segments = Vec::new();
    for index in 0..played.durations().await.len() {
        segments.push(played.segment(index).await);
    }
    one.has_told("gops").await;

    // All of it may not have been told at once.
    let (mut requests, mut session) = (usize::MAX, None);
    let begun = Instant::now();
    while requests > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{requests} requests");
        platform.origin.forget();
        session = Some(there.open(CAMERA, "10:10:00", "10:11:00").await);
        requests = platform.origin.requests();
    }
    let session = session.unwrap();
    assert_eq!(session.durations().await, played.durations().await);
    assert_eq!(exact(&session), [false], "there are bytes that nobody has read");
    for (index, segment) in segments.iter().enumerate().take(segments.len() - 1) {
        platform.origin.forget();
        assert!(session.segment(index).await == *segment, "segment {index}");
        let sent = platform.origin.sent();
        assert_eq!(platform.origin.requests(), 1, "segment {index}");
        assert!(sent < segment.len() as u64 * 11 / 10 + 40_000, "{sent} for {}", segment.len());
    }
}

#[tokio::test]
async fn what_has_been_played_as_a_whole_is_exact_everywhere() {
    let (platform, exchange) = (Platform::with_samples(), alone());
    let [one, other] = [(); 2].map(|()| Replica::of(&platform, &exchange));
    let ((here, _a), (there, _b)) = join(one.served(), other.served()).await;
    let (start, end) = ("10:00:30", "10:08:30");
    let played = here.open(CAMERA, start, end).await;
    assert_eq!(exact(&played), [false; 5]);
    for index in 0..played.durations().await.len() {
        played.segment(index).await;
    }
    one.has_told("index").await;
    let again = exact(&here.open(CAMERA, start, end).await);
    let wholes = again.iter().filter(|&&exact| exact).count();
    assert!(wholes > 0, "{again:?}");
    // Who plays on and who opens a session may find out at the same time.
    eventually("all told", async || one.told("index") as usize >= wholes).await;
    platform.origin.forget();
    let session = there.open(CAMERA, start, end).await;
    assert_eq!(exact(&session), again);
    assert_eq!((platform.origin.requests(), other.taken("index") as usize), (0, wholes));
    assert_eq!(other.metrics.indexed_bytes.get(), 0);
}

/// Remembers of what it was told last.
#[derive(Debug)]
struct Listener {
    exchange: Arc<dyn Exchange>,
    last: Mutex<Option<Topic>>,
}

impl Exchange for Listener {
    fn read(&self, topic: Topic) -> BoxFuture<'_, Result<Told>> {
        self.exchange.read(topic)
    }

    fn write(&self, topic: Topic, news: News) -> BoxFuture<'_, Result<()>> {
        *self.last.lock().unwrap() = Some(topic);
        self.exchange.write(topic, news)
    }

    fn forget(&self, topic: Topic) -> BoxFuture<'_, Result<()>> {
        self.exchange.forget(topic)
    }

    fn claim<'a>(&'a self, claim: &'a Claim, lasts: Duration) -> BoxFuture<'a, Result<bool>> {
        self.exchange.claim(claim, lasts)
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<()>> {
        self.exchange.release(claim)
    }
}

#[tokio::test]
async fn what_grows_takes_the_place_of_what_it_was() {
    let (platform, _) = platform();
    let exchange = Arc::new(Listener { exchange: alone(), last: Mutex::default() });
    let shared = Arc::clone(&exchange) as Arc<dyn Exchange>;
    let replicas = [(); 2].map(|()| Replica::of(&platform, &shared));
    let ((here, _a), (there, _b)) = join(replicas[0].served(), replicas[1].served()).await;
    for (round, (replica, server)) in replicas.iter().zip([&here, &there]).cycle().take(6).enumerate() {
        let start = format!("10:10:{:02}", round * 6);
        let told = replica.told("gops");
        server.open(CAMERA, &start, "10:11:00").await.segment(1).await;
        eventually("told", async || replica.told("gops") > told).await;
    }
    let topic = exchange.last.lock().unwrap().unwrap();
    let told = exchange.read(topic).await.unwrap().entries;
    let names: Vec<&str> = told.iter().map(|entry| &*entry.name).collect();
    assert!(names.len() <= 4 && names.contains(&"sketch"), "{names:?}");
}

#[tokio::test]
async fn what_was_replaced_is_forgotten_everywhere() {
    let ((platform, key), exchange) = (platform(), alone());
    let [one, other] = [(); 2].map(|()| Replica::of(&platform, &exchange));
    let media = one.remote.media(&key).await.unwrap();
    one.has_told("index").await;
    platform.origin.put(&key.object, minutes(20));
    assert_eq!(other.exact().await, [Some(true)], "it cannot know yet");
    let heard = other.remote.media(&key).await.unwrap();
    assert_eq!(heard.origin(), media.origin());
    let gone = other.remote.open(&key, Part::Range(0..188), heard.origin()).await.unwrap_err();
    assert_eq!(gone.kind(), &Kind::Gone);
    let third = Replica::of(&platform, &exchange);
    assert_eq!(third.exact().await, [None], "nobody tells of it any more");
    let media = third.remote.media(&key).await.unwrap();
    assert_ne!(media.origin(), heard.origin());
    third.remote.open(&key, Part::Range(0..188), media.origin()).await.unwrap();
}

/// Passes on what is asked of it, and changes what is read.
#[derive(Debug)]
struct Liar {
    exchange: Arc<dyn Exchange>,
    lie: fn(Vec<Entry>) -> Vec<Entry>,
}

impl Exchange for Liar {
    fn read(&self, topic: Topic) -> BoxFuture<'_, Result<Told>> {
        async move {
            let told = self.exchange.read(topic).await?;
            Ok(Told { entries: (self.lie)(told.entries), passed_over: 1 })
        }
        .boxed()
    }

    fn write(&self, topic: Topic, news: News) -> BoxFuture<'_, Result<()>> {
        self.exchange.write(topic, news)
    }

    fn forget(&self, topic: Topic) -> BoxFuture<'_, Result<()>> {
        self.exchange.forget(topic)
    }

    fn claim<'a>(&'a self, claim: &'a Claim, lasts: Duration) -> BoxFuture<'a, Result<bool>> {
        self.exchange.claim(claim, lasts)
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<()>> {
        self.exchange.release(claim)
    }
}

fn changed(entries: Vec<Entry>, change: impl Fn(&mut Vec<u8>)) -> Vec<Entry> {
    let changed = entries.into_iter().map(|Entry { name, value }| {
        let mut value = value.to_vec();
        change(&mut value);
        Entry { name, value: Bytes::from(value) }
    });
    changed.collect()
}

#[tokio::test]
async fn what_cannot_be_believed_is_counted_and_read_anew() {
    let lies: [fn(Vec<Entry>) -> Vec<Entry>; 5] = [
        |entries| changed(entries, |value| value[0] += 1),
        |entries| changed(entries, |value| *value = b"garbage".to_vec()),
        |entries| changed(entries, |value| value.truncate(value.len() / 2)),
        |entries| entries.into_iter().map(|entry| Entry { name: "gops:0-9".into(), ..entry }).collect(),
        |entries| entries.into_iter().map(|entry| Entry { name: "x".repeat(60).into(), ..entry }).collect(),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let ((platform, key), exchange) = (platform(), alone());
        let one = Replica::of(&platform, &exchange);
        one.remote.media(&key).await.unwrap();
        one.has_told("index").await;
        let other = Replica::of(&platform, &(Arc::new(Liar { exchange, lie }) as _));
        assert_eq!(other.exact().await, [None], "{number}");
        assert_eq!(other.metrics.shared_refused.get(), 2, "{number}: a lie, and what was passed over");
        assert_eq!(other.remote.media(&key).await.unwrap(), one.remote.media(&key).await.unwrap());
        assert!(other.metrics.indexed_bytes.get() > 0 && other.taken("index") == 0, "{number}");
    }
}

/// Nobody is there.
#[derive(Debug)]
struct Away;

fn away<T>() -> BoxFuture<'static, Result<T>>
where
    T: Send + 'static,
{
    ready(Err(Error::new(Kind::UpstreamDown, "away"))).boxed()
}

impl Exchange for Away {
    fn read(&self, _: Topic) -> BoxFuture<'_, Result<Told>> {
        away()
    }

    fn write(&self, _: Topic, _: News) -> BoxFuture<'_, Result<()>> {
        away()
    }

    fn forget(&self, _: Topic) -> BoxFuture<'_, Result<()>> {
        away()
    }

    fn claim<'a>(&'a self, _: &'a Claim, _: Duration) -> BoxFuture<'a, Result<bool>> {
        away()
    }

    fn release<'a>(&'a self, _: &'a Claim) -> BoxFuture<'a, Result<()>> {
        away()
    }
}

#[tokio::test]
async fn where_nobody_can_be_asked_each_works_for_itself() {
    let ((platform, key), exchange) = (platform(), Arc::new(Away) as _);
    let replicas = [(); 2].map(|()| Replica::of(&platform, &exchange));
    for replica in &replicas {
        let (server, _work_dir) = replica.served().await;
        let session = server.open(CAMERA, "10:10:00", "10:11:00").await;
        assert!(!session.segment(1).await.is_empty());
        replica.remote.media(&key).await.unwrap();
        eventually("counted", async || replica.metrics.shared_lost.get() > 0).await;
        assert_eq!(replica.metrics.indexed_bytes.get(), key.version.size);
    }
}
