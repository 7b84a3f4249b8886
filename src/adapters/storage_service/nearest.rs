//! The footage nearest to a range in which there is none, by a few questions: windows that grow; and where one holds more rows
//! than are given at a time, and the wrong ones, halves of it.

use chrono::TimeDelta;

use super::entry::Entry;
use super::listing::{listing, span};
use super::pages::PAGE;
use super::{StorageService, Window};
use crate::domain::{CameraId, TimeRange, merge};
use crate::error::{Nearest, Result};

/// How far is looked, one after the other; the last one takes in whatever is kept.
const WINDOWS: [TimeDelta; 5] = [
    TimeDelta::hours(2),
    TimeDelta::days(1),
    TimeDelta::days(14),
    TimeDelta::days(180),
    TimeDelta::days(3650),
];

/// How often one window is asked about.
const HALVINGS: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

impl StorageService {
    /// The spans nearest to `range` that lie wholly outside of it.
    pub(super) async fn look_around(&self, camera: &CameraId, range: TimeRange) -> Result<Nearest> {
        let before = self.look(camera, range.start().timestamp(), Side::Before);
        let after = self.look(camera, range.end().timestamp(), Side::After);
        let (before, after) = futures::future::try_join(before, after).await?;
        let is_outside = |span: &TimeRange| !span.overlaps(&range);
        Ok(Nearest { before: before.filter(is_outside), after: after.filter(is_outside) })
    }

    async fn look(&self, camera: &CameraId, edge: i64, side: Side) -> Result<Option<TimeRange>> {
        for width in WINDOWS {
            if let Some(span) = self.look_within(camera, edge, width.num_seconds(), side).await? {
                return Ok(Some(span));
            }
        }
        Ok(None)
    }

    async fn look_within(
        &self,
        camera: &CameraId,
        edge: i64,
        width: i64,
        side: Side,
    ) -> Result<Option<TimeRange>> {
        let longest = self.0.longest.num_seconds();
        let (mut near, mut far) = (edge, side.away_from(edge, width));
        let mut seen = None;
        for _ in 0..HALVINGS {
            // A recording that begins or ends nearer than `far` may reach beyond it.
            let window = side.window(near, side.away_from(far, longest));
            let page = self.page(camera, window).await?.segments;
            match (side.nearest(&page, camera, window), seen) {
                (None, None) => break,
                (None, Some(_)) => near = far,
                (Some(span), _) if page.len() < PAGE || side.comes_first(&page) => return Ok(Some(span)),
                (Some(span), _) => seen = Some(span),
            }
            let known = seen.map_or(edge, |span: TimeRange| side.near_end(span));
            far = near.midpoint(known);
        }
        Ok(seen)
    }
}

impl Side {
    fn away_from(self, edge: i64, seconds: i64) -> i64 {
        match self {
            Self::Before => edge.saturating_sub(seconds),
            Self::After => edge.saturating_add(seconds),
        }
    }

    fn window(self, near: i64, far: i64) -> Window {
        match self {
            Self::Before => Window::of_seconds(far, near),
            Self::After => Window::of_seconds(near, far),
        }
    }

    /// Where what is nearer than a span lies.
    fn near_end(self, span: TimeRange) -> i64 {
        match self {
            Self::Before => span.end().timestamp(),
            Self::After => span.start().timestamp(),
        }
    }

    /// Whether a page begins with what is nearest.
    fn comes_first(self, page: &[Entry]) -> bool {
        let starts = || page.iter().filter_map(|entry| entry.start);
        let latest_first = starts().next() > starts().next_back();
        latest_first == (self == Self::Before)
    }

    /// The nearest span of what can be read.
    fn nearest(self, page: &[Entry], camera: &CameraId, window: Window) -> Option<TimeRange> {
        let range = TimeRange::new(window.start, window.end).ok()?;
        let rows = listing(page, camera, range).rows;
        let spans = rows.iter().filter_map(span).filter(|span| match self {
            Self::Before => span.end() <= window.end,
            Self::After => span.start() >= window.start,
        });
        let spans = merge(spans);
        match self {
            Self::Before => spans.last().copied(),
            Self::After => spans.first().copied(),
        }
    }
}
