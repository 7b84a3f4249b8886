//! Writing what the engine puts out.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::os::fd::AsFd;
use std::path::Path;

use bytes::Bytes;

use crate::input::Input;

/// Where output goes. Pieces are collected and written with few calls.
pub(crate) struct Sink {
    file: File,
    pieces: Vec<Bytes>,
    /// Bytes taken so far.
    written: u64,
}

/// Pieces written with one call; the system takes no more than 1024.
const PIECES: usize = 512;

impl Sink {
    /// Creates a file, or writes over it, but never over `input`; `-` is stdout.
    pub(crate) fn create(path: &Path, input: &Input) -> io::Result<Self> {
        if input.is(path) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is the recording that is being read"));
        }
        let file = if path.as_os_str() == "-" {
            io::stdout().as_fd().try_clone_to_owned()?.into()
        } else {
            File::create(path)?
        };
        Ok(Self { file, pieces: Vec::with_capacity(PIECES), written: 0 })
    }

    /// Takes the next bytes.
    pub(crate) fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.pieces.push(bytes);
        if self.pieces.len() == PIECES { self.flush() } else { Ok(()) }
    }

    /// Bytes taken so far.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes what was taken.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = self.pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match self.file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut rest, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.pieces.clear();
        Ok(())
    }
}

/// Writes a whole file; `-` is stdout.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.as_os_str() == "-" { io::stdout().write_all(bytes) } else { std::fs::write(path, bytes) }
}
