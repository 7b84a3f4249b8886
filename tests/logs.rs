//! What is in the log, and what never is.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use serde_json::{Value, json};
use support::log::Log;
use support::{API, CAMERA, Server};

/// One test: the log belongs to the whole process.
#[tokio::test]
async fn requests_can_be_followed_and_sessions_cannot_be_played_from_the_log() {
    let log = Log::of_this_process();
    let (server, _work_dir) = Server::over_samples().await;
    let body = json!({
        "camera_id": CAMERA, "format": "hls",
        "start_time": "2026-03-14T10:00:00Z", "end_time": "2026-03-14T10:01:00Z",
    });
    let request = server.client.post(server.url(&format!("{API}/start"))).header("x-request-id", "follow-me");
    let answer: Value = request.json(&body).send().await.unwrap().json().await.unwrap();
    let id = answer["session_id"].as_str().unwrap();
    let session = format!("{API}/sessions/{id}");
    for path in ["", "/playlist.m3u8", "/segment/0.ts", "/segment/99.ts", "/segment/x.ts", "/nothing"] {
        server.get(&format!("{session}{path}")).await.bytes().await.unwrap();
    }
    server.post(&format!("{session}/extend"), json!({"duration_seconds": 60})).await;
    server.delete(&session).await;

    // Our own lines; a library's trace of a connection is not switched on by any level that makes sense.
    let lines = log.lines();
    let followed: Vec<&Value> =
        lines.iter().filter(|line| line["span"]["request_id"] == "follow-me").collect();
    let messages: Vec<&str> = followed.iter().filter_map(|line| line["message"].as_str()).collect();
    assert!(messages.contains(&"session opened") && messages.contains(&"answered"), "{messages:?}");
    let hash = followed.iter().find_map(|line| line["span"]["session"].as_str()).unwrap();
    assert_eq!(hash.len(), 8);
    let of_session = lines.iter().filter(|line| line["span"]["session"] == hash).count();
    assert!(of_session >= 8, "{of_session}");
    for line in &lines {
        let text = line.to_string();
        assert!(!text.contains(id) && !text.contains(&id.replace('-', "")), "{text}");
    }
}
