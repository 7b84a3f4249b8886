//! The README's walk through the API, typed into a shell as it stands there.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::clips::samples;
use crate::service::Service;

const README: &str = include_str!("../../README.md");

/// Where the README's service listens.
const ADDRESS: &str = "http://127.0.0.1:8085";

/// The shell commands between two headings.
fn commands(from: &str, to: &str) -> String {
    let (_, section) = README.split_once(from).unwrap();
    let (section, _) = section.split_once(to).unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split_once("```").unwrap().0);
    blocks.filter(|block| block.contains("curl")).collect()
}

/// Every `curl` also says which status it got, and fails where it got none.
const CURL: &str = r#"curl() {
    command curl --fail-with-body --write-out '%{stderr}%{http_code} %{method} %{urlnum}%{url_effective}\n' "$@"
}
"#;

/// Runs commands; the statuses that were answered, in order.
fn type_in(commands: &str, service: &Service, directory: &Path) -> Vec<String> {
    let script = format!("set -euo pipefail\n{CURL}{}", commands.replace(ADDRESS, &service.base));
    let output = Command::new("bash")
        .env("INGEST_SECRET", "5ecret")
        .args(["-c", &script])
        .current_dir(directory)
        .output();
    let output = output.expect("bash is needed for these tests");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{script}\n{said}\n{}", String::from_utf8_lossy(&output.stdout));
    said.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_walk_through_the_api_is_answered_as_the_readme_says() {
    let service = Service::start_with(
        &samples(),
        &[("MEDIAMTX_URL", "http://mediamtx:8888"), ("INGEST_SECRET", "5ecret")],
    );
    let directory = TempDir::new().unwrap();

    let playing = commands("\n## Playing\n", "\n## API\n");
    assert_eq!(type_in(&playing, &service, directory.path()), ["201 POST"]);

    let walk = commands("\n## API\n", "\n## Configuration\n");
    let statuses = type_in(&walk, &service, directory.path());
    let expected = [
        "201 POST",
        "200 GET",
        "200 GET",
        "200 GET",
        "200 GET",
        "200 GET",
        "200 POST",
        "200 DELETE",
        "201 POST",
        "202 POST",
    ];
    assert_eq!(statuses, expected);
    let segment = std::fs::read(directory.path().join("segment.ts")).unwrap();
    assert!(segment.len() > 10_000 && segment.chunks(188).all(|packet| packet[0] == 0x47));
}
