//! Learns a layout from the units that are read first, which wait until it is known.

use bytes::Bytes;

use super::movie::Movie;
use super::streams::{self, FRAME_HEADER, Seen, needs_header};
use crate::es::access_unit::{AccessUnit, Data};
use crate::layout::Codec;
use crate::limits;

/// Learns a layout from the units that are read first.
#[derive(Debug, Default)]
pub(super) struct Learner {
    pub(super) seen: Vec<Seen>,
    /// Whether `seen` is what the tables say, and only frame headers are missing.
    is_seen: bool,
    pub(super) waiting: Vec<Waiting>,
    held: usize,
}

/// A unit that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) track: usize,
    pub(super) is_sync: bool,
    pub(super) unit: AccessUnit,
}

impl Learner {
    /// Begins with what is known of each track; with `is_seen` only frame headers are missing.
    pub(super) fn new(seen: Vec<Seen>, is_seen: bool) -> Self {
        Self { seen, is_seen, ..Self::default() }
    }

    /// The next unit.
    pub(super) fn on_unit(&mut self, waiting: Waiting, size: usize) {
        if let Some(seen) = self.seen.get_mut(waiting.track) {
            if let (Data::Frame(frame), None) = (&waiting.unit.data, &seen.header) {
                let header = frame.get(..FRAME_HEADER).unwrap_or(frame);
                seen.header = Some(Bytes::copy_from_slice(header));
            }
            if !self.is_seen {
                seen.on_sample(waiting.unit.unit, waiting.is_sync, waiting.unit.times);
            }
        }
        self.held = self.held.saturating_add(size);
        self.waiting.push(waiting);
    }

    /// Whether enough is known.
    pub(super) fn is_done(&self, movie: &Movie) -> bool {
        if self.held >= limits::HEAD || self.waiting.len() >= limits::HEAD_UNITS {
            return true;
        }
        let lacks_header =
            |codec: Codec, seen: &Seen| seen.samples > 0 && seen.header.is_none() && needs_header(codec);
        let mut tracks = movie.tracks.iter().zip(&self.seen);
        if tracks.clone().any(|(track, seen)| lacks_header(track.codec, seen)) {
            return false;
        }
        let key = streams::key(movie, |track| self.seen.get(track).is_some_and(|seen| seen.samples > 0));
        let is_key_known = key.and_then(|key| self.seen.get(key)).is_some_and(Seen::is_known);
        self.is_seen || is_key_known && tracks.all(|(_, seen)| seen.samples > 0)
    }
}
