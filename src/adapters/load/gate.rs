//! A number of places, and a queue before them in which sessions take turns.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::domain::SessionId;
use crate::metrics::Metrics;

/// Places for all sessions.
#[derive(Debug)]
pub(super) struct Gate {
    name: &'static str,
    places: usize,
    share: usize,
    queue: usize,
    room: Mutex<Room>,
    metrics: Arc<Metrics>,
}

/// Who is in, and who waits. While anybody waits no place is free.
#[derive(Debug, Default)]
struct Room {
    taken: usize,
    of_session: HashMap<SessionId, usize>,
    /// Those who have had a part already.
    onward: VecDeque<Waiter>,
    /// The others: sessions in the order of their turns, and what each waits for.
    sessions: VecDeque<(SessionId, VecDeque<Waiter>)>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    session: SessionId,
    called: oneshot::Sender<Place>,
}

/// The queue is full.
#[derive(Debug)]
pub(super) struct Busy;

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    session: SessionId,
}

/// Leaves the queue when it is dropped.
struct Queued {
    gate: Arc<Gate>,
    number: u64,
}

impl Gate {
    pub(super) fn new(
        name: &'static str,
        places: usize,
        share: usize,
        queue: usize,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { name, places, share, queue, room: Mutex::default(), metrics }
    }

    /// A place now or later.
    pub(super) fn enter(
        self: &Arc<Self>,
        session: SessionId,
    ) -> Result<impl Future<Output = Place> + Send + use<>, Busy> {
        let mut room = self.room();
        if !self.is_free(&room) && room.queued() >= self.queue {
            drop(room);
            self.on_refused();
            return Err(Busy);
        }
        let (waiter, waiting) = self.waiter(&mut room, session);
        match room.sessions.iter_mut().find(|(known, _)| *known == session) {
            Some((_, waiters)) => waiters.push_back(waiter),
            None => room.sessions.push_back((session, VecDeque::from([waiter]))),
        }
        drop(room);
        self.call();
        Ok(waiting)
    }

    /// A place as soon as there is one.
    pub(super) fn enter_onward(
        self: &Arc<Self>,
        session: SessionId,
    ) -> impl Future<Output = Place> + Send + use<> {
        let mut room = self.room();
        let (waiter, waiting) = self.waiter(&mut room, session);
        room.onward.push_back(waiter);
        drop(room);
        self.call();
        waiting
    }

    /// A place nobody needs: half of them stay free for who comes next.
    pub(super) fn spare(self: &Arc<Self>, session: SessionId) -> Option<Place> {
        let mut room = self.room();
        let is_spare = room.waiting() == 0 && room.taken < self.places.div_ceil(2);
        let place = is_spare.then(|| self.place(&mut room, session));
        self.tell(&room);
        place
    }

    pub(super) fn on_refused(&self) {
        self.metrics.turns_refused.with_label_values(&[self.name]).inc();
    }

    fn is_free(&self, room: &Room) -> bool {
        room.taken < self.places && room.waiting() == 0
    }

    fn waiter(
        self: &Arc<Self>,
        room: &mut Room,
        session: SessionId,
    ) -> (Waiter, impl Future<Output = Place> + Send + use<>) {
        let (called, place) = oneshot::channel();
        room.next += 1;
        let number = room.next;
        let queued = Queued { gate: Arc::clone(self), number };
        let (gate, fallback) = (Arc::clone(self), session);
        let waiting = async move {
            let _queued = queued;
            // A waiter is only ever taken out of the queue to be called, or by who waits.
            place.await.unwrap_or_else(|_| gate.uncounted(fallback))
        };
        (Waiter { number, session, called }, waiting)
    }

    /// Fills free places from the queue.
    fn call(self: &Arc<Self>) {
        loop {
            let mut room = self.room();
            let next = if room.taken < self.places { room.take_next(self.share) } else { None };
            let Some(waiter) = next else { return self.tell(&room) };
            let place = self.place(&mut room, waiter.session);
            // Without the lock: where nobody waits any more the place comes back at once.
            drop(room);
            drop(waiter.called.send(place));
        }
    }

    fn place(self: &Arc<Self>, room: &mut Room, session: SessionId) -> Place {
        room.taken += 1;
        *room.of_session.entry(session).or_default() += 1;
        Place { gate: Arc::clone(self), session }
    }

    fn uncounted(self: &Arc<Self>, session: SessionId) -> Place {
        self.place(&mut self.room(), session)
    }

    fn tell(&self, room: &Room) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.turns_taken.with_label_values(&[self.name]).set(count(room.taken));
        self.metrics.turns_awaited.with_label_values(&[self.name]).set(count(room.waiting()));
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        // Changes are a few infallible steps.
        self.room.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Room {
    fn queued(&self) -> usize {
        self.sessions.iter().map(|(_, waiters)| waiters.len()).sum()
    }

    fn waiting(&self) -> usize {
        self.queued() + self.onward.len()
    }

    /// Whose turn it is: first who goes on, then session by session; one that has its share already only where no other waits.
    fn take_next(&mut self, share: usize) -> Option<Waiter> {
        if let Some(waiter) = self.onward.pop_front() {
            return Some(waiter);
        }
        let has_less = |session: &SessionId| self.of_session.get(session).is_none_or(|&taken| taken < share);
        let chosen = self.sessions.iter().position(|(session, _)| has_less(session)).unwrap_or(0);
        let (session, mut waiters) = self.sessions.remove(chosen)?;
        let waiter = waiters.pop_front();
        if !waiters.is_empty() {
            self.sessions.push_back((session, waiters));
        }
        waiter
    }

    fn leave(&mut self, session: SessionId) {
        self.taken -= 1;
        if let Some(taken) = self.of_session.get_mut(&session) {
            *taken -= 1;
            if *taken == 0 {
                self.of_session.remove(&session);
            }
        }
    }

    fn forget(&mut self, number: u64) {
        self.onward.retain(|waiter| waiter.number != number);
        for (_, waiters) in &mut self.sessions {
            waiters.retain(|waiter| waiter.number != number);
        }
        self.sessions.retain(|(_, waiters)| !waiters.is_empty());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.room().leave(self.session);
        self.gate.call();
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut room = self.gate.room();
        if room.waiting() > 0 {
            room.forget(self.number);
        }
        self.gate.tell(&room);
    }
}
