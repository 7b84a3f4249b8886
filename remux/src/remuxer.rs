//! The engine: bytes of a recording in, a clean transport stream out.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::index::Cut;
use crate::layout::Layout;
use crate::report::{Event, Report};

/// What [`Remuxer::poll`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// The next bytes of the output, whole packets.
    Bytes(Bytes),
    /// Something worth a line in a log.
    Event(Event),
    /// The container keeps what is needed next elsewhere: push these bytes of the source next. Transport streams never
    /// ask.
    Want(Range<u64>),
}

/// A streaming remuxer.
#[derive(Debug)]
pub struct Remuxer {
    report: Report,
}

impl Remuxer {
    /// One segment of a recording whose layout is known: exactly the access units of `cut`, whatever is pushed besides.
    /// Push the source bytes from `cut.bytes.start` on (or from earlier).
    pub fn segment(_layout: Arc<Layout>, _cut: &Cut) -> Self {
        Self { report: Report::default() }
    }

    /// The next bytes of the source, cut anywhere; `offset` is the place of the first one in the source. No copy is made
    /// where the caller holds the only handle.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] where `offset` does not continue what came before; what else is wrong with the input.
    pub fn push(&mut self, _offset: u64, _bytes: Bytes) -> Result<(), Error> {
        Ok(())
    }

    /// What is ready; ask until `None` after each [`push`](Self::push) and after [`finish`](Self::finish).
    pub fn poll(&mut self) -> Option<Output> {
        None
    }

    /// The end of the source: what is still held comes out.
    ///
    /// # Errors
    /// Where there is nothing to play.
    pub fn finish(&mut self) -> Result<(), Error> {
        Ok(())
    }

    /// Whether nothing that could still be pushed can change the output: time to stop reading and finish.
    pub fn is_complete(&self) -> bool {
        false
    }

    /// What has happened so far.
    pub fn report(&self) -> &Report {
        &self.report
    }
}
