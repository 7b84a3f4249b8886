//! Where everything is wired together: the only file that names adapters.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use remux::time::Ticks;
use tokio::net::TcpListener;
use tracing::info;

use crate::adapters::dialect::Dialect;
use crate::adapters::local_dir::{self, LocalDir};
use crate::adapters::mediamtx::{self, MediaMtx};
use crate::adapters::memory::{self, MemorySessions};
use crate::adapters::objects::{self, Bucket, BucketSettings, HttpObjects, PresignedUrls};
use crate::adapters::remote::{self, Remote};
use crate::adapters::storage_service::{self, StorageService};
use crate::clock::Clock;
use crate::config::{Config, Form, Packaging};
use crate::http::{App, server};
use crate::live::ports::MediaServer;
use crate::live::{self, Live, Makers};
use crate::metrics::Metrics;
use crate::playback::ports::Upstream;
use crate::playback::{Playback, Ports, Settings, Tables};

/// The service, ready to listen.
#[derive(Debug)]
pub struct Service {
    config: Config,
    app: App,
    recordings: LocalDir,
    platform: Option<Platform>,
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
            clock,
        };
        let platform = Platform::of(&config, &ports.clock, &metrics);
        let playback = Playback {
            ports: platform.iter().fold(ports, |ports, platform| platform.wired(ports)),
            settings: settings(&config),
            metrics: Arc::clone(&metrics),
            tables: Tables::default(),
        };
        let media_server = media_server(&config, &metrics);
        let live = live(&config, &playback.ports, makers(&media_server));
        let upstreams = upstreams(&recordings, &platform, &media_server);
        let app = App::new(playback, live, upstreams, config.server.clone());
        Self { config, app, recordings, platform, media_server, metrics }
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
        let upstreams = upstreams(&self.recordings, &self.platform, &self.media_server);
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
        // A directory that nothing is played from is not read.
        if self.platform.is_none() {
            self.recordings.start();
        }
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

fn upstreams(
    recordings: &LocalDir,
    platform: &Option<Platform>,
    media_server: &Option<Arc<MediaMtx>>,
) -> Vec<Arc<dyn Upstream>> {
    let media_server = media_server.clone().map(|server| server as Arc<dyn Upstream>);
    let recordings: Vec<Arc<dyn Upstream>> = match platform {
        Some(platform) => vec![Arc::new(platform.storage.clone()), Arc::new(platform.objects.clone())],
        None => vec![Arc::new(recordings.clone())],
    };
    recordings.into_iter().chain(media_server).collect()
}

/// Where recordings are kept elsewhere: who lists them, who has their bytes, and what was learned of them.
#[derive(Debug)]
struct Platform {
    storage: StorageService,
    objects: HttpObjects,
    remote: Remote,
}

impl Platform {
    fn of(config: &Config, clock: &Arc<dyn Clock>, metrics: &Arc<Metrics>) -> Option<Self> {
        let url = config.storage.storage_service_url.clone()?;
        let storage = StorageService::new(storage_settings(config, &url), Arc::clone(metrics));
        let urls: Arc<dyn PresignedUrls> = match bucket(config) {
            Some(bucket) => Arc::new(bucket),
            None => Arc::new(storage.clone()),
        };
        let objects = HttpObjects::new(urls, object_settings(config), Arc::clone(clock), Arc::clone(metrics));
        let (bytes, settings) = (Arc::new(objects.clone()), remote_settings(config, url));
        let listed = Arc::new(storage.clone());
        let remote = Remote::new(listed, bytes, settings, Arc::clone(clock), Arc::clone(metrics));
        Some(Self { storage, objects, remote })
    }

    /// `ports` with recordings from here.
    fn wired(&self, ports: Ports) -> Ports {
        let remote = Arc::new(self.remote.clone());
        Ports {
            cameras: Arc::clone(&remote) as _,
            recordings: Arc::clone(&remote) as _,
            indexes: Arc::clone(&remote) as _,
            objects: remote,
            ..ports
        }
    }
}

fn storage_settings(config: &Config, url: &str) -> storage_service::Settings {
    let storage = &config.storage;
    storage_service::Settings {
        url: url.to_owned(),
        dialect: match storage.storage_dialect {
            Form::Auto => None,
            Form::Documented => Some(Dialect::Documented),
            Form::Deployed => Some(Dialect::Deployed),
        },
        longest: storage.storage_longest_segment_seconds,
        connect: CONNECT,
        answer: storage.storage_timeout_seconds,
        remember: LISTED_FOR,
    }
}

/// A service on the same network that cannot be reached in this time is away.
const CONNECT: Duration = Duration::from_secs(2);

/// To open a session is to ask for the same rows several times.
const LISTED_FOR: Duration = Duration::from_secs(2);

fn bucket(config: &Config) -> Option<Bucket> {
    let bucket = config.minio.bucket()?;
    Some(Bucket::new(BucketSettings {
        endpoint: bucket.endpoint,
        bucket: bucket.name,
        region: bucket.region,
        access_key: bucket.access_key.reveal().to_owned(),
        secret_key: bucket.secret_key.reveal().to_owned(),
    }))
}

fn object_settings(config: &Config) -> objects::Settings {
    let given = &config.objects;
    objects::Settings {
        connect_timeout: given.object_connect_timeout_ms,
        first_byte_timeout: given.object_first_byte_timeout_ms,
        stall_timeout: given.object_stall_timeout_ms,
        // Our own bucket is where it was said to be.
        hosts: if config.minio.minio_endpoint.is_some() { Vec::new() } else { given.object_hosts.clone() },
        ..objects::Settings::default()
    }
}

fn remote_settings(config: &Config, scope: String) -> remote::Settings {
    let recordings = &config.recordings;
    remote::Settings {
        work_dir: recordings.work_dir(),
        scope,
        index_concurrency: recordings.index_concurrency,
        index_cache_bytes: recordings.index_cache_bytes as u64,
        segment_target: ticks(config.playback.segment_target_seconds),
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
