//! Segments as they are given out: from memory, or along with all who read the same one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use remux::Packaging;

use super::Playback;
use super::flight::{Flight, Next, Wanted};
use super::kept::Finished;
use super::ports::Part;
use super::turns::{Need, Turn};
use crate::domain::{Origin, RecordingKey, SessionId};
use crate::error::{Kind, Result};

/// The bytes of a segment. An error ends it; it never ends without one before it is complete.
#[derive(Debug)]
pub struct Served {
    bytes: From,
    /// Who hears that it was sent, and for whom it was; `None` once it is over.
    told: Option<(Playback, SessionId, u32, Packaging)>,
}

#[derive(Debug)]
enum From {
    Memory { segment: Arc<Finished>, next: usize },
    Flight(Reader),
}

impl Playback {
    /// A segment from where it is found first: memory, a flight that is under way, one of its own.
    pub(super) async fn serve(&self, wanted: Wanted) -> Result<Served> {
        let told = Some((self.clone(), wanted.session, wanted.index, wanted.packaging));
        if let Some(segment) = self.at_hand(&wanted).await? {
            return Ok(Served { bytes: From::Memory { segment, next: 0 }, told });
        }
        let turn = self.ports.turns.segment(wanted.session).await?;
        let reader = Reader::new(self.flights.join(wanted, self, Need::Now), turn);
        reader.flight.opened(reader.number).await?;
        Ok(Served { bytes: From::Flight(reader), told })
    }

    async fn at_hand(&self, wanted: &Wanted) -> Result<Option<Arc<Finished>>> {
        let Some(segment) = self.ports.cache.at_hand(&wanted.key) else { return Ok(None) };
        let is_right = self.is_still_there(wanted, &segment.origin).await?;
        Ok(is_right.then_some(segment))
    }

    /// Whether what a segment was made of is still there, and the same; asks only where that was not seen lately.
    pub(super) async fn is_still_there(&self, wanted: &Wanted, made_of: &Origin) -> Result<bool> {
        if wanted.origin.as_ref().is_some_and(|origin| origin != made_of) {
            return Ok(false);
        }
        let (recording, now) = (&wanted.recording, self.ports.clock.now());
        if self.seen.is_fresh(recording, made_of, now, self.settings.cache_verify) {
            return Ok(true);
        }
        let _turn = self.ports.turns.read(wanted.session, Need::Now).await?;
        let first = wanted.bytes.as_ref().map_or(0, |bytes| bytes.start);
        let first = Part::Range(first..first.saturating_add(1));
        let opened = self.ports.objects.open(recording, first, Some(made_of)).await;
        let object = self.noting(recording, opened)?;
        self.seen.note(recording, &object.origin, now);
        Ok(object.origin == *made_of)
    }

    /// What was made of a recording that is gone goes, too.
    pub(super) fn noting<T>(&self, recording: &RecordingKey, opened: Result<T>) -> Result<T> {
        opened.inspect_err(|error| {
            if matches!(error.kind(), Kind::Gone) {
                self.seen.forget(recording);
                self.ports.cache.forget(recording);
            }
        })
    }
}

/// One who reads a segment that is on its way.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) flight: Arc<Flight>,
    pub(super) number: u64,
    next: usize,
    position: u64,
    _turn: Turn,
}

impl Reader {
    pub(super) fn new(flight: Arc<Flight>, turn: Turn) -> Self {
        let number = flight.enter();
        Self { flight, number, next: 0, position: 0, _turn: turn }
    }

    pub(super) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            match ready!(self.flight.poll_frame(self.number, self.next, context))? {
                Next::Frame(frame) => {
                    self.next += 1;
                    self.position += frame.len() as u64;
                    return Poll::Ready(Ok(Some(frame)));
                }
                Next::End => return Poll::Ready(Ok(None)),
                Next::Lost => self.go_on_alone(),
            }
        }
    }

    fn go_on_alone(&mut self) {
        let rest = Arc::new(self.flight.rest(self.position));
        rest.announce();
        self.flight.leave(self.number);
        (self.number, self.next) = (rest.enter(), 0);
        self.flight = rest;
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.flight.leave(self.number);
    }
}

impl Served {
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        match &mut self.bytes {
            From::Memory { segment, next } => {
                let frame = segment.frames.get(*next).cloned();
                *next += 1;
                Poll::Ready(Ok(frame))
            }
            From::Flight(reader) => reader.poll_frame(context),
        }
    }
}

impl Stream for Served {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        if self.told.is_none() {
            return Poll::Ready(None);
        }
        let polled = ready!(self.poll_bytes(context)).transpose();
        if !matches!(polled, Some(Ok(_)))
            && let Some((playback, session, index, packaging)) = self.told.take()
            && polled.is_none()
        {
            playback.on_sent(session, index, packaging);
        }
        Poll::Ready(polled)
    }
}
