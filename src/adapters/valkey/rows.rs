//! Stretches of a session as [rows](Row): numbers, and of names what differs from the row before.

use std::sync::Arc;

use chrono::TimeDelta;
use remux::locate::Grid;
use remux::time::{MediaTime, Ticks};
use serde::{Deserialize, Serialize};

use super::wire::{MAX_BYTES, Result, damaged};
use crate::domain::{RecordingId, RecordingKey, TimeRange, Version, WallTime};
use crate::playback::plan::Stretch;

/// A text in terms of the one in the row before: how many bytes they share, and what follows.
#[derive(Serialize, Deserialize)]
struct Shared(usize, String);

/// A stretch: id, object, size, validator, growing, zero (in ns after the start of the range), start and end (in ns after zero), first
/// and last cut, frame rate, and where it is planned by a grid that.
#[derive(Serialize, Deserialize)]
pub(super) struct Row(Shared, Shared, u64, Shared, bool, i64, i64, i64, u32, u32, Option<f64>, Option<Cells>);

/// A [`Grid`]: version, zero, length of a cell, distance of random access points, the longest known, duration, cells.
#[derive(Serialize, Deserialize)]
struct Cells(u16, i64, i64, i64, i64, i64, u32);

/// The names in the row before. Recordings that share a name share its memory, too.
#[derive(Default)]
pub(super) struct Names {
    id: Option<Arc<str>>,
    object: Option<Arc<str>>,
    validator: Option<Arc<str>>,
    /// How long all names together are so far.
    bytes: usize,
}

/// How long all names of a session may be together: few bytes that say "as before" must not stand for gigabytes.
const MAX_NAMES: usize = 4 * MAX_BYTES;

/// A stretch of a session whose range begins at `start` as a row.
pub(super) fn row(stretch: &Stretch, start: WallTime, before: &mut Names) -> Result<Row> {
    let Stretch { recording: RecordingKey { id, object, version }, zero, .. } = stretch;
    Ok(Row(
        shared(&mut before.id, id.clone().into()),
        shared(&mut before.object, Arc::clone(object)),
        version.size,
        shared(&mut before.validator, Arc::clone(&version.validator)),
        version.growing,
        nanos(start, *zero)?,
        nanos(*zero, stretch.span.start())?,
        nanos(*zero, stretch.span.end())?,
        stretch.first,
        stretch.last,
        // Infinite rates have no place in JSON.
        stretch.frame_rate.filter(|rate| rate.is_finite()),
        stretch.grid.map(Cells::of),
    ))
}

/// What [`row`] wrote.
pub(super) fn stretch(row: Row, start: WallTime, before: &mut Names) -> Result<Stretch> {
    let Row(id, object, size, validator, growing, zero, from, to, first, last, frame_rate, cells) = row;
    if first > last {
        return Err(damaged("a stretch ends before it begins"));
    }
    let id = RecordingId::from(whole(&mut before.id, id)?);
    let object = whole(&mut before.object, object)?;
    let version = Version { size, validator: whole(&mut before.validator, validator)?, growing };
    before.bytes += id.as_str().len() + object.len() + version.validator.len();
    if before.bytes > MAX_NAMES {
        return Err(damaged("its names are too long"));
    }
    let zero = after(start, zero)?;
    let span = span(after(zero, from)?, after(zero, to)?)?;
    let grid = cells.map(|cells| cells.grid(last)).transpose()?;
    Ok(Stretch { recording: RecordingKey { id, object, version }, zero, first, last, span, frame_rate, grid })
}

impl Cells {
    fn of(grid: Grid) -> Self {
        let Grid { version, zero, cell, gop, longest_gop, duration, cells } = grid;
        Self(version, zero.ticks(), cell.get(), gop.get(), longest_gop.get(), duration.get(), cells)
    }

    fn grid(self, last: u32) -> Result<Grid> {
        let Self(version, zero, cell, gop, longest_gop, duration, cells) = self;
        if last >= cells || cell <= 0 || [gop, longest_gop, duration].iter().any(|length| *length < 0) {
            return Err(damaged("a grid makes no sense"));
        }
        let [cell, gop, longest_gop, duration] = [cell, gop, longest_gop, duration].map(Ticks::new);
        Ok(Grid { version, zero: MediaTime::from_ticks(zero), cell, gop, longest_gop, duration, cells })
    }
}

/// A text in terms of the one before it.
fn shared(before: &mut Option<Arc<str>>, text: Arc<str>) -> Shared {
    let other = before.as_deref().unwrap_or_default();
    let same = other.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
    let same = text.floor_char_boundary(same);
    let shared = Shared(same, text[same..].to_owned());
    *before = Some(text);
    shared
}

/// What [`shared`] took apart.
fn whole(before: &mut Option<Arc<str>>, Shared(same, rest): Shared) -> Result<Arc<str>> {
    let other = before.as_deref().unwrap_or_default();
    let start = other.get(..same).ok_or_else(|| damaged("a name shares more than there is"))?;
    let text = match before.as_ref().filter(|other| rest.is_empty() && other.len() == same) {
        Some(other) => Arc::clone(other),
        None => [start, &rest].concat().into(),
    };
    *before = Some(Arc::clone(&text));
    Ok(text)
}

fn nanos(from: WallTime, to: WallTime) -> Result<i64> {
    to.signed_duration_since(from).num_nanoseconds().ok_or_else(|| damaged("a time is too far off"))
}

fn after(moment: WallTime, nanos: i64) -> Result<WallTime> {
    moment
        .checked_add_signed(TimeDelta::nanoseconds(nanos))
        .ok_or_else(|| damaged("a time is beyond the calendar"))
}

/// A range that is not empty.
pub(super) fn span(start: WallTime, end: WallTime) -> Result<TimeRange> {
    TimeRange::new(start, end).map_err(|error| damaged(format!("an end {error}")))
}
