//! Two of the program on one real Valkey, over an hour that nobody has looked at: what one reads the other need not read.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use standins::{Content, Origin, Row, StorageService};
use tempfile::TempDir;

use crate::clips::samples;
use crate::service::{Service, Session};
use crate::tools::{run, say};
use crate::valkey::server::{Flavour, Running};
use crate::valkey::wait_for;

const CAMERA: &str = "cam-001-entrance";
const SECRET: &str = "who may have recordings indexed";
/// A minute in the middle.
const MINUTE: (&str, &str) = ("2026-03-14T10:30:00Z", "2026-03-14T10:31:00Z");

struct Platform {
    origin: Origin,
    storage: StorageService,
    valkey: Running,
    size: u64,
    _directory: TempDir,
}

impl Platform {
    fn start(flavour: Flavour) -> Self {
        let directory = TempDir::new().unwrap();
        let hour = directory.path().join("hour.ts");
        let sample = samples().join(CAMERA).join("2026/03/14/10-00-00.ts");
        make_hour(&sample, &hour);
        let (origin, storage) = (Origin::start(), StorageService::start());
        let row = Row::of(CAMERA, "2026-03-14T10:00:00Z", 3600);
        origin.put(row.path(), Content::File(hour.clone()));
        let size = hour.metadata().unwrap().len();
        storage.add(row.with("size_bytes", size));
        storage.sign_with(origin.signer());
        Self { origin, storage, valkey: Running::start(flavour), size, _directory: directory }
    }

    fn replica(&self) -> Service {
        let settings = [
            ("STORAGE_SERVICE_URL", self.storage.url()),
            ("VALKEY_ADDR", self.valkey.url()),
            ("VALKEY_TIMEOUT_MS", "2000".to_owned()),
            ("INGEST_SECRET", SECRET.to_owned()),
            ("CACHE_MEMORY_BYTES", "0".to_owned()),
            ("CACHE_DISK_BYTES", "0".to_owned()),
            ("PREFETCH", "off".to_owned()),
        ];
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Service::start_with(&samples(), &settings)
    }

    /// Keys of what was learned, without those of claims.
    fn learned(&self) -> Vec<String> {
        let keys = self.valkey.keys_of("playback:learned:*");
        keys.into_iter().filter(|key| key.ends_with('}')).collect()
    }

    fn fields(&self) -> Vec<String> {
        let key = self.learned().pop().unwrap_or_default();
        self.valkey.cli(&["HKEYS", &key]).lines().map(str::to_owned).collect()
    }
}

/// A minute sixty times, in one file whose clock goes on.
fn make_hour(minute: &Path, hour: &Path) {
    let [minute, hour] = [minute, hour].map(|path| path.to_str().unwrap());
    let input = ["-v", "error", "-y", "-stream_loop", "59", "-i", minute];
    run("ffmpeg", &[&input[..], &["-map", "0", "-c", "copy", "-f", "mpegts", hour]].concat());
}

fn metric(service: &Service, name: &str) -> f64 {
    let text = service.get("/metrics").text().unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} is not in\n{text}")).parse().unwrap()
}

fn opened(service: &Service) -> Session {
    service.open(CAMERA, MINUTE.0, MINUTE.1)
}

#[test]
fn what_one_has_played_the_other_need_not_look_for() {
    for flavour in [Flavour::Valkey, Flavour::Redis] {
        let platform = Platform::start(flavour);
        let [one, other] = [platform.replica(), platform.replica()];
        let session = opened(&one);
        let cold = platform.origin.requests();
        let segments = one.segments(&session);
        wait_for("GOPs told", || platform.fields().iter().any(|name| name.starts_with("gops:")));
        assert!(platform.fields().contains(&"sketch".to_owned()), "{:?}", platform.fields());

        // What was told may not have been all yet.
        let begun = Instant::now();
        let (warm, elsewhere) = loop {
            platform.origin.forget();
            let elsewhere = opened(&other);
            match platform.origin.requests() {
                0 => break (0, elsewhere),
                more => assert!(begun.elapsed().as_secs() < 20, "{more} requests to open a session"),
            }
        };
        assert_eq!(metric(&other, "playback_shared_taken_total{what=\"sketch\"}"), 1.0);
        let mut asked = Vec::new();
        for (number, segment) in segments.iter().enumerate() {
            platform.origin.forget();
            assert!(other.segment(&elsewhere, number) == *segment, "segment {number}");
            asked.push((platform.origin.requests(), platform.origin.sent() as f64 / segment.len() as f64));
        }
        say(&format!(
            "{flavour:?}: {cold} requests to open where nothing is known, {warm} elsewhere; then {asked:.2?}"
        ));
        let within = &asked[..asked.len() - 1];
        assert!(within.iter().all(|&(requests, ratio)| requests == 1 && ratio < 1.2), "{asked:?}");
        let bytes = platform.valkey.cli(&["MEMORY", "USAGE", &platform.learned()[0]]);
        say(&format!("{flavour:?}: {bytes} bytes in {} fields", platform.fields().len()));
        stopping_leaves_what_was_learned(&platform, &one, &session);
    }
}

/// And nothing else.
fn stopping_leaves_what_was_learned(platform: &Platform, service: &Service, session: &Session) {
    let keys = platform.valkey.keys().len();
    let path = session.playlist_url.trim_end_matches("/playlist.m3u8");
    assert!(service.client.delete(path).send().unwrap().status().is_success());
    wait_for("its keys gone", || platform.valkey.keys().len() < keys);
    assert_eq!(platform.learned().len(), 1);
    let text = platform.valkey.cli(&["--no-raw", "HGETALL", &platform.learned()[0]]);
    for secret in ["X-Amz", "127.0.0.1", CAMERA, "10-00-00"] {
        assert!(!text.contains(secret) && !platform.learned()[0].contains(secret), "{secret}");
    }
}

#[test]
fn who_is_asked_at_the_same_time_reads_it_once() {
    let platform = Platform::start(Flavour::Valkey);
    let replicas = [(); 3].map(|()| platform.replica());
    let ask = |service: &Service| {
        let body = json!({"camera_id": CAMERA, "start_time": MINUTE.0, "end_time": MINUTE.1});
        let url = format!("{}/api/v1/playback/index", service.base);
        let answer = service.client.post(url).bearer_auth(SECRET).json(&body).send().unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.json::<Value>().unwrap()["queued"], 1);
    };
    std::thread::scope(|scope| {
        for replica in &replicas {
            scope.spawn(move || ask(replica));
        }
    });
    let done = |replica: &Service| metric(replica, "playback_index_queue") == 0.0;
    wait_for("the index", || replicas.iter().all(done));
    assert_eq!(platform.origin.sent(), platform.size, "each byte once");
    let passes = replicas.iter().map(|replica| metric(replica, "playback_indexed_bytes_total"));
    assert_eq!(passes.sum::<f64>(), platform.size as f64);
    let taken = replicas.iter().map(|replica| metric(replica, "playback_shared_taken_total{what=\"index\"}"));
    assert_eq!(taken.sum::<f64>(), 2.0);
    platform.origin.forget();
    for replica in &replicas {
        let body = json!({
            "camera_id": CAMERA, "start_time": MINUTE.0, "end_time": MINUTE.1, "format": "hls"
        });
        let start = format!("{}/api/v1/playback/start", replica.base);
        let answer: Value = replica.client.post(start).json(&body).send().unwrap().json().unwrap();
        assert_eq!(answer["recordings"][0]["exact"], true, "{answer}");
    }
    assert_eq!(platform.origin.requests(), 0);
    assert_eq!(platform.fields(), ["index"], "nothing else is needed");
    let bytes = platform.valkey.cli(&["MEMORY", "USAGE", &platform.learned()[0]]);
    say(&format!("the index of an hour: {bytes} bytes"));
}

#[test]
fn a_replica_that_dies_while_it_reads_is_followed() {
    let platform = Platform::start(Flavour::Valkey);
    let [one, other] = [platform.replica(), platform.replica()];
    let key = || platform.valkey.keys_of("playback:learned:*:index").pop();
    let ask = |service: &Service| {
        let body = json!({"camera_id": CAMERA, "start_time": MINUTE.0, "end_time": MINUTE.1});
        let url = format!("{}/api/v1/playback/index", service.base);
        service.client.post(url).bearer_auth(SECRET).json(&body).send().unwrap();
    };
    platform.origin.behave(|behaviour| behaviour.latency = std::time::Duration::from_secs(5));
    ask(&one);
    wait_for("the claim", || key().is_some());
    ask(&other);
    wait_for("waiting", || metric(&other, "playback_shared_awaited_total") == 1.0);
    drop(one);
    platform.origin.behave(|behaviour| behaviour.latency = std::time::Duration::ZERO);
    let ends = platform.valkey.ttl(&key().unwrap());
    assert!((1..=15).contains(&ends), "{ends}");
    // Not the quarter of a minute that it stands: it counts that whoever held it does not go on.
    platform.valkey.cli(&["PEXPIRE", &key().unwrap(), "1"]);
    wait_for("the index", || metric(&other, "playback_indexed_bytes_total") == platform.size as f64);
}
