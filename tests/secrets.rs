//! Users and passwords of cameras go from the VMS to the media server, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::sync::Arc;

use clap::Parser;
use playback_service::app;
use playback_service::clock::SystemClock;
use playback_service::config::Config;
use serde_json::{Value, json};
use standins::{Fault, MediaMtx, Vms as StandIn};
use support::log::Log;
use support::{API, CAMERA, Server, Setup};

/// What the stand-in's cameras are asked with.
const SECRETS: [&str; 3] = ["s3cret", "operator:", "192.0.2.7"];

struct Scene {
    server: Server,
    arguments: Vec<String>,
    seen: String,
}

impl Scene {
    async fn post(&mut self, path: &str, body: Value) -> (u16, Value) {
        let response = self.server.post(&format!("{API}{path}"), body).await;
        let (status, head) = (response.status().as_u16(), format!("{:?}", response.headers()));
        let text = response.text().await.unwrap();
        self.seen += &format!("{status} {head}\n{text}\n");
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    async fn get(&mut self, path: &str) {
        let response = self.server.get(path).await;
        self.seen += &format!("{:?}\n", response.headers());
        self.seen += &response.text().await.unwrap();
    }

    /// Everything that there is to be seen besides sessions.
    async fn look_around(&mut self) {
        for path in [
            "/",
            "/health",
            "/livez",
            "/metrics",
            "/openapi.json",
            &format!("{API}/cameras"),
            &format!(
                "{API}/cameras/{CAMERA}/recordings?start_time=2026-03-14T10:00:00Z&end_time=2026-03-14T10:02:00Z"
            ),
            &format!("{API}/cache/stats"),
            &format!("{API}/nothing"),
        ] {
            self.get(path).await;
        }
    }

    /// What of a session is to be seen, and that it can be extended.
    async fn look_at(&mut self, session: &Value) {
        let path = format!("/sessions/{}", session["session_id"].as_str().unwrap());
        for file in ["", "/playlist.m3u8", "/segment/0.ts", "/segment/x.ts"] {
            self.get(&format!("{API}{path}{file}")).await;
        }
        self.post(&format!("{path}/extend"), json!({ "duration_seconds": 60 })).await;
    }

    /// Stops a session, which takes its path down.
    async fn stop(&mut self, session: &Value) {
        let path = format!("{API}/sessions/{}", session["session_id"].as_str().unwrap());
        self.seen += &self.server.delete(&path).await.text().await.unwrap();
    }

    /// `playback-service check`
    async fn check(&mut self) -> usize {
        let config = Config::try_parse_from(
            std::iter::once("playback-service").chain(self.arguments.iter().map(String::as_str)),
        );
        let findings = app::check(&config.unwrap(), Arc::new(SystemClock)).await;
        for finding in &findings {
            self.seen += &format!("{finding}\n{finding:?}\n");
        }
        findings.iter().filter(|finding| !finding.is_ok()).count()
    }

    async fn watch(&mut self, camera: &str, format: &str) -> (u16, Value) {
        self.post("/live", json!({ "camera_id": camera, "format": format })).await
    }

    async fn play(&mut self, camera: &str) -> u16 {
        let (start, end) = ("2026-03-14T10:00:00Z", "2026-03-14T10:01:00Z");
        let body = json!({ "camera_id": camera, "format": "hls", "start_time": start, "end_time": end });
        let (status, session) = self.post("/start", body).await;
        if status == 201 {
            self.look_at(&session).await;
        }
        status
    }
}

fn setup(vms: &StandIn, media: &MediaMtx) -> Setup {
    let (vms, api) =
        (format!("--vms-service-url={}", vms.url()), format!("--mediamtx-api-url={}", media.url()));
    Setup::with(&[&vms, "--vms-timeout-seconds=1", "--mediamtx-url=http://media.example:8888", &api])
}

/// One test: the log belongs to the whole process.
#[tokio::test]
async fn credentials_of_cameras_never_come_out() {
    let log = Log::of_this_process();
    let cameras = [CAMERA, "cam-2", "cam-3", "cam-4"];
    for vms in [StandIn::start(&cameras), StandIn::start_deployed(&cameras)] {
        let media = MediaMtx::start();
        let work_dir = tempfile::tempdir().unwrap();
        let setup = setup(&vms, &media);
        let arguments = setup.arguments.clone();
        let server = Server::start(&support::samples(), work_dir.path(), setup).await;
        let mut scene = Scene { server, arguments, seen: String::new() };
        let mut sessions = Vec::new();
        for format in ["hls", "rtsp", "webrtc"] {
            let (status, session) = scene.watch(CAMERA, format).await;
            assert_eq!(status, 201, "{session}");
            scene.look_at(&session).await;
            sessions.push(session);
        }
        let path = &media.paths()[&format!("camera_{CAMERA}")];
        assert!(path["source"].as_str().unwrap().contains("s3cret"), "the media server was told");
        assert_eq!(scene.play(CAMERA).await, 201);
        assert_eq!(scene.play("cam-9").await, 404);
        assert_eq!(scene.play("cam-2").await, 404, "nothing recorded");
        scene.look_around().await;
        assert_eq!(scene.check().await, 0, "{}", scene.seen);

        let leak = json!({ "error": { "message": "lost rtsp://operator:s3cret@192.0.2.7/1", "code": "operator:s3cret" } });
        for (camera, fault, expected) in [
            ("cam-3", Fault::json(500, &leak), 502),
            ("cam-3", Fault::json(200, &json!({ "rtsp_url": "http://operator:s3cret@192.0.2.7/" })), 502),
            (
                "cam-3",
                Fault::json(200, &json!({ "rtsp_url": "rtsp://operator:s3 cret@192.0.2.7/ s3cret" })),
                502,
            ),
            ("cam-4", Fault::json(200, &json!("rtsp://operator:s3cret@192.0.2.7/")), 502),
            ("cam-4", Fault::Stall, 504),
        ] {
            vms.faults().always(fault.clone());
            assert_eq!(scene.watch(camera, "hls").await.0, expected, "{fault:?}");
            scene.look_around().await;
            scene.check().await;
            vms.faults().clear();
        }
        // A MediaMTX that quotes the source back, whatever it is asked for.
        for status in [200, 400, 401, 500] {
            media.faults().always(Fault::json(status, &leak));
            assert_eq!(scene.watch("cam-2", "hls").await.0, 502, "{status}");
            scene.look_at(&sessions[0]).await;
            scene.look_around().await;
            assert_eq!(scene.check().await, 1, "{status}");
            scene.stop(&sessions.pop().unwrap_or_default()).await;
            media.faults().clear();
            sessions.insert(0, scene.watch(CAMERA, "hls").await.1);
        }

        vms.stop();
        assert_eq!(scene.play(CAMERA).await, 201, "a camera that was known");
        assert_eq!(scene.play("cam-8").await, 503, "one that may be there");
        scene.look_around().await;
        assert!(
            scene.seen.contains(r#""vms":"The VMS cannot be reached"#) && scene.seen.contains("degraded")
        );
        for secret in SECRETS {
            assert!(!scene.seen.contains(secret), "{secret} in an answer:\n{}", scene.seen);
        }
    }
    let log = log.text();
    assert!(log.contains("the media server") || log.contains("session opened"), "something was logged");
    for secret in SECRETS {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} in the log: {line:?}");
    }
}
