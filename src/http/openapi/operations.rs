//! The table of routes once more, with what each takes and answers. A test compares it with the router.

use utoipa::PartialSchema;
use utoipa::openapi::ResponseBuilder;
use utoipa::openapi::path::HttpMethod::{self, Delete, Get, Head, Post};
use utoipa::openapi::path::Parameter;

use super::super::API;
use super::super::cache::Stats;
use super::super::health::Health;
use super::super::ingest::{Accepted, Noted};
use super::super::json::{CameraList, LiveStream, Session, Status, Timeline};
use super::parts::{Entry, answer, header, in_head, in_path, in_query, link, media};
use super::shapes::{self, EventRequest, ExtendRequest, IndexRequest, LiveRequest, StartRequest};

/// Every operation.
pub(super) fn all() -> Vec<Entry> {
    [opening(), sessions(), segments(), cameras(), ingest(), service()].into_iter().flatten().collect()
}

/// Who serves, and what a session was opened from, may be away, late, or of no use.
const UPSTREAM: &[u16] = &[502, 503, 504];

fn api(method: HttpMethod, path: &str, id: &str, summary: &str) -> Entry {
    Entry::new(method, format!("{API}{path}"), id, summary)
}

fn opening() -> Vec<Entry> {
    let start = |path, id, status, summary| {
        api(Post, path, id, summary)
            .about("sessions")
            .takes::<StartRequest>()
            .answers_json::<Session<'static>>(status, playable(opened()))
            .fails(&[400, 404, 410, 413])
            .fails(UPSTREAM)
    };
    vec![
        start("/start", "start", 201, "Open a session over a recorded range"),
        start("/request", "request", 200, "The older name of start"),
        api(Post, "/live", "live", "Open a session that watches a camera live")
            .about("sessions")
            .takes::<LiveRequest>()
            .answers_json::<LiveStream<'static>>(201, opened())
            .fails(&[400, 404, 413])
            .fails(UPSTREAM),
    ]
}

/// A session that was opened, with what can be done with it.
fn opened() -> ResponseBuilder {
    answer("The session")
        .header("Location", header("Where the session is found", String::schema()))
        .link("show", link("showSession", None))
        .link("extend", link("extendSession", None))
        .link("stop", link("stopSession", None))
}

/// What only a session over a recorded range has.
fn playable(opened: ResponseBuilder) -> ResponseBuilder {
    opened
        .link("playlist", link("playlist", None))
        .link("segment", link("segment", Some("0.ts")))
        .link("initialization", link("initialization", Some("0.mp4")))
}

fn ingest() -> Vec<Entry> {
    let post = |path, id, summary| {
        api(Post, path, id, summary)
            .about("ingest")
            .described("With `Authorization: Bearer` and the secret of `INGEST_SECRET`.")
            .fails(&[400, 401, 403, 413])
            .fails(UPSTREAM)
    };
    vec![
        post("/index", "index", "Have the recordings of a range indexed")
            .takes::<IndexRequest>()
            .answers_json::<Accepted>(202, answer("So many are read in the background")),
        post("/index/minio", "indexEvent", "The same, as a bucket notification of MinIO")
            .takes::<EventRequest>()
            .answers_json::<Noted>(202, answer("So many are read in the background")),
    ]
}

fn sessions() -> Vec<Entry> {
    let in_session = |method, path: &str, id, summary| {
        let path = format!("/sessions/{{id}}{path}");
        api(method, &path, id, summary).about("sessions").with(session()).fails(&[400, 404]).fails(UPSTREAM)
    };
    vec![
        in_session(Get, "", "showSession", "Show a session, as it was opened, with its present end")
            .answers_either::<Session<'static>, LiveStream<'static>>(answer("The session, of either kind")),
        in_session(Delete, "", "stopSession", "Stop a session")
            .answers_json::<Status>(200, answer("It is stopped")),
        in_session(Post, "/extend", "extendSession", "Keep a session for longer; never shortens it")
            .takes::<ExtendRequest>()
            .answers_json::<Status>(200, answer("It lives at least so long"))
            .fails(&[413]),
        in_session(Get, "/playlist.m3u8", "playlist", "The playlist of a session over a recorded range")
            .described("In the second half of a session's life this renews it, as every segment does.")
            .answers(200, answer("An HLS playlist").content("application/vnd.apple.mpegurl", media()))
            .fails(&[410]),
    ]
}

fn session() -> Parameter {
    in_path("id", "The session", shapes::session_id())
}

fn segments() -> Vec<Entry> {
    let segment = |method, id, summary| {
        let found = answer("The segment").header("ETag", etag());
        let found = match method {
            Head => found,
            _ => found.content("video/mp2t", media()).content("video/mp4", media()),
        };
        let file = in_path(
            "file",
            "The number of the segment, from 0 on, and how it is packed",
            shapes::segment_file(),
        );
        of_session(method, "segment", id, summary).with(file).answers(200, found)
    };
    let initialization = |method, id, summary| {
        let found = answer("The initialization segment").header("ETag", etag());
        let found = if matches!(method, Head) { found } else { found.content("video/mp4", media()) };
        let file = in_path("file", "The number of the stretch, from 0 on", shapes::initialization_file());
        of_session(method, "init", id, summary).with(file).answers(200, found)
    };
    vec![
        segment(Get, "segment", "A segment"),
        segment(Head, "segmentHead", "Whether there is such a segment"),
        initialization(
            Get,
            "initialization",
            "What comes before the segments of a stretch in fragmented MP4",
        ),
        initialization(Head, "initializationHead", "Whether there is such an initialization segment"),
    ]
}

fn of_session(method: HttpMethod, folder: &str, id: &str, summary: &str) -> Entry {
    api(method, &format!("/sessions/{{id}}/{folder}/{{file}}"), id, summary)
        .about("segments")
        .with(session())
        .with(in_head("If-None-Match", "An ETag of before", shapes::etag()))
        .answers(304, answer("What the client has is what there is").header("ETag", etag()))
        .fails(&[400, 404, 410])
        .fails(UPSTREAM)
}

fn etag() -> utoipa::openapi::Header {
    header("What tells its bytes from others", shapes::etag())
}

fn cameras() -> Vec<Entry> {
    let camera = in_path("id", "The camera; a slash in it is written %2F", shapes::camera_id());
    vec![
        api(Get, "/cameras", "cameras", "All cameras, and from when to when there is footage")
            .about("cameras")
            .answers_json::<CameraList>(200, answer("The cameras"))
            .fails(UPSTREAM),
        api(
            Get,
            "/cameras/{id}/recordings",
            "recordings",
            "What a camera recorded, and what of it cannot be read",
        )
        .about("cameras")
        .with(camera)
        .with(in_query("start_time", "From when on; without it from the first", shapes::moment()))
        .with(in_query("end_time", "Up to when; without it up to the last", shapes::moment()))
        .answers_json::<Timeline<'static>>(200, answer("The recordings"))
        .fails(&[400, 404])
        .fails(UPSTREAM),
    ]
}

fn service() -> Vec<Entry> {
    let root = |path: &str, id, summary| Entry::new(Get, path.to_owned(), id, summary).about("service");
    let text = |content_type| answer("As text").content(content_type, media());
    vec![
        api(Get, "/cache/stats", "cacheStats", "What is kept of segments")
            .about("service")
            .answers_json::<Stats>(200, answer("In memory and on the disk")),
        root("/health", "health", "Whether the service and what it depends on are well")
            .answers_json::<Health>(200, answer("It serves; degraded where something is away"))
            .answers_json::<Health>(503, answer("It is starting or going")),
        root("/livez", "livez", "Whether the process answers")
            .answers(200, text("text/plain; charset=utf-8")),
        root("/metrics", "metrics", "Metrics for Prometheus").answers(200, text(METRICS)),
        root("/openapi.json", "openapi", "This document")
            .answers(200, answer("OpenAPI 3.1").content("application/json", media())),
    ]
}

const METRICS: &str = "text/plain; version=0.0.4";
