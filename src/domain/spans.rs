//! Recorded spans and the gaps between them.

use super::TimeRange;

/// Joins ranges that touch or overlap. They must come in the order of their starts.
pub fn merge(ranges: impl IntoIterator<Item = TimeRange>) -> Vec<TimeRange> {
    let mut merged: Vec<TimeRange> = Vec::new();
    for range in ranges {
        let joined = merged.last().copied().filter(|last| range.start() <= last.end());
        match joined.and_then(|last| TimeRange::new(last.start(), last.end().max(range.end())).ok()) {
            Some(longer) => {
                merged.pop();
                merged.push(longer);
            }
            None => merged.push(range),
        }
    }
    merged
}

/// The holes that merged `spans` leave in `within`.
pub fn gaps(spans: &[TimeRange], within: TimeRange) -> Vec<TimeRange> {
    let starts = std::iter::once(within.start()).chain(spans.iter().map(TimeRange::end));
    let ends = spans.iter().map(TimeRange::start).chain([within.end()]);
    starts
        .zip(ends)
        .filter_map(|(start, end)| TimeRange::new(start.max(within.start()), end.min(within.end())).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn range((start, end): (i64, i64)) -> TimeRange {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        TimeRange::new(at(start), at(end)).unwrap()
    }

    fn ranges(pairs: &[(i64, i64)]) -> Vec<TimeRange> {
        pairs.iter().copied().map(range).collect()
    }

    #[test]
    fn merges_what_touches_or_overlaps() {
        let merged = merge(ranges(&[(0, 10), (10, 20), (15, 18), (30, 40), (35, 50)]));
        assert_eq!(merged, ranges(&[(0, 20), (30, 50)]));
        assert_eq!(merge([]), []);
    }

    #[test]
    fn gaps_are_what_is_left() {
        let spans = ranges(&[(0, 20), (30, 50)]);
        assert_eq!(gaps(&spans, range((10, 60))), ranges(&[(20, 30), (50, 60)]));
        assert_eq!(gaps(&spans, range((-5, 40))), ranges(&[(-5, 0), (20, 30)]));
        assert_eq!(gaps(&spans, range((35, 40))), []);
        assert_eq!(gaps(&spans, range((21, 29))), ranges(&[(21, 29)]));
        assert_eq!(gaps(&[], range((1, 2))), ranges(&[(1, 2)]));
    }
}
