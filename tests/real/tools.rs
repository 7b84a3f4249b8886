//! Running other programs.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

/// Prints a line that is shown of a test that passes as well.
pub(crate) fn say(line: &str) {
    // The test harness keeps back what the macros print.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Runs a program that has to be there and has to succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program} is needed for these tests (tests/run installs it): {error}")
    });
    assert!(
        output.status.success(),
        "{program} {}: {}\n{}",
        arguments.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Frames of one stream as ffmpeg finds them: PTS, and a hash of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) pts: i64,
    pub(crate) hash: String,
}

/// All frames of a stream (`v:0`, `a:0`) in the order of the file, undecoded. ffmpeg must have nothing to complain about.
pub(crate) fn frames(file: &Path, stream: &str) -> Vec<Frame> {
    let file = file.to_str().unwrap();
    let map = format!("0:{stream}");
    let output = run(
        "ffmpeg",
        &["-v", "error", "-copyts", "-i", file, "-map", &map, "-c", "copy", "-f", "framehash", "-"],
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "ffmpeg complains about {file}");
    let rows = String::from_utf8(output.stdout).unwrap();
    rows.lines()
        .filter(|row| !row.starts_with('#'))
        .map(|row| {
            // stream, dts, pts, duration, size, hash
            let columns: Vec<&str> = row.split(',').map(str::trim).collect();
            Frame { pts: columns[2].parse().unwrap(), hash: columns[5].to_owned() }
        })
        .collect()
}

/// What ffprobe says of a file in one column; it must have nothing to complain about.
pub(crate) fn probe(file: impl AsRef<OsStr>, arguments: &[&str]) -> Vec<String> {
    let file = file.as_ref().to_str().unwrap();
    let arguments = [&["-v", "warning", "-of", "csv=p=0"], arguments, &[file]].concat();
    let output = run("ffprobe", &arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "ffprobe complains about {file}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}
