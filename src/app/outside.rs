//! Everything outside of the service, as it is configured: the only file that names adapters.
//!
//! Each part of the platform that is configured takes the place of the embedded one; the others stay embedded.

use std::sync::Arc;
use std::time::Duration;

use super::ticks;
use crate::adapters::dialect::Dialect;
use crate::adapters::local_dir;
pub use crate::adapters::local_dir::LocalDir;
use crate::adapters::mediamtx::{self, MediaMtx};
use crate::adapters::memory::{self, MemorySessions};
use crate::adapters::valkey::{self, ValkeySessions};
use crate::adapters::vms::{self, Vms};
use crate::clock::Clock;
use crate::config::{Config, Form};
use crate::live::Makers;
use crate::metrics::Metrics;
use crate::playback::Ports;
use crate::playback::ports::{Cameras, SessionStore, Upstream};

/// What is outside.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) ports: Ports,
    pub(super) makers: Makers,
    /// What `/health` reports on.
    pub(super) upstreams: Vec<Arc<dyn Upstream>>,
    /// The directory of recordings, which is watched only where it is what is served.
    pub(super) directory: LocalDir,
    pub(super) names: Names,
    serves_directory: bool,
}

/// Where things are, for the log.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) recordings: String,
    pub(super) cameras: String,
    pub(super) sessions: String,
}

/// Settings that do not go together, or that nobody can work with.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(String);

/// What all adapters are made with.
struct Workshop<'a> {
    config: &'a Config,
    clock: Arc<dyn Clock>,
    metrics: &'a Arc<Metrics>,
    upstreams: Vec<Arc<dyn Upstream>>,
}

impl Outside {
    pub(super) fn of(
        config: &Config,
        clock: Arc<dyn Clock>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, Misconfigured> {
        let mut workshop = Workshop { config, clock: Arc::clone(&clock), metrics, upstreams: Vec::new() };
        let directory = workshop.directory();
        let vms = workshop.vms();
        workshop.upstreams.push(Arc::new(directory.clone()));
        let sessions = workshop.sessions();
        let makers = Makers { server: workshop.media_server(), sources: vms.clone().map(|vms| vms as _) };
        let cameras: Arc<dyn Cameras> = match &vms {
            Some(vms) => Arc::clone(vms) as _,
            None => Arc::new(directory.clone()),
        };
        let ports = Ports {
            cameras,
            recordings: Arc::new(directory.clone()),
            indexes: Arc::new(directory.clone()),
            objects: Arc::new(directory.clone()),
            sessions,
            clock,
        };
        let names = workshop.names();
        Ok(Self { ports, makers, upstreams: workshop.upstreams, directory, names, serves_directory: true })
    }

    pub(super) fn start(&self) {
        if self.serves_directory {
            self.directory.start();
        }
    }

    pub(super) fn stop(&self) {
        self.directory.stop();
    }
}

impl Workshop<'_> {
    fn directory(&self) -> LocalDir {
        let recordings = &self.config.recordings;
        let settings = local_dir::Settings {
            root: recordings.directory(),
            zone: recordings.timezone,
            work_dir: recordings.work_dir(),
            rescan: recordings.rescan_seconds,
            index_concurrency: recordings.index_concurrency,
            index_cache_bytes: recordings.index_cache_bytes as u64,
            segment_target: ticks(self.config.playback.segment_target_seconds),
        };
        LocalDir::new(settings, Arc::clone(&self.clock), Arc::clone(self.metrics))
    }

    /// Who knows the cameras, where it is not whoever has recordings.
    fn vms(&mut self) -> Option<Arc<Vms>> {
        let config = &self.config.vms;
        let settings = vms::Settings {
            url: config.vms_service_url.clone()?,
            dialect: dialect(config.vms_dialect),
            connect: CONNECT,
            answer: config.vms_timeout_seconds,
        };
        let vms = Arc::new(Vms::new(settings, Arc::clone(&self.clock), Arc::clone(self.metrics)));
        self.upstreams.push(Arc::clone(&vms) as _);
        Some(vms)
    }

    /// In Valkey where one is configured, else in memory.
    fn sessions(&mut self) -> Arc<dyn SessionStore> {
        let config = &self.config.sessions;
        let (sessions, stretches) = (config.max_sessions, config.max_session_recordings);
        let (clock, metrics) = (Arc::clone(&self.clock), Arc::clone(self.metrics));
        let Some(server) = valkey_server(self.config) else {
            return Arc::new(MemorySessions::new(clock, memory::Limits { sessions, stretches }, metrics));
        };
        let limits = valkey::CopyLimits { sessions, stretches };
        let sessions = Arc::new(ValkeySessions::new(server, limits, clock, metrics));
        self.upstreams.push(Arc::clone(&sessions) as _);
        sessions
    }

    fn media_server(&mut self) -> Option<Arc<dyn crate::live::ports::MediaServer>> {
        let config = &self.config.mediamtx;
        let user = config.mediamtx_api_user.clone();
        let password = config.mediamtx_api_password.as_ref();
        let settings = mediamtx::Settings {
            api: config.mediamtx_api_url.clone()?,
            credentials: user.zip(password.map(|password| password.reveal().to_owned())),
        };
        let server = Arc::new(MediaMtx::new(settings, Arc::clone(self.metrics)));
        self.upstreams.push(Arc::clone(&server) as _);
        Some(server)
    }

    fn names(&self) -> Names {
        let config = self.config;
        let directory = || config.recordings.directory().display().to_string();
        let server = valkey_server(config);
        Names {
            recordings: config.storage.storage_service_url.clone().unwrap_or_else(directory),
            cameras: config.vms.vms_service_url.clone().unwrap_or_else(|| "those with recordings".to_owned()),
            sessions: server.map_or_else(|| "in memory".to_owned(), |server| format!("valkey at {server}")),
        }
    }
}

/// Longest wait for a connection to a service of the platform.
const CONNECT: Duration = Duration::from_secs(2);

fn dialect(form: Form) -> Option<Dialect> {
    match form {
        Form::Auto => None,
        Form::Documented => Some(Dialect::Documented),
        Form::Deployed => Some(Dialect::Deployed),
    }
}

fn valkey_server(config: &Config) -> Option<valkey::Server> {
    let valkey = &config.valkey;
    let address = valkey.address.clone()?;
    let password = address.password.or_else(|| valkey.password.clone());
    Some(valkey::Server {
        host: address.host,
        port: address.port,
        tls: address.tls.then(|| valkey.ca.clone()),
        username: address.username.or_else(|| valkey.username.clone()),
        password: password.map(|secret| secret.reveal().to_owned()),
        database: address.database.unwrap_or(valkey.database),
        cluster: address.cluster || valkey.cluster,
        timeout: valkey.timeout,
    })
}
