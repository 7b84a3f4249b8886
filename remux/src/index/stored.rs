//! The stored form of an [`Index`]: magic, format version, body, CRC-32. RAPs are kept as differences, so that an hour
//! of two-second GOPs is a few kilobytes.

use serde::{Deserialize, Serialize};

use super::{Index, Rap, Run};
use crate::layout::Layout;
use crate::psi::crc32;
use crate::report::Report;
use crate::time::MediaTime;

/// Raised whenever the stored form, or what the engine finds in the same bytes, changes. An index of another version is
/// made anew.
pub const FORMAT_VERSION: u16 = 6;

const MAGIC: [u8; 4] = *b"RMXI";
const HEADER: usize = MAGIC.len() + 2;
const CHECKSUM: usize = 4;

/// Why stored bytes are no index that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The bytes do not begin like an index, or are too short for one.
    #[error("not a recording index")]
    NotAnIndex,
    /// Made by another version of the engine.
    #[error("index format {found}, this engine reads {FORMAT_VERSION}")]
    Version {
        /// The version found.
        found: u16,
    },
    /// The checksum or the body is wrong.
    #[error("damaged index")]
    Damaged,
}

#[derive(Serialize, Deserialize)]
struct Body {
    size: u64,
    runs: Vec<StoredRun>,
    report: Report,
}

#[derive(Serialize, Deserialize)]
struct StoredRun {
    layout: Layout,
    raps: Vec<StoredRap>,
    end: MediaTime,
    settled: MediaTime,
    next_rap: Option<MediaTime>,
    end_offset: u64,
    pictures: u64,
}

/// A RAP as the difference to the one before (to zero and offset 0 for the first).
#[derive(Serialize, Deserialize)]
struct StoredRap {
    offset: u64,
    pts: i64,
    /// PTS - DTS.
    delay: i64,
    size: u32,
    lead: u32,
    trail: u32,
    independent: bool,
}

impl Index {
    /// The bytes to store; [`Index::decode`] reads them back.
    pub fn encode(&self) -> Vec<u8> {
        let body = Body {
            size: self.size,
            runs: self.runs.iter().map(StoredRun::from_run).collect(),
            report: self.report.clone(),
        };
        seal(MAGIC, &body)
    }

    /// Reads what [`Index::encode`] wrote.
    ///
    /// # Errors
    /// [`IndexError`] where the bytes are no index, of another version, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let body: Body = unseal(MAGIC, bytes)?;
        let runs: Option<Vec<Run>> = body.runs.into_iter().map(StoredRun::into_run).collect();
        match runs {
            Some(runs) if !runs.is_empty() => Ok(Self { size: body.size, runs, report: body.report }),
            _ => Err(IndexError::Damaged),
        }
    }
}

/// Magic, format version, body, CRC-32.
pub(crate) fn seal(magic: [u8; 4], body: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::from(magic);
    bytes.extend(FORMAT_VERSION.to_be_bytes());
    let mut bytes = postcard::to_extend(body, bytes).expect("plain data that a Vec takes");
    bytes.extend(crc32(&bytes).to_be_bytes());
    bytes
}

/// The body of what [`seal`] made.
pub(crate) fn unseal<'a, T: Deserialize<'a>>(magic: [u8; 4], bytes: &'a [u8]) -> Result<T, IndexError> {
    let (header, rest) = bytes.split_at_checked(HEADER).ok_or(IndexError::NotAnIndex)?;
    let version = header.strip_prefix(&magic).ok_or(IndexError::NotAnIndex)?;
    let found = version.iter().fold(0, |value, &byte| value << 8 | u16::from(byte));
    if found != FORMAT_VERSION {
        return Err(IndexError::Version { found });
    }
    let body = rest.len().checked_sub(CHECKSUM).ok_or(IndexError::NotAnIndex)?;
    // The CRC over data and its own CRC is 0.
    if crc32(bytes) != 0 {
        return Err(IndexError::Damaged);
    }
    postcard::from_bytes(&rest[..body]).map_err(|_| IndexError::Damaged)
}

impl StoredRun {
    fn from_run(run: &Run) -> Self {
        let (mut offset, mut pts) = (0, run.layout.zero);
        let raps = run.raps.iter().map(|rap| {
            let stored = StoredRap {
                offset: rap.offset.wrapping_sub(offset),
                pts: (rap.pts - pts).get(),
                delay: (rap.pts - rap.dts).get(),
                size: rap.size,
                lead: rap.lead,
                trail: rap.trail,
                independent: rap.independent,
            };
            (offset, pts) = (rap.offset, rap.pts);
            stored
        });
        Self {
            raps: raps.collect(),
            layout: run.layout.clone(),
            end: run.end,
            settled: run.settled,
            next_rap: run.next_rap,
            end_offset: run.end_offset,
            pictures: run.pictures,
        }
    }

    fn into_run(self) -> Option<Run> {
        let (mut offset, mut pts) = (0u64, self.layout.zero.ticks());
        let raps: Option<Vec<Rap>> = self
            .raps
            .iter()
            .map(|stored| {
                offset = offset.checked_add(stored.offset)?;
                pts = pts.checked_add(stored.pts)?;
                Some(Rap {
                    offset,
                    pts: MediaTime::from_ticks(pts),
                    dts: MediaTime::from_ticks(pts.checked_sub(stored.delay)?),
                    size: stored.size,
                    lead: stored.lead,
                    trail: stored.trail,
                    independent: stored.independent,
                })
            })
            .collect();
        let raps = raps.filter(|raps| is_sound(raps, self.end, self.end_offset))?;
        Some(Run {
            layout: self.layout,
            raps,
            end: self.end,
            settled: self.settled,
            next_rap: self.next_rap,
            end_offset: self.end_offset,
            pictures: self.pictures,
        })
    }
}

/// What everything that reads an index relies on.
pub(super) fn is_sound(raps: &[Rap], end: MediaTime, end_offset: u64) -> bool {
    let rises = raps.windows(2).all(|pair| pair[0].pts < pair[1].pts && pair[0].offset <= pair[1].offset);
    let lies_inside = |rap: &Rap| {
        rap.pts < end && rap.offset <= end_offset && u64::from(rap.trail) <= end_offset - rap.offset
    };
    !raps.is_empty() && rises && raps.iter().all(lies_inside)
}
