//! The timeline that a playlist promises of a recording that nobody has read, against the truth: how far its cuts are off, that
//! every access unit arrives once whatever is asked for first, and that every picture is dated right, in the page as well.

mod film;

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use standins::{Address, Dialect, Origin, Row, StorageService, Vms};
use tempfile::TempDir;

use self::film::{Chance, Film, Gops, PICTURE_US, Rate};
use crate::clips::samples;
use crate::identity::{first_video_pts, same_frames};
use crate::service::{Service, Session};
use crate::tools::{Frame, frames, run, say};
use crate::valkey::wait_for;

const CAMERA: &str = "cam-003-film";
const SECRET: &str = "whoever indexes";
/// Ten seconds on the 90 kHz clock: where the output of a recording begins.
const ORIGIN: i64 = 900_000;
/// Sessions that begin somewhere in the middle.
const MIDDLES: usize = 8;

/// A recording in a bucket, and what ffmpeg finds in it.
struct Scene {
    film: Film,
    seconds: usize,
    _origin: Origin,
    storage: StorageService,
    vms: Vms,
    pictures: Vec<Frame>,
    sounds: Vec<Frame>,
    _directory: TempDir,
}

impl Scene {
    fn of(film: Film, seconds: usize) -> Self {
        let directory = TempDir::new().unwrap();
        let file = film.make(directory.path(), seconds);
        let origin = Origin::start();
        let storage = StorageService::start_at(Address::Free, Dialect::Documented);
        storage.sign_with(origin.signer());
        let row = Row::at(CAMERA, start(), TimeDelta::seconds(seconds as i64));
        let size = file.metadata().unwrap().len();
        origin.put(row.path(), file.clone());
        storage.add(row.with("size_bytes", size));
        let vms = Vms::start(&[CAMERA]);
        let (pictures, sounds) = (frames(&file, "v:0"), frames(&file, "a:0"));
        Self { film, seconds, _origin: origin, storage, vms, pictures, sounds, _directory: directory }
    }

    /// A service that has read nothing.
    fn service(&self) -> Service {
        let (storage, vms) = (self.storage.url(), self.vms.url());
        let settings =
            [("STORAGE_SERVICE_URL", storage.as_str()), ("VMS_SERVICE_URL", &vms), ("INGEST_SECRET", SECRET)];
        Service::start_with(&samples(), &settings)
    }

    fn open_from(&self, service: &Service, seconds: usize) -> Session {
        let moment = |seconds: usize| (start() + TimeDelta::seconds(seconds as i64)).to_rfc3339();
        service.open(CAMERA, &moment(seconds), &moment(self.seconds + 60))
    }

    /// When the picture with this time in the output was taken.
    fn wall(&self, pts: i64) -> DateTime<Utc> {
        start() + TimeDelta::microseconds((pts - ORIGIN) * 100 / 9)
    }

    /// Sessions begin where their playlist says, which is not behind what was asked for.
    fn begins_where_it_says(&self, service: &Service) {
        for seconds in Chance(11).map(|number| number as usize % (self.seconds - 40)).take(MIDDLES) {
            let session = self.open_from(service, seconds);
            let first = service.segment(&session, 0);
            let is = self.wall(first_video_pts(&first));
            let said = session.start();
            assert!((is - said).abs() < TimeDelta::milliseconds(1), "{seconds}: {said} is {is}");
            assert!(said <= start() + TimeDelta::seconds(seconds as i64), "{seconds}: {said}");
        }
    }

    /// All of it, segments asked for in any order; how far each cut is off, in ticks.
    fn play(&self, service: &Service, session: &Session) -> Vec<i64> {
        let name = self.film.name;
        let segments = shuffled(service, session);
        let directory = TempDir::new().unwrap();
        let whole = directory.path().join("whole.ts");
        std::fs::write(&whole, segments.concat()).unwrap();
        let made = frames(&whole, "v:0");
        same_frames(name, "video", &self.pictures, &made);
        same_frames(name, "audio", &self.sounds, &frames(&whole, "a:0"));
        assert_eq!(made[0].pts, ORIGIN, "{name}: zero is at 10 s");
        let zero = session.answer["recordings"][0]["zero"].as_str().unwrap();
        assert_eq!(zero.parse::<DateTime<Utc>>().unwrap(), start(), "{name}: and it is the name's time");
        let planned = session.playlist.segments.iter().scan(0.0, |planned, segment| {
            let begins = *planned;
            *planned += f64::from(segment.duration);
            Some(begins)
        });
        // One without a random access point has nothing to begin with.
        let cuts = planned.zip(&segments).filter(|(_, segment)| has_video(segment));
        cuts.map(|(planned, segment)| first_video_pts(segment) - ORIGIN - (planned * 90_000.0).round() as i64)
            .collect()
    }

    fn page(&self, service: &Service, mode: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/film.js");
        let moments = Chance(5).map(|number| (number as usize % (self.seconds - 60)).to_string()).take(3);
        let arguments = [
            script.to_str().unwrap().to_owned(),
            service.base.clone(),
            mode.to_owned(),
            PICTURE_US.to_string(),
        ];
        let arguments: Vec<String> = arguments.into_iter().chain(moments).collect();
        let output = run("node", &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("all clocks agree"), "{said}");
    }
}

fn start() -> DateTime<Utc> {
    "2026-03-14T10:00:00Z".parse().unwrap()
}

fn shuffled(service: &Service, session: &Session) -> Vec<Vec<u8>> {
    let mut order: Vec<usize> = (0..session.playlist.segments.len()).collect();
    let mut chance = Chance(13);
    order.sort_by_cached_key(|_| chance.next());
    let mut segments = vec![Vec::new(); order.len()];
    for number in order {
        segments[number] = service.segment(session, number);
    }
    segments
}

/// Whether there is more than tables.
fn has_video(segment: &[u8]) -> bool {
    segment.len() > 2 * 188
}

fn index(service: &Service, seconds: usize) {
    let end = start() + TimeDelta::seconds(seconds as i64);
    let body = json!({ "camera_id": CAMERA, "start_time": start(), "end_time": end });
    let request = service.client.post(format!("{}/api/v1/playback/index", service.base));
    let answer = request.bearer_auth(SECRET).json(&body).send().unwrap();
    assert_eq!(answer.status(), 202);
    wait_for("the index", || service.get("/metrics").text().unwrap().contains("playback_index_queue 0"));
}

fn exact(session: &Session) -> bool {
    session.answer["recordings"][0]["exact"].as_bool().unwrap()
}

fn judge(film: Film, seconds: usize, pages: &[&str]) {
    let scene = Scene::of(film, seconds);
    let service = scene.service();
    scene.begins_where_it_says(&service);
    let service = scene.service();
    let session = scene.open_from(&service, 0);
    assert!(!exact(&session));
    let cold = scene.play(&service, &session);
    let furthest = cold.iter().map(|off| off.abs()).max().unwrap();
    let length = session.playlist.segments.len();
    say(&format!(
        "{}: {length} segments, {} of them empty, cuts off by {:.2} s at most",
        scene.film.name,
        length - cold.len(),
        furthest as f64 / 90_000.0
    ));
    assert!(furthest < scene.film.tolerance(), "{}: {furthest} ticks", scene.film.name);

    // All of it has passed by: nobody has to read it again.
    let learned = scene.open_from(&service, 0);
    assert!(exact(&learned), "what has passed by is not enough");
    assert_eq!(scene.play(&service, &learned).into_iter().find(|off| off.abs() > 1), None);
    let service = scene.service();
    for mode in pages {
        scene.page(&service, mode);
    }
    index(&service, scene.seconds);
    let indexed = scene.open_from(&service, 0);
    assert!(exact(&indexed));
    assert_eq!(scene.play(&service, &indexed).into_iter().find(|off| off.abs() > 1), None);
    for mode in pages {
        scene.page(&service, mode);
    }
    scene.begins_where_it_says(&service);
}

const SECONDS: usize = 20 * 60;
const HOUR: usize = 60 * 60;

const FIXED: Film = Film { name: "fixed", gops: Gops::Fixed(2.0), rate: Rate::Constant, b_frames: false };
const IRREGULAR: Film =
    Film { name: "irregular", gops: Gops::Irregular, rate: Rate::Constant, b_frames: false };
const VARYING: Film = Film { name: "varying", gops: Gops::Fixed(4.0), rate: Rate::Varying, b_frames: false };
const B_FRAMES: Film = Film { name: "b-frames", gops: Gops::Fixed(2.0), rate: Rate::Varying, b_frames: true };
const WORST: Film =
    Film { name: "irregular-varying", gops: Gops::Irregular, rate: Rate::Varying, b_frames: true };

#[test]
fn a_fixed_distance_of_key_frames() {
    judge(FIXED, SECONDS, &[]);
}

#[test]
fn key_frames_1_to_30_s_apart() {
    judge(IRREGULAR, SECONDS, &[]);
}

#[test]
fn a_varying_bit_rate() {
    judge(VARYING, SECONDS, &[]);
}

#[test]
fn b_frames() {
    judge(B_FRAMES, SECONDS, &[]);
}

#[test]
fn all_of_it_together() {
    judge(WORST, SECONDS, &["hls.js"]);
}

#[test]
#[ignore = "an hour each: minutes, and best in a release build"]
fn hours() {
    for film in [FIXED, IRREGULAR, VARYING, B_FRAMES, WORST] {
        judge(film, HOUR, &["hls.js", "native"]);
    }
}
