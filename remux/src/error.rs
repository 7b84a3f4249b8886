//! Errors: who is to blame, and where.

/// Why the engine cannot go on. Damage that leaves something to play is never an error: it is counted in the
/// [`Report`](crate::Report) and told as an [`Event`](crate::Event).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The input is not a container that the engine knows.
    #[error("not MPEG-TS: no sync bytes 188, 192 or 204 bytes apart in the first {examined} bytes")]
    NotMedia {
        /// Bytes looked at before giving up.
        examined: u64,
    },
    /// The input is a transport stream, but says nothing about programs.
    #[error("no program: no valid PAT and PMT in the first {examined} bytes")]
    NoProgram {
        /// Bytes looked at before giving up.
        examined: u64,
    },
    /// No stream that HLS can carry has data, or no picture that decoding can begin at.
    #[error("nothing to play: {reason}")]
    NothingToPlay {
        /// What was found instead.
        reason: String,
    },
    /// An index cannot be put together from parts.
    #[error("the index needs one pass over the recording: {reason} (byte {offset})")]
    NeedsOnePass {
        /// Where that shows.
        offset: u64,
        /// Why.
        reason: String,
    },
    /// Bytes were pushed that do not continue what came before.
    #[error("misuse: pushed offset {pushed}, expected {expected}")]
    OutOfOrder {
        /// The offset that was expected next.
        expected: u64,
        /// The offset that came.
        pushed: u64,
    },
}
