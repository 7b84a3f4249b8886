//! Connections to Valkey: one server or a cluster, plain or TLS.

use std::fmt;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    ProtocolVersion, RedisConnectionInfo, RedisResult, TlsCertificates, Value,
};

use super::Server;

/// A connection that everybody shares: to clone it costs little.
#[derive(Clone)]
pub(super) enum Connection {
    /// To one server.
    Single(MultiplexedConnection),
    /// To the nodes of a cluster.
    Cluster(ClusterConnection),
}

impl Connection {
    /// Connects to `server`.
    pub(super) async fn open(server: &Server) -> RedisResult<Self> {
        if server.cluster {
            return cluster(server)?.get_async_connection().await.map(Self::Cluster);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            // Who waits keeps the time.
            .set_response_timeout(Some(CONNECT_TIMEOUT))
            .set_pipeline_buffer_size(PIPELINE);
        client(server)?.get_multiplexed_async_connection_with_config(&config).await.map(Self::Single)
    }

    /// Sends a command and waits for what it answers.
    pub(super) fn send<'a>(&'a mut self, command: &'a Cmd) -> BoxFuture<'a, RedisResult<Value>> {
        let answer = match self {
            Self::Single(connection) => connection.req_packed_command(command),
            Self::Cluster(connection) => connection.req_packed_command(command),
        };
        answer.map(|answer| answer?.extract_error()).boxed()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single(_) => "Single(..)",
            Self::Cluster(_) => "Cluster(..)",
        })
    }
}

/// How long connecting may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How many commands wait for their turn to be written.
const PIPELINE: usize = 1024;

fn client(server: &Server) -> RedisResult<Client> {
    let info = info(server)?;
    match certificates(server) {
        Some(certificates) => Client::build_with_tls(info, certificates),
        None => Client::open(info),
    }
}

fn cluster(server: &Server) -> RedisResult<redis::cluster::ClusterClient> {
    let builder = ClusterClientBuilder::new([info(server)?])
        .use_protocol(ProtocolVersion::RESP3)
        .tcp_settings(tcp())
        .connection_timeout(CONNECT_TIMEOUT)
        .response_timeout(CONNECT_TIMEOUT)
        .retries(1);
    match certificates(server) {
        Some(certificates) => builder.certs(certificates).build(),
        None => builder.build(),
    }
}

fn info(server: &Server) -> RedisResult<ConnectionInfo> {
    let (host, port) = (server.host.clone(), server.port);
    let address = match server.tls {
        None => ConnectionAddr::Tcp(host, port),
        Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
    };
    let database = if server.cluster { 0 } else { i64::from(server.database) };
    let mut settings = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_db(database);
    if let Some(username) = &server.username {
        settings = settings.set_username(username);
    }
    if let Some(password) = &server.password {
        settings = settings.set_password(password);
    }
    Ok(address.into_connection_info()?.set_tcp_settings(tcp()).set_redis_settings(settings))
}

fn certificates(server: &Server) -> Option<TlsCertificates> {
    let authorities = server.tls.as_ref()?;
    Some(TlsCertificates { client_tls: None, root_cert: authorities.as_ref().map(|pem| pem.to_vec()) })
}

/// A connection into nothing is noticed and given up within seconds.
fn tcp() -> TcpSettings {
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(5)).with_interval(Duration::from_secs(2));
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive).set_user_timeout(Duration::from_secs(5))
}
