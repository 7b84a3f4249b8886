//! Requests that Schemathesis makes up from `/openapi.json`, good ones and bad ones: the service never fails by a bug, and answers
//! nothing that the document does not say.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use standins::{MediaMtx, Origin, StorageService, Vms, directory};
use tempfile::TempDir;

use crate::clips::samples;
use crate::service::Service;

/// What is looked at in every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,allow_header_conformance,use_after_free";

/// Test cases per operation and phase; the same ones in every run.
const BOUNDS: [&str; 3] = ["--max-examples", "25", "--generation-deterministic"];

const CAMERA: &str = "cam-001-entrance";
const RANGE: [&str; 2] = ["2026-03-14T10:00:30Z", "2026-03-14T10:08:30Z"];

fn schemathesis(document: &str, service: &Service, further: &[&str]) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let directory = TempDir::new().unwrap();
    let output = Command::new(tools.join("schemathesis/bin/schemathesis"))
        .args([
            "run",
            document,
            "--url",
            &service.base,
            "--checks",
            CHECKS,
            "--no-color",
            "--continue-on-failure",
        ])
        .args(BOUNDS)
        .args(further)
        .current_dir(directory.path())
        .output()
        .expect("Schemathesis is needed for this test (tests/run installs it)");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// What the whole world may ask, then the same of a session that there is: nobody makes up its id.
fn conforms(service: &Service) {
    schemathesis(&format!("{}/openapi.json", service.base), service, &[]);
    let session = service.open(CAMERA, RANGE[0], RANGE[1]);
    let id = session.playlist_url.rsplit('/').nth(1).unwrap();
    let directory = TempDir::new().unwrap();
    let narrowed = narrowed(service, id, session.is_mp4(), directory.path());
    schemathesis(narrowed.to_str().unwrap(), service, &["--exclude-operation-id", "stopSession"]);
    let segment = service.get(&session.segment_url(0));
    assert_eq!(segment.status().as_u16(), 200, "the session was there all the time");
}

/// The document, narrowed to a session, and to a camera that has footage.
fn narrowed(service: &Service, session: &str, is_mp4: bool, directory: &Path) -> PathBuf {
    let mut document: Value = service.get("/openapi.json").json().unwrap();
    for request in ["StartRequest", "LiveRequest"] {
        let members = &mut document["components"]["schemas"][request]["properties"];
        for (name, value) in [("camera_id", CAMERA), ("start_time", RANGE[0]), ("end_time", RANGE[1])] {
            if let Some(member) = members.get_mut(name) {
                *member = json!({ "enum": [value] });
            }
        }
    }
    let segments = if is_mp4 { ["0.m4s", "1.m4s"] } else { ["0.ts", "1.ts"] };
    for (path, item) in document["paths"].as_object_mut().unwrap() {
        for parameter in item.as_object_mut().unwrap().values_mut().flat_map(parameters) {
            let values = match parameter["name"].as_str().unwrap() {
                "id" if path.contains("/sessions/") => json!([session]),
                "id" => json!([CAMERA]),
                "file" if path.contains("/init/") => json!(["0.mp4", "1.mp4"]),
                "file" => json!(segments),
                _ => continue,
            };
            parameter["schema"] = json!({ "enum": values });
        }
    }
    let file = directory.join("narrowed.json");
    std::fs::write(&file, document.to_string()).unwrap();
    file
}

fn parameters(operation: &mut Value) -> impl Iterator<Item = &mut Value> {
    operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten()
}

#[test]
fn over_a_directory_every_answer_is_documented() {
    conforms(&Service::start_with(&samples(), &[("MEDIAMTX_URL", "http://mediamtx:8888")]));
}

#[test]
fn over_the_platform_every_answer_is_documented() {
    let recordings = directory::recordings(&samples()).unwrap();
    let (storage, origin) = (StorageService::start(), Origin::start());
    let (vms, media) = (Vms::start(&directory::cameras(&recordings)), MediaMtx::start());
    directory::load(&recordings, directory::usual_length(&recordings), &storage, &origin);
    storage.sign_with(origin.signer());
    let settings = [
        ("STORAGE_SERVICE_URL", &*storage.url()),
        ("VMS_SERVICE_URL", &*vms.url()),
        ("MEDIAMTX_URL", &*media.url()),
        ("MEDIAMTX_API_URL", &*media.url()),
        ("PLAYBACK_PACKAGING", "fmp4"),
    ];
    conforms(&Service::start_with(&samples(), &settings));
}
