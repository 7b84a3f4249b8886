//! Reading a recording, from a file or from stdin.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::buffer::spare_capacity;

use crate::progress::Progress;

/// Bytes asked for at a time: large enough that the calls do not count, small enough to stay in the cache of one core.
const CHUNK: usize = 256 << 10;

/// An open recording.
pub(crate) struct Input {
    file: OwnedFd,
    /// It is a file: any place of it can be read.
    can_jump: bool,
    progress: Progress,
}

impl Input {
    /// Opens a file; `-` is stdin.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = if path.as_os_str() == "-" {
            io::stdin().as_fd().try_clone_to_owned()?
        } else {
            let file = File::open(path)?;
            if file.metadata()?.is_dir() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
            }
            file.into()
        };
        let is_file =
            |status: rustix::fs::Stat| rustix::fs::FileType::from_raw_mode(status.st_mode).is_file();
        let can_jump = path.as_os_str() != "-" && rustix::fs::fstat(&file).is_ok_and(is_file);
        Ok(Self { file, can_jump, progress: Progress::default() })
    }

    /// Its length; `None` where it is no file.
    pub(crate) fn length(&self) -> Option<u64> {
        let status = rustix::fs::fstat(&self.file).ok()?;
        let is_regular = rustix::fs::FileType::from_raw_mode(status.st_mode).is_file();
        u64::try_from(status.st_size).ok().filter(|_| is_regular && self.can_jump)
    }

    /// From here on shows on a terminal how much of `total` bytes has been read, and `what` for.
    pub(crate) fn show_progress(&mut self, what: &'static str, total: Option<u64>) {
        self.progress = Progress::begin(what, total);
    }

    /// Whatever is printed from here on has the terminal to itself.
    pub(crate) fn hide_progress(&mut self) {
        self.progress = Progress::default();
    }

    /// Whether `file` is what is being read: to open it for writing would empty it.
    pub(crate) fn is(&self, file: &Path) -> bool {
        let (Ok(ours), Ok(theirs)) = (rustix::fs::fstat(&self.file), rustix::fs::stat(file)) else {
            return false;
        };
        let is_regular = rustix::fs::FileType::from_raw_mode(ours.st_mode).is_file();
        is_regular && (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino)
    }

    /// What stands at `offset`, or, where there is no going to any place, what comes next; at most `length` bytes and at most
    /// a chunk; empty at the end.
    pub(crate) fn read(&mut self, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut buffer = Vec::with_capacity(CHUNK.min(usize::try_from(length).unwrap_or(CHUNK)));
        self.read_into(offset, length, &mut buffer)?;
        Ok(buffer)
    }

    /// The same over what is in `buffer`.
    pub(crate) fn read_into(&mut self, offset: u64, length: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        let length = usize::try_from(length).unwrap_or(CHUNK).min(CHUNK);
        buffer.clear();
        buffer.reserve(length);
        match self.can_jump {
            true => retry(|| rustix::io::pread(&self.file, spare_capacity(buffer), offset))?,
            false => retry(|| rustix::io::read(&self.file, spare_capacity(buffer)))?,
        };
        if self.can_jump {
            buffer.truncate(length);
        }
        self.progress.on_bytes(buffer.len());
        Ok(())
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(rustix::io::Errno::INTR) => {}
            done => return Ok(done?),
        }
    }
}
