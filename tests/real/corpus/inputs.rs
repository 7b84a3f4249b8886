//! What is tested: the files of a corpus, some of them made into whole recordings first.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A recording to be tested.
#[derive(Debug)]
pub(crate) struct Input {
    /// The file's path in the corpus; of joined pieces that of the first.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ts,
    Mp4,
    /// Nothing is expected of it; the engine may refuse it.
    Hostile,
}

/// All files below `corpus`; what has to be made first goes to `work`.
pub(crate) fn collect(corpus: &Path, work: &Path) -> Vec<Input> {
    let mut files = Vec::new();
    walk(corpus, &mut files);
    files.sort();
    let mut inputs = Vec::new();
    for path in &files {
        let name = path.strip_prefix(corpus).unwrap().to_str().unwrap().to_owned();
        let (kind, path) = match name.split('/').next().unwrap_or_default() {
            "fuzz" => (Kind::Hostile, path.clone()),
            "mp4" => (Kind::Mp4, path.clone()),
            "es" => (Kind::Ts, muxed(path, &work.join(name.replace('/', "_")))),
            "fmp4" => match joined(path, &files, &work.join(name.replace('/', "_"))) {
                Some(joined) => (Kind::Mp4, joined),
                None => continue,
            },
            "ts" => (Kind::Ts, path.clone()),
            _ => continue,
        };
        let size = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        inputs.push(Input { name, path, size, kind });
    }
    inputs
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

/// An elementary stream in a transport stream, as ffmpeg makes one.
fn muxed(source: &Path, target: &Path) -> PathBuf {
    let target = target.with_extension("ts");
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "fatal", "-y", "-i"]).arg(source);
    // An elementary stream has no times: one after the other, 25 a second.
    let times = "setts=pts=N*3600:dts=N*3600:time_base=1/90000";
    let output = command.args(["-c", "copy", "-bsf:v", times, "-f", "mpegts"]).arg(&target).output().unwrap();
    if !output.status.success() {
        eprintln!("{}: ffmpeg cannot mux it: {}", source.display(), String::from_utf8_lossy(&output.stderr));
    }
    target
}

/// An init segment and the media segments beside it; `None` for the latter themselves, which go with their init segment.
/// What stands alone stays what it is.
fn joined(path: &Path, files: &[PathBuf], target: &Path) -> Option<PathBuf> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().to_ascii_lowercase();
    let is_init = |path: &Path| {
        ["init", "header", "dash.mp4"].iter().any(|part| name(path).contains(part))
            && !name(path).ends_with(".m4s")
    };
    let beside = || files.iter().filter(|other| other.parent() == path.parent());
    if !is_init(path) {
        let belongs_to_another = beside().any(|other| is_init(other) && stem(&name(other), &name(path)));
        return (!belongs_to_another).then(|| path.to_owned());
    }
    let mut bytes = std::fs::read(path).unwrap();
    for piece in beside().filter(|other| !is_init(other) && stem(&name(path), &name(other))) {
        bytes.extend(std::fs::read(piece).unwrap());
    }
    let target = target.with_extension("mp4");
    std::fs::write(&target, bytes).unwrap();
    Some(target)
}

/// Where a directory holds the pieces of several recordings, names that begin alike belong together.
fn stem(init: &str, piece: &str) -> bool {
    match init.split_once("init") {
        Some((before, _)) if before.ends_with('_') => piece.starts_with(before),
        _ => true,
    }
}
