//! One pass over a recording: the head of each run, then the run itself.

use std::ops::Range;

use bytes::Bytes;

use super::pass::Pass;
use super::{Index, Rap, Run};
use crate::error::Error;
use crate::head::{Head, Wanted};
use crate::layout::Layout;
use crate::limits;
use crate::mp4::read::Mp4Indexer;
use crate::remuxer::{MAGIC, is_mp4};
use crate::report::{Event, Report};

/// Learns a recording in one pass: push all of it in order, then finish. A clone can be finished to see what is known so
/// far of a recording that is still growing.
///
/// Of an MP4 file not all is needed: where [`wants`](Self::wants) names other bytes than the next, those come next.
#[derive(Debug, Clone)]
pub struct Indexer {
    state: State,
    /// The runs that have ended.
    runs: Vec<Run>,
    report: Report,
    /// The first of them.
    events: Vec<Event>,
    /// What has been pushed of a transport stream.
    size: u64,
    /// Bytes of the recording, where they are known.
    total: Option<u64>,
    is_growing: bool,
}

/// What an [`Indexer`] needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wants {
    /// The bytes behind those pushed last.
    Next,
    /// These.
    Range(Range<u64>),
    /// Nothing: all is known.
    Nothing,
}

#[derive(Debug, Clone)]
enum State {
    /// The first bytes, which say what it is.
    Sniffing(Vec<u8>),
    /// Reads the tables of an MP4 file.
    Tables(Box<Mp4Indexer>),
    /// Reads the head of a run.
    Learning(Box<Head>),
    /// Knows its layout.
    Passing(Box<Pass>),
    Failed(Error),
}

impl Default for Indexer {
    fn default() -> Self {
        Self::new()
    }
}

impl Indexer {
    /// A pass that begins at the first byte of a recording that is read from its beginning to its end. An MP4 file cannot be
    /// learned like that.
    pub fn new() -> Self {
        let state = State::Sniffing(Vec::new());
        Self {
            state,
            runs: Vec::new(),
            report: Report::default(),
            events: Vec::new(),
            size: 0,
            total: None,
            is_growing: false,
        }
    }

    /// A pass over a recording of so many bytes, any of which can be pushed at any time.
    pub fn with_size(size: u64) -> Self {
        Self { total: Some(size), ..Self::new() }
    }

    /// The same over a recording that is still being written, of which there are so many bytes. Of a fragmented MP4 file,
    /// fragments that have not been written to their end are not seen, and no damage.
    pub fn of_growing(size: u64) -> Self {
        Self { is_growing: true, ..Self::with_size(size) }
    }

    /// What to push next.
    pub fn wants(&mut self) -> Wants {
        match &mut self.state {
            State::Tables(tables) => tables.wants().map_or(Wants::Nothing, Wants::Range),
            State::Failed(_) => Wants::Nothing,
            State::Sniffing(_) | State::Learning(_) | State::Passing(_) => Wants::Next,
        }
    }

    /// Bytes of the recording, from `offset` on: of what it [wants](Self::wants).
    pub fn push_at(&mut self, offset: u64, bytes: &[u8]) {
        match &mut self.state {
            State::Tables(tables) => tables.push(offset, Bytes::copy_from_slice(bytes)),
            _ => self.push(bytes),
        }
    }

    /// The first run that has been found, as far as it has been read; `None` before its layout is known.
    pub(crate) fn first_run(&self) -> Option<(&Layout, &[Rap])> {
        if let Some(run) = self.runs.first() {
            return Some((&run.layout, &run.raps));
        }
        match &self.state {
            State::Passing(pass) => Some(pass.first_run()),
            _ => None,
        }
    }

    /// Whether there is nothing to play, whatever follows.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// The next bytes of the recording, cut anywhere. What is wrong with them is told by [`finish`](Self::finish).
    pub fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        match &mut self.state {
            State::Failed(_) => {}
            State::Tables(_) => self.push_at(self.size - bytes.len() as u64, bytes),
            State::Sniffing(begun) => {
                begun.extend_from_slice(bytes);
                if begun.len() >= MAGIC {
                    self.on_sniffed();
                }
            }
            State::Passing(pass) => {
                let over = pass.push(bytes);
                if over {
                    self.start_next_run();
                }
            }
            State::Learning(head) => match head.push(Bytes::copy_from_slice(bytes)) {
                Ok(false) => {}
                Ok(true) => self.start_pass(),
                Err(error) => self.fail(error),
            },
        }
    }

    /// The end of the recording.
    ///
    /// # Errors
    /// Where there is nothing to play; see [`Error`].
    pub fn finish(self) -> Result<Index, Error> {
        self.finish_with_events().map(|(index, _)| index)
    }

    /// The end of the recording, and the first [`limits::EVENTS`] events of it; [`Report::events`](crate::Report::events)
    /// says how many there were.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn finish_with_events(mut self) -> Result<(Index, Vec<Event>), Error> {
        if let State::Sniffing(_) = self.state {
            self.on_sniffed();
        }
        if let State::Tables(tables) = self.state {
            return tables.finish().map(|index| (index, Vec::new()));
        }
        if let State::Learning(_) = self.state {
            self.start_pass();
        }
        self.state = match std::mem::replace(&mut self.state, nothing()) {
            State::Passing(pass) => {
                self.end_run(*pass);
                self.state
            }
            other => other,
        };
        match self.state {
            _ if !self.runs.is_empty() => {
                Ok((Index { size: self.size, runs: self.runs, report: self.report }, self.events))
            }
            State::Failed(error) => Err(error),
            _ => Err(Error::NotMedia { examined: 0 }),
        }
    }

    fn on_sniffed(&mut self) {
        let State::Sniffing(begun) = &mut self.state else { return };
        let begun = std::mem::take(begun);
        self.state = match (is_mp4(&begun), self.total) {
            (false, _) => State::Learning(Box::new(Head::new(0, Wanted::default()))),
            (true, Some(total)) if self.is_growing => State::Tables(Box::new(Mp4Indexer::of_growing(total))),
            (true, Some(total)) => State::Tables(Box::new(Mp4Indexer::new(total))),
            (true, None) => State::Failed(Error::OutOfReach { offset: 0, at: begun.len() as u64 }),
        };
        self.push_again(&begun);
    }

    /// The head is long enough: what has been read of it is passed over.
    fn start_pass(&mut self) {
        let head = match std::mem::replace(&mut self.state, nothing()) {
            State::Learning(head) => head,
            other => return self.state = other,
        };
        let psi = head.psi_before();
        let (layout, kept) = match head.finish() {
            Ok(learned) => learned,
            Err(error) => return self.fail(error),
        };
        let mut pass = Box::new(Pass::new(layout, kept.offset, psi));
        for (position, chunk) in kept.chunks.iter().enumerate() {
            if pass.push(chunk) {
                self.state = State::Passing(pass);
                self.start_next_run();
                kept.chunks.iter().skip(position + 1).for_each(|chunk| self.push_again(chunk));
                return;
            }
        }
        self.state = State::Passing(pass);
    }

    /// Bytes that have been counted.
    fn push_again(&mut self, bytes: &[u8]) {
        self.size -= bytes.len() as u64;
        self.push(bytes);
    }

    /// The program has changed its streams.
    fn start_next_run(&mut self) {
        let State::Passing(mut pass) = std::mem::replace(&mut self.state, nothing()) else { return };
        let successor = pass.take_successor();
        self.end_run(*pass);
        let Some(successor) = successor.filter(|_| self.runs.len() < limits::RUNS) else { return };
        self.state =
            State::Learning(Box::new(Head::following(successor.psi, successor.offset, Wanted::default())));
        self.push_again(&successor.bytes);
    }

    fn end_run(&mut self, pass: Pass) {
        let (runs, report, events) = pass.finish();
        self.report = std::mem::take(&mut self.report) + &report;
        self.events.extend(events);
        self.events.truncate(limits::EVENTS);
        match runs {
            Ok(runs) => self.runs.extend(runs),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: Error) {
        self.state = State::Failed(error);
    }
}

fn nothing() -> State {
    State::Failed(Error::NotMedia { examined: 0 })
}
