//! Fetches hls.js for the page, which is embedded in the binary.
//!
//! npm installs it as `web/package-lock.json` says, checks its hash and runs no script of it. Where npm is missing or has no
//! network the build goes on without: the page then plays with the browser's own HLS and says so.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// What npm needs to see of the page.
const MANIFESTS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// The full build: H.264 in transport streams now, fMP4 and low-latency playlists later.
const SCRIPT: &str = "node_modules/hls.js/dist/hls.min.js";

/// Set to 1 to build as on a machine without npm.
const SKIP: &str = "PLAYBACK_SKIP_NPM";

const PATIENCE: Duration = Duration::from_secs(120);

/// No retries: a machine without a network should not wait for minutes to find out.
const NPM: [&str; 7] = [
    "ci",
    "--ignore-scripts",
    "--prefer-offline",
    "--fetch-retries=0",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=web/package-lock.json");
    println!("cargo:rerun-if-env-changed={SKIP}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let script = fetch(&out).unwrap_or_else(|why| {
        println!(
            "cargo:warning=the page is built without hls.js and plays with the browser's own HLS: {why}"
        );
        println!("cargo:warning=to try again: touch build.rs, then build");
        Vec::new()
    });
    // An empty file stands for a missing one, so that the sources which include it compile either way.
    fs::write(out.join("hls.js"), script).expect("OUT_DIR can be written");
}

/// Installs below `out`: the tree of sources stays as it is.
fn fetch(out: &Path) -> Result<Vec<u8>, String> {
    if env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0") {
        return Err(format!("{SKIP} is set"));
    }
    let directory = out.join("npm");
    copy_manifests(&directory).map_err(|error| format!("web/ cannot be copied: {error}"))?;
    let log = directory.join("npm.log");
    let status = install(&directory, &log).map_err(|error| format!("npm: {error}"))?;
    if !status.success() {
        return Err(format!("npm failed ({status}): {}", first_line(&log)));
    }
    fs::read(directory.join(SCRIPT)).map_err(|error| format!("{SCRIPT}: {error}"))
}

fn copy_manifests(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for manifest in MANIFESTS {
        fs::copy(Path::new("web").join(manifest), directory.join(manifest))?;
    }
    Ok(())
}

/// Runs npm; what it has to say goes into a file, because nobody empties a pipe here.
fn install(directory: &Path, log: &Path) -> io::Result<ExitStatus> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let child = Command::new(npm)
        .args(NPM)
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(log)?)
        .spawn()?;
    wait(child)
}

fn wait(mut child: Child) -> io::Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if started.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("took longer than {} s", PATIENCE.as_secs())));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn first_line(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let is_news = |line: &&str| line.starts_with("npm error") && !line.starts_with("npm error code");
    text.lines().find(is_news).unwrap_or("it did not say why").to_owned()
}
