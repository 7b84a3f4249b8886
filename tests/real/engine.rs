//! The `remux` command, held to limits of memory and time.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Memory of its own that the command may have for a transport stream, whatever its length (RLIMIT_DATA).
pub(crate) const MEMORY_TS: u64 = 16 << 20;
/// The same for MP4: a `moov` is held as a whole.
pub(crate) const MEMORY_MP4: u64 = 64 << 20;

/// How the command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status; `None` where it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Whether it ended as the command says that it ends: 0, 1 or 2, with a reason for everything but 0.
    pub(crate) fn is_sane(&self) -> Result<(), String> {
        let says = |what: &str| self.stderr.lines().any(|line| line.starts_with(what));
        match self.code {
            Some(0) if !says("remux: damage:") => Ok(()),
            Some(1) if says("remux: damage:") => Ok(()),
            Some(2) if says("remux: ") && !says("remux: damage:") => Ok(()),
            code => Err(format!("status {code:?} with {:?}", self.stderr.trim())),
        }
    }

    /// Whether there is output.
    pub(crate) fn has_output(&self) -> bool {
        matches!(self.code, Some(0 | 1))
    }
}

/// Runs `remux` over an input of `size` bytes.
pub(crate) fn remux<S: AsRef<OsStr>>(memory: u64, size: u64, arguments: &[S]) -> Ended {
    let limit = seconds(size);
    let output = Command::new("prlimit")
        .args([format!("--data={memory}"), "--core=0".to_owned(), "timeout".to_owned()])
        .args(["-s", "KILL", &limit.to_string()])
        .arg(binary())
        .args(arguments)
        .output()
        .expect("prlimit is part of util-linux");
    ended(&output)
}

/// Ten seconds to be scheduled at all on a busy machine, and 5 microseconds per byte: a thousand times what it takes.
fn seconds(size: u64) -> u64 {
    10 + size * 5 / 1_000_000
}

fn ended(output: &Output) -> Ended {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// The command as this source makes it. Cargo hands it to tests of its own package only.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let directory = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--workspace", "--all-features", "--bin", "remux"]);
        if directory.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(status.success(), "the remux command cannot be built");
        directory.join("remux")
    })
}
