//! The reads that make a sketch.

use std::ops::Range;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use remux::locate::{Contradiction, Head, HeadReader, HeadWants, Knowledge, Medium, Sounding, Tail};
use remux::time::Ticks;

use super::super::ports::{Object, Objects, Part};
use super::Expected;
use crate::domain::{Origin, RecordingKey};
use crate::error::{Error, Kind, Result};

/// A head that has been read.
pub(super) struct ReadHead {
    pub(super) head: Head,
    pub(super) medium: Medium,
    /// That of what it resembles, where that was enough.
    model: Option<Knowledge>,
}

/// The head, read in as few steps as its bit rate suggests; `None` where it is MP4, whose tables say it all.
pub(super) async fn head(
    objects: &dyn Objects,
    key: &RecordingKey,
    expected: &Expected,
) -> Result<(Origin, Option<ReadHead>)> {
    let step = first_step(key, expected);
    let first = objects.open(key, Part::Range(0..step), None).await?;
    let origin = first.origin.clone();
    let mut reader = HeadReader::for_grid(origin.size);
    let mut end = push(&mut reader, first).await?;
    if let Some(look) = &expected.look
        && let Some(head) = reader.resembling(look.layout(), look.gops)
    {
        let model = Some(look.known().clone());
        return Ok((origin, Some(ReadHead::of(key, head, model)?)));
    }
    while reader.wants() == HeadWants::Next {
        let part = Part::Range(end..end + LATER_STEP);
        end = push(&mut reader, objects.open(key, part, Some(&origin)).await?).await?;
    }
    if reader.wants() == HeadWants::Tables {
        return Ok((origin, None));
    }
    let head = reader.finish().map_err(|error| unplayable(key, &error))?;
    Ok((origin, Some(ReadHead::of(key, head, None)?)))
}

impl ReadHead {
    fn of(key: &RecordingKey, head: Head, model: Option<Knowledge>) -> Result<Self> {
        let medium = Medium::of(&head).map_err(|error| unplayable(key, &error))?;
        Ok(Self { head, medium, model })
    }
}

pub(super) fn unplayable(key: &RecordingKey, error: &remux::Error) -> Error {
    Error::new(Kind::BadUpstream, format!("Recording {} cannot be played: {error}.", key.id))
}

/// Gives where the next bytes begin.
async fn push(reader: &mut HeadReader, mut object: Object) -> Result<u64> {
    while let Some(bytes) = object.bytes.next().await {
        reader.push(&bytes?);
    }
    Ok(object.range.end)
}

/// What three random access points usually take; where it is only to be seen that it looks as expected, one of them, some
/// pictures and the sound beside them.
fn first_step(key: &RecordingKey, expected: &Expected) -> u64 {
    let duration = expected.duration.map(Ticks::as_seconds).filter(|&seconds| seconds > 0.0);
    let bytes_of =
        |seconds: f64| duration.map(|duration| (key.version.size as f64 / duration * seconds) as u64);
    match &expected.look {
        Some(look) => (look.key_frame + bytes_of(0.4).unwrap_or(0)).clamp(SMALLEST_LOOK, LARGEST_LOOK),
        None => bytes_of(5.0).unwrap_or(LATER_STEP).clamp(SMALLEST_STEP, LARGEST_STEP),
    }
}

const SMALLEST_LOOK: u64 = 256 << 10;
const LARGEST_LOOK: u64 = 1 << 20;
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
    pub(super) fn sounding(&self, medium: &Medium) -> Sounding {
        let mut sounder = medium.sounder(self.range.start);
        self.bytes.iter().for_each(|bytes| sounder.push(bytes));
        sounder.finish()
    }
}

/// What head and tail say together; more of the tail is read where there is no clock in it.
pub(super) async fn knowledge(
    objects: &dyn Objects,
    key: &RecordingKey,
    ReadHead { head, medium, model }: &ReadHead,
    mut tail: Held,
    expected: &Expected,
) -> Result<Result<Knowledge, Contradiction>> {
    let size = tail.origin.size;
    let known = model
        .as_ref()
        .map_or_else(|| Knowledge::new(head, size), |model| Knowledge::resembling(head, size, model));
    let mut known = match known {
        Ok(known) => known,
        Err(why) => return Ok(Err(why)),
    };
    loop {
        match known.learn_tail(&tail.sounding(medium), expected.duration) {
            Ok(Tail::Ends(_)) => return Ok(Ok(known)),
            Ok(Tail::Silent) => {}
            Err(why) => return Ok(Err(why)),
        }
        tail = held(objects, key, Part::Range(known.tail_range()), Some(&tail.origin)).await?;
    }
}
