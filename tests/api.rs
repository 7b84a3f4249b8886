//! What is asked and what is answered.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use reqwest::StatusCode;
use serde_json::{Value, json};
use support::{API, CAMERA, Server, Setup};

#[tokio::test]
async fn cameras_and_what_they_recorded() {
    let (server, _work_dir) = Server::over_samples().await;
    server.read_all().await;
    let list = server.get_json(&format!("{API}/cameras")).await;
    assert_eq!(
        list["cameras"][0],
        json!({"id": CAMERA, "recordings": 5, "first": "2026-03-14T10:00:00Z", "last": "2026-03-14T10:09:00Z"})
    );
    assert_eq!(list["limits"]["max_range_seconds"], 604_800);

    let path = format!("{API}/cameras/{CAMERA}/recordings");
    let all = server.get_json(&path).await;
    let span = |start, end| json!({"start_time": start, "end_time": end});
    assert_eq!(all["recordings"].as_array().unwrap().len(), 5);
    assert_eq!(
        all["spans"],
        json!([
            span("2026-03-14T10:00:00Z", "2026-03-14T10:03:00Z"),
            span("2026-03-14T10:07:00Z", "2026-03-14T10:09:00Z")
        ])
    );
    assert_eq!(all["gaps"], json!([span("2026-03-14T10:03:00Z", "2026-03-14T10:07:00Z")]));
    let first = &all["recordings"][0];
    assert_eq!(first["id"], format!("{CAMERA}/2026/03/14/10-00-00.ts"));
    assert_eq!(first["zero"], "2026-03-14T10:00:00Z");
    assert_eq!(first["duration_seconds"], 60.0);
    assert_eq!(first["video"], json!({"codec": "h264", "width": 640, "height": 360, "frame_rate": 25.0}));
    assert_eq!(first["audio"]["codec"], "aac");

    let part = server
        .get_json(&format!("{path}?start_time=2026-03-14T10:02:59Z&end_time=2026-03-14T10:07:00Z"))
        .await;
    assert_eq!(part["recordings"].as_array().unwrap().len(), 1);
    assert_eq!(part["gaps"], json!([span("2026-03-14T10:03:00Z", "2026-03-14T10:07:00Z")]));
}

#[tokio::test]
async fn a_session_is_described_from_beginning_to_end() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:01:33.5", "10:07:20").await;
    let answer = &session.answer;
    let id = answer["session_id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 4);
    assert_eq!(answer["camera_id"], CAMERA);
    assert_eq!(answer["start_time"], "2026-03-14T10:01:33.500Z");
    assert_eq!(answer["end_time"], "2026-03-14T10:07:20Z");
    assert_eq!(answer["format"], "hls");
    assert_eq!(answer["url"], format!("{API}/sessions/{id}/playlist.m3u8"));
    assert_eq!(answer["expires_at"], "2026-03-14T13:00:00Z");
    let ids = ["10-01-00", "10-02-00", "10-07-00"].map(|name| format!("{CAMERA}/2026/03/14/{name}.ts"));
    assert_eq!(answer["segment_ids"], json!(ids));
    assert_eq!(answer["playlist_start"], "2026-03-14T10:01:30Z");
    assert_eq!(
        answer["recordings"][2],
        json!({
            "id": ids[2], "start_time": "2026-03-14T10:07:00Z", "end_time": "2026-03-14T10:07:24Z",
            "zero": "2026-03-14T10:07:00Z", "discontinuity": 2, "frame_rate": 25.0, "exact": true
        })
    );
    let gap = json!([{"start_time": "2026-03-14T10:03:00Z", "end_time": "2026-03-14T10:07:00Z"}]);
    assert_eq!(answer["gaps"], gap);
    assert_eq!(answer["left_out"], json!([]));

    server.clock.advance(60);
    assert_eq!(server.get_json(&session.path).await, *answer, "the same answer for as long as it lives");
}

#[tokio::test]
async fn both_names_open_a_session() {
    let (server, _work_dir) = Server::over_samples().await;
    let body = json!({
        "camera_id": CAMERA, "format": "hls", "ignored": [1],
        "start_time": "2026-03-14T12:00:00+02:00", "end_time": "2026-03-14T12:00:10+02:00",
    });
    let start = server.post(&format!("{API}/start"), body.clone()).await;
    assert_eq!(start.status(), StatusCode::CREATED);
    let location = start.headers()["location"].to_str().unwrap().to_owned();
    let answer: Value = start.json().await.unwrap();
    assert_eq!(location, format!("{API}/sessions/{}", answer["session_id"].as_str().unwrap()));
    assert_eq!(answer["start_time"], "2026-03-14T10:00:00Z");
    assert_eq!(server.post(&format!("{API}/request"), body).await.status(), StatusCode::OK);
}

/// Everything that is an error is a problem, and says the same to clients that read `error` or `message`.
async fn problem(response: reqwest::Response, status: u16, kind: &str) -> Value {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(response.headers().contains_key("x-request-id"));
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["type"], format!("urn:playback-service:problem:{kind}"));
    assert_eq!(problem["status"], status);
    for text in ["title", "detail", "error", "message"] {
        assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{text}");
    }
    problem
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_named() {
    let (server, _work_dir) = Server::over_samples().await;
    for (start, end, field) in [
        ("10:00:00", "10:00:00", "end_time"),
        ("10:00:01", "10:00:00", "end_time"),
        ("25:00:00", "10:00:00", "start_time"),
    ] {
        let problem = problem(server.try_open(CAMERA, start, end).await, 400, "invalid-request").await;
        assert_eq!(problem["field"], field);
    }
    let too_long = json!({
        "camera_id": CAMERA, "start_time": "2026-03-01T00:00:00Z", "end_time": "2026-03-08T00:00:01Z", "format": "hls"
    });
    let too_long =
        problem(server.post(&format!("{API}/start"), too_long).await, 400, "invalid-request").await;
    assert_eq!(too_long["field"], "end_time");
    assert!(too_long["detail"].as_str().unwrap().contains("604800"));

    let tricks =
        problem(server.try_open("../etc", "10:00:00", "10:01:00").await, 400, "invalid-request").await;
    assert_eq!(tricks["field"], "camera_id");
    let tricks = server.get(&format!("{API}/cameras/..%2F..%2Fetc/recordings")).await;
    assert_eq!(problem(tricks, 400, "invalid-request").await["field"], "camera_id");

    let client = &server.client;
    let not_json = client.post(server.url(&format!("{API}/start"))).body("{").send().await.unwrap();
    problem(not_json, 400, "invalid-request").await;
    let long =
        client.post(server.url(&format!("{API}/start"))).body(vec![b' '; 70_000]).send().await.unwrap();
    problem(long, 413, "too-large").await;
    problem(server.get("/nowhere").await, 404, "unknown-route").await;
    problem(server.get("/assets/none.js").await, 404, "unknown-route").await;
    let method = server.delete(&format!("{API}/start")).await;
    assert_eq!(method.headers()["allow"], "POST");
    problem(method, 405, "method-not-allowed").await;
}

#[tokio::test]
async fn an_unknown_camera_and_an_empty_range_are_two_things() {
    let (server, _work_dir) = Server::over_samples().await;
    server.read_all().await;
    problem(server.try_open("cam-9", "10:00:00", "10:01:00").await, 404, "unknown-camera").await;
    problem(server.get(&format!("{API}/cameras/cam-9/recordings")).await, 404, "unknown-camera").await;

    let nothing =
        problem(server.try_open(CAMERA, "10:03:00", "10:07:00").await, 404, "nothing-recorded").await;
    let span = |start, end| json!({"start_time": start, "end_time": end});
    assert_eq!(
        nothing["nearest"],
        json!({
            "before": span("2026-03-14T10:00:00Z", "2026-03-14T10:03:00Z"),
            "after": span("2026-03-14T10:07:00Z", "2026-03-14T10:09:00Z"),
        })
    );
    let text = nothing["detail"].as_str().unwrap();
    assert!(text.contains("2026-03-14T10:03:00Z") && text.contains("2026-03-14T10:07:00Z"), "{text}");

    let before =
        problem(server.try_open(CAMERA, "09:00:00", "10:00:00").await, 404, "nothing-recorded").await;
    assert_eq!(before["nearest"]["before"], Value::Null);
}

#[tokio::test]
async fn sessions_end_unless_they_are_used() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let expires =
        || async { server.get_json(&session.path).await["expires_at"].as_str().unwrap().to_owned() };

    server.clock.advance(1799);
    session.playlist().await;
    assert_eq!(expires().await, "2026-03-14T13:00:00Z", "the first half of its life renews nothing");
    server.clock.advance(2);
    session.segment(0).await;
    assert_eq!(expires().await, "2026-03-14T13:30:01Z", "the second half does");
    server.clock.advance(3600);
    for path in [session.path.clone(), format!("{}/playlist.m3u8", session.path), session.segment_path(0)] {
        problem(server.get(&path).await, 404, "unknown-session").await;
    }
    assert_eq!(server.metric("playback_active_sessions").await, 0.0);
}

#[tokio::test]
async fn playing_renews_for_a_day_at_most() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    for _ in 0..47 {
        server.clock.advance(1801);
        session.playlist().await;
    }
    let last = server.get_json(&session.path).await["expires_at"].clone();
    assert_eq!(last, "2026-03-15T12:00:00Z");
    server.clock.advance(1801);
    problem(server.get(&session.path).await, 404, "unknown-session").await;
}

#[tokio::test]
async fn sessions_are_extended_and_stopped() {
    let (server, _work_dir) = Server::over_samples().await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let extend = format!("{}/extend", session.path);
    let extended: Value = server.post(&extend, json!({"duration_seconds": 7200})).await.json().await.unwrap();
    assert_eq!(extended, json!({"status": "extended", "expires_at": "2026-03-14T14:00:00Z"}));
    let shorter: Value = server.post(&extend, json!({"duration_seconds": 1})).await.json().await.unwrap();
    assert_eq!(shorter["expires_at"], "2026-03-14T14:00:00Z", "to extend never shortens");
    for wrong in [json!(0), json!(86_401), json!("60"), json!(null)] {
        let answer = server.post(&extend, json!({"duration_seconds": wrong})).await;
        assert_eq!(problem(answer, 400, "invalid-request").await["field"], "duration_seconds");
    }

    assert_eq!(server.metric("playback_active_sessions").await, 1.0);
    let stopped: Value = server.delete(&session.path).await.json().await.unwrap();
    assert_eq!(stopped, json!({"status": "stopped"}));
    problem(server.delete(&session.path).await, 404, "unknown-session").await;
    problem(server.post(&extend, json!({"duration_seconds": 60})).await, 404, "unknown-session").await;
    problem(server.get(&session.segment_path(0)).await, 404, "unknown-session").await;
    problem(server.get(&format!("{API}/sessions/not-a-uuid")).await, 404, "unknown-session").await;
}

#[tokio::test]
async fn too_many_sessions_are_refused_for_now() {
    let work_dir = tempfile::tempdir().unwrap();
    let setup = Setup::with(&["--max-sessions", "2"]);
    let server = Server::start(&support::samples(), work_dir.path(), setup).await;
    let first = server.open(CAMERA, "10:00:00", "10:01:00").await;
    server.open(CAMERA, "10:00:00", "10:01:00").await;
    let full = server.try_open(CAMERA, "10:00:00", "10:01:00").await;
    assert!(full.headers().contains_key("retry-after"));
    problem(full, 503, "busy").await;
    server.delete(&first.path).await;
    server.open(CAMERA, "10:00:00", "10:01:00").await;
}

#[tokio::test]
async fn request_ids_are_taken_if_they_make_sense() {
    let (server, _work_dir) = Server::over_samples().await;
    let send = async |id: &'static str| {
        let request = server.client.get(server.url("/livez")).header("x-request-id", id);
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned()
    };
    assert_eq!(send("trace-7.a_B").await, "trace-7.a_B");
    for strange in ["", "a b", "a\"b", "x".repeat(65).leak()] {
        let made = send(strange).await;
        assert_eq!(made.len(), 32, "{made}");
    }
}

#[tokio::test]
async fn other_origins_need_permission() {
    let preflight = |server: &Server, origin: &'static str| {
        let request = server.client.request(reqwest::Method::OPTIONS, server.url(&format!("{API}/start")));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "content-type").send()
    };
    let (server, _work_dir) = Server::over_samples().await;
    let closed = preflight(&server, "https://cctv.example").await.unwrap();
    assert!(!closed.headers().contains_key("access-control-allow-origin"));

    let work_dir = tempfile::tempdir().unwrap();
    let setup = Setup::with(&["--cors-allowed-origins", "https://cctv.example"]);
    let server = Server::start(&support::samples(), work_dir.path(), setup).await;
    let open = preflight(&server, "https://cctv.example").await.unwrap();
    assert_eq!(open.headers()["access-control-allow-origin"], "https://cctv.example");
    let other = preflight(&server, "https://evil.example").await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn urls_follow_the_public_base() {
    let work_dir = tempfile::tempdir().unwrap();
    let setup = Setup::with(&["--public-base-url", "https://cctv.example/archive/"]);
    let server = Server::start(&support::samples(), work_dir.path(), setup).await;
    let session = server.open(CAMERA, "10:00:00", "10:01:00").await;
    let url = session.answer["url"].as_str().unwrap();
    assert!(url.starts_with("https://cctv.example/archive/api/v1/playback/sessions/"), "{url}");
}

#[tokio::test]
async fn the_page_is_there() {
    let (server, _work_dir) = Server::over_samples().await;
    let page = server.get("/").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'self'") && policy.contains("media-src 'self' blob:"), "{policy}");
    let etag = page.headers()["etag"].clone();
    let again = server.client.get(server.url("/")).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(server.get("/assets/style.css").await.headers()["content-type"], "text/css; charset=utf-8");
}

#[tokio::test]
async fn machines_can_ask() {
    let (server, _work_dir) = Server::over_samples().await;
    server.open(CAMERA, "10:00:00", "10:01:00").await.segment(0).await;
    assert_eq!(server.get_json("/health").await["status"], "healthy");
    assert_eq!(server.get("/livez").await.status(), StatusCode::OK);
    assert_eq!(server.metric("playback_active_sessions").await, 1.0);
    assert_eq!(server.metric("playback_transmux_failures_total").await, 0.0);
    assert_eq!(server.metric("playback_transmux_duration_seconds_count").await, 1.0);
    assert!(server.metric("playback_requests_total{status=\"201\"}").await >= 1.0);
    for name in ["hits", "misses", "evictions"] {
        server.metric(&format!("playback_cache_{name}_total{{cache=\"index\"}}")).await;
    }
    if cfg!(target_os = "linux") {
        server.metric("process_cpu_seconds_total").await;
    }
}

#[tokio::test]
async fn a_directory_that_is_away_degrades() {
    let directory = support::Directory::empty();
    std::fs::remove_dir(directory.root()).unwrap();
    let server = Server::over(&directory, Setup::default()).await;
    server.recordings.walk().await;
    let health = server.get_json("/health").await;
    assert_eq!(health["status"], "degraded");
    assert!(health["upstreams"]["recordings"].as_str().unwrap().contains("cannot be listed"));

    std::fs::create_dir(directory.root()).unwrap();
    server.recordings.walk().await;
    assert_eq!(server.get_json("/health").await["status"], "healthy");
}

#[tokio::test]
async fn the_api_describes_itself() {
    let (server, _work_dir) = Server::over_samples().await;
    let answer = server.get("/openapi.json").await;
    assert_eq!(
        (answer.status(), &answer.headers()["content-type"]),
        (StatusCode::OK, &"application/json".parse().unwrap())
    );
    let document: Value = answer.json().await.unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let start = &document["paths"][format!("{API}/start")]["post"];
    let example = document["components"]["schemas"]["StartRequest"]["example"].clone();
    assert_eq!(server.post(&format!("{API}/start"), example).await.status(), StatusCode::CREATED);
    assert!(start["responses"]["201"]["headers"]["Location"].is_object());
}
