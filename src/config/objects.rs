//! How recordings that are objects of a server are read.

use std::time::Duration;

use clap::Args;

use super::values::milliseconds;

/// How recordings that are objects of a server are read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Objects")]
pub struct Objects {
    /// Hosts that URLs of recordings may lead to, as host or host:port, with commas between; without it any
    #[arg(long, env, value_delimiter = ',', value_parser = host, value_name = "HOSTS")]
    pub object_hosts: Vec<String>,

    /// Longest wait for a connection to the server of the objects
    #[arg(long, env, default_value = "2000", value_parser = milliseconds, value_name = "MILLISECONDS")]
    pub object_connect_timeout_ms: Duration,

    /// Longest wait for its answer after that
    #[arg(long, env, default_value = "10000", value_parser = milliseconds, value_name = "MILLISECONDS")]
    pub object_first_byte_timeout_ms: Duration,

    /// Longest wait for the next bytes of an answer, before it is resumed
    #[arg(long, env, default_value = "10000", value_parser = milliseconds, value_name = "MILLISECONDS")]
    pub object_stall_timeout_ms: Duration,
}

fn host(text: &str) -> Result<String, String> {
    let host = text.trim();
    let is_host =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ':' | '[' | ']');
    match !host.is_empty() && host.chars().all(is_host) {
        true => Ok(host.to_owned()),
        false => Err("a host like minio or minio:9000 is needed, several have commas between".to_owned()),
    }
}
