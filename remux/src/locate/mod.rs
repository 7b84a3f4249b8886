//! Plays a recording that nobody has indexed: which bytes of it to read for a time, and what is learned from all that is read.
//!
//! ```text
//! first bytes ─▶ HeadReader ─▶ Head ─▶ Knowledge ◀─ last bytes (Sounder)
//!                                │         ▲
//!                     Grid ◀─────┘         │ learn
//!                      │ thresholds        │
//!                      └────▶ Search ──────┴──▶ Probe these bytes, or Read those ─▶ Remuxer::between
//! ```
//! Transport streams and fragmented MP4 go the same way: [`Medium`] is what makes the difference. Of packets every picture says
//! when it is decoded, of fragments every `moof` box (`tfdt`), which a sounder finds by its structure. A read, and a probe, is
//! longer by a fragment there: between two of them no clock is seen.
//!
//! Nothing here reads: it says which bytes it wants and is told them.
//!
//! What is read is learned. Whoever reads a segment shows its bytes to a [`Sounder`] as well, tells [`Knowledge`] its
//! [`Sounding`], and keeps the GOPs that it has [`Learned`]: merged in any order, [`Search::with`] starts at random access
//! points that are known, [`Learned::cut`] is the exact cut where both are, and [`Learned::index`] the index once all are.
//!
//! A clock that was set, two runs in the head, an end without a clock: a [`Contradiction`] says that the recording has to be
//! scanned into runs by an [`Indexer`](crate::Indexer).
//!
//! ```
//! use std::{ops::Range, sync::Arc};
//! use bytes::Bytes;
//! use remux::locate::*;
//! use remux::{Output, Packaging, Remuxer};
//!
//! /// When a session begins: two rounds of reads, of the head as much as it takes.
//! fn open(read: impl Fn(Range<u64>) -> Bytes, size: u64) -> Result<(Head, Knowledge, Grid), Box<dyn std::error::Error>> {
//!     let mut reader = HeadReader::for_grid(size);
//!     let mut at = 0;
//!     while reader.wants() == HeadWants::Next {
//!         let bytes = read(at..size.min(at + (256 << 10)));
//!         at += bytes.len() as u64;
//!         reader.push(&bytes);
//!     }
//!     let head = reader.finish()?;
//!     let mut known = Knowledge::new(&head, size)?;
//!     let layout = Arc::new(head.layout.clone());
//!     let duration = loop {
//!         let range = known.tail_range();
//!         let mut sounder = Sounder::new(Arc::clone(&layout), range.start);
//!         sounder.push(&read(range));
//!         if let Tail::Ends(duration) = known.learn_tail(&sounder.finish(), None)? {
//!             break duration;
//!         }
//!     };
//!     let grid = Grid::new(head.layout.zero, &head.gops, duration, TARGET);
//!     Ok((head, known, grid))
//! }
//!
//! /// A segment: probes, if any, then one read.
//! fn segment(
//!     read: impl Fn(Range<u64>) -> Bytes,
//!     layout: &Arc<remux::Layout>,
//!     known: &mut Knowledge,
//!     thresholds: Thresholds,
//! ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
//!     let mut search = Search::new(thresholds);
//!     'search: loop {
//!         let mut range = match search.next(known)? {
//!             Step::Read(range) => range,
//!             Step::Probe(ranges) => {
//!                 // All at once where reads may go in parallel.
//!                 for range in ranges {
//!                     let mut sounder = Sounder::new(Arc::clone(layout), range.start);
//!                     sounder.push(&read(range));
//!                     known.learn(&sounder.finish())?;
//!                 }
//!                 continue;
//!             }
//!         };
//!         let mut out = Vec::new();
//!         let mut remuxer = Remuxer::between(Arc::clone(layout), thresholds, Packaging::TransportStream);
//!         let mut drain = |remuxer: &mut Remuxer| {
//!             while let Some(output) = remuxer.poll() {
//!                 if let Output::Bytes(bytes) = output {
//!                     out.extend_from_slice(&bytes);
//!                 }
//!             }
//!         };
//!         loop {
//!             // In pieces, as they come; nothing comes out before it is known that they do not begin too late.
//!             remuxer.push(range.start, read(range.clone()))?;
//!             drain(&mut remuxer);
//!             match remuxer.found() {
//!                 Some(Found { standing: Standing::Late, first: Some(first), .. }) => {
//!                     known.learn_point(first.into())?;
//!                     continue 'search;
//!                 }
//!                 Some(found) if !remuxer.is_complete() => match search.more(known, &found, range.end) {
//!                     Some(more) => range = more,
//!                     None => break,
//!                 },
//!                 _ => break,
//!             }
//!         }
//!         remuxer.finish()?;
//!         drain(&mut remuxer);
//!         return Ok(out);
//!     }
//! }
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/recordings/cam-001-entrance/2026/03/14/10-01-00.ts");
//! # let source = Bytes::from(std::fs::read(path).unwrap());
//! # let read = |range: Range<u64>| source.slice(range.start as usize..range.end as usize);
//! # let (head, mut known, grid) = open(read, source.len() as u64).unwrap();
//! # let layout = Arc::new(head.layout);
//! # assert_eq!((grid.cells, grid.cell.as_seconds()), (10, 6.0));
//! # let whole: usize = (0..grid.cells).map(|k| segment(read, &layout, &mut known, grid.thresholds(k)).unwrap().len()).sum();
//! # assert!(whole > source.len() * 9 / 10, "{whole}");
//! ```

mod grid;
mod head;
mod knowledge;
mod medium;
mod search;
mod segment;
mod sounding;

pub use self::grid::{GRID_VERSION, GopFacts, Grid, TARGET};
pub use self::head::{FragmentFacts, Head, HeadReader, HeadWants};
pub use self::knowledge::{Contradiction, Knowledge, Tail};
pub use self::medium::Medium;
pub use self::search::{Search, SearchError, Step};
pub use self::segment::{Found, Mark, Standing, Thresholds};
pub use self::sounding::{Point, Sounder, Sounding};
pub use crate::index::Learned;
