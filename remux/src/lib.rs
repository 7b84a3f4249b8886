//! A streaming MPEG-TS remux engine for HLS: bytes of a recording in, a clean transport stream out.
//!
//! The engine is pure: no sockets, files, threads or clock. Whoever drives it reads bytes and hands them over.
//!
//! # The contract
//!
//! Three verbs: **push** bytes of the source, **poll** until there is nothing more, **finish** at the end of the source
//! and poll once more. Any chunking of the same source gives the same output.
//!
//! ```
//! use bytes::Bytes;
//! use remux::{Error, Output, Remuxer, Span};
//!
//! fn copy(chunks: impl Iterator<Item = Bytes>, mut write: impl FnMut(&[u8])) -> Result<(), Error> {
//!     let mut remuxer = Remuxer::copy(Span::default());
//!     let mut drain = |remuxer: &mut Remuxer| {
//!         while let Some(output) = remuxer.poll() {
//!             match output {
//!                 Output::Bytes(bytes) => write(&bytes),
//!                 Output::Event(event) => eprintln!("{event}"),
//!                 // A container that keeps its tables elsewhere; transport streams never ask.
//!                 Output::Want(range) => eprintln!("wants bytes {range:?}"),
//!                 _ => {}
//!             }
//!         }
//!     };
//!     let mut offset = 0;
//!     for chunk in chunks {
//!         let length = chunk.len() as u64;
//!         remuxer.push(offset, chunk)?;
//!         offset += length;
//!         drain(&mut remuxer);
//!     }
//!     remuxer.finish()?;
//!     drain(&mut remuxer);
//!     Ok(())
//! }
//! ```
//!
//! # What comes out
//!
//! * [`Remuxer::copy`] makes a whole recording, or a span of it.
//! * [`Indexer`] passes over a recording once and learns its [`Index`]: layout, random access points, duration.
//! * [`Index::cuts`] chooses cuts, and [`Remuxer::segment`] makes one of them from a byte range. Laid end to end the
//!   segments carry every access unit of the recording from its first random access point on exactly once, and per PID
//!   the PES of `copy`.
//! * [`locate`] plays a recording that has no index yet, from a few reads of a few hundred kilobytes.
//!
//! # Time
//!
//! A run's clock begins at **zero**, the PTS of its first random access point ([`layout::Layout::zero`]). Output time is
//! source time - zero + 10 s ([`layout::ORIGIN`]), 90 kHz.
//!
//! # Errors and damage
//!
//! An [`Error`] says that there is nothing to play, or that the engine was misused. Damage is neither: it is counted in
//! the [`Report`] and told as an [`Event`] with its place, and what can be played goes on. The engine does not panic,
//! whatever the input; every buffer has its cap in [`limits`].
//!
//! # Standards
//!
//! Clauses are cited from ITU-T H.222.0 (06/2021) = ISO/IEC 13818-1, H.264 (08/2021), H.265 (08/2021), RFC 8216,
//! ISO/IEC 14496-3:2019, 14496-12:2022, 14496-14:2020, 14496-15:2022, 23000-19:2020 (CMAF), RFC 6381, RFC 6716.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod index;
pub mod layout;
pub mod limits;
pub mod locate;
pub mod time;
pub mod ts;

mod bits;
mod cut;
mod error;
mod es;
mod head;
mod intake;
mod mp4;
mod mux;
mod pes;
mod psi;
mod remuxer;
mod report;
mod rewriter;
mod streams;
mod timeline;

pub use crate::error::Error;
pub use crate::index::{Cut, CutList, Index, Indexer, Wants};
pub use crate::layout::{Layout, Packaging};
pub use crate::remuxer::{Copy, OUTPUT_VERSION, Output, Remuxer, Span};
pub use crate::report::{Event, Report};
pub use crate::rewriter::Measured;
