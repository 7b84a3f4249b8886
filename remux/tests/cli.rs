//! The `remux` command: what it writes, and with which status it ends.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{copy, entrance, read};

fn sample_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/recordings/cam-001-entrance/2026/03/14/10-01-00.ts")
}

/// A directory of this test's own, empty.
fn directory(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn remux(arguments: &[&std::ffi::OsStr]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_remux")).args(arguments).output().unwrap()
}

macro_rules! remux {
    ($($argument:expr),*) => { remux(&[$(std::ffi::OsStr::new(&$argument)),*]) };
}

#[test]
fn copy_writes_what_the_library_makes() {
    let out = directory("copy").join("out.ts");
    let done = remux!("copy", sample_path(), out, "--verify");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
    assert!(std::fs::read(out).unwrap() == copy(&entrance(), 1 << 16).unwrap().0);
}

#[test]
fn copy_goes_from_stdin_to_stdout() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_remux"))
        .args(["copy", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&entrance()).unwrap());
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(done.status.success());
    assert!(done.stdout == copy(&entrance(), 1 << 16).unwrap().0);
}

#[test]
fn damage_is_status_1_with_a_report() {
    let directory = directory("damage");
    let mut source = entrance();
    source.truncate(source.len() - 100);
    source.drain(188 * 900..188 * 903);
    let input = directory.join("in.ts");
    std::fs::write(&input, &source).unwrap();
    let done = remux!("copy", input, directory.join("out.ts"));
    assert_eq!(done.status.code(), Some(1));
    let report = String::from_utf8(done.stderr).unwrap();
    assert!(
        report.contains("continuity counter gaps") && report.contains("88 bytes outside of packets"),
        "{report}"
    );
    let probed = remux!("probe", input);
    assert_eq!(probed.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&probed.stderr).contains("continuity counter gaps"), "{probed:?}");
}

#[test]
fn what_cannot_be_done_is_status_2_and_leaves_the_output_alone() {
    let directory = directory("impossible");
    let (text, out) = (directory.join("in.ts"), directory.join("out.ts"));
    std::fs::write(&text, "this is no recording").unwrap();
    std::fs::write(&out, "precious").unwrap();
    let done = remux!("copy", text, out);
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).contains("in.ts: not MPEG-TS"), "{done:?}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "precious");
    for arguments in [
        vec!["copy", "no such file", "x.ts"],
        vec!["copy", "a.ts", "b.ts", "--from", "-1"],
        vec!["copy", "a.ts", "b.ts", "--from", "5", "--to", "5"],
        vec!["copy", "a.ts", "b.ts", "--to", "0"],
        vec!["hls", "-", "x"],
        vec!["frobnicate"],
    ] {
        let arguments: Vec<_> = arguments.iter().map(std::ffi::OsStr::new).collect();
        assert_eq!(remux(&arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_recording_is_never_written_over_while_it_is_read() {
    let directory = directory("same");
    let (input, link) = (directory.join("segment-00000.ts"), directory.join("link.ts"));
    std::fs::write(&input, entrance()).unwrap();
    std::fs::hard_link(&input, &link).unwrap();
    for done in [remux!("copy", input, input), remux!("copy", input, link), remux!("hls", input, directory)] {
        assert_eq!(done.status.code(), Some(2));
        assert!(
            String::from_utf8_lossy(&done.stderr).contains("is the recording that is being read"),
            "{done:?}"
        );
    }
    assert!(std::fs::read(&input).unwrap() == entrance());
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = Command::new(env!("CARGO_BIN_EXE_remux"))
        .arg("probe")
        .arg(sample_path())
        .stdout(writer)
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&done.stderr).starts_with("remux: stdout: "), "{done:?}");
}

#[test]
fn probe_says_what_is_there() {
    let done = remux!("probe", sample_path(), "--json");
    assert_eq!(done.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let run = &json["runs"][0];
    assert_eq!(json["container"], "mpeg-ts");
    assert_eq!(json["duration_seconds"], 60.0);
    assert_eq!(json["size_bytes"], entrance().len());
    assert_eq!(run["frame_rate"], 25.0);
    assert_eq!(run["random_access"]["count"], 30);
    assert_eq!(run["random_access"]["interval_seconds"]["max"], 2.0);
    assert_eq!(run["streams"][0]["codec"], "h264");
    assert_eq!(run["streams"][0]["path"], "relabel");
    assert_eq!(
        (&run["streams"][0]["video"]["width"], &run["streams"][0]["video"]["height"]),
        (&640.into(), &360.into())
    );
    assert_eq!(run["streams"][1]["audio"]["sample_rate"], 16_000);
    assert_eq!(json["damage"]["continuity_gaps"], 0);
    let text = String::from_utf8(remux!("probe", sample_path()).stdout).unwrap();
    assert!(text.contains("640x360 (avc1.4D401E), relabel") && text.contains("damage: none"), "{text}");
}

#[test]
fn hls_writes_segments_and_a_playlist_that_names_them() {
    let directory = directory("hls");
    let done = remux!("hls", sample_path(), directory, "--target", "4");
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let text = std::fs::read(directory.join("playlist.m3u8")).unwrap();
    let Ok((rest, playlist)) = m3u8_rs::parse_media_playlist(&text) else { panic!("no playlist") };
    assert!(rest.is_empty() && playlist.end_list && playlist.independent_segments);
    assert_eq!((playlist.target_duration, playlist.segments.len()), (4, 15));
    let sum: f32 = playlist.segments.iter().map(|segment| segment.duration).sum();
    assert!((sum - 60.0).abs() < 1e-3);
    let joined: Vec<u8> = playlist
        .segments
        .iter()
        .flat_map(|segment| std::fs::read(directory.join(&segment.uri)).unwrap())
        .collect();
    assert!(read(&joined).pes == read(&copy(&entrance(), 1 << 16).unwrap().0).pes);
}

/// A recording of this test's own, damaged in two places if wanted.
fn recording(directory: &Path, is_damaged: bool) -> PathBuf {
    let mut source = entrance();
    if is_damaged {
        source.drain(188 * 900..188 * 903);
        source.splice(188 * 2000..188 * 2000, [0; 50]);
    }
    let path = directory.join("in.ts");
    std::fs::write(&path, source).unwrap();
    path
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn index_stores_what_the_library_finds_and_says_so() {
    let directory = directory("index");
    let input = recording(&directory, false);
    let done = remux!("index", input);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let stored = std::fs::read(directory.join("in.ts.idx")).unwrap();
    let expected = support::index(&entrance(), 1 << 16).unwrap();
    assert_eq!(remux::Index::decode(&stored).unwrap(), expected);
    let summary = String::from_utf8(done.stderr).unwrap();
    let length = stored.len();
    assert!(summary.contains("1 run, 30 random access points, 60.000 s"), "{summary}");
    assert!(summary.contains(&format!("the index has {length} bytes")), "{summary}");
    assert!(remux!("index", input, "-o", "-").stdout == stored);
    let (nameless, same) = (remux!("index", "-"), remux!("index", input, "-o", input));
    assert_eq!((nameless.status.code(), same.status.code()), (Some(2), Some(2)));
    assert!(std::fs::read(&input).unwrap() == entrance());
}

#[test]
fn probe_and_hls_use_a_stored_index_that_fits_and_no_other() {
    let directory = directory("stored");
    let input = recording(&directory, false);
    let stored = directory.join("in.ts.idx");
    let mut index = support::index(&entrance(), 1 << 16).unwrap();
    let sound = index.encode();
    // What a pass would never find tells that the stored index was used.
    index.report.duplicates = 4711;
    let marked = index.encode();
    index.size += 188;
    let of_another_size = index.encode();
    let is_used = || {
        let done = remux!("probe", input, "--json");
        assert_eq!(done.status.code(), Some(0), "{done:?}");
        let json: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        json["damage"]["duplicates"] == 4711
    };
    assert!(!is_used(), "there is none");
    let mut damaged = marked.clone();
    damaged[40] ^= 1;
    let mut of_another_version = marked.clone();
    of_another_version[5] += 1;
    for other in [&of_another_size, &damaged, &of_another_version, &b"nothing of the kind".to_vec()] {
        std::fs::write(&stored, other).unwrap();
        assert!(!is_used());
    }
    std::fs::write(&stored, &marked).unwrap();
    assert!(is_used());
    let report = directory.join("report.json");
    assert!(remux!("hls", input, directory.join("stored"), "--report", report).status.success());
    assert_eq!(json(&report)["counters"]["duplicates"], 4711);
    let file = std::fs::File::options().write(true).open(&stored).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert!(!is_used(), "it is older than the recording");
    std::fs::write(&stored, &sound).unwrap();
    assert!(remux!("hls", input, directory.join("sound")).status.success());
    let segment = |name: &str| std::fs::read(directory.join(name).join("segment-00003.ts")).unwrap();
    assert!(segment("sound") == segment("stored"));
}

#[test]
fn a_report_says_what_was_damaged_and_where() {
    let directory = directory("report");
    let input = recording(&directory, true);
    let report = directory.join("report.json");
    for command in ["copy", "hls", "index"] {
        let output = directory.join(command);
        let done = match command {
            "index" => remux!(command, input, "-o", output, "--report", report),
            _ => remux!(command, input, output, "--report", report),
        };
        assert_eq!(done.status.code(), Some(1), "{command}: {done:?}");
        let json = json(&report);
        assert_eq!(json["is_damaged"], true);
        assert_eq!((&json["packet_bytes"], &json["streams"][0]["codec"]), (&188.into(), &"h264".into()));
        assert_eq!(json["counters"]["skipped_bytes"], 50, "{command}");
        let events = json["events"].as_array().unwrap();
        let resync = events.iter().find(|event| event["event"] == "resync").unwrap();
        assert_eq!((&resync["offset"], &resync["skipped"]), (&(188 * 2000 + 50).into(), &50.into()));
        let gap = events.iter().find(|event| event["event"] == "continuity-gap").unwrap();
        assert_eq!(gap["pid"], u64::from(support::VIDEO), "{json:#}");
        assert_eq!(json["more_events"], 0, "{command}");
    }
}

#[test]
fn a_report_lists_so_many_events_and_counts_the_rest() {
    let directory = directory("many");
    let packets: Vec<u8> = entrance()
        .chunks(188)
        .enumerate()
        .filter(|(number, _)| number % 4 != 3)
        .flat_map(|(_, packet)| packet.to_vec())
        .collect();
    let (input, report) = (directory.join("in.ts"), directory.join("report.json"));
    std::fs::write(&input, packets).unwrap();
    for command in ["copy", "index"] {
        let output = directory.join("out");
        let done = match command {
            "index" => remux!(command, input, "-o", output, "--report", report),
            _ => remux!(command, input, output, "--report", report),
        };
        assert_eq!(done.status.code(), Some(1));
        let json = json(&report);
        let listed = json["events"].as_array().unwrap().len();
        assert_eq!(listed, remux::limits::EVENTS, "{command}");
        let counters = &json["counters"];
        let all: u64 = ["resyncs", "continuity_gaps", "timestamp_jumps", "layout_changes", "damaged_pes"]
            .iter()
            .map(|name| counters[name].as_u64().unwrap())
            .sum();
        assert_eq!(json["more_events"], all - listed as u64, "{command}");
    }
}

#[test]
fn a_report_never_takes_the_place_of_the_recording_or_the_output() {
    let directory = directory("misplaced");
    let input = recording(&directory, false);
    let out = directory.join("out.ts");
    for done in [
        remux!("copy", input, out, "--report", input),
        remux!("hls", input, directory.join("hls"), "--report", input),
        remux!("index", input, "--report", input),
        remux!("copy", input, out, "--report", out),
        remux!("copy", input, "-", "--report", "-"),
    ] {
        assert_eq!(done.status.code(), Some(2), "{done:?}");
    }
    assert!(std::fs::read(&input).unwrap() == entrance());
}

#[test]
fn help_documents_the_exit_status_and_gives_an_example_of_every_command() {
    let help = String::from_utf8(remux!("--help").stdout).unwrap();
    assert!(help.contains("Exit status:\n  0  done\n  1  ") && help.contains("\n  2  "), "{help}");
    for command in ["copy", "probe", "hls", "index"] {
        let help = String::from_utf8(remux!(command, "--help").stdout).unwrap();
        assert!(help.contains("Example") && help.contains(&format!("  remux {command} ")), "{help}");
    }
}

#[test]
fn packets_of_192_bytes_are_copied_as_those_of_188() {
    let directory = directory("timed");
    let input = directory.join("in.m2ts");
    let timed: Vec<u8> =
        entrance().chunks(188).flat_map(|packet| [&[0x40, 1, 2, 3], packet].concat()).collect();
    std::fs::write(&input, timed).unwrap();
    let (out, report) = (directory.join("out.ts"), directory.join("report.json"));
    let done = remux!("copy", input, out, "--verify", "--report", report);
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
    assert!(std::fs::read(out).unwrap() == copy(&entrance(), 1 << 16).unwrap().0);
    assert_eq!(json(&report)["packet_bytes"], 192);
}
