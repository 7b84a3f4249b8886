//! One pass over a recording.

use super::Index;
use crate::error::Error;

/// Learns a recording in one pass: push all of it in order, then finish.
#[derive(Debug, Default)]
pub struct Indexer {}

impl Indexer {
    /// A pass that begins at the first byte of a recording.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next bytes of the recording, cut anywhere.
    pub fn push(&mut self, _bytes: &[u8]) {
    }

    /// The end of the recording.
    ///
    /// # Errors
    /// Where there is nothing to play; see [`Error`].
    pub fn finish(self) -> Result<Index, Error> {
        Err(Error::NotMedia { examined: 0 })
    }
}
