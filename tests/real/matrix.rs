//! The differential matrix: what cameras, recorders and networks do to a stream, and what becomes of it in the engine, in
//! ffmpeg and in GStreamer. The engine may be worse than neither in anything that is measured.

mod clips;
mod measure;
mod row;
mod rows;
mod streams;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::TempDir;

use self::clips::{Clips, Truth};
use self::measure::{HEAD, Measured};
use self::row::{Column, Row};
use crate::engine::Ended;
use crate::tools::say;

/// What the engine is still to learn. A row that it has learned must be taken out.
const NOT_YET: &[(&str, &str)] = &[];

#[test]
fn the_engine_is_worse_than_neither_peer() {
    // Whoever wants to look at inputs and outputs names a directory for them.
    let (temporary, kept) =
        (TempDir::new().unwrap(), std::env::var_os("REMUX_MATRIX_DIR").map(PathBuf::from));
    let work = kept.as_deref().unwrap_or(temporary.path());
    std::fs::create_dir_all(work).unwrap();
    let clips = Clips::make(work);
    let queue: Vec<Row> = rows::rows(&clips);
    let names: Vec<&str> = queue.iter().map(|row| row.name).collect();
    let queue = Mutex::new(queue.into_iter().enumerate());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((number, row)) = { queue.lock().unwrap().next() } {
                    let result = run(&row, &work.join(format!("row{number}")), &clips.truth);
                    results.lock().unwrap().push((number, row.name, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|&(number, ..)| number);
    print(&results);
    let mut wrong = Vec::new();
    for (_, name, result) in &results {
        match (NOT_YET.iter().any(|(known, _)| known == name), result.complaints.is_empty()) {
            (false, false) => wrong.push(format!("{name}: {}", result.complaints.join("; "))),
            (true, false) => say(&format!("not yet: {name}: {}", result.complaints.join("; "))),
            (true, true) => wrong.push(format!("{name}: passes now, take it out of NOT_YET")),
            _ => {}
        }
    }
    wrong.extend(
        NOT_YET.iter().filter(|(name, _)| !names.contains(name)).map(|(name, _)| format!("{name}: no row")),
    );
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}

struct Outcome {
    /// The engine, ffmpeg, GStreamer.
    measured: [Measured; 3],
    complaints: Vec<String>,
}

fn run(row: &Row, work: &Path, truth: &Truth) -> Outcome {
    let _ = std::fs::remove_dir_all(work);
    std::fs::create_dir_all(work).unwrap();
    let input = work.join("in.ts");
    std::fs::write(&input, &row.input).unwrap();
    let (ours, ended) = measure::ours(&input, work, truth);
    let ffmpeg = measure::ffmpeg(&input, work, truth, row.is_h265);
    let gstreamer = measure::gstreamer(&input, work, truth, row.is_h265, row.has_sound);
    let mut complaints = alone(row, &ours, &ended);
    for (name, peer) in [("ffmpeg", &ffmpeg), ("GStreamer", &gstreamer)] {
        let worse = compared(row, &ours, peer);
        complaints
            .extend(worse.into_iter().map(|(column, ours, its)| format!("{column:?} {ours}, {name} {its}")));
    }
    Outcome { measured: [ours, ffmpeg, gstreamer], complaints }
}

/// What is wrong with the engine's output whatever others do.
fn alone(row: &Row, ours: &Measured, ended: &Ended) -> Vec<String> {
    let mut complaints = Vec::new();
    if let Err(error) = ended.is_sane() {
        complaints.push(error);
    }
    let is_known =
        |fault: &&String| row.faults.iter().any(|known| fault.trim_start_matches("hls:") == *known);
    let faults: Vec<&str> = ours.faults.iter().filter(|fault| !is_known(fault)).map(String::as_str).collect();
    if !faults.is_empty() {
        complaints.push(format!("faults: {}", faults.join(" ")));
    }
    if row.code.is_some_and(|code| ours.code != Some(code)) {
        complaints.push(format!("status {:?} and not {:?}: {}", ours.code, row.code, ended.stderr.trim()));
    }
    if row.pictures.is_some_and(|pictures| ours.good != pictures) {
        complaints.push(format!("{} pictures of {:?}", ours.good, row.pictures));
    }
    match (row.is_lossy, ours.holes) {
        (true, 0) => complaints.push("the loss is hidden".to_owned()),
        (false, 1..) => complaints.push(format!("{} holes of its own", ours.holes)),
        _ => {}
    }
    complaints
}

/// Where the engine is worse than a peer: column, its value, the peer's.
fn compared(row: &Row, ours: &Measured, peer: &Measured) -> Vec<(Column, i64, i64)> {
    let int = |count: usize| count as i64;
    // A peer that lets a tenth less through is not better for being neat about the rest.
    if peer.good * 10 < ours.good * 9 || peer.good == 0 {
        return Vec::new();
    }
    // More is better: negative. Times count once they are more than a frame, clock references once they break the standard.
    let columns = [
        (Column::Good, -int(ours.good), -int(peer.good)),
        (Column::Bad, int(ours.bad), int(peer.bad)),
        (Column::Errors, int(ours.errors), int(peer.errors)),
        (Column::Sound, -int(ours.sound), -int(peer.sound)),
        (Column::Back, int(ours.back), int(peer.back)),
        (Column::Hole, ours.hole, peer.hole + 40),
        (Column::Mistimed, int(ours.mistimed), int(peer.mistimed)),
        (Column::Sync, ours.sync, peer.sync.max(1)),
        (Column::Reference, ours.pcr as i64, peer.pcr.max(100) as i64),
    ];
    let compared = columns.into_iter().filter(|(column, ..)| !row.apart.contains(column));
    compared.filter(|(_, ours, peer)| ours > peer).collect()
}

fn print(results: &[(usize, &str, Outcome)]) {
    say(&format!("\n{:42} {HEAD} |{HEAD} |{HEAD}", "remux | ffmpeg -c copy | GStreamer"));
    for (_, name, result) in results {
        let columns: Vec<String> = result.measured.iter().map(Measured::row).collect();
        let mark = if result.complaints.is_empty() { ' ' } else { '*' };
        say(&format!("{mark}{name:41} {}", columns.join(" |")));
    }
}
