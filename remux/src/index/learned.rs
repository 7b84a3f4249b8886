//! What is left of parts when they are kept: whole GOPs, some twenty bytes each.
//!
//! A [`Part`] remembers every PES, because what comes before and behind it may change what they mean. Of a GOP whose two
//! random access points have been seen with all that reaches across them, nothing can change any more. Such GOPs are facts
//! that stand alone: they are put together as sets, in any order, and where they follow each other from the first to the end
//! they are the index of one pass.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::lane::What;
use super::part::Part;
use super::pass::KEY;
use super::stored::{IndexError, is_sound, seal, unseal};
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
    /// The GOPs in it of which nothing can change any more; `size` is that of the recording. A random access point of which that
    /// is `known` already need not be seen with what comes before it: who looks for it begins to read with it. Of a run that
    /// has other runs beside it, of damage, and of sound alone, nothing is kept.
    ///
    /// `near` is about when it is: in a recording of many hours its own clock of 33 bits may stand for several times.
    pub fn learned(&self, size: u64, near: MediaTime, known: &Learned) -> Learned {
        let is_sound = self.layout.rap_class == RapClass::AnyPes;
        match self.index_in_place(near) {
            Ok(index) if !is_sound && index.runs.len() == 1 && is_plain(&index.report) => {
                self.gops(&index, size, near, known)
            }
            _ => Learned::default(),
        }
    }

    fn gops(&self, index: &Index, size: u64, near: MediaTime, known: &Learned) -> Learned {
        let (run, seen) = (&index.runs[0], self.seen(near));
        let (is_first, is_last) = (self.range.start == 0, self.range.end >= size);
        let mut learned = Learned::default();
        let is_whole = |rap: &Rap| (is_first || seen.precedes(rap)) && (is_last || seen.follows(rap));
        let whole = |rap: &Rap| known.rap(rap.offset).or(is_whole(rap).then_some(*rap));
        let end = Next::End { offset: self.range.end, end: run.end, settled: run.settled };
        for (number, rap) in run.raps.iter().enumerate() {
            let next = match run.raps.get(number + 1) {
                Some(next) => whole(next).map(Next::Rap),
                None => is_last.then_some(end),
            };
            if let (Some(rap), Some(next)) = (whole(rap), next) {
                let (pictures, others) = seen.count(rap.offset..next.offset(), run.layout.zero);
                learned.gops.insert(rap.offset, Gop { rap, next, pictures, others });
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

    fn seen(&self, near: MediaTime) -> Seen {
        let mut seen = Seen { pictures: Vec::new(), others: vec![Vec::new(); self.layout.streams.len()] };
        self.replay(|fact| match fact.what {
            What::Start { offset, .. } if fact.stream == KEY => seen.pictures.push(offset),
            What::Start { offset, pts: Some(pts), .. } => {
                let shift = self.layout.streams[fact.stream].shift;
                let pts = pts.unwrap_near(near - shift) + shift;
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
    fn offset(&self) -> u64 {
        match self {
            Self::Rap(rap) => rap.offset,
            Self::End { offset, .. } => *offset,
        }
    }

    fn pts(&self) -> MediaTime {
        match self {
            Self::Rap(rap) => rap.pts,
            Self::End { end, .. } => *end,
        }
    }
}

impl Learned {
    /// What both know.
    pub fn merge(&mut self, other: Self) {
        self.gops.extend(other.gops);
        self.begin = self.begin.or(other.begin);
    }

    /// What the other knows besides: of what both know this stays.
    pub fn complement(&mut self, other: Self) {
        for (offset, gop) in other.gops {
            self.gops.entry(offset).or_insert(gop);
        }
        self.begin = self.begin.or(other.begin);
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

    /// Whether all of it lies in a recording of `size` bytes.
    pub fn is_within(&self, size: u64) -> bool {
        let ends = self.gops.values().map(|gop| match gop.next {
            Next::Rap(rap) => rap.offset.saturating_add(u64::from(rap.trail.max(rap.size))),
            Next::End { offset, .. } => offset,
        });
        ends.chain(self.begin.map(|begin| begin.first)).all(|end| end <= size)
    }

    /// The same in pieces, none of which is much longer than `length` bytes of the recording: each with the bytes that it
    /// covers without a hole. What is learned between two pieces changes no other.
    pub fn pieces(&self, length: u64) -> Vec<(Range<u64>, Self)> {
        let mut pieces: Vec<(Range<u64>, Self)> = Vec::new();
        for (&start, gop) in &self.gops {
            let block = start / length.max(1);
            let begin = self.begin.filter(|begin| begin.first == start);
            match pieces.last_mut() {
                Some((range, piece)) if range.end == start && range.start / length.max(1) == block => {
                    range.end = gop.next.offset();
                    piece.gops.insert(start, *gop);
                }
                _ => pieces
                    .push((start..gop.next.offset(), Self { gops: BTreeMap::from([(start, *gop)]), begin })),
            }
        }
        pieces
    }

    /// How many GOPs are known.
    pub fn gops(&self) -> usize {
        self.gops.len()
    }

    /// The random access point that begins at a byte.
    fn rap(&self, offset: u64) -> Option<Rap> {
        let (_, last) = self.gops.range(..=offset).next_back()?;
        match last.next {
            _ if last.rap.offset == offset => Some(last.rap),
            Next::Rap(next) if next.offset == offset => Some(next),
            _ => None,
        }
    }

    /// The first random access point at or after a time, where it is known that there is none before it.
    pub fn rap_at(&self, time: MediaTime) -> Option<Rap> {
        let (_, before) = self.gops.iter().rfind(|(_, gop)| gop.rap.pts < time)?;
        match before.next {
            Next::Rap(next) if next.pts >= time => Some(next),
            _ => None,
        }
    }

    /// The exact cut between two thresholds, where all its GOPs are known: for [`Remuxer::segment`](crate::Remuxer::segment),
    /// which makes the same of it. Where the neighbours have passed by, and this has not, it still has something to teach.
    pub fn cut(&self, thresholds: Thresholds) -> Option<Cut> {
        let a = match thresholds.from {
            Some(from) => self.rap_at(from)?,
            None => self.gops.get(&self.begin?.first)?.rap,
        };
        let (end, stop, until) = match thresholds.to {
            Some(to) => {
                let b = self.rap_at(to)?;
                self.reaches(a.offset, b.offset).then_some(())?;
                (Some(b.pts), b.pts, b.offset + u64::from(b.trail))
            }
            None => match self.gops.last_key_value()?.1.next {
                Next::End { offset, end, .. } if self.reaches(a.offset, offset) => (None, end, offset),
                Next::End { .. } | Next::Rap(_) => return None,
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

    /// Whether GOPs lead from one offset to another without a hole.
    fn reaches(&self, from: u64, to: u64) -> bool {
        let mut at = from;
        self.gops.range(from..to).all(|(&start, gop)| start == std::mem::replace(&mut at, gop.next.offset()))
            && at == to
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
                    // What others have told may make no sense beside what was seen.
                    if !is_sound(&raps, end, offset) {
                        return None;
                    }
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
        seal(MAGIC, &(self.begin, chains))
    }

    /// Reads what [`Learned::encode`] wrote.
    ///
    /// # Errors
    /// [`IndexError`] where the bytes are nothing of the kind, of another version, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let (begin, chains): (Option<Begin>, Vec<StoredChain>) = unseal(MAGIC, bytes)?;
        let mut learned = Self { gops: BTreeMap::new(), begin };
        chains.into_iter().try_for_each(|chain| learned.restore(chain)).ok_or(IndexError::Damaged)?;
        Ok(learned)
    }

    fn restore(&mut self, chain: StoredChain) -> Option<()> {
        let mut next = chain.next;
        let mut before = None;
        let raps = chain.gops.iter().map(|stored| {
            before = Some(stored.rap(before)?);
            before
        });
        let raps: Option<Vec<Rap>> = raps.collect();
        for (stored, rap) in chain.gops.iter().zip(raps?).rev() {
            let rises = rap.offset < next.offset() && rap.pts < next.pts();
            let reaches = rises && next.offset() <= u64::MAX / 2;
            let gop = Gop { rap, next, pictures: stored.pictures, others: stored.others };
            self.gops.insert(rap.offset, gop);
            next = reaches.then_some(Next::Rap(rap))?;
        }
        Some(())
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::psi::crc32;

    fn rap(number: i64) -> Rap {
        let (pts, offset) = (MediaTime::from_ticks(900_000 + number * 180_000), number as u64 * 100_000);
        Rap { offset, pts, dts: pts, size: 20_000, lead: 500, trail: 900, independent: true }
    }

    /// Ten GOPs, up to the end, with a hole in the middle.
    fn learned() -> Learned {
        let end = Next::End { offset: 1_000_000, end: rap(10).pts, settled: rap(10).pts };
        let next = |number: i64| if number == 9 { end } else { Next::Rap(rap(number + 1)) };
        let gop = |number: i64| Gop { rap: rap(number), next: next(number), pictures: 50, others: 90 };
        let known = (0..10).filter(|&number| number != 5);
        let begin = Some(Begin { first: 0, before_first_rap: 0, early: 0, others: 1 });
        Learned { gops: known.map(|number| (rap(number).offset, gop(number))).collect(), begin }
    }

    proptest! {
        /// Whoever keeps it may have changed it: whatever is believed does no harm.
        #[test]
        fn what_others_have_written_does_no_harm(
            changes in proptest::collection::vec((6_usize..1000, any::<u8>()), 1..4), at: i64, length in 0_i64..1 << 40,
        ) {
            let mut bytes = learned().encode();
            let body = bytes.len() - 4;
            for (place, byte) in changes {
                bytes[6 + place % (body - 6)] = byte;
            }
            bytes.truncate(body);
            bytes.extend(crc32(&bytes).to_be_bytes());
            let Ok(told) = Learned::decode(&bytes) else { return Ok(()) };
            let is_within = told.is_within(1_000_000);
            let mut both = learned();
            both.complement(told);
            let from = Some(MediaTime::from_ticks(at));
            for from in [None, from, Some(rap(1).pts)] {
                for to in [None, from.map(|from| from + Ticks::new(length)), Some(rap(4).pts)] {
                    let cut = both.cut(Thresholds { from, to });
                    prop_assert!(!is_within || cut.is_none_or(|cut| cut.bytes.end <= 1_000_000));
                }
            }
            both.pieces(300_000);
            both.covered();
            prop_assert_eq!(Learned::decode(&both.encode()), Ok(both));
        }
    }
}
