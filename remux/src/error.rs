//! Errors: who is to blame, and where.

use crate::layout::{Codec, Source};

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
    /// A stream cannot be put into MP4.
    #[error("{stream} ({codec}) cannot go into MP4: {reason}")]
    NotForMp4 {
        /// Where the stream is in the source.
        stream: Source,
        /// What it carries.
        codec: Codec,
        /// What is missing.
        reason: &'static str,
    },
    /// A file has more samples than its tables may take room for ([`limits::PLAN_BYTES`](crate::limits::PLAN_BYTES)).
    #[error("too long for one MP4 file: its sample tables would take more than {limit} bytes")]
    TooLong {
        /// Bytes that the tables may take.
        limit: u64,
    },
    /// A source is not what it was when it was read before.
    #[error("the source has changed between two passes over it, before byte {offset}")]
    SourceChanged {
        /// Where the difference was noticed.
        offset: u64,
    },
}
