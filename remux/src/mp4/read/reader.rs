//! The demuxer: pushes in, access units out.
//!
//! ```text
//!   Finding ──moov──▶ Playing ──all samples──▶ Ended
//!                       │ where the tables do not say enough, what is read first waits for its layout
//! ```

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::head::FragmentedMovie;
use super::log::Log;
use super::playing::{Next, Playing};
use super::walk::Finder;
use super::window::Window;
use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::index::Cut;
use crate::layout::{Container, Layout};
use crate::report::{Event, Report};

/// What a reader gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// It goes on once bytes from the start of this range on are pushed. Up to its end they will be of use; an end of
    /// `u64::MAX` says: read on from here. A source that cannot jump reads on until it gets there; where the range lies
    /// before what it has pushed already, it cannot be played from such a source.
    Want(Range<u64>),
    /// The next access unit, in the order in which they are read; its stream is one of [`Reader::layout`].
    Unit(AccessUnit),
}

/// Reads an MP4 file, or one cut of it. Any chunking of the same bytes gives the same access units.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Bytes of the file, where they are known.
    size: Option<u64>,
    /// Where the source goes on, where it cannot jump back.
    sequential: Option<u64>,
    window: Window,
    log: Log,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Looks for the tables; then plays a cut of a known layout, or all.
    Finding(Box<Finder>, Option<(Arc<Layout>, Cut)>),
    Playing(Box<Playing>),
    Ended(Option<Arc<Layout>>),
    Failed(Error),
}

impl Reader {
    /// Reads a file of this size, where it is known, from any place of which it [wants](Read::Want) bytes.
    pub(crate) fn new(size: Option<u64>) -> Self {
        Self::with(size, None, State::Finding(Box::new(Finder::new(size)), None))
    }

    /// Reads a source that cannot jump back: samples come as they lie, whatever their times. Where the tables lie behind
    /// the media that gives [`Error::OutOfReach`].
    pub(crate) fn sequential() -> Self {
        Self::with(None, Some(0), State::Finding(Box::new(Finder::new(None)), None))
    }

    /// Reads what one cut needs, and little more. A layout of a transport stream gives [`Error::NoMovie`].
    pub(crate) fn for_cut(layout: &Arc<Layout>, cut: &Cut, size: Option<u64>) -> Self {
        let state = match &layout.container {
            Container::Mp4 { moov } | Container::FragmentedMp4 { moov } => {
                let finder = Finder::known(moov.clone(), size);
                State::Finding(Box::new(finder), Some((Arc::clone(layout), cut.clone())))
            }
            Container::TransportStream => State::Failed(Error::NoMovie { examined: 0 }),
        };
        Self::with(size, None, state)
    }

    /// Reads all fragments of a known layout behind `start`, which may be anywhere; the source cannot jump back.
    pub(crate) fn from_anywhere(movie: &FragmentedMovie, layout: Arc<Layout>, start: u64) -> Self {
        let playing = Playing::from_anywhere(movie, layout, start);
        let mut reader = Self::with(None, Some(start), State::Playing(Box::new(playing)));
        // So that the window knows where it begins.
        reader.window.look(start, 0);
        reader
    }

    fn with(size: Option<u64>, sequential: Option<u64>, state: State) -> Self {
        Self { size, sequential, window: Window::default(), log: Log::default(), state }
    }

    /// Bytes of the file that begin at `offset`: where the last [`Read::Want`] says, or before it.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] where bytes that are wanted lie before `offset`; any other where there is nothing to play.
    pub(crate) fn push(&mut self, offset: u64, bytes: Bytes) -> Result<(), Error> {
        match &self.state {
            State::Failed(error) => return Err(error.clone()),
            State::Ended(_) => return Ok(()),
            State::Finding(..) | State::Playing(_) => {}
        }
        let end = offset.saturating_add(bytes.len() as u64);
        self.window.push(offset, bytes)?;
        self.sequential = self.sequential.map(|at| at.max(end));
        self.find();
        self.result()
    }

    /// The source has no more bytes.
    ///
    /// # Errors
    /// Where there is nothing to play.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.find();
        match &mut self.state {
            State::Finding(finder, _) => self.state = State::Failed(finder.not_found()),
            State::Playing(playing) => {
                if let Err(error) = playing.finish(&mut self.log) {
                    self.state = State::Failed(error);
                }
            }
            State::Ended(_) | State::Failed(_) => {}
        }
        self.result()
    }

    /// The next access unit, or what has to be pushed; `None` once there is nothing more, or where
    /// [`finish`](Self::finish) says why not.
    pub(crate) fn poll(&mut self) -> Option<Read> {
        loop {
            let wanted = match self.find() {
                Some(wanted) => wanted,
                None => match self.play()? {
                    Next::Unit(unit) => return Some(Read::Unit(unit)),
                    Next::Need(wanted) => wanted,
                    Next::End => return None,
                },
            };
            if let Some(at) = self.sequential.filter(|&at| wanted.start < at) {
                self.state = State::Failed(Error::OutOfReach { offset: wanted.start, at });
                return None;
            }
            let end = wanted.end.min(self.size.unwrap_or(u64::MAX));
            if wanted.start < end {
                return Some(Read::Want(wanted.start..end));
            }
            // It lies behind the end of the file.
            self.finish().ok()?;
        }
    }

    /// What went wrong since it was last asked for.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.log.poll()
    }

    /// The layout, once it is known; before the first access unit it is.
    pub(crate) fn layout(&self) -> Option<&Arc<Layout>> {
        match &self.state {
            State::Playing(playing) => playing.layout(),
            State::Ended(layout) => layout.as_ref(),
            State::Finding(_, cut) => cut.as_ref().map(|(layout, _)| layout),
            State::Failed(_) => None,
        }
    }

    /// Whether everything has been read that will be.
    #[cfg(test)]
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.state, State::Ended(_) | State::Failed(_))
    }

    /// Bytes that have been pushed and not used.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn held(&self) -> u64 {
        self.window.held()
    }

    /// What has been met so far.
    pub(crate) fn report(&self) -> &Report {
        &self.log.report
    }

    fn result(&self) -> Result<(), Error> {
        match &self.state {
            State::Failed(error) => Err(error.clone()),
            State::Finding(..) | State::Playing(_) | State::Ended(_) => Ok(()),
        }
    }

    /// Looks for the tables as far as bytes are there; says which are wanted, where they are not.
    fn find(&mut self) -> Option<Range<u64>> {
        let State::Finding(finder, cut) = &mut self.state else { return None };
        let found = match finder.step(&mut self.window) {
            Ok(Err(wanted)) => return Some(wanted),
            Ok(Ok(movie)) => match cut.take() {
                Some((layout, cut)) => Ok(Playing::cut(movie, layout, &cut, self.size)),
                None => Playing::all(movie, self.size, self.sequential.is_some()),
            },
            Err(error) => Err(error),
        };
        self.state = match found {
            Ok(playing) => State::Playing(Box::new(playing)),
            Err(error) => State::Failed(error),
        };
        None
    }

    /// The next of the movie; `None` where that failed.
    fn play(&mut self) -> Option<Next> {
        let State::Playing(playing) = &mut self.state else { return None };
        match playing.next(&mut self.window, &mut self.log) {
            Ok(Next::End) => {
                self.state = State::Ended(playing.layout().cloned());
                Some(Next::End)
            }
            Ok(next) => Some(next),
            Err(error) => {
                self.state = State::Failed(error);
                None
            }
        }
    }
}
