//! Fetches hls.js for the page, which is embedded in the binary.
//!
//! npm installs it from `web/package-lock.json`, whose integrity hash it checks; no script of any package is run. Where npm
//! is missing or cannot reach its registry the build goes on without: the page then uses the browser's own HLS and says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

/// What npm needs to see of the page.
const MANIFESTS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
const SCRIPT: &str = "node_modules/hls.js/dist/hls.min.js";
/// Set to build as on a machine without npm.
const SKIP: &str = "PLAYBACK_SKIP_NPM";
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={SKIP}");
    for manifest in MANIFESTS {
        println!("cargo:rerun-if-changed=web/{manifest}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let script = fetch(&out).unwrap_or_else(|error| {
        println!(
            "cargo:warning=the page is built without hls.js and will use the browser's own HLS: {error}"
        );
        Vec::new()
    });
    // An empty file stands for a missing one, so that the sources that include it compile either way.
    fs::write(out.join("hls.js"), script).expect("OUT_DIR can be written");
}

/// Installs beside the sources' own tree, which stays as it is.
fn fetch(out: &Path) -> io::Result<Vec<u8>> {
    if env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0") {
        return Err(io::Error::other(format!("{SKIP} is set")));
    }
    let directory = out.join("npm");
    fs::create_dir_all(&directory)?;
    for manifest in MANIFESTS {
        fs::copy(Path::new("web").join(manifest), directory.join(manifest))?;
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(&directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::other(format!("npm: {error}")))?;
    wait(npm)?;
    fs::read(directory.join(SCRIPT))
}

fn wait(mut child: std::process::Child) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("npm: {status}"))),
            None if started.elapsed() > PATIENCE => {
                child.kill()?;
                child.wait()?;
                return Err(io::Error::other(format!("npm took longer than {} s", PATIENCE.as_secs())));
            }
            None => thread::sleep(Duration::from_millis(50)),
        }
    }
}
