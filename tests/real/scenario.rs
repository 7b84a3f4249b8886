//! What the platform's documentation promises, from beginning to end: recordings in a real S3 server, sessions in a real Valkey,
//! two replicas, real players, and one replica dies while they play.

mod switch;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::FutureExt;
use object_store::signer::Signer;
use serde_json::{Value, json};
use standins::{Address, Dialect, Row, StorageService, Vms};
use tempfile::NamedTempFile;

use self::switch::Switch;
use crate::clips::samples;
use crate::objects::{BUCKET, Server};
use crate::service::{Service, Session};
use crate::table;
use crate::tools::{frames, say};
use crate::valkey::server::{Flavour, Running};
use crate::valkey::wait_for;

const CAMERA: &str = "cam-001-entrance";
const START: &str = "2026-03-14T10:00:00Z";
/// Three recordings later.
const END: &str = "2026-03-14T10:03:00Z";
const RECORDINGS: [&str; 3] = ["10-00-00", "10-01-00", "10-02-00"];

/// The platform without the service.
struct Platform {
    s3: Server,
    storage: StorageService,
    vms: Vms,
    valkey: Running,
    dialect: Dialect,
}

impl Platform {
    /// The documented one gives presigned URLs; of the deployed one the bucket has to be read.
    fn start(dialect: Dialect, flavour: Flavour) -> Self {
        let (s3, storage) = (Server::s3(), StorageService::start_at(Address::Free, dialect));
        for recording in RECORDINGS {
            let row = Row::of(CAMERA, &format!("2026-03-14T{}Z", recording.replace('-', ":")), 60);
            let object = s3.object_at(row.path());
            std::fs::create_dir_all(object.parent().unwrap()).unwrap();
            std::fs::copy(sample(recording), &object).unwrap();
            let size = object.metadata().unwrap().len();
            storage.add(row.with("size_bytes", size));
        }
        let signer = s3.signer();
        storage.sign_by(move |key, valid| {
            let key = key.into();
            let signed = signer.signed_url(reqwest::Method::GET, &key, valid);
            signed.now_or_never().unwrap().unwrap().into()
        });
        let vms = Vms::start_at(Address::Free, dialect, &[CAMERA]);
        Self { s3, storage, vms, valkey: Running::start(flavour), dialect }
    }

    /// One more replica.
    fn replica(&self) -> Service {
        self.replica_with(&[])
    }

    /// The same where some settings are others.
    fn replica_with(&self, others: &[(&str, &str)]) -> Service {
        let (storage, vms, valkey) = (self.storage.url(), self.vms.url(), self.valkey.url());
        let endpoint = self.s3.address.trim_start_matches("http://");
        let mut settings = vec![
            ("STORAGE_SERVICE_URL", storage.as_str()),
            ("VMS_SERVICE_URL", &vms),
            ("VALKEY_ADDR", &valkey),
            // Longer than a loaded machine needs.
            ("VALKEY_TIMEOUT_MS", "2000"),
        ];
        if self.dialect == Dialect::Deployed {
            settings.extend([
                ("MINIO_ENDPOINT", endpoint),
                ("MINIO_BUCKET", BUCKET),
                ("MINIO_ACCESS_KEY", "them"),
                ("MINIO_SECRET_KEY", "5ecret"),
            ]);
        }
        settings.extend(others);
        Service::start_with(&samples(), &settings)
    }
}

fn sample(recording: &str) -> std::path::PathBuf {
    samples().join(CAMERA).join(format!("2026/03/14/{recording}.ts"))
}

#[test]
fn documented_with_presigned_urls() {
    plays_from_beginning_to_end(Dialect::Documented, Flavour::Valkey);
}

#[test]
fn deployed_with_a_bucket() {
    plays_from_beginning_to_end(Dialect::Deployed, Flavour::Redis);
}

#[test]
fn a_bucket_is_read_by_https_where_its_authority_is_trusted() {
    let platform = Platform::start(Dialect::Deployed, Flavour::Redis);
    let by_tls = platform.s3.behind_tls();
    let authority = by_tls.authority();
    let endpoint = by_tls.address.replace("http://127.0.0.1", "localhost");
    let settings = [("MINIO_ENDPOINT", endpoint.as_str()), ("MINIO_USE_SSL", "true")];
    let wary = platform.replica_with(&settings);
    let range = json!({ "camera_id": CAMERA, "start_time": START, "end_time": END, "format": "hls" });
    let url = format!("{}/api/v1/playback/start", wary.base);
    let answer = wary.client.post(url).json(&range).send().unwrap();
    let (status, body) = (answer.status(), answer.text().unwrap());
    assert!(status == 503 && body.contains("source-down"), "{status}: {body}");

    let trusting = [&settings[..], &[("SSL_CERT_FILE", authority.to_str().unwrap())]].concat();
    let service = platform.replica_with(&trusting);
    let session = service.open(CAMERA, START, END);
    assert!(service.segment(&session, 0).len() > 10_000);
}

fn plays_from_beginning_to_end(dialect: Dialect, flavour: Flavour) {
    let platform = Platform::start(dialect, flavour);
    let [one, other] = [platform.replica(), platform.replica()];
    let session = one.open(CAMERA, START, END);
    let seconds: f32 = session.playlist.segments.iter().map(|segment| segment.duration).sum();
    assert!((179.5..180.5).contains(&seconds), "{seconds}");
    assert_eq!(session.playlist.segments.iter().filter(|segment| segment.discontinuity).count(), 2);
    shows_nothing_of_the_platform(&one, &session);

    let other_session = the_same_elsewhere(&session, &one, &other);
    extends(&other, &other_session);
    let switch = Switch::to(&one.base);
    let through = session.playlist_url.replacen(&one.base, &switch.base(), 1);

    let began = Instant::now();
    let player = Player::start(&through);
    wait_for("some of it to be played", || switch.passed() > 500_000 && switch.is_idle());
    let passed = switch.passed();
    drop(one);
    switch.turn_to(&other.base);
    let (played, complaints) = player.played();
    say(&format!(
        "{dialect:?}: ffmpeg read on after {passed} of {} bytes, in {:?}",
        switch.passed(),
        began.elapsed()
    ));
    assert!(switch.passed() > passed + 500_000, "the other replica had its part in it");
    let recorded = RECORDINGS.iter().flat_map(|name| frames(&sample(name), "v:0"));
    let recorded: Vec<String> = recorded.map(|frame| frame.hash).collect();
    assert!(played == recorded, "{} of {} pictures: {complaints}", played.len(), recorded.len());

    let keys = platform.valkey.keys();
    assert!(keys.iter().any(|key| key.starts_with("playback:hls:segment:")), "{keys:?}");
    let path = other_session.trim_end_matches("/playlist.m3u8");
    let stopped = other.client.delete(path).send().unwrap();
    assert_eq!(stopped.json::<Value>().unwrap(), json!({ "status": "stopped" }));
    wait_for("every key gone", || platform.valkey.keys().is_empty());
    assert_eq!(other.get(&other_session).status(), 404);
}

/// No URL, key or password of what is behind the service is in what it says.
fn shows_nothing_of_the_platform(service: &Service, session: &Session) {
    let shown = session.playlist_url.trim_end_matches("/playlist.m3u8");
    for url in [shown, &session.playlist_url, "/health", "/metrics"] {
        let text = service.get(url).text().unwrap();
        for secret in ["X-Amz", "5ecret", "s3cret", "9000", BUCKET] {
            assert!(!text.contains(secret), "{secret} in {url}:\n{text}");
        }
    }
}

/// Another replica gives the same bytes; where its playlist is.
fn the_same_elsewhere(session: &Session, one: &Service, other: &Service) -> String {
    let elsewhere = |url: &str| url.replacen(&one.base, &other.base, 1);
    let bytes = |service: &Service, url: &str| {
        let answer = service.get(url);
        assert_eq!(answer.status(), 200, "{url}");
        answer.bytes().unwrap()
    };
    let urls = (0..session.playlist.segments.len()).map(|number| session.segment_url(number));
    for url in urls.chain([session.playlist_url.clone()]) {
        // The other one first: it has nothing in memory of what it has not made itself.
        assert!(bytes(other, &elsewhere(&url)) == bytes(one, &url), "{url}");
    }
    elsewhere(&session.playlist_url)
}

/// By an hour more than it had.
fn extends(service: &Service, playlist_url: &str) {
    let url = playlist_url.trim_end_matches("/playlist.m3u8");
    let end = || service.get(url).json::<Value>().unwrap()["expires_at"].clone();
    let before = end();
    let body = json!({ "duration_seconds": 7200 });
    let answer = service.client.post(format!("{url}/extend")).json(&body).send().unwrap();
    let answer: Value = answer.json().unwrap();
    assert_eq!(answer["status"], "extended", "{answer}");
    assert!(answer["expires_at"].as_str() > before.as_str() && answer["expires_at"] == end());
}

/// ffmpeg, twelve times as fast as the recordings went by.
struct Player {
    child: Child,
    /// Where it writes what it got; a pipe that nobody empties would stop it.
    pictures: NamedTempFile,
}

impl Player {
    fn start(playlist_url: &str) -> Self {
        let pictures = NamedTempFile::new().unwrap();
        let mut command = Command::new("ffmpeg");
        command.args(["-y", "-v", "warning", "-readrate", "12", "-i", playlist_url]);
        command.args(["-map", "0:v:0", "-c", "copy", "-f", "framehash"]).arg(pictures.path());
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        Self { child: child.expect("ffmpeg is needed for these tests (tests/run installs it)"), pictures }
    }

    /// The hashes of the pictures that it got, and what it complained of.
    fn played(self) -> (Vec<String>, String) {
        let output = self.child.wait_with_output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{complaints}");
        let rows = std::fs::read_to_string(self.pictures.path()).unwrap();
        let rows = rows.lines().filter(|row| !row.starts_with('#'));
        // stream, dts, pts, duration, size, hash
        let hashes = rows.map(|row| row.split(',').nth(5).unwrap().trim().to_owned());
        (hashes.collect(), complaints)
    }
}

/// A page that plays, in a real Chromium.
#[test]
fn the_page_plays_on_when_its_replica_dies() {
    let platform = Platform::start(Dialect::Deployed, Flavour::Redis);
    let [one, other] = [platform.replica(), platform.replica()];
    let switch = Switch::to(&one.base);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/scenario.js");
    let mut browser = Command::new("node")
        .args([script.to_str().unwrap(), &switch.base()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("node is needed for these tests (tests/run installs it)");
    let mut said = std::io::BufRead::lines(std::io::BufReader::new(browser.stdout.take().unwrap()));
    let playing = said.by_ref().map(Result::unwrap).find(|line| line == "playing");
    assert!(playing.is_some(), "it does not play");
    // Wherever it is: in the middle of a segment as well.
    drop(one);
    switch.turn_to(&other.base);
    let passed = switch.passed();
    drop(browser.stdin.take());
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert!(browser.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line == "scenario: played to the end"), "{rest:?}");
    assert!(switch.passed() > passed, "the other replica had its part in it");
    wait_for("every key gone", || platform.valkey.keys().is_empty());
}

/// The rows of the README's table that need a real Valkey.
#[test]
fn without_valkey_it_is_as_the_readme_says() {
    let rows: Vec<String> = FAILURES.iter().map(|failure| row(failure)).collect();
    table::compare(&rows, |row| row.starts_with("| Valkey"));
}

/// What fails, how, and how it is over.
type Failure = (&'static str, fn(&mut Running), fn(&mut Running));

const FAILURES: [Failure; 3] = [
    ("Valkey is down, and comes back empty", Running::kill, Running::restart),
    ("Valkey hangs", |valkey| valkey.signal("STOP"), |valkey| valkey.signal("CONT")),
    (
        "Valkey may not be written to",
        |valkey| assert_eq!(valkey.cli(&["REPLICAOF", "127.0.0.1", "1"]), "OK"),
        |valkey| assert_eq!(valkey.cli(&["REPLICAOF", "NO", "ONE"]), "OK"),
    ),
];

fn row((what, inject, mend): &Failure) -> String {
    let mut platform = Platform::start(Dialect::Documented, Flavour::Valkey);
    let service = platform.replica();
    let session = service.open(CAMERA, START, END);
    let expected = service.segment(&session, 3);
    let health = || service.get("/health").json::<Value>().unwrap()["status"].clone();
    inject(&mut platform.valkey);
    wait_for("degraded", || health() == "degraded");
    let (asked, playing) = (ask(&service), play(&service, &session, &expected));
    let text = service.get("/metrics").text().unwrap();
    let is_counted = text.contains("playback_upstream_failures_total{kind=\"down\",upstream=\"valkey\"}");
    let counted = if is_counted { "valkey down" } else { "–" };
    mend(&mut platform.valkey);
    wait_for("healthy", || health() == "healthy");
    assert_eq!(ask(&service), "201", "{what}");
    let over = play(&service, &session, &expected);
    format!("| {what} | {asked} | {playing} | {counted} | {over} |")
}

/// What somebody gets who asks for a new session.
fn ask(service: &Service) -> String {
    let body = json!({ "camera_id": CAMERA, "start_time": START, "end_time": END, "format": "hls" });
    let began = Instant::now();
    let answer =
        service.client.post(format!("{}/api/v1/playback/start", service.base)).json(&body).send().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    match answer.status().as_u16() {
        201 => "201".to_owned(),
        status => {
            let problem: Value = answer.json().unwrap();
            format!("{status} {}", problem["type"].as_str().unwrap().rsplit(':').next().unwrap())
        }
    }
}

fn play(service: &Service, session: &Session, expected: &[u8]) -> String {
    let answer = service.get(&session.segment_url(3));
    match answer.status().as_u16() {
        200 if answer.bytes().unwrap() == expected => "plays".to_owned(),
        status => panic!("{status}"),
    }
}
