//! Users and passwords of cameras go from the VMS to the media server, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use playback_service::adapters::vms::{Settings, Vms};
use playback_service::clock::SystemClock;
use playback_service::live::Makers;
use playback_service::metrics::Metrics;
use playback_service::playback::Ports;
use serde_json::{Value, json};
use standins::{Fault, MediaMtx, Vms as StandIn};
use support::log::Log;
use support::{API, CAMERA, Server, Setup};

/// What the stand-in's cameras are asked with.
const SECRETS: [&str; 3] = ["s3cret", "operator:", "192.0.2.7"];

struct Scene {
    server: Server,
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
        self.seen += &format!("{:?}\n{}\n", response.headers(), response.text().await.unwrap());
    }

    async fn watch(&mut self, camera: &str, format: &str) -> (u16, Value) {
        self.post("/live", json!({ "camera_id": camera, "format": format })).await
    }

    async fn play(&mut self, camera: &str) -> u16 {
        let (start, end) = ("2026-03-14T10:00:00Z", "2026-03-14T10:01:00Z");
        let body = json!({ "camera_id": camera, "format": "hls", "start_time": start, "end_time": end });
        self.post("/start", body).await.0
    }
}

fn setup(vms: &StandIn, media: &MediaMtx) -> Setup {
    let settings = Settings {
        url: vms.url(),
        dialect: None,
        connect: Duration::from_secs(1),
        answer: Duration::from_millis(800),
    };
    let adapter = Arc::new(Vms::new(settings, Arc::new(SystemClock), Arc::new(Metrics::new())));
    let cameras = Arc::clone(&adapter);
    let api = format!("--mediamtx-api-url={}", media.url());
    Setup {
        wire: Some(Box::new(|ports| Ports { cameras, ..ports })),
        make: Some(Box::new(|makers| Makers { sources: Some(adapter), ..makers })),
        ..Setup::with(&["--mediamtx-url=http://media.example:8888", &api])
    }
}

/// One test: the log belongs to the whole process.
#[tokio::test]
async fn credentials_of_cameras_never_come_out() {
    let log = Log::of_this_process();
    let cameras = [CAMERA, "cam-2", "cam-3", "cam-4"];
    for vms in [StandIn::start(&cameras), StandIn::start_deployed(&cameras)] {
        let media = MediaMtx::start();
        let work_dir = tempfile::tempdir().unwrap();
        let server = Server::start(&support::samples(), work_dir.path(), setup(&vms, &media)).await;
        let mut scene = Scene { server, seen: String::new() };

        for format in ["hls", "rtsp", "webrtc"] {
            let (status, session) = scene.watch(CAMERA, format).await;
            assert_eq!(status, 201, "{session}");
            scene.get(&format!("{API}/sessions/{}", session["session_id"].as_str().unwrap())).await;
        }
        let path = &media.paths()[&format!("camera_{CAMERA}")];
        assert!(path["source"].as_str().unwrap().contains("s3cret"), "the media server was told");
        assert_eq!(scene.play(CAMERA).await, 201);
        assert_eq!(scene.play("cam-9").await, 404);
        assert_eq!(scene.play("cam-2").await, 404, "nothing recorded");
        scene.get(&format!("{API}/cameras")).await;

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
            vms.faults().clear();
        }
        media.faults().always(Fault::json(400, &leak));
        assert_eq!(scene.watch("cam-2", "hls").await.0, 502);
        media.faults().clear();

        vms.stop();
        assert_eq!(scene.play(CAMERA).await, 201, "a camera that was known");
        assert_eq!(scene.play("cam-8").await, 503, "one that may be there");
        for path in ["/health", "/metrics"] {
            scene.get(path).await;
        }
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
