//! Every file of a corpus through `remux copy`, `probe` and `hls`: nothing breaks, the output is sound, and what it holds is
//! what ffmpeg finds in the source - or `corpus.tsv` says why not, and who is right.
//!
//! The corpus is a directory, named by `REMUX_CORPUS`; without it nothing is tested here. Its subdirectories say what is in
//! them: `ts`, `mp4`, `fmp4` (pieces that are joined), `es` (muxed first), `fuzz` (must only break nothing).

mod checks;
mod inputs;
mod table;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use tempfile::TempDir;

use self::table::Failure;
use crate::tools::say;

#[test]
fn every_file_of_the_corpus_comes_through() {
    let Some(corpus) = std::env::var_os("REMUX_CORPUS") else {
        say("corpus: skipped, REMUX_CORPUS names no directory");
        return;
    };
    let corpus = PathBuf::from(&corpus).canonicalize().expect("REMUX_CORPUS names a directory");
    let work = TempDir::new().unwrap();
    let inputs = inputs::collect(&corpus, work.path());
    assert!(!inputs.is_empty(), "no media in {}", corpus.display());
    let only = std::env::var("REMUX_CORPUS_ONLY").ok();
    let mut queue: Vec<_> = inputs
        .into_iter()
        .filter(|input| only.as_ref().is_none_or(|only| input.name.contains(only)))
        .collect();
    let names: BTreeSet<String> = queue.iter().map(|input| input.name.clone()).collect();
    // The small ones last, so that both threads end together.
    queue.sort_by_key(|input| input.size);
    let (queue, failures) = (Mutex::new(queue), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(input) = { queue.lock().unwrap().pop() } {
                    let found = checks::check(&input, work.path());
                    failures.lock().unwrap().extend(found);
                }
            });
        }
    });
    conclude(&names, failures.into_inner().unwrap());
}

/// Every failure has its row, and every row its failure.
fn conclude(names: &BTreeSet<String>, mut failures: Vec<Failure>) {
    let rows = table::read();
    failures.sort();
    let mut complaints = Vec::new();
    for failure in &failures {
        if !rows.iter().any(|row| row.covers(failure)) {
            complaints.push(format!("{}\t{}\t{}", failure.file, failure.check, failure.detail));
        }
    }
    for row in rows.iter().filter(|row| names.contains(&row.file)) {
        if !failures.iter().any(|failure| row.covers(failure)) {
            complaints.push(format!(
                "{}\t{}\tno longer fails: take its row out of corpus.tsv",
                row.file, row.check
            ));
        }
    }
    let todo = rows.iter().filter(|row| row.who == "todo").count();
    say(&format!(
        "corpus: {} files, {} known differences, {todo} of them to be done",
        names.len(),
        rows.len()
    ));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
