//! The bytes of a segment as a stream.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, Stream};
use rustix::buffer::spare_capacity;
use tokio::task::{JoinHandle, spawn_blocking};

/// How much of a segment is read at a time: large enough that a read costs more than its way to a thread and back.
const READ: usize = 256 << 10;

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
}
