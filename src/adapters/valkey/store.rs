//! [`SessionStore`] over Valkey.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use tokio::task::JoinSet;
use tracing::{debug, error, warn};

use super::copies::{Copies, Copy, Owed};
use super::link::{self, Link};
use super::notes::Notes;
use super::wire::{self, Unreadable};
use super::{CopyLimits, Server, ValkeyExchange, keys};
use crate::clock::Clock;
use crate::domain::{SessionId, WallTime};
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::ports::{Kept, Note, Probe, SessionStore, Stored, Upstream, UpstreamState};

/// Sessions in Valkey. Ends its tasks when it is dropped.
#[derive(Debug)]
pub struct ValkeySessions {
    store: Arc<Store>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
pub(super) struct Store {
    pub(super) link: Link,
    copies: Mutex<Copies>,
    pub(super) notes: Notes,
    pub(super) clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

/// How long a copy is trusted before Valkey is asked whether the session is still there.
const TRUST: Duration = Duration::from_secs(1);

/// A session that was asked for so recently is being played. (Segments are about 6 s long.) Where Valkey comes back without it,
/// it goes on; what is not being played may as well have been stopped elsewhere.
const PLAYED_NOW: Duration = Duration::from_secs(10);

impl ValkeySessions {
    /// Sessions at `server`, which need not be there yet. Needs a running runtime.
    pub fn new(server: Server, limits: CopyLimits, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let (notes, waiting) = Notes::new(Arc::clone(&metrics));
        let link = Link::new(server, Arc::clone(&metrics));
        let copies = Mutex::new(Copies::new(limits));
        let store = Arc::new(Store { link, copies, notes, clock, metrics });
        let mut tasks = JoinSet::new();
        let [keeper, writer, settler] = [(); 3].map(|()| Arc::clone(&store));
        tasks.spawn(async move { keeper.link.keep(|| keeper.on_return()).await });
        tasks.spawn(async move { writer.write(waiting).await });
        tasks.spawn(async move { settler.settle().await });
        Self { store, _tasks: tasks }
    }

    /// Where replicas tell each other what they learn, over the same link.
    pub fn exchange(&self) -> ValkeyExchange {
        ValkeyExchange::over(Arc::clone(&self.store))
    }
}

impl Store {
    /// The copies without those that have ended.
    pub(super) fn copies(&self) -> MutexGuard<'_, Copies> {
        // A panic while they were locked left them whole: each change is a few infallible steps.
        let mut copies = self.copies.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        copies.expire(self.clock.now());
        copies
    }

    /// Valkey is there again, and may be empty.
    fn on_return(&self) {
        self.copies().doubt(PLAYED_NOW);
        self.notes.on_return();
    }

    async fn insert(&self, session: Stored, expires_at: WallTime) -> Result<()> {
        let id = session.id();
        let json = wire::write(&session, expires_at).map_err(|why| unwritable(&why))?;
        let put = keys::put(keys::session(id), &json, keys::millis(self.clock.now(), expires_at));
        self.link.ask::<()>(&put).await?;
        self.copies().keep(session, expires_at);
        Ok(())
    }

    async fn get(&self, id: SessionId) -> Result<Option<Kept>> {
        let copy = {
            let copies = self.copies();
            if copies.is_stopped(id, self.clock.now()) {
                return Ok(None);
            }
            copies.get(id).cloned()
        };
        match copy {
            Some(copy) => self.check(id, copy).await,
            None => self.fetch(id).await,
        }
    }

    /// A session that this replica knows, if it is still there.
    pub(super) async fn check(&self, id: SessionId, copy: Copy) -> Result<Option<Kept>> {
        if copy.owed == Owed::Nothing && copy.seen.elapsed() < TRUST {
            return Ok(Some(copy.kept));
        }
        if self.link.is_away() {
            self.copies().owe(id, Owed::Session);
            return Ok(Some(copy.kept));
        }
        let found = match copy.owed {
            Owed::Nothing => self.end(id).await,
            _ => self.renew_there(id, Some(&copy), copy.kept.expires_at).await,
        };
        match found {
            Ok(Some(expires_at)) => {
                self.copies().confirm(id, expires_at);
                Ok(Some(Kept { expires_at, ..copy.kept }))
            }
            Ok(None) => {
                self.copies().forget(id);
                Ok(None)
            }
            Err(error) => {
                debug!(%error, "a session goes on without Valkey");
                self.copies().owe(id, self.owed_now());
                Ok(Some(copy.kept))
            }
        }
    }

    /// What Valkey is owed for a session that is played without it: only one that is away may come back empty.
    fn owed_now(&self) -> Owed {
        if self.link.is_away() { Owed::Session } else { Owed::Nothing }
    }

    /// A session that this replica does not know.
    async fn fetch(&self, id: SessionId) -> Result<Option<Kept>> {
        let json: Vec<u8> = self.link.ask(&keys::read(id)).await?;
        if json.is_empty() {
            return Ok(None);
        }
        let Some(kept) = self.understood(wire::read(id, &json))? else { return Ok(None) };
        if kept.expires_at <= self.clock.now() {
            return Ok(None);
        }
        self.copies().keep(kept.session.clone(), kept.expires_at);
        Ok(Some(kept))
    }

    /// When a session ends, if there is one.
    pub(super) async fn end(&self, id: SessionId) -> Result<Option<WallTime>> {
        let head: Vec<u8> = self.link.ask(&keys::read_head(id)).await?;
        if head.is_empty() {
            return Ok(None);
        }
        let end = self.understood(wire::read_end(&head))?;
        Ok(end.filter(|&end| end > self.clock.now()))
    }

    /// What was written by another version is as good as gone.
    fn understood<T>(&self, read: std::result::Result<T, Unreadable>) -> Result<Option<T>> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(Unreadable::OtherVersion) => {
                warn!("a session in Valkey was written by another version of the service; it counts as gone");
                Ok(None)
            }
            Err(Unreadable::Damaged(why)) => {
                error!(%why, "a session in Valkey is damaged");
                let error =
                    Error::new(Kind::BadUpstream, format!("The stored session cannot be read: {why}."));
                self.metrics.on_upstream_failure(link::NAME, &error);
                Err(error)
            }
        }
    }

    async fn renew(&self, id: SessionId, expires_at: WallTime) -> Result<bool> {
        let (copy, is_stopped) = {
            let copies = self.copies();
            (copies.get(id).cloned(), copies.is_stopped(id, self.clock.now()))
        };
        if is_stopped {
            return Ok(false);
        }
        match (self.renew_there(id, copy.as_ref(), expires_at).await, copy) {
            (Ok(Some(expires_at)), _) => {
                self.copies().confirm(id, expires_at);
                Ok(true)
            }
            (Ok(None), _) => {
                self.copies().forget(id);
                Ok(false)
            }
            (Err(_), Some(copy)) => {
                let mut copies = self.copies();
                copies.move_end(id, expires_at.max(copy.kept.expires_at));
                copies.owe(id, self.owed_now().max(Owed::End));
                Ok(true)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Moves the end of a session in Valkey, and that of everything kept with it. Gives its end, if it is there; it may have
    /// been moved further elsewhere.
    async fn renew_there(
        &self,
        id: SessionId,
        copy: Option<&Copy>,
        expires_at: WallTime,
    ) -> Result<Option<WallTime>> {
        if let Some(copy) = copy.filter(|copy| copy.owed == Owed::Session) {
            self.put_back(id, copy).await?;
        }
        let now = self.clock.now();
        let end: String = self.link.ask(&keys::renew(id, now, expires_at)).await?;
        if end.is_empty() {
            return Ok(None);
        }
        let end = self.understood(wire::moment(&end))?;
        if let Some(end) = end {
            let keys = keys::others(id, self.noted(id).await?.into_iter());
            let millis = keys::millis(now, end);
            self.link.ask_all(keys.map(|key| keys::prolong(key, millis))).await?;
        }
        Ok(end)
    }

    /// A session that was played while Valkey was away, which may have come back empty.
    async fn put_back(&self, id: SessionId, copy: &Copy) -> Result<()> {
        let Kept { session, expires_at } = &copy.kept;
        let json = wire::write(session, *expires_at).map_err(|why| unwritable(&why))?;
        let millis = keys::millis(self.clock.now(), *expires_at);
        self.link.ask(&keys::put_back(keys::session(id), &json, millis)).await
    }

    async fn remove(&self, id: SessionId) -> Result<bool> {
        let copy = self.copies().get(id).cloned();
        let is_stopped = self.copies().is_stopped(id, self.clock.now());
        match (self.remove_there(id).await, copy) {
            (Ok(was_there), Some(copy)) => {
                self.copies().stop(id, copy.kept.expires_at, true);
                Ok(was_there || copy.owed == Owed::Session)
            }
            (Ok(was_there), None) => {
                self.copies().told(id);
                Ok(was_there)
            }
            (Err(error), Some(copy)) => match self.copies().stop(id, copy.kept.expires_at, false) {
                true => Ok(true),
                false => Err(error),
            },
            (Err(_), None) if is_stopped => Ok(false),
            (Err(error), None) => Err(error),
        }
    }

    /// Removes every key of a session. Says whether the session itself was there.
    pub(super) async fn remove_there(&self, id: SessionId) -> Result<bool> {
        let removed: u64 = self.link.ask(&keys::remove(keys::session(id))).await?;
        self.remove_others(id).await?;
        Ok(removed > 0)
    }

    pub(super) async fn remove_others(&self, id: SessionId) -> Result<()> {
        let noted = self.noted(id).await?;
        self.link.ask_all(keys::others(id, noted.into_iter()).map(keys::remove)).await
    }

    /// The segments of which keys were written.
    async fn noted(&self, id: SessionId) -> Result<Vec<u32>> {
        let list: Vec<u8> = self.link.ask(&keys::read_list(id)).await?;
        Ok(keys::indices(&list).collect())
    }
}

fn unwritable(why: &Unreadable) -> Error {
    error!(%why, "a session cannot be written");
    Error::invalid("end_time", "asks for more recordings than a session can hold; ask for a shorter range")
}

impl SessionStore for ValkeySessions {
    fn insert(&self, session: Stored, expires_at: WallTime) -> BoxFuture<'_, Result<()>> {
        self.store.insert(session, expires_at).boxed()
    }

    fn get(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Kept>>> {
        self.store.get(id).boxed()
    }

    fn renew(&self, id: SessionId, expires_at: WallTime) -> BoxFuture<'_, Result<bool>> {
        self.store.renew(id, expires_at).boxed()
    }

    fn remove(&self, id: SessionId) -> BoxFuture<'_, Result<bool>> {
        self.store.remove(id).boxed()
    }

    /// Returns at once: notes are written in the background.
    fn note(&self, id: SessionId, note: Note) -> BoxFuture<'_, Result<()>> {
        self.store.notes.push(id, note);
        ready(Ok(())).boxed()
    }

    /// What was opened or played here; a session that was stopped at another replica counts until somebody asks for it.
    fn active(&self) -> BoxFuture<'_, Result<u64>> {
        let active = self.store.copies().len();
        self.store.metrics.active_sessions.set(i64::try_from(active).unwrap_or(i64::MAX));
        ready(Ok(active as u64)).boxed()
    }
}

impl Probe for ValkeySessions {
    /// Writes, reads and removes a key.
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        async {
            let (link, nonce) = (&self.store.link, SessionId::random().reveal());
            link.decided().await?;
            let key = || format!("playback:probe:{nonce}");
            link.ask::<()>(&keys::put(key(), &nonce, PROBE_MILLIS)).await?;
            let read: String = link.ask(&keys::read_all(key())).await?;
            link.ask::<u64>(&keys::remove(key())).await?;
            match read == nonce {
                true => Ok(()),
                false => Err(Error::new(Kind::BadUpstream, "Valkey does not give back what it was given.")),
            }
        }
        .boxed()
    }
}

/// Where the key of a probe is not removed, it is gone after this.
const PROBE_MILLIS: i64 = 10_000;

impl Upstream for ValkeySessions {
    fn name(&self) -> &'static str {
        link::NAME
    }

    fn state(&self) -> UpstreamState {
        self.store.link.state()
    }
}
