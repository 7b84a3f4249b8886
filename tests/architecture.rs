//! Dependencies point inward. This reads the sources and says so.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::fs;
use std::path::{Path, PathBuf};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Which words the files below a path may not contain, outside of comments.
const WALLS: &[(&str, &[&str])] = &[
    ("domain", &["async ", "std::fs", "std::net", "std::env", "tokio", "futures", "crate::playback"]),
    (
        "domain",
        &["crate::http", "crate::adapters", "crate::config", "crate::app", "axum", "hyper", "m3u8_rs"],
    ),
    (
        "playback",
        &["axum", "hyper", "tower", "reqwest", "redis", "tokio", "moka", "std::fs", "std::net", "std::env"],
    ),
    ("playback", &["crate::http", "crate::adapters", "crate::config", "crate::app"]),
    (
        "live",
        &["axum", "hyper", "tower", "reqwest", "redis", "tokio", "moka", "std::fs", "std::net", "std::env"],
    ),
    ("live", &["crate::http", "crate::adapters", "crate::config", "crate::app"]),
    ("playback", &["crate::live"]),
    ("adapters", &["axum", "crate::http", "crate::config", "crate::app", "std::env"]),
    ("http", &["crate::adapters", "crate::app", "std::env", "std::fs"]),
];

/// Words that only one file may contain.
const ONLY_IN: &[(&str, &str)] = &[
    ("m3u8_rs", "playback/playlist.rs"),
    ("crate::adapters", "app/outside.rs"),
    ("Utc::now", "clock.rs"),
    ("prometheus", "metrics.rs"),
];

fn sources(below: &Path) -> Vec<PathBuf> {
    if below.is_file() {
        return vec![below.to_owned()];
    }
    fs::read_dir(below).unwrap().flat_map(|entry| sources(&entry.unwrap().path())).collect()
}

/// The code of a file, without comments and without its tests.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().take_while(|line| *line != "#[cfg(test)]" || file.ends_with("playback/mod.rs"));
    lines
        .map(|line| line.split("//").next().unwrap_or_default())
        .fold(String::new(), |code, line| code + line + "\n")
}

#[test]
fn nobody_reaches_outward() {
    for (below, words) in WALLS {
        let files = sources(&Path::new(SOURCES).join(below));
        assert!(!files.is_empty(), "{below}");
        for file in files {
            let code = code(&file);
            for word in *words {
                assert!(!code.contains(word), "{} names {word}", file.display());
            }
        }
    }
}

#[test]
fn some_things_have_one_place() {
    for (word, place) in ONLY_IN {
        let place = Path::new(SOURCES).join(place);
        assert!(code(&place).contains(word), "{} no longer names {word}", place.display());
        for file in sources(Path::new(SOURCES)).iter().filter(|file| **file != place) {
            assert!(!code(file).contains(word), "{} names {word}", file.display());
        }
    }
}
