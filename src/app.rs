//! Where everything is wired together: the only file that names adapters.

use std::future::Future;
use std::sync::Arc;

use chrono::TimeDelta;
use remux::time::Ticks;
use tokio::net::TcpListener;
use tracing::info;

use crate::adapters::local_dir::{self, LocalDir};
use crate::adapters::memory::{self, MemorySessions};
use crate::adapters::valkey::{self, ValkeySessions};
use crate::clock::Clock;
use crate::config::{Config, Packaging};
use crate::http::{App, server};
use crate::metrics::Metrics;
use crate::playback::ports::{SessionStore, Upstream};
use crate::playback::{Playback, Ports, Settings, Tables};

/// The service, ready to listen.
#[derive(Debug)]
pub struct Service {
    config: Config,
    app: App,
    recordings: LocalDir,
    upstreams: Vec<Arc<dyn Upstream>>,
    metrics: Arc<Metrics>,
}

/// Makes ring do the cryptography of TLS; once, before anything connects.
pub fn use_ring() {
    // Fails only where it has been done.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Service {
    /// Wires the service as `config` says.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let recordings = LocalDir::new(local_dir_settings(&config), Arc::clone(&clock), Arc::clone(&metrics));
        let mut upstreams: Vec<Arc<dyn Upstream>> = vec![Arc::new(recordings.clone())];
        let sessions = sessions(&config, &clock, &metrics, &mut upstreams);
        let ports = Ports {
            cameras: Arc::new(recordings.clone()),
            recordings: Arc::new(recordings.clone()),
            indexes: Arc::new(recordings.clone()),
            objects: Arc::new(recordings.clone()),
            sessions,
            clock,
        };
        let playback = Playback {
            ports,
            settings: settings(&config),
            metrics: Arc::clone(&metrics),
            tables: Tables::default(),
        };
        let app = App::new(playback, upstreams.clone(), config.server.clone());
        Self { config, app, recordings, upstreams, metrics }
    }

    /// The same service with other adapters behind some of its ports.
    #[must_use]
    pub fn rewired(self, wire: impl FnOnce(Ports) -> Ports) -> Self {
        let playback = self.app.playback().clone();
        let playback = Playback { ports: wire(playback.ports), ..playback };
        let app = App::new(playback, self.upstreams.clone(), self.config.server.clone());
        Self { app, ..self }
    }

    /// The directory of recordings, for who wants to walk it by hand.
    pub fn recordings(&self) -> &LocalDir {
        &self.recordings
    }

    /// The HTTP application, for who wants to do without a socket.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `shutdown`, then lets running answers finish.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        self.recordings.start();
        self.log_what_runs(&listener);
        let settings = &self.config.server;
        let leaving = async {
            shutdown.await;
            info!("stopping");
            self.app.drain();
            tokio::time::sleep(settings.shutdown_delay_seconds).await;
        };
        server::serve(listener, self.app.clone().router(), settings, Arc::clone(&self.metrics), leaving)
            .await;
        self.recordings.stop();
        info!("stopped");
    }

    fn log_what_runs(&self, listener: &TcpListener) {
        let recordings = &self.config.recordings;
        info!(
            recordings = %recordings.directory().display(),
            timezone = %recordings.timezone,
            work_dir = %recordings.work_dir().display(),
            sessions = %valkey_server(&self.config).map_or_else(|| "in memory".to_owned(), |at| format!("valkey at {at}")),
            version = env!("CARGO_PKG_VERSION"),
            "playback-service runs on embedded defaults"
        );
        if let Ok(address) = listener.local_addr() {
            let host =
                if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
            info!("open http://{host}:{}/", address.port());
        }
    }
}

/// In Valkey where one is configured, else in memory.
fn sessions(
    config: &Config,
    clock: &Arc<dyn Clock>,
    metrics: &Arc<Metrics>,
    upstreams: &mut Vec<Arc<dyn Upstream>>,
) -> Arc<dyn SessionStore> {
    let (sessions, stretches) = (config.sessions.max_sessions, config.sessions.max_session_recordings);
    let Some(server) = valkey_server(config) else {
        let limits = memory::Limits { sessions, stretches };
        return Arc::new(MemorySessions::new(Arc::clone(clock), limits, Arc::clone(metrics)));
    };
    let limits = valkey::CopyLimits { sessions, stretches };
    let sessions = Arc::new(ValkeySessions::new(server, limits, Arc::clone(clock), Arc::clone(metrics)));
    upstreams.push(Arc::clone(&sessions) as _);
    sessions
}

fn valkey_server(config: &Config) -> Option<valkey::Server> {
    let valkey = &config.valkey;
    let address = valkey.address.clone()?;
    Some(valkey::Server {
        host: address.host,
        port: address.port,
        tls: address.tls.then(|| valkey.ca.clone()),
        username: address.username.or_else(|| valkey.username.clone()),
        password: address
            .password
            .or_else(|| valkey.password.clone())
            .map(|secret| secret.reveal().to_owned()),
        database: address.database.unwrap_or(valkey.database),
        cluster: address.cluster || valkey.cluster,
        timeout: valkey.timeout,
    })
}

fn local_dir_settings(config: &Config) -> local_dir::Settings {
    let recordings = &config.recordings;
    local_dir::Settings {
        root: recordings.directory(),
        zone: recordings.timezone,
        work_dir: recordings.work_dir(),
        rescan: recordings.rescan_seconds,
        index_concurrency: recordings.index_concurrency,
        index_cache_bytes: recordings.index_cache_bytes as u64,
        segment_target: ticks(config.playback.segment_target_seconds),
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        segment_target: ticks(config.playback.segment_target_seconds),
        only_mp4: config.playback.packaging == Packaging::Fmp4,
        max_range: ticks(config.playback.max_range),
        session_ttl: delta(config.sessions.ttl),
        session_max_age: delta(config.sessions.max_age),
    }
}

/// The configuration holds whole seconds, at most a year of them.
fn ticks(duration: std::time::Duration) -> Ticks {
    Ticks::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
