//! One walk over the directory: which recordings there are, without opening any.

use std::fs::DirEntry;
use std::io;
use std::sync::Arc;

use chrono_tz::Tz;

use super::root::{Root, Stamp};
use crate::domain::Name;

/// What a walk finds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) files: Vec<Found>,
    /// Directories that could not be read, and files that were gone before they could be looked at.
    pub(super) failures: Vec<(String, io::Error)>,
    /// There are more than [`MAX_FILES`]; the rest was not looked at.
    pub(super) truncated: bool,
}

/// A file whose path is that of a recording.
#[derive(Debug)]
pub(super) struct Found {
    /// Path below the root, with slashes.
    pub(super) path: Arc<str>,
    pub(super) name: Name,
    /// Size and time; why it is refused otherwise.
    pub(super) stamp: Result<Stamp, String>,
}

impl Found {
    /// Why it is not even opened.
    pub(super) fn refused(&self) -> Option<&str> {
        self.stamp.as_ref().err().map(String::as_str)
    }
}

/// Recordings that are kept track of. More are not seen, and a warning says so: this many take about 1 GB.
pub(super) const MAX_FILES: usize = 1_000_000;

/// How deep below the root recordings may lie. Deeper directories are not seen.
const MAX_DEPTH: usize = 16;

/// # Errors
/// Where the root itself cannot be read.
pub(super) fn scan(root: &Root, zone: Tz) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut directories = vec![String::new()];
    std::fs::read_dir(root.path())?;
    while let Some(directory) = directories.pop() {
        let found = scan.look_into(root, zone, &directory, &mut directories);
        if let Err(error) = found {
            scan.failures.push((directory, error));
        }
        if scan.files.len() >= MAX_FILES {
            scan.truncated = true;
            break;
        }
    }
    Ok(scan)
}

impl Scan {
    /// What somebody should know about it.
    pub(super) fn complaints(&self) -> Vec<String> {
        let failures = self.failures.first().map(|(path, error)| {
            format!("{} files or directories could not be looked at: {path}: {error}", self.failures.len())
        });
        let mut refused =
            self.files.iter().filter_map(|file| file.refused().map(|reason| (&file.path, reason)));
        let refused = refused.next().map(|(path, reason)| {
            format!("{} recordings are left out: {path}: {reason}", refused.count() + 1)
        });
        let truncated = self.truncated.then(|| format!("only the first {MAX_FILES} recordings are seen"));
        failures.into_iter().chain(refused).chain(truncated).collect()
    }

    fn look_into(
        &mut self,
        root: &Root,
        zone: Tz,
        directory: &str,
        deeper: &mut Vec<String>,
    ) -> io::Result<()> {
        for entry in std::fs::read_dir(root.path().join(directory))? {
            let entry = entry?;
            // Cameras and recordings have ASCII names.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if path.matches('/').count() < MAX_DEPTH {
                    deeper.push(path);
                }
            } else if let Some(name) = Name::parse(&path, zone) {
                match stamp(root, &entry, &path, kind.is_symlink()) {
                    Ok(stamp) => self.files.push(Found { path: path.into(), name, stamp }),
                    Err(error) => self.failures.push((path, error)),
                }
            }
        }
        Ok(())
    }
}

/// Links are followed as far as they stay below the root.
fn stamp(root: &Root, entry: &DirEntry, path: &str, is_link: bool) -> io::Result<Result<Stamp, String>> {
    if is_link {
        let target = root.open(path).map(|(_, stamp)| stamp);
        return Ok(target.map_err(|error| format!("a link that is not followed: {error}")));
    }
    let metadata = entry.metadata()?;
    Ok(if metadata.is_file() { Ok(Stamp::of(&metadata)) } else { Err("not a regular file".to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn finds_recordings_and_refuses_links_that_leave() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        for path in ["a/2026/03/14/10-00-00.ts", "site/b/2026-03-14-10-00-00.ts", "a/notes.txt"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        fs::write(directory.path().join("secret"), b"x").unwrap();
        symlink(directory.path().join("secret"), root.join("a/2026-03-14-11-00-00.ts")).unwrap();
        symlink(&root, root.join("loop")).unwrap();

        let mut scan = scan(&Root::new(root), Tz::UTC).unwrap();
        scan.files.sort_by(|a, b| a.path.cmp(&b.path));
        let found: Vec<(&str, bool)> =
            scan.files.iter().map(|file| (&*file.path, file.stamp.is_ok())).collect();
        assert_eq!(
            found,
            [
                ("a/2026-03-14-11-00-00.ts", false),
                ("a/2026/03/14/10-00-00.ts", true),
                ("site/b/2026-03-14-10-00-00.ts", true)
            ]
        );
        assert!(scan.failures.is_empty());
    }
}
