//! What waits to be indexed. Pure: who works on it is told what to do next.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use chrono_tz::Tz;
use tracing::info;

use crate::domain::{Name, RecordingKey, TimeRange};
use crate::error::{Error, Kind, Result};

/// Recordings that wait to be indexed, or are being indexed, because somebody asked for it.
#[derive(Clone)]
pub struct Ingest(Arc<Inner>);

struct Inner {
    /// Recordings that are read at a time.
    at_a_time: usize,
    /// The time zone of names.
    zone: Tz,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// All that is not done with: what waits, what is being worked on, what is not listed yet.
    objects: HashSet<Arc<str>>,
    workers: usize,
    tally: Tally,
}

/// What has been done since the queue was empty.
#[derive(Default)]
struct Tally {
    indexed: u64,
    failed: u64,
    told: Option<Instant>,
}

/// What there is to do.
pub(super) enum Job {
    Read(RecordingKey),
    Find(New),
}

/// An object that somebody says is there now.
pub(super) struct New {
    pub(super) object: Arc<str>,
    pub(super) name: Name,
    waited: Duration,
    pause: Duration,
}

/// What came of it.
pub(super) enum Outcome {
    Indexed,
    Known,
    Failed,
}

/// Recordings that are not done with, at some hundred bytes each. More are refused.
const MOST_QUEUED: usize = 50_000;

/// Whoever was refused tries again after so many seconds.
const RETRY_AFTER: u32 = 30;

/// A new object may be listed a little later: the first wait for that, and each further one twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// What is not listed after so long is given up.
const LISTED_WITHIN: Duration = Duration::from_secs(300);

/// How far its row may lie from where an object's name says.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// How often the log says how it goes.
const EVERY: Duration = Duration::from_secs(10);

impl Ingest {
    /// `at_a_time` recordings are read at a time; names of objects are in `zone`.
    pub fn new(at_a_time: usize, zone: Tz) -> Self {
        Self(Arc::new(Inner { at_a_time, zone, queue: Mutex::default() }))
    }

    /// The time zone of names.
    pub(super) fn zone(&self) -> Tz {
        self.0.zone
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that is done under it can panic half-way.
        self.0.queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes those that it does not have yet: all, or none where they are too many. Gives how many workers are to be started.
    pub(super) fn add(&self, jobs: Vec<Job>) -> Result<usize> {
        let mut queue = self.queue();
        let new = jobs.iter().filter(|job| !queue.objects.contains(job.object())).count();
        if queue.objects.len() + new > MOST_QUEUED {
            let detail = format!("More than {MOST_QUEUED} recordings would wait to be indexed.");
            return Err(Error::new(Kind::Busy { retry_after: RETRY_AFTER }, detail));
        }
        for job in jobs {
            if queue.objects.insert(Arc::clone(job.object())) {
                queue.waiting.push_back(job);
            }
        }
        Ok(self.hire(&mut queue))
    }

    /// Takes back what was not listed.
    pub(super) fn add_again(&self, new: New) -> usize {
        let mut queue = self.queue();
        queue.waiting.push_back(Job::Find(new));
        self.hire(&mut queue)
    }

    fn hire(&self, queue: &mut Queue) -> usize {
        let hired = queue.waiting.len().min(self.0.at_a_time.saturating_sub(queue.workers));
        queue.workers += hired;
        hired
    }

    /// What a worker does next; `None`: it goes home.
    pub(super) fn next(&self) -> Option<Job> {
        let mut queue = self.queue();
        let job = queue.waiting.pop_front();
        if job.is_none() {
            queue.workers -= 1;
            if queue.workers == 0 {
                std::mem::take(&mut queue.tally).tell_end();
            }
        }
        job
    }

    pub(super) fn on_done(&self, object: &str, outcome: Outcome) {
        let mut queue = self.queue();
        queue.objects.remove(object);
        let left = queue.objects.len();
        queue.tally.on_done(outcome, left);
    }

    pub(super) fn len(&self) -> usize {
        self.queue().objects.len()
    }
}

impl Tally {
    fn on_done(&mut self, outcome: Outcome, left: usize) {
        match outcome {
            Outcome::Indexed => self.indexed += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Known => {}
        }
        let told = self.told.get_or_insert_with(Instant::now);
        if told.elapsed() >= EVERY {
            *told = Instant::now();
            info!(indexed = self.indexed, failed = self.failed, left, "indexing");
        }
    }

    fn tell_end(self) {
        if self.indexed + self.failed > 0 {
            info!(indexed = self.indexed, failed = self.failed, "indexed what was asked for");
        }
    }
}

impl Job {
    pub(super) fn object(&self) -> &Arc<str> {
        match self {
            Self::Read(key) => &key.object,
            Self::Find(new) => &new.object,
        }
    }
}

impl New {
    pub(super) fn of(object: &str, zone: Tz) -> Option<Self> {
        let name = Name::parse(object, zone)?;
        Some(Self { object: object.into(), name, waited: Duration::ZERO, pause: FIRST_PAUSE })
    }

    /// Where its row is looked for.
    pub(super) fn around(&self) -> Option<TimeRange> {
        let start = self.name.start.checked_sub_signed(MARGIN)?;
        TimeRange::new(start, self.name.start.checked_add_signed(MARGIN)?).ok()
    }

    /// The wait before the next look, if another one makes sense.
    pub(super) fn next_pause(&mut self) -> Option<Duration> {
        let pause = self.pause.min(LISTED_WITHIN.checked_sub(self.waited)?);
        self.waited += pause;
        self.pause *= 2;
        (!pause.is_zero()).then_some(pause)
    }
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").field("waiting", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(object: &str) -> Job {
        Job::Find(New::of(object, Tz::UTC).unwrap())
    }

    #[test]
    fn each_object_waits_once_and_no_more_than_fit() {
        let ingest = Ingest::new(2, Tz::UTC);
        let name = |number: usize| format!("cam/{number}/2026/03/14/10-00-00.ts");
        assert_eq!(ingest.add((0..4).map(|number| find(&name(number % 3))).collect()).unwrap(), 2);
        assert_eq!(ingest.len(), 3);
        assert_eq!(ingest.add(vec![find(&name(0))]).unwrap(), 0, "all workers are at work");
        let many = (0..MOST_QUEUED - 2).map(|number| find(&name(1000 + number)));
        assert!(matches!(ingest.add(many.collect()).unwrap_err().kind(), Kind::Busy { .. }));
        assert_eq!(ingest.len(), 3, "all or none");

        let first = ingest.next().unwrap();
        assert_eq!(ingest.len(), 3, "what is being read is not done with");
        ingest.on_done(first.object(), Outcome::Indexed);
        assert_eq!(ingest.len(), 2);
        assert!(ingest.next().is_some() && ingest.next().is_some() && ingest.next().is_none());
        assert_eq!(ingest.add(vec![find(&name(9))]).unwrap(), 1, "who went home is replaced");
    }

    #[test]
    fn what_is_not_listed_is_looked_for_at_growing_distances_and_given_up() {
        let Job::Find(mut new) = find("cam/2026/03/14/10-00-00.ts") else { unreachable!() };
        let pauses: Vec<u64> = std::iter::from_fn(|| new.next_pause()).map(|pause| pause.as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 46]);
        assert_eq!(pauses.iter().sum::<u64>(), LISTED_WITHIN.as_secs());
    }
}
