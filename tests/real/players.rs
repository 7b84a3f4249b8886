//! Players that read a playlist from beginning to end without an error.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

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

#[test]
fn vlc_plays_a_session_over_a_boundary_to_its_end() {
    let service = Service::start(&samples());
    let session = service.open("cam-001-entrance", START, "2026-03-14T10:01:30Z");
    let log = vlc(&["--rate", "8", "--aout", "adummy", "--vout", "vdummy", &session.playlist_url]);
    for segment in &session.playlist.segments {
        assert!(log.contains(&format!("{} HTTP/1.1", segment.uri)), "did not get to {}", segment.uri);
    }
    let of_the_stream =
        ["demux error", "packetizer error", "avcodec decoder error", "ts demux warning: lost"];
    let complaints: Vec<&str> =
        log.lines().filter(|line| of_the_stream.iter().any(|word| line.contains(word))).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// What VLC says while it plays something without a screen. It does not want to be root.
fn vlc(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), Permissions::from_mode(0o777)).unwrap();
    let home = format!("HOME={}", home.path().display());
    let is_root = run("id", &["-u"]).stdout == b"0\n";
    let somebody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"];
    let vlc = ["timeout", "120", "cvlc", "-vv", "--intf", "dummy"];
    let command = [&somebody[if is_root { 0 } else { 4 }..], &vlc, arguments, &["vlc://quit"]].concat();
    let output = run("env", &[&[home.as_str()], &command[..]].concat());
    String::from_utf8_lossy(&output.stderr).into_owned()
}
