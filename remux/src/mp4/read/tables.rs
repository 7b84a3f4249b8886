//! Sample tables: which samples a track has, where they lie, when they are decoded and shown
//! (ISO/IEC 14496-12 §8.6.1, §8.7).
//!
//! The tables stay the bytes that the file has; walking through them makes the samples one after another.

use bytes::Bytes;

use crate::limits;
use crate::mp4::boxes::Node;

/// One sample of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Where it lies in the source.
    pub(crate) offset: u64,
    /// Its bytes.
    pub(crate) size: u32,
    /// Decoding time, in units of the track.
    pub(crate) dts: i64,
    /// Composition time, in units of the track.
    pub(crate) pts: i64,
    /// How long it lasts, in units of the track.
    pub(crate) duration: u32,
    /// Whether the file says that decoding can begin here.
    pub(crate) is_sync: bool,
    /// Whether it is the first of its chunk or run.
    pub(crate) begins_chunk: bool,
    /// Which sample entry it uses, from 1 on.
    pub(crate) description: u32,
}

impl Sample {
    /// Where it ends in the source.
    pub(crate) fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }
}

/// Rows of `N` bytes each.
#[derive(Debug, Clone, Default)]
struct Rows<const N: usize>(Bytes);

impl<const N: usize> Rows<N> {
    fn row(&self, number: usize) -> Option<&[u8; N]> {
        self.0.get(number.checked_mul(N)?..)?.first_chunk()
    }

    fn iter(&self) -> impl Iterator<Item = &[u8; N]> {
        self.0.as_chunks().0.iter()
    }

    fn len(&self) -> usize {
        self.0.len() / N
    }
}

/// The rows of a table whose count stands before them, no more than there are bytes.
fn counted<const N: usize>(node: &Node) -> Rows<N> {
    let count = node.full().and_then(|(_, _, mut fields)| fields.u32()).unwrap_or(0);
    let rows = node.rows(4);
    let length = (count as usize).saturating_mul(N).min(rows.len());
    Rows(rows.slice(..length))
}

fn word(row: &[u8], number: usize) -> u32 {
    let bytes = row.get(number.saturating_mul(4)..).and_then(|rest| rest.first_chunk());
    bytes.copied().map_or(0, u32::from_be_bytes)
}

/// Sizes of samples (§8.7.3).
#[derive(Debug, Clone)]
enum Sizes {
    /// All have this one.
    Constant(u32),
    /// Each has its own, in fields of so many bits.
    Each(Bytes, usize),
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Constant(0)
    }
}

impl Sizes {
    fn of(&self, number: u32) -> Option<u32> {
        let number = number as usize;
        let Self::Each(bytes, bits) = self else {
            return match self {
                Self::Constant(size) => Some(*size),
                Self::Each(..) => None,
            };
        };
        let byte = |at: usize| bytes.get(at).copied().map(u32::from);
        match bits {
            4 => Some(byte(number / 2)? >> if number.is_multiple_of(2) { 4 } else { 0 } & 0x0f),
            8 => byte(number),
            16 => Some(byte(number.checked_mul(2)?)? << 8 | byte(number.checked_mul(2)?.checked_add(1)?)?),
            _ => {
                let rest = bytes.get(number.checked_mul(4)?..)?;
                rest.first_chunk().copied().map(u32::from_be_bytes)
            }
        }
    }
}

/// Offsets of chunks (§8.7.5).
#[derive(Debug, Clone)]
enum Offsets {
    /// `stco`.
    Short(Rows<4>),
    /// `co64`.
    Long(Rows<8>),
}

impl Default for Offsets {
    fn default() -> Self {
        Self::Short(Rows::default())
    }
}

impl Offsets {
    fn of(&self, chunk: usize) -> Option<u64> {
        match self {
            Self::Short(rows) => rows.row(chunk).copied().map(u32::from_be_bytes).map(u64::from),
            Self::Long(rows) => rows.row(chunk).copied().map(u64::from_be_bytes),
        }
    }
}

/// The sample tables of one track.
#[derive(Debug, Clone, Default)]
pub(crate) struct SampleTables {
    count: u32,
    /// `stts`: sample_count, sample_delta.
    durations: Rows<8>,
    /// `ctts`: sample_count, sample_offset.
    composition: Rows<8>,
    /// `stsc`: first_chunk, samples_per_chunk, sample_description_index.
    chunks: Rows<12>,
    sizes: Sizes,
    offsets: Offsets,
    /// `stss`: sample_number. Without it every sample is a sync sample (§8.6.2).
    sync: Option<Rows<4>>,
    /// How far composition times lie before decoding times at most.
    overtaking: i64,
}

impl SampleTables {
    /// The tables in a `stbl` box; tables that are missing are empty.
    pub(crate) fn new(stbl: &Node) -> Self {
        let mut tables = Self::default();
        for node in stbl.children() {
            match &node.kind {
                b"stts" => tables.durations = counted(&node),
                b"ctts" => tables.composition = counted(&node),
                b"stsc" => tables.chunks = counted(&node),
                b"stco" => tables.offsets = Offsets::Short(counted(&node)),
                b"co64" => tables.offsets = Offsets::Long(counted(&node)),
                b"stss" => tables.sync = Some(counted(&node)),
                b"stsz" => tables.on_stsz(&node),
                b"stz2" => tables.on_stz2(&node),
                _ => {}
            }
        }
        let offsets = tables.composition.iter().map(sample_offset).filter(|&offset| offset > -WILD);
        tables.overtaking = offsets.min().map_or(0, |earliest| (-earliest).max(0));
        tables
    }

    fn on_stsz(&mut self, node: &Node) {
        let Some((_, _, mut fields)) = node.full() else { return };
        let (Some(sample_size), Some(sample_count)) = (fields.u32(), fields.u32()) else { return };
        self.count = sample_count.min(limits::TRACK_SAMPLES);
        self.sizes = match sample_size {
            0 => Sizes::Each(node.rows(8), 32),
            size => Sizes::Constant(size),
        };
    }

    fn on_stz2(&mut self, node: &Node) {
        let Some((_, _, mut fields)) = node.full() else { return };
        let (Some(field_size), Some(sample_count)) = (fields.u32(), fields.u32()) else { return };
        if let bits @ (4 | 8 | 16) = field_size & 0xff {
            self.count = sample_count.min(limits::TRACK_SAMPLES);
            self.sizes = Sizes::Each(node.rows(8), bits as usize);
        }
    }

    /// Whether there are no samples.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples().next().is_none()
    }

    /// Whether the file says which samples are sync samples, as against all or none.
    pub(crate) fn knows_sync(&self) -> bool {
        self.sync.as_ref().is_some_and(|sync| sync.len() > 0)
    }

    /// How far composition times lie before decoding times at most: `sample_offset` may be negative (§8.6.1.3).
    pub(crate) fn overtaking(&self) -> i64 {
        self.overtaking
    }

    /// The samples in order, as far as all tables know them.
    pub(crate) fn samples(&self) -> Samples {
        Samples { tables: self.clone(), ..Samples::default() }
    }
}

/// A negative `sample_offset` from here on is damage, and not what decoding times are moved for.
const WILD: i64 = 1 << 28;

/// Version 0 has it unsigned, and yet many files of version 0 have it negative.
fn sample_offset(row: &[u8; 8]) -> i64 {
    i64::from(word(row, 1) as i32)
}

/// A place in a table of runs: rows that each hold for `sample_count` samples.
#[derive(Debug, Clone, Copy, Default)]
struct RunPlace {
    row: usize,
    used: u32,
}

impl RunPlace {
    /// The row that holds for the next sample; past the end there is none.
    fn advance(&mut self, rows: &Rows<8>) -> Option<[u8; 8]> {
        loop {
            let row = rows.row(self.row)?;
            if self.used < word(row, 0) {
                self.used += 1;
                return Some(*row);
            }
            self.row += 1;
            self.used = 0;
        }
    }
}

/// Walks through the samples of a track.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples {
    tables: SampleTables,
    /// Number of the next sample, from 0 on.
    number: u32,
    /// Number of the next chunk, from 0 on.
    chunk: usize,
    /// Row of `stsc` that holds for the chunk.
    chunk_row: usize,
    left_in_chunk: u32,
    offset: u64,
    dts: i64,
    duration: u32,
    description: u32,
    duration_place: RunPlace,
    composition_place: RunPlace,
    sync_row: usize,
}

impl Samples {
    /// Goes to the next chunk that has samples.
    fn begin_chunk(&mut self) -> Option<()> {
        loop {
            self.offset = self.tables.offsets.of(self.chunk)?;
            let chunks = &self.tables.chunks;
            let begins = |row: usize| chunks.row(row).map(|row| word(row, 0).saturating_sub(1) as usize);
            while begins(self.chunk_row.saturating_add(1)).is_some_and(|first| first <= self.chunk) {
                self.chunk_row += 1;
            }
            let row = chunks.row(self.chunk_row)?;
            (self.left_in_chunk, self.description) = (word(row, 1), word(row, 2));
            self.chunk += 1;
            if self.left_in_chunk > 0 {
                return Some(());
            }
        }
    }

    /// Whether sample `number` (from 1 on) is listed in `stss`; asked in rising order.
    fn is_sync(&mut self, number: u32) -> bool {
        let Some(sync) = &self.tables.sync else { return true };
        while sync.row(self.sync_row).is_some_and(|row| word(row, 0) < number) {
            self.sync_row += 1;
        }
        sync.row(self.sync_row).is_some_and(|row| word(row, 0) == number)
    }
}

impl Iterator for Samples {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        if self.number >= self.tables.count {
            return None;
        }
        let size = self.tables.sizes.of(self.number)?;
        let begins_chunk = self.left_in_chunk == 0;
        if begins_chunk {
            self.begin_chunk()?;
        }
        // Where `stts` is too short, its last duration goes on.
        if let Some(row) = self.duration_place.advance(&self.tables.durations) {
            self.duration = word(&row, 1);
        }
        let composition = self.composition_place.advance(&self.tables.composition);
        let pts = self.dts.saturating_add(composition.map_or(0, |row| sample_offset(&row)));
        let sample = Sample {
            offset: self.offset,
            size,
            dts: self.dts,
            pts,
            duration: self.duration,
            is_sync: self.is_sync(self.number.saturating_add(1)),
            begins_chunk,
            description: self.description,
        };
        self.number += 1;
        self.left_in_chunk -= 1;
        self.offset = sample.end();
        self.dts = self.dts.saturating_add(i64::from(self.duration));
        Some(sample)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::read::testing::{Written, full, words};

    fn tables(boxes: &[Written]) -> SampleTables {
        let bytes = Bytes::from(crate::mp4::read::testing::container(b"stbl", boxes));
        SampleTables::new(&Node::new(0, &bytes).unwrap())
    }

    fn ordinary() -> Vec<Written> {
        vec![
            full(b"stts", 0, 0, &words(&[2, 3, 10, 1, 20])),
            full(b"ctts", 1, 0, &words(&[2, 1, 5, 3, -5i32 as u32])),
            full(b"stsc", 0, 0, &words(&[2, 1, 2, 1, 2, 1, 1])),
            full(b"stsz", 0, 0, &words(&[0, 4, 100, 10, 20, 30])),
            full(b"stco", 0, 0, &words(&[3, 1000, 2000, 3000])),
            full(b"stss", 0, 0, &words(&[2, 1, 4])),
        ]
    }

    #[test]
    fn samples_have_place_size_times_and_sync() {
        let found: Vec<_> = tables(&ordinary())
            .samples()
            .map(|s| (s.offset, s.size, s.dts, s.pts, s.is_sync, s.begins_chunk))
            .collect();
        assert_eq!(
            found,
            [
                (1000, 100, 0, 5, true, true),
                (1100, 10, 10, 5, false, false),
                (2000, 20, 20, 15, false, true),
                (3000, 30, 30, 25, true, true),
            ]
        );
        assert_eq!(tables(&ordinary()).overtaking(), 5);
    }

    #[test]
    fn without_stss_all_are_sync_and_64_bit_offsets_and_small_sizes_are_read() {
        let boxes = [
            full(b"stts", 0, 0, &words(&[1, 9, 1])),
            full(b"stsc", 0, 0, &words(&[1, 1, 3, 1])),
            full(b"stz2", 0, 0, &[&words(&[4, 3])[..], &[0x12, 0x30]].concat()),
            full(b"co64", 0, 0, &words(&[1, 1, 0])),
        ];
        let found: Vec<_> = tables(&boxes).samples().map(|s| (s.offset, s.size, s.is_sync)).collect();
        let far = 1 << 32;
        assert_eq!(found, [(far, 1, true), (far + 1, 2, true), (far + 3, 3, true)]);
    }

    #[test]
    fn tables_that_end_early_end_the_track() {
        let mut boxes = ordinary();
        boxes[4] = full(b"stco", 0, 0, &words(&[3, 1000, 2000]));
        assert_eq!(tables(&boxes).samples().count(), 3);
        boxes[3] = full(b"stsz", 0, 0, &words(&[0, u32::MAX, 1, 1]));
        assert_eq!(tables(&boxes).samples().count(), 2);
        assert!(tables(&[]).is_empty());
    }
}
