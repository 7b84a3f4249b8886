//! The engine: bytes of a recording in, a clean transport stream out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::cut::{Bounds, To};
use crate::error::Error;
use crate::head::{Head, Wanted};
use crate::index::Cut;
use crate::layout::{Container, Layout, Packaging};
use crate::limits;
use crate::locate::{Found, Thresholds};
use crate::mp4::read::FragmentedMovie;
use crate::report::{Event, Report};
use crate::rewriter::{Continuation, Extent, Measured, Mp4Rewriter, Rewriter, Successor, Target};
use crate::time::Ticks;
use crate::ts::Framer;

/// Raised whenever the bytes that come out for the same source, layout and cut change: part of whatever names a segment
/// for a cache.
pub const OUTPUT_VERSION: u32 = 4;

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

/// What [`Remuxer::copy`] makes of what. [`Span`] converts into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copy {
    /// Which part.
    pub span: Span,
    /// As what.
    pub packaging: Packaging,
    /// Bytes of the source, where any of them can be pushed at any time: then MP4 whose tables lie behind its media can
    /// be played, too ([`Output::Want`]). `None`: the source is pushed from its first byte to its last.
    pub size: Option<u64>,
    /// `program_number` of the program to play; `None`: the first with pictures.
    pub program: Option<u16>,
    /// KLV, ID3 and SCTE-35 go out as well, with their descriptors; MP4 has no place for them.
    pub keep: bool,
}

impl Copy {
    fn wanted(&self) -> Wanted {
        Wanted { program: self.program, keep: self.keep }
    }
}

impl From<Span> for Copy {
    fn from(span: Span) -> Self {
        Self { span, ..Self::default() }
    }
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
    /// What is to be copied; its span in time since the first RAP of the run.
    copy: Copy,
    /// What happened in the runs that are over.
    report: Report,
    /// Runs that are over.
    runs: usize,
    /// Whether packets come out: then the output can go on behind a change of the program.
    makes_packets: bool,
}

#[derive(Debug)]
enum State {
    /// A segment before its first byte.
    Waiting { layout: Arc<Layout>, bounds: Bounds, begin: Option<u64>, target: Target },
    /// The same of fragments of MP4 that begin anywhere.
    WaitingForFragments { movie: Arc<FragmentedMovie>, layout: Arc<Layout>, bounds: Bounds, target: Target },
    /// The first bytes, which say what the source is.
    Sniffing { begun: Vec<u8>, offset: u64, target: Target },
    /// Reads the head of a run of a transport stream; of the first, nothing goes before it.
    Learning { head: Option<Box<Head>>, after: Option<Continuation>, target: Target },
    /// Makes output of a transport stream.
    Playing(Box<Rewriter>),
    /// Makes output of an MP4 file.
    PlayingMp4(Box<Mp4Rewriter>),
    /// This error was returned, and is returned again.
    Failed(Error),
    /// Nothing more can be played.
    Over,
}

impl Remuxer {
    /// A whole recording, or a span of it; what it is is learned from its head. Push the source from its first byte on.
    pub fn copy(copy: impl Into<Copy>) -> Self {
        let copy = copy.into();
        let target = match copy.packaging {
            Packaging::TransportStream => Target::Packets,
            Packaging::FragmentedMp4 => Target::FragmentedFile,
        };
        Self::sniffing(copy, target)
    }

    /// The first of two passes that make an MP4 file with `moov` first: nothing comes out; at its end
    /// [`into_measured`](Self::into_measured) gives what the second needs.
    pub fn measure(copy: impl Into<Copy>) -> Self {
        Self::sniffing(copy.into(), Target::Measure)
    }

    /// The second pass over the same source: the file comes out.
    pub fn write(copy: impl Into<Copy>, measured: Measured) -> Self {
        Self::sniffing(copy.into(), Target::File(Box::new(measured)))
    }

    fn sniffing(copy: Copy, target: Target) -> Self {
        let makes_packets = matches!(target, Target::Packets);
        let state = State::Sniffing { begun: Vec::new(), offset: 0, target };
        Self { copy, makes_packets, ..Self::new(state) }
    }

    /// One segment of a recording whose layout is known: exactly the access units of `cut`, whatever is pushed besides.
    /// Push the source bytes from `cut.bytes.start` on, or from earlier, up to `cut.bytes.end` or until
    /// [`is_complete`](Self::is_complete); of an MP4 file what [`Output::Want`] asks for: poll before the first push.
    pub fn segment(layout: Arc<Layout>, cut: &Cut, packaging: Packaging) -> Self {
        let target = match packaging {
            Packaging::TransportStream => Target::Packets,
            Packaging::FragmentedMp4 => Target::Segment,
        };
        if layout.container == Container::TransportStream {
            let (bounds, begin) = (bounds(cut, true), Some(cut.bytes.start));
            return Self::new(State::Waiting { layout, bounds, begin, target });
        }
        Self::new(match Mp4Rewriter::segment(&layout, cut, bounds(cut, false), target) {
            Ok(rewriter) => State::PlayingMp4(Box::new(rewriter)),
            Err(error) => State::Failed(error),
        })
    }

    /// The same of a recording that has no index yet: from the first random access point at or after one time up to that at
    /// or after another ([`locate`](crate::locate)). Push source bytes from anywhere before the first of them on, until
    /// [`is_complete`](Self::is_complete); [`found`](Self::found) says what they have turned out to be. The output is that
    /// of [`segment`](Self::segment) for the exact cut, wherever the bytes begin.
    ///
    /// Before [`finish`](Self::finish), see that both have been found: otherwise what has come is taken for all there is.
    pub fn between(layout: Arc<Layout>, thresholds: Thresholds, packaging: Packaging) -> Self {
        let target = match packaging {
            Packaging::TransportStream => Target::Packets,
            Packaging::FragmentedMp4 => Target::Segment,
        };
        Self::new(match layout.container {
            Container::TransportStream => {
                State::Waiting { layout, bounds: thresholds.bounds(), begin: None, target }
            }
            _ => State::Failed(Error::NeedsIndex),
        })
    }

    /// The same of a fragmented file whose movie is known.
    pub(crate) fn between_fragments(
        movie: Arc<FragmentedMovie>,
        layout: Arc<Layout>,
        thresholds: Thresholds,
        packaging: Packaging,
    ) -> Self {
        let target = match packaging {
            Packaging::TransportStream => Target::Packets,
            Packaging::FragmentedMp4 => Target::Segment,
        };
        Self::new(State::WaitingForFragments { movie, layout, bounds: thresholds.bounds(), target })
    }

    /// What a segment has found of its bounds, where it [looks for them](Self::between) or comes from a transport stream.
    pub fn found(&self) -> Option<Found> {
        match &self.state {
            State::Playing(rewriter) => Some(rewriter.found()),
            State::PlayingMp4(rewriter) => rewriter.found(),
            _ => None,
        }
    }

    /// What [`measure`](Self::measure) has found, once it is finished and polled empty.
    ///
    /// # Errors
    /// Where there is nothing that goes into an MP4 file; [`Error::TooLong`] where its tables would be too large.
    pub fn into_measured(self) -> Result<Measured, Error> {
        let measured = match self.state {
            State::Playing(rewriter) => rewriter.into_measured()?,
            State::PlayingMp4(rewriter) => rewriter.into_measured()?,
            State::Failed(error) => return Err(error),
            _ => None,
        };
        measured.ok_or(Error::NothingToPlay { reason: "nothing was measured".to_owned() })
    }

    fn new(state: State) -> Self {
        Self {
            state,
            pending: VecDeque::new(),
            outputs: VecDeque::new(),
            events: VecDeque::new(),
            next_offset: None,
            copy: Copy::default(),
            report: Report::default(),
            runs: 0,
            makes_packets: true,
        }
    }

    /// The next bytes of the source, cut anywhere; `offset` is the place of the first one in the source. No copy is made
    /// where the caller holds the only handle.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] where `offset` does not continue what came before; any other where there is nothing to play,
    /// and then again at every further call.
    pub fn push(&mut self, offset: u64, bytes: Bytes) -> Result<(), Error> {
        self.start_fragments(offset)?;
        if let State::PlayingMp4(rewriter) = &mut self.state {
            let pushed = rewriter.push(offset, bytes);
            return pushed.or_else(|error| self.fail(error));
        }
        let expected = *self.next_offset.get_or_insert(offset);
        if expected != offset {
            return Err(Error::OutOfOrder { expected, pushed: offset });
        }
        self.next_offset = Some(offset.saturating_add(bytes.len() as u64));
        match &mut self.state {
            State::Waiting { .. } => {
                self.start_segment(offset)?;
                self.pending.push_back(bytes);
            }
            State::Sniffing { begun, offset: begin, .. } => {
                if begun.is_empty() {
                    *begin = offset;
                }
                begun.extend_from_slice(&bytes[..bytes.len().min(MAGIC)]);
                if begun.len() >= MAGIC {
                    return self.on_sniffed(Some(bytes));
                }
            }
            State::Learning { head, .. } => {
                let head = head.get_or_insert_with(|| Box::new(Head::new(offset, self.copy.wanted())));
                match head.push(bytes) {
                    Ok(true) => self.start_playing()?,
                    Ok(false) => {}
                    Err(error) => return self.give_up(error),
                }
            }
            State::Over | State::PlayingMp4(_) | State::WaitingForFragments { .. } => {}
            State::Playing(rewriter) if rewriter.is_complete() => {}
            State::Playing(_) => self.pending.push_back(bytes),
            State::Failed(error) => return Err(error.clone()),
        }
        Ok(())
    }

    /// The first bytes of the source are there, or all that there are; the last of them came in `bytes`.
    fn on_sniffed(&mut self, bytes: Option<Bytes>) -> Result<(), Error> {
        let State::Sniffing { begun, offset, target } = &mut self.state else { return Ok(()) };
        let (begun, offset, target) = (std::mem::take(begun), *offset, std::mem::take(target));
        let is_mp4 = is_mp4(&begun);
        self.state = match is_mp4 {
            true => {
                let rewriter = Mp4Rewriter::whole(self.copy.span, target, self.copy.size);
                State::PlayingMp4(Box::new(rewriter))
            }
            false => State::Learning { head: None, after: None, target },
        };
        self.next_offset = None;
        // What came in earlier pushes goes first; nearly always there was but one.
        let last = bytes.as_ref().map_or(0, |bytes| bytes.len().min(MAGIC));
        let earlier = Bytes::copy_from_slice(&begun[..begun.len() - last]);
        let behind = offset + earlier.len() as u64;
        for (at, bytes) in [(offset, Some(earlier)), (behind, bytes)] {
            if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
                self.push(at, bytes)?;
            }
        }
        Ok(())
    }

    /// The first bytes of a segment of fragments come, from `offset` on.
    fn start_fragments(&mut self, offset: u64) -> Result<(), Error> {
        let State::WaitingForFragments { movie, layout, bounds, target } = &mut self.state else {
            return Ok(());
        };
        match Mp4Rewriter::between(movie, layout, *bounds, std::mem::take(target), offset) {
            Ok(rewriter) => self.state = State::PlayingMp4(Box::new(rewriter)),
            Err(error) => return self.fail(error),
        }
        Ok(())
    }

    /// The first bytes of a segment of a transport stream come, from `offset` on.
    fn start_segment(&mut self, offset: u64) -> Result<(), Error> {
        let State::Waiting { layout, bounds, begin, target } = &mut self.state else { return Ok(()) };
        let (layout, bounds, target) = (Arc::clone(layout), *bounds, std::mem::take(target));
        let framer = match begin.and_then(|begin| begin.checked_sub(offset)) {
            Some(before) if before.is_multiple_of(layout.packet_size.bytes() as u64) => {
                Framer::on_grid(offset, layout.packet_size)
            }
            _ => Framer::knowing(offset, layout.packet_size),
        };
        match Rewriter::new(layout, bounds, framer, Extent::Segment, target) {
            Ok(rewriter) => self.state = State::Playing(Box::new(rewriter)),
            Err(error) => return self.fail(error),
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
            match self.play_next()? {
                Played::Chunk => {}
                Played::Wants(range) => return Some(Output::Want(range)),
            }
        }
    }

    /// The end of the source: what is still held comes out.
    ///
    /// # Errors
    /// Where there is nothing to play.
    pub fn finish(&mut self) -> Result<(), Error> {
        if let State::Sniffing { .. } = &self.state {
            self.on_sniffed(None)?;
        }
        self.start_fragments(0)?;
        if let State::Waiting { begin, .. } = &self.state {
            // Not a byte: an empty segment is still a segment.
            let begin = begin.unwrap_or(0);
            self.start_segment(begin)?;
        }
        loop {
            if let State::Learning { .. } = &self.state {
                self.start_playing()?;
            }
            while matches!(&self.state, State::Playing(_)) && self.play_next().is_some() {}
            if !matches!(&self.state, State::Learning { .. }) {
                break;
            }
        }
        let (outputs, events) = (&mut self.outputs, &mut self.events);
        let (finished, extent, has_begun) = match &mut self.state {
            State::Playing(rewriter) => {
                rewriter.finish(outputs, events);
                let failure = rewriter.failure().map_or(Ok(()), |error| Err(error.clone()));
                (failure, rewriter.extent(), rewriter.has_begun())
            }
            State::PlayingMp4(rewriter) => {
                let finished = rewriter.finish(outputs, events);
                (finished, rewriter.extent(), rewriter.has_begun())
            }
            State::Failed(error) => return Err(error.clone()),
            _ => return Ok(()),
        };
        if let Err(error) = finished {
            return self.fail(error);
        }
        if !has_begun && extent == Extent::Whole && self.runs == 0 {
            let reason = "no random access point in the span that was asked for".to_owned();
            return Err(Error::NothingToPlay { reason });
        }
        Ok(())
    }

    /// Whether nothing that could still be pushed can change the output: time to stop reading and finish.
    pub fn is_complete(&self) -> bool {
        match &self.state {
            State::Playing(rewriter) => rewriter.is_complete() && self.pending.is_empty(),
            State::PlayingMp4(rewriter) => rewriter.is_complete(),
            State::Over => true,
            State::Waiting { .. }
            | State::WaitingForFragments { .. }
            | State::Sniffing { .. }
            | State::Learning { .. }
            | State::Failed(_) => false,
        }
    }

    /// What has happened so far.
    pub fn report(&self) -> Report {
        match &self.state {
            State::Playing(rewriter) => rewriter.report() + &self.report,
            State::PlayingMp4(rewriter) => rewriter.report(),
            _ => self.report.clone(),
        }
    }

    /// The layout, as soon as it is known.
    pub fn layout(&self) -> Option<&Layout> {
        match &self.state {
            State::Playing(rewriter) => Some(rewriter.layout()),
            State::PlayingMp4(rewriter) => rewriter.layout(),
            State::Waiting { layout, .. } | State::WaitingForFragments { layout, .. } => Some(layout),
            State::Sniffing { .. } | State::Learning { .. } | State::Failed(_) | State::Over => None,
        }
    }

    /// The head is long enough: what has been read of it is played first.
    fn start_playing(&mut self) -> Result<(), Error> {
        let State::Learning { head, after, target } = &mut self.state else { return Ok(()) };
        let (after, target) = (after.take(), std::mem::take(target));
        let head = head.take().map_or_else(|| Head::new(0, self.copy.wanted()), |head| *head);
        let psi = head.psi_before();
        let (layout, kept) = match head.finish() {
            Ok(learned) => learned,
            Err(error) => return self.give_up(error),
        };
        let bounds = self.copy.span.bounds(&layout);
        let framer = Framer::new(kept.offset);
        let rewriter = match after {
            None => Rewriter::new(Arc::new(layout), bounds, framer, Extent::Whole, target),
            Some(after) => Rewriter::following(Arc::new(layout), bounds, framer, psi, after),
        };
        let rewriter = match rewriter {
            Ok(rewriter) => rewriter,
            Err(error) => return self.fail(error),
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
        self.fail(error)
    }

    fn fail(&mut self, error: Error) -> Result<(), Error> {
        self.state = State::Failed(error.clone());
        Err(error)
    }

    /// Works through the next chunk.
    fn play_next(&mut self) -> Option<Played> {
        if let State::PlayingMp4(rewriter) = &mut self.state {
            return match rewriter.play(&mut self.outputs, &mut self.events) {
                Ok(Some(range)) => Some(Played::Wants(range)),
                Ok(None) => (!self.outputs.is_empty() || !self.events.is_empty()).then_some(Played::Chunk),
                Err(error) => {
                    self.state = State::Failed(error);
                    None
                }
            };
        }
        let State::Playing(rewriter) = &mut self.state else { return None };
        let chunk = self.pending.pop_front()?;
        let chunk = chunk.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        rewriter.push(chunk, &mut self.outputs, &mut self.events);
        if let Some(error) = rewriter.failure() {
            self.state = State::Failed(error.clone());
            return None;
        }
        if let Some((successor, continuation)) = rewriter.take_successor() {
            self.start_next_run(successor, continuation);
        }
        Some(Played::Chunk)
    }

    /// The program has changed its streams: what follows has a layout of its own.
    fn start_next_run(&mut self, successor: Successor, continuation: Continuation) {
        let State::Playing(rewriter) = &self.state else { return };
        let elapsed = rewriter.elapsed();
        self.report = rewriter.report() + &self.report;
        self.runs += usize::from(rewriter.has_begun());
        self.copy.span = self.copy.span.after(elapsed);
        if self.copy.span.to.is_some_and(|to| to <= Ticks::ZERO)
            || self.runs >= limits::RUNS
            || !self.makes_packets
        {
            self.state = State::Over;
            return;
        }
        let mut head = Box::new(Head::following(successor.psi, successor.offset, self.copy.wanted()));
        let waiting = std::iter::once(successor.bytes).chain(std::mem::take(&mut self.pending));
        let mut waiting = waiting.collect::<VecDeque<_>>();
        let mut is_known = Ok(false);
        // What is behind the head stays where it is.
        while is_known == Ok(false)
            && let Some(chunk) = waiting.pop_front()
        {
            is_known = head.push(chunk);
        }
        self.state = State::Learning { head: Some(head), after: Some(continuation), target: Target::Packets };
        let started = match is_known {
            Ok(true) => self.start_playing(),
            Ok(false) => Ok(()),
            Err(error) => self.give_up(error),
        };
        debug_assert!(started.is_ok() || self.runs == 0);
        self.pending.extend(waiting);
    }
}

/// What working through a chunk has come to.
enum Played {
    /// There may be output.
    Chunk,
    /// Other bytes are needed.
    Wants(Range<u64>),
}

/// Bytes that say what a source is.
pub(crate) const MAGIC: usize = 8;

/// Whether a source begins with a box of an MP4 file.
pub(crate) fn is_mp4(begun: &[u8]) -> bool {
    const BOXES: [&[u8; 4]; 14] = [
        b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot", b"sidx", b"emsg",
        b"prft", b"uuid", b"mfra",
    ];
    begun.get(4..MAGIC).is_some_and(|kind| BOXES.iter().any(|known| known[..] == *kind))
}

fn bounds(cut: &Cut, is_exact: bool) -> Bounds {
    Bounds {
        // Where parameter sets begin a run, the packets of its first RAP may hold the end of the run before.
        from: Some(cut.start),
        is_first: cut.first,
        is_exact,
        to: cut.end.map_or(To::End, To::Rap),
        may_be_late: false,
    }
}

impl Span {
    /// What is left of it behind so much time.
    fn after(self, elapsed: Ticks) -> Self {
        Self { from: self.from.map(|from| from - elapsed), to: self.to.map(|to| to - elapsed) }
    }
}
