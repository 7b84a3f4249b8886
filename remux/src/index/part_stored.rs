//! The stored form of a [`Part`]: as that of an index, with facts as differences.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lane::{Count, Fact, StoredLane, What};
use super::part::{Head, Part};
use super::stored::{IndexError, seal, unseal};
use crate::es::Unit;
use crate::layout::Layout;
use crate::time::Timestamp;
use crate::ts::{Framer, Packet, Sync};

const MAGIC: [u8; 4] = *b"RMXP";

#[derive(Serialize, Deserialize)]
struct Body {
    layout: Layout,
    start: u64,
    end: u64,
    first: Option<u64>,
    done: u64,
    front: Vec<u8>,
    heads: Vec<(u64, u8, Vec<u8>)>,
    facts: Vec<StoredFact>,
    lanes: Vec<StoredLane>,
    sync: Sync,
    carry: Vec<u8>,
}

/// A fact as the difference to the one before.
#[derive(Serialize, Deserialize)]
struct StoredFact {
    at: u64,
    stream: u8,
    what: StoredWhat,
}

#[derive(Serialize, Deserialize)]
enum StoredWhat {
    Packets(Count),
    /// `before`: how far before the packet its PES starts. PTS as the difference to the last one, DTS to the PTS.
    Start {
        before: u64,
        pts: Option<i64>,
        dts: Option<i64>,
        unit: Unit,
    },
    Bad {
        before: u64,
    },
}

impl Part {
    /// The bytes to store; [`Part::decode`] reads them back.
    pub fn encode(&self) -> Vec<u8> {
        let (sync, carry) = self.framer.rest();
        let (mut at, mut pts) = (self.range.start, 0);
        let facts = self.facts.iter().map(|fact| {
            let stored = StoredFact {
                at: fact.at.wrapping_sub(at),
                stream: fact.stream as u8,
                what: StoredWhat::of(fact, &mut pts),
            };
            at = fact.at;
            stored
        });
        let heads = self.heads.iter().map(|head| (head.at, head.stream as u8, head.packet.to_vec()));
        let body = Body {
            layout: Layout::clone(&self.layout),
            start: self.range.start,
            end: self.range.end,
            first: self.first,
            done: self.done,
            front: self.front.clone(),
            heads: heads.collect(),
            facts: facts.collect(),
            lanes: self.lanes.iter().map(|lane| lane.to_stored()).collect(),
            sync,
            carry: carry.to_vec(),
        };
        seal(MAGIC, &body)
    }

    /// Reads what [`Part::encode`] wrote.
    ///
    /// # Errors
    /// [`IndexError`] where the bytes are no part, of another version, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        unseal::<Body>(MAGIC, bytes)?.into_part().ok_or(IndexError::Damaged)
    }
}

impl Body {
    fn into_part(self) -> Option<Part> {
        let mut part = Part::new(Arc::new(self.layout), self.start);
        let offset = self.end.checked_sub(self.carry.len() as u64)?;
        let streams = part.lanes.len();
        let is_inside = |at: u64| (self.start..=self.end).contains(&at);
        // No sum of offsets and lengths overflows.
        let is_sound = self.start <= self.end
            && self.end <= u64::MAX / 2
            && streams == self.lanes.len()
            && self.front.len() as u64 <= self.end - self.start
            && [offset, self.done, self.first.unwrap_or(self.start)].into_iter().all(is_inside);
        let lanes = part.lanes.into_iter().zip(&self.lanes).map(|(lane, stored)| lane.restored(stored));
        part.lanes = lanes.collect::<Option<_>>().filter(|_| is_sound)?;
        let heads = self.heads.iter().map(|(at, stream, packet)| {
            let packet = Packet::try_from(&packet[..]).ok()?;
            let head = Head { at: *at, stream: usize::from(*stream), packet };
            (is_inside(head.at) && head.stream < streams).then_some(head)
        });
        part.heads = heads.collect::<Option<_>>()?;
        let (stride, mut at, mut pts) = (part.stride(), self.start, 0);
        let facts = self.facts.iter().map(|stored| {
            at = at.checked_add(stored.at)?;
            let what = stored.what.restored(at, &mut pts)?;
            let fact = Fact { at, stream: usize::from(stored.stream), what };
            (is_inside(fact.end(stride)?) && fact.stream < streams).then_some(fact)
        });
        part.facts = facts.collect::<Option<_>>()?;
        (part.range, part.first, part.done) = (self.start..self.end, self.first, self.done);
        part.framer = Framer::resume(offset, self.sync, self.carry);
        part.front = self.front;
        Some(part)
    }
}

impl StoredWhat {
    fn of(fact: &Fact, last_pts: &mut i64) -> Self {
        let value = |time: Timestamp| time.value() as i64;
        match fact.what {
            What::Packets(count) => Self::Packets(count),
            What::Bad { offset } => Self::Bad { before: fact.at.saturating_sub(offset) },
            What::Start { offset, pts, dts, unit } => {
                let before = fact.at.saturating_sub(offset);
                let step = pts.map(|pts| value(pts) - std::mem::replace(last_pts, value(pts)));
                Self::Start { before, pts: step, dts: dts.map(|dts| *last_pts - value(dts)), unit }
            }
        }
    }

    fn restored(&self, at: u64, last_pts: &mut i64) -> Option<What> {
        let time = |value: i64| u64::try_from(value).ok().map(Timestamp::new);
        Some(match *self {
            Self::Packets(count) => What::Packets(count),
            Self::Bad { before } => What::Bad { offset: at.checked_sub(before)? },
            Self::Start { before, pts, dts, unit } => {
                let pts = match pts {
                    Some(step) => {
                        *last_pts = last_pts.checked_add(step)?;
                        Some(time(*last_pts)?)
                    }
                    None => None,
                };
                let dts = match dts {
                    Some(back) => Some(time(last_pts.checked_sub(back)?)?),
                    None => None,
                };
                What::Start { offset: at.checked_sub(before)?, pts, dts, unit }
            }
        })
    }
}
