//! Live view, with a stand-in for MediaMTX.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use playback_service::domain::CameraId;
use playback_service::error::{Error, Kind, Result};
use playback_service::live::Makers;
use playback_service::live::ports::{CameraSources, SourceUrl};
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value, json};
use standins::{Fault, MediaMtx, Times, Vms};
use support::log::Log;
use support::{API, CAMERA, Directory, Server, Setup};
use tempfile::TempDir;

const PATH: &str = "camera_cam-001-entrance";

/// The VMS's part in this: cameras' sources, with a password that changes.
#[derive(Debug, Clone, Default)]
struct Sources(Arc<Mutex<SourcesState>>);

#[derive(Debug)]
struct SourcesState {
    password: String,
    failure: Option<Kind>,
    asked: usize,
}

impl Default for SourcesState {
    fn default() -> Self {
        Self { password: "s3cret".to_owned(), failure: None, asked: 0 }
    }
}

impl Sources {
    fn url(&self) -> String {
        format!("rtsp://operator:{}@192.0.2.7:554/stream1", self.0.lock().unwrap().password)
    }

    fn set_password(&self, password: &str) {
        self.0.lock().unwrap().password = password.to_owned();
    }

    fn fail(&self, failure: Option<Kind>) {
        self.0.lock().unwrap().failure = failure;
    }

    fn asked(&self) -> usize {
        self.0.lock().unwrap().asked
    }
}

impl CameraSources for Sources {
    fn source<'a>(&'a self, _: &'a CameraId) -> BoxFuture<'a, Result<SourceUrl>> {
        async {
            self.0.lock().unwrap().asked += 1;
            let failure = self.0.lock().unwrap().failure.clone();
            match failure {
                Some(failure) => Err(Error::new(failure, "The VMS is not what it was.")),
                None => Ok(SourceUrl::parse(&self.url()).unwrap()),
            }
        }
        .boxed()
    }
}

/// A service with a MediaMTX beside it.
struct Scene {
    server: Server,
    media: MediaMtx,
    sources: Sources,
    _work_dir: TempDir,
}

impl Scene {
    /// That may use the Control API, and has sources.
    async fn set() -> Self {
        let media = MediaMtx::start();
        let api = format!("--mediamtx-api-url={}", media.url());
        Self::with(media, &["--mediamtx-url=http://media.example:8888", &api], |sources| {
            Box::new(|makers| Makers { sources: Some(Arc::new(sources)), ..makers })
        })
        .await
    }

    async fn with(
        media: MediaMtx,
        arguments: &[&str],
        make: impl FnOnce(Sources) -> Box<dyn FnOnce(Makers) -> Makers>,
    ) -> Self {
        let work_dir = tempfile::tempdir().unwrap();
        let sources = Sources::default();
        let setup = Setup { make: Some(make(sources.clone())), ..Setup::with(arguments) };
        let server = Server::start(&support::samples(), work_dir.path(), setup).await;
        Self { server, media, sources, _work_dir: work_dir }
    }

    async fn try_open(&self, format: &str) -> Response {
        try_open(&self.server, CAMERA, format).await
    }

    /// Opens a session; its answer, and where it is.
    async fn open(&self, format: &str) -> (Value, String) {
        opened(self.try_open(format).await).await
    }

    /// What was asked of the API, without what only looks.
    fn changes(&self) -> Vec<String> {
        self.media.calls().into_iter().filter(|call| !call.starts_with("GET")).collect()
    }

    /// Somebody who runs the MediaMTX configures the path.
    async fn configure(&self, settings: Value) {
        let url = format!("{}/v3/config/paths/add/{PATH}", self.media.url());
        let answer = self.server.client.post(url).json(&settings).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }

    fn path(&self) -> Option<Map<String, Value>> {
        self.media.paths().get(PATH).cloned()
    }
}

async fn try_open(server: &Server, camera: &str, format: &str) -> Response {
    server.post(&format!("{API}/live"), json!({"camera_id": camera, "format": format})).await
}

async fn opened(response: Response) -> (Value, String) {
    let status = response.status();
    let location = response.headers().get("location").map(|location| location.to_str().unwrap().to_owned());
    let answer: Value = response.json().await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    (answer, location.unwrap())
}

/// The status of an answer that says what went wrong, and its words.
async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{status}");
    let problem: Value = response.json().await.unwrap();
    for member in ["title", "detail", "error", "message"] {
        assert!(problem[member].is_string(), "{problem}");
    }
    (status, problem["detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn every_format_has_its_url_and_is_a_session_like_any_other() {
    let (server, _work_dir) = only_urls().await;
    for (format, url) in [
        ("hls", "http://media.example:8888/camera_cam-001-entrance/index.m3u8"),
        ("webrtc", "http://media.example:8889/camera_cam-001-entrance/whep"),
        ("rtsp", "rtsp://media.example:8554/camera_cam-001-entrance"),
    ] {
        let (answer, session) = opened(try_open(&server, CAMERA, format).await).await;
        assert_eq!(answer["url"], url);
        assert_eq!((&answer["camera_id"], &answer["format"]), (&json!(CAMERA), &json!(format)));
        assert_eq!(answer["expires_at"], "2026-03-15T12:00:00Z", "a day from now");
        assert_eq!(session, format!("{API}/sessions/{}", answer["session_id"].as_str().unwrap()));
        assert_eq!(server.get_json(&session).await, answer);
        assert_eq!(server.metric("playback_active_sessions").await, 1.0);
        let extended = server.post(&format!("{session}/extend"), json!({"duration_seconds": 60})).await;
        assert_eq!(
            extended.json::<Value>().await.unwrap()["expires_at"],
            "2026-03-15T12:00:00Z",
            "never shorter"
        );
        assert_eq!(
            server.delete(&session).await.json::<Value>().await.unwrap(),
            json!({"status": "stopped"})
        );
        assert_eq!(server.get(&session).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(server.delete(&session).await.status(), StatusCode::NOT_FOUND);
    }
}

/// A service that hands out URLs and asks nobody.
async fn only_urls() -> (Server, TempDir) {
    let work_dir = tempfile::tempdir().unwrap();
    let setup = Setup::with(&["--mediamtx-url=http://media.example:8888"]);
    (Server::start(&support::samples(), work_dir.path(), setup).await, work_dir)
}

#[tokio::test]
async fn live_sessions_live_for_as_long_as_is_set_and_can_be_extended() {
    let work_dir = tempfile::tempdir().unwrap();
    let setup = Setup::with(&["--mediamtx-url=http://media.example:8888", "--live-ttl-seconds=100"]);
    let server = Server::start(&support::samples(), work_dir.path(), setup).await;
    let (answer, session) = opened(try_open(&server, CAMERA, "hls").await).await;
    assert_eq!(answer["expires_at"], "2026-03-14T12:01:40Z");
    server.post(&format!("{session}/extend"), json!({"duration_seconds": 200})).await;
    server.clock.advance(199);
    assert_eq!(server.get_json(&session).await["expires_at"], "2026-03-14T12:03:20Z");
    server.clock.advance(1);
    assert_eq!(server.get(&session).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_live_session_has_no_playlist_and_says_so() {
    let (server, _work_dir) = only_urls().await;
    let (_, session) = opened(try_open(&server, CAMERA, "hls").await).await;
    for file in ["playlist.m3u8", "segment/0.ts", "segment/0.m4s", "init/0.mp4"] {
        let (status, detail) = problem(server.get(&format!("{session}/{file}")).await).await;
        assert_eq!(status, 404, "{file}");
        assert!(detail.contains("live session"), "{file}: {detail}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_told() {
    let (server, _work_dir) = only_urls().await;
    for (body, field) in [
        (json!({"format": "hls"}), "camera_id"),
        (json!({"camera_id": "../x", "format": "hls"}), "camera_id"),
        (json!({"camera_id": CAMERA}), "format"),
        (json!({"camera_id": CAMERA, "format": "dash"}), "format"),
    ] {
        let answer = server.post(&format!("{API}/live"), body).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(answer.json::<Value>().await.unwrap()["field"], field);
    }
    let garbage = server.client.post(server.url(&format!("{API}/live"))).body("{").send().await.unwrap();
    assert_eq!(problem(garbage).await.0, 400);
    let (status, detail) = problem(try_open(&server, "cam-999", "hls").await).await;
    assert_eq!((status, detail.as_str()), (404, "There is no camera cam-999."));
}

#[tokio::test]
async fn without_a_media_server_live_view_is_off() {
    let (server, _work_dir) = Server::over_samples().await;
    let answer = try_open(&server, CAMERA, "hls").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["type"], "urn:playback-service:problem:no-live-view");
    assert!(answer["detail"].as_str().unwrap().contains("MEDIAMTX_URL"));
    assert_eq!(server.get_json(&format!("{API}/cameras")).await["live"], json!([]));
    let page = server.get("/").await;
    assert!(!page.headers()["content-security-policy"].to_str().unwrap().contains("http"));
}

#[tokio::test]
async fn the_page_may_load_from_the_media_server_and_is_told_of_it() {
    let (server, _work_dir) = only_urls().await;
    assert_eq!(server.get_json(&format!("{API}/cameras")).await["live"], json!(["hls", "webrtc", "rtsp"]));
    let page = server.get("/").await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("connect-src 'self' http://media.example:8888 http://media.example:8889;"),
        "{policy}"
    );
    assert!(policy.contains("media-src 'self' blob: http://media.example:8888 "), "{policy}");
}

#[tokio::test]
async fn a_path_is_made_once_and_taken_down_with_the_last_session() {
    let scene = Scene::set().await;
    let (_, first) = scene.open("hls").await;
    let path = scene.path().unwrap();
    assert_eq!(path["source"], scene.sources.url());
    assert_eq!(
        (&path["sourceOnDemand"], &path["sourceOnDemandStartTimeout"], &path["sourceOnDemandCloseAfter"]),
        (&json!(true), &json!("15s"), &json!("10s"))
    );
    let (_, second) = scene.open("webrtc").await;
    assert_eq!(scene.changes(), [format!("POST /v3/config/paths/add/{PATH}")]);
    scene.server.delete(&first).await;
    assert!(scene.path().is_some(), "somebody else watches");
    scene.server.delete(&second).await;
    assert!(scene.path().is_none());
}

#[tokio::test]
async fn many_who_open_at_once_ask_once() {
    let scene = Scene::set().await;
    scene.media.faults().on("/v3/config/paths/get", Times::Next(1), Fault::Delay(Duration::from_millis(200)));
    let opened = futures::future::join_all((0..20).map(|_| scene.try_open("hls"))).await;
    assert!(opened.iter().all(|response| response.status() == StatusCode::CREATED));
    assert_eq!(scene.changes().len(), 1);
    assert!(scene.sources.asked() < 20, "{}", scene.sources.asked());
}

#[tokio::test]
async fn a_path_that_somebody_reads_stays() {
    let scene = Scene::set().await;
    let (_, session) = scene.open("rtsp").await;
    scene.media.set_readers(PATH, 1);
    assert_eq!(scene.server.delete(&session).await.status(), StatusCode::OK);
    assert!(scene.path().is_some());
    // The next one takes it down all the same: it is still ours.
    let (_, session) = scene.open("rtsp").await;
    scene.media.set_readers(PATH, 0);
    scene.server.delete(&session).await;
    assert!(scene.path().is_none());
}

#[tokio::test]
async fn what_an_operator_configured_is_left_alone() {
    let scene = Scene::set().await;
    let theirs = json!({"source": "rtsp://theirs:too@192.0.2.8/", "sourceOnDemand": false, "record": true});
    scene.configure(theirs.clone()).await;
    let before = scene.changes();
    let (_, session) = scene.open("hls").await;
    scene.server.get_json(&session).await;
    assert_eq!(scene.server.delete(&session).await.status(), StatusCode::OK);
    assert_eq!(scene.changes(), before);
    assert_eq!(Value::from(scene.path().unwrap()), theirs);
}

#[tokio::test]
async fn who_comes_second_in_a_race_does_not_take_the_path_down() {
    let scene = Scene::set().await;
    scene.configure(json!({"source": "publisher"})).await;
    // Not there when it is looked for, and there when it is added.
    scene.media.faults().on("/v3/config/paths/get", Times::Next(1), Fault::status(404));
    let (_, session) = scene.open("hls").await;
    assert_eq!(scene.path().unwrap()["source"], scene.sources.url());
    scene.server.delete(&session).await;
    assert!(scene.path().is_some());
}

#[tokio::test]
async fn a_camera_with_a_new_password_is_read_with_it() {
    let scene = Scene::set().await;
    scene.open("hls").await;
    scene.sources.set_password("n3w");
    scene.open("hls").await;
    assert!(scene.path().unwrap()["source"].as_str().unwrap().contains("n3w"));
}

#[tokio::test]
async fn a_media_server_that_forgot_is_told_again() {
    let scene = Scene::set().await;
    let (_, session) = scene.open("hls").await;
    let asked = scene.sources.asked();
    scene.server.get_json(&session).await;
    assert_eq!(scene.sources.asked(), asked, "what is there needs no source");
    let extend = format!("{session}/extend");
    scene.media.forget();
    scene.server.get_json(&session).await;
    assert!(scene.path().is_some(), "shown");
    scene.media.forget();
    assert_eq!(scene.server.post(&extend, json!({"duration_seconds": 60})).await.status(), StatusCode::OK);
    assert!(scene.path().is_some(), "extended");
    scene.media.forget();
    scene.open("webrtc").await;
    assert!(scene.path().is_some(), "opened by somebody else");
}

#[tokio::test]
async fn a_media_server_that_is_away_stops_nobody_but_who_opens() {
    let scene = Scene::set().await;
    let (answer, session) = scene.open("hls").await;
    scene.media.stop();
    let (status, detail) = problem(scene.try_open("hls").await).await;
    assert_eq!((status, detail.as_str()), (503, "The media server cannot be reached."));
    let health = scene.server.get_json("/health").await;
    assert_eq!(health["status"], "degraded");
    assert_eq!(health["upstreams"]["mediamtx"], "The media server cannot be reached.");
    assert!(
        scene.server.metric("playback_upstream_failures_total{kind=\"down\",upstream=\"mediamtx\"}").await
            >= 1.0
    );
    assert_eq!(scene.server.get_json(&session).await, answer);
    let extended = scene.server.post(&format!("{session}/extend"), json!({"duration_seconds": 60})).await;
    assert_eq!(extended.status(), StatusCode::OK);
    assert_eq!(scene.server.delete(&session).await.status(), StatusCode::OK);
    assert_eq!(scene.server.get(&session).await.status(), StatusCode::NOT_FOUND);

    scene.media.resume();
    scene.open("hls").await;
    assert_eq!(scene.server.get_json("/health").await["status"], "healthy");
}

#[tokio::test]
async fn what_the_media_server_says_of_a_failure_is_not_passed_on() {
    let scene = Scene::set().await;
    let quoting = json!({"status": "error", "error": format!("invalid source: '{}'", scene.sources.url())});
    for (part, fault, expected) in [
        ("/v3/config/paths/", Fault::json(400, &quoting), 502),
        ("/v3/config/paths/", Fault::json(500, &quoting), 502),
        ("/v3/config/paths/", Fault::json(401, &quoting), 502),
        ("/v3/config/paths/get", Fault::json(200, &json!("nonsense")), 502),
        ("/v3/config/paths/get", Fault::status(200), 502),
        ("/v3/config/paths/get", Fault::status(302), 502),
        ("/v3/config/paths/get", Fault::Close, 503),
    ] {
        scene.media.faults().on(part, Times::Always, fault.clone());
        let (status, detail) = problem(scene.try_open("hls").await).await;
        assert_eq!(status, expected, "{fault:?}: {detail}");
        assert!(!detail.contains("rtsp"), "{detail}");
        scene.media.faults().clear();
    }
    scene.open("hls").await;
}

#[tokio::test]
async fn the_control_api_is_told_who_asks() {
    let media = MediaMtx::start();
    media.require("playback", "pa55");
    let api = format!("--mediamtx-api-url={}", media.url());
    let arguments = [
        "--mediamtx-url=http://media.example:8888",
        &api,
        "--mediamtx-api-user=playback",
        "--mediamtx-api-password=pa55",
    ];
    let scene = Scene::with(media, &arguments, |sources| {
        Box::new(|makers| Makers { sources: Some(Arc::new(sources)), ..makers })
    })
    .await;
    scene.open("hls").await;
    scene.media.require("playback", "another");
    let (status, detail) = problem(scene.try_open("hls").await).await;
    assert_eq!(status, 502);
    assert!(detail.contains("MEDIAMTX_API_PASSWORD"), "{detail}");
}

#[tokio::test]
async fn a_vms_that_fails_is_told_from_a_camera_that_is_not_there() {
    let scene = Scene::set().await;
    for (failure, expected) in [
        (Kind::UpstreamDown, 503),
        (Kind::UpstreamLate, 504),
        (Kind::BadUpstream, 502),
        (Kind::UnknownCamera, 404),
    ] {
        scene.sources.fail(Some(failure));
        assert_eq!(problem(scene.try_open("hls").await).await.0, expected);
    }
    assert!(scene.path().is_none());
    assert_eq!(scene.server.metric("playback_active_sessions").await, 0.0);
    scene.sources.fail(None);
    let (_, session) = scene.open("hls").await;
    scene.server.delete(&session).await;
    assert!(scene.path().is_none(), "who failed to open does not watch");
}

#[tokio::test]
async fn without_sources_only_what_is_there_is_watched() {
    let media = MediaMtx::start();
    let api = format!("--mediamtx-api-url={}", media.url());
    let scene = Scene::with(media, &["--mediamtx-url=http://media.example:8888", &api], |_| {
        Box::new(|makers| makers)
    })
    .await;
    let (status, detail) = problem(scene.try_open("hls").await).await;
    assert_eq!(status, 404);
    assert!(detail.contains(PATH), "{detail}");
    scene.configure(json!({"source": "publisher"})).await;
    let (_, session) = scene.open("hls").await;
    scene.server.delete(&session).await;
    assert!(scene.path().is_some());
}

#[tokio::test]
async fn ids_and_templates_may_have_slashes() {
    let directory = Directory::with(&["site/~hall/2026/03/14/10-00-00.ts", "~x/2026/03/14/10-00-00.ts"]);
    let media = MediaMtx::start();
    let api = format!("--mediamtx-api-url={}", media.url());
    let sources = Sources::default();
    let make = sources.clone();
    let arguments = ["--mediamtx-url=https://cctv.example.com/hls", &api, "--mediamtx-path-template={id}"];
    let setup = Setup {
        make: Some(Box::new(|makers| Makers { sources: Some(Arc::new(make)), ..makers })),
        ..Setup::with(&arguments)
    };
    let server = Server::over(&directory, setup).await;
    server.read_all().await;
    let (answer, session) = opened(try_open(&server, "site/~hall", "hls").await).await;
    assert_eq!(answer["url"], "https://cctv.example.com/hls/site/~hall/index.m3u8");
    assert_eq!(media.paths().keys().collect::<Vec<_>>(), ["site/~hall"]);
    server.delete(&session).await;
    assert!(media.paths().is_empty());
    // MediaMTX would take this for a regular expression that many paths match.
    assert_eq!(problem(try_open(&server, "~x", "hls").await).await.0, 400);
    assert!(media.paths().is_empty());
}

/// The whole way: the VMS says which cameras there are and where their streams come from.
async fn with_vms(vms: &Vms, media: &MediaMtx) -> (Server, TempDir) {
    let work_dir = tempfile::tempdir().unwrap();
    let arguments = [
        "--mediamtx-url=http://media.example:8888".to_owned(),
        format!("--mediamtx-api-url={}", media.url()),
        format!("--vms-service-url={}", vms.url()),
        "--vms-timeout-seconds=1".to_owned(),
    ];
    let setup = Setup { arguments: arguments.into(), ..Setup::default() };
    (Server::start(&support::samples(), work_dir.path(), setup).await, work_dir)
}

#[tokio::test]
async fn cameras_of_a_vms_are_watched_in_both_of_its_forms() {
    for vms in [Vms::start(&["live-only"]), Vms::start_deployed(&["live-only"])] {
        let media = MediaMtx::start();
        let (server, _work_dir) = with_vms(&vms, &media).await;
        let (answer, session) = opened(try_open(&server, "live-only", "hls").await).await;
        assert_eq!(answer["url"], "http://media.example:8888/camera_live-only/index.m3u8");
        assert_eq!(
            media.paths()["camera_live-only"]["source"],
            "rtsp://operator:s3cret-of-live-only@192.0.2.7:554/stream1"
        );
        server.delete(&session).await;
        assert!(media.paths().is_empty());
        let (status, detail) = problem(try_open(&server, "cam-999", "hls").await).await;
        assert_eq!((status, detail.as_str()), (404, "There is no camera cam-999."));
        // Recorded once, and the VMS knows it no more.
        assert_eq!(problem(try_open(&server, CAMERA, "hls").await).await.0, 404);
        vms.stop();
        for camera in ["never-asked", CAMERA] {
            let (status, detail) = problem(try_open(&server, camera, "hls").await).await;
            assert_eq!(status, 503, "{camera}: {detail}");
            assert!(!detail.contains("s3cret") && detail.contains("VMS"), "{detail}");
        }
        assert_eq!(server.get_json("/health").await["status"], "degraded");
        // What was recorded plays on.
        assert_eq!(server.try_open(CAMERA, "10:00:00", "10:01:00").await.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn the_list_has_cameras_with_and_without_recordings() {
    let (vms, media) = (Vms::start_deployed(&["live-only", CAMERA]), MediaMtx::start());
    let (server, _work_dir) = with_vms(&vms, &media).await;
    server.read_all().await;
    let list = server.get_json(&format!("{API}/cameras")).await;
    let cameras: Vec<_> = list["cameras"].as_array().unwrap().iter().map(|camera| &camera["id"]).collect();
    assert_eq!(cameras, [CAMERA, "cam-002-yard", "live-only"]);
    assert_eq!(list["cameras"][0]["recordings"], 5);
    assert_eq!(list["cameras"][2]["recordings"], Value::Null);
}

#[tokio::test]
async fn the_cameras_password_is_in_no_answer_and_no_log_line() {
    let log = Log::of_this_process();
    let scene = Scene::set().await;
    scene.sources.set_password("pa55phrase-of-the-camera");
    let quoting = json!({"error": format!("bad source {}", scene.sources.url())});
    let mut said = Vec::new();
    let (answer, session) = scene.open("hls").await;
    said.push(answer.to_string());
    for (part, fault) in [
        ("", None),
        ("/v3/config/paths/get", Some(Fault::status(404))),
        ("/v3/config/paths/", Some(Fault::json(400, &quoting))),
        ("/v3/config/paths/", Some(Fault::json(500, &quoting))),
        ("/v3/config/paths/add", Some(Fault::Close)),
    ] {
        if let Some(fault) = fault {
            scene.media.faults().on(part, Times::Always, fault);
        }
        for response in [
            scene.try_open("rtsp").await,
            scene.server.get(&session).await,
            scene.server.post(&format!("{session}/extend"), json!({"duration_seconds": 60})).await,
            scene.server.get(&format!("{session}/playlist.m3u8")).await,
            scene.server.get(&format!("{API}/cameras")).await,
            scene.server.get("/health").await,
            scene.server.get("/metrics").await,
        ] {
            said.push(format!("{:?}", response.headers()));
            said.push(response.text().await.unwrap());
        }
        scene.media.faults().clear();
        scene.media.forget();
    }
    said.push(scene.server.delete(&session).await.text().await.unwrap());

    let log = log.text();
    assert!(log.contains("live session opened") && log.contains("could not be looked after"), "{log}");
    for text in said.iter().map(String::as_str).chain(log.lines()) {
        for secret in ["pa55phrase", "operator:", "192.0.2.7"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    let id = session.rsplit('/').next().unwrap();
    assert!(log.lines().all(|line| !line.contains(id)), "whoever knows an id may stop the session");
}
