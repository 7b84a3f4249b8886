//! Sessions in Valkey (or Redis, or a cluster of either), for all replicas: any of them serves any session.
//!
//! Valkey is the truth. What this replica opened or plays it knows as a copy (`copies`) as well: for a second it asks nobody, then
//! it asks whether the session is still there, and while Valkey is away the copy is what sessions go on with. What could not be
//! told meanwhile - renewals, stops - is owed and told when Valkey is back. Every key may be evicted at any time: without its
//! session key a session is over, all others are for other programs to read.
//!
//! What replicas learn of recordings they tell each other there, too ([`ValkeyExchange`]).

mod background;
mod connect;
mod copies;
mod exchange;
mod keys;
mod link;
mod notes;
mod rows;
mod store;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::exchange::ValkeyExchange;
pub use self::store::ValkeySessions;

/// Where Valkey is and how to get in.
#[derive(Clone)]
pub struct Server {
    /// Name or address of the machine; of a cluster, of any of its nodes.
    pub host: String,
    /// Port there.
    pub port: u16,
    /// Encrypted, if at all; the certificates (PEM) of who may sign the server's, where it is not up to the system to know them.
    pub tls: Option<Option<Arc<[u8]>>>,
    /// User, where there are users.
    pub username: Option<String>,
    /// Password, where there is one.
    pub password: Option<String>,
    /// Database; a cluster has only 0.
    pub database: u16,
    /// Whether it is a cluster.
    pub cluster: bool,
    /// How long a request waits for an answer.
    pub timeout: Duration,
}

/// How much this replica remembers of sessions; past either the session that ends first is asked of Valkey again.
#[derive(Debug, Clone, Copy)]
pub struct CopyLimits {
    /// Sessions.
    pub sessions: usize,
    /// Stretches of all sessions together, at about 150 bytes each.
    pub stretches: usize,
}

/// Where it is; nothing secret.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, database, cluster, .. } = self;
        write!(f, "{host}:{port}")?;
        match cluster {
            true => f.write_str(" (cluster)")?,
            false => write!(f, " db {database}")?,
        }
        if tls.is_some() { f.write_str(", TLS") } else { Ok(()) }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}
