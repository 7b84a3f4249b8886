//! Rows of a catalogue on the wall clock: as long as the catalogue says until somebody has read them, then as long as their
//! media is. Pure.

use std::sync::Arc;

use remux::time::Ticks;

use super::learned::{Cause, Known, Loss};
use crate::domain::{
    Extent, Length, Named, Place, Recording, TimeRange, Unreadable, WallTime, later, place, ticks_between,
};
use crate::error::Error;
use crate::playback::ports::{Footage, Row};

/// A row, and what is known of its recording.
pub(super) type Listed = (Row, Option<Known>);

/// Recordings are laid end to end from the first of each stretch of this length on, so that where one lies does not depend
/// on the range in which somebody asks for it.
const ANCHORED: i64 = 6 * 3600;

/// How far a recording may lie from where its row says: names are whole seconds, durations are cut off, and what follows
/// lies at the end of what was before.
const MARGIN: Ticks = Ticks::new(30 * Ticks::SECOND.get());

/// A footage that is placed, and why nothing of it can be played where a server is to blame.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) footage: Footage,
    pub(super) failure: Option<Error>,
}

/// Which rows say where the recordings in `range` lie.
pub(super) fn needed(range: TimeRange) -> TimeRange {
    let start = later(range.start(), -MARGIN);
    let anchor = WallTime::from_timestamp(stretch(start) * ANCHORED, 0).unwrap_or(WallTime::MIN_UTC);
    TimeRange::new(anchor.min(start), later(range.end(), MARGIN)).unwrap_or(range)
}

/// Places rows, which come in the order of their starts, and leaves those in which nothing of `range` is to be seen.
pub(super) fn placed(rows: Vec<Listed>, mut unreadable: Vec<Unreadable>, range: TimeRange) -> Placed {
    let estimates = estimates(&rows);
    let mut playable = Vec::new();
    let mut failure = None;
    for ((row, known), estimate) in rows.into_iter().zip(estimates) {
        match known {
            Some(Known::Extent(extent)) => playable.push((row, Some(extent), Ticks::ZERO)),
            Some(Known::Planned(extent)) => {
                let length = extent.duration().min(estimate);
                playable.push((row, Some(extent), length));
            }
            None => playable.push((row, None, estimate)),
            Some(Known::Lost(loss)) => {
                let Ok(span) = TimeRange::new(row.start, later(row.start, estimate)) else { continue };
                if loss.cause == Cause::Server && span.overlaps(&range) {
                    failure.get_or_insert_with(|| loss.error.clone());
                }
                unreadable.push(lost(row, span, loss));
            }
        }
    }
    unreadable.retain(|unreadable| unreadable.span.overlaps(&range));
    unreadable.sort_by_key(|unreadable| unreadable.span.start());
    let mut recordings = in_order(playable);
    recordings.retain(|recording| recording.visible.overlaps(&range));
    let failure = failure.filter(|_| recordings.is_empty());
    Placed { footage: Footage { recordings, unreadable }, failure }
}

type Playable = (Row, Option<Arc<Extent>>, Ticks);

fn lost(row: Row, span: TimeRange, loss: Loss) -> Unreadable {
    Unreadable { id: row.key.id, span, detail: loss.reason }
}

fn stretch(moment: WallTime) -> i64 {
    moment.timestamp().div_euclid(ANCHORED)
}

/// As long as the rows say, but not beyond the next and up to it where that is close: durations may be wrong.
pub(super) fn estimates(rows: &[Listed]) -> Vec<Ticks> {
    // Of the row behind: its start, and the first start after that.
    let mut following: Option<(WallTime, Option<WallTime>)> = None;
    let backwards = rows.iter().rev().map(|(row, _)| {
        let next = following.and_then(|(start, next)| if start > row.start { Some(start) } else { next });
        following = Some((row.start, next));
        let until_next = next.map_or(Ticks::new(i64::MAX / 2), |next| ticks_between(row.start, next));
        let told = row.duration.max(Ticks::SECOND);
        // Durations are cut off to whole seconds: such a hole is none.
        if until_next - told <= TOLERANCE { until_next } else { told }
    });
    let mut estimates: Vec<Ticks> = backwards.collect();
    estimates.reverse();
    estimates
}

fn in_order(playable: Vec<Playable>) -> Vec<Arc<Recording>> {
    let named: Vec<Named> = playable.iter().map(named).collect();
    let places = named.chunk_by(|a, b| stretch(a.start) == stretch(b.start)).flat_map(place);
    let mut seen_until = None;
    let recordings = playable.into_iter().zip(places).filter_map(|((row, extent, _), place)| {
        let Place { zero, visible } = place?;
        let visible = unseen(visible, seen_until)?;
        seen_until = Some(visible.end());
        Some(Arc::new(Recording { key: row.key, zero, visible, extent }))
    });
    recordings.collect()
}

fn named((row, extent, estimate): &Playable) -> Named {
    let length = match extent.as_ref().filter(|extent| extent.grid.is_none()) {
        Some(extent) => Length::Known { duration: extent.duration(), gop: extent.gop },
        None => Length::Estimated(*estimate),
    };
    Named { start: row.start, length }
}

/// What of a recording is not to be seen in those before it. [`place`] sees to that within a stretch; between two, clocks may
/// differ by as little as it allows.
fn unseen(visible: TimeRange, seen_until: Option<WallTime>) -> Option<TimeRange> {
    match seen_until {
        Some(until) if ticks_between(visible.start(), until) > TOLERANCE => {
            TimeRange::new(until, visible.end()).ok()
        }
        Some(until) if visible.end() <= until => None,
        _ => Some(visible),
    }
}

/// Names are whole seconds on both sides.
const TOLERANCE: Ticks = Ticks::new(2 * Ticks::SECOND.get());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Carriage, RecordingId, RecordingKey, RunExtent, Version};
    use crate::error::Kind;

    /// A moment of a day, in seconds.
    fn at(second: f64) -> WallTime {
        later("2026-03-14T00:00:00Z".parse().unwrap(), Ticks::from_seconds(second))
    }

    fn range(start: f64, end: f64) -> TimeRange {
        TimeRange::new(at(start), at(end)).unwrap()
    }

    fn row(id: &str, start: f64, seconds: f64) -> Row {
        let version = Version { size: 1, validator: "1".into(), growing: false };
        let key = RecordingKey { id: RecordingId::from(id), object: id.into(), version };
        Row { key, start: at(start), duration: Ticks::from_seconds(seconds) }
    }

    fn known(seconds: f64) -> Option<Known> {
        let run = RunExtent { duration: Ticks::from_seconds(seconds), cuts: 1, carriage: Carriage::Any };
        let gop = Ticks::from_seconds(2.0);
        Some(Known::Extent(Arc::new(Extent {
            runs: vec![run],
            gop,
            facts: Arc::default(),
            damages: Vec::new(),
            grid: None,
        })))
    }

    fn failed(cause: Cause) -> Option<Known> {
        let error = Error::new(Kind::BadUpstream, "why");
        Some(Known::Lost(Loss { error, reason: "why".into(), cause, at: at(0.0) }))
    }

    /// (id, zero, seen from, seen until) in seconds.
    fn shape(placed: &Placed) -> Vec<(&str, f64, f64, f64)> {
        let seconds = |moment| ticks_between(at(0.0), moment).as_seconds();
        let shape = |recording: &'_ Arc<Recording>| {
            (seconds(recording.zero), seconds(recording.visible.start()), seconds(recording.visible.end()))
        };
        let recordings = placed.footage.recordings.iter();
        recordings
            .map(|recording| {
                let (zero, from, until) = shape(recording);
                (recording.key.id.as_str(), zero, from, until)
            })
            .collect()
    }

    #[test]
    fn rows_are_as_long_as_their_media_once_that_is_known() {
        let rows = |first| vec![(row("a", 0.0, 59.0), first), (row("b", 60.0, 59.0), None)];
        let of = |first| placed(rows(first), Vec::new(), range(0.0, 200.0));
        assert_eq!(shape(&of(None)), [("a", 0.0, 0.0, 60.0), ("b", 60.0, 60.0, 119.0)]);
        let read = of(known(59.96));
        assert_eq!(shape(&read), [("a", 0.0, 0.0, 59.96), ("b", 59.96, 59.96, 118.96)]);
    }

    #[test]
    fn duplicates_and_overlaps_are_seen_once() {
        let rows = vec![
            (row("a", 0.0, 60.0), known(60.0)),
            (row("a again", 0.0, 60.0), known(60.0)),
            (row("b", 45.0, 60.0), known(60.0)),
        ];
        let placed = placed(rows, Vec::new(), range(0.0, 200.0));
        assert_eq!(shape(&placed), [("a", 0.0, 0.0, 60.0), ("b", 45.0, 60.0, 105.0)]);
    }

    #[test]
    fn the_copy_of_a_recording_that_is_lost_takes_its_place() {
        let rows = vec![(row("a", 0.0, 60.0), failed(Cause::Gone)), (row("a again", 0.0, 60.0), known(60.0))];
        let placed = placed(rows, Vec::new(), range(0.0, 200.0));
        assert_eq!(shape(&placed), [("a again", 0.0, 0.0, 60.0)]);
        assert_eq!(placed.footage.unreadable.len(), 1);
        assert!(placed.failure.is_none());
    }

    #[test]
    fn a_server_that_gives_nothing_at_all_is_a_failure_not_a_gap() {
        let rows = |cause| vec![(row("a", 0.0, 60.0), failed(cause))];
        assert!(placed(rows(Cause::Server), Vec::new(), range(0.0, 200.0)).failure.is_some());
        assert!(placed(rows(Cause::Server), Vec::new(), range(60.0, 200.0)).failure.is_none());
        assert!(placed(rows(Cause::Gone), Vec::new(), range(0.0, 200.0)).failure.is_none());
    }

    #[test]
    fn places_do_not_depend_on_the_range() {
        let hours: Vec<Row> = (0..48).map(|hour| row("x", f64::from(hour) * 3600.0, 3600.0)).collect();
        let of = |range: TimeRange| {
            let needed = needed(range);
            let rows = hours.iter().filter(|row| {
                TimeRange::new(row.start, later(row.start, row.duration)).unwrap().overlaps(&needed)
            });
            placed(rows.map(|row| (row.clone(), known(3599.5))).collect(), Vec::new(), range)
                .footage
                .recordings
        };
        let all = of(range(0.0, 48.0 * 3600.0));
        assert_eq!(all.len(), 48);
        for recording in &all {
            assert!(of(recording.visible).contains(recording), "{recording:?}");
        }
        assert!(of(TimeRange::ALWAYS) == all);
    }

    #[test]
    fn a_duration_that_is_wrong_does_not_hide_the_next_recording() {
        let rows = vec![(row("a", 0.0, 7200.0), None), (row("b", 3600.0, 3600.0), None)];
        let placed = placed(rows, Vec::new(), range(4000.0, 5000.0));
        assert_eq!(shape(&placed), [("b", 3600.0, 3600.0, 7200.0)]);
    }
}
