//! How much goes on at a time.

use std::time::Duration;

use clap::Args;

use super::values::{count, seconds};

/// How much goes on at a time.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Load")]
pub struct Load {
    /// Segments sent at a time, those not counted that are in memory
    #[arg(long, env, default_value = "256", value_parser = count, value_name = "COUNT")]
    pub max_running_segments: usize,

    /// Reads from where recordings are kept at a time
    #[arg(long, env, default_value = "128", value_parser = count, value_name = "COUNT")]
    pub max_upstream_reads: usize,

    /// Of either, what one session gets while others wait
    #[arg(long, env, default_value = "8", value_parser = count, value_name = "COUNT")]
    pub max_segments_per_session: usize,

    /// Longest wait for a turn before the answer is 503
    #[arg(long, env, default_value = "2", value_parser = seconds, value_name = "SECONDS")]
    pub queue_seconds: Duration,

    /// Requests that may wait for a turn; more are answered with 503 at once
    #[arg(long, env, default_value = "1024", value_parser = count, value_name = "COUNT")]
    pub max_queued_segments: usize,
}
