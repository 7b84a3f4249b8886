//! Where the frames of a segment come from: a cache, or the engine.

use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use remux::Packaging;
use tracing::warn;

use super::{Flight, State};
use crate::domain::{Origin, RecordingKey, SessionId};
use crate::error::{Error, Result};
use crate::playback::Playback;
use crate::playback::kept::SegmentKey;
use crate::playback::segment::SegmentBody;
use crate::playback::turns::{Need, Turn};

/// Opens what a segment is made of.
pub(in crate::playback) type Make = Arc<dyn Fn() -> BoxFuture<'static, Result<SegmentBody>> + Send + Sync>;

/// Which segment, and how it is made.
#[derive(Clone)]
pub(in crate::playback) struct Wanted {
    /// For whom.
    pub(in crate::playback) session: SessionId,
    /// Its number there.
    pub(in crate::playback) index: u32,
    /// Its number in the cut list of the recording.
    pub(in crate::playback) cut: u32,
    pub(in crate::playback) packaging: Packaging,
    pub(in crate::playback) key: SegmentKey,
    pub(in crate::playback) recording: RecordingKey,
    /// What the recording's bytes have to be, as far as that is known.
    pub(in crate::playback) origin: Option<Origin>,
    /// The bytes of the recording that it is made of, where that is known.
    pub(in crate::playback) bytes: Option<Range<u64>>,
    pub(in crate::playback) make: Make,
}

/// ```text
/// Opening ──▶ Kept ──▶ Finished
///    │  ▲      │ damaged
///    │  └──────┘
///    └──────▶ Made ──▶ Finished
///             │  ▲
///             ▼  │ others wait for a turn and its readers rest
///        Yielded ──▶ Returning
/// ```
pub(super) enum Source {
    /// It is looked for where it is kept, and then opened.
    Opening(BoxFuture<'static, Result<Opened>>),
    /// It was made before.
    Kept(BoxStream<'static, Result<Bytes>>),
    /// It is being made, under a turn to read.
    Made(Box<SegmentBody>, Turn),
    /// It waits for its readers, without a turn.
    Yielded(Box<SegmentBody>),
    /// It waits for another turn.
    Returning(Box<SegmentBody>, BoxFuture<'static, Result<Turn>>),
    /// All frames were given.
    Finished,
    /// No further frame comes.
    Failed(Error),
}

pub(super) enum Opened {
    Kept(Origin, BoxStream<'static, Result<Bytes>>),
    Made(Box<SegmentBody>, Turn),
}

impl Source {
    pub(super) fn opening(wanted: &Wanted, playback: &Playback, need: Need) -> Self {
        Self::Opening(open(wanted.clone(), playback.clone(), need, true).boxed())
    }

    /// What is kept is damaged.
    fn opening_anew(flight: &Flight) -> Self {
        Self::Opening(open(flight.wanted.clone(), flight.playback.clone(), Need::Onward, false).boxed())
    }

    pub(super) fn yield_turn(&mut self) {
        if let Self::Made(body, _) = self
            && body.rest()
            && let Self::Made(body, _turn) = self.take()
        {
            *self = Self::Yielded(body);
        }
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Finished)
    }
}

async fn open(wanted: Wanted, playback: Playback, need: Need, from_cache: bool) -> Result<Opened> {
    if from_cache
        && let Some(stored) = playback.ports.cache.fetch(&wanted.key).await
        && playback.is_still_there(&wanted, &stored.origin).await?
    {
        return Ok(Opened::Kept(stored.origin, stored.frames));
    }
    let turn = playback.ports.turns.read(wanted.session, need).await?;
    let body = playback.noting(&wanted.recording, (wanted.make)().await)?;
    playback.seen.note(&wanted.recording, body.origin(), playback.ports.clock.now());
    Ok(Opened::Made(Box::new(body), turn))
}

impl Flight {
    /// One step: a frame more, or another state.
    pub(super) fn advance(&self, state: &mut State, context: &mut Context<'_>) -> Poll<()> {
        match &mut state.source {
            Source::Opening(opening) => {
                let opened = ready!(opening.as_mut().poll(context));
                self.on_opened(state, opened);
            }
            Source::Kept(frames) => match ready!(frames.poll_next_unpin(context)) {
                Some(Err(error)) => self.on_damaged(state, &error),
                frame => self.on_next(state, frame),
            },
            Source::Made(body, _) => {
                let frame = ready!(body.poll_next_unpin(context));
                self.on_next(state, frame);
            }
            Source::Yielded(_) => self.on_return(state),
            Source::Returning(_, turn) => {
                let turn = ready!(turn.as_mut().poll(context));
                self.on_turn(state, turn);
            }
            Source::Finished | Source::Failed(_) => {}
        }
        Poll::Ready(())
    }

    fn on_opened(&self, state: &mut State, opened: Result<Opened>) {
        match opened {
            Ok(Opened::Kept(origin, frames)) => {
                state.origin = Some(origin);
                state.source = Source::Kept(frames);
            }
            Ok(Opened::Made(body, turn)) => {
                state.origin = Some(body.origin().clone());
                state.source = Source::Made(body, turn);
            }
            Err(error) => self.on_failure(state, error),
        }
    }

    fn on_next(&self, state: &mut State, frame: Option<Result<Bytes>>) {
        match frame {
            Some(Ok(frame)) => self.on_frame(state, frame),
            Some(Err(error)) => self.on_failure(state, error),
            None => self.on_end(state),
        }
    }

    /// What came out so far is right, and made anew the bytes are the same.
    fn on_damaged(&self, state: &mut State, error: &Error) {
        warn!(segment = %self.wanted.key, %error, "a kept segment is damaged and made anew");
        state.skip += state.made;
        state.source = Source::opening_anew(self);
    }

    fn on_return(&self, state: &mut State) {
        if let Source::Yielded(body) = state.source.take() {
            let turn = self.playback.ports.turns.read(self.wanted.session, Need::Onward);
            state.source = Source::Returning(body, turn);
        }
    }

    fn on_turn(&self, state: &mut State, turn: Result<Turn>) {
        match (turn, state.source.take()) {
            (Ok(turn), Source::Returning(body, _)) => state.source = Source::Made(body, turn),
            (Ok(_), other) => state.source = other,
            (Err(error), _) => self.on_failure(state, error),
        }
    }
}
