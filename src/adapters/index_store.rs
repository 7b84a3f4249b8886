//! What was learned of recordings, remembered in `WORK_DIR`, so that a restart reads no recording twice.
//!
//! A file per version of a recording, named by a hash of what tells versions apart and of the index format; written beside and
//! renamed, so that a crash leaves nothing half written.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use remux::index::FORMAT_VERSION;
use sha2::{Digest, Sha256};
use tracing::{info, warn};

/// Where it is remembered; nowhere, if the directory cannot be used.
#[derive(Debug)]
pub(super) struct IndexStore(Option<PathBuf>);

/// What is remembered of a version of a recording is called so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FileName(String);

impl FileName {
    /// The name for a version that `parts` tell apart from all others.
    pub(super) fn of(parts: &[&[u8]]) -> Self {
        let format = FORMAT_VERSION.to_be_bytes();
        Self(format!("{}.idx", hex(&[parts, &[&format]].concat())))
    }
}

impl IndexStore {
    /// Uses a directory of its own below `work_dir` for each `scope`.
    pub(super) fn open(work_dir: &Path, scope: &[u8]) -> Self {
        let directory = work_dir.join("index").join(hex(&[scope]));
        match prepare(work_dir, &directory) {
            Ok(()) => Self(Some(directory)),
            Err(error) => {
                warn!(work_dir = %work_dir.display(), %error, "WORK_DIR cannot be used: indexes are kept in memory only");
                Self(None)
            }
        }
    }

    /// What is remembered under a name.
    pub(super) fn load(&self, name: &FileName) -> Option<Vec<u8>> {
        fs::read(self.path(name)?).ok()
    }

    /// Whether anything is remembered under a name.
    pub(super) fn has(&self, name: &FileName) -> bool {
        self.path(name).is_some_and(|path| path.exists())
    }

    /// Remembers what was learned of `recording`. That it could not is worth a warning, no more.
    pub(super) fn save(&self, recording: &str, name: &FileName, bytes: &[u8]) {
        let Some((directory, path)) = self.0.as_ref().zip(self.path(name)) else { return };
        let temporary = directory.join(format!(".{}.{}", name.0, std::process::id()));
        let written = write_whole(&temporary, bytes).and_then(|temporary| fs::rename(temporary, path));
        if let Err(error) = written {
            warn!(recording, %error, "index not remembered");
        }
    }

    /// Forgets what is remembered under a name.
    pub(super) fn forget(&self, name: &FileName) {
        if let Some(path) = self.path(name) {
            // What is not there is forgotten.
            let _ = fs::remove_file(path);
        }
    }

    /// Forgets what is `age` old and not in `known`.
    pub(super) fn sweep(&self, known: &HashSet<FileName>, age: Duration) {
        let Some(directory) = &self.0 else { return };
        let Ok(entries) = fs::read_dir(directory) else { return };
        let known: HashSet<&str> = known.iter().map(|name| name.0.as_str()).collect();
        let stale = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            !name.to_str().is_some_and(|name| known.contains(name)) && is_older(entry, age)
        });
        let swept = stale.filter(|entry| fs::remove_file(entry.path()).is_ok()).count();
        if swept > 0 {
            info!(swept, "forgot indexes of recordings that are gone");
        }
    }

    /// Where it is remembered, if anywhere.
    pub(super) fn path(&self, name: &FileName) -> Option<PathBuf> {
        self.0.as_ref().map(|directory| directory.join(&name.0))
    }
}

fn is_older(entry: &fs::DirEntry, age: Duration) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|passed| passed > age))
}

/// Makes a directory below `work_dir` that nobody else may write to.
pub(super) fn prepare(work_dir: &Path, directory: &Path) -> io::Result<()> {
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
        let work_dir = directory.path().join("work");
        assert!(IndexStore::open(&work_dir, b"scope").0.is_some());
        fs::set_permissions(&work_dir, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(IndexStore::open(&work_dir, b"scope").0.is_none());
        fs::set_permissions(&work_dir, fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(IndexStore::open(&work_dir, b"scope").0.is_some());
    }

    #[test]
    fn what_is_remembered_can_be_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let store = IndexStore::open(directory.path(), b"scope");
        let name = FileName::of(&[b"a", b"b"]);
        assert_ne!(name, FileName::of(&[b"ab", b""]));
        store.save("a", &name, b"bytes");
        assert_eq!(store.load(&name).as_deref(), Some(&b"bytes"[..]));
        assert_eq!(IndexStore::open(directory.path(), b"another").load(&name), None);
        store.forget(&name);
        assert_eq!(store.load(&name), None);
    }
}
