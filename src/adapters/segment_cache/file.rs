//! A segment as a file: a head that says what it is, and blocks, each with a checksum. Written beside and renamed; what a crash
//! leaves of one is found out when it is read.
//!
//! ```text
//! magic | length of the head u32 | checksum of the head u64 | head (JSON) | { checksum u64 | block }…
//! ```
//! Numbers are big endian; checksums are XXH3 with the number of the block as seed. Every block but the last has [`BLOCK`] bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::domain::{Origin, RecordingKey, WallTime};
use crate::playback::ports::{Finished, SegmentKey};

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    key: String,
    /// Hash of the recording: files name nobody's camera.
    recording: String,
    origin_size: u64,
    origin_validator: Option<String>,
    pub(super) written_at: WallTime,
    /// Bytes of the segment.
    pub(super) length: u64,
}

const MAGIC: &[u8; 8] = b"segment\x01";
const BLOCK: usize = 256 << 10;
const CHECKSUM: usize = 8;
/// Magic, length, checksum.
const BEFORE_HEAD: usize = 20;
/// The longest head that is read.
const LONGEST_HEAD: usize = 16 << 10;

/// A hash of which recording.
pub(super) fn hash_of(recording: &RecordingKey) -> u128 {
    let version = &recording.version;
    let text = format!("{:?}", (recording.id.as_str(), &recording.object, version.size, &version.validator));
    xxhash_rust::xxh3::xxh3_128(text.as_bytes())
}

impl Head {
    pub(super) fn of(key: &SegmentKey, segment: &Finished, now: WallTime) -> Self {
        Self {
            key: key.to_string(),
            recording: format!("{:032x}", hash_of(&segment.recording)),
            origin_size: segment.origin.size,
            origin_validator: segment.origin.validator.as_deref().map(str::to_owned),
            written_at: now,
            length: segment.len(),
        }
    }

    pub(super) fn recording(&self) -> u128 {
        u128::from_str_radix(&self.recording, 16).unwrap_or_default()
    }

    pub(super) fn origin(&self) -> Origin {
        Origin { size: self.origin_size, validator: self.origin_validator.as_deref().map(Into::into) }
    }

    /// The head with all that comes before the blocks.
    fn encode(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        let checksum = xxh3_64_with_seed(&text, u64::MAX);
        Ok([MAGIC, &length.to_be_bytes()[..], &checksum.to_be_bytes(), &text].concat())
    }

    fn read(file: &mut File) -> io::Result<(Self, usize)> {
        let mut start = [0; BEFORE_HEAD];
        file.read_exact(&mut start)?;
        let (magic, rest) = start.split_at(MAGIC.len());
        let (length, checksum) = rest.split_at(4);
        let length = length.iter().fold(0_usize, |number, &byte| number << 8 | usize::from(byte));
        if magic != MAGIC || length > LONGEST_HEAD {
            return Err(damaged("it is no segment"));
        }
        let mut text = vec![0; length];
        file.read_exact(&mut text)?;
        if xxh3_64_with_seed(&text, u64::MAX).to_be_bytes() != checksum {
            return Err(damaged("its head has another checksum"));
        }
        Ok((serde_json::from_slice(&text)?, BEFORE_HEAD + length))
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Writes a segment under a `temporary` name and renames it. Gives the length of the file.
pub(super) fn write(temporary: &Path, path: &Path, head: &Head, segment: &Finished) -> io::Result<u64> {
    let written = write_new(temporary, head, segment).and_then(|length| {
        fs::rename(temporary, path)?;
        Ok(length)
    });
    written.inspect_err(|_| {
        // What is left is swept at the next start.
        let _ = fs::remove_file(temporary);
    })
}

fn write_new(path: &Path, head: &Head, segment: &Finished) -> io::Result<u64> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    let head = head.encode()?;
    file.write_all(&head)?;
    let mut length = head.len() as u64;
    let mut block = Vec::with_capacity(BLOCK);
    let mut number = 0;
    let mut put = |block: &mut Vec<u8>| {
        file.write_all(&xxh3_64_with_seed(block, number).to_be_bytes())?;
        file.write_all(block)?;
        length += (CHECKSUM + block.len()) as u64;
        number += 1;
        block.clear();
        io::Result::Ok(())
    };
    for frame in &segment.frames {
        let mut frame = &frame[..];
        while !frame.is_empty() {
            let (now, rest) = frame.split_at(frame.len().min(BLOCK - block.len()));
            block.extend_from_slice(now);
            frame = rest;
            if block.len() == BLOCK {
                put(&mut block)?;
            }
        }
    }
    if !block.is_empty() {
        put(&mut block)?;
    }
    Ok(length)
}

/// A segment's file that has been opened.
#[derive(Debug)]
pub(super) struct SegmentFile {
    file: File,
    left: u64,
    number: u64,
}

/// Opens the file of a segment, if it is one of the right length.
pub(super) fn open(path: &Path, key: &SegmentKey) -> io::Result<(Head, SegmentFile)> {
    let mut file = File::open(path)?;
    let (head, before) = Head::read(&mut file)?;
    let blocks = head.length.div_ceil(BLOCK as u64);
    let expected = (before as u64).checked_add(head.length).and_then(|sum| sum.checked_add(blocks * 8));
    if head.key != key.to_string() {
        return Err(damaged("it is another segment"));
    }
    if Some(file.metadata()?.len()) != expected {
        return Err(damaged("it has another length"));
    }
    let left = head.length;
    Ok((head, SegmentFile { file, left, number: 0 }))
}

impl SegmentFile {
    /// The next block; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        let length = usize::try_from(self.left).map_or(BLOCK, |left| left.min(BLOCK));
        if length == 0 {
            return Ok(None);
        }
        let mut checksum = [0; CHECKSUM];
        self.file.read_exact(&mut checksum)?;
        let mut block = Vec::with_capacity(length);
        let read = Read::take(&mut self.file, length as u64).read_to_end(&mut block)?;
        if read != length || xxh3_64_with_seed(&block, self.number).to_be_bytes() != checksum {
            return Err(damaged("a block has another checksum"));
        }
        self.left -= length as u64;
        self.number += 1;
        Ok(Some(block.into()))
    }

    /// So that the order of use outlives a restart.
    pub(super) fn on_used(&self, now: WallTime) {
        // Where that cannot be noted it only goes earlier.
        let _ = self.file.set_modified(now.into());
    }
}
