//! Access units of an MP4 file in the order of their decoding: files keep a second or more of one track in a stretch, and
//! what comes out must not be behind its clock.

use std::collections::VecDeque;

use crate::es::access_unit::AccessUnit;
use crate::limits;
use crate::time::Ticks;

/// Merges the streams of a file.
#[derive(Debug)]
pub(super) struct Interleave {
    /// In the order of the layout; each in the order of its decoding.
    streams: Vec<VecDeque<AccessUnit>>,
    bytes: usize,
}

/// How much later than the others a stream may come; then it has ended.
const LONGEST_WAIT: Ticks = Ticks::from_millis(5000);

impl Interleave {
    pub(super) fn new(streams: usize) -> Self {
        Self { streams: vec![VecDeque::new(); streams], bytes: 0 }
    }

    pub(super) fn push(&mut self, unit: AccessUnit) {
        if let Some(stream) = self.streams.get_mut(unit.stream) {
            self.bytes += unit.size();
            stream.push_back(unit);
        }
    }

    /// The next unit, as soon as none of another stream can come before it; `at_end` says that no more come.
    pub(super) fn pop(&mut self, at_end: bool) -> Option<AccessUnit> {
        let first = |stream: &VecDeque<AccessUnit>| stream.front().map(|unit| unit.times.dts);
        let (number, dts) = self
            .streams
            .iter()
            .enumerate()
            .filter_map(|(number, stream)| Some((number, first(stream)?)))
            .min_by_key(|&(number, dts)| (dts, number))?;
        let last = self.streams.iter().filter_map(|stream| stream.back()).map(|unit| unit.times.dts).max()?;
        let is_complete = self.streams.iter().all(|stream| !stream.is_empty());
        if !(is_complete || at_end || last - dts > LONGEST_WAIT || self.bytes > limits::INTERLEAVED) {
            return None;
        }
        let unit = self.streams[number].pop_front()?;
        self.bytes -= unit.size();
        Some(unit)
    }
}
