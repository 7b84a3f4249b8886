//! The paths that sessions watch: each asked for once at a time, and taken down when the last session leaves.
//!
//! ```text
//!             prepare, restore                    leave, nobody else watches
//!   (idle) ───────────────────> Ensuring   (idle) ─────────────────────────> TakingDown
//!      ^ <──────────────────────────┘         ^ <─────────────────────────────────┘
//! ```
//!
//! Whoever wants a path ensured while that is being done joins in; while it is being taken down, it is made anew after that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tracing::{info, warn};

use super::ports::Ensured;
use super::{Makers, no_live_view};
use crate::domain::{CameraId, LivePlan, SessionId, WallTime};
use crate::error::Result;

/// The paths that this replica knows sessions of.
#[derive(Debug)]
pub(super) struct Paths {
    makers: Makers,
    table: Mutex<HashMap<Arc<str>, Path>>,
}

#[derive(Debug, Default)]
struct Path {
    /// Who watches it, and until when.
    watchers: HashMap<SessionId, WallTime>,
    /// This replica made it.
    made: bool,
    work: Work,
}

/// What is being done about a path. Dropped by all who wait for it, it is no longer done.
#[derive(Debug, Default)]
enum Work {
    #[default]
    Idle,
    Ensuring(WeakShared<Ensuring>),
    TakingDown(WeakShared<TakingDown>),
}

type Ensuring = BoxFuture<'static, Result<Ensured>>;
type TakingDown = BoxFuture<'static, ()>;

/// A session that watches a path; dropped, it does not.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    paths: &'a Paths,
    path: Option<Arc<str>>,
    session: SessionId,
}

impl Watch<'_> {
    /// The session goes on by itself.
    pub(super) fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path.take()
            && let Some(path) = self.paths.table().get_mut(&path)
        {
            path.watchers.remove(&self.session);
        }
    }
}

impl Paths {
    pub(super) fn new(makers: Makers) -> Self {
        Self { makers, table: Mutex::default() }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Arc<str>, Path>> {
        // A panic while it was locked left whole entries: each change is a few infallible steps.
        self.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// From now on `session` watches `path`, until `expires_at` or until it leaves.
    pub(super) fn watch(
        &self,
        path: &Arc<str>,
        session: SessionId,
        expires_at: WallTime,
        now: WallTime,
    ) -> Watch<'_> {
        let mut table = self.table();
        table.retain(|_, path| path.is_of_use(now));
        table.entry(Arc::clone(path)).or_default().watchers.insert(session, expires_at);
        Watch { paths: self, path: Some(Arc::clone(path)), session }
    }

    /// Has the path made from its camera's present source, unless somebody else's is there. Says whether it is ours.
    pub(super) async fn prepare(self: &Arc<Self>, path: &Arc<str>, camera: &CameraId) -> Result<bool> {
        match self.ensuring(path, camera, Look::AtSource).await? {
            Ensured::Missing => Err(no_live_view(format!(
                "The media server has no path {path} for camera {camera}, and nobody knows the camera's source to make it \
                 from."
            ))),
            Ensured::Made | Ensured::Found => Ok(self.table().get(path).is_some_and(|path| path.made)),
        }
    }

    /// Has the path made again if the server has forgotten it.
    pub(super) async fn restore(self: &Arc<Self>, path: &Arc<str>, camera: &CameraId) {
        match self.ensuring(path, camera, Look::AtPath).await {
            Ok(Ensured::Made) => {
                info!(path = &**path, "the media server had forgotten a path, which is there again")
            }
            Ok(Ensured::Found | Ensured::Missing) => {}
            Err(error) => {
                warn!(path = &**path, error = error.detail(), "a live path could not be looked after")
            }
        }
    }

    /// `session` no longer watches its path, which goes if we made it and nobody else needs it.
    pub(super) async fn leave(self: &Arc<Self>, plan: &LivePlan, session: SessionId, now: WallTime) {
        if let Some(work) = self.taking_down(plan, session, now) {
            work.await;
        }
    }

    fn ensuring(self: &Arc<Self>, path: &Arc<str>, camera: &CameraId, look: Look) -> Shared<Ensuring> {
        let mut table = self.table();
        let entry = table.entry(Arc::clone(path)).or_default();
        let before = match &entry.work {
            Work::Ensuring(work) if let Some(work) = work.upgrade() => return work,
            Work::TakingDown(work) => work.upgrade(),
            _ => None,
        };
        let (paths, path, camera) = (Arc::clone(self), Arc::clone(path), camera.clone());
        let work = async move {
            if let Some(before) = before {
                before.await;
            }
            paths.ask(&path, &camera, look).await
        };
        let work = work.boxed().shared();
        entry.work = work.downgrade().map_or(Work::Idle, Work::Ensuring);
        work
    }

    fn taking_down(
        self: &Arc<Self>,
        plan: &LivePlan,
        session: SessionId,
        now: WallTime,
    ) -> Option<Shared<TakingDown>> {
        let mut table = self.table();
        let entry = table.entry(Arc::clone(&plan.path)).or_default();
        entry.watchers.remove(&session);
        entry.made |= plan.made;
        if !entry.made || !entry.is_unwatched(now) {
            return None;
        }
        let before = match &entry.work {
            Work::Ensuring(work) => work.upgrade(),
            Work::TakingDown(work) if let Some(work) = work.upgrade() => return Some(work),
            _ => None,
        };
        let (paths, path) = (Arc::clone(self), Arc::clone(&plan.path));
        let work = async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            paths.take_down(&path).await;
        };
        let work = work.boxed().shared();
        entry.work = work.downgrade().map_or(Work::Idle, Work::TakingDown);
        Some(work)
    }

    async fn ask(&self, path: &Arc<str>, camera: &CameraId, look: Look) -> Result<Ensured> {
        let Some(server) = &self.makers.server else { return Ok(Ensured::Found) };
        if look == Look::AtPath && server.ensure(path, None).await? != Ensured::Missing {
            return Ok(Ensured::Found);
        }
        let ensured = match &self.makers.sources {
            Some(sources) => server.ensure(path, Some(&sources.source(camera).await?)).await?,
            None => server.ensure(path, None).await?,
        };
        if ensured == Ensured::Made {
            self.set_made(path, true);
        }
        Ok(ensured)
    }

    async fn take_down(&self, path: &Arc<str>) {
        let Some(server) = &self.makers.server else { return };
        let done = match server.has_readers(path).await {
            Ok(true) => return,
            Ok(false) => server.take_down(path).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => self.set_made(path, false),
            Err(error) => {
                warn!(
                    path = &**path,
                    error = error.detail(),
                    "a live path that nobody watches could not be taken down"
                )
            }
        }
    }

    fn set_made(&self, path: &Arc<str>, made: bool) {
        if let Some(path) = self.table().get_mut(path) {
            path.made = made;
        }
    }
}

impl Path {
    fn is_unwatched(&self, now: WallTime) -> bool {
        !self.watchers.values().any(|&expires_at| expires_at > now)
    }

    /// Whether anything has to be remembered of it. There are no more such paths than cameras.
    fn is_of_use(&mut self, now: WallTime) -> bool {
        self.watchers.retain(|_, expires_at| *expires_at > now);
        let is_worked_on = match &self.work {
            Work::Idle => false,
            Work::Ensuring(work) => work.upgrade().is_some(),
            Work::TakingDown(work) => work.upgrade().is_some(),
        };
        self.made || is_worked_on || !self.watchers.is_empty()
    }
}

/// What is looked at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// The camera's source, which may be another one by now.
    AtSource,
    /// The path: where it is there nothing else is asked.
    AtPath,
}
