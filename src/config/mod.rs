//! Settings are data: one struct per concern, read from the environment (or the command line) here and nowhere else.
//! A value that makes no sense stops the start and is named.

mod cache;
mod environment;
mod load;
mod logging;
mod mediamtx;
mod minio;
mod objects;
mod playback;
mod recordings;
mod server;
mod sessions;
mod storage;
mod valkey;
mod values;
mod vms;

use clap::Parser;

pub use self::cache::{Cache, Prefetch};
pub use self::environment::{variables_in, without_empty_variables};
pub use self::load::Load;
pub use self::logging::{LogFormat, Logging};
pub use self::mediamtx::MediaMtx;
pub use self::minio::{Bucket, Minio};
pub use self::objects::Objects;
pub use self::playback::{Packaging, Playback};
pub use self::recordings::Recordings;
pub use self::server::Server;
pub use self::sessions::Sessions;
pub use self::storage::Storage;
pub use self::valkey::{Address, Valkey};
pub use self::values::{Form, Origins, Secret};
pub use self::vms::Vms;

/// Plays any time range of any camera's recorded MPEG-TS or MP4 as HLS, at once: no FFmpeg, no transcoding, no temporary files.
#[derive(Debug, Clone, Parser)]
#[command(version, about, max_term_width = 110, after_help = AFTER_HELP)]
pub struct Config {
    /// How it is reached.
    #[command(flatten)]
    pub server: Server,
    /// Where recordings are.
    #[command(flatten)]
    pub recordings: Recordings,
    /// Who lists recordings that are kept elsewhere.
    #[command(flatten)]
    pub storage: Storage,
    /// How those are read.
    #[command(flatten)]
    pub objects: Objects,
    /// Where those are, with own credentials.
    #[command(flatten)]
    pub minio: Minio,
    /// Who knows the cameras.
    #[command(flatten)]
    pub vms: Vms,
    /// How they are played.
    #[command(flatten)]
    pub playback: Playback,
    /// How long sessions live.
    #[command(flatten)]
    pub sessions: Sessions,
    /// What is kept of segments.
    #[command(flatten)]
    pub cache: Cache,
    /// How much goes on at a time.
    #[command(flatten)]
    pub load: Load,
    /// Where live streams are served.
    #[command(flatten)]
    pub mediamtx: MediaMtx,
    /// Where sessions live.
    #[command(flatten)]
    pub valkey: Valkey,
    /// What is logged.
    #[command(flatten)]
    pub logging: Logging,
}

const AFTER_HELP: &str = "Every option is also an environment variable, named in brackets; one that is empty is not set. Without any, the \
samples in testdata/recordings are served on http://127.0.0.1:8085/.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    fn parse(arguments: &[&str]) -> Result<Config, clap::Error> {
        Config::try_parse_from(std::iter::once("playback-service").chain(arguments.iter().copied()))
    }

    #[test]
    fn defaults_make_sense_by_themselves() {
        let config = parse(&[]).unwrap();
        assert_eq!(config.server.address().to_string(), "127.0.0.1:8085");
        assert_eq!(config.sessions.ttl.as_secs(), 3600);
        assert_eq!(config.playback.max_range.as_secs(), 7 * 86_400);
        assert_eq!(config.recordings.timezone, chrono_tz::UTC);
        assert!(config.server.cors_allowed_origins.is_none());
    }

    #[test]
    fn a_value_that_makes_no_sense_is_named() {
        for (option, value) in [
            ("--port", "70000"),
            ("--bind-addr", "everywhere"),
            ("--recordings-timezone", "Mars/Olympus"),
            ("--session-ttl-seconds", "0"),
            ("--segment-target-seconds", "0"),
            ("--segment-target-seconds", "61"),
            ("--playback-packaging", "dash"),
            ("--max-range-seconds", "-1"),
            ("--http-max-connections", "0"),
            ("--valkey-addr", "http://valkey"),
            ("--valkey-db", "-1"),
            ("--valkey-timeout-ms", "0"),
            ("--valkey-ca-file", "/nowhere/ca.pem"),
            ("--cache-memory-bytes", "-1"),
            ("--cache-disk-bytes", "much"),
            ("--cache-max-age-seconds", "0"),
            ("--prefetch", "maybe"),
            ("--max-running-segments", "0"),
            ("--queue-seconds", "0"),
            ("--log-format", "yaml"),
            ("--log-level", "loud"),
            ("--cors-allowed-origins", "example.com"),
            ("--public-base-url", "ftp://example.com"),
            ("--storage-service-url", "storage-service:8082"),
            ("--storage-service-url", "http://user:password@storage-service:8082"),
            ("--storage-dialect", "spoken"),
            ("--storage-longest-segment-seconds", "0"),
            ("--storage-timeout-seconds", "soon"),
            ("--object-hosts", "http://minio/"),
            ("--object-stall-timeout-ms", "0"),
            ("--object-connect-timeout-ms", "2s"),
            ("--minio-endpoint", "minio/bucket"),
            ("--minio-bucket", "a/b"),
            ("--minio-use-ssl", "perhaps"),
            ("--index-beside-objects", "perhaps"),
            ("--ingest-secret", ""),
            ("--vms-service-url", "ftp://vms"),
            ("--vms-dialect", "spoken"),
            ("--vms-timeout-seconds", "0"),
        ] {
            let error = parse(&[&format!("{option}={value}")]).unwrap_err();
            assert!(error.to_string().contains(option), "{option}: {error}");
            assert_ne!(error.kind(), ErrorKind::UnknownArgument, "{option}");
        }
    }

    #[test]
    fn passwords_are_not_repeated() {
        let wrong = parse(&["--valkey-addr=http://me:hunter2@valkey"]).unwrap_err();
        assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
        let config =
            parse(&["--valkey-addr=redis://me:hunter2@valkey", "--valkey-password=hunter2"]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn a_bucket_is_all_or_nothing() {
        let all = [
            "--storage-service-url=http://storage:8082",
            "--minio-endpoint=minio:9000",
            "--minio-access-key=them",
            "--minio-secret-key=5ecret",
        ];
        let config = parse(&all).unwrap();
        let bucket = config.minio.bucket().unwrap();
        assert_eq!(
            (bucket.endpoint.as_str(), bucket.name.as_str()),
            ("http://minio:9000", "cctv-recordings")
        );
        assert!(!format!("{config:?}").contains("5ecret"));
        let https = [&all[..], &["--minio-use-ssl=true"]].concat();
        assert_eq!(parse(&https).unwrap().minio.bucket().unwrap().endpoint, "https://minio:9000");
        for missing in 0..all.len() {
            let given: Vec<&str> =
                (0..all.len()).filter(|&other| other != missing).map(|one| all[one]).collect();
            let error = parse(&given).unwrap_err().to_string();
            let named = all[missing].split('=').next().unwrap();
            assert!(error.contains(named), "{named} is missing: {error}");
        }
        for alone in ["--minio-bucket=recordings", "--minio-use-ssl=true", "--minio-region=eu"] {
            assert!(parse(&[alone]).unwrap_err().to_string().contains("--minio-endpoint"), "{alone}");
        }
    }

    #[test]
    fn help_names_every_variable() {
        use clap::CommandFactory;
        let command = Config::command();
        let options =
            command.get_arguments().filter(|option| !["help", "version"].contains(&option.get_id().as_str()));
        for option in options {
            assert!(option.get_env().is_some(), "{option}");
            assert!(option.get_help().is_some(), "{option}");
        }
    }
}
