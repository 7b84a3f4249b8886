//! An MP4 file in, one piece of output out.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::interleave::Interleave;
use super::movie::{Measured, Target};
use super::outlet::Outlet;
use super::piece::Piece;
use super::{Events, Extent};
use crate::cut::{Bounds, Seen, To};
use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::index::Cut;
use crate::layout::Layout;
use crate::locate::Found;
use crate::mp4::read::{FragmentedMovie, Read, Reader};
use crate::remuxer::Span;
use crate::report::Report;

/// Plays an MP4 file, or one cut of it.
#[derive(Debug)]
pub(crate) struct Mp4Rewriter {
    reader: Reader,
    phase: Phase,
    /// What was asked for last has not come yet.
    is_waiting: bool,
    course: Course,
}

/// In which order the file comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// As it is asked for.
    Wanted,
    /// From any place on, without being asked for, and read up to here.
    Onward(u64),
}

#[derive(Debug)]
enum Phase {
    /// Until the layout is known.
    Learning { span: Span, target: Target },
    /// Numbers of the reader's streams in the output.
    Playing { piece: Box<Piece>, numbers: Vec<Option<usize>>, order: Interleave },
}

impl Mp4Rewriter {
    /// The whole file, or a span of it; `size` is its size where it can be read from any place.
    pub(crate) fn whole(span: Span, target: Target, size: Option<u64>) -> Self {
        let reader = size.map_or_else(Reader::sequential, |size| Reader::new(Some(size)));
        Self { reader, phase: Phase::Learning { span, target }, is_waiting: false, course: Course::Wanted }
    }

    /// One cut.
    pub(crate) fn segment(
        layout: &Arc<Layout>,
        cut: &Cut,
        bounds: Bounds,
        target: Target,
    ) -> Result<Self, Error> {
        let reader = Reader::for_cut(layout, cut, None);
        let phase = playing(layout, bounds, Extent::Segment, target)?;
        Ok(Self { reader, phase, is_waiting: false, course: Course::Wanted })
    }

    /// What lies between bounds that have to be found in the fragments that come from `start` on.
    pub(crate) fn between(
        movie: &FragmentedMovie,
        layout: &Arc<Layout>,
        bounds: Bounds,
        target: Target,
        start: u64,
    ) -> Result<Self, Error> {
        let reader = Reader::from_anywhere(movie, Arc::clone(layout), start);
        let phase = playing(layout, bounds, Extent::Segment, target)?;
        Ok(Self { reader, phase, is_waiting: false, course: Course::Onward(start) })
    }

    pub(crate) fn push(&mut self, offset: u64, bytes: Bytes) -> Result<(), Error> {
        self.is_waiting = false;
        if let Course::Onward(at) = &mut self.course {
            *at = offset.saturating_add(bytes.len() as u64);
        }
        match self.is_complete() {
            true => Ok(()),
            false => self.reader.push(offset, bytes),
        }
    }

    /// Makes output until it needs bytes; says which, once.
    pub(crate) fn play(
        &mut self,
        out: &mut VecDeque<Bytes>,
        events: &mut Events,
    ) -> Result<Option<Range<u64>>, Error> {
        while !self.is_complete() && out.is_empty() && !self.is_waiting {
            match self.reader.poll() {
                Some(Read::Unit(unit)) => {
                    self.learn()?;
                    if let Phase::Playing { numbers, order, .. } = &mut self.phase
                        && let Some(stream) = numbers.get(unit.stream).copied().flatten()
                    {
                        let offset = match self.course {
                            // Places mean nothing in a file whose tables say where everything is.
                            Course::Wanted => 0,
                            Course::Onward(_) => unit.offset,
                        };
                        order.push(AccessUnit { stream, offset, ..unit });
                    }
                    self.put(false, out);
                }
                Some(Read::Want(range)) => {
                    self.is_waiting = true;
                    return Ok((self.course == Course::Wanted).then_some(range));
                }
                None => break,
            }
            events.extend(std::iter::from_fn(|| self.reader.poll_event()));
            self.check()?;
        }
        Ok(None)
    }

    /// The end of the source.
    pub(crate) fn finish(&mut self, out: &mut VecDeque<Bytes>, events: &mut Events) -> Result<(), Error> {
        if !self.is_complete() {
            self.reader.finish()?;
            self.is_waiting = false;
            let mut made = VecDeque::new();
            loop {
                self.play(&mut made, events)?;
                if made.is_empty() {
                    break;
                }
                out.append(&mut made);
            }
            self.learn()?;
        }
        self.put(true, out);
        if let Phase::Playing { piece, .. } = &mut self.phase {
            piece.finish();
            piece.take(Bytes::new(), out);
        }
        self.check()
    }

    /// What has found its place goes out.
    fn put(&mut self, at_end: bool, out: &mut VecDeque<Bytes>) {
        if let Phase::Playing { piece, order, .. } = &mut self.phase {
            while let Some(unit) = order.pop(at_end) {
                piece.on_unit(unit);
            }
            piece.take(Bytes::new(), out);
        }
    }

    fn check(&self) -> Result<(), Error> {
        match &self.phase {
            Phase::Playing { piece, .. } => piece.failure().map_or(Ok(()), |error| Err(error.clone())),
            Phase::Learning { .. } => Ok(()),
        }
    }

    fn learn(&mut self) -> Result<(), Error> {
        if let (Phase::Learning { span, target }, Some(layout)) = (&mut self.phase, self.reader.layout()) {
            let bounds = span.bounds(layout);
            self.phase = playing(layout, bounds, Extent::Whole, std::mem::take(target))?;
        }
        Ok(())
    }

    pub(crate) fn is_complete(&self) -> bool {
        matches!(&self.phase, Phase::Playing { piece, .. } if piece.is_closed())
    }

    /// What has been found of bounds that were looked for.
    pub(crate) fn found(&self) -> Option<Found> {
        let (Phase::Playing { piece, .. }, Course::Onward(read_to)) = (&self.phase, self.course) else {
            return None;
        };
        let cutter = &piece.cutter;
        let Seen { first, begin, end, .. } = cutter.seen;
        let may_lack_sound = cutter.seen.may_lack_sound();
        Some(Found { first, begin, end, standing: cutter.standing(), may_lack_sound, read_to })
    }

    pub(crate) fn has_begun(&self) -> bool {
        matches!(&self.phase, Phase::Playing { piece, .. } if piece.cutter.has_begun())
    }

    /// What it makes.
    pub(crate) fn extent(&self) -> Extent {
        match &self.phase {
            Phase::Playing { piece, .. } => piece.extent(),
            Phase::Learning { .. } => Extent::Whole,
        }
    }

    pub(crate) fn layout(&self) -> Option<&Layout> {
        match &self.phase {
            Phase::Playing { piece, .. } => Some(&piece.layout),
            Phase::Learning { .. } => None,
        }
    }

    pub(crate) fn report(&self) -> Report {
        let report = self.reader.report().clone();
        match &self.phase {
            Phase::Playing { piece, .. } => report + &piece.report(),
            Phase::Learning { .. } => report,
        }
    }

    pub(crate) fn into_measured(self) -> Result<Option<Measured>, Error> {
        match self.phase {
            Phase::Playing { piece, .. } => piece.into_measured(),
            Phase::Learning { .. } => Ok(None),
        }
    }
}

fn playing(layout: &Arc<Layout>, bounds: Bounds, extent: Extent, target: Target) -> Result<Phase, Error> {
    let goes_out = target.layout(layout);
    let number = |source| goes_out.streams.iter().position(|stream| stream.source == source);
    let numbers = layout.streams.iter().map(|stream| number(stream.source)).collect();
    let continues = extent == Extent::Whole || !bounds.is_first;
    let outlet = Outlet::new(Arc::clone(&goes_out), continues, extent);
    let order = Interleave::new(goes_out.streams.len());
    let piece = Piece::new(goes_out, bounds, extent, outlet, target)?;
    Ok(Phase::Playing { piece: Box::new(piece), numbers, order })
}

impl Span {
    /// The same on the clock of a run.
    pub(crate) fn bounds(self, layout: &Layout) -> Bounds {
        let since_zero = |span| layout.zero + span;
        let from = self.from.filter(|&from| from > crate::time::Ticks::ZERO).map(since_zero);
        Bounds {
            from,
            is_first: from.is_none(),
            is_exact: false,
            to: self.to.map_or(To::End, |to| To::Threshold(since_zero(to))),
            may_be_late: false,
        }
    }
}
