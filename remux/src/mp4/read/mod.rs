//! Reading MP4 files: from bytes to access units (ISO/IEC 14496-12).
//!
//! ```text
//!   bytes ─▶ Window ─▶ Movie (moov) ─▶ Plan of its sample tables ─┐
//!                         └──────────▶ Walk from moof to moof ────┴▶ samples ─▶ access units
//! ```
//! Syntax: [`config`], [`entry`], [`tables`], [`movie`], [`fragment`]. Times: [`clock`]. In which order samples are read:
//! [`plan`], [`walk`]. What is held: [`window`]. What a layout says: [`streams`]. The two users: [`reader`] makes access
//! units, [`indexer`] an index. Of a fragmented file that nobody has indexed: [`head`], [`scan`] and [`listen`].

mod clock;
mod collect;
mod config;
mod entry;
mod fragment;
mod head;
mod indexer;
mod learner;
mod listen;
mod log;
mod movie;
mod plan;
mod playing;
mod reader;
mod scan;
mod streams;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unit;
mod walk;
mod window;

pub(crate) use self::head::{FragmentedHead, FragmentedMovie, MovieBox, Shown};
pub(crate) use self::indexer::Mp4Indexer;
pub(crate) use self::listen::Listener;
pub(crate) use self::reader::{Read, Reader};
