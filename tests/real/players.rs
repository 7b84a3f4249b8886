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
            // Every recording begins at 10 s again: ffmpeg says so at each discontinuity, and smooths it.
            .filter(|line| !line.contains("timestamp discontinuity") && !line.contains("DTS 900000 <"))
            .filter(|line| !line.contains("DTS 892800 <"))
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
        // playbin3: the older playbin of GStreamer 1.22 stops for ever now and then, over FFmpeg's own playlists as well.
        let uri = format!("uri={}", session.playlist_url);
        let sinks = ["video-sink=fakesink sync=false", "audio-sink=fakesink sync=false"];
        let output = run("timeout", &["120", "gst-launch-1.0", "-q", "playbin3", &uri, sinks[0], sinks[1]]);
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert!(!complaints.contains("ERROR"), "{camera}: {complaints}");
    }
}
