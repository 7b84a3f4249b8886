//! Bytes of an object on their way out: in large reads, counted, as fast as allowed.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use tokio::task::spawn_blocking;

use super::Shared;
use super::visits::Visit;
use crate::lock;

/// Where bytes come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Bytes(Bytes),
    File(Arc<File>),
}

/// Bytes per read.
const READ: u64 = 256 << 10;

/// A body of `range`.
pub(super) fn body(sending: Sending, source: Source, range: Range<u64>, rate: Option<u64>) -> Body {
    let left = (source, range, sending);
    Body::from_stream(stream::try_unfold(left, move |(source, mut range, sending)| async move {
        if range.is_empty() {
            return Ok::<_, io::Error>(None);
        }
        let read = range.start..range.end.min(range.start + READ);
        let bytes = source.read(read).await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        pace(bytes.len() as u64, rate).await;
        sending.count(bytes.len() as u64);
        range.start += bytes.len() as u64;
        Ok(Some((bytes, (source, range, sending))))
    }))
}

async fn pace(bytes: u64, rate: Option<u64>) {
    if let Some(rate) = rate {
        tokio::time::sleep(Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64)).await;
    }
}

impl Source {
    async fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let length = usize::try_from(range.end - range.start).unwrap_or_default();
        match self {
            Self::Bytes(bytes) => {
                let start = usize::try_from(range.start).unwrap_or(usize::MAX);
                Ok(bytes.slice(start..start.saturating_add(length)))
            }
            Self::File(file) => {
                let file = Arc::clone(file);
                spawn_blocking(move || read_at(&file, range.start, length)).await.map_err(io::Error::other)?
            }
        }
    }
}

fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; length];
    let read = file.read_at(&mut buffer, offset)?;
    buffer.truncate(read);
    Ok(buffer.into())
}

/// Counts what is sent of one answer, and that it is being sent.
#[derive(Debug)]
pub(super) struct Sending {
    shared: Arc<Shared>,
    key: String,
    visit: Arc<Visit>,
}

impl Sending {
    pub(super) fn new(shared: Arc<Shared>, key: String, visit: Arc<Visit>) -> Self {
        shared.streaming.fetch_add(1, Ordering::Relaxed);
        Self { shared, key, visit }
    }

    fn count(&self, bytes: u64) {
        *lock(&self.shared.sent).entry(self.key.clone()).or_default() += bytes;
        self.visit.on_sent(bytes);
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.shared.streaming.fetch_sub(1, Ordering::Relaxed);
        self.visit.on_end();
    }
}
