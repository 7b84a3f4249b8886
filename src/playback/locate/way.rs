//! The way to a segment: what is read to find it, and what that teaches.

use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::try_join_all;
use remux::locate::{Contradiction, Found, Mark, Search, SearchError, Sounder, Standing, Step, Thresholds};
use remux::time::Ticks;
use remux::{Packaging, Remuxer};
use tracing::info;

use super::super::ports::{Object, Objects, Part};
use super::{Sketch, read};
use crate::domain::RecordingKey;
use crate::error::{Error, Kind, Result};

/// The search for one segment of a sketched recording.
#[derive(Debug, Clone)]
pub(in crate::playback) struct Way {
    sketch: Arc<Sketch>,
    search: Search,
    /// Listens to what is read for the segment.
    sounder: Option<Sounder>,
}

impl Way {
    pub(in crate::playback) fn new(sketch: &Arc<Sketch>, thresholds: Thresholds) -> Self {
        let search = Search::with(thresholds, &sketch.learned());
        Self { sketch: Arc::clone(sketch), search, sounder: None }
    }

    /// The recording that it is looked for in.
    pub(in crate::playback) fn sketch(&self) -> &Sketch {
        &self.sketch
    }

    /// An engine for the bytes that are found.
    pub(in crate::playback) fn remuxer(&self, packaging: Packaging) -> Remuxer {
        self.sketch.medium.remuxer(self.search.thresholds(), packaging)
    }

    /// Opens the bytes from a little before the segment to a little behind its end.
    ///
    /// # Errors
    /// What the source says; [`Kind::Busy`] where the recording is not what its head and tail said: then it
    /// [has to be read](Sketch::is_contradicted) as a whole.
    pub(in crate::playback) async fn open(
        &mut self,
        objects: &dyn Objects,
        key: &RecordingKey,
    ) -> Result<Object> {
        let range = self.range(objects, key).await?;
        let object = objects.open(key, Part::Range(range), Some(&self.sketch.origin)).await?;
        let start = object.range.start;
        let near = self.sketch.known().clock_at(start);
        self.sounder = Some(self.sketch.medium.sounder(start).near(near));
        Ok(object)
    }

    /// The next bytes of what was opened.
    pub(in crate::playback) fn listen(&mut self, bytes: &[u8]) {
        if let Some(sounder) = &mut self.sounder {
            sounder.push(bytes);
        }
    }

    async fn range(&mut self, objects: &dyn Objects, key: &RecordingKey) -> Result<Range<u64>> {
        loop {
            let step = self.search.next(&self.sketch.known());
            let ranges = match step.map_err(|error| self.contradicts(key, &error))? {
                Step::Read(range) => return Ok(range),
                Step::Probe(ranges) => ranges,
            };
            let probe = |range| read::held(objects, key, Part::Range(range), Some(&self.sketch.origin));
            for held in try_join_all(ranges.into_iter().map(probe)).await? {
                let sounding = held.sounding(&self.sketch.medium);
                let learned = self.sketch.known().learn(&sounding);
                learned.map_err(|error| self.contradicts(key, &error.into()))?;
            }
        }
    }

    /// Whether the bytes began too late. That is learned, so that the next [`open`](Self::open) begins further ahead.
    pub(in crate::playback) fn is_late(&self, found: &Found) -> bool {
        let Found { standing: Standing::Late, first: Some(first), .. } = *found else { return false };
        self.learn(first);
        true
    }

    /// Opens what lies behind `end`, where the bytes up to there were not enough; `None` at the recording's end.
    pub(in crate::playback) fn more(&mut self, found: &Found, end: u64) -> Option<Part> {
        self.search.more(&self.sketch.known(), found, end).map(Part::Range)
    }

    /// What has passed by helps whoever comes next.
    pub(in crate::playback) fn on_complete(&mut self) {
        let Some(sounder) = self.sounder.take() else { return };
        let (size, known) = (self.sketch.origin.size, self.sketch.learned());
        let (sounding, learned) = sounder.finish_with_learned(size, &known);
        drop(known);
        if self.sketch.known().learn(&sounding).is_err() {
            self.sketch.on_contradiction();
        }
        self.sketch.learned().merge(learned);
    }

    fn learn(&self, mark: Mark) {
        // What contradicts is not learned; the next search meets it again and says so.
        let _: Result<(), Contradiction> = self.sketch.known().learn_point(mark.into());
    }

    /// Finds where the segment begins, from zero on, without making it. `None` where nothing lies between its thresholds.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(in crate::playback) async fn start(
        mut self,
        objects: &dyn Objects,
        key: &RecordingKey,
    ) -> Result<Option<Ticks>> {
        'search: loop {
            let range = self.range(objects, key).await?;
            let mut remuxer = self.remuxer(Packaging::TransportStream);
            let (mut at, mut until) =
                (range.start, range.start + self.first_look().min(range.end - range.start));
            loop {
                let part = Part::Range(at..until);
                let mut bytes = objects.open(key, part, Some(&self.sketch.origin)).await?.bytes;
                while let Some(piece) = bytes.next().await {
                    let piece = piece?;
                    let offset = at;
                    at += piece.len() as u64;
                    remuxer.push(offset, piece).map_err(|error| read::unplayable(key, &error))?;
                    while remuxer.poll().is_some() {}
                }
                let found = remuxer.found();
                match found {
                    Some(found) if self.is_late(&found) => continue 'search,
                    Some(Found { begin: Some(begin), .. }) => {
                        if self.sketch.medium.places_pictures() {
                            self.learn(begin);
                        }
                        return Ok(Some(begin.pts - self.sketch.layout().zero));
                    }
                    Some(Found { standing: Standing::Empty, .. }) => return Ok(None),
                    Some(found) => match self.search.more(&self.sketch.known(), &found, until) {
                        Some(more) => until = more.end,
                        None => return Ok(None),
                    },
                    None => return Ok(None),
                }
            }
        }
    }

    /// What usually holds the first random access point behind where a search ends.
    fn first_look(&self) -> u64 {
        let known = self.sketch.known();
        let from = self.search.thresholds().from.unwrap_or(known.zero());
        let gop = known.offset_at(from + known.gops().typical).saturating_sub(known.offset_at(from));
        remux::limits::START_MARGIN + known.grain() + gop + gop / 2
    }

    fn contradicts(&self, key: &RecordingKey, error: &SearchError) -> Error {
        self.sketch.on_contradiction();
        info!(recording = %key.id, %error, "is not what its beginning and its end said");
        being_read(key)
    }
}

/// It has to be read as a whole, which is being done.
pub(in crate::playback) fn being_read(key: &RecordingKey) -> Error {
    let detail = format!(
        "Recording {} is not what its beginning and its end said, and is being read as a whole. Try again.",
        key.id
    );
    Error::new(Kind::Busy { retry_after: 5 }, detail)
}
