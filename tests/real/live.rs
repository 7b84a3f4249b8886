//! Live view on the page in a real Chromium: HLS that ffmpeg makes, WebRTC that another page sends (`tests/browser/live.js` does
//! the watching, `tests/browser/media.js` is the media server); and low-latency HLS of paths that the service makes, with a
//! stand-in for MediaMTX.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use standins::{LiveMedia, MediaMtx, Vms};
use tempfile::TempDir;

use crate::clips::samples;
use crate::service::Service;
use crate::tools::run;
use crate::valkey::wait_for;

/// A media server; it ends with this value.
struct Media {
    child: Child,
    base: String,
    _directory: TempDir,
}

impl Media {
    fn start(cameras: &[&str]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut child = Command::new("node")
            .arg(script("media.js"))
            .args([directory.path(), &samples().join("cam-001-entrance/2026/03/14/10-00-00.ts")])
            .args(cameras)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed for these tests (tests/run installs it)");
        let base = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        Self { child, base, _directory: directory }
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        // That its input ends tells it to end, and ffmpeg with it.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(name)
}

#[test]
fn watches_live_by_webrtc_and_by_hls_and_goes_over_to_what_is_recorded() {
    let media = Media::start(&["cam-001-entrance", "cam-002-yard"]);
    let settings = [("MEDIAMTX_URL", media.base.as_str()), ("MEDIAMTX_WEBRTC_URL", &media.base)];
    let service = Service::start_with(&samples(), &settings);
    let output = run("node", &[script("live.js").to_str().unwrap(), &service.base, &media.base]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("live: everything plays"), "{said}");
}

const CAMERA: &str = "cam-001-entrance";
const PATH: &str = "camera_cam-001-entrance";

/// A camera that sends a sample, of a MediaMTX as it is from 1.18 on.
fn media_server() -> MediaMtx {
    let sample = std::fs::read(samples().join(CAMERA).join("2026/03/14/10-00-00.ts")).unwrap();
    let media = MediaMtx::start();
    media.check_cookies();
    media.play_on_demand(PATH, LiveMedia::low_latency(&sample.into(), Duration::from_secs(6)).unwrap());
    media
}

#[test]
fn watches_by_low_latency_hls_what_the_service_had_made() {
    let (media, vms) = (media_server(), Vms::start_deployed(&[CAMERA]));
    let (url, cameras) = (media.url(), vms.url());
    let settings = [
        ("MEDIAMTX_URL", url.as_str()),
        ("MEDIAMTX_WEBRTC_URL", &url),
        ("MEDIAMTX_API_URL", &url),
        ("VMS_SERVICE_URL", &cameras),
    ];
    let service = Service::start_with(&samples(), &settings);
    let mut browser = Command::new("node")
        .args([script("low-latency.js").to_str().unwrap(), &service.base, &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("node is needed for these tests (tests/run installs it)");
    let mut said = BufReader::new(browser.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.by_ref().any(|line| line == "playing"), "it does not play");
    let offer = media.offers().pop().unwrap();
    assert!(offer.contains("a=recvonly") && offer.contains("H264"), "{offer}");
    wait_for("the WebRTC session is given back", || media.whep_sessions() == 0);
    assert_eq!(media.paths().keys().collect::<Vec<_>>(), [PATH]);

    media.forget();
    drop(browser.stdin.take());
    let rest: Vec<String> = said.collect();
    assert!(browser.wait().unwrap().success(), "{rest:?}");
    assert!(rest.iter().any(|line| line == "low latency: everything plays"), "{rest:?}");
    // Its reader by HLS counts for a minute; without it the path goes a little later.
    assert!(media.paths().contains_key(PATH) && media.readers(PATH) == 1, "{:?}", media.paths());
    media.forget_readers();
    wait_for("the path is taken down", || media.paths().is_empty());
}
