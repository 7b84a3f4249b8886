//! A segment: what it is, what it is called, and how it is made: source bytes in, through the engine, body out.

mod body;
mod key;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{FutureExt, StreamExt, stream};
use remux::index::Cut;
use remux::layout::Layout;
use remux::locate::{Grid, Thresholds};
use remux::{Packaging, Remuxer};

pub(super) use self::body::SegmentBody;
use self::body::refused;
use super::Playback;
use super::flight::{Make, Wanted};
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
        let key = key::of_cut(recording, media.origin(), cut, digest, packaging);
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
        let key = key::of_cell(recording, &sketch, thresholds, packaging);
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
        let key = key::of_cut(recording, media.origin(), &cut, &digest, packaging);
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
    Ok(Initialization { etag: key::of_initialization(digest).etag(), bytes })
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
    Ok(body.with_tables_of(&layout))
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
    Ok(body.found_by(way))
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
