//! Where sessions live: Valkey, or any server that speaks its protocol.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::{BoolishValueParser, TypedValueParser, ValueParserFactory};

use super::values::Secret;
use clap::error::ErrorKind;
use clap::{Args, Command};
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use url::Url;

/// Where sessions live. Without an address they live in memory.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Valkey")]
pub struct Valkey {
    /// Valkey or Redis that keeps sessions, for all replicas: host:port, or redis://, rediss:// (TLS), redis+cluster:// or
    /// rediss+cluster:// with host, port and, if wanted, user, password and database; without it sessions live in memory
    #[arg(long = "valkey-addr", env = "VALKEY_ADDR", hide_env_values = true, value_name = "HOST:PORT|URL")]
    pub address: Option<Address>,

    /// User at Valkey, where it has users
    #[arg(long = "valkey-username", env = "VALKEY_USERNAME", value_name = "NAME")]
    pub username: Option<String>,

    /// Password at Valkey
    #[arg(
        long = "valkey-password",
        env = "VALKEY_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    pub password: Option<Secret>,

    /// Database at Valkey, unless VALKEY_ADDR names one; a cluster has only database 0
    #[arg(long = "valkey-db", env = "VALKEY_DB", default_value = "1", value_name = "NUMBER")]
    pub database: u16,

    /// Whether VALKEY_ADDR is a node of a cluster
    #[arg(
        long = "valkey-cluster", env = "VALKEY_CLUSTER", default_value = "false",
        action = clap::ArgAction::Set, value_parser = BoolishValueParser::new(), value_name = "true|false"
    )]
    pub cluster: bool,

    /// File with the certificates (PEM) of who may sign Valkey's; without it those that the system trusts
    #[arg(long = "valkey-ca-file", env = "VALKEY_CA_FILE", value_parser = certificates, value_name = "FILE")]
    pub ca: Option<Arc<[u8]>>,

    /// Milliseconds that a request waits for Valkey
    #[arg(
        long = "valkey-timeout-ms", env = "VALKEY_TIMEOUT_MS", default_value = "250", value_parser = millis,
        value_name = "MILLISECONDS"
    )]
    pub timeout: Duration,
}

/// `VALKEY_ADDR`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address of the machine.
    pub host: String,
    /// Port there.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Whether it is a node of a cluster.
    pub cluster: bool,
    /// The user that it names.
    pub username: Option<String>,
    /// The password that it names.
    pub password: Option<Secret>,
    /// The database that it names.
    pub database: Option<u16>,
}

impl Address {
    /// `host`, `host:port` or a URL.
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains("://") {
            return Self::of_url(&Url::parse(text).map_err(|_| "it is no URL")?);
        }
        // What belongs into a URL is no part of a host name.
        let url = Url::parse(&format!("redis://{text}")).map_err(|_| NO_ADDRESS)?;
        match Self::of_url(&url)? {
            address if address.names_only_a_machine() => Ok(address),
            _ => Err(NO_ADDRESS),
        }
    }

    fn of_url(url: &Url) -> Result<Self, &'static str> {
        let (tls, cluster) = match url.scheme() {
            "redis" | "valkey" => (false, false),
            "rediss" | "valkeys" => (true, false),
            "redis+cluster" | "valkey+cluster" => (false, true),
            "rediss+cluster" | "valkeys+cluster" => (true, true),
            _ => return Err("its scheme is none of redis, rediss, redis+cluster and rediss+cluster"),
        };
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has more than host, port, user, password and database");
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
        let database = match url.path().trim_start_matches('/') {
            "" => None,
            number => Some(number.parse().map_err(|_| "what follows the host is no number of a database")?),
        };
        if cluster && database.is_some_and(|database| database != 0) {
            return Err("a cluster has only database 0");
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(PORT),
            tls,
            cluster,
            username: some(url.username())?,
            password: some(url.password().unwrap_or_default())?.as_deref().map(Secret::from),
            database,
        })
    }

    fn names_only_a_machine(&self) -> bool {
        (&self.username, &self.password, self.database) == (&None, &None, None)
    }
}

const NO_ADDRESS: &str = "host:port or a URL like redis://host:6379/1 is needed";

/// The port that Valkey listens at by default.
const PORT: u16 = 6379;

/// Part of a URL, decoded; nothing where it is empty.
fn some(part: &str) -> Result<Option<String>, &'static str> {
    let text = percent_decode_str(part).decode_utf8().map_err(|_| "user or password is not UTF-8")?;
    Ok(Some(text.into_owned()).filter(|text| !text.is_empty()))
}

/// Parses addresses; what it says of a wrong one does not repeat it, for it may contain a password.
#[derive(Debug, Clone)]
pub struct AddressParser;

impl ValueParserFactory for Address {
    type Parser = AddressParser;

    fn value_parser() -> Self::Parser {
        AddressParser
    }
}

impl TypedValueParser for AddressParser {
    type Value = Address;

    fn parse_ref(
        &self,
        command: &Command,
        _option: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Address, clap::Error> {
        let address = value.to_str().ok_or("it is not UTF-8").and_then(Address::parse);
        address.map_err(|why| {
            let message = format!("invalid value for '--valkey-addr' (VALKEY_ADDR): {why}\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// The PEM file at `path`, which holds at least one certificate.
fn certificates(path: &str) -> Result<Arc<[u8]>, String> {
    let pem = std::fs::read(Path::new(path)).map_err(|error| error.to_string())?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(pem.into()),
        _ => Err("certificates in PEM are needed".to_owned()),
    }
}

fn millis(text: &str) -> Result<Duration, String> {
    let millis = text.parse().ok().filter(|millis| (1..=10_000).contains(millis));
    millis.map(Duration::from_millis).ok_or_else(|| "1 to 10000 milliseconds make sense".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn an_address_is_a_machine_or_a_url() {
        let plain = Address {
            host: "valkey".to_owned(),
            port: 6379,
            tls: false,
            cluster: false,
            username: None,
            password: None,
            database: None,
        };
        assert_eq!(address("valkey:6379"), plain);
        assert_eq!(address("valkey"), plain);
        assert_eq!(address("redis://valkey"), plain);
        assert_eq!(address("[::1]:7000"), Address { host: "::1".to_owned(), port: 7000, ..plain.clone() });
        let full = Address {
            tls: true,
            username: Some("play".to_owned()),
            password: Some("p@ss".into()),
            database: Some(2),
            ..plain.clone()
        };
        assert_eq!(address("rediss://play:p%40ss@valkey/2"), full);
        assert_eq!(address("redis+cluster://valkey:6379"), Address { cluster: true, ..plain });
        assert!(!format!("{full:?}").contains("p@ss"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "valkey:port",
            "valkey:70000",
            "http://valkey",
            "redis://",
            "redis://valkey/one",
            "redis://valkey/1?protocol=resp2",
            "valkey/1",
            "user:password@valkey",
            "redis+cluster://valkey/1",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
