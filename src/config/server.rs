//! How the service is reached, and how much of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::Args;

use super::values::{Origins, Secret, base_url, count, origins, seconds, seconds_or_none};

/// How the service is reached, and how much of it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// Address to listen on; 0.0.0.0 for all
    #[arg(long, env, default_value = "127.0.0.1", value_name = "IP")]
    pub bind_addr: IpAddr,

    /// Port to listen on
    #[arg(long, env, default_value_t = 8085)]
    pub port: u16,

    /// What comes before /api in the URLs of answers, where a proxy changes that; without it they are relative
    #[arg(long, env, value_parser = base_url, value_name = "URL")]
    pub public_base_url: Option<String>,

    /// Origins whose pages may call the API, with commas between, or *; without it only our own
    #[arg(long, env, value_parser = origins, value_name = "ORIGINS")]
    pub cors_allowed_origins: Option<Origins>,

    /// What who asks for recordings to be indexed has to know, behind "Authorization: Bearer"; without it nobody may
    #[arg(long, env, hide_env_values = true, value_parser = Secret::parse, value_name = "SECRET")]
    pub ingest_secret: Option<Secret>,

    /// Connections open at a time; more wait in the kernel's queue
    #[arg(long, env, default_value = "4096", value_parser = count, value_name = "COUNT")]
    pub http_max_connections: usize,

    /// Longest wait for the head or the body of a request, or for the next one on an open connection
    #[arg(long, env, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    pub http_header_timeout_seconds: Duration,

    /// A client that takes no byte for this long is cut off
    #[arg(long, env, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    pub http_write_stall_seconds: Duration,

    /// Longest body of a request
    #[arg(long, env, default_value = "65536", value_parser = count, value_name = "BYTES")]
    pub http_max_body_bytes: usize,

    /// Largest segment that is sent to an HTTP/1.0 client, for whom it is made in memory first
    #[arg(long, env, default_value = "67108864", value_parser = count, value_name = "BYTES")]
    pub http10_max_segment_bytes: usize,

    /// Longest wait for the answer of POST /start, which may have to read recordings first
    #[arg(long, env, default_value = "60", value_parser = seconds, value_name = "SECONDS")]
    pub open_timeout_seconds: Duration,

    /// How long /health says that the service is going, before it stops to listen
    #[arg(long, env, default_value = "0", value_parser = seconds_or_none, value_name = "SECONDS")]
    pub shutdown_delay_seconds: Duration,

    /// How long answers under way may take to finish after that
    #[arg(long, env, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    pub shutdown_deadline_seconds: Duration,
}

impl Server {
    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.bind_addr, self.port)
    }
}
