//! The bytes of a part as a stream: what breaks off or stalls is resumed at the next byte.
//!
//! What has come is given when the next has. Until then the connection still holds the buffer that it came in, and whoever
//! labels packets where they lie would have to copy them first: that copy was a quarter of what a segment costs.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use reqwest::Response;
use tokio::time::timeout;
use tracing::debug;

use super::UPSTREAM;
use super::answer::Answer;
use super::failure::Failure;
use super::patience::pause_before;
use super::reader::Reader;
use crate::domain::{Origin, RecordingKey};
use crate::error::Result;

/// The bytes of `answer` in order.
pub(super) fn stream_of(
    reader: Arc<Reader>,
    recording: RecordingKey,
    answer: Answer,
) -> BoxStream<'static, Result<Bytes>> {
    let Answer { origin, range, skip, response, .. } = answer;
    let (response, held) = (Some(response), Bytes::new());
    let body = Body { reader, recording, origin, rest: range, held, response, skip, since: 0, resumes: 0 };
    stream::try_unfold(body, Body::next).boxed()
}

struct Body {
    reader: Arc<Reader>,
    recording: RecordingKey,
    origin: Origin,
    /// What has not come yet.
    rest: Range<u64>,
    /// What has come last.
    held: Bytes,
    response: Option<Response>,
    /// Bytes that come before it and are dropped.
    skip: u64,
    /// Bytes that came since it was resumed.
    since: u64,
    /// How often in a row it was resumed and came no further.
    resumes: u32,
}

/// A body is resumed so many times in a row without [`PROGRESS`].
const MOST_RESUMES: u32 = 4;

/// Fewer bytes between two breaks are none.
const PROGRESS: u64 = 64 << 10;

impl Body {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        while !self.rest.is_empty() {
            match self.receive().await {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    let before = std::mem::replace(&mut self.held, bytes);
                    if !before.is_empty() {
                        return Ok(Some((unique(before), self)));
                    }
                }
                Err(failure) => {
                    let resumed = self.resume(failure).await;
                    resumed.map_err(|failure| self.reader.failed(&self.recording, failure))?;
                }
            }
        }
        let last = std::mem::take(&mut self.held);
        Ok((!last.is_empty()).then(|| (unique(last), self)))
    }

    /// The next bytes that are wanted; none where all that came had to be dropped.
    async fn receive(&mut self) -> Result<Bytes, Failure> {
        let ended = || Failure::BrokeOff("it ended early".to_owned());
        let response = self.response.as_mut().ok_or_else(ended)?;
        let longest = self.reader.settings.stall_timeout;
        let came = timeout(longest, response.chunk()).await.map_err(|_| Failure::Stalled(longest))?;
        let mut bytes = came.map_err(Failure::broke_off)?.ok_or_else(ended)?;
        self.reader.metrics.upstream_bytes.with_label_values(&[UPSTREAM]).inc_by(bytes.len() as u64);
        let dropped = bytes.len().min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        bytes.advance(dropped);
        self.skip -= dropped as u64;
        bytes.truncate(usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX));
        self.rest.start += bytes.len() as u64;
        self.since += bytes.len() as u64;
        Ok(bytes)
    }

    async fn resume(&mut self, failure: Failure) -> Result<(), Failure> {
        self.response = None;
        if self.origin.validator.is_none() {
            return Err(Failure::NotResumable(Box::new(failure)));
        }
        self.resumes = if self.since >= PROGRESS { 1 } else { self.resumes + 1 };
        self.since = 0;
        if self.resumes > MOST_RESUMES {
            return Err(failure);
        }
        debug!(recording = %self.recording.id, at = self.rest.start, reason = %failure, "resuming");
        tokio::time::sleep(pause_before(self.resumes)).await;
        let answer = self.reader.resume(&self.recording, self.rest.clone(), &self.origin).await?;
        (self.response, self.skip) = (Some(answer.response), answer.skip);
        Ok(())
    }
}

/// The same bytes in a buffer that nobody else holds: the connection may still hold the one they came in, as that of the last.
/// Nor is it much larger than they are, for whoever keeps them keeps all of it.
fn unique(bytes: Bytes) -> Bytes {
    match bytes.try_into_mut() {
        Ok(owned) if owned.len() >= owned.capacity() / 4 * 3 => owned.freeze(),
        Ok(roomy) => Bytes::copy_from_slice(&roomy),
        Err(shared) => Bytes::copy_from_slice(&shared),
    }
}
