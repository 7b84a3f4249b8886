//! The page in a real Chromium, through hls.js and through the browser's own HLS: `tests/browser/play.js` does the playing; and
//! beside a platform, where no list tells what is recorded, `tests/browser/platform.js`.

use std::path::Path;

use chrono::{TimeDelta, Utc};
use standins::{Dialect, Origin, Row, StorageService, Vms};

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

/// Of the documented VMS there is no list of cameras; what is recorded of one nobody lists.
fn play_beside_a_platform(dialect: Dialect) {
    const CAMERAS: [&str; 2] = ["cam-001-entrance", "cam-002-yard"];
    let (storage, origin) = (StorageService::start(), Origin::start());
    let vms = match dialect {
        Dialect::Documented => Vms::start(&CAMERAS),
        Dialect::Deployed => Vms::start_deployed(&CAMERAS),
    };
    storage.sign_with(origin.signer());
    // An hour ago, two minutes of one camera; nothing of the other.
    for (minute, name) in [(0, "10-00-00"), (1, "10-01-00")] {
        let row = Row::at(CAMERAS[0], Utc::now() - TimeDelta::minutes(60 - minute), TimeDelta::seconds(60));
        origin.put(row.path(), samples().join(CAMERAS[0]).join(format!("2026/03/14/{name}.ts")));
        storage.add(row);
    }
    let (storage, vms) = (storage.url(), vms.url());
    let settings = [("STORAGE_SERVICE_URL", storage.as_str()), ("VMS_SERVICE_URL", &vms)];
    let service = Service::start_with(&samples(), &settings);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/platform.js");
    let listed = if dialect == Dialect::Deployed { "listed" } else { "not-listed" };
    let output = run("node", &[script.to_str().unwrap(), &service.base, listed]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("platform: the newest footage plays"), "{said}");
}

#[test]
fn the_newest_footage_is_found_of_cameras_that_are_listed_without_any() {
    play_beside_a_platform(Dialect::Deployed);
}

#[test]
fn cameras_that_nobody_lists_are_opened_by_their_names() {
    play_beside_a_platform(Dialect::Documented);
}
