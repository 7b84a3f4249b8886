//! The service as a whole: what is outside (`outside`) wired to playback, live view and HTTP.

mod check;
mod outside;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use remux::time::Ticks;
use tokio::net::TcpListener;
use tracing::info;

pub use self::check::{Finding, check};
pub use self::outside::LocalDir;
use self::outside::Outside;
use crate::clock::Clock;
use crate::config::{Config, Packaging};
use crate::http::{App, server};
use crate::live::{self, Live, Makers};
use crate::metrics::Metrics;
use crate::playback::{Ahead, Budget, Flights, Ingest, Playback, Ports, Seen, Settings, Tables};

/// The service, ready to listen.
#[derive(Debug)]
pub struct Service {
    config: Config,
    app: App,
    outside: Outside,
    metrics: Arc<Metrics>,
}

impl Service {
    /// Wires the service as `config` says.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let outside = Outside::of(&config, clock, &metrics);
        let playback = Playback {
            ports: outside.ports.clone(),
            settings: settings(&config),
            metrics: Arc::clone(&metrics),
            tables: Tables::default(),
            flights: Flights::with(Budget::of(config.cache.cache_inflight_bytes)),
            seen: Seen::default(),
            ahead: Ahead::with(Budget::of(config.cache.ahead_bytes(outside.is_afar))),
            ingest: Ingest::new(config.recordings.index_concurrency, config.recordings.timezone),
        };
        let live = live(&config, &playback.ports, outside.makers.clone());
        let app = App::new(playback, live, outside.upstreams.clone(), config.server.clone());
        Self { config, app, outside, metrics }
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
        let live = live(&self.config, &playback.ports, make(self.outside.makers.clone()));
        self.with(playback, live)
    }

    fn with(self, playback: Playback, live: Option<Live>) -> Self {
        let app = App::new(playback, live, self.outside.upstreams.clone(), self.config.server.clone());
        Self { app, ..self }
    }

    /// The directory of recordings, for who wants to walk it by hand.
    pub fn recordings(&self) -> &LocalDir {
        &self.outside.directory
    }

    /// The HTTP application, for who wants to do without a socket.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `shutdown`, then lets running answers finish.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        self.outside.start();
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
        self.outside.stop();
        info!("stopped");
    }

    fn log_what_runs(&self, listener: &TcpListener) {
        let outside = &self.outside;
        info!(
            recordings = outside.names.recordings,
            cameras = outside.names.cameras,
            sessions = outside.names.sessions,
            live = self.config.mediamtx.mediamtx_url.as_ref().map_or("off", |url| url.as_str()),
            work_dir = %self.config.recordings.work_dir().display(),
            timezone = %self.config.recordings.timezone,
            version = env!("CARGO_PKG_VERSION"),
            "playback-service runs"
        );
        if let Ok(address) = listener.local_addr() {
            let host =
                if address.ip().is_unspecified() { "localhost".to_owned() } else { address.ip().to_string() };
            info!("open http://{host}:{}/", address.port());
        }
    }
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
        tasks: Arc::clone(&ports.tasks),
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

/// The configuration holds whole seconds, at most a year of them.
fn ticks(duration: Duration) -> Ticks {
    Ticks::from_millis(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
