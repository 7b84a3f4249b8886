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
    /// Only a transport stream can be cut without an index.
    #[error("this container is cut by its index only")]
    NeedsIndex,
    /// The input is no MP4 file, or one whose `moov` box is missing (ISO/IEC 14496-12 §8.2.1).
    #[error("no moov box in the first {examined} bytes")]
    NoMovie {
        /// Bytes passed over before giving up.
        examined: u64,
    },
    /// The source cannot jump back, and what is needed next has passed by: MP4 whose `moov` box comes last.
    #[error("byte {offset} is needed after byte {at}: the source has to be read from more than one place")]
    OutOfReach {
        /// What is needed.
        offset: u64,
        /// Where the source goes on.
        at: u64,
    },
    /// What everything else depends on cannot be read.
    #[error("byte {offset}: damaged {what}")]
    Damaged {
        /// Where it lies in the source.
        offset: u64,
        /// What it is.
        what: &'static str,
    },
    /// Something is larger than the engine will hold; see [`limits`](crate::limits).
    #[error("byte {offset}: {what} of more than {limit} bytes")]
    LimitExceeded {
        /// Where it lies in the source.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// The limit, in bytes.
        limit: u64,
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
