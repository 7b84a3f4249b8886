//! A segment on its way, for one reader or for many.
//!
//! Who asks for a segment that is being made already reads along: its frames are kept while it is being made. There is no task
//! behind it. Whoever needs the next frame makes the source go on, so it goes as fast as the fastest reader; where that one
//! goes away another goes on, and where all do the source is dropped. Where there is no memory to keep frames for the
//! others, who falls behind goes on alone: made again, the bytes are the same.

mod source;
mod table;
mod wakers;
mod window;

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};

use self::source::Source;
pub(super) use self::source::{Make, Wanted};
pub use self::table::Flights;
use self::wakers::Wakers;
use self::window::{Found, Window};
use super::Playback;
use super::kept::Finished;
use super::turns::{Need, Reading};
use crate::domain::Origin;
use crate::error::{Error, Result};

/// A segment on its way.
pub(super) struct Flight {
    wanted: Wanted,
    playback: Playback,
    state: Mutex<State>,
    wakers: Arc<Wakers>,
    readers: AtomicU64,
    /// Whether who comes now finds its beginning.
    joinable: AtomicBool,
    /// Whether it went on since somebody asked.
    moved: AtomicBool,
    /// Whether load control knows of it.
    announced: AtomicBool,
}

struct State {
    source: Source,
    window: Window,
    origin: Option<Origin>,
    /// Bytes that came out of the source and were not skipped.
    made: u64,
    /// Bytes to pass over, of a source that begins anew.
    skip: u64,
}

/// What a reader gets.
pub(super) enum Next {
    Frame(Bytes),
    End,
    /// The reader has fallen behind what is kept.
    Lost,
}

impl Flight {
    /// A flight that others may join.
    fn shared(wanted: Wanted, playback: &Playback, need: Need) -> Self {
        let most = playback.settings.max_kept_segment;
        Self::new(wanted, playback, Window::all(playback.flights.budget().share(), most), 0, need)
    }

    /// The rest of a segment, from byte `position` on, for a reader that was left behind.
    pub(super) fn rest(&self, position: u64) -> Self {
        let (wanted, playback) = (self.wanted.clone(), &self.playback);
        Self::new(wanted, playback, Window::tail(), position, Need::Onward)
    }

    fn new(wanted: Wanted, playback: &Playback, window: Window, skip: u64, need: Need) -> Self {
        let source = Source::opening(&wanted, playback, need);
        let joinable = AtomicBool::new(window.holds_all());
        Self {
            wanted,
            playback: playback.clone(),
            state: Mutex::new(State { source, window, origin: None, made: 0, skip }),
            wakers: Arc::default(),
            readers: AtomicU64::new(0),
            joinable,
            moved: AtomicBool::new(true),
            announced: AtomicBool::new(false),
        }
    }

    /// A number for a new reader.
    pub(super) fn enter(&self) -> u64 {
        self.readers.fetch_add(1, Ordering::Relaxed)
    }

    /// A reader goes away; it may have been the one that was to go on.
    pub(super) fn leave(&self, reader: u64) {
        self.wakers.remove(reader);
        self.wakers.wake_all();
    }

    /// Waits until the source has been opened.
    pub(super) async fn opened(self: &Arc<Self>, reader: u64) -> Result<()> {
        poll_fn(|context| {
            let mut state = self.state();
            while matches!(state.source, Source::Opening(_)) {
                ready!(self.go_on(&mut state, reader, context));
            }
            match &state.source {
                Source::Failed(error) => Poll::Ready(Err(error.clone())),
                _ => Poll::Ready(Ok(())),
            }
        })
        .await?;
        self.announce();
        Ok(())
    }

    /// Lets load control know of it, once.
    pub(super) fn announce(self: &Arc<Self>) {
        if !self.announced.swap(true, Ordering::Relaxed) {
            let reading: Weak<Self> = Arc::downgrade(self);
            self.playback.ports.turns.on_reading(reading);
        }
    }

    /// Frame `number`; makes the source go on where it is not there yet.
    pub(super) fn poll_frame(
        &self,
        reader: u64,
        number: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<Next>> {
        let mut state = self.state();
        loop {
            match state.window.get(number) {
                Found::Frame(frame) => return Poll::Ready(Ok(Next::Frame(frame))),
                Found::Lost => return Poll::Ready(Ok(Next::Lost)),
                Found::NotYet => {}
            }
            match &state.source {
                Source::Finished => return Poll::Ready(Ok(Next::End)),
                Source::Failed(error) => return Poll::Ready(Err(error.clone())),
                _ => ready!(self.go_on(&mut state, reader, context)),
            }
        }
    }

    /// One step of the source; all who wait learn of it.
    fn go_on(&self, state: &mut State, reader: u64, context: &mut Context<'_>) -> Poll<()> {
        self.moved.store(true, Ordering::Relaxed);
        self.wakers.insert(reader, context.waker());
        let waker = Waker::from(Arc::clone(&self.wakers));
        ready!(self.advance(state, &mut Context::from_waker(&waker)));
        self.wakers.remove(reader);
        self.wakers.wake_all();
        Poll::Ready(())
    }

    fn on_frame(&self, state: &mut State, mut frame: Bytes) {
        let skipped = state.skip.min(frame.len() as u64);
        state.skip -= skipped;
        frame.advance(usize::try_from(skipped).unwrap_or(usize::MAX));
        if frame.is_empty() {
            return;
        }
        state.made += frame.len() as u64;
        state.window.push(frame);
        if !state.window.holds_all() {
            self.joinable.store(false, Ordering::Relaxed);
        }
    }

    fn on_end(&self, state: &mut State) {
        state.source = Source::Finished;
        let origin = state.origin.take().filter(|origin| origin.validator.is_some());
        let recording = &self.wanted.recording;
        if recording.version.growing {
            return;
        }
        if let (Some(origin), Some(frames)) = (origin, state.window.whole()) {
            let finished = Finished { recording: recording.clone(), origin, frames };
            self.playback.ports.cache.offer(self.wanted.key, Arc::new(finished));
        }
    }

    fn on_failure(&self, state: &mut State, error: Error) {
        self.joinable.store(false, Ordering::Relaxed);
        state.source = Source::Failed(error);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            // A bug in the middle of a step: nobody knows what the next one would bring.
            let mut state = poisoned.into_inner();
            self.on_failure(&mut state, Error::internal("Making a segment failed."));
            state
        })
    }
}

impl Reading for Flight {
    fn rests(&self) -> bool {
        !self.moved.swap(false, Ordering::Relaxed) && !self.wakers.any()
    }

    fn yield_turn(&self) {
        self.state().source.yield_turn();
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.playback.flights.forget(&self.wanted.key, self);
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("key", &self.wanted.key).finish_non_exhaustive()
    }
}
