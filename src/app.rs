//! Where everything is wired together: the only file that names adapters.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use remux::time::Ticks;
use tokio::net::TcpListener;
use tracing::info;

use crate::adapters::dialect::Dialect;
use crate::adapters::known_cameras::KnownCameras;
use crate::adapters::local_dir::{self, LocalDir};
use crate::adapters::mediamtx::{self, MediaMtx};
use crate::adapters::memory::{self, MemorySessions};
use crate::adapters::vms::{self, Vms};
use crate::clock::Clock;
use crate::config::{Config, Form, Packaging};
use crate::http::{App, server};
use crate::live::ports::{CameraSources, MediaServer};
use crate::live::{self, Live, Makers};
use crate::metrics::Metrics;
use crate::playback::ports::{Cameras, Upstream};
use crate::playback::{Playback, Ports, Settings, Tables};

/// The service, ready to listen.
#[derive(Debug)]
pub struct Service {
    config: Config,
    app: App,
    recordings: LocalDir,
    platform: Platform,
    metrics: Arc<Metrics>,
}

/// What there is besides recordings, where it is configured.
#[derive(Debug)]
struct Platform {
    vms: Option<Arc<Vms>>,
    media_server: Option<Arc<MediaMtx>>,
}

impl Service {
    /// Wires the service as `config` says.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let recordings = LocalDir::new(local_dir_settings(&config), Arc::clone(&clock), Arc::clone(&metrics));
        let platform = Platform::new(&config, &clock, &metrics);
        let limits = memory::Limits {
            sessions: config.sessions.max_sessions,
            stretches: config.sessions.max_session_recordings,
        };
        let ports = Ports {
            cameras: platform.cameras(&recordings),
            recordings: Arc::new(recordings.clone()),
            indexes: Arc::new(recordings.clone()),
            objects: Arc::new(recordings.clone()),
            sessions: Arc::new(MemorySessions::new(Arc::clone(&clock), limits, Arc::clone(&metrics))),
            clock,
        };
        let playback = Playback {
            ports,
            settings: settings(&config),
            metrics: Arc::clone(&metrics),
            tables: Tables::default(),
        };
        let live = live(&config, &playback.ports, platform.makers());
        let app = App::new(playback, live, platform.upstreams(&recordings), config.server.clone());
        Self { config, app, recordings, platform, metrics }
    }

    /// The same service with other adapters behind some of its ports.
    #[must_use]
    pub fn rewired(self, wire: impl FnOnce(Ports) -> Ports) -> Self {
        let playback = self.app.playback().clone();
        let playback = Playback { ports: wire(playback.ports), ..playback };
        let live = self.app.live().cloned().map(|live| live.rewired(shared(&playback.ports)));
        self.with(playback, live)
    }

    /// The same service with something else that makes the paths of live view.
    #[must_use]
    pub fn remade(self, make: impl FnOnce(Makers) -> Makers) -> Self {
        let playback = self.app.playback().clone();
        let live = live(&self.config, &playback.ports, make(self.platform.makers()));
        self.with(playback, live)
    }

    fn with(self, playback: Playback, live: Option<Live>) -> Self {
        let upstreams = self.platform.upstreams(&self.recordings);
        let app = App::new(playback, live, upstreams, self.config.server.clone());
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
            sessions = "in memory",
            live = self.config.mediamtx.mediamtx_url.as_ref().map_or("off", |url| url.as_str()),
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

impl Platform {
    fn new(config: &Config, clock: &Arc<dyn Clock>, metrics: &Arc<Metrics>) -> Self {
        let vms =
            vms_settings(config).map(|settings| Vms::new(settings, Arc::clone(clock), Arc::clone(metrics)));
        let media_server =
            media_server_settings(config).map(|settings| MediaMtx::new(settings, Arc::clone(metrics)));
        Self { vms: vms.map(Arc::new), media_server: media_server.map(Arc::new) }
    }

    fn cameras(&self, recordings: &LocalDir) -> Arc<dyn Cameras> {
        let recorded = Arc::new(recordings.clone());
        match self.vms.clone() {
            Some(vms) => Arc::new(KnownCameras { vms, recorded }),
            None => recorded,
        }
    }

    fn makers(&self) -> Makers {
        Makers {
            server: self.media_server.clone().map(|server| server as Arc<dyn MediaServer>),
            sources: self.vms.clone().map(|vms| vms as Arc<dyn CameraSources>),
        }
    }

    fn upstreams(&self, recordings: &LocalDir) -> Vec<Arc<dyn Upstream>> {
        let vms = self.vms.clone().map(|vms| vms as Arc<dyn Upstream>);
        let media_server = self.media_server.clone().map(|server| server as Arc<dyn Upstream>);
        let recordings: Arc<dyn Upstream> = Arc::new(recordings.clone());
        [Some(recordings), vms, media_server].into_iter().flatten().collect()
    }
}

fn vms_settings(config: &Config) -> Option<vms::Settings> {
    let vms = &config.vms;
    Some(vms::Settings {
        url: vms.vms_service_url.clone()?,
        dialect: match vms.vms_dialect {
            Form::Auto => None,
            Form::Documented => Some(Dialect::Documented),
            Form::Deployed => Some(Dialect::Deployed),
        },
        connect: CONNECT_WITHIN,
        answer: vms.vms_timeout_seconds,
    })
}

/// What the service depends on is near, or away.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

fn media_server_settings(config: &Config) -> Option<mediamtx::Settings> {
    let mediamtx = &config.mediamtx;
    let user = mediamtx.mediamtx_api_user.clone();
    let password = mediamtx.mediamtx_api_password.as_ref();
    Some(mediamtx::Settings {
        api: mediamtx.mediamtx_api_url.clone()?,
        credentials: user.zip(password.map(|password| password.reveal().to_owned())),
    })
}

fn live(config: &Config, ports: &Ports, makers: Makers) -> Option<Live> {
    let addresses = config.mediamtx.addresses()?;
    Some(Live::new(shared(ports), makers, addresses, delta(config.sessions.live_ttl)))
}

/// What live view shares with playback.
fn shared(ports: &Ports) -> live::Ports {
    live::Ports {
        cameras: Arc::clone(&ports.cameras),
        sessions: Arc::clone(&ports.sessions),
        clock: Arc::clone(&ports.clock),
    }
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
fn ticks(duration: Duration) -> Ticks {
    Ticks::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
