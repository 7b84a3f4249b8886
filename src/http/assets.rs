//! The page and what it loads, embedded in the binary.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::App;
use super::problem::{Problem, unknown_route};

/// A file in the binary.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! file {
    ($name:literal, $content_type:expr) => {
        file!($name, $content_type, concat!("../../web/", $name))
    };
    ($name:literal, $content_type:expr, $path:expr) => {
        Asset { name: $name, content_type: $content_type, bytes: include_bytes!($path) }
    };
}

/// All of them; the first is the page. One that is empty was not there when the binary was built.
static ASSETS: &[Asset] = &[
    file!("index.html", HTML),
    file!("hls.js", SCRIPT, concat!(env!("OUT_DIR"), "/hls.js")),
    file!("address.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("archive.js", SCRIPT),
    file!("cameras.js", SCRIPT),
    file!("clock.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("engine-hls.js", SCRIPT),
    file!("engine-native.js", SCRIPT),
    file!("explain.js", SCRIPT),
    file!("footage.js", SCRIPT),
    file!("frames.js", SCRIPT),
    file!("geometry.js", SCRIPT),
    file!("hooks.js", SCRIPT),
    file!("icon.svg", SVG),
    file!("keyboard.js", SCRIPT),
    file!("keys.js", SCRIPT),
    file!("link.js", SCRIPT),
    file!("live-engines.js", SCRIPT),
    file!("live-tab.js", SCRIPT),
    file!("live-view.js", SCRIPT),
    file!("live.js", SCRIPT),
    file!("main.js", SCRIPT),
    file!("notices.js", SCRIPT),
    file!("picker.js", SCRIPT),
    file!("player.js", SCRIPT),
    file!("playhead.js", SCRIPT),
    file!("playlist-clock.js", SCRIPT),
    file!("playlist.js", SCRIPT),
    file!("preferences.js", SCRIPT),
    file!("retries.js", SCRIPT),
    file!("session.js", SCRIPT),
    file!("sound.js", SCRIPT),
    file!("spans.js", SCRIPT),
    file!("style.css", STYLE),
    file!("time.js", SCRIPT),
    file!("timeline-paint.js", SCRIPT),
    file!("timeline.js", SCRIPT),
    file!("transport.js", SCRIPT),
    file!("ts-times.js", SCRIPT),
    file!("whep.js", SCRIPT),
];

/// A hash per asset, in the same order.
static ETAGS: LazyLock<Vec<String>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| etag(asset.bytes)).collect());

fn etag(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// `GET /`
pub(super) async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    respond(0, &headers, &app).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

/// `GET /assets/{file}`
pub(super) async fn asset(
    State(app): State<App>,
    Path(file): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let found = ASSETS.iter().position(|asset| asset.name == file && !asset.bytes.is_empty());
    match found.and_then(|position| respond(position, &headers, &app)) {
        Some(response) => Ok(response),
        None => Err(unknown_route(uri).await),
    }
}

fn respond(position: usize, headers: &HeaderMap, app: &App) -> Option<Response> {
    let (asset, etag) = (ASSETS.get(position)?, ETAGS.get(position)?.as_str());
    let fixed = [
        (header::ETAG, etag),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, app.0.page_policy.as_str()),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|given| given.as_bytes() == etag.as_bytes());
    if known {
        return Some((StatusCode::NOT_MODIFIED, fixed).into_response());
    }
    Some((fixed, [(header::CONTENT_TYPE, asset.content_type)], asset.bytes).into_response())
}

/// Everything from here, and live streams from the origins that serve them; hls.js works in a worker and plays through a
/// blob.
pub(super) fn policy(live_origins: Option<Vec<String>>) -> String {
    let elsewhere: String = live_origins.into_iter().flatten().map(|origin| format!(" {origin}")).collect();
    format!(
        "default-src 'self'; media-src 'self' blob:{elsewhere}; worker-src 'self' blob:; img-src 'self' data:; \
         style-src 'self'; script-src 'self'; connect-src 'self'{elsewhere}; object-src 'none'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'self'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_in_the_table() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/web")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let is_page =
            |name: &String| [".html", ".js", ".css", ".svg"].iter().any(|kind| name.ends_with(kind));
        let is_test = |name: &String| [".test.js", ".fixture.js"].iter().any(|kind| name.ends_with(kind));
        let page = names.filter(|name| is_page(name) && !is_test(name));
        for name in page {
            assert!(ASSETS.iter().any(|asset| asset.name == name), "{name}");
        }
    }
}
