//! Where PES begin in the bytes that have been collected, and what their headers said.

use std::collections::VecDeque;

use crate::timeline::Times;

/// The start of a PES.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Where its data begins in the buffer.
    at: usize,
    /// Offset of its first packet in the source.
    pub(super) offset: u64,
    /// With whether they are steady. `None` where the header has none, or once an access unit has them: they are those of the first that begins in it.
    times: Option<(Times, bool)>,
}

/// The PES whose bytes are in a buffer.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    marks: VecDeque<Mark>,
    /// Places behind which packets are missing.
    holes: Vec<usize>,
    /// Where the last PES ends by its own account.
    end: Option<usize>,
}

/// Places that are told apart: more than that in one access unit change nothing.
const HOLES: usize = 16;

impl Marks {
    /// A PES begins.
    pub(super) fn start(&mut self, at: usize, offset: u64, times: Option<(Times, bool)>) {
        self.end = None;
        // Of PES without a byte only the last is of use.
        while self.marks.back().is_some_and(|last| last.at == at) {
            self.marks.pop_back();
        }
        self.marks.push_back(Mark { at, offset, times });
    }

    /// Packets are missing at this place.
    pub(super) fn lose(&mut self, at: usize) {
        if self.holes.len() < HOLES {
            self.holes.push(at);
        }
    }

    /// Offset in the source of the PES in which this place lies.
    pub(super) fn offset(&self, at: usize) -> u64 {
        self.index(at).map_or(0, |index| self.marks[index].offset)
    }

    /// The times of the PES in which this place lies, once.
    pub(super) fn take_times(&mut self, at: usize) -> Option<(Times, bool)> {
        let index = self.index(at)?;
        self.marks[index].times.take()
    }

    /// Whether `later` lies in another PES than `at`.
    pub(super) fn is_in_later(&self, at: usize, later: usize) -> bool {
        self.index(later) > self.index(at)
    }

    /// Nothing may begin in the PES in which this place lies.
    pub(super) fn doubt(&mut self, at: usize) {
        let times = self.index(at).and_then(|index| self.marks[index].times.as_mut());
        times.into_iter().for_each(|(_, is_steady)| *is_steady = false);
    }

    /// The times of the PES behind that in which this place lies, if it has begun.
    pub(super) fn times_behind(&self, at: usize) -> Option<Times> {
        let next = self.index(at).map_or(0, |index| index + 1);
        self.marks.get(next)?.times.map(|(times, _)| times)
    }

    /// The PES that has begun at `at` says that it has so many bytes.
    pub(super) fn tell_length(&mut self, at: usize, length: usize) {
        self.end = at.checked_add(length);
    }

    /// Whether a PES ends behind so many bytes.
    pub(super) fn is_end(&self, length: usize) -> bool {
        self.end == Some(length) || self.marks.iter().any(|mark| mark.at == length)
    }

    /// Whether a PES ends in the first `length` bytes whose times no access unit has taken.
    pub(super) fn would_forget(&self, length: usize) -> bool {
        let current = if length == usize::MAX { Some(self.marks.len()) } else { self.index(length) };
        self.marks.iter().take(current.unwrap_or(0)).any(|mark| mark.times.is_some())
    }

    fn index(&self, at: usize) -> Option<usize> {
        self.marks.partition_point(|mark| mark.at <= at).checked_sub(1)
    }

    /// The first `length` bytes leave the buffer. Says whether there was a hole in them.
    pub(super) fn advance(&mut self, length: usize) -> bool {
        let current = self.index(length).unwrap_or(0);
        self.marks.drain(..current);
        for mark in &mut self.marks {
            mark.at = mark.at.saturating_sub(length);
        }
        self.end = self.end.and_then(|end| end.checked_sub(length));
        let before = self.holes.len();
        self.holes.retain(|&hole| hole > length);
        let has_hole = self.holes.len() < before;
        for hole in &mut self.holes {
            *hole -= length;
        }
        has_hole
    }
}
