//! Where recordings are, and how they are read.

use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use clap::Args;

use super::values::{count, seconds};

/// Where recordings are, and how they are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Recordings")]
pub struct Recordings {
    /// Directory of recordings; without it the samples in testdata/recordings
    #[arg(long, env, value_name = "DIR")]
    pub recordings_dir: Option<PathBuf>,

    /// Time zone of the names of recordings
    #[arg(
        long = "recordings-timezone",
        env = "RECORDINGS_TIMEZONE",
        default_value = "UTC",
        value_name = "ZONE"
    )]
    pub timezone: Tz,

    /// Directory where indexes are remembered; without it "playback" in the system's directory for temporary files
    #[arg(long, env, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,

    /// How often the directory is looked through for new recordings
    #[arg(long, env, default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub rescan_seconds: Duration,

    /// Recordings that are read at a time in the background
    #[arg(long, env, default_value = "2", value_parser = count, value_name = "COUNT")]
    pub index_concurrency: usize,

    /// Memory for the cut lists of recordings that are played
    #[arg(long, env, default_value = "134217728", value_parser = count, value_name = "BYTES")]
    pub index_cache_bytes: usize,
}

impl Recordings {
    /// The directory to serve: by default the samples, of the current directory or else of the source tree.
    pub fn directory(&self) -> PathBuf {
        let here = PathBuf::from(SAMPLES);
        let in_source_tree = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(SAMPLES);
        self.recordings_dir.clone().unwrap_or_else(|| if here.is_dir() { here } else { in_source_tree() })
    }

    /// Where indexes are remembered.
    pub fn work_dir(&self) -> PathBuf {
        self.work_dir.clone().unwrap_or_else(|| std::env::temp_dir().join("playback"))
    }
}

const SAMPLES: &str = "testdata/recordings";
