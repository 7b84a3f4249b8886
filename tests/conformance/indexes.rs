//! [`Indexes`]

use std::sync::Arc;

use playback_service::domain::{RecordingId, RecordingKey, TimeRange, Version};
use playback_service::error::Kind;
use playback_service::playback::Ports;
use remux::time::Ticks;

use super::support::remote::Platform;
use super::support::{CAMERA, Directory, Setup, fragmented, progressive, sample, samples};

#[tokio::test]
async fn local_dir() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    suite(&service.app().playback().ports, other_states).await;
}

#[tokio::test]
async fn remote() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    let platform = Platform::with_samples();
    let ports = platform.wired(service.app().playback().ports.clone(), work_dir.path());
    suite(&ports, other_objects).await;
}

#[tokio::test]
async fn local_dir_of_mp4() {
    for make in [fragmented, progressive] {
        let directory = Directory::empty();
        let recording = make(&std::fs::read(sample()).unwrap());
        directory.add(&format!("{CAMERA}/2026/03/14/10-00-00.mp4"), &recording);
        let (service, _clock) = Setup::default().service(&directory.root(), &directory.work_dir());
        suite(&service.app().playback().ports, other_states).await;
    }
}

async fn suite(ports: &Ports, lost: fn(&RecordingKey) -> Vec<RecordingKey>) {
    let footage = ports.recordings.overlapping(&CAMERA.parse().unwrap(), TimeRange::ALWAYS).await.unwrap();
    let key = &footage.recordings[0].key;
    let media = ports.indexes.media(key).await.unwrap();
    let length = media.cuts().iter().fold(Ticks::ZERO, |length, cut| length + cut.duration);
    assert_eq!(length, Ticks::from_seconds(60.0));
    assert_eq!(media.cuts().len(), 10);
    assert!(
        media.cuts().iter().all(|cut| cut.bytes.end <= key.version.size && media.layout(cut.run).is_some())
    );

    let asked = (0..8).map(|_| ports.indexes.media(key));
    for answer in futures::future::join_all(asked).await {
        assert!(Arc::ptr_eq(&answer.unwrap(), &media), "all sessions share one");
    }

    for lost in lost(key) {
        assert_eq!(ports.indexes.media(&lost).await.unwrap_err().kind(), &Kind::Gone, "{lost:?}");
    }
}

/// Where the version says which bytes are meant.
fn other_states(key: &RecordingKey) -> Vec<RecordingKey> {
    let other_state = Version { size: key.version.size + 1, ..key.version.clone() };
    let other_name = RecordingId::from("cam-9/2026/03/14/10-00-00.ts");
    vec![
        RecordingKey { version: other_state, ..key.clone() },
        RecordingKey { id: other_name, ..key.clone() },
        RecordingKey { id: RecordingId::from("../secret"), ..key.clone() },
    ]
}

/// Where the key of an object does.
fn other_objects(key: &RecordingKey) -> Vec<RecordingKey> {
    let of =
        |object: &str| RecordingKey { id: RecordingId::from(object), object: object.into(), ..key.clone() };
    vec![of("cam-9/2026/03/14/10-00-00.ts"), of("secret")]
}
