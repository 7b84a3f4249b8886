//! The whole platform in stand-ins, the service over it, and somebody who plays.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::time::Duration;

use checker::check;
use reqwest::Response;
use serde_json::{Value, json};
use standins::{MediaMtx, Origin, Ranges, Row, StorageService, Validators, Vms};
use tempfile::TempDir;

use crate::cases::Ask;
use crate::support::{API, CAMERA, Server, Setup, samples};

/// Two minutes that play, and two that somebody wants to play.
pub(crate) const STARTS: [&str; 4] = ["10-00-00", "10-01-00", "10-07-00", "10-08-00"];

/// Pictures of the two minutes that somebody wants to play.
const PICTURES: usize = 3000;

/// In the first recording, a megabyte and more behind its beginning.
const SEGMENT: usize = 8;

/// No answer may take longer, whatever fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Scene {
    pub(crate) storage: StorageService,
    pub(crate) origin: Origin,
    pub(crate) vms: Vms,
    pub(crate) media: MediaMtx,
    pub(crate) server: Server,
    /// Of the session that plays: where its next segment is, and what it should be.
    segment: String,
    expected: Vec<u8>,
    _work_dir: TempDir,
}

impl Scene {
    /// Plays, and keeps nothing that would hide a failure.
    pub(crate) async fn set() -> Self {
        let mut scene = Self::with(&HASTY).await;
        scene.begin_to_play().await;
        scene
    }

    /// Everything is there, nothing plays yet.
    pub(crate) async fn with(settings: &[&str]) -> Self {
        let (storage, origin) = (StorageService::start(), Origin::start());
        let (vms, media) = (Vms::start(&[CAMERA, "never-recorded"]), MediaMtx::start());
        storage.sign_with(origin.signer());
        storage.set_rows(rows());
        put_objects(&origin);
        let work_dir = tempfile::tempdir().unwrap();
        let urls = [
            format!("--storage-service-url={}", storage.url()),
            format!("--vms-service-url={}", vms.url()),
            format!("--mediamtx-api-url={}", media.url()),
        ];
        let arguments = [&urls.each_ref().map(String::as_str)[..], &LIVE, settings].concat();
        let server = Server::start(&samples(), work_dir.path(), Setup::with(&arguments)).await;
        let (segment, expected) = (String::new(), Vec::new());
        let scene = Self { storage, origin, vms, media, server, segment, expected, _work_dir: work_dir };
        scene.mend();
        scene
    }

    async fn begin_to_play(&mut self) {
        let session = self.server.open(CAMERA, "10:00:00", "10:02:00").await;
        session.playlist().await;
        let (segment, expected) = (session.segment_path(SEGMENT), session.segment(SEGMENT).await);
        (self.segment, self.expected) = (segment, expected);
    }

    /// Everything works as it should.
    pub(crate) fn mend(&self) {
        for faults in [self.storage.faults(), self.origin.faults(), self.vms.faults(), self.media.faults()] {
            faults.clear();
        }
        self.origin.behave(|behaviour| {
            behaviour.only_signed = true;
            behaviour.ranges = Ranges::Honoured;
            behaviour.validators = Validators::Both;
        });
        self.storage.resume();
        self.origin.resume();
        self.vms.resume();
        self.media.resume();
    }

    /// What somebody gets who asks for something new.
    pub(crate) async fn ask(&self, ask: Ask) -> String {
        match ask {
            Ask::Start => self.start(CAMERA, "10:07:00", "10:09:00").await,
            Ask::StartWithoutFootage => self.start("never-recorded", "10:07:00", "10:09:00").await,
            Ask::StartOfUnknown => self.start("cam-9", "10:07:00", "10:09:00").await,
            Ask::Live => self.live().await,
        }
    }

    async fn start(&self, camera: &str, start: &str, end: &str) -> String {
        let response = within(self.server.try_open(camera, start, end)).await;
        if response.status() != 201 {
            return problem(response).await;
        }
        let answer: Value = response.json().await.unwrap();
        let (gaps, left_out) = (count(&answer["gaps"]), count(&answer["left_out"]));
        let mut said = "201".to_owned();
        match self.pictures(answer["url"].as_str().unwrap()).await {
            Ok(PICTURES) => {}
            Ok(pictures) => said += &format!(", {pictures} pictures"),
            Err(why) => said += &format!(", then {why}"),
        }
        for (count, name) in [(gaps, "gap"), (left_out, "left out")] {
            if count > 0 {
                said += &format!(", {count} {name}");
            }
        }
        said
    }

    async fn live(&self) -> String {
        let body = json!({ "camera_id": CAMERA, "format": "hls" });
        let response = within(self.server.post(&format!("{API}/live"), body)).await;
        match response.status().as_u16() {
            201 => {
                assert!(self.media.paths().contains_key(&format!("camera_{CAMERA}")), "the path is there");
                "201".to_owned()
            }
            _ => problem(response).await,
        }
    }

    /// How many pictures a player of the session gets; none of them twice.
    async fn pictures(&self, playlist: &str) -> Result<usize, String> {
        let text = within(self.server.get(playlist)).await.text().await.unwrap();
        let base = playlist.trim_end_matches("playlist.m3u8");
        let mut stretches: Vec<Vec<Vec<u8>>> = vec![Vec::new()];
        for line in text.lines() {
            if line == "#EXT-X-DISCONTINUITY" {
                stretches.push(Vec::new());
            } else if !line.starts_with('#') {
                let segment = self.segment(&format!("{base}{line}")).await?;
                stretches.last_mut().unwrap().push(segment);
            }
        }
        Ok(stretches.iter().map(|segments| pictures(segments)).sum())
    }

    /// What the player that is at it sees of its next segment.
    pub(crate) async fn play_on(&self) -> String {
        match self.segment(&self.segment).await {
            Ok(bytes) => {
                assert!(bytes == self.expected, "another segment");
                "plays".to_owned()
            }
            Err(why) => why,
        }
    }

    async fn segment(&self, path: &str) -> Result<Vec<u8>, String> {
        let response = within(self.server.get(path)).await;
        match response.status().as_u16() {
            200 => match within(response.bytes()).await {
                Ok(bytes) => Ok(bytes.to_vec()),
                Err(_) => Err("breaks off".to_owned()),
            },
            _ => Err(problem(response).await),
        }
    }

    /// When it is over, and what was learned of it is forgotten.
    pub(crate) async fn over(&self, ask: Ask) -> String {
        self.server.clock.advance(301);
        let (playing, asked) = (self.play_on().await, self.ask(ask).await);
        if playing == "plays" && asked == "201" { playing } else { format!("{playing}; {asked}") }
    }

    /// The failures that were counted, by upstream and kind.
    pub(crate) async fn failures(&self) -> BTreeMap<String, u64> {
        let text = within(self.server.get("/metrics")).await.text().await.unwrap();
        let failures = text.lines().filter_map(|line| {
            let (labels, count) =
                line.strip_prefix("playback_upstream_failures_total{kind=\"")?.split_once("\"} ")?;
            let (kind, upstream) = labels.split_once("\",upstream=\"")?;
            Some((format!("{upstream} {kind}"), count.parse().unwrap()))
        });
        failures.collect()
    }

    pub(crate) async fn counted_since(&self, before: &BTreeMap<String, u64>) -> String {
        let now = self.failures().await;
        let risen = now.into_iter().filter(|(label, count)| before.get(label) != Some(count));
        let risen: Vec<String> = risen.map(|(label, _)| label).collect();
        if risen.is_empty() { "–".to_owned() } else { risen.join(", ") }
    }
}

/// Hasty, so that the test is; nothing kept, nothing ahead.
const HASTY: [&str; 9] = [
    "--storage-timeout-seconds=2",
    "--vms-timeout-seconds=2",
    "--object-connect-timeout-ms=1000",
    "--object-first-byte-timeout-ms=500",
    "--object-stall-timeout-ms=300",
    "--cache-memory-bytes=0",
    "--cache-disk-bytes=0",
    "--cache-inflight-bytes=0",
    "--prefetch=off",
];

const LIVE: [&str; 1] = ["--mediamtx-url=http://media.example:8888"];

pub(crate) fn rows() -> Vec<Row> {
    STARTS.iter().map(|start| row(start, 60)).collect()
}

/// A recording that begins then; its row says so many seconds.
pub(crate) fn row(start: &str, seconds: i64) -> Row {
    Row::of(CAMERA, &format!("2026-03-14T{}Z", start.replace('-', ":")), seconds)
}

/// The recording itself.
pub(crate) fn sample(start: &str) -> Vec<u8> {
    fs::read(samples().join(CAMERA).join(format!("2026/03/14/{start}.ts"))).unwrap()
}

fn put_objects(origin: &Origin) {
    for start in STARTS {
        let bytes = sample(start);
        let bytes = if start == STARTS[0] { stuffed(&bytes) } else { bytes };
        origin.put(row(start, 60).path(), bytes);
    }
}

/// The same with as many null packets in it, as of an encoder with a constant bit rate: more than a megabyte.
fn stuffed(stream: &[u8]) -> Vec<u8> {
    let mut null = [0xff; 188];
    null[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
    stream.chunks(188).flat_map(|packet| [packet, &null].concat()).collect()
}

async fn within<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, answer).await.expect("it hangs")
}

/// `502 bad-source`
async fn problem(response: Response) -> String {
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    for secret in ["X-Amz", "s3cret", "127.0.0.1", "://"] {
        assert!(!problem.to_string().contains(secret), "{problem}");
    }
    let kind = problem["type"].as_str().unwrap();
    format!("{status} {}", kind.rsplit(':').next().unwrap())
}

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

/// The pictures of segments that lie end to end, which are one faultless stream.
fn pictures(segments: &[Vec<u8>]) -> usize {
    if segments.is_empty() {
        return 0;
    }
    let segments: Vec<&[u8]> = segments.iter().map(Vec::as_slice).collect();
    let checked = check(&segments);
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    let video = checked.program.streams.first().unwrap().pid;
    checked.of(video).count()
}
