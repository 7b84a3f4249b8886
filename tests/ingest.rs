//! Recordings that are indexed before anybody plays them: on request, by events of a bucket, by indexes that lie beside them.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::fmt;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use playback_service::domain::{RecordingKey, TimeRange};
use playback_service::playback::Ports;
use playback_service::playback::ports::{Indexes, Recordings, Row, Tasks, Upstream, UpstreamState};
use remux::index::{Index, Indexer};
use serde_json::{Value, json};
use standins::{Fault, StorageService, Times};
use support::log::Log;
use support::remote::Platform;
use support::{
    API, CAMERA, Directory, Server, Session, Setup, eventually, fragmented, sample, samples, set_age,
};
use tempfile::TempDir;

const SECRET: &str = "5ecret-of-ingest";

/// Does at once what is to be done at once, and what is to be done later when it is told to.
#[derive(Default)]
struct ByHand(Mutex<Vec<(Duration, BoxFuture<'static, ()>)>>);

impl Tasks for ByHand {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        tokio::spawn(work);
    }

    fn later(&self, pause: Duration, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap().push((pause, work));
    }
}

impl ByHand {
    /// Waits until something is to be done later.
    async fn put_off(&self) {
        eventually("something is put off", async || !self.0.lock().unwrap().is_empty()).await;
    }

    /// As [`put_off`](Self::put_off), and does it. Gives how much later.
    async fn skip(&self) -> u64 {
        self.put_off().await;
        let (pause, work) = self.0.lock().unwrap().remove(0);
        work.await;
        pause.as_secs()
    }
}

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByHand")
    }
}

/// A service over remote recordings.
struct Scene {
    platform: Arc<Platform>,
    tasks: Arc<ByHand>,
    server: Server,
    work_dir: TempDir,
}

impl Scene {
    async fn with_samples() -> Self {
        Self::over(Arc::new(Platform::with_samples()), tempfile::tempdir().unwrap()).await
    }

    async fn over(platform: Arc<Platform>, work_dir: TempDir) -> Self {
        let tasks = Arc::new(ByHand::default());
        let (given, directory) = ((Arc::clone(&platform), Arc::clone(&tasks)), work_dir.path().to_owned());
        let wire = Box::new(move |ports| Ports { tasks: given.1 as _, ..given.0.wired(ports, &directory) });
        let setup = Setup { wire: Some(wire), ..Setup::with(&[&format!("--ingest-secret={SECRET}")]) };
        let server = Server::start(&samples(), work_dir.path(), setup).await;
        Self { platform, tasks, server, work_dir }
    }

    async fn again(self) -> Self {
        Self::over(self.platform, self.work_dir).await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.server.client.post(self.server.url(&format!("{API}{path}")));
        let response = request.bearer_auth(SECRET).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn index(&self, start: &str, end: &str) -> (u16, Value) {
        self.post("/index", &range(start, end)).await
    }

    async fn all_done(&self) {
        eventually("all is indexed", async || self.server.metric("playback_index_queue").await == 0.0).await;
    }
}

fn range(start: &str, end: &str) -> Value {
    let [start, end] = [start, end].map(|time| format!("2026-03-14T{time}Z"));
    json!({ "camera_id": CAMERA, "start_time": start, "end_time": end })
}

fn event(name: &str, keys: &[&str]) -> Value {
    let records = keys.iter().map(|key| {
        let key = key.replace('/', "%2F");
        json!({ "eventName": name, "s3": { "bucket": { "name": "b" }, "object": { "key": key, "size": 1, "eTag": "e" } } })
    });
    json!({ "EventName": name, "Key": "b/k", "Records": records.collect::<Vec<_>>() })
}

/// `exact` of each recording.
fn exact(session: &Session<'_>) -> Vec<bool> {
    let recordings = session.answer["recordings"].as_array().unwrap();
    recordings.iter().map(|recording| recording["exact"].as_bool().unwrap()).collect()
}

fn index_of(bytes: &[u8]) -> Index {
    let mut indexer = Indexer::with_size(bytes.len() as u64);
    indexer.push(bytes);
    indexer.finish().unwrap()
}

async fn planned_exactly(recordings: &impl Recordings) -> bool {
    let footage = recordings.overlapping(&CAMERA.parse().unwrap(), TimeRange::ALWAYS).await.unwrap();
    footage.recordings[0].extent.as_ref().unwrap().grid.is_none()
}

#[tokio::test]
async fn only_who_knows_the_secret_may_ask() {
    let log = Log::of_this_process();
    let scene = Scene::with_samples().await;
    let (closed, _work_dir) = Server::over_samples().await;
    for (path, body) in [("/index", range("10:00:00", "10:10:00")), ("/index/minio", event("s3:x", &[]))] {
        let url = |server: &Server| server.url(&format!("{API}{path}"));
        for authorization in
            ["", "Bearer", "Bearer wrong", "Basic 5ecret-of-ingest", "Bearer 5ecret-of-inges"]
        {
            let request = scene.server.client.post(url(&scene.server)).header("Authorization", authorization);
            let response = request.json(&body).send().await.unwrap();
            assert_eq!(response.status(), 401, "{path} {authorization}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            let problem: Value = response.json().await.unwrap();
            assert_eq!(problem["type"], "urn:playback-service:problem:unauthorized");
            assert!(!problem.to_string().contains(SECRET));
        }
        assert_eq!(scene.server.post(&format!("{API}{path}"), body.clone()).await.status(), 401);
        assert_eq!(scene.post(path, &body).await.0, 202);
        let response = closed.client.post(url(&closed)).bearer_auth(SECRET).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 403);
        assert!(response.text().await.unwrap().contains("INGEST_SECRET"));
        assert_eq!(scene.server.get(&format!("{API}{path}")).await.status(), 405);
    }
    assert!(log.text().contains("answered") && !log.text().contains(SECRET));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let scene = Scene::with_samples().await;
    for (path, body, status, field) in [
        ("/index", json!({}), 400, Some("camera_id")),
        ("/index", range("10:10:00", "10:00:00"), 400, Some("end_time")),
        (
            "/index",
            json!({ "camera_id": CAMERA, "start_time": "2000-01-01T00:00:00Z", "end_time": "2026-01-01T00:00:00Z" }),
            400,
            Some("end_time"),
        ),
        (
            "/index",
            json!({ "camera_id": "cam-9", "start_time": "2026-03-14T10:00:00Z", "end_time": "2026-03-14T11:00:00Z" }),
            404,
            None,
        ),
        ("/index/minio", json!({ "Key": "a" }), 400, Some("Records")),
        ("/index/minio", json!({ "Records": 7 }), 400, Some("Records")),
        ("/index/minio", json!({ "Records": ["x".repeat(70_000)] }), 413, None),
    ] {
        let (answered, problem) = scene.post(path, &body).await;
        assert_eq!((answered, problem["field"].as_str()), (status, field), "{problem}");
    }
    assert_eq!(scene.platform.origin.requests(), 0);
}

#[tokio::test]
async fn a_range_is_read_once_in_the_background() {
    let scene = Scene::with_samples().await;
    let sizes: u64 = scene.platform.rows.0.lock().unwrap().iter().map(|row| row.key.version.size).sum();
    let first = scene.index("10:00:00", "10:10:00").await;
    assert_eq!(first, (202, json!({ "queued": 5, "known": 0 })));
    assert_eq!(scene.index("10:00:00", "10:10:00").await.0, 202, "asked again while it goes on");
    scene.all_done().await;
    assert_eq!(scene.index("10:00:00", "10:10:00").await.1, json!({ "queued": 0, "known": 5 }));
    assert_eq!(scene.platform.origin.sent(), sizes, "each byte once");
    assert_eq!(scene.index("11:00:00", "11:10:00").await.1, json!({ "queued": 0, "known": 0 }));

    let scene = scene.again().await;
    assert_eq!(scene.index("10:00:00", "10:10:00").await.1, json!({ "queued": 0, "known": 5 }));
    let session = scene.server.open(CAMERA, "10:00:30", "10:08:30").await;
    assert_eq!(exact(&session), [true; 5], "what is remembered is not planned by a grid");
    assert_eq!(scene.platform.origin.sent(), sizes, "a restart reads nothing again");
}

#[tokio::test]
async fn what_cannot_be_read_keeps_nobody_waiting() {
    let scene = Scene::with_samples().await;
    let lost = scene.platform.rows.0.lock().unwrap()[1].key.object.clone();
    scene.platform.origin.remove(&lost);
    assert_eq!(scene.index("10:00:00", "10:10:00").await.1["queued"], 5);
    scene.all_done().await;
    assert_eq!(scene.index("10:00:00", "10:10:00").await.1, json!({ "queued": 0, "known": 4 }));
}

#[tokio::test]
async fn sessions_under_way_keep_their_plan_and_new_ones_are_exact() {
    let scene = Scene::with_samples().await;
    let cold = scene.server.open(CAMERA, "10:00:30", "10:08:30").await;
    assert!(exact(&cold).contains(&false), "{}", cold.answer);
    let planned = cold.playlist().await;

    assert_eq!(scene.index("10:00:00", "10:10:00").await.0, 202);
    scene.all_done().await;
    let warm = scene.server.open(CAMERA, "10:00:30", "10:08:30").await;
    assert_eq!(exact(&warm), [true; 5]);
    assert_eq!(cold.playlist().await, planned);
    for session in [&cold, &warm] {
        for index in 0..session.durations().await.len() {
            assert!(!session.segment(index).await.is_empty(), "segment {index}");
        }
    }
}

#[tokio::test]
async fn new_objects_are_indexed_and_other_events_ignored() {
    let scene = Scene::with_samples().await;
    let object = |name: &str| format!("{CAMERA}/2026/03/14/{name}");
    let [first, second] = ["10-00-00.ts", "10-01-00.ts"].map(object);
    let others = [object("10-00-00.ts.idx"), object("notes.txt"), "10-00-00.ts".to_owned()];
    let keys: Vec<&str> = [&first, &second].into_iter().chain(&others).map(String::as_str).collect();
    let answer = scene.post("/index/minio", &event("s3:ObjectCreated:Put", &keys)).await;
    assert_eq!(answer, (202, json!({ "queued": 2, "ignored": 3 })));
    let removed = event("s3:ObjectRemoved:Delete", &[&object("10-02-00.ts")]);
    assert_eq!(scene.post("/index/minio", &removed).await.1, json!({ "queued": 0, "ignored": 1 }));
    scene.all_done().await;
    assert_eq!(scene.index("10:00:30", "10:01:30").await.1, json!({ "queued": 0, "known": 2 }));
    assert_eq!(scene.platform.origin.sent_of(&object("10-02-00.ts")), 0);
}

#[tokio::test]
async fn what_is_not_listed_yet_is_looked_for_again() {
    let scene = Scene::with_samples().await;
    let row: Row = scene.platform.rows.0.lock().unwrap().remove(0);
    let created = event("s3:ObjectCreated:CompleteMultipartUpload", &[&row.key.object]);
    for _ in 0..2 {
        assert_eq!(scene.post("/index/minio", &created).await.0, 202);
    }
    assert_eq!((scene.tasks.skip().await, scene.tasks.skip().await), (2, 4));
    scene.tasks.put_off().await;
    scene.platform.rows.0.lock().unwrap().insert(0, row.clone());
    assert_eq!(scene.tasks.skip().await, 8);
    scene.all_done().await;
    assert_eq!(scene.platform.origin.sent_of(&row.key.object), row.key.version.size);

    let never = event("s3:ObjectCreated:Put", &[&format!("{CAMERA}/2026/03/15/10-00-00.ts")]);
    assert_eq!(scene.post("/index/minio", &never).await.0, 202);
    let mut waited = 0;
    while waited < 300 {
        waited += scene.tasks.skip().await;
    }
    scene.all_done().await;
    assert_eq!(waited, 300);
}

#[tokio::test]
async fn an_index_beside_an_object_spares_the_pass() {
    let minute = fs::read(sample()).unwrap();
    for (bytes, index) in [(minute.clone(), index_of(&minute)), {
        let movie = fragmented(&minute);
        (movie.clone(), index_of(&movie))
    }] {
        let platform = Platform::empty();
        let key = platform.add("10-00-00", 60, &bytes);
        platform.origin.put(&format!("{}.idx", key.object), index.encode());
        for ask in [false, true] {
            let work_dir = tempfile::tempdir().unwrap();
            let remote = platform.remote_beside(work_dir.path());
            if ask {
                drop(remote.media(&key).await.unwrap())
            } else {
                remote.learn(&key).await.unwrap()
            }
            assert!(planned_exactly(&remote).await);
            let media = remote.media(&key).await.unwrap();
            assert_eq!(platform.metrics.indexed_bytes.get(), 0);

            platform.origin.forget();
            assert_eq!(platform.remote(work_dir.path()).media(&key).await.unwrap(), media);
            assert_eq!(platform.origin.requests(), 0, "it is remembered like one of our own");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let read = platform.remote(elsewhere.path()).media(&key).await.unwrap();
        assert_eq!(read.cuts(), platform.remote_beside(elsewhere.path()).media(&key).await.unwrap().cuts());
    }
}

#[tokio::test]
async fn an_index_that_does_not_fit_is_as_good_as_none() {
    let minute = fs::read(sample()).unwrap();
    let sound = index_of(&minute).encode();
    let damaged = [&sound[..100], &[sound[100] ^ 1], &sound[101..]].concat();
    let mut far = index_of(&minute);
    far.runs[0].end_offset += 1 << 40;
    let other = index_of(&minute[..minute.len() - 188]);
    for (number, beside) in
        [damaged, other.encode(), far.encode(), Vec::new(), vec![b'x'; 17 << 20]].into_iter().enumerate()
    {
        let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
        let key = platform.add("10-00-00", 60, &minute);
        platform.origin.put(&format!("{}.idx", key.object), beside);
        let remote = platform.remote_beside(work_dir.path());
        remote.learn(&key).await.unwrap();
        assert!(!planned_exactly(&remote).await, "{number}");
        assert_eq!(remote.media(&key).await.unwrap().cuts(), index_of(&minute).cuts(six_seconds()).cuts);
    }
}

#[tokio::test]
async fn an_index_beside_an_object_that_is_older_is_not_believed() {
    let (platform, work_dir) = (Platform::empty(), tempfile::tempdir().unwrap());
    let minute = fs::read(sample()).unwrap();
    let key = platform.add("10-00-00", 60, &minute);
    let beside = format!("{}.idx", key.object);
    let index = work_dir.path().join("index");
    fs::write(&index, index_of(&minute).encode()).unwrap();
    platform.origin.put(&beside, standins::Content::File(index.clone()));
    for (age, believed) in [(0, true), (3600, false)] {
        // Now, and as long as what the index is of.
        platform.origin.put(&key.object, minute.clone());
        set_age(&index, Duration::from_secs(age));
        for ask in [false, true] {
            let work_dir = tempfile::tempdir().unwrap();
            let remote = platform.remote_beside(work_dir.path());
            remote.learn(&key).await.unwrap();
            assert_eq!(planned_exactly(&remote).await, believed, "{age}");
            if ask {
                let before = platform.metrics.indexed_bytes.get();
                remote.media(&key).await.unwrap();
                assert_eq!(platform.metrics.indexed_bytes.get() == before, believed, "{age}");
            }
        }
    }
}

fn six_seconds() -> remux::time::Ticks {
    remux::time::Ticks::from_millis(6000)
}

#[tokio::test]
async fn no_index_beside_an_object_is_no_failure() {
    let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
    let remote = platform.remote_beside(work_dir.path());
    let key: RecordingKey = platform.rows.0.lock().unwrap()[0].key.clone();
    remote.learn(&key).await.unwrap();
    let asked = platform.origin.asked();
    let beside: Vec<u16> =
        asked.iter().filter(|asked| asked.key.ends_with(".ts.idx")).map(|asked| asked.status).collect();
    assert_eq!(beside, [404], "{asked:?}");

    platform.origin.faults().on(".idx", Times::Always, Fault::s3(403, "AccessDenied"));
    let next = platform.rows.0.lock().unwrap()[1].key.clone();
    remote.learn(&next).await.unwrap();
    remote.media(&next).await.unwrap();
    assert!(
        !platform.metrics.text().contains("playback_upstream_failures_total{"),
        "{}",
        platform.metrics.text()
    );
    assert_eq!(platform.objects().state(), UpstreamState::Up);
}

#[tokio::test]
async fn indexes_in_a_bucket_are_found_unless_that_is_off() {
    for (setting, expected) in [("true", true), ("false", false)] {
        let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
        let storage = StorageService::start_deployed();
        for row in platform.rows.0.lock().unwrap().iter() {
            storage.add(standins::Row::of(CAMERA, &row.start.to_rfc3339(), 60));
            let bytes = fs::read(samples().join(&*row.key.object)).unwrap();
            platform.origin.put(&format!("{}.idx", row.key.object), index_of(&bytes).encode());
        }
        platform.origin.behave(|behaviour| behaviour.only_signed = false);
        let server = Server::start(
            &samples(),
            work_dir.path(),
            Setup::with(&[
                &format!("--storage-service-url={}", storage.url()),
                &format!("--minio-endpoint={}", platform.origin.url()),
                "--minio-access-key=them",
                "--minio-secret-key=5ecret",
                &format!("--index-beside-objects={setting}"),
            ]),
        )
        .await;
        let session = server.open(CAMERA, "10:00:00", "10:08:30").await;
        assert_eq!(exact(&session), [expected; 5], "the first, and its neighbours");
        assert_eq!(server.metric("playback_indexed_bytes_total").await, 0.0);
        assert_eq!(server.get_json("/health").await["upstreams"]["objects"], "up");
    }
}

#[tokio::test]
async fn where_no_index_is_any_more_grids_are_good_enough() {
    let (platform, work_dir) = (Platform::with_samples(), tempfile::tempdir().unwrap());
    let keys: Vec<RecordingKey> = platform.rows.0.lock().unwrap().iter().map(|row| row.key.clone()).collect();
    let bytes = fs::read(samples().join(&*keys[0].object)).unwrap();
    platform.origin.put(&format!("{}.idx", keys[0].object), index_of(&bytes).encode());
    let remote = platform.remote_beside(work_dir.path());
    let extents = async || {
        let footage = remote.overlapping(&CAMERA.parse().unwrap(), TimeRange::ALWAYS).await.unwrap();
        let extents = footage.recordings.iter().map(|recording| recording.extent.clone());
        extents.map(|extent| extent.map(|extent| extent.grid.is_none())).collect::<Vec<_>>()
    };
    assert_eq!(extents().await, [None; 5]);
    remote.learn(&keys[0]).await.unwrap();
    assert_eq!(extents().await, [Some(true), None, None, None, None], "the neighbours are to have one, too");
    remote.learn(&keys[1]).await.unwrap();
    assert_eq!(extents().await, [Some(true), Some(false), Some(false), Some(false), Some(false)]);
    let asked = platform.origin.asked();
    assert_eq!(asked.iter().filter(|asked| asked.key.ends_with(".idx")).count(), 2, "{asked:?}");
}

#[tokio::test]
async fn an_index_beside_a_file_spares_the_pass_unless_it_is_older() {
    let path = format!("{CAMERA}/2026/03/14/10-00-00.ts");
    let minute = fs::read(sample()).unwrap();
    for (age, read) in [(3000, 0), (4000, minute.len())] {
        let directory = Directory::with(&[&path]);
        let beside = directory.add(&format!("{path}.idx"), &index_of(&minute).encode());
        set_age(&beside, Duration::from_secs(age));
        let server = Server::over(&directory, Setup::default()).await;
        let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
        assert_eq!(session.durations().await.len(), 10);
        assert_eq!(server.metric("playback_indexed_bytes_total").await, read as f64);
    }
}
