//! The bucket of the recordings, where it is read with own credentials.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::values::Secret;

/// The bucket of the recordings, where it is read with own credentials.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bucket")]
pub struct Minio {
    /// The S3 server that recordings are read from with own credentials, as host:port; without it they are read at URLs that
    /// the Storage Service gives
    #[arg(
        long, env, value_parser = endpoint, value_name = "MINIO_ENDPOINT",
        requires_all = ["minio_access_key", "minio_secret_key", "storage_service_url"]
    )]
    pub minio_endpoint: Option<Endpoint>,

    /// Who the service is there
    #[arg(long, env, hide_env_values = true, value_parser = Secret::parse, value_name = "MINIO_ACCESS_KEY", requires = "minio_endpoint")]
    pub minio_access_key: Option<Secret>,

    /// What shows it
    #[arg(long, env, hide_env_values = true, value_parser = Secret::parse, value_name = "MINIO_SECRET_KEY", requires = "minio_endpoint")]
    pub minio_secret_key: Option<Secret>,

    /// The bucket that the recordings are in
    #[arg(long, env, default_value = "cctv-recordings", value_parser = bucket, value_name = "NAME", requires = "minio_endpoint")]
    pub minio_bucket: String,

    /// Whether the server is spoken to by https
    #[arg(long, env, default_value = "false", action = ArgAction::Set, value_parser = BoolishValueParser::new(), value_name = "true|false", requires = "minio_endpoint")]
    pub minio_use_ssl: bool,

    /// The region that signatures name
    #[arg(long, env, default_value = "us-east-1", value_name = "REGION", requires = "minio_endpoint")]
    pub minio_region: String,

    /// Whether an index beside a recording, its key and .idx, is looked for when the recording is played for the first time
    #[arg(long, env, default_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new(), value_name = "true|false", requires = "minio_endpoint")]
    pub index_beside_objects: bool,
}

/// An S3 server and who we are there.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// `http://minio:9000`
    pub endpoint: String,
    /// The access key.
    pub access_key: Secret,
    /// The secret key.
    pub secret_key: Secret,
    /// The name of the bucket.
    pub name: String,
    /// The region that signatures name.
    pub region: String,
}

impl Minio {
    /// The bucket, where there is one.
    pub fn bucket(&self) -> Option<Bucket> {
        let Endpoint { is_https, host } = self.minio_endpoint.clone()?;
        let scheme = if is_https.unwrap_or(self.minio_use_ssl) { "https" } else { "http" };
        Some(Bucket {
            endpoint: format!("{scheme}://{host}"),
            access_key: self.minio_access_key.clone()?,
            secret_key: self.minio_secret_key.clone()?,
            name: self.minio_bucket.clone(),
            region: self.minio_region.clone(),
        })
    }
}

/// A host and a port; some write the scheme before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    is_https: Option<bool>,
    host: String,
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    let (is_https, host) = match text.split_once("://") {
        Some(("http", host)) => (Some(false), host),
        Some(("https", host)) => (Some(true), host),
        _ => (None, text),
    };
    let host = host.trim_end_matches('/');
    let url: Option<url::Url> = format!("http://{host}").parse().ok();
    let is_bare = |url: &url::Url| {
        url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty()
    };
    match url.filter(is_bare).is_some_and(|url| url.has_host() && url.password().is_none()) {
        true => Ok(Endpoint { is_https, host: host.to_owned() }),
        false => Err("host:port is needed, like minio:9000".to_owned()),
    }
}

fn bucket(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match !text.is_empty() && text.bytes().all(is_name) && !matches!(text, "." | "..") {
        true => Ok(text.to_owned()),
        false => Err("the name of a bucket is needed".to_owned()),
    }
}
