//! A segment: source bytes in, through the engine, body out.
//!
//! The body is a stream that does something only when it is polled, so back-pressure needs no buffer between: while the
//! client does not read nothing is read from the source, and to drop the body is to stop.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;
use remux::index::Cut;
use remux::layout::Layout;
use remux::{OUTPUT_VERSION, Output, Remuxer};
use sha2::{Digest, Sha256};
use tracing::{debug, warn};

use super::Playback;
use super::frames::Frames;
use super::ports::Object;
use crate::domain::{RecordingKey, SessionId};
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;

/// A segment that is ready to be sent.
#[derive(Debug)]
pub struct Segment {
    /// Names its bytes: the same in every session and on every replica, another one for anything that would change them.
    pub etag: String,
    /// Its bytes.
    pub body: SegmentBody,
}

impl Playback {
    /// Segment `index` of a session. Its recording has been opened and is still the one that was planned; nothing is
    /// read before the body is polled.
    ///
    /// # Errors
    /// [`Kind::UnknownSession`], [`Kind::UnknownSegment`], [`Kind::Gone`], or what the source says.
    pub async fn segment(&self, id: SessionId, index: u32) -> Result<Segment> {
        let kept = self.session_in_use(id).await?;
        let plan = &kept.session.plan;
        self.check_numbering(plan)?;
        let place = plan.place(index).ok_or_else(|| unknown_segment(index, plan.segments()))?;
        let key = &place.stretch.recording;
        let media = self.ports.indexes.media(key).await?;
        let cut = media.cuts().get(place.cut as usize);
        let found = cut.and_then(|cut| Some((cut, media.layout(cut.run)?, media.layout_digest(cut.run)?)));
        let (cut, layout, digest) =
            found.ok_or_else(|| Error::internal("A cut list does not fit its session."))?;
        let object = self.ports.objects.open(key, cut.bytes.clone()).await?;
        Ok(Segment {
            etag: etag(key, cut, digest),
            body: SegmentBody::new(Arc::clone(layout), cut, key, object, Arc::clone(&self.metrics)),
        })
    }
}

/// The bytes of a segment. An error ends it; it never ends without one before it is complete.
pub struct SegmentBody {
    state: State,
    remuxer: Box<Remuxer>,
    frames: Frames,
    /// Where the next bytes of the source belong.
    offset: u64,
    recording: RecordingKey,
    metrics: Arc<Metrics>,
    /// Time spent on it, without the time that the client took to read.
    busy: Duration,
}

enum State {
    /// Bytes of the source are pushed into the engine.
    Reading(BoxStream<'static, Result<Bytes>>),
    /// The engine has seen all it needs; what it still holds comes out.
    Draining,
    /// All bytes, or an error, have been given.
    Over,
}

impl SegmentBody {
    fn new(
        layout: Arc<Layout>,
        cut: &Cut,
        recording: &RecordingKey,
        source: Object,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            state: State::Reading(source.bytes),
            remuxer: Box::new(Remuxer::segment(layout, cut, remux::Packaging::TransportStream)),
            frames: Frames::default(),
            offset: cut.bytes.start,
            recording: recording.clone(),
            metrics,
            busy: Duration::ZERO,
        }
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Some(frame) = self.frames.take() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(output) = self.remuxer.poll() {
                self.on_output(output)?;
                continue;
            }
            match &mut self.state {
                State::Reading(_) if self.remuxer.is_complete() => self.finish()?,
                State::Reading(source) => match ready!(source.as_mut().poll_next(context)) {
                    Some(bytes) => self.push(bytes?)?,
                    None => self.finish()?,
                },
                State::Draining => match self.frames.take_last() {
                    Some(frame) => return Poll::Ready(Some(Ok(frame))),
                    None => {
                        self.state = State::Over;
                        self.on_complete();
                    }
                },
                State::Over => return Poll::Ready(None),
            }
        }
    }

    fn push(&mut self, bytes: Bytes) -> Result<()> {
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        self.remuxer.push(offset, bytes).map_err(|error| self.refused(&error))
    }

    fn finish(&mut self) -> Result<()> {
        self.state = State::Draining;
        self.remuxer.finish().map_err(|error| self.refused(&error))
    }

    fn on_output(&mut self, output: Output) -> Result<()> {
        match output {
            Output::Bytes(bytes) => self.frames.push(bytes),
            Output::Event(event) => debug!(recording = %self.recording.id, "{event}"),
            // Only containers ask for bytes elsewhere, and no recording that is played yet is kept in one.
            Output::Want(range) => {
                return Err(Error::internal(format!("the engine asks for bytes {range:?}")));
            }
            _ => {}
        }
        Ok(())
    }

    fn refused(&self, error: &remux::Error) -> Error {
        Error::new(Kind::BadUpstream, format!("Recording {} cannot be played: {error}.", self.recording.id))
    }

    fn on_complete(&self) {
        self.metrics.transmux_duration_seconds.observe(self.busy.as_secs_f64());
        if self.remuxer.report().is_damaged() {
            self.metrics.damaged_segments.inc();
        }
    }

    fn on_error(&mut self, error: &Error) {
        self.state = State::Over;
        self.metrics.transmux_failures.inc();
        warn!(recording = %self.recording.id, offset = self.offset, %error, "segment broken off");
    }
}

impl Stream for SegmentBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let begun = Instant::now();
        let polled = self.poll_frame(context);
        self.busy += begun.elapsed();
        if let Poll::Ready(Some(Err(error))) = &polled {
            self.on_error(&error.clone());
        }
        polled
    }
}

impl fmt::Debug for SegmentBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentBody").field("recording", &self.recording).finish_non_exhaustive()
    }
}

fn unknown_segment(index: u32, segments: u32) -> Error {
    Error::new(
        Kind::UnknownSegment,
        format!("The session has no segment {index}; it has {segments}, from 0 on."),
    )
}

/// A strong validator (RFC 9110 §8.8.3): a hash over everything that the bytes depend on.
fn etag(recording: &RecordingKey, cut: &Cut, layout_digest: &[u8; 32]) -> String {
    let version = &recording.version;
    let mut hash = Sha256::new();
    for text in [recording.id.as_str(), &version.validator, OPTIONS] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let end = cut.end.map_or(i64::MIN, |end| end.ticks());
    for number in [version.size, cut.run as u64, cut.bytes.start, cut.bytes.end] {
        hash.update(number.to_be_bytes());
    }
    hash.update(cut.start.ticks().to_be_bytes());
    hash.update(end.to_be_bytes());
    hash.update([u8::from(version.growing), u8::from(cut.first)]);
    hash.update(OUTPUT_VERSION.to_be_bytes());
    hash.update(layout_digest);
    let hex: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

/// How segments are made: as transport streams, without anything that a client could choose.
const OPTIONS: &str = "ts";
