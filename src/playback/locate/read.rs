//! The reads that make a sketch.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use remux::layout::Layout;
use remux::locate::{Contradiction, Head, HeadReader, HeadWants, Knowledge, Sounder, Sounding, Tail};
use remux::time::Ticks;

use super::super::ports::{Object, Objects, Part};
use crate::domain::{Origin, RecordingKey};
use crate::error::{Error, Kind, Result};

/// The head, read in as few steps as its bit rate suggests; `None` where it is MP4, whose tables say it all.
pub(super) async fn head(
    objects: &dyn Objects,
    key: &RecordingKey,
    duration: Option<Ticks>,
) -> Result<(Origin, Option<Head>)> {
    let first = objects.open(key, Part::Range(0..first_step(key, duration)), None).await?;
    let origin = first.origin.clone();
    let mut reader = HeadReader::for_grid(origin.size);
    let mut end = push(&mut reader, first).await?;
    while reader.wants() == HeadWants::Next {
        let part = Part::Range(end..end + LATER_STEP);
        end = push(&mut reader, objects.open(key, part, Some(&origin)).await?).await?;
    }
    if reader.wants() == HeadWants::Tables {
        return Ok((origin, None));
    }
    match reader.finish() {
        Ok(head) => Ok((origin, Some(head))),
        Err(error) => {
            Err(Error::new(Kind::BadUpstream, format!("Recording {} cannot be played: {error}.", key.id)))
        }
    }
}

/// Gives where the next bytes begin.
async fn push(reader: &mut HeadReader, mut object: Object) -> Result<u64> {
    while let Some(bytes) = object.bytes.next().await {
        reader.push(&bytes?);
    }
    Ok(object.range.end)
}

/// What three random access points usually take.
fn first_step(key: &RecordingKey, duration: Option<Ticks>) -> u64 {
    const SECONDS: f64 = 5.0;
    let duration = duration.map(Ticks::as_seconds).filter(|&seconds| seconds > 0.0);
    let step = duration.map_or(LATER_STEP, |seconds| (key.version.size as f64 / seconds * SECONDS) as u64);
    step.clamp(SMALLEST_STEP, LARGEST_STEP)
}

const SMALLEST_STEP: u64 = 512 << 10;
const LARGEST_STEP: u64 = 4 << 20;
/// A read behind the first, which waits for the one before.
const LATER_STEP: u64 = 2 << 20;

/// Bytes that are held as a whole: probes and tails, of at most [`remux::limits::LONGEST_PROBE`].
pub(super) struct Held {
    pub(super) origin: Origin,
    range: Range<u64>,
    bytes: Vec<Bytes>,
}

/// The last bytes. What they say is known only once the head is.
pub(super) async fn tail(objects: &dyn Objects, key: &RecordingKey) -> Result<Held> {
    // Some servers refuse a suffix that is longer than the object.
    let count = remux::limits::PROBE.min(key.version.size.max(1));
    held(objects, key, Part::Last(count), None).await
}

pub(super) async fn held(
    objects: &dyn Objects,
    key: &RecordingKey,
    part: Part,
    known: Option<&Origin>,
) -> Result<Held> {
    let object = objects.open(key, part, known).await?;
    let bytes = object.bytes.try_collect().await?;
    Ok(Held { origin: object.origin, range: object.range, bytes })
}

impl Held {
    /// What they say.
    pub(super) fn sounding(&self, layout: &Arc<Layout>) -> Sounding {
        let mut sounder = Sounder::new(Arc::clone(layout), self.range.start);
        self.bytes.iter().for_each(|bytes| sounder.push(bytes));
        sounder.finish()
    }
}

/// What head and tail say together; more of the tail is read where there is no clock in it.
pub(super) async fn knowledge(
    objects: &dyn Objects,
    key: &RecordingKey,
    head: &Head,
    mut tail: Held,
    duration: Option<Ticks>,
) -> Result<Result<Knowledge, Contradiction>> {
    let layout = Arc::new(head.layout.clone());
    let mut known = match Knowledge::new(head, tail.origin.size) {
        Ok(known) => known,
        Err(why) => return Ok(Err(why)),
    };
    loop {
        match known.learn_tail(&tail.sounding(&layout), duration) {
            Ok(Tail::Ends(_)) => return Ok(Ok(known)),
            Ok(Tail::Silent) => {}
            Err(why) => return Ok(Err(why)),
        }
        tail = held(objects, key, Part::Range(known.tail_range()), Some(&tail.origin)).await?;
    }
}
