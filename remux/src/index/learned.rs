//! What is left of parts when they are kept: whole GOPs, some twenty bytes each.
//!
//! A [`Part`] remembers every PES, because what comes before and behind it may change what they mean. Of a GOP whose two
//! random access points have been seen with all that reaches across them, nothing can change any more. Such GOPs are facts
//! that stand alone: they are put together as sets, in any order, and where they follow each other from the first to the end
//! they are the index of one pass.
//!
//! Who reads on where a GOP begins that is known does not see what leads to it. Such a GOP is open: it is known as soon as the
//! one before it is, which knows its random access point.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::lane::What;
use super::part::Part;
use super::pass::KEY;
use super::stored::{IndexError, seal, unseal};
use super::{Cut, Index, Rap, Run};
use crate::cut::EARLY;
use crate::layout::{Layout, RapClass};
use crate::locate::Thresholds;
use crate::report::Report;
use crate::time::{MediaTime, Ticks};

/// The GOPs of one run that are known, with the layout that they were read with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    /// By the offset of the RAP that each begins with.
    gops: BTreeMap<u64, Gop>,
    /// Those whose random access point was seen without what comes before it, and of which no GOP before is known.
    open: BTreeMap<u64, Gop>,
    /// What came before the first.
    begin: Option<Begin>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Gop {
    rap: Rap,
    next: Next,
    pictures: u32,
    /// PES of other streams that start in it.
    others: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Next {
    /// The RAP that follows.
    Rap(Rap),
    /// The recording ends, at this byte and this time.
    End { offset: u64, end: MediaTime, settled: MediaTime },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Begin {
    /// Offset of the first RAP.
    first: u64,
    before_first_rap: u64,
    early: u64,
    others: u64,
}

const MAGIC: [u8; 4] = *b"RMXG";

/// Stored GOPs that follow each other: the RAPs as differences, the last of them that which comes behind.
#[derive(Serialize, Deserialize)]
struct StoredChain {
    gops: Vec<StoredGop>,
    next: Next,
}

#[derive(Serialize, Deserialize)]
struct StoredGop {
    offset: u64,
    pts: i64,
    delay: i64,
    size: u32,
    lead: u32,
    trail: u32,
    independent: bool,
    pictures: u32,
    others: u32,
}

/// The PES of a part.
struct Seen {
    pictures: Vec<u64>,
    /// For each other stream offsets and times.
    others: Vec<Vec<(u64, MediaTime)>>,
}

impl Part {
    /// The GOPs in it of which nothing can change any more; `size` is that of the recording. Of a run that has other runs
    /// beside it, of damage, and of sound alone, nothing is kept.
    pub fn learned(&self, size: u64) -> Learned {
        let is_sound = self.layout.rap_class == RapClass::AnyPes;
        match self.index_in_place() {
            Ok(index) if !is_sound && index.runs.len() == 1 && is_plain(&index.report) => {
                self.gops(&index, size)
            }
            _ => Learned::default(),
        }
    }

    fn gops(&self, index: &Index, size: u64) -> Learned {
        let (run, seen) = (&index.runs[0], self.seen());
        let (is_first, is_last) = (self.range.start == 0, self.range.end >= size);
        let mut learned = Learned::default();
        let is_whole = |rap: &Rap| (is_first || seen.precedes(rap)) && (is_last || seen.follows(rap));
        let end = Next::End { offset: self.range.end, end: run.end, settled: run.settled };
        for (number, rap) in run.raps.iter().enumerate() {
            let next = match run.raps.get(number + 1) {
                Some(next) if is_whole(next) => Next::Rap(*next),
                None if is_last => end,
                _ => continue,
            };
            let (pictures, others) = seen.count(rap.offset..next.offset(), run.layout.zero);
            let gop = Gop { rap: *rap, next, pictures, others };
            if is_whole(rap) {
                learned.gops.insert(rap.offset, gop);
            } else if is_last || seen.follows(rap) {
                learned.open.insert(rap.offset, gop);
            }
        }
        if let (true, Some(first)) = (is_first, run.raps.first()) {
            learned.begin = Some(Begin {
                first: first.offset,
                before_first_rap: index.report.before_first_rap,
                early: index.report.early,
                others: u64::from(seen.count(0..first.offset, run.layout.zero).1),
            });
        }
        learned
    }

    fn seen(&self) -> Seen {
        let mut seen = Seen { pictures: Vec::new(), others: vec![Vec::new(); self.layout.streams.len()] };
        self.replay(|fact| match fact.what {
            What::Start { offset, .. } if fact.stream == KEY => seen.pictures.push(offset),
            What::Start { offset, pts: Some(pts), .. } => {
                let shift = self.layout.streams[fact.stream].shift;
                let pts = pts.unwrap_near(self.layout.zero - shift) + shift;
                seen.others[fact.stream].push((offset, pts));
            }
            _ => {}
        });
        seen.others.remove(KEY);
        seen
    }
}

/// Whether a report tells of nothing but what PES there were.
fn is_plain(report: &Report) -> bool {
    report.damaged_pes == 0 && report.timestamp_jumps == 0 && report.overflowed == 0
}

impl Seen {
    /// Whether of every other stream something is known that starts before a RAP and is shown before it.
    fn precedes(&self, rap: &Rap) -> bool {
        let is_before = |&(offset, pts): &(u64, MediaTime)| offset < rap.offset && pts < rap.pts;
        self.others.iter().all(|stream| stream.iter().any(is_before))
    }

    /// Whether of every other stream something is known that is shown at or after a RAP.
    fn follows(&self, rap: &Rap) -> bool {
        self.others.iter().all(|stream| stream.iter().any(|&(_, pts)| pts >= rap.pts))
            && self.pictures.iter().any(|&offset| offset > rap.offset)
    }

    /// Pictures and other PES that start in a range; what is too early for the run does not count.
    fn count(&self, range: Range<u64>, zero: MediaTime) -> (u32, u32) {
        let pictures = self.pictures.iter().filter(|offset| range.contains(offset)).count();
        let others = self.others.iter().flatten();
        let others = others.filter(|(offset, pts)| range.contains(offset) && *pts >= zero - EARLY);
        (pictures as u32, others.count() as u32)
    }
}

impl Next {
    fn rap(&self) -> Option<Rap> {
        match self {
            Self::Rap(rap) => Some(*rap),
            Self::End { .. } => None,
        }
    }

    fn offset(&self) -> u64 {
        match self {
            Self::Rap(rap) => rap.offset,
            Self::End { offset, .. } => *offset,
        }
    }
}

impl Learned {
    /// What both know.
    pub fn merge(&mut self, other: Self) {
        self.gops.extend(other.gops);
        self.open.extend(other.open);
        self.begin = self.begin.or(other.begin);
        self.close();
    }

    /// Open GOPs are known once the GOPs before them are.
    fn close(&mut self) {
        let mut raps: Vec<Rap> = self.gops.values().filter_map(|gop| gop.next.rap()).collect();
        while let Some(rap) = raps.pop() {
            if let Some(open) = self.open.remove(&rap.offset) {
                let gop = *self.gops.entry(rap.offset).or_insert(Gop { rap, ..open });
                raps.extend(gop.next.rap());
            }
        }
        self.open.retain(|offset, _| !self.gops.contains_key(offset));
    }

    /// The bytes whose GOPs are known, in order, without those that touch.
    pub fn covered(&self) -> Vec<Range<u64>> {
        let mut covered: Vec<Range<u64>> = Vec::new();
        for (&start, gop) in &self.gops {
            match covered.last_mut() {
                Some(last) if last.end == start => last.end = gop.next.offset(),
                _ => covered.push(start..gop.next.offset()),
            }
        }
        covered
    }

    /// How many GOPs are known.
    pub fn gops(&self) -> usize {
        self.gops.len()
    }

    /// The first random access point at or after a time, where it is known that there is none before it.
    pub fn rap_at(&self, time: MediaTime) -> Option<Rap> {
        let (_, before) = self.gops.iter().rfind(|(_, gop)| gop.rap.pts < time)?;
        match before.next {
            Next::Rap(next) if next.pts >= time => Some(next),
            _ => None,
        }
    }

    /// The exact cut between two thresholds, where both its random access points are known: for
    /// [`Remuxer::segment`](crate::Remuxer::segment), which makes the same of it.
    pub fn cut(&self, thresholds: Thresholds) -> Option<Cut> {
        let a = match thresholds.from {
            Some(from) => self.rap_at(from)?,
            None => self.gops.get(&self.begin?.first)?.rap,
        };
        let (end, stop, until) = match thresholds.to {
            Some(to) => {
                let b = self.rap_at(to)?;
                (Some(b.pts), b.pts, b.offset + u64::from(b.trail))
            }
            None => match self.gops.last_key_value()?.1.next {
                Next::End { offset, end, .. } => (None, end, offset),
                Next::Rap(_) => return None,
            },
        };
        (stop > a.pts).then(|| Cut {
            run: 0,
            start: a.pts,
            end,
            duration: stop - a.pts,
            first: thresholds.from.is_none(),
            independent: a.independent,
            bytes: a.offset.saturating_sub(u64::from(a.lead))..until,
        })
    }

    /// The index, once all is known from the first byte to the last: that of one pass, of whose report it knows what a
    /// [`Part`] does.
    pub fn index(&self, layout: &Layout) -> Option<Index> {
        let begin = self.begin?;
        let mut at = begin.first;
        let mut raps = Vec::with_capacity(self.gops.len());
        let (mut pictures, mut others) = (0, begin.others);
        loop {
            let gop = self.gops.get(&at)?;
            raps.push(gop.rap);
            pictures += u64::from(gop.pictures);
            others += u64::from(gop.others);
            at = match gop.next {
                Next::Rap(next) if next.offset > at => next.offset,
                Next::Rap(_) => return None,
                Next::End { offset, end, settled } => {
                    let (is_video, layout) = (layout.streams.first()?.codec.is_video(), layout.clone());
                    let report = Report {
                        before_first_rap: begin.before_first_rap,
                        early: begin.early,
                        video_pes: if is_video { pictures } else { 0 },
                        other_pes: if is_video { others } else { others + pictures },
                        ..Report::default()
                    };
                    let run =
                        Run { layout, raps, end, settled, next_rap: None, end_offset: offset, pictures };
                    return Some(Index { size: offset, runs: vec![run], report });
                }
            };
        }
    }

    /// The bytes to store; [`Learned::decode`] reads them back.
    pub fn encode(&self) -> Vec<u8> {
        let mut chains: Vec<StoredChain> = Vec::new();
        let mut last: Option<Gop> = None;
        for gop in self.gops.values() {
            let follows = last.filter(|last| last.next == Next::Rap(gop.rap)).map(|last| last.rap);
            let stored = StoredGop::of(gop, follows);
            match chains.last_mut() {
                Some(chain) if follows.is_some() => {
                    chain.gops.push(stored);
                    chain.next = gop.next;
                }
                _ => chains.push(StoredChain { gops: vec![stored], next: gop.next }),
            }
            last = Some(*gop);
        }
        let open = self.open.values();
        let open = open.map(|gop| StoredChain { gops: vec![StoredGop::of(gop, None)], next: gop.next });
        seal(MAGIC, &(self.begin, chains, open.collect::<Vec<_>>()))
    }

    /// Reads what [`Learned::encode`] wrote.
    ///
    /// # Errors
    /// [`IndexError`] where the bytes are nothing of the kind, of another version, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let (begin, chains, open): (Option<Begin>, Vec<StoredChain>, Vec<StoredChain>) =
            unseal(MAGIC, bytes)?;
        let mut learned = Self { begin, ..Self::default() };
        let mut restored = |chains: Vec<StoredChain>, of: fn(&mut Self) -> &mut BTreeMap<u64, Gop>| {
            chains.into_iter().try_for_each(|chain| restore(chain, of(&mut learned)))
        };
        restored(chains, |learned| &mut learned.gops).ok_or(IndexError::Damaged)?;
        restored(open, |learned| &mut learned.open).ok_or(IndexError::Damaged)?;
        Ok(learned)
    }
}

/// Puts back what was stored.
fn restore(chain: StoredChain, gops: &mut BTreeMap<u64, Gop>) -> Option<()> {
    let mut next = chain.next;
    let mut before = None;
    let raps = chain.gops.iter().map(|stored| {
        before = Some(stored.rap(before)?);
        before
    });
    let raps: Option<Vec<Rap>> = raps.collect();
    for (stored, rap) in chain.gops.iter().zip(raps?).rev() {
        let reaches = rap.offset < next.offset() && next.offset() <= u64::MAX / 2;
        let gop = Gop { rap, next, pictures: stored.pictures, others: stored.others };
        gops.insert(rap.offset, gop);
        next = reaches.then_some(Next::Rap(rap))?;
    }
    Some(())
}

impl StoredGop {
    fn of(gop: &Gop, before: Option<Rap>) -> Self {
        let Rap { offset, pts, dts, size, lead, trail, independent } = gop.rap;
        Self {
            offset: offset - before.map_or(0, |before| before.offset),
            pts: (pts - before.map_or(MediaTime::from_ticks(0), |before| before.pts)).get(),
            delay: (pts - dts).get(),
            size,
            lead,
            trail,
            independent,
            pictures: gop.pictures,
            others: gop.others,
        }
    }

    fn rap(&self, before: Option<Rap>) -> Option<Rap> {
        let pts = before.map_or(MediaTime::from_ticks(0), |before| before.pts) + Ticks::new(self.pts);
        Some(Rap {
            offset: before.map_or(0, |before| before.offset).checked_add(self.offset)?,
            pts,
            dts: pts - Ticks::new(self.delay),
            size: self.size,
            lead: self.lead,
            trail: self.trail,
            independent: self.independent,
        })
    }
}
