//! A segment that is being made: a stream that does something only when it is polled, so back-pressure needs no buffer between.
//! While the client does not read nothing is read from the source, and to drop the body is to stop. Of an MP4 recording the
//! engine says what to read: its tables, then stretches of its media.

use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt, stream};
use remux::layout::{Container, Layout};
use remux::{Output, Packaging, Remuxer};
use tracing::{debug, warn};

use crate::domain::{Origin, RecordingKey};
use crate::error::{Error, Kind, Result};
use crate::playback::Playback;
use crate::playback::frames::Frames;
use crate::playback::locate::{Sketch, Way};
use crate::playback::ports::{Object, Part};

/// A segment that is being made. An error ends it; it never ends without one before it is complete.
pub(in crate::playback) struct SegmentBody {
    state: State,
    remuxer: Box<Remuxer>,
    frames: Frames,
    /// Where the next bytes of the source belong, and where those end that have been opened.
    source: Range<u64>,
    /// Where an MP4 recording keeps its tables.
    tables: Option<Range<u64>>,
    /// How it is looked for, where the recording has no index.
    way: Option<Way>,
    packaging: Packaging,
    recording: RecordingKey,
    /// What its bytes were when they were opened first.
    origin: Origin,
    playback: Playback,
    /// Time spent on it, without the time that the client took to read.
    busy: Duration,
}

/// ```text
/// Reading ──all the engine needs──▶ Draining ──▶ Over
///   │  ▲
///   ▼  │ bytes elsewhere are needed: MP4, or a segment that has not been found yet
/// Opening
/// ```
/// While nobody wants its bytes it may be `Resting`, and goes on by `Opening` what is left.
enum State {
    /// Nothing of the source is open.
    Resting,
    /// A range of the source is being opened.
    Opening(BoxFuture<'static, Result<(Object, Option<Way>)>>),
    /// Bytes of the source are pushed into the engine.
    Reading(BoxStream<'static, Result<Bytes>>),
    /// The engine has seen all it needs; what it still holds comes out.
    Draining,
    /// All bytes, or an error, have been given.
    Over,
}

impl SegmentBody {
    /// What `remuxer` makes of `source`.
    pub(super) fn new(
        recording: &RecordingKey,
        packaging: Packaging,
        remuxer: Remuxer,
        source: Object,
        playback: &Playback,
    ) -> Self {
        Self {
            state: State::Reading(source.bytes),
            remuxer: Box::new(remuxer),
            frames: Frames::default(),
            source: source.range,
            tables: None,
            way: None,
            packaging,
            recording: recording.clone(),
            origin: source.origin,
            playback: playback.clone(),
            busy: Duration::ZERO,
        }
    }

    /// The same where the recording may keep its tables elsewhere.
    pub(super) fn with_tables_of(self, layout: &Layout) -> Self {
        Self { tables: tables(layout), ..self }
    }

    /// The same of a segment that is looked for.
    pub(super) fn found_by(self, way: Way) -> Self {
        Self { way: Some(way), ..self }
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        loop {
            if let Some(frame) = self.frames.take() {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(output) = self.remuxer.poll() {
                self.on_output(output);
                continue;
            }
            match &mut self.state {
                State::Resting => self.reopen(),
                State::Opening(opening) => {
                    let (object, way) = ready!(opening.as_mut().poll(context))?;
                    self.source = object.range;
                    self.way = way;
                    self.state = State::Reading(object.bytes);
                }
                State::Reading(_) if self.remuxer.is_complete() => self.on_enough()?,
                State::Reading(source) => match ready!(source.as_mut().poll_next(context)) {
                    Some(bytes) => self.push(bytes?)?,
                    None => self.on_source_end()?,
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

    /// What the recording's bytes were when they were opened.
    pub(in crate::playback) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Lets go of the source until it is polled again, if bytes of it are still to come.
    pub(in crate::playback) fn rest(&mut self) -> bool {
        let rests = matches!(self.state, State::Reading(_)) && !self.source.is_empty();
        if rests {
            self.state = State::Resting;
        }
        rests
    }

    /// Goes on where it rested.
    fn reopen(&mut self) {
        let (opening, way) = (self.open(), self.way.take());
        self.state = State::Opening(async move { opening.await.map(|(object, _)| (object, way)) }.boxed());
    }

    fn push(&mut self, bytes: Bytes) -> Result<()> {
        let offset = self.source.start;
        self.source.start += bytes.len() as u64;
        if let Some(way) = &mut self.way {
            way.listen(&bytes);
        }
        self.remuxer.push(offset, bytes).map_err(|error| refused(&self.recording, &error))
    }

    /// The engine needs no more of these bytes: it has all, or they began too late.
    fn on_enough(&mut self) -> Result<()> {
        match (&self.way, self.remuxer.found()) {
            (Some(way), Some(found)) if way.is_late(&found) => self.look_again(),
            _ => self.finish()?,
        }
        Ok(())
    }

    /// The bytes began behind the segment's beginning; nothing of it has been given yet.
    fn look_again(&mut self) {
        let Some(mut way) = self.way.take() else { return };
        *self.remuxer = way.remuxer(self.packaging);
        let (objects, recording) = (Arc::clone(&self.playback.ports.objects), self.recording.clone());
        let opening = async move { way.open(&*objects, &recording).await.map(|object| (object, Some(way))) };
        self.state = State::Opening(opening.boxed());
    }

    /// What was opened is over: enough of an indexed recording; of another one more may be needed.
    fn on_source_end(&mut self) -> Result<()> {
        let more = match (&mut self.way, self.remuxer.found()) {
            (Some(way), Some(found)) => way.more(&found, self.source.end),
            _ => None,
        };
        let Some(part) = more else { return self.finish() };
        let (objects, recording, origin) =
            (Arc::clone(&self.playback.ports.objects), self.recording.clone(), self.origin.clone());
        let way = self.way.take();
        let opening =
            async move { objects.open(&recording, part, Some(&origin)).await.map(|object| (object, way)) };
        self.state = State::Opening(opening.boxed());
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.state = State::Draining;
        self.remuxer.finish().map_err(|error| refused(&self.recording, &error))
    }

    fn on_output(&mut self, output: Output) {
        match output {
            Output::Bytes(bytes) => self.frames.push(bytes),
            Output::Event(event) => debug!(recording = %self.recording.id, "{event}"),
            Output::Want(range) => self.on_want(range),
            _ => {}
        }
    }

    /// The engine goes on at `wanted`; that may be where it is being read anyway.
    fn on_want(&mut self, wanted: Range<u64>) {
        if matches!(self.state, State::Draining | State::Over) {
            return;
        }
        if wanted.start == self.source.start && wanted.start < self.source.end {
            return;
        }
        self.source = wanted.start..wanted.end.min(self.origin.size);
        // What lies behind the end of the recording is lost; the engine says so when it is finished.
        self.state = match self.source.is_empty() {
            true => State::Reading(stream::empty().boxed()),
            false => State::Opening(self.open().boxed()),
        };
    }

    fn open(&self) -> impl Future<Output = Result<(Object, Option<Way>)>> + Send + use<> {
        let (playback, recording, range, origin) =
            (self.playback.clone(), self.recording.clone(), self.source.clone(), self.origin.clone());
        let is_tables = self.tables.as_ref() == Some(&range);
        async move {
            let object = match is_tables {
                true => playback.tables_of(&recording, range, &origin).await,
                false => playback.ports.objects.open(&recording, Part::Range(range), Some(&origin)).await,
            };
            object.map(|object| (object, None))
        }
    }

    fn on_complete(&mut self) {
        if let Some(way) = &mut self.way {
            way.on_complete();
            self.playback.ports.indexes.on_learned(&self.recording);
            self.playback.read_if_contradicted(way.sketch(), &self.recording);
        }
        self.playback.metrics.transmux_duration_seconds.observe(self.busy.as_secs_f64());
        if self.remuxer.report().is_damaged() {
            self.playback.metrics.damaged_segments.inc();
        }
    }

    fn on_error(&mut self, error: &Error) {
        self.state = State::Over;
        self.playback.metrics.transmux_failures.inc();
        warn!(recording = %self.recording.id, offset = self.source.start, %error, "segment broken off");
    }
}

impl Playback {
    /// What is not as its head and tail said is read as a whole, for those who play on and for who opens a session then.
    pub(super) fn read_if_contradicted(&self, sketch: &Sketch, recording: &RecordingKey) {
        if sketch.is_contradicted() {
            let (indexes, recording) = (Arc::clone(&self.ports.indexes), recording.clone());
            // Whoever needs it is told why there is none.
            self.ports.tasks.spawn(async move { indexes.media(&recording).await.map_or((), drop) }.boxed());
        }
    }

    /// The tables of an MP4 recording: in memory, or read now.
    async fn tables_of(
        &self,
        recording: &RecordingKey,
        range: Range<u64>,
        origin: &Origin,
    ) -> Result<Object> {
        let bytes = match self.tables.get(recording, &self.metrics) {
            Some(bytes) => bytes,
            None => {
                let part = Part::Range(range.clone());
                let object = self.ports.objects.open(recording, part, Some(origin)).await?;
                let joined = |mut joined: BytesMut, bytes: Bytes| async move {
                    joined.extend_from_slice(&bytes);
                    Ok(joined)
                };
                let bytes = object.bytes.try_fold(BytesMut::new(), joined).await?.freeze();
                self.tables.insert(recording.clone(), bytes.clone(), &self.metrics);
                bytes
            }
        };
        let bytes = stream::once(async { Ok(bytes) }).boxed();
        Ok(Object { origin: origin.clone(), modified: None, range, bytes })
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

pub(super) fn refused(recording: &RecordingKey, error: &remux::Error) -> Error {
    Error::new(Kind::BadUpstream, format!("Recording {} cannot be played: {error}.", recording.id))
}

/// Where an MP4 recording keeps its tables.
fn tables(layout: &Layout) -> Option<Range<u64>> {
    match &layout.container {
        Container::Mp4 { moov } | Container::FragmentedMp4 { moov } => Some(moov.clone()),
        _ => None,
    }
}
