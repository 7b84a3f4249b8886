//! Players that read a playlist from beginning to end without an error.

use crate::clips::samples;
use crate::service::Service;
use crate::tools::run;

const START: &str = "2026-03-14T10:00:30Z";
/// Over a boundary between recordings, over the gap, into the last recording.
const END: &str = "2026-03-14T10:08:30Z";

#[test]
fn ffmpeg_decodes_a_session_over_boundaries_and_the_gap() {
    let service = Service::start(&samples());
    for camera in ["cam-001-entrance", "cam-002-yard"] {
        let session = service.open(camera, START, END);
        let output = run("ffmpeg", &["-v", "warning", "-i", &session.playlist_url, "-f", "null", "-"]);
        let complaints: Vec<String> = String::from_utf8(output.stderr)
            .unwrap()
            .lines()
            // ffmpeg's own clock across a discontinuity, which it smooths; and what it says while it does so.
            .filter(|line| !line.contains("timestamp discontinuity") && !line.contains("Non-monotonous DTS"))
            .map(str::to_owned)
            .collect();
        assert!(complaints.is_empty(), "{camera}: {complaints:#?}");
    }
}

#[test]
fn gstreamer_decodes_a_session_over_boundaries_and_the_gap() {
    let service = Service::start(&samples());
    for camera in ["cam-001-entrance", "cam-002-yard"] {
        let session = service.open(camera, START, END);
        let pipeline = format!("uri={}", session.playlist_url);
        let output = run(
            "gst-launch-1.0",
            &["-q", "playbin", &pipeline, "video-sink=fakesink sync=false", "audio-sink=fakesink sync=false"],
        );
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert!(!complaints.contains("ERROR"), "{camera}: {complaints}");
    }
}
