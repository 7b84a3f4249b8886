//! What a server answered to a request for a part: is it that part (RFC 9110 §14 and §15), and of which state?

use std::ops::Range;

use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED,
};

use super::failure::Failure;
use crate::domain::{Origin, WallTime};
use crate::playback::ports::Part;

/// An answer whose body has not been read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) origin: Origin,
    /// `Last-Modified`
    pub(super) modified: Option<WallTime>,
    /// The part, as far as there is one.
    pub(super) range: Range<u64>,
    /// Bytes of the body that lie before it.
    pub(super) skip: u64,
    pub(super) response: reqwest::Response,
}

/// The head of an answer, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) origin: Origin,
    pub(super) range: Range<u64>,
    pub(super) skip: u64,
}

/// Bytes before a part that are read and dropped where a server sends all of an object.
const MOST_SKIPPED: u64 = 1 << 20;

/// Numbers above this are more than some servers can read.
const MOST: u64 = i64::MAX as u64;

/// `Range` for a part; `None` where there is nothing in it.
pub(super) fn range_header(part: &Part) -> Option<String> {
    match part {
        Part::Range(range) if range.is_empty() => None,
        Part::Range(range) if range.end > MOST => Some(format!("bytes={}-", range.start)),
        Part::Range(range) => Some(format!("bytes={}-{}", range.start, range.end - 1)),
        Part::Last(0) => None,
        Part::Last(count) if *count > MOST => Some("bytes=0-".to_owned()),
        Part::Last(count) => Some(format!("bytes=-{count}")),
    }
}

/// What an answer means to who asked for `part`.
pub(super) fn head(status: StatusCode, headers: &HeaderMap, part: &Part) -> Result<Head, Failure> {
    match status {
        StatusCode::PARTIAL_CONTENT => partial(headers, part),
        StatusCode::OK => whole(headers, part),
        StatusCode::RANGE_NOT_SATISFIABLE => Err(Failure::BehindTheEnd { size: unsatisfied(headers) }),
        StatusCode::PRECONDITION_FAILED => Err(Failure::Changed),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(Failure::Gone),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Failure::Refused { status, code: None }),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Failure::Trouble(status)),
        _ if status.is_server_error() => Err(Failure::Trouble(status)),
        _ if status.is_redirection() => wrong("redirects, and redirects are not followed"),
        _ => wrong(format!("answered {status}")),
    }
}

fn partial(headers: &HeaderMap, part: &Part) -> Result<Head, Failure> {
    check_encoding(headers)?;
    let given = text(headers, CONTENT_RANGE).and_then(content_range);
    let Some((given, size)) = given else {
        return wrong("sent a part without saying which of how many bytes");
    };
    let range = part.within(size).ok_or(Failure::BehindTheEnd { size: Some(size) })?;
    // One that is shorter is allowed; the rest is asked for again.
    if given.start != range.start || given.end > range.end {
        return wrong("sent another part than it was asked for");
    }
    Ok(Head { origin: Origin { size, validator: validator(headers) }, range, skip: 0 })
}

/// Everything, where a part was asked for.
fn whole(headers: &HeaderMap, part: &Part) -> Result<Head, Failure> {
    check_encoding(headers)?;
    let size: u64 =
        text(headers, CONTENT_LENGTH).and_then(|size| size.parse().ok()).ok_or(Failure::IgnoresRange)?;
    let range = part.within(size).ok_or(Failure::BehindTheEnd { size: Some(size) })?;
    if range.start > MOST_SKIPPED {
        return Err(Failure::IgnoresRange);
    }
    Ok(Head { origin: Origin { size, validator: validator(headers) }, skip: range.start, range })
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Failure> {
    match text(headers, CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(_) => wrong("sent it encoded, which was not asked for"),
    }
}

fn wrong<T>(what: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Wrong(what.into()))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// RFC 9110 §8.8: the ETag as it is given, weak or strong, else the date.
fn validator(headers: &HeaderMap) -> Option<std::sync::Arc<str>> {
    text(headers, ETAG).or_else(|| text(headers, LAST_MODIFIED)).map(Into::into)
}

/// RFC 9110 §8.8.2: `Sat, 14 Mar 2026 10:00:00 GMT`
pub(super) fn modified(headers: &HeaderMap) -> Option<WallTime> {
    let date = chrono::DateTime::parse_from_rfc2822(text(headers, LAST_MODIFIED)?);
    date.ok().map(|date| date.to_utc())
}

/// `bytes 0-99/1000`
fn content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (first <= last && last < size).then(|| (first..last + 1, size))
}

/// `bytes */1000`
fn unsatisfied(headers: &HeaderMap) -> Option<u64> {
    text(headers, CONTENT_RANGE)?.strip_prefix("bytes */")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn of_206(content_range: &'static str, part: &Part) -> Result<Head, Failure> {
        head(
            StatusCode::PARTIAL_CONTENT,
            &headers(&[("content-range", content_range), ("etag", "\"a\"")]),
            part,
        )
    }

    #[test]
    fn asks_for_one_range() {
        for (part, expected) in [
            (Part::Range(0..1), Some("bytes=0-0")),
            (Part::Range(5..10), Some("bytes=5-9")),
            (Part::Range(5..u64::MAX), Some("bytes=5-")),
            (Part::Range(5..5), None),
            (Part::Last(7), Some("bytes=-7")),
            (Part::Last(u64::MAX), Some("bytes=0-")),
            (Part::Last(0), None),
        ] {
            assert_eq!(range_header(&part).as_deref(), expected, "{part:?}");
        }
    }

    #[test]
    fn a_part_has_to_be_the_one_that_was_asked_for() {
        for (content_range, part, expected) in [
            ("bytes 5-9/100", Part::Range(5..10), Some(5..10)),
            ("bytes 5-99/100", Part::Range(5..u64::MAX), Some(5..100)),
            ("bytes 5-7/100", Part::Range(5..10), Some(5..10)),
            ("bytes 93-99/100", Part::Last(7), Some(93..100)),
            ("bytes 0-99/100", Part::Last(700), Some(0..100)),
            ("bytes 6-9/100", Part::Range(5..10), None),
            ("bytes 5-10/100", Part::Range(5..10), None),
            ("bytes 5-9/*", Part::Range(5..10), None),
            ("bytes 5-9/8", Part::Range(5..10), None),
            ("bytes 9-5/100", Part::Range(5..10), None),
            ("bytes 0-18446744073709551615/18446744073709551615", Part::Range(0..u64::MAX), None),
            ("chunks 5-9/100", Part::Range(5..10), None),
            ("", Part::Range(5..10), None),
        ] {
            let found = of_206(content_range, &part);
            assert_eq!(
                found.as_ref().ok().map(|head| head.range.clone()),
                expected,
                "{content_range}: {found:?}"
            );
        }
    }

    #[test]
    fn all_of_it_will_do_where_little_has_to_be_dropped() {
        let all = headers(&[("content-length", "5000000")]);
        let skip = |part: Part| head(StatusCode::OK, &all, &part).map(|head| (head.skip, head.range)).ok();
        assert_eq!(skip(Part::Range(0..10)), Some((0, 0..10)));
        assert_eq!(skip(Part::Range(1000..2000)), Some((1000, 1000..2000)));
        assert_eq!(skip(Part::Range(2_000_000..2_000_001)), None);
        assert_eq!(skip(Part::Last(10)), None);
        assert!(matches!(
            head(StatusCode::OK, &headers(&[]), &Part::Range(0..9)),
            Err(Failure::IgnoresRange)
        ));
    }

    #[test]
    fn the_etag_counts_before_the_date() {
        let both = [
            ("content-length", "10"),
            ("etag", "W/\"a\""),
            ("last-modified", "Sat, 14 Mar 2026 10:00:00 GMT"),
        ];
        let validator = |pairs: &[(&'static str, &'static str)]| {
            head(StatusCode::OK, &headers(pairs), &Part::Range(0..9)).unwrap().origin.validator
        };
        assert_eq!(validator(&both).as_deref(), Some("W/\"a\""));
        assert_eq!(validator(&[both[0], both[2]]).as_deref(), Some(both[2].1));
        assert_eq!(validator(&both[..1]), None);
    }

    #[test]
    fn when_it_was_changed_is_a_date_or_nothing() {
        let of = |date: &'static str| modified(&headers(&[("last-modified", date)]));
        let moment = "2026-03-14T10:00:00Z".parse().unwrap();
        assert_eq!(of("Sat, 14 Mar 2026 10:00:00 GMT"), Some(moment));
        assert!(of("yesterday").is_none() && modified(&headers(&[])).is_none());
    }

    #[test]
    fn refusals_are_told_apart() {
        let failure = |status: u16| {
            let headers = headers(&[("content-range", "bytes */70")]);
            head(StatusCode::from_u16(status).unwrap(), &headers, &Part::Range(90..91)).unwrap_err()
        };
        assert!(matches!(failure(404), Failure::Gone));
        assert!(matches!(failure(403), Failure::Refused { .. }));
        assert!(matches!(failure(412), Failure::Changed));
        assert!(matches!(failure(416), Failure::BehindTheEnd { size: Some(70) }));
        assert!(failure(503).is_passing() && failure(429).is_passing() && failure(500).is_passing());
        assert!(!failure(302).is_passing() && !failure(400).is_passing());
    }
}
