//! `Range` (RFC 9110 §14), for one range.

use std::ops::Range;

/// What a request wants of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    All,
    /// This part.
    Part(Range<u64>),
    /// Nothing that is there.
    Nothing,
}

impl Wanted {
    /// What `header` wants of `size` bytes; what is not understood, and several ranges, want everything.
    pub(super) fn of(header: Option<&str>, size: u64) -> Self {
        let range = header.and_then(|header| header.strip_prefix("bytes=")?.split_once('-'));
        match range {
            Some(("", last)) => last.parse().map_or(Self::All, |last: u64| Self::suffix(last, size)),
            Some((first, last)) => match (first.parse(), last.parse()) {
                (Ok(first), Ok(last)) if first <= last => Self::part(first..last.saturating_add(1), size),
                (Ok(first), Err(_)) if last.is_empty() => Self::part(first..size, size),
                _ => Self::All,
            },
            None => Self::All,
        }
    }

    fn suffix(length: u64, size: u64) -> Self {
        if length == 0 { Self::Nothing } else { Self::part(size.saturating_sub(length)..size, size) }
    }

    fn part(range: Range<u64>, size: u64) -> Self {
        if range.start < size { Self::Part(range.start..range.end.min(size)) } else { Self::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_one_range() {
        for (header, wanted) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=3-5", Wanted::Part(3..6)),
            ("bytes=3-99", Wanted::Part(3..10)),
            ("bytes=3-", Wanted::Part(3..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-99", Wanted::Part(0..10)),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=5-3", Wanted::All),
            ("bytes=0-1,3-4", Wanted::All),
            ("lines=0-1", Wanted::All),
        ] {
            assert_eq!(Wanted::of(Some(header), 10), wanted, "{header}");
        }
        assert_eq!(Wanted::of(None, 10), Wanted::All);
    }
}
