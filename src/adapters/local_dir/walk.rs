//! When the directory is walked, and what is told about it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::library::Library;
use super::root::Stamp;
use super::scan;
use crate::domain::WallTime;

/// Walks, one at a time.
#[derive(Debug)]
pub(super) struct Walks {
    library: Arc<Library>,
    rescan: Duration,
    /// Held by the one who walks.
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Option<Walk>>,
    /// Told after every walk.
    pub(super) done: Notify,
}

/// A walk that is over.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// When it began.
    pub(super) at: WallTime,
    cost: Duration,
    /// Why nothing could be listed.
    pub(super) failure: Option<String>,
    /// What else was wrong.
    complaints: Vec<String>,
}

impl Walks {
    pub(super) fn new(library: Arc<Library>, rescan: Duration) -> Self {
        Self {
            library,
            rescan,
            turn: tokio::sync::Mutex::default(),
            last: Mutex::default(),
            done: Notify::new(),
        }
    }

    /// Walks again and again.
    pub(super) async fn go_on(&self) {
        let mut swept = None;
        while !self.library.is_stopped() {
            self.walk_if(|_| true, TimeDelta::zero()).await;
            if swept.is_none_or(|swept: Instant| swept.elapsed() > SWEEP_AFTER) {
                self.sweep().await;
                swept = Some(Instant::now());
            }
            let cost = self.last().as_ref().map_or(Duration::ZERO, |walk| walk.cost);
            tokio::time::sleep(self.rescan.max(cost * COSTS)).await;
        }
    }

    /// Walks if the last walk is `rest` old and cannot know what is asked for.
    pub(super) async fn walk_if(&self, is_blind: impl Fn(Option<&Walk>) -> bool, rest: TimeDelta) {
        let needs_walk = || {
            let last = self.last();
            let rests =
                last.as_ref().is_some_and(|walk| self.library.clock.now() - walk.at < walk.rest(rest));
            !rests && is_blind(last.as_ref())
        };
        if needs_walk() {
            let _turn = self.turn.lock().await;
            // Somebody else may have walked while this one waited.
            if needs_walk() {
                self.walk().await;
            }
        }
    }

    pub(super) fn last(&self) -> MutexGuard<'_, Option<Walk>> {
        self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    async fn walk(&self) {
        let library = Arc::clone(&self.library);
        let (at, begun) = (self.library.clock.now(), Instant::now());
        let walked = spawn_blocking(move || {
            let scan = scan::scan(&library.root, library.zone)?;
            let complaints = scan.complaints();
            library.catalogue().update(scan.files, at);
            Ok::<_, io::Error>(complaints)
        });
        let (failure, complaints) = match walked.await.map_err(io::Error::other).flatten() {
            Ok(complaints) => (None, complaints),
            // What was known stays: a directory that is away comes back.
            Err(error) => (Some(error.to_string()), Vec::new()),
        };
        let walk = Walk { at, cost: begun.elapsed(), failure, complaints };
        let before = self.last().replace(walk.clone());
        self.tell(before.as_ref(), &walk);
        self.library.count();
        self.done.notify_waiters();
    }

    /// Each thing once, not with every walk.
    fn tell(&self, before: Option<&Walk>, walk: &Walk) {
        let directory = self.library.root.path().display();
        let failed_before = before.and_then(|before| before.failure.as_ref());
        match &walk.failure {
            Some(failure) if failed_before != Some(failure) => {
                error!(%directory, reason = failure, "recordings cannot be listed");
            }
            None if failed_before.is_some() => info!(%directory, "recordings can be listed again"),
            _ => {}
        }
        let is_known =
            |complaint: &String| before.is_some_and(|before| before.complaints.contains(complaint));
        for complaint in walk.complaints.iter().filter(|complaint| !is_known(complaint)) {
            warn!(%directory, "{complaint}");
        }
    }

    /// Forgets remembered indexes of recordings that are gone.
    async fn sweep(&self) {
        let library = Arc::clone(&self.library);
        let swept = spawn_blocking(move || {
            let catalogue = library.catalogue();
            let known: Vec<(String, Stamp)> =
                catalogue.stamps().map(|(path, stamp)| (path.to_owned(), stamp)).collect();
            drop(catalogue);
            // An empty directory may be one that is not mounted yet.
            if !known.is_empty() {
                library.store.sweep(known.iter().map(|(path, stamp)| (path.as_str(), *stamp)));
            }
        });
        // What was not swept now is swept another day.
        let _ = swept.await;
    }
}

/// Walking takes at most one part in this many of the time.
const COSTS: u32 = 20;

/// The shortest time between walks that somebody asks for.
pub(super) const REST: TimeDelta = TimeDelta::seconds(1);

const SWEEP_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Walk {
    fn rest(&self, rest: TimeDelta) -> TimeDelta {
        if rest.is_zero() { rest } else { TimeDelta::from_std(self.cost * COSTS).unwrap_or(rest).max(rest) }
    }
}
