//! `playback-service check` beside everything that it can be beside, all of it well: what depends on real servers.

use std::process::Command;

use standins::{MediaMtx, Origin, StorageService, Vms};
use tempfile::TempDir;

use crate::valkey::server::{Flavour, PASSWORD, Running};

/// What the program says with these settings and no others, and how it ends.
fn check(settings: &[(&str, &str)]) -> (i32, Vec<String>) {
    let work_dir = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_playback-service"));
    command.env_clear().env("WORK_DIR", work_dir.path()).envs(settings.iter().copied()).arg("check");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains(PASSWORD) && output.stderr.is_empty(), "{said}");
    (output.status.code().unwrap(), said.lines().map(str::to_owned).collect())
}

#[test]
fn a_platform_that_is_well_is_said_to_be() {
    let (storage, origin) = (StorageService::start(), Origin::start());
    let (vms, media) = (Vms::start(&["cam-1"]), MediaMtx::start());
    let valkey = Running::start(Flavour::Redis);
    let (storage, origin, vms, media) = (storage.url(), origin.url(), vms.url(), media.url());
    let (status, lines) = check(&[
        ("STORAGE_SERVICE_URL", &storage),
        ("MINIO_ENDPOINT", &origin),
        ("MINIO_ACCESS_KEY", "them"),
        ("MINIO_SECRET_KEY", PASSWORD),
        ("VMS_SERVICE_URL", &vms),
        ("VALKEY_ADDR", &valkey.address()),
        ("VALKEY_PASSWORD", PASSWORD),
        ("MEDIAMTX_URL", &media),
        ("MEDIAMTX_API_URL", &media),
    ]);
    assert_eq!(status, 0, "{lines:?}");
    for (name, place) in [
        ("work_dir", ""),
        ("storage", &*storage),
        ("objects", &*origin),
        ("vms", &*vms),
        ("valkey", &*format!("{} db 1", valkey.address())),
        ("mediamtx", &*media),
    ] {
        let line = format!("ok      {name}: {place}");
        assert!(lines.iter().any(|said| said.starts_with(&line)), "{line} in {lines:?}");
    }
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert_eq!(valkey.cli(&["DBSIZE"]), "0", "nothing is left of it");
}

/// The one line about Valkey, and how the program ended.
fn valkey_line(settings: &[(&str, &str)]) -> (i32, String) {
    let (status, lines) = check(settings);
    (status, lines.into_iter().find(|line| line.contains("valkey")).unwrap())
}

#[test]
fn valkey_is_tried_with_tls_in_a_cluster_and_with_a_wrong_password() {
    let tls = Running::start(Flavour::RedisTls);
    let (url, authority) = (tls.tls_url(), tls.authority());
    let with_tls = [("VALKEY_ADDR", &*url), ("VALKEY_PASSWORD", PASSWORD)];
    let trusted = [&with_tls[..], &[("VALKEY_CA_FILE", authority.to_str().unwrap())]].concat();
    let (status, line) = valkey_line(&trusted);
    assert!(status == 0 && line.starts_with("ok ") && line.ends_with("db 1, TLS"), "{line}");
    let (status, line) = valkey_line(&with_tls);
    assert!(status == 1 && line.starts_with("FAILED ") && line.contains("certificate"), "{line}");

    let cluster = Running::start(Flavour::ThreeNodes);
    let address = format!("redis+cluster://{}", cluster.address());
    let (status, line) = valkey_line(&[("VALKEY_ADDR", &address), ("VALKEY_PASSWORD", PASSWORD)]);
    assert!(status == 0 && line.ends_with("(cluster)"), "{line}");

    let plain = Running::start(Flavour::Redis);
    let (status, line) = valkey_line(&[("VALKEY_ADDR", &plain.address()), ("VALKEY_PASSWORD", "hunter2")]);
    assert!(status == 1 && line.contains("VALKEY_PASSWORD") && !line.contains("hunter2"), "{line}");
}
