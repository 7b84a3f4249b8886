//! Live view: hands out where a media server's streams are read, and sees to it that they are there.
//!
//! 1. [`Live::open`] (`POST /live`) names the camera's path at the media server. Where the service may ask that server,
//!    the path (`paths`) is made from the camera's source if it is not there already.
//! 2. [`Live::keep`] looks after it whenever the session is shown or extended: a media server forgets paths when it restarts.
//! 3. [`Live::close`] takes the path down again if the service made it and nobody needs it any more.
//!
//! No byte of a stream passes through here. No web framework, no HTTP client, no runtime either.

mod addresses;
mod paths;
pub mod ports;

use std::sync::Arc;

use chrono::TimeDelta;

pub use self::addresses::{Addresses, InvalidTemplate, PathTemplate, encoded};
use self::paths::Paths;
use self::ports::{CameraSources, MediaServer};
use crate::clock::Clock;
use crate::domain::{CameraId, LiveFormat, LivePlan, Session, SessionId, WallTime};
use crate::error::{Error, Kind, Result};
use crate::playback::ports::{Cameras, LiveSession, SessionStore, Stored, Tasks};

/// Live view over whatever fills its ports.
#[derive(Debug, Clone)]
pub struct Live {
    ports: Ports,
    addresses: Arc<Addresses>,
    paths: Arc<Paths>,
    session_ttl: TimeDelta,
}

/// The adapters behind the ports that live view shares with playback.
#[derive(Debug, Clone)]
pub struct Ports {
    /// Which cameras there are.
    pub cameras: Arc<dyn Cameras>,
    /// Where sessions live.
    pub sessions: Arc<dyn SessionStore>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Does what nobody waits for.
    pub tasks: Arc<dyn Tasks>,
}

/// What makes paths, where the service may do that.
#[derive(Debug, Clone, Default)]
pub struct Makers {
    /// The media server; without it nothing is asked, and every path is taken to be there.
    pub server: Option<Arc<dyn MediaServer>>,
    /// Where cameras' streams come from; without it only paths that are there already are watched.
    pub sources: Option<Arc<dyn CameraSources>>,
}

/// A live session that has just been opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The session.
    pub session: Arc<LiveSession>,
    /// When it ends unless it is extended.
    pub expires_at: WallTime,
}

impl Live {
    /// Live view of streams at `addresses`, in sessions that live for `session_ttl`.
    pub fn new(ports: Ports, makers: Makers, addresses: Addresses, session_ttl: TimeDelta) -> Self {
        let paths = Arc::new(Paths::new(makers, Arc::clone(&ports.clock), Arc::clone(&ports.tasks)));
        Self { ports, addresses: Arc::new(addresses), paths, session_ttl }
    }

    /// The same with other adapters behind the shared ports.
    #[must_use]
    pub fn rewired(self, ports: Ports) -> Self {
        Self { ports, ..self }
    }

    /// Where streams are read.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Opens a session that watches `camera`.
    ///
    /// # Errors
    /// Where the camera is not known or has no stream, or somebody who has to be asked does not answer as they should.
    pub async fn open(&self, camera: CameraId, format: LiveFormat) -> Result<Opened> {
        if !self.ports.cameras.exists(&camera).await? {
            return Err(Error::unknown_camera(&camera));
        }
        let path = self.addresses.path(&camera)?;
        let created_at = self.ports.clock.now();
        let expires_at = created_at + self.session_ttl;
        let id = SessionId::random();
        // Before anything is asked: whoever closes another session of this path meanwhile has to know.
        let watch = self.paths.watch(&path, id, expires_at, created_at);
        let made = self.paths.prepare(&path, &camera).await?;
        let url = self.addresses.url(&path, format).into();
        let session =
            Arc::new(Session { id, camera, created_at, plan: LivePlan { format, path, url, made } });
        self.ports.sessions.insert(Stored::Live(Arc::clone(&session)), expires_at).await?;
        watch.keep();
        Ok(Opened { session, expires_at })
    }

    /// Sees to it that a session's path is still there. Where that cannot be done now it is logged, and done the next time.
    pub async fn keep(&self, session: &LiveSession, expires_at: WallTime) {
        self.paths.watch(&session.plan.path, session.id, expires_at, self.ports.clock.now()).keep();
        self.paths.restore(&session.plan.path, &session.camera).await;
    }

    /// Takes the path of a session that has ended down if the service made it and nobody needs it. Where that cannot be done
    /// now it is tried again a few times; a path that nobody reads costs the media server nothing.
    pub async fn close(&self, session: &LiveSession) {
        self.paths.leave(&session.plan, session.id).await;
    }
}

/// There is no stream to be watched.
fn no_live_view(detail: String) -> Error {
    Error::new(Kind::NoLiveView, detail)
}
