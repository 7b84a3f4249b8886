//! Low-latency HLS as MediaMTX has it: a multivariant playlist that may be sent round once to look for cookies, a session
//! that is known by a cookie or else by the query of every URL, and a media playlist with parts whose reload waits for the
//! next one (draft-pantos-hls-rfc8216bis §4.4.3.8, §4.4.4.9, §6.2.5.2).

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::media::LiveMedia;
use super::{Shared, nobody};
use crate::lock;

/// What a path plays, and since when.
#[derive(Debug)]
pub(super) struct Playing {
    media: LiveMedia,
    began: Instant,
}

/// How many whole segments a playlist names.
const WINDOW: u64 = 4;

/// How many segments are named part by part.
const WITH_PARTS: u64 = 2;

impl Playing {
    /// From now on; a window of it is there from the beginning.
    pub(super) fn from_now(media: LiveMedia) -> Self {
        Self { media, began: Instant::now() }
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed() + self.media.end_of(WINDOW, 0)
    }

    /// Waits until so many parts of a segment are over, if that is not far away; says whether they are.
    async fn has(&self, segment: u64, parts: usize) -> bool {
        let wait = self.media.end_of(segment, parts).saturating_sub(self.elapsed());
        let is_near = wait <= self.media.target();
        if is_near {
            tokio::time::sleep(wait).await;
        }
        is_near
    }
}

/// A request of somebody who watches.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) file: &'a str,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

impl Asked<'_> {
    fn query(&self, name: &str) -> Option<String> {
        let pairs = self.uri.query().unwrap_or_default().split('&');
        let value = pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
        Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
    }

    fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }

    /// The session that it shows, in either way.
    fn session(&self) -> Option<String> {
        self.query(SESSION).or_else(|| self.cookie(SESSION))
    }
}

const SESSION: &str = "session";
const COOKIE_CHECK: &str = "cookieCheck";

/// Those who watch by HLS: which path, and when they asked last.
#[derive(Debug, Default)]
pub(super) struct Sessions(HashMap<String, (String, Instant)>);

/// How long somebody who asks no more counts as a reader.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

impl Sessions {
    fn open(&mut self, name: &str) -> String {
        let id = Uuid::new_v4().to_string();
        self.0.insert(id.clone(), (name.to_owned(), Instant::now()));
        id
    }

    /// Whether there is that session of that path; it is still wanted.
    fn uses(&mut self, id: &str, name: &str) -> bool {
        match self.0.get_mut(id) {
            Some((path, last)) if path == name => {
                *last = Instant::now();
                true
            }
            _ => false,
        }
    }

    /// How many watch a path.
    pub(super) fn of(&self, name: &str) -> usize {
        self.0.values().filter(|(path, last)| path == name && last.elapsed() < FORGOTTEN_AFTER).count()
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The answer to somebody who watches `playing`.
pub(super) async fn answer(shared: &Shared, playing: Arc<Playing>, asked: Asked<'_>) -> Response {
    let has_sessions = lock(&shared.behaviour).hls_sessions;
    if asked.file == "index.m3u8" {
        return match (has_sessions, asked.query(COOKIE_CHECK)) {
            (true, None) => check_cookies(asked.uri),
            (true, Some(_)) => begin_session(shared, &playing.media, &asked),
            (false, _) => playlist_answer(multivariant(&playing.media, "")),
        };
    }
    if has_sessions && !asked.session().is_some_and(|id| lock(&shared.sessions).uses(&id, asked.name)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match asked.file {
        MEDIA_PLAYLIST => media_playlist(&playing, &asked).await,
        file => piece(&playing, file).await,
    }
}

fn check_cookies(uri: &Uri) -> Response {
    let location = format!("{}?{COOKIE_CHECK}=1", uri.path());
    let headers = [(header::LOCATION, location), (header::SET_COOKIE, format!("{COOKIE_CHECK}=1"))];
    (StatusCode::FOUND, headers).into_response()
}

/// Whoever keeps no cookies gets the session in the URLs.
fn begin_session(shared: &Shared, media: &LiveMedia, asked: &Asked<'_>) -> Response {
    let id = lock(&shared.sessions).open(asked.name);
    if asked.cookie(COOKIE_CHECK).is_some() {
        let cookie = [(header::SET_COOKIE, format!("{SESSION}={id}"))];
        return (cookie, playlist_answer(multivariant(media, ""))).into_response();
    }
    playlist_answer(multivariant(media, &format!("?{SESSION}={id}")))
}

const MEDIA_PLAYLIST: &str = "main_stream.m3u8";

fn multivariant(media: &LiveMedia, query: &str) -> String {
    let version = if media.is_low_latency() { 9 } else { 3 };
    format!(
        "#EXTM3U\n#EXT-X-VERSION:{version}\n#EXT-X-INDEPENDENT-SEGMENTS\n\n#EXT-X-STREAM-INF:BANDWIDTH=2000000\n\
         {MEDIA_PLAYLIST}{query}\n"
    )
}

fn playlist_answer(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/vnd.apple.mpegurl")], text).into_response()
}

/// The media playlist, once it has what `_HLS_msn` and `_HLS_part` ask for.
async fn media_playlist(playing: &Playing, asked: &Asked<'_>) -> Response {
    let number = |name| asked.query(name).map(|text| text.parse::<u64>());
    let (segment, part) = match (number("_HLS_msn"), number("_HLS_part")) {
        (None, None) => (0, 0),
        (Some(Ok(segment)), None) => (segment + 1, 0),
        (Some(Ok(segment)), Some(Ok(part))) => {
            // A part that its segment does not have is the first one of the next.
            let parts = playing.media.parts(segment).len();
            if (part as usize) < parts { (segment, part as usize + 1) } else { (segment + 1, 1) }
        }
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    if !playing.has(segment, part).await {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let query = asked.query(SESSION).map_or_else(String::new, |id| format!("?{SESSION}={id}"));
    playlist_answer(Window::of(playing, &query).text())
}

/// What of it is named now.
struct Window<'a> {
    media: &'a LiveMedia,
    query: &'a str,
    /// The first segment that is not over, and how many parts of it are.
    next: u64,
    parts: usize,
    text: String,
}

impl<'a> Window<'a> {
    fn of(playing: &'a Playing, query: &'a str) -> Self {
        let (next, parts) = playing.media.over_after(playing.elapsed());
        Self { media: &playing.media, query, next, parts, text: String::new() }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.text, "{line}");
    }

    fn text(mut self) -> String {
        let first = self.next - WINDOW;
        self.head(first);
        for segment in first..self.next {
            self.begin(segment);
            if self.next - segment <= WITH_PARTS {
                self.parts(segment, self.media.parts(segment).len());
            }
            let (seconds, query) = (self.media.duration(segment).as_secs_f64(), self.query);
            let extension = if self.media.init().is_some() { "mp4" } else { "ts" };
            self.line(format_args!("#EXTINF:{seconds:.5},\nseg{segment}.{extension}{query}"));
        }
        if self.media.is_low_latency() {
            let (next, parts, query) = (self.next, self.parts, self.query);
            self.begin(next);
            self.parts(next, parts);
            self.line(format_args!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part{next}-{parts}.mp4{query}\""));
        }
        self.text
    }

    fn head(&mut self, first: u64) {
        let target = self.media.target().as_secs_f64().round().max(1.0);
        self.line(format_args!("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{target}"));
        if self.media.is_low_latency() {
            let part = self.media.part_target().as_secs_f64();
            self.line(format_args!(
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={:.5}\n#EXT-X-PART-INF:PART-TARGET={part:.5}",
                3.0 * part
            ));
        }
        // How often a round began before the window does.
        let rounds = self.media.rounds(first.saturating_sub(1));
        self.line(format_args!("#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{rounds}"));
        if self.media.init().is_some() {
            let query = self.query;
            self.line(format_args!("#EXT-X-MAP:URI=\"init.mp4{query}\""));
        }
    }

    fn begin(&mut self, segment: u64) {
        if segment > 0 && self.media.begins_round(segment) {
            self.line(format_args!("#EXT-X-DISCONTINUITY"));
        }
    }

    fn parts(&mut self, segment: u64, count: usize) {
        if !self.media.is_low_latency() {
            return;
        }
        let (media, query) = (self.media, self.query);
        for (number, part) in media.parts(segment)[..count].iter().enumerate() {
            let seconds = part.duration.as_secs_f64();
            let independent = if part.is_independent { ",INDEPENDENT=YES" } else { "" };
            self.line(format_args!(
                "#EXT-X-PART:DURATION={seconds:.5},URI=\"part{segment}-{number}.mp4{query}\"{independent}"
            ));
        }
    }
}

/// A segment, a part of one, or what comes before them. One that is about to be is waited for.
async fn piece(playing: &Playing, file: &str) -> Response {
    let media = &playing.media;
    let content_type = if media.init().is_some() { "video/mp4" } else { "video/mp2t" };
    let bytes: Option<Bytes> = match (file, numbers(file)) {
        ("init.mp4", _) => media.init().cloned(),
        (_, Some((segment, None))) if playing.has(segment + 1, 0).await => Some(media.bytes(segment)),
        (_, Some((segment, Some(part)))) if part < media.parts(segment).len() => {
            let is_there = playing.has(segment, part + 1).await;
            is_there.then(|| media.parts(segment)[part].bytes.clone())
        }
        _ => None,
    };
    bytes.map_or_else(nobody, |bytes| ([(header::CONTENT_TYPE, content_type)], bytes).into_response())
}

/// `seg7.mp4` is a segment, `part7-0.mp4` a part.
fn numbers(file: &str) -> Option<(u64, Option<usize>)> {
    let (stem, _) = file.split_once('.')?;
    if let Some(segment) = stem.strip_prefix("seg") {
        return Some((segment.parse().ok()?, None));
    }
    let (segment, part) = stem.strip_prefix("part")?.split_once('-')?;
    Some((segment.parse().ok()?, Some(part.parse().ok()?)))
}
