//! Recordings in a directory, as `{camera}/{YYYY}/{MM}/{DD}/{HH-MM-SS}.{ts,mp4}`: what rows and objects are made of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use crate::{Origin, Row, StorageService};

/// A file that is a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Whose.
    pub camera: String,
    /// When it begins, by its name.
    pub start: DateTime<Utc>,
    /// Its path below the directory, and its key in the bucket.
    pub key: String,
    /// Where it is.
    pub file: PathBuf,
    /// Its length in bytes.
    pub size: u64,
}

/// The recordings below `root`, by camera and start. What is named otherwise is passed over.
///
/// # Errors
/// Where a directory cannot be read.
pub fn recordings(root: &Path) -> io::Result<Vec<Recording>> {
    let mut found = Vec::new();
    walk(root, root, &mut found)?;
    found.sort_by(|a, b| (&a.camera, a.start).cmp(&(&b.camera, b.start)));
    Ok(found)
}

fn walk(root: &Path, directory: &Path, found: &mut Vec<Recording>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, found)?;
        } else if let Some(key) = path.strip_prefix(root).ok().and_then(Path::to_str)
            && let Some((camera, start)) = name(key)
        {
            let size = fs::metadata(&path)?.len();
            found.push(Recording { camera, start, key: key.to_owned(), file: path, size });
        }
    }
    Ok(())
}

/// Camera and start, out of a key.
fn name(key: &str) -> Option<(String, DateTime<Utc>)> {
    let stem = key.strip_suffix(".ts").or_else(|| key.strip_suffix(".mp4"))?;
    let parts: Vec<&str> = stem.split('/').collect();
    let (camera, time) = parts.split_at_checked(parts.len().checked_sub(4)?)?;
    let start = NaiveDateTime::parse_from_str(&time.join("/"), "%Y/%m/%d/%H-%M-%S").ok()?;
    (!camera.is_empty()).then(|| (camera.join("/"), start.and_utc()))
}

/// How long recordings are taken to be, whose names do not say: the least distance between two of a camera, or else an
/// hour.
pub fn usual_length(recordings: &[Recording]) -> Duration {
    let neighbours = recordings.iter().zip(recordings.iter().skip(1));
    let distances = neighbours.filter(|(a, b)| a.camera == b.camera).map(|(a, b)| b.start - a.start);
    distances.min().unwrap_or_else(|| Duration::hours(1))
}

/// Gives every recording a row and an object. Each row ends after `length`, or where the next one starts.
pub fn load(recordings: &[Recording], length: Duration, storage: &StorageService, origin: &Origin) {
    let mut starts: BTreeMap<&str, Vec<DateTime<Utc>>> = BTreeMap::new();
    for recording in recordings {
        starts.entry(&recording.camera).or_default().push(recording.start);
    }
    for recording in recordings {
        let starts = starts.get(recording.camera.as_str()).map(Vec::as_slice).unwrap_or_default();
        let next = starts.iter().find(|start| **start > recording.start);
        let length = next.map_or(length, |next| length.min(*next - recording.start));
        origin.put(&recording.key, recording.file.clone());
        let row = Row::at(&recording.camera, recording.start, length);
        storage.add(row.with("storage_path", recording.key.clone()).with("size_bytes", recording.size));
    }
}

/// The cameras of `recordings`, each once.
pub fn cameras(recordings: &[Recording]) -> Vec<&str> {
    let mut cameras: Vec<&str> = recordings.iter().map(|recording| recording.camera.as_str()).collect();
    cameras.dedup();
    cameras
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_camera_and_start() {
        let start = "2026-03-14T10:07:30Z".parse().ok();
        let found = name("site/door/2026/03/14/10-07-30.ts");
        assert_eq!(found, start.map(|start| ("site/door".to_owned(), start)));
        for other in
            ["2026/03/14/10-07-30.ts", "a/2026/03/14/10-07-30.txt", "a/2026/13/14/10-07-30.ts", "a.ts"]
        {
            assert_eq!(name(other), None, "{other}");
        }
    }
}
