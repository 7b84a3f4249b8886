//! [`Objects`]

use std::fs;
use std::ops::Range;

use bytes::Bytes;
use futures::TryStreamExt;
use playback_service::domain::{Origin, RecordingId, RecordingKey, TimeRange, Version};
use playback_service::error::Kind;
use playback_service::playback::Ports;
use playback_service::playback::ports::Part;

use super::support::remote::Platform;
use super::support::{CAMERA, Setup, sample, samples};

#[tokio::test]
async fn local_dir() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    let ports = &service.app().playback().ports;
    suite(ports, &fs::read(sample()).unwrap()).await;
    let key = first(ports).await;
    let other_state = Version { validator: "0".into(), ..key.version.clone() };
    is_gone(ports, &RecordingKey { version: other_state, ..key }, None).await;
}

#[tokio::test]
async fn remote() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    let platform = Platform::with_samples();
    let ports = &platform.wired(service.app().playback().ports.clone(), work_dir.path());
    let content = fs::read(sample()).unwrap();
    suite(ports, &content).await;
    let key = first(ports).await;
    for known in [
        Origin { size: content.len() as u64, validator: Some("\"another\"".into()) },
        Origin { size: 1, validator: None },
    ] {
        is_gone(ports, &key, Some(&known)).await;
    }
}

/// `content` is that of the first recording.
async fn suite(ports: &Ports, content: &[u8]) {
    let key = &first(ports).await;
    assert_eq!(key.version.size, content.len() as u64);

    let read = async |range: Range<usize>| {
        let part = Part::Range(range.start as u64..range.end as u64);
        let object = ports.objects.open(key, part, None).await.unwrap();
        assert_eq!(object.range, range.start as u64..range.end as u64);
        assert_eq!(object.origin.size, content.len() as u64);
        object.bytes.try_collect::<Vec<Bytes>>().await.unwrap()
    };
    for range in [0..content.len(), 188..376, content.len() - 1..content.len(), 300_000..900_001] {
        let pieces = read(range.clone()).await;
        assert!(pieces.concat() == content[range]);
        // Whoever gets a buffer may change it in place.
        assert!(pieces.into_iter().all(|piece| piece.try_into_mut().is_ok()));
    }

    let size = key.version.size;
    let all = 0..size;
    for (part, range) in [
        (Part::Range(size - 10..u64::MAX), size - 10..size),
        (Part::Last(1000), size - 1000..size),
        (Part::Last(u64::MAX), all),
    ] {
        let object = ports.objects.open(key, part, None).await.unwrap();
        assert_eq!(object.range, range);
        let bytes = object.bytes.try_collect::<Vec<Bytes>>().await.unwrap().concat();
        assert!(bytes == content[range.start as usize..]);
        let known = object.origin;
        ports.objects.open(key, Part::Range(0..1), Some(&known)).await.unwrap();
    }
    for nothing in [Part::Range(size..size + 1), Part::Last(0)] {
        let error = ports.objects.open(key, nothing, None).await.unwrap_err();
        assert_eq!(error.kind(), &Kind::BadUpstream);
    }

    is_gone(ports, &lost_key("cam-9/2026/03/14/10-00-00.ts", key), None).await;
}

async fn first(ports: &Ports) -> RecordingKey {
    let footage = ports.recordings.overlapping(&CAMERA.parse().unwrap(), TimeRange::ALWAYS).await.unwrap();
    footage.recordings[0].key.clone()
}

async fn is_gone(ports: &Ports, key: &RecordingKey, known: Option<&Origin>) {
    let error = ports.objects.open(key, Part::Range(0..1), known).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::Gone, "{key:?}");
}

fn lost_key(object: &str, key: &RecordingKey) -> RecordingKey {
    RecordingKey { id: RecordingId::from(object), object: object.into(), ..key.clone() }
}
