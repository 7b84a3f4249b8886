//! How long sessions live, and how many.

use std::time::Duration;

use clap::Args;

use super::values::{count, seconds};

/// How long sessions live, and how many.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sessions")]
pub struct Sessions {
    /// How long a session lives after it was last renewed
    #[arg(
        long = "session-ttl-seconds", env = "SESSION_TTL_SECONDS", default_value = "3600", value_parser = seconds,
        value_name = "SECONDS"
    )]
    pub ttl: Duration,

    /// How long after its creation playing a session still renews it
    #[arg(
        long = "session-max-age-seconds", env = "SESSION_MAX_AGE_SECONDS", default_value = "86400",
        value_parser = seconds, value_name = "SECONDS"
    )]
    pub max_age: Duration,

    /// How long a live session lives unless it is extended
    #[arg(
        long = "live-ttl-seconds", env = "LIVE_TTL_SECONDS", default_value = "86400", value_parser = seconds,
        value_name = "SECONDS"
    )]
    pub live_ttl: Duration,

    /// Sessions open at a time; with Valkey, sessions that a replica remembers
    #[arg(long, env, default_value = "10000", value_parser = count, value_name = "COUNT")]
    pub max_sessions: usize,

    /// Recordings in all those sessions together, at about 150 bytes each
    #[arg(long, env, default_value = "1000000", value_parser = count, value_name = "COUNT")]
    pub max_session_recordings: usize,
}
