//! The page in a real Chromium, through hls.js and through the browser's own HLS: `tests/browser/play.js` does the playing.

use std::path::Path;

use crate::clips::samples;
use crate::service::Service;
use crate::tools::run;

fn play(mode: &str, packaging: &str, extension: &str) {
    let service = Service::start_with(&samples(), &[("PLAYBACK_PACKAGING", packaging)]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/play.js");
    let output = run("node", &[script.to_str().unwrap(), &service.base, mode, extension]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains(&format!("{mode}: all clocks agree")), "{said}");
}

#[test]
fn plays_with_hls_js_and_shows_the_time_of_every_frame() {
    play("hls.js", "auto", "ts");
}

#[test]
fn plays_with_the_browsers_own_hls_and_shows_the_time_of_every_frame() {
    play("native", "auto", "ts");
}

#[test]
fn plays_fragmented_mp4_with_hls_js_and_shows_the_time_of_every_frame() {
    play("hls.js", "fmp4", "m4s");
}

#[test]
fn plays_fragmented_mp4_with_the_browsers_own_hls_and_shows_the_time_of_every_frame() {
    play("native", "fmp4", "m4s");
}
