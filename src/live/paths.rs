//! The paths that sessions watch: each asked for once at a time, and taken down when the last session leaves.
//!
//! ```text
//!             prepare, restore                    leave, nobody else watches
//!   (idle) ───────────────────> Ensuring   (idle) ─────────────────────────> TakingDown
//!      ^ <──────────────────────────┘         ^ <─────────────────────────────────┘
//! ```
//!
//! Whoever wants a path ensured while that is being done joins in; while it is being taken down, it is made anew after that.
//! A path that somebody still reads when the last session has left is looked at again later: a media server goes on for a while
//! for a reader that asks no more, and the reader may be whoever has just left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tracing::{info, warn};

use super::ports::Ensured;
use super::{Makers, no_live_view};
use crate::clock::Clock;
use crate::domain::{CameraId, LivePlan, SessionId, WallTime};
use crate::error::Result;
use crate::playback::ports::Tasks;

/// The paths that this replica knows sessions of.
#[derive(Debug)]
pub(super) struct Paths {
    makers: Makers,
    clock: Arc<dyn Clock>,
    tasks: Arc<dyn Tasks>,
    table: Mutex<HashMap<Arc<str>, Path>>,
}

#[derive(Debug, Default)]
struct Path {
    /// Who watches it, and until when.
    watchers: HashMap<SessionId, WallTime>,
    /// This replica made it.
    made: bool,
    work: Work,
    later: Later,
}

/// Whether somebody will look at a path that nobody watches.
#[derive(Debug, Default, PartialEq, Eq)]
enum Later {
    #[default]
    Nobody,
    /// When its pause is over.
    Waits,
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
    pub(super) fn new(makers: Makers, clock: Arc<dyn Clock>, tasks: Arc<dyn Tasks>) -> Self {
        Self { makers, clock, tasks, table: Mutex::default() }
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
    pub(super) async fn leave(self: &Arc<Self>, plan: &LivePlan, session: SessionId) {
        {
            let mut table = self.table();
            let entry = table.entry(Arc::clone(&plan.path)).or_default();
            entry.watchers.remove(&session);
            entry.made |= plan.made;
        }
        self.take_down_unless_watched(&plan.path, &LATER).await;
    }

    /// Where it could not be done, it is tried again after the first of `pauses`.
    async fn take_down_unless_watched(self: &Arc<Self>, path: &Arc<str>, pauses: &'static [Duration]) {
        if let Some(work) = self.taking_down(path, pauses) {
            work.await;
        }
    }

    fn look_again(self: &Arc<Self>, path: &Arc<str>, pauses: &'static [Duration]) {
        let Some((pause, pauses)) = pauses.split_first() else { return };
        match self.table().get_mut(path) {
            Some(entry) if entry.later == Later::Nobody => entry.later = Later::Waits,
            _ => return,
        }
        let (paths, path) = (Arc::clone(self), Arc::clone(path));
        let look = async move {
            if let Some(entry) = paths.table().get_mut(&path) {
                entry.later = Later::Nobody;
            }
            paths.take_down_unless_watched(&path, pauses).await;
        };
        self.tasks.later(*pause, look.boxed());
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
        path: &Arc<str>,
        pauses: &'static [Duration],
    ) -> Option<Shared<TakingDown>> {
        let mut table = self.table();
        let entry = table.get_mut(path)?;
        if !entry.made || !entry.is_unwatched(self.clock.now()) {
            return None;
        }
        let before = match &entry.work {
            Work::Ensuring(work) => work.upgrade(),
            Work::TakingDown(work) if let Some(work) = work.upgrade() => return Some(work),
            _ => None,
        };
        let (paths, path) = (Arc::clone(self), Arc::clone(path));
        let work = async move {
            if let Some(before) = before {
                let _ = before.await;
            }
            if !paths.take_down(&path).await {
                paths.look_again(&path, pauses);
            }
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

    /// Says whether it is gone.
    async fn take_down(&self, path: &Arc<str>) -> bool {
        let Some(server) = &self.makers.server else { return true };
        let done = match server.has_readers(path).await {
            Ok(true) => return false,
            Ok(false) => server.take_down(path).await,
            Err(error) => Err(error),
        };
        match &done {
            Ok(()) => self.set_made(path, false),
            Err(error) => {
                warn!(
                    path = &**path,
                    error = error.detail(),
                    "a live path that nobody watches could not be taken down"
                )
            }
        }
        done.is_ok()
    }

    fn set_made(&self, path: &Arc<str>, made: bool) {
        if let Some(path) = self.table().get_mut(path) {
            path.made = made;
        }
    }
}

/// When a path is looked at again that could not be taken down: at once for readers that are just leaving; MediaMTX goes on for
/// a minute for those by HLS.
const LATER: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(90)];

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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use chrono::TimeDelta;
    use futures::channel::oneshot;

    use super::*;
    use crate::clock::ManualClock;
    use crate::domain::LiveFormat;
    use crate::error::{Error, Kind};
    use crate::live::ports::{MediaServer, SourceUrl};

    /// A media server with one path, whose next call can be held up.
    #[derive(Debug, Default)]
    struct Server {
        is_there: AtomicBool,
        is_away: AtomicBool,
        has_readers: AtomicBool,
        calls: Mutex<Vec<&'static str>>,
        gate: Mutex<Option<oneshot::Receiver<()>>>,
    }

    impl Server {
        fn hold(&self) -> oneshot::Sender<()> {
            let (open, gate) = oneshot::channel();
            *self.gate.lock().unwrap() = Some(gate);
            open
        }

        async fn called(&self, call: &'static str) -> Result<()> {
            self.calls.lock().unwrap().push(call);
            let gate = self.gate.lock().unwrap().take();
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            match self.is_away.load(Ordering::Relaxed) {
                true => Err(Error::new(Kind::UpstreamDown, "away")),
                false => Ok(()),
            }
        }

        fn calls(&self) -> Vec<&'static str> {
            std::mem::take(&mut *self.calls.lock().unwrap())
        }
    }

    impl MediaServer for Server {
        fn ensure<'a>(&'a self, _: &'a str, source: Option<&'a SourceUrl>) -> BoxFuture<'a, Result<Ensured>> {
            async move {
                self.called("ensure").await?;
                Ok(match (self.is_there.load(Ordering::Relaxed), source) {
                    (true, _) => Ensured::Found,
                    (false, None) => Ensured::Missing,
                    (false, Some(_)) => {
                        self.is_there.store(true, Ordering::Relaxed);
                        Ensured::Made
                    }
                })
            }
            .boxed()
        }

        fn has_readers<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<bool>> {
            let has_readers = self.has_readers.load(Ordering::Relaxed);
            async move { self.called("has readers").await.map(|()| has_readers) }.boxed()
        }

        fn take_down<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<()>> {
            async {
                self.called("take down").await?;
                self.is_there.store(false, Ordering::Relaxed);
                Ok(())
            }
            .boxed()
        }
    }

    #[derive(Debug)]
    struct Source;

    impl crate::live::ports::CameraSources for Source {
        fn source<'a>(&'a self, _: &'a CameraId) -> BoxFuture<'a, Result<SourceUrl>> {
            async { Ok(SourceUrl::parse("rtsp://camera/").unwrap()) }.boxed()
        }
    }

    /// Work that waits, until the test does it.
    #[derive(Default)]
    struct ByHand(Mutex<Vec<(Duration, BoxFuture<'static, ()>)>>);

    impl std::fmt::Debug for ByHand {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("ByHand(..)")
        }
    }

    impl Tasks for ByHand {
        fn spawn(&self, work: BoxFuture<'static, ()>) {
            self.later(Duration::ZERO, work);
        }

        fn later(&self, pause: Duration, work: BoxFuture<'static, ()>) {
            self.0.lock().unwrap().push((pause, work));
        }
    }

    impl ByHand {
        /// Does what waits; says how long each should have waited.
        fn work(&self) -> Vec<u64> {
            let waiting = std::mem::take(&mut *self.0.lock().unwrap());
            let done = waiting.into_iter().map(|(pause, work)| {
                done(work);
                pause.as_secs()
            });
            done.collect()
        }
    }

    /// Paths, and what is around them.
    struct Scene {
        server: Arc<Server>,
        paths: Arc<Paths>,
        clock: Arc<ManualClock>,
        tasks: Arc<ByHand>,
    }

    fn scene() -> Scene {
        let (server, tasks) = (Arc::new(Server::default()), Arc::new(ByHand::default()));
        let makers = Makers { server: Some(Arc::clone(&server) as _), sources: Some(Arc::new(Source)) };
        let clock = Arc::new(ManualClock::at(now()));
        let paths = Arc::new(Paths::new(makers, Arc::clone(&clock) as _, Arc::clone(&tasks) as _));
        Scene { server, paths, clock, tasks }
    }

    fn paths() -> (Arc<Server>, Arc<Paths>) {
        let Scene { server, paths, .. } = scene();
        (server, paths)
    }

    fn now() -> WallTime {
        "2026-03-14T12:00:00Z".parse().unwrap()
    }

    /// A session that watches; its plan once its path is prepared.
    async fn open(paths: &Arc<Paths>, session: SessionId) -> Result<LivePlan> {
        let path: Arc<str> = "camera_1".into();
        let watch = paths.watch(&path, session, now() + TimeDelta::hours(1), now());
        let made = paths.prepare(&path, &"1".parse().unwrap()).await?;
        watch.keep();
        Ok(LivePlan { format: LiveFormat::Hls, path, url: "".into(), made })
    }

    fn done<T>(future: impl Future<Output = T>) -> T {
        future.now_or_never().expect("nothing is held up")
    }

    #[test]
    fn a_path_that_is_being_taken_down_is_made_anew_after_that() {
        let (server, paths) = paths();
        let (first, second) = (SessionId::random(), SessionId::random());
        let plan = done(open(&paths, first)).unwrap();
        let gate = server.hold();
        let mut leaving = paths.leave(&plan, first).boxed();
        assert!((&mut leaving).now_or_never().is_none());
        let mut opening = open(&paths, second).boxed();
        assert!((&mut opening).now_or_never().is_none());
        assert_eq!(server.calls(), ["ensure", "has readers"]);
        gate.send(()).unwrap();
        done(leaving);
        assert!(done(opening).unwrap().made);
        assert_eq!(server.calls(), ["take down", "ensure"]);
        assert!(server.is_there.load(Ordering::Relaxed));
    }

    #[test]
    fn a_path_that_somebody_is_opening_is_not_taken_down() {
        let (server, paths) = paths();
        let (first, second) = (SessionId::random(), SessionId::random());
        let plan = done(open(&paths, first)).unwrap();
        let gate = server.hold();
        let mut opening = open(&paths, second).boxed();
        assert!((&mut opening).now_or_never().is_none());
        done(paths.leave(&plan, first));
        gate.send(()).unwrap();
        let plan = done(opening).unwrap();
        assert_eq!(server.calls(), ["ensure", "ensure"]);
        done(paths.leave(&plan, second));
        assert!(!server.is_there.load(Ordering::Relaxed));
    }

    #[test]
    fn who_gives_up_while_a_path_is_made_neither_stops_others_nor_watches() {
        let (server, paths) = paths();
        let gate = server.hold();
        let mut first = open(&paths, SessionId::random()).boxed();
        assert!((&mut first).now_or_never().is_none());
        let session = SessionId::random();
        let mut second = open(&paths, session).boxed();
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        gate.send(()).unwrap();
        let plan = done(second).unwrap();
        assert_eq!(server.calls(), ["ensure"]);
        done(paths.leave(&plan, session));
        assert!(!server.is_there.load(Ordering::Relaxed));

        let gate = server.hold();
        let mut alone = open(&paths, SessionId::random()).boxed();
        assert!((&mut alone).now_or_never().is_none());
        drop(alone);
        drop(gate);
        assert!(done(open(&paths, session)).is_ok());
    }

    #[test]
    fn sessions_that_have_expired_watch_nothing() {
        let Scene { server, paths, clock, .. } = scene();
        let (first, second) = (SessionId::random(), SessionId::random());
        done(open(&paths, first)).unwrap();
        let plan = done(open(&paths, second)).unwrap();
        done(paths.leave(&plan, second));
        assert!(server.is_there.load(Ordering::Relaxed));
        let plan = done(open(&paths, second)).unwrap();
        clock.advance(3600);
        done(paths.leave(&plan, second));
        assert!(!server.is_there.load(Ordering::Relaxed));
    }

    #[test]
    fn what_could_not_be_taken_down_is_still_ours() {
        let (server, paths) = paths();
        let session = SessionId::random();
        for hindrance in [&server.is_away, &server.has_readers] {
            let plan = done(open(&paths, session)).unwrap();
            hindrance.store(true, Ordering::Relaxed);
            done(paths.leave(&plan, session));
            assert!(server.is_there.load(Ordering::Relaxed));
            hindrance.store(false, Ordering::Relaxed);
        }
        let plan = done(open(&paths, session)).unwrap();
        assert!(plan.made);
        done(paths.leave(&plan, session));
        assert!(!server.is_there.load(Ordering::Relaxed));
    }

    #[test]
    fn what_nobody_watches_and_nobody_here_made_is_forgotten() {
        let (server, paths) = paths();
        server.is_there.store(true, Ordering::Relaxed);
        let session = SessionId::random();
        let plan = done(open(&paths, session)).unwrap();
        assert!(!plan.made);
        done(paths.leave(&plan, session));
        let other: Arc<str> = "camera_2".into();
        drop(paths.watch(&other, session, now(), now()));
        drop(paths.watch(&other, session, now(), now()));
        assert_eq!(paths.table().len(), 1, "only the one that was looked at just now");
        assert_eq!(server.calls(), ["ensure"]);
    }

    #[test]
    fn a_path_whose_readers_go_later_is_taken_down_later() {
        let Scene { server, paths, tasks, .. } = scene();
        let session = SessionId::random();
        let plan = done(open(&paths, session)).unwrap();
        server.has_readers.store(true, Ordering::Relaxed);
        done(paths.leave(&plan, session));
        done(paths.leave(&plan, session));
        assert_eq!(tasks.work(), [2], "one look for all who left");
        server.has_readers.store(false, Ordering::Relaxed);
        assert_eq!(tasks.work(), [10]);
        assert!(!server.is_there.load(Ordering::Relaxed));
        assert!(tasks.work().is_empty());
    }

    #[test]
    fn a_path_that_is_read_on_is_not_looked_at_for_ever() {
        let Scene { server, paths, tasks, .. } = scene();
        let session = SessionId::random();
        let plan = done(open(&paths, session)).unwrap();
        server.has_readers.store(true, Ordering::Relaxed);
        done(paths.leave(&plan, session));
        assert_eq!(
            [tasks.work(), tasks.work(), tasks.work(), tasks.work()],
            [vec![2], vec![10], vec![90], vec![]]
        );
        assert!(server.is_there.load(Ordering::Relaxed));
    }

    #[test]
    fn who_watches_again_meanwhile_keeps_the_path() {
        let Scene { server, paths, tasks, .. } = scene();
        let session = SessionId::random();
        let plan = done(open(&paths, session)).unwrap();
        server.has_readers.store(true, Ordering::Relaxed);
        done(paths.leave(&plan, session));
        done(open(&paths, SessionId::random())).unwrap();
        server.has_readers.store(false, Ordering::Relaxed);
        assert_eq!(tasks.work(), [2]);
        assert!(server.is_there.load(Ordering::Relaxed));
        assert!(tasks.work().is_empty());
    }
}
