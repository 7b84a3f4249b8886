//! The VMS.

use std::time::Duration;

use clap::Args;

use super::values::{Form, seconds, service_url};

/// The VMS, which knows the cameras.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "VMS")]
pub struct Vms {
    /// URL of the VMS; without it there are the cameras that have recordings
    #[arg(long, env, value_parser = service_url, value_name = "URL")]
    pub vms_service_url: Option<String>,

    /// In which form it answers: auto finds out
    #[arg(
        long,
        env,
        default_value = "auto",
        value_enum,
        hide_possible_values = true,
        value_name = "auto|documented|deployed"
    )]
    pub vms_dialect: Form,

    /// Longest wait for an answer of the VMS, further tries included
    #[arg(long, env, default_value = "5", value_parser = seconds, value_name = "SECONDS")]
    pub vms_timeout_seconds: Duration,
}
