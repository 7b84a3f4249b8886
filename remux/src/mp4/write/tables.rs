//! The sample tables of one track (ISO/IEC 14496-12 §8.6, §8.7), collected in the form in which they are written.

use super::boxes::BoxWriter;

/// SampleTableBox but for its sample entry.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// TimeToSampleBox: counts and durations.
    durations: Vec<(u32, u32)>,
    /// CompositionOffsetBox: counts and offsets.
    offsets: Vec<(u32, i32)>,
    /// SyncSampleBox: numbers from 1.
    syncs: Vec<u32>,
    /// SampleSizeBox.
    pub(crate) sizes: Vec<u32>,
    /// ChunkOffsetBox: where each chunk begins, from the first byte of the first chunk.
    chunks: Vec<u64>,
    /// SampleToChunkBox: first chunk from 1, samples per chunk.
    samples_per_chunk: Vec<(u32, u32)>,
}

impl Tables {
    /// Adds a sample.
    pub(crate) fn on_sample(&mut self, size: u32, is_sync: bool, composition_offset: i32) {
        self.sizes.push(size);
        if is_sync {
            self.syncs.push(self.sizes.len() as u32);
        }
        count(&mut self.offsets, composition_offset);
    }

    /// Adds the duration of the next sample that has none yet.
    pub(crate) fn on_duration(&mut self, duration: u32) {
        count(&mut self.durations, duration);
    }

    /// Adds a chunk of so many samples that begins at `offset`.
    pub(crate) fn on_chunk(&mut self, offset: u64, samples: u32) {
        self.chunks.push(offset);
        if self.samples_per_chunk.last().is_none_or(|&(_, last)| last != samples) {
            self.samples_per_chunk.push((self.chunks.len() as u32, samples));
        }
    }

    /// Bytes that the tables take.
    pub(crate) fn bytes(&self) -> usize {
        8 * (self.durations.len() + self.offsets.len() + self.chunks.len() + self.samples_per_chunk.len())
            + 4 * (self.sizes.len() + self.syncs.len())
    }

    /// Writes the tables; the first byte of the first chunk stands at `base` in the file.
    pub(crate) fn write(&self, boxes: &mut BoxWriter, base: u64, is_large: bool) {
        table(boxes, b"stts", 0, &self.durations, |boxes, &(count, duration)| {
            boxes.u32(count);
            boxes.u32(duration);
        });
        if self.offsets.iter().any(|&(_, offset)| offset != 0) {
            // Version 1 has signed offsets (§8.6.1.3).
            let version = u8::from(self.offsets.iter().any(|&(_, offset)| offset < 0));
            table(boxes, b"ctts", version, &self.offsets, |boxes, &(count, offset)| {
                boxes.u32(count);
                boxes.i32(offset);
            });
        }
        if self.syncs.len() < self.sizes.len() {
            table(boxes, b"stss", 0, &self.syncs, |boxes, &number| boxes.u32(number));
        }
        table(boxes, b"stsc", 0, &self.samples_per_chunk, |boxes, &(first_chunk, samples)| {
            boxes.u32(first_chunk);
            boxes.u32(samples);
            boxes.u32(1); // sample_description_index
        });
        boxes.full(b"stsz", 0, 0, |boxes| {
            boxes.u32(0); // sample_size: each has its own
            boxes.u32(self.sizes.len() as u32);
            self.sizes.iter().for_each(|&size| boxes.u32(size));
        });
        match is_large {
            true => table(boxes, b"co64", 0, &self.chunks, |boxes, &offset| boxes.u64(base + offset)),
            false => {
                table(boxes, b"stco", 0, &self.chunks, |boxes, &offset| boxes.u32((base + offset) as u32))
            }
        }
    }
}

/// Counts a value that is the same as the last one, or begins a new run.
fn count<T: PartialEq>(runs: &mut Vec<(u32, T)>, value: T) {
    match runs.last_mut() {
        Some((count, last)) if *last == value => *count += 1,
        _ => runs.push((1, value)),
    }
}

/// A full box that is a count and so many entries.
fn table<T>(
    boxes: &mut BoxWriter,
    kind: &[u8; 4],
    version: u8,
    entries: &[T],
    write: impl Fn(&mut BoxWriter, &T),
) {
    boxes.full(kind, version, 0, |boxes| {
        boxes.u32(entries.len() as u32);
        entries.iter().for_each(|entry| write(boxes, entry));
    });
}
