//! The Storage Service.

use std::time::Duration;

use clap::Args;

use super::values::{Form, seconds, service_url};

/// The Storage Service, which lists recordings that are kept elsewhere.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Storage Service")]
pub struct Storage {
    /// URL of the Storage Service; without it recordings are those of RECORDINGS_DIR
    #[arg(long, env, value_parser = service_url, value_name = "URL")]
    pub storage_service_url: Option<String>,

    /// In which form it answers: auto finds out
    #[arg(
        long,
        env,
        default_value = "auto",
        value_enum,
        hide_possible_values = true,
        value_name = "auto|documented|deployed"
    )]
    pub storage_dialect: Form,

    /// Longest recording there may be: so much is asked for around what is wanted
    #[arg(long, env, default_value = "3600", value_parser = seconds, value_name = "SECONDS")]
    pub storage_longest_segment_seconds: Duration,

    /// Longest wait for an answer of the Storage Service, further tries included
    #[arg(long, env, default_value = "10", value_parser = seconds, value_name = "SECONDS")]
    pub storage_timeout_seconds: Duration,
}
