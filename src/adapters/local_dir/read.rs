//! Reading: bytes of a segment as a stream, and all bytes of a recording for its index.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::stream::{self, Stream};
use remux::index::{Index, Indexer};
use rustix::buffer::spare_capacity;
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of a segment is read at a time: large enough that a read costs more than its way to a thread and back.
const READ: usize = 256 << 10;

/// How much is read at a time for an index.
const INDEX_READ: usize = 1 << 20;

/// The bytes of `range` in order. The next buffer is read while the one before is used; no more than these two exist.
pub(super) fn stream_of(file: File, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let reader = Reader { file: Arc::new(file), rest: range, ahead: None };
    stream::try_unfold(reader, |mut reader| async move {
        let Some(read) = reader.ahead.take().or_else(|| reader.start()) else { return Ok(None) };
        let bytes = read.await.map_err(io::Error::other)??;
        reader.ahead = reader.start();
        Ok(Some((bytes, reader)))
    })
}

struct Reader {
    file: Arc<File>,
    rest: Range<u64>,
    ahead: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Reader {
    fn start(&mut self) -> Option<JoinHandle<io::Result<Bytes>>> {
        let left = self.rest.end.checked_sub(self.rest.start).filter(|&left| left > 0)?;
        let length = usize::try_from(left).map_or(READ, |left| left.min(READ));
        let (file, offset) = (Arc::clone(&self.file), self.rest.start);
        self.rest.start += length as u64;
        Some(spawn_blocking(move || read_exactly(&file, offset, length)))
    }
}

/// A new buffer, filled.
fn read_exactly(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut buffer = Vec::with_capacity(length);
    while buffer.len() < length {
        let at = offset + buffer.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut buffer), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(buffer.into())
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

/// One pass over the first `size` bytes of a file. Blocks.
pub(super) fn index(file: &File, size: u64, stop: &AtomicBool) -> Result<Index, Unindexed> {
    if size == 0 {
        return Err(Unindexed::Empty);
    }
    let mut indexer = Indexer::new();
    let mut buffer = vec![0; INDEX_READ];
    let mut offset = 0;
    while offset < size {
        if stop.load(Ordering::Relaxed) {
            return Err(Unindexed::Stopped);
        }
        let length = usize::try_from(size - offset).map_or(INDEX_READ, |left| left.min(INDEX_READ));
        match rustix::io::pread(file, &mut buffer[..length], offset) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(read) => {
                indexer.push(&buffer[..read]);
                offset += read as u64;
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
    }
    Ok(indexer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, TryStreamExt};
    use std::io::Write;

    fn file_of(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[tokio::test]
    async fn a_range_comes_whole_and_in_order() {
        let content: Vec<u8> = (0..3 * READ + 77).map(|position| (position / 3) as u8).collect();
        for range in [0..content.len(), 5..6, READ..2 * READ, 13..3 * READ + 77, 9..9] {
            let stream = stream_of(file_of(&content), range.start as u64..range.end as u64);
            let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
            assert!(pieces.iter().all(|piece| piece.len() <= READ));
            assert!(pieces.concat() == content[range.clone()], "{range:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_shorter_than_its_range_is_an_error() {
        let results: Vec<_> = stream_of(file_of(&[1; 1000]), 0..1001).collect().await;
        assert!(results.last().unwrap().is_err());
    }

    #[test]
    fn a_pass_can_be_stopped() {
        let stopped = index(&file_of(&[0x47; 1000]), 1000, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Unindexed::Stopped)));
    }
}
