//! Where everything is wired together: the only file that names adapters.

use std::future::Future;
use std::sync::Arc;

use chrono::TimeDelta;
use remux::time::Ticks;
use tokio::net::TcpListener;
use tracing::info;

use crate::adapters::load::{self, FairTurns};
use crate::adapters::local_dir::{self, LocalDir};
use crate::adapters::mediamtx::{self, MediaMtx};
use crate::adapters::memory::{self, MemorySessions};
use crate::adapters::segment_cache::{self, SegmentTiers};
use crate::adapters::tasks::TokioTasks;
use crate::clock::Clock;
use crate::config::{Config, Packaging};
use crate::http::{App, server};
use crate::live::ports::MediaServer;
use crate::live::{self, Live, Makers};
use crate::metrics::Metrics;
use crate::playback::ports::Upstream;
use crate::playback::{Ahead, Budget, Flights, Playback, Ports, Seen, Settings, Tables};

/// The service, ready to listen.
#[derive(Debug)]
pub struct Service {
    config: Config,
    app: App,
    recordings: LocalDir,
    media_server: Option<Arc<MediaMtx>>,
    metrics: Arc<Metrics>,
}

impl Service {
    /// Wires the service as `config` says.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let recordings = LocalDir::new(local_dir_settings(&config), Arc::clone(&clock), Arc::clone(&metrics));
        let limits = memory::Limits {
            sessions: config.sessions.max_sessions,
            stretches: config.sessions.max_session_recordings,
        };
        let ports = Ports {
            cameras: Arc::new(recordings.clone()),
            recordings: Arc::new(recordings.clone()),
            indexes: Arc::new(recordings.clone()),
            objects: Arc::new(recordings.clone()),
            sessions: Arc::new(MemorySessions::new(Arc::clone(&clock), limits, Arc::clone(&metrics))),
            cache: Arc::new(SegmentTiers::new(cache_settings(&config), Arc::clone(&clock), &metrics)),
            tasks: Arc::new(TokioTasks),
            turns: Arc::new(FairTurns::new(load_limits(&config), &metrics)),
            clock,
        };
        let playback = Playback {
            ports,
            settings: settings(&config),
            metrics: Arc::clone(&metrics),
            tables: Tables::default(),
            flights: Flights::with(Budget::of(config.cache.cache_inflight_bytes)),
            seen: Seen::default(),
            ahead: Ahead::with(Budget::of(config.cache.ahead_bytes(FROM_AFAR))),
        };
        let media_server = media_server(&config, &metrics);
        let live = live(&config, &playback.ports, makers(&media_server));
        let upstreams = upstreams(&recordings, &media_server);
        let app = App::new(playback, live, upstreams, config.server.clone());
        Self { config, app, recordings, media_server, metrics }
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
        let live = live(&self.config, &playback.ports, make(makers(&self.media_server)));
        self.with(playback, live)
    }

    fn with(self, playback: Playback, live: Option<Live>) -> Self {
        let upstreams = upstreams(&self.recordings, &self.media_server);
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

fn media_server(config: &Config, metrics: &Arc<Metrics>) -> Option<Arc<MediaMtx>> {
    let mediamtx = &config.mediamtx;
    let user = mediamtx.mediamtx_api_user.clone();
    let password = mediamtx.mediamtx_api_password.as_ref();
    let settings = mediamtx::Settings {
        api: mediamtx.mediamtx_api_url.clone()?,
        credentials: user.zip(password.map(|password| password.reveal().to_owned())),
    };
    Some(Arc::new(MediaMtx::new(settings, Arc::clone(metrics))))
}

fn makers(media_server: &Option<Arc<MediaMtx>>) -> Makers {
    let server = media_server.clone().map(|server| server as Arc<dyn MediaServer>);
    Makers { server, sources: None }
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

fn upstreams(recordings: &LocalDir, media_server: &Option<Arc<MediaMtx>>) -> Vec<Arc<dyn Upstream>> {
    let media_server = media_server.clone().map(|server| server as Arc<dyn Upstream>);
    std::iter::once(Arc::new(recordings.clone()) as Arc<dyn Upstream>).chain(media_server).collect()
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
        cache_verify: delta(config.cache.cache_verify_seconds),
        max_kept_segment: config.cache.cache_max_segment_bytes,
    }
}

/// Whether recordings come over a network; a directory does not.
const FROM_AFAR: bool = false;

fn cache_settings(config: &Config) -> segment_cache::Settings {
    let cache = &config.cache;
    segment_cache::Settings {
        memory_bytes: cache.cache_memory_bytes,
        disk: segment_cache::DiskSettings {
            work_dir: config.recordings.work_dir(),
            bytes: cache.disk_bytes(FROM_AFAR),
            max_age: cache.cache_max_age_seconds,
            min_free: cache.cache_min_free_bytes,
        },
    }
}

fn load_limits(config: &Config) -> load::Limits {
    let load = &config.load;
    load::Limits {
        segments: load.max_running_segments,
        reads: load.max_upstream_reads,
        share: load.max_segments_per_session,
        queue: load.max_queued_segments,
        patience: load.queue_seconds,
    }
}

/// The configuration holds whole seconds, at most a year of them.
fn ticks(duration: std::time::Duration) -> Ticks {
    Ticks::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn delta(duration: std::time::Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
