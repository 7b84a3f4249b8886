//! Which camera and which start the name of a recording means.
//!
//! | written by | path below the root |
//! |---|---|
//! | Storage Service | `{camera}/{YYYY}/{MM}/{DD}/{HH-MM-SS}.{ts,mp4}` |
//! | recorder | `{camera}/{YYYY}-{MM}-{DD}-{HH}-{MM}-{SS}.{ts,mp4}` |
//! | MediaMTX | `{camera}/{YYYY}-{MM}-{DD}_{HH}-{MM}-{SS}-{microseconds}.{ts,mp4}` |
//!
//! Camera ids may contain slashes.

use chrono::{LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::{CameraId, WallTime};

/// What a path says about the recording in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Which camera recorded it.
    pub camera: CameraId,
    /// When it begins.
    pub start: WallTime,
}

/// What a file is is told by its first bytes, not by its name.
const EXTENSIONS: [&str; 2] = ["ts", "mp4"];

impl Name {
    /// Reads a path below the root, or the key of an object, with slashes; `None` where it follows none of the layouts.
    pub fn parse(path: &str, zone: Tz) -> Option<Self> {
        let (directory, file) = path.rsplit_once('/')?;
        let (stem, extension) = file.rsplit_once('.')?;
        EXTENSIONS.contains(&extension).then_some(())?;
        let (camera, local) = in_file(directory, stem).or_else(|| in_directories(directory, stem))?;
        Some(Self { camera: camera.parse().ok()?, start: on_the_wall(local, zone)? })
    }
}

/// Recorder and MediaMTX: date and time in the file's name.
fn in_file<'a>(directory: &'a str, stem: &str) -> Option<(&'a str, NaiveDateTime)> {
    let (date, rest) = stem.split_at_checked(10)?;
    let date = date_of(date.split('-'))?;
    let (time, micros) = match (rest.strip_prefix('-'), rest.strip_prefix('_')) {
        (Some(time), _) => (time, 0),
        (_, Some(rest)) => {
            let (time, micros) = rest.rsplit_once('-')?;
            (time, digits(micros, 6)?)
        }
        _ => return None,
    };
    Some((directory, time_of(date, time, micros)?))
}

/// Storage Service: date in directories, time in the file's name.
fn in_directories<'a>(directory: &'a str, stem: &str) -> Option<(&'a str, NaiveDateTime)> {
    let mut parts = directory.rsplitn(4, '/');
    let (day, month, year, camera) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let date = date_of([year, month, day].into_iter())?;
    Some((camera, time_of(date, stem, 0)?))
}

fn date_of<'a>(mut parts: impl Iterator<Item = &'a str>) -> Option<NaiveDate> {
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    parts.next().is_none().then_some(())?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

fn time_of(date: NaiveDate, text: &str, micros: u32) -> Option<NaiveDateTime> {
    let mut parts = text.split('-').map(|part| digits(part, 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(())?;
    date.and_hms_micro_opt(hour, minute, second, micros)
}

fn digits(text: &str, count: usize) -> Option<u32> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// When the clocks go back an hour has two meanings: the first is taken. When they go forward there is an hour that no
/// recorder writes; it is read as if the clocks had not been turned yet.
fn on_the_wall(local: NaiveDateTime, zone: Tz) -> Option<WallTime> {
    let moment = match zone.from_local_datetime(&local) {
        LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => moment,
        LocalResult::None => {
            let hour = TimeDelta::hours(1);
            zone.from_local_datetime(&local.checked_sub_signed(hour)?).earliest()?.checked_add_signed(hour)?
        }
    };
    Some(moment.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<(String, String)> {
        in_zone(path, Tz::UTC)
    }

    fn in_zone(path: &str, zone: Tz) -> Option<(String, String)> {
        let name = Name::parse(path, zone)?;
        let start = name.start.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        Some((name.camera.to_string(), start))
    }

    fn found(camera: &str, start: &str) -> Option<(String, String)> {
        Some((camera.to_owned(), start.to_owned()))
    }

    #[test]
    fn three_layouts() {
        assert_eq!(parse("cam-1/2026/03/14/10-05-00.ts"), found("cam-1", "2026-03-14T10:05:00Z"));
        assert_eq!(parse("site/a/2026/03/14/23-59-59.mp4"), found("site/a", "2026-03-14T23:59:59Z"));
        assert_eq!(parse("cam-1/2026-03-14-10-05-00.ts"), found("cam-1", "2026-03-14T10:05:00Z"));
        assert_eq!(
            parse("site/cam/2026-03-14_10-05-00-250000.ts"),
            found("site/cam", "2026-03-14T10:05:00.250Z")
        );
        assert_eq!(parse("c/2026-03-14_10-05-00-000001.mp4"), found("c", "2026-03-14T10:05:00.000001Z"));
    }

    #[test]
    fn everything_else_is_no_recording() {
        for path in [
            "2026-03-14-10-05-00.ts",
            "2026/03/14/10-05-00.ts",
            "cam/2026/02/30/10-05-00.ts",
            "cam/2026/03/14/24-00-00.ts",
            "cam/2026/3/14/10-05-00.ts",
            "cam/2026/03/14/10-05-00.mkv",
            "cam/2026/03/14/10-05-00",
            "cam/2026-03-14-10-05.ts",
            "cam/2026-03-14-10-05-00-1.ts",
            "cam/2026-03-14_10-05-00.ts",
            "cam/2026-03-14_10-05-00-25.ts",
            "cam/2026-03-1é-10-05-00.ts",
            "cam/notes.ts",
            "../2026-03-14-10-05-00.ts",
            "a//2026-03-14-10-05-00.ts",
            "a b/2026-03-14-10-05-00.ts",
            "cam/.ts",
            "",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn names_may_be_local_time() {
        let helsinki = Tz::Europe__Helsinki;
        let start = |path| in_zone(path, helsinki).unwrap().1;
        assert_eq!(start("c/2026-01-14-10-05-00.ts"), "2026-01-14T08:05:00Z");
        assert_eq!(start("c/2026-07-14-10-05-00.ts"), "2026-07-14T07:05:00Z");
        // Clocks go back at 04:00 local: 03:30 comes twice.
        assert_eq!(start("c/2026-10-25-03-30-00.ts"), "2026-10-25T00:30:00Z");
        // Clocks go forward at 03:00 local: there is no 03:30.
        assert_eq!(start("c/2026-03-29-03-30-00.ts"), "2026-03-29T01:30:00Z");
    }
}
