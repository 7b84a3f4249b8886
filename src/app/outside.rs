//! Everything outside of the service, as it is configured: the only file that names adapters.
//!
//! Each part of the platform that is configured takes the place of the embedded one; the others stay embedded.

use std::sync::Arc;
use std::time::Duration;

use super::check::Dependency;
use super::ticks;
use crate::adapters::dialect::Dialect;
use crate::adapters::exchange::MemoryExchange;
use crate::adapters::known_cameras::KnownCameras;
use crate::adapters::load::{self, FairTurns};
use crate::adapters::local_dir;
pub use crate::adapters::local_dir::LocalDir;
use crate::adapters::mediamtx::{self, MediaMtx};
use crate::adapters::memory::{self, MemorySessions};
use crate::adapters::objects::{self, Bucket, BucketSettings, HttpObjects, PresignedUrls};
use crate::adapters::remote::{self, Remote};
use crate::adapters::segment_cache::{self, SegmentTiers};
use crate::adapters::storage_service::{self, StorageService};
use crate::adapters::tasks::TokioTasks;
use crate::adapters::valkey::{self, ValkeySessions};
use crate::adapters::vms::{self, Vms};
use crate::adapters::work_dir::WorkDir;
use crate::clock::Clock;
use crate::config::{Config, Form};
use crate::live::Makers;
use crate::metrics::Metrics;
use crate::playback::Ports;
use crate::playback::exchange::Exchange;
use crate::playback::ports::{Cameras, Indexes, Objects, Probe, Recordings, SessionStore, Upstream};

/// What is outside.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) ports: Ports,
    pub(super) makers: Makers,
    /// What `/health` reports on.
    pub(super) upstreams: Vec<Arc<dyn Upstream>>,
    /// What can be tried.
    pub(super) dependencies: Vec<Dependency>,
    /// The directory of recordings, which is watched only where it is what is served.
    pub(super) directory: LocalDir,
    pub(super) names: Names,
    /// Recordings come over a network, not from the directory.
    pub(super) is_afar: bool,
}

/// Where things are, for the log.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) recordings: String,
    pub(super) cameras: String,
    pub(super) sessions: String,
}

/// What all adapters are made with.
struct Workshop<'a> {
    config: &'a Config,
    clock: Arc<dyn Clock>,
    metrics: &'a Arc<Metrics>,
    upstreams: Vec<Arc<dyn Upstream>>,
    dependencies: Vec<Dependency>,
}

/// What replicas share.
struct Sessions {
    store: Arc<dyn SessionStore>,
    exchange: Arc<dyn Exchange>,
    /// Where both are in Valkey that, and where it is.
    valkey: Option<(Arc<ValkeySessions>, String)>,
}

/// Where there is nobody to tell, what was learned need not be kept twice.
const EXCHANGE_BYTES: u64 = 4 << 20;

impl Outside {
    pub(super) fn of(config: &Config, clock: Arc<dyn Clock>, metrics: &Arc<Metrics>) -> Self {
        let mut workshop =
            Workshop { config, clock, metrics, upstreams: Vec::new(), dependencies: Vec::new() };
        let directory = workshop.directory();
        workshop.work_dir();
        let sessions = workshop.sessions();
        let remote = workshop.remote(&sessions.exchange);
        if remote.is_none() {
            let place = config.recordings.directory().display().to_string();
            workshop.depends_on("RECORDINGS_DIR", place, &Arc::new(directory.clone()));
        }
        let vms = workshop.vms();
        workshop.depends_on_valkey(&sessions);
        let sessions = sessions.store;
        let makers = Makers { server: workshop.media_server(), sources: vms.clone().map(|vms| vms as _) };
        let is_afar = remote.is_some();
        let ports = match remote {
            Some(remote) => workshop.ports(Arc::new(remote), vms, sessions, true),
            None => workshop.ports(Arc::new(directory.clone()), vms, sessions, false),
        };
        let names = workshop.names();
        let Workshop { upstreams, dependencies, .. } = workshop;
        Self { ports, makers, upstreams, dependencies, directory, names, is_afar }
    }

    pub(super) fn start(&self) {
        if !self.is_afar {
            self.directory.start();
        }
    }

    pub(super) fn stop(&self) {
        self.directory.stop();
    }
}

impl Workshop<'_> {
    /// `/health` reports on it, and it can be tried; it is at `place`, as `settings` say.
    fn depends_on<T: Upstream + Probe + 'static>(
        &mut self,
        settings: &'static str,
        place: String,
        on: &Arc<T>,
    ) {
        self.upstreams.push(Arc::clone(on) as _);
        let probe = Arc::clone(on) as _;
        self.dependencies.push(Dependency { name: on.name(), place, settings, probe });
    }

    fn work_dir(&mut self) {
        let work_dir = self.config.recordings.work_dir();
        let place = work_dir.display().to_string();
        let probe = Arc::new(WorkDir(work_dir));
        self.dependencies.push(Dependency { name: "work_dir", place, settings: "WORK_DIR", probe });
    }

    /// `recorded` has the recordings, near or `from_afar`; the VMS, where there is one, knows further cameras.
    fn ports<R: Cameras + Recordings + Indexes + Objects + 'static>(
        &self,
        recorded: Arc<R>,
        vms: Option<Arc<Vms>>,
        sessions: Arc<dyn SessionStore>,
        from_afar: bool,
    ) -> Ports {
        let (clock, metrics) = (Arc::clone(&self.clock), self.metrics);
        let cache = cache_settings(self.config, from_afar);
        Ports {
            cameras: match vms {
                // Recordings that are kept elsewhere do not say which cameras there are.
                Some(vms) if from_afar => vms,
                Some(vms) => Arc::new(KnownCameras { vms, recorded: Arc::clone(&recorded) as _ }),
                None => Arc::clone(&recorded) as _,
            },
            recordings: Arc::clone(&recorded) as _,
            indexes: Arc::clone(&recorded) as _,
            objects: recorded,
            sessions,
            cache: Arc::new(SegmentTiers::new(cache, Arc::clone(&clock), metrics)),
            tasks: Arc::new(TokioTasks),
            turns: Arc::new(FairTurns::new(load_limits(self.config), metrics)),
            clock,
        }
    }

    /// Recordings that a Storage Service lists, with their bytes where it says or in a bucket.
    fn remote(&mut self, exchange: &Arc<dyn Exchange>) -> Option<Remote> {
        let config = self.config;
        let url = config.storage.storage_service_url.clone()?;
        let (clock, metrics) = (Arc::clone(&self.clock), self.metrics);
        let storage = Arc::new(StorageService::new(storage_settings(config, &url), Arc::clone(metrics)));
        let urls: Arc<dyn PresignedUrls> = match bucket(config) {
            Some(bucket) => Arc::new(bucket),
            None => Arc::clone(&storage) as _,
        };
        let objects =
            HttpObjects::new(urls, object_settings(config), Arc::clone(&clock), Arc::clone(metrics));
        let objects = Arc::new(objects);
        self.depends_on("STORAGE_SERVICE_URL and STORAGE_DIALECT", url.clone(), &storage);
        match config.minio.bucket() {
            Some(bucket) => {
                let place = format!("{}/{}", bucket.endpoint, bucket.name);
                self.depends_on("MINIO_ENDPOINT and the other settings of the bucket", place, &objects);
            }
            // Where they are is known once a recording is played.
            None => self.upstreams.push(Arc::clone(&objects) as _),
        }
        // Presigned URLs are of recordings, not of what lies beside them.
        let looks_beside = config.minio.minio_endpoint.is_some() && config.minio.index_beside_objects;
        let beside = looks_beside.then(|| Arc::clone(&objects) as _);
        let settings = remote::Settings { beside, ..remote_settings(config, url, Arc::clone(exchange)) };
        Some(Remote::new(storage, objects, settings, clock, Arc::clone(metrics)))
    }

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
        self.depends_on("VMS_SERVICE_URL and VMS_DIALECT", config.vms_service_url.clone()?, &vms);
        Some(vms)
    }

    /// In Valkey where one is configured, else in memory.
    fn sessions(&self) -> Sessions {
        let config = &self.config.sessions;
        let (sessions, stretches) = (config.max_sessions, config.max_session_recordings);
        let (clock, metrics) = (Arc::clone(&self.clock), Arc::clone(self.metrics));
        let Some(server) = valkey_server(self.config) else {
            let store = MemorySessions::new(clock, memory::Limits { sessions, stretches }, metrics);
            let exchange = Arc::new(MemoryExchange::new(EXCHANGE_BYTES));
            return Sessions { store: Arc::new(store), exchange, valkey: None };
        };
        let (limits, place) = (valkey::CopyLimits { sessions, stretches }, server.to_string());
        let store = Arc::new(ValkeySessions::new(server, limits, clock, metrics));
        let exchange = Arc::new(store.exchange());
        Sessions { store: Arc::clone(&store) as _, exchange, valkey: Some((store, place)) }
    }

    fn depends_on_valkey(&mut self, sessions: &Sessions) {
        if let Some((store, place)) = &sessions.valkey {
            let settings = "VALKEY_ADDR, VALKEY_PASSWORD and the other settings of Valkey";
            self.depends_on(settings, place.clone(), store);
        }
    }

    fn media_server(&mut self) -> Option<Arc<dyn crate::live::ports::MediaServer>> {
        let config = &self.config.mediamtx;
        let user = config.mediamtx_api_user.clone();
        let password = config.mediamtx_api_password.as_ref();
        let settings = mediamtx::Settings {
            api: config.mediamtx_api_url.clone()?,
            credentials: user.zip(password.map(|password| password.reveal().to_owned())),
        };
        let place = settings.api.to_string();
        let server = Arc::new(MediaMtx::new(settings, Arc::clone(self.metrics)));
        self.depends_on("MEDIAMTX_API_URL, MEDIAMTX_API_USER and MEDIAMTX_API_PASSWORD", place, &server);
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

/// To open a session is to ask for the same rows several times.
const LISTED_FOR: Duration = Duration::from_secs(2);

fn storage_settings(config: &Config, url: &str) -> storage_service::Settings {
    let storage = &config.storage;
    storage_service::Settings {
        url: url.to_owned(),
        dialect: dialect(storage.storage_dialect),
        longest: storage.storage_longest_segment_seconds,
        connect: CONNECT,
        answer: storage.storage_timeout_seconds,
        remember: LISTED_FOR,
    }
}

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

fn remote_settings(config: &Config, scope: String, exchange: Arc<dyn Exchange>) -> remote::Settings {
    let recordings = &config.recordings;
    remote::Settings {
        work_dir: recordings.work_dir(),
        scope,
        index_concurrency: recordings.index_concurrency,
        index_cache_bytes: recordings.index_cache_bytes as u64,
        segment_target: ticks(config.playback.segment_target_seconds),
        exchange,
        beside: None,
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

/// Recordings come `from_afar` over a network; those of a directory do not.
fn cache_settings(config: &Config, from_afar: bool) -> segment_cache::Settings {
    let cache = &config.cache;
    segment_cache::Settings {
        memory_bytes: cache.memory_bytes(from_afar),
        disk: segment_cache::DiskSettings {
            work_dir: config.recordings.work_dir(),
            bytes: cache.disk_bytes(from_afar),
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
