//! The stand-ins answer and fail as they are told to.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use standins::{
    Content, Fault, LiveMedia, MediaMtx, Origin, Ranges, Row, Selects, StorageService, Times, Validators, Vms,
};

const KEY: &str = "cam-1/2026/03/14/10-00-00.ts";

/// In a build of the whole workspace the client has TLS in it, and wants to know whose.
fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn get(url: &str) -> Response {
    client().get(url).send().unwrap()
}

fn get_range(url: &str, range: &str) -> Response {
    client().get(url).header("range", range).send().unwrap()
}

fn rows(storage: &StorageService, path: &str) -> Value {
    get(&format!("{}/api/v1/storage/{path}", storage.url())).json().unwrap()
}

/// Half a megabyte, no two bytes of a 251-byte stretch alike.
fn content() -> Vec<u8> {
    (0..500_000_u32).map(|index| (index % 251) as u8).collect()
}

fn origin() -> Origin {
    let origin = Origin::start();
    origin.put(KEY, content());
    origin
}

#[test]
fn the_documented_storage_service_lists_and_signs() {
    let (storage, origin) = (StorageService::start(), origin());
    storage.sign_with(origin.signer());
    for hour in 8..12 {
        storage.add(Row::of("cam-1", &format!("2026-03-14T{hour:02}:00:00Z"), 3600));
    }
    let list = "segments?camera_id=cam-1&start_time=2026-03-14T09:30:00Z&end_time=2026-03-14T11:00:00Z";
    let overlapping = rows(&storage, list);
    assert_eq!(overlapping["segments"].as_array().unwrap().len(), 2);
    assert_eq!(rows(&storage, &format!("{list}&limit=1"))["segments"].as_array().unwrap().len(), 1);
    storage.answer(|answers| answers.selects = Selects::Contained);
    let contained = rows(&storage, list);
    assert_eq!(contained["segments"][0]["storage_path"], KEY);
    assert_eq!(rows(&storage, &list.replace("cam-1", "cam-2")), json!({ "segments": [] }));

    let id = contained["segments"][0]["id"].as_str().unwrap();
    let signed = rows(&storage, &format!("segments/{id}/download?expiry_seconds=60"));
    origin.behave(|behaviour| behaviour.only_signed = true);
    let url = signed["url"].as_str().unwrap();
    assert_eq!(get(url).bytes().unwrap(), content());
    assert_eq!(get(&origin.url_of(KEY)).status(), StatusCode::FORBIDDEN);
    origin.signer().expire_all();
    assert_eq!(get(url).status(), StatusCode::FORBIDDEN);
    assert_eq!((storage.lists(), storage.downloads()), (4, 1));
}

#[test]
fn the_deployed_storage_service_lists_what_lies_inside() {
    let storage = StorageService::start_deployed();
    for minute in 0..150 {
        let start = chrono::DateTime::from_timestamp(1_773_482_400 + minute * 60, 0).unwrap();
        storage.add(Row::at("site/cam-1", start, chrono::Duration::seconds(60)));
    }
    let list = |camera: &str, end: &str| {
        rows(&storage, &format!("segments/{camera}?start=2026-03-14T10:00:30Z&end=2026-03-14T{end}Z"))
    };
    assert_eq!(list("site%2Fcam-1", "10:03:30")["count"], 2);
    assert_eq!(list("site%2Fcam-1", "23:00:00")["count"], 100);
    assert_eq!(list("cam-2", "23:00:00"), json!({ "segments": null, "count": 0 }));
    storage.answer(|answers| answers.only_uuids = true);
    assert!(list("cam-2", "23:00:00")["error"]["message"].is_string());
    let bad = get(&format!("{}/api/v1/storage/segments/x?start=yesterday&end=today", storage.url()));
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(get(&format!("{}/api/v1/storage/segments?camera_id=x", storage.url())).status(), 404);
}

#[test]
fn an_origin_serves_ranges_of_memory_and_of_files() {
    let origin = origin();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("object");
    std::fs::write(&file, content()).unwrap();
    origin.put("file", file);
    for key in [KEY, "file"] {
        let url = origin.url_of(key);
        assert_eq!(get(&url).bytes().unwrap(), content());
        let part = get_range(&url, "bytes=100000-399999");
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()["content-range"], "bytes 100000-399999/500000");
        assert!(part.headers().contains_key("etag") && part.headers().contains_key("last-modified"));
        assert_eq!(part.bytes().unwrap(), content()[100_000..400_000]);
        assert_eq!(get_range(&url, "bytes=-10").bytes().unwrap(), content()[499_990..]);
        assert_eq!(get_range(&url, "bytes=500000-").status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(origin.sent_of(key), 500_000 + 300_000 + 10);
    }
    let missing = get(&origin.url_of("missing"));
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    assert!(missing.text().unwrap().contains("NoSuchKey"));
    assert_eq!(origin.requests(), 9);
    assert_eq!(origin.asked()[1].range.as_deref(), Some("bytes=100000-399999"));
}

#[test]
fn an_origin_misbehaves_as_it_is_told_to() {
    let origin = origin();
    let url = origin.url_of(KEY);
    let etag =
        |response: Response| response.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned());
    let before = etag(get(&url));
    assert_eq!(etag(get(&url)), before);
    origin.put(KEY, content());
    assert_ne!(etag(get(&url)), before);
    let stale = client().get(&url).header("if-match", before.unwrap()).send().unwrap();
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);

    origin.behave(|behaviour| behaviour.ranges = Ranges::Ignored);
    assert_eq!(get_range(&url, "bytes=0-9").status(), StatusCode::OK);
    origin.behave(|behaviour| behaviour.ranges = Ranges::Shifted);
    assert_eq!(get_range(&url, "bytes=0-9").headers()["content-range"], "bytes 1-9/500000");
    origin.behave(|behaviour| behaviour.validators = Validators::None);
    assert_eq!(etag(get(&url)), None);
    origin.behave(|behaviour| behaviour.validators = Validators::NewEachTime);
    assert_ne!(etag(get(&url)), etag(get(&url)));
}

#[test]
fn faults_come_as_often_as_they_are_ordered() {
    let origin = origin();
    let url = origin.url_of(KEY);
    let _ = client();
    let client = Client::builder().timeout(Duration::from_millis(200)).build().unwrap();
    let body = || client.get(&url).send().and_then(|response| response.bytes());

    origin.faults().once(Fault::CutAfter(1000));
    assert!(!body().unwrap_err().is_timeout());
    assert_eq!(body().unwrap(), content());
    origin.faults().once(Fault::StallAfter(1000));
    assert!(body().unwrap_err().is_timeout());
    origin.faults().once(Fault::Stall);
    assert!(body().unwrap_err().is_timeout());
    origin.faults().once(Fault::Close);
    assert!(client.get(&url).send().unwrap_err().is_request());
    origin.faults().on(KEY, Times::Next(2), Fault::s3(500, "InternalError"));
    assert_eq!([500, 500, 200].map(|_| get(&url).status().as_u16()), [500, 500, 200]);
    origin.faults().always(Fault::CutAt(Duration::ZERO));
    assert!(body().is_err() && body().is_err());
    origin.faults().clear();
    assert_eq!(body().unwrap(), content());

    origin.stop();
    assert!(body().unwrap_err().is_connect());
    origin.resume();
    assert_eq!(body().unwrap(), content());
    origin.behave(|behaviour| behaviour.bytes_per_second = Some(100_000));
    let reading = client.get(&url).send().unwrap();
    assert_eq!(origin.streaming(), 1);
    drop(reading);
}

#[test]
fn a_vms_knows_its_cameras_in_both_dialects() {
    let documented = Vms::start(&["cam-1"]);
    let camera: Value = get(&format!("{}/api/v1/vms/cameras/cam-1", documented.url())).json().unwrap();
    assert!(camera["name"] == "Camera cam-1" && camera["rtsp_url"].is_null());
    let rtsp: Value = get(&format!("{}/api/v1/vms/cameras/cam-1/rtsp", documented.url())).json().unwrap();
    assert!(rtsp["rtsp_url"].as_str().unwrap().contains("s3cret-of-cam-1"));
    assert_eq!(get(&format!("{}/api/v1/vms/cameras/cam-2", documented.url())).status(), 404);
    assert_eq!(get(&format!("{}/vms/cameras", documented.url())).status(), 404);

    let deployed = Vms::start_deployed(&["a/b", "cam-1"]);
    let list: Value = get(&format!("{}/vms/cameras", deployed.url())).json().unwrap();
    assert_eq!((list["total"].as_u64(), &list["cameras"][0]["id"]), (Some(2), &json!("a/b")));
    assert_eq!(get(&format!("{}/vms/cameras/a%2Fb/stream", deployed.url())).status(), 200);
    deployed.lose_database();
    let lost = get(&format!("{}/vms/cameras/cam-1", deployed.url()));
    assert_eq!(lost.status(), 404);
    assert!(lost.json::<Value>().unwrap()["error"]["code"].is_string());
    assert_eq!(get(&format!("{}/vms/cameras", deployed.url())).status(), 500);
}

#[test]
fn a_mediamtx_is_told_of_paths_and_forgets_them() {
    let mediamtx = MediaMtx::start();
    let call = |method: &str, path: &str, body: Value| {
        let url = format!("{}/v3/{path}", mediamtx.url());
        client().request(method.parse().unwrap(), url).json(&body).send().unwrap()
    };
    let source = json!({ "source": "rtsp://192.0.2.7/1", "sourceOnDemand": true });
    assert_eq!(call("POST", "config/paths/add/a/b", source.clone()).status(), 200);
    assert_eq!(call("POST", "config/paths/add/a/b", source).status(), 400);
    assert_eq!(
        call("PATCH", "config/paths/patch/a/b", json!({ "source": "rtsp://192.0.2.8/1" })).status(),
        200
    );
    assert_eq!(mediamtx.paths()["a/b"]["source"], "rtsp://192.0.2.8/1");
    mediamtx.set_readers("a/b", 2);
    let state: Value = call("GET", "paths/get/a/b", Value::Null).json().unwrap();
    assert!(state["available"] == false && state["readers"].as_array().unwrap().len() == 2);
    mediamtx.forget();
    assert_eq!(call("GET", "paths/get/a/b", Value::Null).status(), 404);
    assert_eq!(call("DELETE", "config/paths/delete/a/b", Value::Null).status(), 404);
    mediamtx.require("api", "password");
    assert_eq!(call("GET", "config/paths/get/a/b", Value::Null).status(), 401);
    let known = client().get(format!("{}/v3/config/paths/list", mediamtx.url()));
    assert_eq!(known.basic_auth("api", Some("password")).send().unwrap().status(), 200);
}

#[test]
fn a_mediamtx_plays_live() {
    let mediamtx = MediaMtx::start();
    let segments =
        vec![(Duration::from_secs(3600), content().into()), (Duration::from_secs(2), content().into())];
    mediamtx.play("cam", LiveMedia::of_segments(segments));
    let index = get(&format!("{}/cam/index.m3u8", mediamtx.url())).text().unwrap();
    assert!(index.ends_with("#EXT-X-STREAM-INF:BANDWIDTH=2000000\nmain_stream.m3u8\n"), "{index}");
    let playlist = get(&format!("{}/cam/main_stream.m3u8", mediamtx.url())).text().unwrap();
    assert!(playlist.contains("#EXTINF:2.00000,\nseg1.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:3600"), "{playlist}");
    assert!(!playlist.contains("PART"), "{playlist}");
    assert_eq!(get(&format!("{}/cam/seg3.ts", mediamtx.url())).bytes().unwrap(), content());
    assert_eq!(get(&format!("{}/other/index.m3u8", mediamtx.url())).status(), 404);
}

/// A sample, live in segments of six seconds with parts of one.
fn low_latency() -> LiveMedia {
    let sample = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts"
    );
    LiveMedia::low_latency(&std::fs::read(sample).unwrap().into(), Duration::from_secs(6)).unwrap()
}

#[test]
fn a_mediamtx_plays_parts_and_waits_for_the_next_one() {
    let mediamtx = MediaMtx::start();
    mediamtx.play_on_demand("cam", low_latency());
    let at = |file: &str| get(&format!("{}/cam/{file}", mediamtx.url()));
    assert_eq!(at("index.m3u8").status(), 404, "not configured");
    let url = format!("{}/v3/config/paths/add/cam", mediamtx.url());
    client().post(url).json(&json!({ "source": "rtsp://192.0.2.7/1" })).send().unwrap();
    let playlist = at("main_stream.m3u8").text().unwrap();
    for line in [
        "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3",
        "#EXT-X-PART-INF:PART-TARGET=1",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-MAP:URI=\"init.mp4\"",
        "URI=\"part3-0.mp4\",INDEPENDENT=YES",
        "URI=\"part3-1.mp4\"\n",
        "seg3.mp4\n",
    ] {
        assert!(playlist.contains(line), "{line} in\n{playlist}");
    }
    assert!(!playlist.contains("part0-"), "parts near the end only\n{playlist}");
    // The hint names what the reload waits for, and can be had by then.
    let hint = playlist.trim_end().rsplit("URI=\"").next().unwrap().trim_end_matches('"').to_owned();
    let (segment, part) = hint[4..].trim_end_matches(".mp4").split_once('-').unwrap();
    let reloaded = at(&format!("main_stream.m3u8?_HLS_msn={segment}&_HLS_part={part}")).text().unwrap();
    let is_named = |line: &str| line.starts_with("#EXT-X-PART:") && line.contains(&hint);
    assert!(reloaded.lines().any(is_named), "{hint} in\n{reloaded}");
    assert!(at(&hint).bytes().unwrap().windows(4).any(|kind| kind == b"moof"));
    // A segment is its parts.
    let parts = (0..6).map(|part| at(&format!("part3-{part}.mp4")).bytes().unwrap()).collect::<Vec<_>>();
    assert_eq!(at("seg3.mp4").bytes().unwrap(), parts.concat());
    for far in ["main_stream.m3u8?_HLS_msn=99", "main_stream.m3u8?_HLS_part=1"] {
        assert_eq!(at(far).status(), 400, "{far}");
    }
    assert_eq!(at("part99-0.mp4").status(), 404);
}

#[test]
fn a_mediamtx_knows_hls_readers_by_cookie_or_by_url() {
    let mediamtx = MediaMtx::start();
    mediamtx.play("cam", low_latency());
    mediamtx.check_cookies();
    let url = |file: &str| format!("{}/cam/{file}", mediamtx.url());
    assert_eq!(get(&url("main_stream.m3u8")).status(), 401);
    let begun = get(&url("index.m3u8"));
    assert_eq!(begun.url().query(), Some("cookieCheck=1"));
    let text = begun.text().unwrap();
    let with_session = text.lines().last().unwrap();
    let (_, session) = with_session.split_once('?').unwrap();
    let playlist = get(&url(with_session)).text().unwrap();
    assert!(playlist.contains(&format!("seg3.mp4?{session}")), "{playlist}");
    assert_eq!(get(&url(&format!("seg3.mp4?{session}"))).status(), 200);
    assert_eq!((get(&url("seg3.mp4")).status().as_u16(), mediamtx.readers("cam")), (401, 1));

    let cookie = |value: &str, file: &str| client().get(url(file)).header("cookie", value).send().unwrap();
    let begun = cookie("cookieCheck=1", "index.m3u8?cookieCheck=1");
    let session = begun.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(begun.text().unwrap().ends_with("main_stream.m3u8\n"));
    assert_eq!(cookie(&session, "main_stream.m3u8").status(), 200);
    assert_eq!(mediamtx.readers("cam"), 2);
}

#[test]
fn a_mediamtx_takes_offers_by_whep_until_they_are_deleted() {
    let mediamtx = MediaMtx::start();
    mediamtx.play("cam", low_latency());
    let whep = |path: &str, body: &'static str| {
        let url = format!("{}/{path}/whep", mediamtx.url());
        client().post(url).header("content-type", "application/sdp").body(body).send().unwrap()
    };
    assert_eq!(whep("other", "v=0").status(), 404);
    assert_eq!(whep("cam", "hello").status(), 400);
    let answer = whep("cam", "v=0\r\n");
    assert_eq!((answer.status(), mediamtx.readers("cam")), (StatusCode::CREATED, 1));
    assert_eq!(answer.headers()["content-type"], "application/sdp");
    let resource = format!("{}{}", mediamtx.url(), answer.headers()["location"].to_str().unwrap());
    assert_eq!(client().delete(&resource).send().unwrap().status(), 200);
    assert_eq!(client().delete(&resource).send().unwrap().status(), 404);
    assert_eq!((mediamtx.readers("cam"), mediamtx.offers().len()), (0, 1));
}

#[test]
fn a_directory_becomes_rows_and_objects() {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/recordings");
    let recordings = standins::directory::recordings(samples.as_ref()).unwrap();
    let length = standins::directory::usual_length(&recordings);
    assert_eq!(length.num_seconds(), 60);
    let (storage, origin) = (StorageService::start(), Origin::start());
    standins::directory::load(&recordings, length, &storage, &origin);
    let list =
        "segments?camera_id=cam-001-entrance&start_time=2026-03-14T00:00:00Z&end_time=2026-03-15T00:00:00Z";
    let listed = rows(&storage, list);
    let listed = listed["segments"].as_array().unwrap();
    assert_eq!(listed.len(), 5);
    let size = listed[0]["size_bytes"].as_u64().unwrap();
    let object = get(&origin.url_of(listed[0]["storage_path"].as_str().unwrap()));
    assert_eq!(object.bytes().unwrap().len() as u64, size);
    let _: Content = content().into();
}
