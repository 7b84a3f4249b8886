//! What readers get: a live HLS playlist out of given segments, over and over, and a WHEP end point that negotiates nothing.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::Shared;
use crate::lock;

/// Segments that are played live, round and round.
#[derive(Debug, Clone)]
pub struct LiveMedia {
    /// Of fragmented MP4: the initialization segment. Without one the segments are transport streams.
    pub init: Option<Bytes>,
    /// How long each plays, and its bytes.
    pub segments: Vec<(Duration, Bytes)>,
}

/// How many segments a playlist names.
const WINDOW: u64 = 4;

/// Everything that is not the API's.
pub(super) async fn read(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let cookies = request.headers().contains_key(header::COOKIE);
    let mut response = route(&shared, &method, &uri, cookies);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, GET, POST, PATCH, DELETE"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Link, Location"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        response.headers_mut().insert::<HeaderName>(name, HeaderValue::from_static(value));
    }
    response
}

fn route(shared: &Shared, method: &Method, uri: &Uri, cookies: bool) -> Response {
    if *method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let path = percent_decode_str(uri.path()).decode_utf8_lossy();
    let Some((name, file)) = path.trim_start_matches('/').rsplit_once('/') else { return nobody() };
    let media = lock(&shared.media).get(name).cloned();
    match (method, file, media) {
        (&Method::POST, "whep", _) => whep(shared, name),
        (&Method::GET, "index.m3u8", Some(_)) if must_check(shared, uri, cookies) => check_cookies(uri),
        (&Method::GET, "index.m3u8", Some(media)) => playlist(&media, shared.began.elapsed()),
        (&Method::GET, file, Some(media)) => media.file(file),
        _ => nobody(),
    }
}

fn must_check(shared: &Shared, uri: &Uri, cookies: bool) -> bool {
    let checked = uri.query().is_some_and(|query| query.contains("cookieCheck="));
    lock(&shared.behaviour).cookie_check && !checked && !cookies
}

fn check_cookies(uri: &Uri) -> Response {
    let location = format!("{}?cookieCheck=1", uri.path());
    let headers = [(header::LOCATION, location), (header::SET_COOKIE, "cookieCheck=1; Path=/".to_owned())];
    (StatusCode::FOUND, headers).into_response()
}

/// As much as shows that somebody asked at the right place; there is no media behind it.
fn whep(shared: &Shared, name: &str) -> Response {
    if !lock(&shared.configured).contains_key(name) && !lock(&shared.media).contains_key(name) {
        return nobody();
    }
    let headers = [
        (header::CONTENT_TYPE, "application/sdp".to_owned()),
        (header::LOCATION, format!("/{name}/whep/1f2e3d4c")),
    ];
    let answer = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    (StatusCode::CREATED, headers, answer).into_response()
}

fn nobody() -> Response {
    (StatusCode::NOT_FOUND, "no stream is available on this path").into_response()
}

/// What is in the window after so long. The first segments are there from the beginning.
fn playlist(media: &LiveMedia, elapsed: Duration) -> Response {
    let longest = media.segments.iter().map(|(duration, _)| duration.as_secs_f64().ceil() as u64).max();
    let last = WINDOW + media.complete_after(elapsed);
    let first = last - WINDOW;
    let count = (media.segments.len() as u64).max(1);
    let extension = if media.init.is_some() { "mp4" } else { "ts" };
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{first}\n\
         #EXT-X-DISCONTINUITY-SEQUENCE:{}\n",
        longest.unwrap_or(1).max(1),
        // How often a round began before the window does.
        first.saturating_sub(1) / count
    );
    if media.init.is_some() {
        text += "#EXT-X-MAP:URI=\"init.mp4\"\n";
    }
    for number in first..last {
        let (duration, _) = &media.segments[(number % count) as usize];
        let again = if number > 0 && number % count == 0 { "#EXT-X-DISCONTINUITY\n" } else { "" };
        let _ = write!(text, "{again}#EXTINF:{:.5},\nseg{number}.{extension}\n", duration.as_secs_f64());
    }
    ([(header::CONTENT_TYPE, "application/vnd.apple.mpegurl")], text).into_response()
}

impl LiveMedia {
    /// How many segments are over after so long.
    fn complete_after(&self, elapsed: Duration) -> u64 {
        let round: Duration = self.segments.iter().map(|(duration, _)| *duration).sum();
        if round.is_zero() {
            return 0;
        }
        let rounds = (elapsed.as_nanos() / round.as_nanos()) as u64;
        let mut left = Duration::from_nanos((elapsed.as_nanos() % round.as_nanos()) as u64);
        let over = self.segments.iter().take_while(|(duration, _)| {
            let over = left >= *duration;
            left = left.saturating_sub(*duration);
            over
        });
        rounds * self.segments.len() as u64 + over.count() as u64
    }

    fn file(&self, name: &str) -> Response {
        if let ("init.mp4", Some(init)) = (name, &self.init) {
            return ([(header::CONTENT_TYPE, "video/mp4")], init.clone()).into_response();
        }
        let number = name.strip_prefix("seg").and_then(|rest| rest.split_once('.')?.0.parse::<u64>().ok());
        let count = (self.segments.len() as u64).max(1);
        let segment = number.and_then(|number| self.segments.get((number % count) as usize));
        let content_type = if self.init.is_some() { "video/mp4" } else { "video/mp2t" };
        match segment {
            Some((_, bytes)) => ([(header::CONTENT_TYPE, content_type)], bytes.clone()).into_response(),
            None => nobody(),
        }
    }
}
