//! Recordings with the habits of different cameras, made by ffmpeg.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::tools::run;

/// A directory of recordings, one camera per clip.
pub(crate) struct Clips {
    pub(crate) directory: TempDir,
}

/// A clip: its name is that of its camera.
pub(crate) struct Clip {
    pub(crate) name: &'static str,
    arguments: &'static [&'static str],
    pub(crate) has_video: bool,
    pub(crate) has_audio: bool,
}

const VIDEO: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"];
const AUDIO: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];

/// H.264 unless the name says otherwise; 24 seconds, of GOPs of 2 s unless the name says otherwise.
pub(crate) const CLIPS: &[Clip] = &[
    both("b-frames", &["-c:v", "libx264", "-bf", "3", "-g", "50", "-c:a", "aac"]),
    both(
        "open-gop",
        &[
            "-c:v",
            "libx264",
            "-bf",
            "3",
            "-g",
            "50",
            "-flags",
            "-cgop",
            "-x264opts",
            "open-gop=1",
            "-c:a",
            "aac",
        ],
    ),
    both("long-gop", &["-c:v", "libx264", "-g", "300", "-sc_threshold", "0", "-c:a", "aac"]),
    both(
        "hevc",
        &[
            "-c:v",
            "libx265",
            "-x265-params",
            "log-level=none:keyint=50",
            "-pix_fmt",
            "yuv420p",
            "-c:a",
            "ac3",
        ],
    ),
    both("slow", &["-r", "5", "-c:v", "libx264", "-g", "10", "-c:a", "libmp3lame"]),
    both("latm", &["-c:v", "libx264", "-g", "50", "-c:a", "aac", "-mpegts_flags", "latm"]),
    both("no-delay", &["-c:v", "libx264", "-g", "50", "-c:a", "mp2", "-muxdelay", "0", "-muxpreload", "0"]),
    both("wrap", &["-c:v", "libx264", "-g", "50", "-c:a", "aac", "-output_ts_offset", "95430"]),
    both("audio-first", &["-c:v", "libx264", "-g", "50", "-c:a", "eac3", "-output_ts_offset", "3"]),
    Clip {
        name: "video-only",
        arguments: &["-an", "-c:v", "libx264", "-g", "50"],
        has_video: true,
        has_audio: false,
    },
    Clip { name: "audio-only", arguments: &["-vn", "-c:a", "aac"], has_video: false, has_audio: true },
];

const fn both(name: &'static str, arguments: &'static [&'static str]) -> Clip {
    Clip { name, arguments, has_video: true, has_audio: true }
}

/// Every clip begins here, by its name.
pub(crate) const START: &str = "2026-02-03T04:05:06Z";

impl Clips {
    pub(crate) fn make() -> Self {
        let clips = Self { directory: TempDir::new().unwrap() };
        for clip in CLIPS {
            let file = clips.file(clip);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            let early: &[&str] = if clip.name == "audio-first" { &["-itsoffset", "-0.5"] } else { &[] };
            let arguments = [
                &["-v", "error"],
                VIDEO,
                early,
                AUDIO,
                &["-t", "24"],
                clip.arguments,
                &[file.to_str().unwrap()],
            ]
            .concat();
            run("ffmpeg", &arguments);
        }
        clips
    }

    pub(crate) fn file(&self, clip: &Clip) -> PathBuf {
        self.directory.path().join(clip.name).join("2026/02/03/04-05-06.ts")
    }
}

/// The samples of the project.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/recordings")
}
