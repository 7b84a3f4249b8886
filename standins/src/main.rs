//! Starts the platform around the service over a directory of recordings, and says how to start the service with it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use standins::directory::{self, Recording};
use standins::{Address, Dialect, LiveMedia, MediaMtx, Origin, StorageService, Vms};
use tokio::signal::unix::{SignalKind, signal};

/// Stand-ins for the systems around playback-service: Storage Service, objects, VMS and MediaMTX, over a directory of
/// recordings laid out as {camera}/{YYYY}/{MM}/{DD}/{HH-MM-SS}.ts. Prints the environment to start the service with.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Options {
    /// Directory of recordings
    directory: PathBuf,

    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,

    /// Host of the printed URLs, where it is not the address to listen on
    #[arg(long)]
    host: Option<String>,

    /// Port of the Storage Service; 0: any that is free
    #[arg(long, default_value_t = 0)]
    storage_port: u16,

    /// Port of the objects
    #[arg(long, default_value_t = 0)]
    objects_port: u16,

    /// Port of the VMS
    #[arg(long, default_value_t = 0)]
    vms_port: u16,

    /// Port of MediaMTX
    #[arg(long, default_value_t = 0)]
    mediamtx_port: u16,

    /// In which form Storage Service and VMS answer
    #[arg(long, value_enum, default_value = "documented")]
    dialect: Form,

    /// Length of recordings; without it the least distance between two of a camera
    #[arg(long, value_name = "SECONDS")]
    segment_seconds: Option<u32>,

    /// Every answer of the objects begins so much later
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    objects_latency: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Documented,
    Deployed,
}

impl From<Form> for Dialect {
    fn from(form: Form) -> Self {
        match form {
            Form::Documented => Self::Documented,
            Form::Deployed => Self::Deployed,
        }
    }
}

/// What every camera sends is its first recording, over and over. One that cannot be played is passed over.
fn play_live(recordings: &[Recording], mediamtx: &MediaMtx) {
    mediamtx.check_cookies();
    for camera in directory::cameras(recordings) {
        let Some(first) = recordings.iter().find(|recording| recording.camera == camera) else { continue };
        let read = std::fs::read(&first.file).map_err(|error| error.to_string());
        match read.and_then(|bytes| LiveMedia::low_latency(&bytes.into(), LIVE_SEGMENT)) {
            Ok(media) => mediamtx.play_on_demand(&format!("camera_{camera}"), media),
            Err(error) => eprintln!("{}: not played live: {error}", first.file.display()),
        }
    }
}

const LIVE_SEGMENT: Duration = Duration::from_secs(6);

/// What was started; it runs until it is dropped.
struct Platform {
    storage: StorageService,
    origin: Origin,
    vms: Vms,
    mediamtx: MediaMtx,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let recordings = match directory::recordings(&options.directory) {
        Ok(recordings) => recordings,
        Err(error) => {
            eprintln!("{}: {error}", options.directory.display());
            return ExitCode::FAILURE;
        }
    };
    let platform = options.start(&recordings);
    for (variable, value) in options.environment(&platform) {
        println!("{variable}={value}");
    }
    stop_signal().await;
    ExitCode::SUCCESS
}

async fn stop_signal() {
    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} }
    }
}

impl Options {
    fn start(&self, recordings: &[Recording]) -> Platform {
        let at = |port| Address::At(SocketAddr::new(self.bind, port));
        let dialect = self.dialect.into();
        let platform = Platform {
            storage: StorageService::start_at(at(self.storage_port), dialect),
            origin: Origin::start_at(at(self.objects_port)),
            vms: Vms::start_at(at(self.vms_port), dialect, &directory::cameras(recordings)),
            mediamtx: MediaMtx::start_at(at(self.mediamtx_port)),
        };
        let Platform { storage, origin, .. } = &platform;
        let length = match self.segment_seconds {
            Some(seconds) => chrono::Duration::seconds(seconds.into()),
            None => directory::usual_length(recordings),
        };
        directory::load(recordings, length, storage, origin);
        origin.behave(|behaviour| behaviour.latency = Duration::from_millis(self.objects_latency));
        origin.signer().reached_as(&self.reached(&origin.url()));
        storage.sign_with(origin.signer());
        play_live(recordings, &platform.mediamtx);
        platform
    }

    /// The service's environment.
    fn environment(&self, platform: &Platform) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("STORAGE_SERVICE_URL", self.reached(&platform.storage.url())),
            ("VMS_SERVICE_URL", self.reached(&platform.vms.url())),
            ("MEDIAMTX_URL", self.reached(&platform.mediamtx.url())),
            ("MEDIAMTX_API_URL", self.reached(&platform.mediamtx.url())),
        ];
        if matches!(self.dialect, Form::Deployed) {
            // That dialect gives no URLs of objects: they are read out of the bucket. The origin believes any key.
            let endpoint = self.reached(&platform.origin.url());
            environment.push(("MINIO_ENDPOINT", endpoint.trim_start_matches("http://").to_owned()));
            environment.push(("MINIO_ACCESS_KEY", "standins".to_owned()));
            environment.push(("MINIO_SECRET_KEY", "standins".to_owned()));
        }
        environment
    }

    /// `url` as the service reaches it.
    fn reached(&self, url: &str) -> String {
        match (&self.host, url.rsplit_once(':')) {
            (Some(host), Some((_, port))) => format!("http://{host}:{port}"),
            _ => url.to_owned(),
        }
    }
}
