//! The head of a recording: its layout, and how far apart its first random access points are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::grid::{ENOUGH_RAPS, GopFacts};
use super::sounding::{Point, Sounder};
use crate::error::Error;
use crate::index::{Index, Indexer, Rap};
use crate::layout::Layout;
use crate::limits;
use crate::mp4::read::{FragmentedHead, MovieBox, Shown};
use crate::remuxer::{MAGIC, is_mp4};
use crate::time::Ticks;

/// Reads the head: push the recording from its first byte on while it [wants](Self::wants) more, then finish.
#[derive(Debug, Clone)]
pub struct HeadReader {
    source: Source,
    size: u64,
    read: u64,
    raps: u32,
}

/// ```text
/// Sniffing ──┬──▶ Packets
///            └──▶ Boxes ──┬──▶ Fragments
///                         └──▶ Tables
/// ```
#[derive(Debug, Clone)]
enum Source {
    /// The first bytes, which say what it is.
    Sniffing(Vec<u8>),
    Packets(Box<Indexer>),
    /// Boxes of MP4. They are looked through again once there are so many bytes.
    Boxes {
        head: FragmentedHead,
        look: usize,
    },
    /// All that is needed of fragments is known.
    Fragments(Box<Head>),
    /// Its tables say it all.
    Tables,
}

/// What a [`HeadReader`] needs next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadWants {
    /// The bytes behind those pushed last.
    Next,
    /// Nothing: finish.
    Nothing,
    /// It is MP4 whose tables say where everything is: what an [`Indexer`] asks for makes its index.
    Tables,
}

/// What the head of a recording says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The layout of the first run, as an [`Indexer`] finds it.
    pub layout: Layout,
    /// The random access points of that run in what was read.
    pub raps: Vec<Rap>,
    /// How far apart they are.
    pub gops: GopFacts,
    /// Runs seen. More than one: the recording has to be scanned.
    pub runs: usize,
    /// Bytes read.
    pub read: u64,
    /// Of a recording that was read to its end, how long its first run is.
    pub duration: Option<Ticks>,
    /// Of fragmented MP4, what it takes to find one's way in it.
    pub fragments: Option<FragmentFacts>,
}

/// What the head of a fragmented file says besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentFacts {
    pub(super) movie: MovieBox,
    /// Where its first fragments begin.
    pub(super) points: Vec<Point>,
    /// Bytes of the longest of them.
    pub(super) longest: u64,
}

impl HeadReader {
    /// The head of a recording of `size` bytes, of which the layout is wanted and nothing else.
    pub fn new(size: u64) -> Self {
        Self { source: Source::Sniffing(Vec::new()), size, read: 0, raps: 1 }
    }

    /// The same, but as many random access points are wanted as a grid needs, if the first 8 MiB have them.
    pub fn for_grid(size: u64) -> Self {
        Self { raps: ENOUGH_RAPS, ..Self::new(size) }
    }

    /// What is needed next. It says as early as possible that nothing is: small pieces keep what is read small.
    pub fn wants(&mut self) -> HeadWants {
        self.look_through();
        let is_over = self.read >= self.size;
        match &self.source {
            Source::Tables => HeadWants::Tables,
            Source::Fragments(_) => HeadWants::Nothing,
            _ if is_over => HeadWants::Nothing,
            Source::Packets(indexer) if indexer.has_failed() => HeadWants::Nothing,
            Source::Packets(indexer) => {
                let raps = indexer.first_run().map(|(_, raps)| raps.len());
                let is_enough = |raps| raps >= self.raps as usize || self.read >= limits::HEAD as u64;
                if raps.is_some_and(is_enough) { HeadWants::Nothing } else { HeadWants::Next }
            }
            Source::Sniffing(_) | Source::Boxes { .. } => HeadWants::Next,
        }
    }

    /// Boxes that have come since the last look.
    fn look_through(&mut self) {
        let is_over = self.read >= self.size;
        let Source::Boxes { head, look } = &mut self.source else { return };
        if head.len() < *look && !is_over {
            return;
        }
        let is_long = head.len() >= limits::HEAD || is_over;
        *look = (head.len() + head.len() / 4).min(limits::HEAD);
        match head.shown() {
            Shown::More => {}
            Shown::Tables => self.source = Source::Tables,
            Shown::Fragments(movie, index) => {
                let raps = index.runs.first().map_or(0, |run| run.raps.len());
                if raps >= self.raps as usize || is_long {
                    let found = of_fragments(movie, *index, head, self.read);
                    self.source = found.map_or(Source::Tables, |head| Source::Fragments(Box::new(head)));
                }
            }
        }
    }

    /// What has been found so far, where that looks like another recording by the same camera, of which layout and GOPs are
    /// known: a few pictures are enough then, and what takes longer to see is taken from there. `None` where more has to be
    /// [pushed](Self::push) to tell.
    pub fn resembling(&self, layout: &Layout, gops: GopFacts) -> Option<Head> {
        let Source::Packets(indexer) = &self.source else { return None };
        let mut runs = indexer.clone().finish().ok()?.runs.into_iter();
        let (Some(run), None) = (runs.next(), runs.next()) else { return None };
        let duration = (self.read >= self.size).then(|| run.duration());
        let layout = run.layout.completed_by(layout)?;
        Some(Head { layout, raps: run.raps, gops, runs: 1, read: self.read, duration, fragments: None })
    }

    /// The next bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.read += bytes.len() as u64;
        match &mut self.source {
            Source::Sniffing(begun) => {
                begun.extend_from_slice(bytes);
                if begun.len() >= MAGIC {
                    self.on_sniffed();
                }
            }
            Source::Packets(indexer) => indexer.push(bytes),
            Source::Boxes { head, .. } => head.push(bytes),
            Source::Fragments(_) | Source::Tables => {}
        }
    }

    fn on_sniffed(&mut self) {
        let Source::Sniffing(begun) = &mut self.source else { return };
        let begun = std::mem::take(begun);
        self.source = if is_mp4(&begun) {
            let mut head = FragmentedHead::new(self.size);
            head.push(&begun);
            Source::Boxes { head, look: 0 }
        } else {
            let mut indexer = Box::new(Indexer::with_size(self.size));
            indexer.push(&begun);
            Source::Packets(indexer)
        };
    }

    /// What has been found.
    ///
    /// # Errors
    /// Where there is nothing to play, as of an [`Indexer`]; [`Error::NeedsIndex`] of MP4 whose tables say it all.
    pub fn finish(mut self) -> Result<Head, Error> {
        if let Source::Sniffing(_) = self.source {
            self.on_sniffed();
        }
        self.look_through();
        let indexer = match self.source {
            Source::Packets(indexer) => indexer,
            Source::Fragments(head) => return Ok(*head),
            Source::Sniffing(_) | Source::Boxes { .. } | Source::Tables => return Err(Error::NeedsIndex),
        };
        let (size, read) = (self.size, self.read);
        let index = indexer.finish()?;
        let runs = index.runs.len();
        let first = index.runs.into_iter().next();
        let first = first.ok_or_else(|| Error::NothingToPlay { reason: "no run".to_owned() })?;
        let duration = (read >= size).then(|| first.duration());
        Ok(Head {
            gops: GopFacts::of(&first.raps),
            layout: first.layout,
            raps: first.raps,
            runs,
            read,
            duration,
            fragments: None,
        })
    }
}

/// What the head of a fragmented file says; `None` where its fragments are so long that hardly one is in it, or do not say when
/// they are decoded.
fn of_fragments(movie: MovieBox, index: Index, head: &FragmentedHead, read: u64) -> Option<Head> {
    let run = index.runs.into_iter().next()?;
    let mut sounder = Sounder::of_fragments(Arc::new(movie.parse().ok()?), &run.layout, 0);
    sounder.push(head.bytes());
    let points = sounder.finish().points;
    let longest = points.windows(2).map(|pair| pair[1].offset - pair[0].offset).max()?;
    Some(Head {
        gops: GopFacts::of(&run.raps),
        layout: run.layout,
        raps: run.raps,
        runs: 1,
        read,
        duration: None,
        fragments: Some(FragmentFacts { movie, points, longest }),
    })
}
