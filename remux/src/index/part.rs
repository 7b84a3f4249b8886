//! An index from parts: a recording is read in pieces, in any order and by whoever, and what they say is put together.
//!
//! ```text
//!            ┌ front ┬ heads ┐
//! part       │ bytes │ first packets of each stream │ facts ............ │ open ends │
//!            └ until the first packet       └ from where nothing before the part matters
//! ```
//! What a packet says depends on packets before it: the grid, the counter, the PES that it goes on with. So a part settles
//! only what lies behind a PES start that it has seen whole ([`Lane::is_settled`]), and keeps raw what comes before; merging
//! shows that to the part before. What a random access point needs from around it (its size, how far other streams lead and
//! trail) is settled by none: a part keeps the facts, and [`Part::into_index`] draws the conclusions by the code of the one
//! pass. Merging two parts gives the part that one pass over both would have given, so the order does not matter.

use std::ops::Range;
use std::sync::Arc;

use super::Index;
use super::lane::{Fact, Lane, What, is_usable};
use super::pass::KEY;
use super::settled::SettledPass;
use crate::error::Error;
use crate::layout::Layout;
use crate::limits;
use crate::time::{MediaTime, Timestamp};
use crate::ts::{Found, Framer, Header, LOOKAHEAD, PACKET, Packet};

/// Reads a part of a run whose layout is known: push its bytes in order, then finish. What it keeps grows with the part: some
/// twelve bytes for each PES.
#[derive(Debug, Clone)]
pub struct PartIndexer {
    part: Part,
}

impl PartIndexer {
    /// A part that begins at any byte of the source.
    pub fn new(layout: Arc<Layout>, start: u64) -> Self {
        Self { part: Part::new(layout, start) }
    }

    /// The next bytes, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.part.take(bytes, u64::MAX);
    }

    /// The end of the part.
    pub fn finish(self) -> Part {
        self.part
    }
}

/// What the bytes of a range say.
#[derive(Debug, Clone)]
pub struct Part {
    pub(super) layout: Arc<Layout>,
    pub(super) range: Range<u64>,
    /// Holds the bytes behind the last packet.
    pub(super) framer: Framer,
    /// Where the first packet starts.
    pub(super) first: Option<u64>,
    /// Where the last packet ends; the beginning where there is none.
    pub(super) done: u64,
    /// The bytes up to the first packet, and as many behind as finding the grid takes.
    pub(super) front: Vec<u8>,
    /// Usable packets of streams that were not settled yet.
    pub(super) heads: Vec<Head>,
    /// What the packets of settled streams say, in order.
    pub(super) facts: Vec<Fact>,
    /// In the order of the layout: number 0 is the key stream.
    pub(super) lanes: Vec<Lane>,
}

/// A packet kept for a part before.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) at: u64,
    pub(super) stream: usize,
    pub(super) packet: Packet,
}

/// A PES of the key stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyStart {
    pub(crate) offset: u64,
    pub(crate) pts: Option<Timestamp>,
    pub(crate) dts: Option<Timestamp>,
}

impl KeyStart {
    fn of(fact: Fact) -> Option<Self> {
        match fact.what {
            What::Start { offset, pts, dts, .. } if fact.stream == KEY => Some(Self { offset, pts, dts }),
            _ => None,
        }
    }
}

/// Why two parts do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// There are bytes between them.
    #[error("bytes {from} to {to} lie between the parts")]
    Apart {
        /// Where the first part ends.
        from: u64,
        /// Where the second begins.
        to: u64,
    },
    /// They were made with different layouts.
    #[error("the parts are of different layouts")]
    Layout,
}

impl Part {
    pub(super) fn new(layout: Arc<Layout>, start: u64) -> Self {
        let lanes = layout.streams.iter().take(limits::STREAMS);
        Self {
            lanes: lanes.map(|stream| Lane::new(stream.source.pid(), stream.codec)).collect(),
            range: start..start,
            framer: Framer::knowing(start, layout.packet_size),
            first: None,
            done: start,
            front: Vec::new(),
            heads: Vec::new(),
            facts: Vec::new(),
            layout,
        }
    }

    /// The bytes of the source that it speaks of.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The layout that it was read with.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The PES of the key stream that start in it, in order.
    pub(crate) fn key_starts(&self) -> Vec<KeyStart> {
        let mut starts = Vec::new();
        self.replay(|fact| starts.extend(KeyStart::of(fact)));
        starts
    }

    /// The part of both ranges together, in whatever order they are given.
    ///
    /// # Errors
    /// Where the ranges neither touch nor overlap, or the layouts differ.
    pub fn merge(self, other: Self) -> Result<Self, PartError> {
        if self.layout != other.layout {
            return Err(PartError::Layout);
        }
        let key = |part: &Self| (part.range.start, u64::MAX - part.range.end);
        let (mut whole, next) = if key(&self) <= key(&other) { (self, other) } else { (other, self) };
        if next.range.start > whole.range.end {
            return Err(PartError::Apart { from: whole.range.end, to: next.range.start });
        }
        if next.range.end > whole.range.end {
            whole.append(next);
        }
        Ok(whole)
    }

    /// What one pass would find that reads what the part has read, from the first byte of the run on.
    ///
    /// Runs come out the same. Of the report a part knows what PES and clocks say: `video_pes`, `other_pes`,
    /// `before_first_rap`, `early`, `overflowed`, `timestamp_jumps`, `damaged_pes`; what is counted by packet stays 0, for
    /// overlapping parts would count it twice.
    ///
    /// # Errors
    /// Where there is nothing to play.
    pub fn into_index(self) -> Result<Index, Error> {
        self.concluded(SettledPass::new(Layout::clone(&self.layout)))
    }

    /// The same of a part where it stands, which is at about the time `near`: does it not begin with the run, its first random
    /// access point is one like the others.
    pub(super) fn index_in_place(&self, near: MediaTime) -> Result<Index, Error> {
        let pass = SettledPass::near(Layout::clone(&self.layout), near);
        self.concluded(if self.range.start == 0 { pass } else { pass.inside() })
    }

    fn concluded(&self, mut pass: SettledPass) -> Result<Index, Error> {
        let stride = self.stride();
        self.replay(|fact| fact.apply(&mut pass, stride));
        pass.finish_at(self.range.end)
    }

    /// All that it says, as far as it can tell without what comes before it.
    pub(super) fn replay(&self, mut tell: impl FnMut(Fact)) {
        let mut begun = Self::new(Arc::clone(&self.layout), self.range.start);
        for said in in_order(&self.heads, &self.facts) {
            match said {
                Said::Head(head) => {
                    if let Some(lane) = begun.lanes.get_mut(head.stream) {
                        lane.on_packet(head.stream, head.at, &head.packet, &mut tell);
                    }
                }
                Said::Fact(fact) => tell(*fact),
            }
        }
        for (stream, (settled, begun)) in self.lanes.iter().zip(&begun.lanes).enumerate() {
            let lane = if settled.is_settled { settled } else { begun };
            lane.finish(stream, self.range.end).into_iter().for_each(&mut tell);
        }
    }

    /// Bytes from packet to packet.
    pub(super) fn stride(&self) -> u64 {
        self.layout.packet_size.bytes() as u64
    }

    /// The next bytes; packets that start at `until` or later are left to somebody else.
    fn take(&mut self, bytes: &[u8], until: u64) {
        if self.front.len() as u64 == self.range.end - self.range.start {
            let room = limits::PART_FRONT.saturating_sub(self.front.len()).min(bytes.len());
            self.front.extend_from_slice(&bytes[..room]);
        }
        self.range.end = self.range.end.saturating_add(bytes.len() as u64);
        loop {
            let across;
            let packet = match self.framer.next(bytes, false) {
                Found::Inside(at) => bytes[at..].first_chunk().expect("the framer found a whole packet"),
                Found::Across => {
                    across = *self.framer.across();
                    &across
                }
                Found::Nothing => break,
            };
            let at = self.framer.offset() - PACKET as u64;
            if at >= until {
                break;
            }
            self.first.get_or_insert(at);
            self.done = self.framer.offset();
            self.on_packet(at, packet);
        }
        self.trim_front();
    }

    fn trim_front(&mut self) {
        if let Some(first) = self.first {
            let length = usize::try_from(first - self.range.start).unwrap_or(usize::MAX);
            self.front.truncate(length.saturating_add(LOOKAHEAD));
        }
    }

    fn on_packet(&mut self, at: u64, packet: &Packet) {
        let pid = Header::of(packet).pid();
        let found = self.lanes.iter_mut().enumerate().find(|(_, lane)| lane.pid == pid);
        let Some((stream, lane)) = found.filter(|_| is_usable(packet)) else { return };
        if lane.is_settled {
            let (facts, stride) = (&mut self.facts, self.layout.packet_size.bytes() as u64);
            lane.on_packet(stream, at, packet, |fact| record(facts, fact, stride));
        } else {
            // What it says may be wrong for want of what came before; the packet itself is kept for who knows that.
            lane.on_packet(stream, at, packet, |_| {});
            self.keep(Head { at, stream, packet: *packet });
        }
    }

    fn keep(&mut self, head: Head) {
        let cap = if head.stream == KEY { limits::PES_HEAD_PACKETS } else { limits::PART_HEAD_PACKETS };
        let mut same = self.heads.iter().enumerate().filter(|(_, kept)| kept.stream == head.stream);
        if same.clone().count() > cap
            && let Some((last, _)) = same.next_back()
        {
            self.heads.remove(last);
        }
        self.heads.push(head);
    }

    /// Goes on with a part that begins in this one or right behind it, and ends later.
    fn append(&mut self, next: Self) {
        let new_from = usize::try_from(self.range.end - next.range.start).unwrap_or(usize::MAX);
        let is_all_front = next.front.len() as u64 == next.range.end - next.range.start;
        self.take(next.front.get(new_from..).unwrap_or_default(), next.first.unwrap_or(u64::MAX));
        if next.first.is_none() && is_all_front {
            return;
        }
        let (from, stride) = (self.done, self.stride());
        for said in in_order(&next.heads, &next.facts) {
            match said {
                Said::Head(head) if head.at >= from => self.on_packet(head.at, &head.packet),
                Said::Head(_) => {}
                Said::Fact(fact) => {
                    let new = fact.since(from, stride);
                    new.into_iter().for_each(|fact| record(&mut self.facts, fact, stride));
                }
            }
        }
        for (lane, next) in self.lanes.iter_mut().zip(next.lanes) {
            if next.is_settled {
                *lane = next;
            }
        }
        (self.framer, self.range.end, self.done) = (next.framer, next.range.end, next.done.max(self.done));
        self.first = self.first.or(next.first);
        self.trim_front();
    }
}

fn record(facts: &mut Vec<Fact>, fact: Fact, stride: u64) {
    if !facts.last_mut().is_some_and(|last| last.join(&fact, stride)) {
        facts.push(fact);
    }
}

/// What stands at one place of a part.
enum Said<'a> {
    Head(&'a Head),
    Fact(&'a Fact),
}

/// Both in the order of their packets; no packet has both.
fn in_order<'a>(heads: &'a [Head], facts: &'a [Fact]) -> impl Iterator<Item = Said<'a>> {
    let (mut heads, mut facts) = (heads.iter().peekable(), facts.iter().peekable());
    std::iter::from_fn(move || {
        let next_fact = facts.peek().map_or(u64::MAX, |fact| fact.at);
        match heads.next_if(|head| head.at < next_fact) {
            Some(head) => Some(Said::Head(head)),
            None => facts.next().map(Said::Fact),
        }
    })
}
