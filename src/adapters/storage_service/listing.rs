//! Which rows count: those of the camera that lie in the range, each span once, in order; and what of them can be read.

use std::sync::Arc;

use remux::time::Ticks;

use super::entry::Entry;
use crate::domain::{
    CameraId, RecordingId, RecordingKey, TimeRange, Unreadable, Version, WallTime, later, ticks_between,
};
use crate::playback::ports::{Listing, Row};

/// What of `entries` counts in `range`.
pub(super) fn listing(entries: &[Entry], camera: &CameraId, range: TimeRange) -> Listing {
    let mut listing = Listing::default();
    for entry in entries.iter().filter(|entry| is_of(entry, camera)) {
        match row(entry) {
            Ok(row) if span(&row).is_some_and(|span| span.overlaps(&range)) => listing.rows.push(row),
            Ok(_) => {}
            Err(detail) => listing.unreadable.extend(unreadable(entry, range, detail)),
        }
    }
    listing.rows.sort_by(|a, b| (a.start, a.duration, &a.key.id).cmp(&(b.start, b.duration, &b.key.id)));
    listing.rows.dedup_by(|a, b| (a.start, a.duration) == (b.start, b.duration));
    // What is kept twice and can be read once is no loss.
    let spans: Vec<_> = listing.rows.iter().filter_map(span).collect();
    listing.unreadable.retain(|lost| !spans.contains(&lost.span));
    listing.unreadable.sort_by(|a, b| (a.span.start(), &a.id).cmp(&(b.span.start(), &b.id)));
    listing.unreadable.dedup_by(|a, b| a.span == b.span && a.detail == b.detail);
    listing
}

/// Whether it is the camera's own, as far as it says: a service may pass over what it was asked for.
fn is_of(entry: &Entry, camera: &CameraId) -> bool {
    entry.camera.as_ref().is_none_or(|given| given.eq_ignore_ascii_case(camera.as_str()))
}

/// What a row says; or why nobody can read what it speaks of.
fn row(entry: &Entry) -> Result<Row, String> {
    let id = entry.id.as_ref().filter(|id| is_name(id)).ok_or("its row has no id that can be used")?;
    let start = entry.start.ok_or("its row does not say when it begins")?;
    let end = entry.end.ok_or("its row does not say when it ends")?;
    if end <= start {
        return Err("its row says that it ends before it begins".to_owned());
    }
    check_backend(entry.backend.as_deref().unwrap_or("S3"))?;
    let object =
        entry.path.as_ref().filter(|path| is_key(path)).ok_or("its row does not say where it is kept")?;
    let version = Version { size: entry.size, validator: Arc::clone(&entry.validator), growing: false };
    let key = RecordingKey { id: RecordingId::from(Arc::clone(id)), object: Arc::clone(object), version };
    Ok(Row { key, start, duration: ticks_between(start, end) })
}

fn check_backend(backend: &str) -> Result<(), String> {
    match backend.to_ascii_uppercase().as_str() {
        "MINIO" | "S3" => Ok(()),
        "FILESYSTEM" => Err("it is kept in the Storage Service's own file system (FILESYSTEM)".to_owned()),
        "MILESTONE" => Err("it is kept in a Milestone system (MILESTONE)".to_owned()),
        other if is_name(other) => Err(format!("it is kept where this service cannot read ({other})")),
        _ => Err("it is kept where this service cannot read".to_owned()),
    }
}

/// Whether a text can stand in a URL's path, and in a line of a log.
fn is_name(text: &str) -> bool {
    !matches!(text, "." | "..")
        && text.len() <= LONGEST_NAME
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A UUID has 36 characters.
const LONGEST_NAME: usize = 255;

/// Whether a text can be the key of an object: it names one, and no way out of its bucket.
fn is_key(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "." | ".."))
        && path.chars().all(|letter| !letter.is_control())
        && path.ends_with(|letter| letter != '/')
}

/// Where a row lies.
pub(super) fn span(row: &Row) -> Option<TimeRange> {
    TimeRange::new(row.start, later(row.start, row.duration)).ok()
}

/// A row that cannot be read, if it lies in `range` or does not say where it lies.
fn unreadable(entry: &Entry, range: TimeRange, detail: String) -> Option<Unreadable> {
    let span = match (entry.start, entry.end) {
        (Some(start), Some(end)) => TimeRange::new(start, end).or_else(|_| moment(start)),
        (Some(start), None) => moment(start),
        (None, _) => Ok(range),
    };
    let span = span.ok().filter(|span| span.overlaps(&range))?;
    let name = entry.id.as_deref().filter(|id| is_name(id)).unwrap_or("a recording without a name");
    Some(Unreadable { id: RecordingId::from(name), span, detail: detail.into() })
}

/// The second from `start` on, for want of an end.
fn moment(start: WallTime) -> Result<TimeRange, crate::domain::EmptyRange> {
    TimeRange::new(start, later(start, Ticks::SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> WallTime {
        format!("2026-03-14T{time}Z").parse().unwrap()
    }

    fn entry(id: &str, start: &str, end: &str) -> Entry {
        Entry {
            id: Some(id.into()),
            camera: Some("cam-1".into()),
            start: Some(at(start)),
            end: Some(at(end)),
            backend: Some("MINIO".into()),
            path: Some(format!("cam-1/{id}.ts").into()),
            ..Entry::default()
        }
    }

    fn list(entries: &[Entry]) -> Listing {
        let range = TimeRange::new(at("10:00:00"), at("12:00:00")).unwrap();
        listing(entries, &"cam-1".parse().unwrap(), range)
    }

    fn ids(listing: &Listing) -> Vec<&str> {
        listing.rows.iter().map(|row| row.key.id.as_str()).collect()
    }

    #[test]
    fn what_overlaps_counts_once_and_in_order() {
        let listing = list(&[
            entry("later", "12:00:00", "13:00:00"),
            entry("last", "11:00:00", "12:30:00"),
            entry("first", "09:30:00", "10:30:00"),
            entry("again", "09:30:00", "10:30:00"),
            entry("overlapping", "10:20:00", "11:00:00"),
            entry("earlier", "09:00:00", "10:00:00"),
            Entry { camera: Some("cam-2".into()), ..entry("other", "10:00:00", "11:00:00") },
            Entry { camera: None, backend: None, ..entry("bare", "11:00:00", "11:30:00") },
        ]);
        assert_eq!(ids(&listing), ["again", "overlapping", "bare", "last"]);
        assert_eq!(listing.rows[0].duration, Ticks::from_seconds(3600.0));
        assert_eq!(&*listing.rows[0].key.object, "cam-1/again.ts");
        assert_eq!(listing.unreadable, []);
    }

    #[test]
    fn what_cannot_be_read_is_said_so() {
        let here = || entry("x", "10:00:00", "11:00:00");
        for (entry, reason) in [
            (Entry { backend: Some("FILESYSTEM".into()), ..here() }, "own file system (FILESYSTEM)"),
            (Entry { backend: Some("milestone".into()), ..here() }, "Milestone"),
            (Entry { backend: Some("TAPE".into()), ..here() }, "TAPE"),
            (Entry { path: None, ..here() }, "where it is kept"),
            (Entry { path: Some("a/../b".into()), ..here() }, "where it is kept"),
            (Entry { id: None, ..here() }, "no id"),
            (Entry { id: Some("..".into()), ..here() }, "no id"),
            (Entry { start: None, ..here() }, "when it begins"),
            (Entry { end: None, ..here() }, "when it ends"),
            (Entry { end: Some(at("10:00:00")), ..here() }, "before it begins"),
            (Entry::default(), "no id"),
        ] {
            let listing = list(std::slice::from_ref(&entry));
            assert!(listing.rows.is_empty(), "{entry:?}");
            assert!(listing.unreadable[0].detail.contains(reason), "{:?}", listing.unreadable);
        }
        let elsewhere = Entry { path: None, ..entry("x", "12:00:00", "13:00:00") };
        assert_eq!(list(&[elsewhere]).unreadable, []);
    }

    #[test]
    fn what_is_kept_twice_is_no_loss() {
        let copy = Entry { backend: Some("MILESTONE".into()), ..entry("copy", "10:00:00", "11:00:00") };
        let listing = list(&[copy, entry("original", "10:00:00", "11:00:00")]);
        assert_eq!(ids(&listing), ["original"]);
        assert_eq!(listing.unreadable, []);
    }
}
