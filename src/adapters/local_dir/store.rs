//! Indexes of files, remembered by path, size and modification time.

use std::path::Path;
use std::time::Duration;

use remux::index::Index;
use tracing::warn;

use super::super::index_store::{self, FileName};
use super::root::{Root, Stamp};

/// Where indexes are remembered.
#[derive(Debug)]
pub(super) struct IndexStore(index_store::IndexStore);

/// Another process may be at work in the same directory: what belongs to no file is forgotten after this long.
const STALE: Duration = Duration::from_secs(24 * 3600);

impl IndexStore {
    /// Uses a directory of its own below `work_dir` for each root.
    pub(super) fn open(work_dir: &Path, root: &Root) -> Self {
        let root = root.path().canonicalize().unwrap_or_else(|_| root.path().to_owned());
        Self(index_store::IndexStore::open(work_dir, root.as_os_str().as_encoded_bytes()))
    }

    /// The index of a version of a recording, if it is remembered and can be used.
    pub(super) fn load(&self, path: &str, stamp: Stamp) -> Option<Index> {
        let bytes = self.0.load(&file_name(path, stamp))?;
        // What cannot be read, and what was made from a file of another size, is made anew and written over.
        let index =
            Index::decode(&bytes).inspect_err(|error| warn!(path, %error, "remembered index not used"));
        index.ok().filter(|index| index.size == stamp.size)
    }

    /// Remembers an index.
    pub(super) fn save(&self, path: &str, stamp: Stamp, index: &Index) {
        self.0.save(path, &file_name(path, stamp), &index.encode());
    }

    /// Forgets what belongs to no version in `known`.
    pub(super) fn sweep<'a>(&self, known: impl Iterator<Item = (&'a str, Stamp)>) {
        self.0.sweep(&known.map(|(path, stamp)| file_name(path, stamp)).collect(), STALE);
    }
}

fn file_name(path: &str, stamp: Stamp) -> FileName {
    FileName::of(&[path.as_bytes(), &stamp.size.to_be_bytes(), &stamp.modified.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::SystemTime;

    #[test]
    fn what_belongs_to_nothing_is_swept_once_it_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let store = IndexStore::open(directory.path(), &Root::new(directory.path().into()));
        let stamp = |size| Stamp { size, modified: 7 };
        let file = |size| store.0.path(&file_name("cam/a.ts", stamp(size))).unwrap();
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
