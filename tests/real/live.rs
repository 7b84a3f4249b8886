//! Live view on the page in a real Chromium: HLS that ffmpeg makes, WebRTC that another page sends. `tests/browser/live.js` does
//! the watching, `tests/browser/media.js` is the media server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::clips::samples;
use crate::service::Service;
use crate::tools::run;

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
