//! A segment: source bytes in, through the engine, body out.
//!
//! The body is a stream that does something only when it is polled, so back-pressure needs no buffer between: while the
//! client does not read nothing is read from the source, and to drop the body is to stop. Of an MP4 recording the engine says
//! what to read: its tables, then stretches of its media.

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
use remux::index::Cut;
use remux::layout::{Container, Layout};
use remux::locate::{Grid, Thresholds};
use remux::{OUTPUT_VERSION, Output, Packaging, Remuxer};
use sha2::{Digest, Sha256};
use tracing::{debug, warn};

use super::Playback;
use super::flight::{Make, Wanted};
use super::frames::Frames;
use super::kept::SegmentKey;
use super::locate::{Sketch, Way, being_read};
use super::media::{Media, MediaRun};
use super::plan::Plan;
use super::playlist::extension;
use super::ports::{Note, Object, Part};
pub use super::served::Served;
use crate::domain::{Origin, RecordingKey, SessionId};
use crate::error::{Error, Kind, Result};

/// A segment that is ready to be sent.
#[derive(Debug)]
pub struct Segment {
    /// Names its bytes: the same in every session and on every replica, another one for anything that would change them.
    pub etag: String,
    /// Its bytes.
    pub body: Served,
}

/// The initialization segment of a stretch (`EXT-X-MAP`).
#[derive(Debug)]
pub struct Initialization {
    /// Names its bytes.
    pub etag: String,
    /// Its bytes.
    pub bytes: Bytes,
}

impl Playback {
    /// Segment `index` of a session, packed as the session is. Its recording has been opened and is still the one that was
    /// planned; nothing is read before the body is polled.
    ///
    /// # Errors
    /// [`Kind::UnknownSession`], [`Kind::UnknownSegment`], [`Kind::Gone`], or what the source says.
    pub async fn segment(&self, id: SessionId, index: u32, packaging: Packaging) -> Result<Segment> {
        let wanted = self.wanted(id, index, packaging).await?;
        let recording = wanted.recording.id.clone();
        self.note(id, Note::Segment { index, recording, cut: wanted.cut }).await;
        Ok(Segment { etag: wanted.key.etag(), body: self.serve(wanted).await? })
    }

    /// What segment `index` of a session is, and how it is made.
    pub(super) async fn wanted(&self, id: SessionId, index: u32, packaging: Packaging) -> Result<Wanted> {
        let session = self.played(id).await?;
        let plan = &*self.current(&session).await?;
        self.check_numbering(plan)?;
        check_packaging(plan, packaging)?;
        let place = plan.place(index).ok_or_else(|| unknown_segment(index, plan.segments()))?;
        let recording = &place.stretch.recording;
        let Recipe { key, origin, bytes, make } = match place.stretch.grid {
            Some(grid) => self.cell(recording, grid, place.cut, packaging).await?,
            None => self.cut(recording, place.cut, packaging).await?,
        };
        let (recording, cut) = (recording.clone(), place.cut);
        Ok(Wanted { session: id, index, cut, packaging, key, recording, origin, bytes, make })
    }

    /// A cut of a recording that has an index.
    async fn cut(&self, recording: &RecordingKey, number: u32, packaging: Packaging) -> Result<Recipe> {
        let media = self.ports.indexes.media(recording).await?;
        let (cut, layout, digest) = found(&media, number)?;
        let key = segment_key(recording, media.origin(), cut, digest, packaging);
        let (bytes, origin) = (cut.bytes.clone(), media.origin().cloned());
        let made_of = (self.clone(), recording.clone(), cut.clone(), Arc::clone(layout), origin.clone());
        let make: Make = Arc::new(move || made_of_cut(made_of.clone(), packaging).boxed());
        Ok(Recipe { key, origin, bytes: Some(bytes), make })
    }

    /// A cell of a recording that nobody has read: it is looked for, and found while it is sent.
    async fn cell(
        &self,
        recording: &RecordingKey,
        grid: Grid,
        number: u32,
        packaging: Packaging,
    ) -> Result<Recipe> {
        let Some(sketch) = self.ports.indexes.sketch(recording).await? else {
            return self.cell_of_index(recording, grid, number, packaging).await;
        };
        let thresholds = Grid { zero: sketch.layout().zero, ..grid }.thresholds(number);
        let key = key_of_cell(recording, &sketch, thresholds, packaging);
        let origin = Some(sketch.origin().clone());
        let made_of = (self.clone(), recording.clone(), sketch);
        let make: Make = Arc::new(move || made_of_cell(made_of.clone(), thresholds, packaging).boxed());
        Ok(Recipe { key, origin, bytes: None, make })
    }

    /// The same of a recording that turned out not to be one stretch with one clock: it is read as a whole first, and who plays
    /// it by a grid gets what belongs there.
    async fn cell_of_index(
        &self,
        recording: &RecordingKey,
        grid: Grid,
        number: u32,
        packaging: Packaging,
    ) -> Result<Recipe> {
        let media = self.ports.indexes.soon(recording).await?.ok_or_else(|| being_read(recording))?;
        let found = media.cell(&grid, number).or_else(|| media.nothing());
        let (cut, MediaRun { layout, digest, .. }) =
            found.ok_or_else(|| Error::internal("A recording without a cut was planned."))?;
        let key = segment_key(recording, media.origin(), &cut, &digest, packaging);
        let (bytes, origin) = (cut.bytes.clone(), media.origin().cloned());
        let made_of = (self.clone(), recording.clone(), cut, layout, origin.clone());
        let make: Make = Arc::new(move || made_of_cut(made_of.clone(), packaging).boxed());
        Ok(Recipe { key, origin, bytes: Some(bytes), make })
    }

    /// The initialization segment of stretch `number` of a session in fragmented MP4.
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    pub async fn initialization(&self, id: SessionId, number: u32) -> Result<Initialization> {
        let session = self.played(id).await?;
        let plan = &*self.current(&session).await?;
        self.check_numbering(plan)?;
        check_packaging(plan, Packaging::FragmentedMp4)?;
        let unknown = || {
            let count = plan.stretches.len();
            Error::new(
                Kind::UnknownSegment,
                format!("The session has {count} initialization segments, from 0 on."),
            )
        };
        let stretch = plan.stretches.get(number as usize).ok_or_else(unknown)?;
        if stretch.grid.is_some()
            && let Some(sketch) = self.ports.indexes.sketch(&stretch.recording).await?
        {
            return initialization(&stretch.recording, sketch.layout(), sketch.layout_digest());
        }
        let media = self.ports.indexes.media(&stretch.recording).await?;
        // Cells of a grid are other numbers.
        let first = if stretch.grid.is_some() { 0 } else { stretch.first };
        let (_, layout, digest) = found(&media, first)?;
        initialization(&stretch.recording, layout, digest)
    }
}

fn initialization(recording: &RecordingKey, layout: &Layout, digest: &[u8; 32]) -> Result<Initialization> {
    let bytes = layout.initialization().map_err(|error| refused(recording, &error))?;
    Ok(Initialization { etag: initialization_etag(digest), bytes })
}

/// Where an MP4 recording keeps its tables.
fn tables(layout: &Layout) -> Option<Range<u64>> {
    match &layout.container {
        Container::Mp4 { moov } | Container::FragmentedMp4 { moov } => Some(moov.clone()),
        _ => None,
    }
}

/// Cut number `cut` of a recording, and the layout of its run.
fn found(media: &Media, cut: u32) -> Result<(&Cut, &Arc<Layout>, &[u8; 32])> {
    let cut = media.cuts().get(cut as usize);
    let found = cut.and_then(|cut| Some((cut, media.layout(cut.run)?, media.layout_digest(cut.run)?)));
    found.ok_or_else(|| Error::internal("A cut list does not fit its session."))
}

/// What a segment is called and how it is made.
struct Recipe {
    key: SegmentKey,
    origin: Option<Origin>,
    bytes: Option<Range<u64>>,
    make: Make,
}

async fn made_of_cut(
    (playback, recording, cut, layout, origin): (Playback, RecordingKey, Cut, Arc<Layout>, Option<Origin>),
    packaging: Packaging,
) -> Result<SegmentBody> {
    let object = match (cut.bytes.is_empty(), &origin) {
        (true, Some(origin)) => {
            let (origin, range, bytes) = (origin.clone(), cut.bytes.clone(), stream::empty().boxed());
            Object { origin, modified: None, range, bytes }
        }
        _ => playback.ports.objects.open(&recording, Part::Range(cut.bytes.clone()), origin.as_ref()).await?,
    };
    let remuxer = Remuxer::segment(Arc::clone(&layout), &cut, packaging);
    let body = SegmentBody::new(&recording, packaging, remuxer, object, &playback);
    Ok(SegmentBody { tables: tables(&layout), ..body })
}

async fn made_of_cell(
    (playback, recording, sketch): (Playback, RecordingKey, Arc<Sketch>),
    thresholds: Thresholds,
    packaging: Packaging,
) -> Result<SegmentBody> {
    if let Some(cut) = sketch.cut(thresholds) {
        let (layout, origin) = (Arc::clone(sketch.layout()), Some(sketch.origin().clone()));
        return made_of_cut((playback, recording, cut, layout, origin), packaging).await;
    }
    let mut way = Way::new(&sketch, thresholds);
    let opened = way.open(&*playback.ports.objects, &recording).await;
    playback.read_if_contradicted(&sketch, &recording);
    let object = opened?;
    let body = SegmentBody::new(&recording, packaging, way.remuxer(packaging), object, &playback);
    Ok(SegmentBody { way: Some(way), ..body })
}

/// A segment that is being made. An error ends it; it never ends without one before it is complete.
pub(super) struct SegmentBody {
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
    fn new(
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
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Lets go of the source until it is polled again, if bytes of it are still to come.
    pub(super) fn rest(&mut self) -> bool {
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
    fn read_if_contradicted(&self, sketch: &Sketch, recording: &RecordingKey) {
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

fn refused(recording: &RecordingKey, error: &remux::Error) -> Error {
    Error::new(Kind::BadUpstream, format!("Recording {} cannot be played: {error}.", recording.id))
}

fn check_packaging(plan: &Plan, asked: Packaging) -> Result<()> {
    if plan.packaging == asked {
        return Ok(());
    }
    let extension = extension(plan.packaging);
    Err(Error::new(
        Kind::UnknownSegment,
        format!("The segments of this session are called {{number}}.{extension}."),
    ))
}

fn unknown_segment(index: u32, segments: u32) -> Error {
    Error::new(
        Kind::UnknownSegment,
        format!("The session has no segment {index}; it has {segments}, from 0 on."),
    )
}

/// A hash over everything that the bytes depend on.
fn segment_key(
    recording: &RecordingKey,
    origin: Option<&Origin>,
    cut: &Cut,
    layout_digest: &[u8; 32],
    packaging: Packaging,
) -> SegmentKey {
    let version = &recording.version;
    let mut hash = Sha256::new();
    let served = origin.and_then(|origin| origin.validator.as_deref()).unwrap_or_default();
    // The packaging is all there is to choose.
    for text in [recording.id.as_str(), &recording.object, &version.validator, served, extension(packaging)] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let end = cut.end.map_or(i64::MIN, |end| end.ticks());
    let size = origin.map_or(version.size, |origin| origin.size);
    for number in [version.size, size, cut.run as u64, cut.bytes.start, cut.bytes.end] {
        hash.update(number.to_be_bytes());
    }
    hash.update(cut.start.ticks().to_be_bytes());
    hash.update(end.to_be_bytes());
    hash.update([u8::from(version.growing), u8::from(cut.first)]);
    tag(hash, layout_digest)
}

/// The same of a segment that is not found yet: what it is follows from the recording and what it lies between.
fn key_of_cell(
    recording: &RecordingKey,
    sketch: &Sketch,
    thresholds: Thresholds,
    packaging: Packaging,
) -> SegmentKey {
    let origin = sketch.origin();
    let mut hash = Sha256::new();
    let validator = origin.validator.as_deref().unwrap_or_default();
    for text in [recording.id.as_str(), validator, extension(packaging)] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.update(origin.size.to_be_bytes());
    for threshold in [thresholds.from, thresholds.to] {
        hash.update(threshold.map_or(i64::MIN, |time| time.ticks()).to_be_bytes());
    }
    tag(hash, sketch.layout_digest())
}

fn initialization_etag(layout_digest: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    hash.update("init");
    tag(hash, layout_digest).etag()
}

fn tag(mut hash: Sha256, layout_digest: &[u8; 32]) -> SegmentKey {
    hash.update(OUTPUT_VERSION.to_be_bytes());
    hash.update(layout_digest);
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    SegmentKey::new(key)
}
