//! When samples that are held go out, so that the streams of a file alternate and little is held.

use crate::limits;
use crate::time::{MediaTime, Ticks};

/// How much time lies in a fragment, or in a chunk of each track.
const SPAN: Ticks = Ticks::SECOND;

/// What is held since samples last went out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Interleave {
    since: Option<MediaTime>,
    bytes: usize,
}

impl Interleave {
    /// Whether what is held has to go out before a sample with this decode time is taken.
    pub(crate) fn is_due(&self, dts: MediaTime) -> bool {
        self.bytes >= limits::FRAGMENT_BYTES || self.since.is_some_and(|since| (dts - since).abs() >= SPAN)
    }

    /// A sample has been taken.
    pub(crate) fn on_sample(&mut self, dts: MediaTime, bytes: usize) {
        self.since.get_or_insert(dts);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// What was held has gone out.
    pub(crate) fn on_flush(&mut self) {
        *self = Self::default();
    }
}
