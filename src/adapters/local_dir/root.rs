//! Opening files below the root, and only there.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::TimeDelta;
use rustix::fs::{Mode, OFlags};

use crate::domain::{Version, WallTime};

/// The directory of recordings.
#[derive(Debug, Clone)]
pub(super) struct Root(PathBuf);

/// What tells states of a file apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// Modification time, nanoseconds since 1970.
    pub(super) modified: i128,
}

impl Root {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens a regular file for reading. A path that leaves the root, by `..` or over a link, is refused.
    pub(super) fn open(&self, below: &str) -> io::Result<(File, Stamp)> {
        let file = self.open_beneath(below)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok((file, Stamp::of(&metadata)))
    }

    #[cfg(target_os = "linux")]
    fn open_beneath(&self, below: &str) -> io::Result<File> {
        use rustix::fs::{ResolveFlags, openat2};
        use rustix::io::Errno;

        let root = File::open(&self.0)?;
        match openat2(&root, below, FLAGS, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS)
        {
            Ok(file) => Ok(file.into()),
            // Kernels before 5.6, and sandboxes that do not know the call yet.
            Err(Errno::NOSYS | Errno::PERM) => self.open_canonical(below),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_beneath(&self, below: &str) -> io::Result<File> {
        self.open_canonical(below)
    }

    /// For systems that cannot confine a lookup: follow all links first, then look whether that led out.
    fn open_canonical(&self, below: &str) -> io::Result<File> {
        let root = self.0.canonicalize()?;
        let path = root.join(below).canonicalize()?;
        if !path.starts_with(&root) {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the path leaves the directory of recordings",
            ));
        }
        Ok(rustix::fs::open(&path, FLAGS | OFlags::NOFOLLOW, Mode::empty())?.into())
    }
}

/// `NONBLOCK` because opening a pipe would wait for a writer; regular files ignore it.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NOCTTY).union(OFlags::NONBLOCK);

/// A file that nobody has written to for this long is complete.
const STILL_WRITTEN: TimeDelta = TimeDelta::seconds(5);

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { size: metadata.len(), modified }
    }

    /// When the file was last written to.
    pub(super) fn modified_at(self) -> WallTime {
        i64::try_from(self.modified).map_or(WallTime::MAX_UTC, WallTime::from_timestamp_nanos)
    }

    /// Whether a file that has this state now is still being written. One of the future tells nothing.
    pub(super) fn is_fresh(self, now: WallTime) -> bool {
        (now - self.modified_at()).abs() < STILL_WRITTEN
    }

    /// The modification time as the validator of a version.
    pub(super) fn validator(self) -> Arc<str> {
        self.modified.to_string().into()
    }

    /// The state that a version was made from.
    pub(super) fn of_version(version: &Version) -> Option<Self> {
        Some(Self { size: version.size, modified: version.validator.parse().ok()? })
    }

    /// Whether a file in this state still holds all bytes of a version.
    pub(super) fn holds(self, version: &Version) -> bool {
        // Who writes a recording appends to it.
        let has_grown = version.growing && self.size >= version.size;
        has_grown || Self::of_version(version) == Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        std::fs::create_dir_all(root.join("cam")).unwrap();
        std::fs::write(root.join("cam/in.ts"), b"inside").unwrap();
        std::fs::write(directory.path().join("secret"), b"outside").unwrap();
        symlink("in.ts", root.join("cam/link.ts")).unwrap();
        symlink("../../secret", root.join("cam/out.ts")).unwrap();
        symlink(directory.path().join("secret"), root.join("cam/absolute.ts")).unwrap();
        (directory, Root::new(root))
    }

    #[test]
    fn files_below_the_root_open_and_others_do_not() {
        let (_directory, root) = tree();
        assert_eq!(root.open("cam/in.ts").unwrap().1.size, 6);
        assert_eq!(root.open("cam/link.ts").unwrap().1.size, 6);
        for path in [
            "../secret",
            "cam/../../secret",
            "cam/out.ts",
            "cam/absolute.ts",
            "/etc/hostname",
            "cam",
            "cam/none.ts",
        ] {
            assert!(root.open(path).is_err(), "{path}");
        }
    }

    #[test]
    fn the_portable_way_refuses_the_same() {
        let (_directory, root) = tree();
        assert!(root.open_canonical("cam/link.ts").is_ok());
        for path in ["../secret", "cam/../../secret", "cam/out.ts", "cam/absolute.ts", "/etc/hostname"] {
            assert!(root.open_canonical(path).is_err(), "{path}");
        }
    }
}
