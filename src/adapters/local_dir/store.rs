//! Indexes remembered in `WORK_DIR`, so that a restart reads no recording twice.
//!
//! A file per version of a recording, named by a hash of path, size, modification time and index format; written beside
//! and renamed, so that a crash leaves nothing half written.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use remux::index::{FORMAT_VERSION, Index};
use sha2::{Digest, Sha256};
use tracing::{info, warn};

use super::root::{Root, Stamp};

/// Where indexes are remembered; nowhere, if the directory cannot be used.
#[derive(Debug)]
pub(super) struct IndexStore(Option<PathBuf>);

impl IndexStore {
    /// Uses a directory of its own below `work_dir` for each root.
    pub(super) fn open(work_dir: &Path, root: &Root) -> Self {
        let root = root.path().canonicalize().unwrap_or_else(|_| root.path().to_owned());
        let directory = work_dir.join("index").join(hex(&[root.as_os_str().as_encoded_bytes()]));
        match prepare(work_dir, &directory) {
            Ok(()) => Self(Some(directory)),
            Err(error) => {
                warn!(work_dir = %work_dir.display(), %error, "WORK_DIR cannot be used: indexes are kept in memory only");
                Self(None)
            }
        }
    }

    /// The index of a version of a recording, if it is remembered and can be used.
    pub(super) fn load(&self, path: &str, stamp: Stamp) -> Option<Index> {
        let file = self.0.as_ref()?.join(file_name(path, stamp));
        let bytes = fs::read(&file).ok()?;
        // What cannot be read, and what was made from a file of another size, is made anew and written over.
        let index =
            Index::decode(&bytes).inspect_err(|error| warn!(path, %error, "remembered index not used"));
        index.ok().filter(|index| index.size == stamp.size)
    }

    /// Remembers an index. That it could not is worth a warning, no more.
    pub(super) fn save(&self, path: &str, stamp: Stamp, index: &Index) {
        let Some(directory) = &self.0 else { return };
        let name = file_name(path, stamp);
        let written =
            write_whole(&directory.join(format!(".{name}.{}", std::process::id())), &index.encode())
                .and_then(|temporary| fs::rename(temporary, directory.join(name)));
        if let Err(error) = written {
            warn!(path, %error, "index not remembered");
        }
    }

    /// Forgets what belongs to no version in `known`, once it is a day old: another process may be at work here.
    pub(super) fn sweep<'a>(&self, known: impl Iterator<Item = (&'a str, Stamp)>) {
        let Some(directory) = &self.0 else { return };
        let known: HashSet<String> = known.map(|(path, stamp)| file_name(path, stamp)).collect();
        let Ok(entries) = fs::read_dir(directory) else { return };
        let stale = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            !name.to_str().is_some_and(|name| known.contains(name)) && is_older(entry, STALE)
        });
        let swept = stale.filter(|entry| fs::remove_file(entry.path()).is_ok()).count();
        if swept > 0 {
            info!(swept, "forgot indexes of recordings that are gone");
        }
    }
}

const STALE: Duration = Duration::from_secs(24 * 3600);

fn is_older(entry: &fs::DirEntry, age: Duration) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|passed| passed > age))
}

/// Makes a directory below `work_dir` that nobody else may write to.
pub(in super::super) fn prepare(work_dir: &Path, directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    // The default lies in a directory that everybody may write to: whoever was there first is not trusted.
    for path in directory.ancestors().take_while(|path| path.starts_with(work_dir)) {
        let metadata = fs::metadata(path)?;
        let owner = metadata.uid();
        let is_ours = owner == rustix::process::geteuid().as_raw() || owner == 0;
        let anybody_may_replace = metadata.mode() & (ANYBODY_WRITES | STICKY) == ANYBODY_WRITES;
        if !is_ours || anybody_may_replace {
            let reason = format!("others may write to {}", path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
    }
    fs::remove_file(write_whole(&directory.join(format!(".probe.{}", std::process::id())), b"")?)
}

const ANYBODY_WRITES: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Writes a new file that nobody else can read.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(path.to_owned())
}

fn file_name(path: &str, stamp: Stamp) -> String {
    let (size, modified) = (stamp.size.to_be_bytes(), stamp.modified.to_be_bytes());
    let name = hex(&[path.as_bytes(), &size, &modified, &FORMAT_VERSION.to_be_bytes()]);
    format!("{name}.idx")
}

fn hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_that_anybody_may_change_is_not_trusted() {
        let directory = tempfile::tempdir().unwrap();
        let (work_dir, root) = (directory.path().join("work"), Root::new(directory.path().into()));
        assert!(IndexStore::open(&work_dir, &root).0.is_some());
        fs::set_permissions(&work_dir, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(IndexStore::open(&work_dir, &root).0.is_none());
        fs::set_permissions(&work_dir, fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(IndexStore::open(&work_dir, &root).0.is_some());
    }

    #[test]
    fn what_belongs_to_nothing_is_swept_once_it_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let store = IndexStore::open(directory.path(), &Root::new(directory.path().into()));
        let stamp = |size| Stamp { size, modified: 7 };
        let file = |size| store.0.as_ref().unwrap().join(file_name("cam/a.ts", stamp(size)));
        for size in [1, 2, 3] {
            fs::write(file(size), b"").unwrap();
        }
        for size in [1, 2] {
            let old = SystemTime::now() - 2 * STALE;
            fs::File::options().append(true).open(file(size)).unwrap().set_modified(old).unwrap();
        }
        store.sweep([("cam/a.ts", stamp(1))].into_iter());
        assert_eq!([1, 2, 3].map(|size| file(size).exists()), [true, false, true]);
    }
}
