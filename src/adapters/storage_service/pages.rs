//! Lists that are given a page at a time by a service that does not say so: as long as an answer is not clearly complete it is
//! asked again from where the last row begins.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::TimeDelta;

use super::entry::Entry;
use super::{StorageService, Window};
use crate::domain::{CameraId, WallTime};
use crate::error::Result;

/// An answer with fewer rows is complete: nobody gives fewer at a time than the deployed form.
pub(super) const PAGE: usize = 100;

/// Pages of one listing: 100,000 rows of the deployed form.
const MOST_PAGES: usize = 1000;

/// Rows of one listing: ten weeks of minutes.
const MOST_ROWS: usize = 100_000;

impl StorageService {
    /// What there is in `window`, each row once.
    pub(super) async fn all_pages(&self, camera: &CameraId, window: Window) -> Result<Arc<[Entry]>> {
        let mut collected = Collected::default();
        let mut next = Some(window);
        for _ in 0..MOST_PAGES {
            let Some(window) = next else { return Ok(collected.entries.into()) };
            let page = self.page(camera, window).await?;
            next = following(window, &page.segments).filter(|_| collected.wants_more());
            collected.add(page.segments);
            if collected.entries.len() > MOST_ROWS {
                break;
            }
        }
        Err(self.0.client.wrong("lists more recordings than can be looked at; ask for a shorter range"))
    }
}

/// What is to be asked for after `page`; `None` where nothing is left.
fn following(window: Window, page: &[Entry]) -> Option<Window> {
    if page.len() < PAGE {
        return None;
    }
    let starts = || page.iter().filter_map(|entry| entry.start);
    let latest_first = starts().next() > starts().next_back();
    let (start, end) = if latest_first {
        let end = page.iter().filter_map(|entry| entry.end).min()?;
        (window.start, further(window.end, end, TimeDelta::seconds(-1)))
    } else {
        (further(window.start, starts().max()?, TimeDelta::seconds(1)), window.end)
    };
    (start < end).then(|| Window::of_seconds(start.timestamp(), end.timestamp()))
}

/// `to`, if that lies in the direction of `step`, or else a step further: a page of equal rows must not be the last.
fn further(from: WallTime, to: WallTime, step: TimeDelta) -> WallTime {
    let is_further = if step > TimeDelta::zero() { to > from } else { to < from };
    if is_further { to } else { from + step }
}

/// Rows of several pages, each once.
#[derive(Default)]
struct Collected {
    entries: Vec<Entry>,
    seen: HashSet<Known>,
    /// Pages in a row without anything new.
    idle: usize,
}

/// What a row is known again by: its id, else its span.
#[derive(PartialEq, Eq, Hash)]
enum Known {
    Id(Arc<str>),
    Span(Option<WallTime>, Option<WallTime>),
}

/// So many pages without anything new are the end, whatever they look like.
const IDLE_PAGES: usize = 3;

impl Collected {
    fn add(&mut self, page: Vec<Entry>) {
        let before = self.entries.len();
        for entry in page {
            let known = match &entry.id {
                Some(id) => Known::Id(Arc::clone(id)),
                None => Known::Span(entry.start, entry.end),
            };
            if self.seen.insert(known) {
                self.entries.push(entry);
            }
        }
        self.idle = if self.entries.len() > before { 0 } else { self.idle + 1 };
    }

    fn wants_more(&self) -> bool {
        self.idle < IDLE_PAGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    fn page(starts: impl Iterator<Item = i64>) -> Vec<Entry> {
        let at = |second| DateTime::from_timestamp(second, 0);
        starts.map(|start| Entry { start: at(start), end: at(start + 60), ..Entry::default() }).collect()
    }

    #[test]
    fn the_next_page_begins_where_the_last_row_does() {
        let window = Window::of_seconds(0, 100_000);
        assert_eq!(following(window, &page((0..99).map(|row| row * 60))), None);
        let ascending = page((0..100).map(|row| row * 60));
        assert_eq!(following(window, &ascending), Some(Window::of_seconds(99 * 60, 100_000)));
        let descending = page((0..100).rev().map(|row| 6000 + row * 60));
        assert_eq!(following(window, &descending), Some(Window::of_seconds(0, 6060)));
        assert_eq!(
            following(window, &page(std::iter::repeat_n(0, 100))),
            Some(Window::of_seconds(1, 100_000))
        );
        let at_the_end = page(std::iter::repeat_n(100_000, 100));
        assert_eq!(following(window, &at_the_end), None);
        assert_eq!(following(window, &vec![Entry::default(); 100]), None);
    }
}
