//! `playback-service check`, with stand-ins for the platform.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::path::PathBuf;
use std::process::Command;

use standins::{Fault, MediaMtx, Origin, StorageService, Vms};
use tempfile::TempDir;

/// The platform, and how the service is told of it.
struct Scene {
    storage: StorageService,
    origin: Origin,
    vms: Vms,
    media: MediaMtx,
    directory: TempDir,
    settings: Vec<(&'static str, String)>,
}

const SECRET: &str = "5ecret";

impl Scene {
    fn set() -> Self {
        let (storage, origin) = (StorageService::start(), Origin::start());
        let (vms, media) = (Vms::start(&["cam-1"]), MediaMtx::start());
        let directory = TempDir::new().unwrap();
        let settings = vec![
            ("WORK_DIR", directory.path().join("work").to_str().unwrap().to_owned()),
            ("STORAGE_SERVICE_URL", storage.url()),
            ("MINIO_ENDPOINT", origin.url()),
            ("MINIO_ACCESS_KEY", "them".to_owned()),
            ("MINIO_SECRET_KEY", SECRET.to_owned()),
            ("VMS_SERVICE_URL", vms.url()),
            ("MEDIAMTX_URL", media.url()),
            ("MEDIAMTX_API_URL", media.url()),
            ("MEDIAMTX_API_USER", "us".to_owned()),
            ("MEDIAMTX_API_PASSWORD", SECRET.to_owned()),
        ];
        Self { storage, origin, vms, media, directory, settings }
    }

    fn setting(mut self, name: &'static str, value: &str) -> Self {
        self.settings.retain(|(given, _)| *given != name);
        self.settings.push((name, value.to_owned()));
        self
    }

    fn check(&self) -> Checked {
        let settings: Vec<(&str, &str)> =
            self.settings.iter().map(|(name, value)| (*name, &**value)).collect();
        check(&settings, &[])
    }
}

struct Checked {
    status: i32,
    lines: Vec<String>,
}

impl Checked {
    /// The one line that is not `ok`.
    fn only_failure(&self) -> &str {
        assert_eq!(self.status, 1, "{:?}", self.lines);
        let mut failures = self.lines.iter().filter(|line| !line.starts_with("ok "));
        let failure = failures.next().unwrap();
        assert_eq!(failures.next(), None);
        failure
    }
}

/// Runs the program with these settings and no others.
fn check(settings: &[(&str, &str)], options: &[&str]) -> Checked {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playback-service"));
    let output =
        command.env_clear().envs(settings.iter().copied()).arg("check").args(options).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains(SECRET), "{said}");
    Checked { status: output.status.code().unwrap(), lines: said.lines().map(str::to_owned).collect() }
}

#[test]
fn everything_that_is_well_is_said_to_be() {
    let checked = Scene::set().check();
    assert_eq!(checked.status, 0, "{:?}", checked.lines);
    let names =
        checked.lines.iter().map(|line| line.split([' ', ':']).find(|word| !matches!(*word, "" | "ok")));
    assert_eq!(
        names.map(Option::unwrap).collect::<Vec<_>>(),
        ["work_dir", "storage", "objects", "vms", "mediamtx"]
    );
}

#[test]
fn without_a_platform_there_are_two_directories() {
    let work_dir = TempDir::new().unwrap();
    let work_dir = work_dir.path().to_str().unwrap();
    let samples = support::samples();
    let options = ["--recordings-dir", samples.to_str().unwrap(), "--work-dir", work_dir];
    let checked = check(&[], &options);
    assert_eq!((checked.status, checked.lines.len()), (0, 2), "{:?}", checked.lines);

    let nowhere = check(&[("RECORDINGS_DIR", "/nowhere")], &["--work-dir", work_dir]);
    let failure = nowhere.only_failure();
    assert!(failure.contains("/nowhere") && failure.contains("RECORDINGS_DIR"), "{failure}");
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named() {
    let scene = Scene::set();
    let file: PathBuf = scene.directory.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let checked = scene.setting("WORK_DIR", file.to_str().unwrap()).check();
    assert!(checked.only_failure().contains("WORK_DIR"), "{:?}", checked.lines);
}

/// What is done to the platform, and what the one line that is not `ok` then says.
type Trouble = (&'static str, fn(&Scene), &'static [&'static str]);

const TROUBLES: [Trouble; 8] = [
    (
        "no Storage Service",
        |scene| scene.storage.stop(),
        &["storage: ", "cannot be reached", "STORAGE_SERVICE_URL"],
    ),
    (
        "another service in its place",
        |scene| scene.storage.faults().always(Fault::status(404)),
        &["storage: ", "STORAGE_SERVICE_URL"],
    ),
    ("no bucket", |scene| scene.origin.stop(), &["objects: ", "MINIO_ENDPOINT"]),
    (
        "credentials that the bucket refuses",
        |scene| scene.origin.faults().always(Fault::s3(403, "SignatureDoesNotMatch")),
        &["objects: ", "SignatureDoesNotMatch"],
    ),
    (
        "a bucket that is not there",
        |scene| scene.origin.faults().always(Fault::s3(404, "NoSuchBucket")),
        &["objects: ", "NoSuchBucket"],
    ),
    ("no VMS", |scene| scene.vms.stop(), &["vms: ", "cannot be reached", "VMS_SERVICE_URL"]),
    ("no MediaMTX", |scene| scene.media.stop(), &["mediamtx: ", "cannot be reached", "MEDIAMTX_API_URL"]),
    (
        "a MediaMTX that wants another password",
        |scene| scene.media.require("us", "another"),
        &["mediamtx: ", "MEDIAMTX_API_PASSWORD"],
    ),
];

#[test]
fn what_is_wrong_is_said_with_the_setting_to_look_at() {
    for (what, trouble, said) in TROUBLES {
        let scene = Scene::set();
        trouble(&scene);
        let checked = scene.check();
        let failure = checked.only_failure();
        assert!(said.iter().all(|said| failure.contains(said)), "{what}: {failure}");
    }
}

#[test]
fn valkey_that_is_away_is_named_without_its_password() {
    // Nobody listens at the port of a listener that is gone.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("redis://us:{SECRET}@127.0.0.1:{port}/3");
    let checked = Scene::set().setting("VALKEY_ADDR", &address).check();
    let failure = checked.only_failure();
    assert!(failure.contains("valkey: 127.0.0.1") && failure.contains("db 3"), "{failure}");
    assert!(failure.contains("VALKEY_ADDR"), "{failure}");
}

#[test]
fn variables_that_are_empty_are_not_set() {
    let command = <playback_service::config::Config as clap::CommandFactory>::command();
    let names = command.get_arguments().filter_map(|option| option.get_env()?.to_str());
    let empty: Vec<(&str, &str)> = names.map(|name| (name, "")).collect();
    assert!(empty.len() > 50);
    let samples = support::samples();
    let checked = check(&empty, &["--recordings-dir", samples.to_str().unwrap()]);
    assert_eq!((checked.status, checked.lines.len()), (0, 2), "{:?}", checked.lines);
}

#[test]
fn what_is_wrong_with_a_setting_is_said_with_its_variable() {
    for (settings, variables) in [
        (&[("VMS_SERVICE_URL", "vms:8081")][..], "VMS_SERVICE_URL"),
        (&[("PORT", "http")], "PORT"),
        (&[("LOG_FORMAT", "yaml")], "LOG_FORMAT"),
        (&[("VALKEY_ADDR", "http://valkey")], "VALKEY_ADDR"),
        (&[("MEDIAMTX_API_URL", "http://mediamtx:9997")], "MEDIAMTX_URL"),
        (&[("MINIO_ENDPOINT", "minio:9000")], "STORAGE_SERVICE_URL, MINIO_ACCESS_KEY, MINIO_SECRET_KEY"),
    ] {
        for arguments in [&["check"][..], &[]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_playback-service"));
            let output = command.env_clear().envs(settings.iter().copied()).args(arguments).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{settings:?}: {said}");
            assert!(said.contains(variables) && said.ends_with('\n'), "{settings:?}: {said}");
        }
    }
    let accepted = [("MINIO_USE_SSL", ""), ("LOG_FORMAT", "JSON"), ("VALKEY_CLUSTER", "0")];
    let samples = support::samples();
    assert_eq!(check(&accepted, &["--recordings-dir", samples.to_str().unwrap()]).status, 0);
}

#[test]
fn options_belong_behind_the_command() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_playback-service"));
    let output = command.args(["--port", "1", "check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "options that would be passed over are refused");
}
