//! What is kept of segments, and made ahead.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::{bytes, seconds, seconds_or_none};

/// What is kept of segments, and made ahead.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Segment cache")]
pub struct Cache {
    /// Memory for finished segments; 0 for none; without it 256 MiB where recordings come from afar, and none where they are files,
    /// which the system keeps in memory itself
    #[arg(long, env, value_parser = bytes, value_name = "BYTES")]
    pub cache_memory_bytes: Option<u64>,

    /// Room for finished segments on the disk of WORK_DIR; 0 for none; without it 2 GiB where recordings come from afar, and none
    /// where they are files, which are read as fast
    #[arg(long, env, value_parser = bytes, value_name = "BYTES")]
    pub cache_disk_bytes: Option<u64>,

    /// How long a segment is kept on the disk
    #[arg(long, env, default_value = "86400", value_parser = seconds, value_name = "SECONDS")]
    pub cache_max_age_seconds: Duration,

    /// What stays free on the disk of WORK_DIR
    #[arg(long, env, default_value = "1073741824", value_parser = bytes, value_name = "BYTES")]
    pub cache_min_free_bytes: u64,

    /// How long after a recording was last seen its kept segments are sent without asking for it: so long does what is deleted
    /// go on playing
    #[arg(long, env, default_value = "60", value_parser = seconds_or_none, value_name = "SECONDS")]
    pub cache_verify_seconds: Duration,

    /// Memory for segments on their way, which all who ask for them at the same time share; 0 for each on its own
    #[arg(long, env, default_value = "134217728", value_parser = bytes, value_name = "BYTES")]
    pub cache_inflight_bytes: u64,

    /// Largest segment that is kept or shared
    #[arg(long, env, default_value = "33554432", value_parser = bytes, value_name = "BYTES")]
    pub cache_max_segment_bytes: u64,

    /// Whether the next segment of a session that plays on is made ahead: auto where recordings come from afar
    #[arg(
        long,
        env,
        default_value = "auto",
        value_enum,
        hide_possible_values = true,
        value_name = "auto|on|off"
    )]
    pub prefetch: Prefetch,

    /// Memory for segments that are made ahead; 0 for none
    #[arg(long, env, default_value = "67108864", value_parser = bytes, value_name = "BYTES")]
    pub prefetch_bytes: u64,
}

/// Whether segments are made ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Prefetch {
    /// Where recordings come from afar.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// Memory where recordings come from afar.
const MEMORY_BYTES: u64 = 256 << 20;

/// Room on the disk where recordings come from afar.
const DISK_BYTES: u64 = 2 << 30;

impl Cache {
    /// Memory for finished segments.
    pub fn memory_bytes(&self, from_afar: bool) -> u64 {
        self.cache_memory_bytes.unwrap_or(if from_afar { MEMORY_BYTES } else { 0 })
    }

    /// Room on the disk.
    pub fn disk_bytes(&self, from_afar: bool) -> u64 {
        self.cache_disk_bytes.unwrap_or(if from_afar { DISK_BYTES } else { 0 })
    }

    /// Memory for what is made ahead.
    pub fn ahead_bytes(&self, from_afar: bool) -> u64 {
        match self.prefetch {
            Prefetch::On => self.prefetch_bytes,
            Prefetch::Auto if from_afar => self.prefetch_bytes,
            Prefetch::Auto | Prefetch::Off => 0,
        }
    }
}
