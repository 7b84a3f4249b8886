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
use crate::report::{Event, Report};
use crate::rewriter::{Extent, Rewriter};
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
    /// Reads the head of a recording.
    Learning { head: Option<Box<Head>>, span: Span },
    /// Makes output.
    Playing(Box<Rewriter>),
    /// This error was returned, and is returned again.
    Failed(Error),
}

impl Remuxer {
    /// A whole recording, or a span of it; the layout is learned from its head. Push the source from its first byte on.
    pub fn copy(span: Span) -> Self {
        Self::new(State::Learning { head: None, span })
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
                    Err(error) => return self.fail(error),
                }
            }
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
        if let State::Learning { .. } = &self.state {
            self.start_playing()?;
        }
        while self.play_next().is_some() {}
        match &mut self.state {
            State::Playing(rewriter) => {
                rewriter.finish(&mut self.outputs, &mut self.events);
                if !rewriter.has_begun() && rewriter.extent() == Extent::Whole {
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
            State::Learning { .. } => {}
        }
        Ok(())
    }

    /// Whether nothing that could still be pushed can change the output: time to stop reading and finish.
    pub fn is_complete(&self) -> bool {
        matches!(&self.state, State::Playing(rewriter) if rewriter.is_complete())
    }

    /// What has happened so far.
    pub fn report(&self) -> Report {
        match &self.state {
            State::Playing(rewriter) => rewriter.report().clone(),
            _ => Report::default(),
        }
    }

    /// The layout, as soon as it is known.
    pub fn layout(&self) -> Option<&Layout> {
        match &self.state {
            State::Playing(rewriter) => Some(rewriter.layout()),
            State::Waiting { layout, .. } => Some(layout),
            State::Learning { .. } | State::Failed(_) => None,
        }
    }

    /// The head is long enough: what has been read of it is played first.
    fn start_playing(&mut self) -> Result<(), Error> {
        let State::Learning { head, span } = &mut self.state else { return Ok(()) };
        let span = *span;
        let head = head.take().map_or_else(|| Head::new(0), |head| *head);
        let (layout, kept) = match head.finish() {
            Ok(learned) => learned,
            Err(error) => return self.fail(error),
        };
        let since_zero = |span: Ticks| layout.zero + span;
        let bounds = Bounds {
            from: span.from.filter(|&from| from > Ticks::ZERO).map(since_zero),
            to: span.to.map_or(To::End, |to| To::Threshold(since_zero(to))),
        };
        let rewriter = Rewriter::new(Arc::new(layout), bounds, Framer::new(kept.offset), Extent::Whole);
        self.state = State::Playing(Box::new(rewriter));
        self.pending = kept.chunks;
        Ok(())
    }

    fn fail(&mut self, error: Error) -> Result<(), Error> {
        self.state = State::Failed(error.clone());
        Err(error)
    }

    /// Works through the next chunk.
    fn play_next(&mut self) -> Option<()> {
        let State::Playing(rewriter) = &mut self.state else { return None };
        let chunk = self.pending.pop_front()?;
        let chunk = chunk.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        rewriter.push(chunk, &mut self.outputs, &mut self.events);
        Some(())
    }
}
