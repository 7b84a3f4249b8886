//! One pass over a file for its index; over a transport stream that is still being written it is continued where it
//! stopped. Of an MP4 file only the tables are read.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use remux::index::{Index, Indexer, Wants};
use rustix::io::{Errno, pread};

use crate::domain::RecordingId;

/// A pass over the beginning of a file.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    indexer: Indexer,
    /// How far it has come.
    offset: u64,
    /// It is an MP4 file, of which only the tables are read. They are read again when more has been written.
    has_tables: bool,
    /// Device and inode: a name may mean another file later.
    file: (u64, u64),
}

/// Why a recording has no index.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unindexed {
    #[error("the file is empty")]
    Empty,
    #[error(transparent)]
    Media(#[from] remux::Error),
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("the service is stopping")]
    Stopped,
}

/// How much is read at a time.
const READ: usize = 1 << 20;

/// How much is read to see what it is: of MP4 little more may be needed.
const FIRST_READ: usize = 64 << 10;

impl Pass {
    /// A pass over a file of `size` bytes, to which more may be written.
    pub(super) fn new(file: &File, size: u64, is_growing: bool) -> Result<Self, Unindexed> {
        let indexer = if is_growing { Indexer::of_growing(size) } else { Indexer::with_size(size) };
        Ok(Self { indexer, offset: 0, has_tables: false, file: identity(file)? })
    }

    /// The index of the first `size` bytes, and how many were read for it. Blocks.
    pub(super) fn index(
        mut self,
        file: &File,
        size: u64,
        stop: &AtomicBool,
    ) -> Result<(Index, u64), Unindexed> {
        let read = self.go_on(file, size, stop)?;
        Ok((self.indexer.finish()?, read))
    }

    fn go_on(&mut self, file: &File, size: u64, stop: &AtomicBool) -> Result<u64, Unindexed> {
        if size == 0 {
            return Err(Unindexed::Empty);
        }
        let mut sum = 0;
        let mut buffer = vec![0; READ];
        while let Some(wanted) = self.wants(size) {
            if stop.load(Ordering::Relaxed) {
                return Err(Unindexed::Stopped);
            }
            let most = if wanted.start == 0 { FIRST_READ } else { READ };
            let length = usize::try_from(wanted.end - wanted.start).map_or(most, |left| left.min(most));
            match pread(file, &mut buffer[..length], wanted.start) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Ok(read) => {
                    self.indexer.push_at(wanted.start, &buffer[..read]);
                    self.offset = wanted.start + read as u64;
                    sum += read as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
        }
        Ok(sum)
    }

    /// What to read next: the next bytes, unless there are tables that say where to go on.
    fn wants(&mut self, size: u64) -> Option<Range<u64>> {
        let wanted = match self.indexer.wants() {
            Wants::Range(range) => {
                self.has_tables = true;
                range.start..range.end.min(size)
            }
            Wants::Nothing if self.has_tables => return None,
            Wants::Nothing | Wants::Next => self.offset..size,
        };
        (wanted.start < wanted.end).then_some(wanted)
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    file.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Passes over files that are still being written.
#[derive(Debug, Default)]
pub(super) struct Followed(Mutex<HashMap<RecordingId, Pass>>);

/// Files that are followed at a time: a pass keeps a few KB. Further ones are read from their beginning each time.
const FOLLOWED: usize = 1024;

impl Followed {
    /// As [`Pass::index`], without reading again what was read before.
    pub(super) fn index(
        &self,
        id: &RecordingId,
        file: &File,
        size: u64,
        stop: &AtomicBool,
    ) -> Result<(Index, u64), Unindexed> {
        let same_file = identity(file)?;
        let before = self.passes().remove(id).filter(|pass| pass.file == same_file && pass.offset <= size);
        let mut pass = before.map_or_else(|| Pass::new(file, size, true), Ok)?;
        let read = pass.go_on(file, size, stop)?;
        let index = pass.indexer.clone().finish();
        let mut passes = self.passes();
        if passes.len() < FOLLOWED && !pass.has_tables {
            passes.insert(id.clone(), pass);
        }
        Ok((index?, read))
    }

    pub(super) fn forget(&self, id: &RecordingId) {
        self.passes().remove(id);
    }

    fn passes(&self) -> MutexGuard<'_, HashMap<RecordingId, Pass>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const SAMPLE: &str = "testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts";

    fn sample() -> Vec<u8> {
        std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(SAMPLE)).unwrap()
    }

    #[test]
    fn following_a_file_reads_every_byte_once_and_learns_the_same() {
        let (bytes, stop) = (sample(), AtomicBool::new(false));
        let mut file = tempfile::tempfile().unwrap();
        let (followed, id) = (Followed::default(), RecordingId::from("growing"));
        let mut read = 0;
        for part in bytes.chunks(bytes.len() / 3 + 50) {
            file.write_all(part).unwrap();
            let size = file.metadata().unwrap().len();
            let (index, new) = followed.index(&id, &file, size, &stop).unwrap();
            assert_eq!(index, Pass::new(&file, size, false).unwrap().index(&file, size, &stop).unwrap().0);
            read += new;
        }
        assert_eq!(read, bytes.len() as u64);
        // Another file of the same name is read from its beginning.
        let mut other = tempfile::tempfile().unwrap();
        other.write_all(&bytes).unwrap();
        assert_eq!(followed.index(&id, &other, bytes.len() as u64, &stop).unwrap().1, bytes.len() as u64);
    }

    #[test]
    fn a_pass_can_be_stopped() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0x47; 1000]).unwrap();
        let stopped = Pass::new(&file, 1000, false).unwrap().index(&file, 1000, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Unindexed::Stopped)));
    }
}
