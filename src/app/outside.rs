//! Everything outside of the service, as it is configured: the only file that names adapters.
//!
//! Each part of the platform that is configured takes the place of the embedded one; the others stay embedded.

use std::sync::Arc;
use std::time::Duration;

use super::ticks;
use crate::adapters::dialect::Dialect;
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
use crate::clock::Clock;
use crate::config::{Config, Form};
use crate::live::Makers;
use crate::metrics::Metrics;
use crate::playback::Ports;
use crate::playback::ports::{Cameras, Indexes, Objects, Recordings, SessionStore, Upstream};

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
}

impl Outside {
    pub(super) fn of(config: &Config, clock: Arc<dyn Clock>, metrics: &Arc<Metrics>) -> Self {
        let mut workshop = Workshop { config, clock, metrics, upstreams: Vec::new() };
        let directory = workshop.directory();
        let remote = workshop.remote();
        if remote.is_none() {
            workshop.upstreams.push(Arc::new(directory.clone()));
        }
        let vms = workshop.vms();
        let sessions = workshop.sessions();
        let makers = Makers { server: workshop.media_server(), sources: vms.clone().map(|vms| vms as _) };
        let is_afar = remote.is_some();
        let ports = match remote {
            Some(remote) => workshop.ports(Arc::new(remote), vms, sessions, true),
            None => workshop.ports(Arc::new(directory.clone()), vms, sessions, false),
        };
        let names = workshop.names();
        Self { ports, makers, upstreams: workshop.upstreams, directory, names, is_afar }
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
    fn remote(&mut self) -> Option<Remote> {
        let config = self.config;
        let url = config.storage.storage_service_url.clone()?;
        let (clock, metrics) = (&self.clock, self.metrics);
        let storage = Arc::new(StorageService::new(storage_settings(config, &url), Arc::clone(metrics)));
        let urls: Arc<dyn PresignedUrls> = match bucket(config) {
            Some(bucket) => Arc::new(bucket),
            None => Arc::clone(&storage) as _,
        };
        let objects = HttpObjects::new(urls, object_settings(config), Arc::clone(clock), Arc::clone(metrics));
        let objects = Arc::new(objects);
        self.upstreams.push(Arc::clone(&storage) as _);
        self.upstreams.push(Arc::clone(&objects) as _);
        let settings = remote_settings(config, url);
        Some(Remote::new(storage, objects, settings, Arc::clone(clock), Arc::clone(metrics)))
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
