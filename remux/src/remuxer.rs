//! The engine: bytes of a recording in, a clean transport stream out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::cut::{Bounds, To};
use crate::error::Error;
use crate::head::Head;
use crate::index::Cut;
use crate::layout::Layout;
use crate::limits;
use crate::report::{Event, Report};
use crate::rewriter::{Continuation, Extent, Rewriter, Successor};
use crate::time::Ticks;
use crate::ts::Framer;

/// Raised whenever the bytes that come out for the same source, layout and cut change: part of whatever names a segment
/// for a cache.
pub const OUTPUT_VERSION: u32 = 1;

/// What [`Remuxer::poll`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// The next bytes of the output, whole packets.
    Bytes(Bytes),
    /// Something worth a line in a log.
    Event(Event),
    /// The container keeps what is needed next elsewhere: push these bytes of the source next. Transport streams never
    /// ask.
    Want(Range<u64>),
}

/// Which part of a recording [`Remuxer::copy`] makes, in time since its first RAP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// From the first RAP at or after this; `None` or not positive: from the first RAP.
    pub from: Option<Ticks>,
    /// Up to the first RAP at or after this; `None`: up to the end.
    pub to: Option<Ticks>,
}

/// A streaming remuxer.
///
/// Push, then poll until `None`; at the end of the source, finish, then poll until `None` once more. Any chunking of the
/// same source gives the same bytes.
#[derive(Debug)]
pub struct Remuxer {
    state: State,
    /// Pushed and not looked at yet.
    pending: VecDeque<Bytes>,
    outputs: VecDeque<Bytes>,
    events: VecDeque<Event>,
    /// Offset in the source of the next byte; unknown before the first.
    next_offset: Option<u64>,
    /// What is left to be copied, in time since the first RAP of the run.
    span: Span,
    /// What happened in the runs that are over.
    report: Report,
    /// Runs that are over.
    runs: usize,
}

#[derive(Debug)]
enum State {
    /// A segment before its first byte.
    Waiting {
        layout: Arc<Layout>,
        bounds: Bounds,
        /// Where a packet is known to start.
        grid: u64,
    },
    /// Reads the head of a run; of the first, nothing goes before it.
    Learning { head: Option<Box<Head>>, after: Option<Continuation> },
    /// Makes output.
    Playing(Box<Rewriter>),
    /// This error was returned, and is returned again.
    Failed(Error),
    /// Nothing more can be played.
    Over,
}

impl Remuxer {
    /// A whole recording, or a span of it; the layout is learned from its head. Push the source from its first byte on.
    pub fn copy(span: Span) -> Self {
        Self { span, ..Self::new(State::Learning { head: None, after: None }) }
    }

    /// One segment of a recording whose layout is known: exactly the access units of `cut`, whatever is pushed besides.
    /// Push the source bytes from `cut.bytes.start` on, or from earlier, up to `cut.bytes.end` or until
    /// [`is_complete`](Self::is_complete).
    pub fn segment(layout: Arc<Layout>, cut: &Cut) -> Self {
        let bounds = Bounds { from: (!cut.first).then_some(cut.start), to: cut.end.map_or(To::End, To::Rap) };
        Self::new(State::Waiting { layout, bounds, grid: cut.bytes.start })
    }

    fn new(state: State) -> Self {
        Self {
            state,
            pending: VecDeque::new(),
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            next_offset: None,
            span: Span::default(),
            report: Report::default(),
            runs: 0,
        }
    }

    /// The next bytes of the source, cut anywhere; `offset` is the place of the first one in the source. No copy is made
    /// where the caller holds the only handle.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] where `offset` does not continue what came before; any other where there is nothing to play,
    /// and then again at every further call.
    pub fn push(&mut self, offset: u64, bytes: Bytes) -> Result<(), Error> {
        let expected = *self.next_offset.get_or_insert(offset);
        if expected != offset {
            return Err(Error::OutOfOrder { expected, pushed: offset });
        }
        self.next_offset = Some(offset.saturating_add(bytes.len() as u64));
        match &mut self.state {
            State::Waiting { layout, bounds, grid } => {
                let size = layout.packet_size;
                let framer = match grid.checked_sub(offset) {
                    Some(before) if before.is_multiple_of(size.bytes() as u64) => {
                        Framer::on_grid(offset, size)
                    }
                    _ => Framer::new(offset),
                };
                let rewriter = Rewriter::new(Arc::clone(layout), *bounds, framer, Extent::Segment);
                self.state = State::Playing(Box::new(rewriter));
                self.pending.push_back(bytes);
            }
            State::Learning { head, .. } => {
                let head = head.get_or_insert_with(|| Box::new(Head::new(offset)));
                match head.push(bytes) {
                    Ok(true) => self.start_playing()?,
                    Ok(false) => {}
                    Err(error) => return self.give_up(error),
                }
            }
            State::Over => {}
            State::Playing(rewriter) if rewriter.is_complete() => {}
            State::Playing(_) => self.pending.push_back(bytes),
            State::Failed(error) => return Err(error.clone()),
        }
        Ok(())
    }

    /// What is ready; ask until `None` after each [`push`](Self::push) and after [`finish`](Self::finish).
    pub fn poll(&mut self) -> Option<Output> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Output::Event(event));
            }
            if let Some(bytes) = self.outputs.pop_front() {
                return Some(Output::Bytes(bytes));
            }
            self.play_next()?;
        }
    }

    /// The end of the source: what is still held comes out.
    ///
    /// # Errors
    /// Where there is nothing to play.
    pub fn finish(&mut self) -> Result<(), Error> {
        loop {
            if let State::Learning { .. } = &self.state {
                self.start_playing()?;
            }
            while self.play_next().is_some() {}
            if !matches!(&self.state, State::Learning { .. }) {
                break;
            }
        }
        match &mut self.state {
            State::Playing(rewriter) => {
                rewriter.finish(&mut self.outputs, &mut self.events);
                if !rewriter.has_begun() && rewriter.extent() == Extent::Whole && self.runs == 0 {
                    let reason = "no random access point in the span that was asked for".to_owned();
                    return Err(Error::NothingToPlay { reason });
                }
            }
            State::Waiting { layout, bounds, .. } => {
                // Not a byte: an empty segment is still a transport stream.
                let mut rewriter =
                    Rewriter::new(Arc::clone(layout), *bounds, Framer::new(0), Extent::Segment);
                rewriter.finish(&mut self.outputs, &mut self.events);
                self.state = State::Playing(Box::new(rewriter));
            }
            State::Failed(error) => return Err(error.clone()),
            State::Learning { .. } | State::Over => {}
        }
        Ok(())
    }

    /// Whether nothing that could still be pushed can change the output: time to stop reading and finish.
    pub fn is_complete(&self) -> bool {
        match &self.state {
            State::Playing(rewriter) => rewriter.is_complete() && self.pending.is_empty(),
            State::Over => true,
            State::Waiting { .. } | State::Learning { .. } | State::Failed(_) => false,
        }
    }

    /// What has happened so far.
    pub fn report(&self) -> Report {
        match &self.state {
            State::Playing(rewriter) => rewriter.report() + &self.report,
            _ => self.report.clone(),
        }
    }

    /// The layout, as soon as it is known.
    pub fn layout(&self) -> Option<&Layout> {
        match &self.state {
            State::Playing(rewriter) => Some(rewriter.layout()),
            State::Waiting { layout, .. } => Some(layout),
            State::Learning { .. } | State::Failed(_) | State::Over => None,
        }
    }

    /// The head is long enough: what has been read of it is played first.
    fn start_playing(&mut self) -> Result<(), Error> {
        let State::Learning { head, after } = &mut self.state else { return Ok(()) };
        let (span, after) = (self.span, after.take());
        let head = head.take().map_or_else(|| Head::new(0), |head| *head);
        let psi = head.psi_before();
        let (layout, kept) = match head.finish() {
            Ok(learned) => learned,
            Err(error) => return self.give_up(error),
        };
        let since_zero = |span: Ticks| layout.zero + span;
        let bounds = Bounds {
            from: span.from.filter(|&from| from > Ticks::ZERO).map(since_zero),
            to: span.to.map_or(To::End, |to| To::Threshold(since_zero(to))),
        };
        let (layout, framer) = (Arc::new(layout), Framer::new(kept.offset));
        let rewriter = match after {
            None => Rewriter::new(layout, bounds, framer, Extent::Whole),
            Some(after) => Rewriter::following(layout, bounds, framer, psi, after),
        };
        self.state = State::Playing(Box::new(rewriter));
        self.pending = kept.chunks;
        Ok(())
    }

    /// There is nothing to play; behind a run that was played that is no error.
    fn give_up(&mut self, error: Error) -> Result<(), Error> {
        if self.runs > 0 {
            self.state = State::Over;
            return Ok(());
        }
        self.state = State::Failed(error.clone());
        Err(error)
    }

    /// Works through the next chunk.
    fn play_next(&mut self) -> Option<()> {
        let State::Playing(rewriter) = &mut self.state else { return None };
        let chunk = self.pending.pop_front()?;
        let chunk = chunk.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        rewriter.push(chunk, &mut self.outputs, &mut self.events);
        if let Some((successor, continuation)) = rewriter.take_successor() {
            self.start_next_run(successor, continuation);
        }
        Some(())
    }

    /// The program has changed its streams: what follows has a layout of its own.
    fn start_next_run(&mut self, successor: Successor, continuation: Continuation) {
        let State::Playing(rewriter) = &self.state else { return };
        let elapsed = rewriter.elapsed();
        self.report = rewriter.report() + &self.report;
        self.runs += usize::from(rewriter.has_begun());
        self.span = self.span.after(elapsed);
        if self.span.to.is_some_and(|to| to <= Ticks::ZERO) || self.runs >= limits::RUNS {
            self.state = State::Over;
            return;
        }
        let mut head = Box::new(Head::following(successor.psi, successor.offset));
        let waiting = std::iter::once(successor.bytes).chain(std::mem::take(&mut self.pending));
        let mut waiting = waiting.collect::<VecDeque<_>>();
        let mut is_known = Ok(false);
        while let (Ok(false), Some(chunk)) = (&is_known, waiting.pop_front()) {
            is_known = head.push(chunk);
        }
        self.state = State::Learning { head: Some(head), after: Some(continuation) };
        let started = match is_known {
            Ok(true) => self.start_playing(),
            Ok(false) => Ok(()),
            Err(error) => self.give_up(error),
        };
        debug_assert!(started.is_ok() || self.runs == 0);
        self.pending.extend(waiting);
    }
}

impl Span {
    /// What is left of it behind so much time.
    fn after(self, elapsed: Ticks) -> Self {
        Self { from: self.from.map(|from| from - elapsed), to: self.to.map(|to| to - elapsed) }
    }
}
