//! [`Objects`]

use std::fs;
use std::ops::Range;

use bytes::Bytes;
use futures::TryStreamExt;
use playback_service::domain::{RecordingId, RecordingKey, TimeRange, Version};
use playback_service::error::Kind;
use playback_service::playback::Ports;

use super::support::{CAMERA, Setup, sample, samples};

#[tokio::test]
async fn local_dir() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    suite(&service.app().playback().ports, &fs::read(sample()).unwrap()).await;
}

/// `content` is that of the first recording.
async fn suite(ports: &Ports, content: &[u8]) {
    let footage = ports.recordings.overlapping(&CAMERA.parse().unwrap(), TimeRange::ALWAYS).await.unwrap();
    let key = &footage.recordings[0].key;
    assert_eq!(key.version.size, content.len() as u64);

    let read = async |range: Range<usize>| {
        let object = ports.objects.open(key, range.start as u64..range.end as u64).await.unwrap();
        object.bytes.try_collect::<Vec<Bytes>>().await.unwrap()
    };
    for range in [0..content.len(), 188..376, content.len() - 1..content.len(), 300_000..900_001] {
        let pieces = read(range.clone()).await;
        assert!(pieces.concat() == content[range]);
        // Whoever gets a buffer may change it in place.
        assert!(pieces.into_iter().all(|piece| piece.try_into_mut().is_ok()));
    }

    let past_the_end = ports.objects.open(key, 0..key.version.size + 1).await.unwrap();
    past_the_end.bytes.try_collect::<Vec<Bytes>>().await.unwrap_err();

    let other_state = Version { validator: "0".into(), ..key.version.clone() };
    for lost in [
        RecordingKey { version: other_state, ..key.clone() },
        RecordingKey { id: RecordingId::from("cam-9/2026/03/14/10-00-00.ts"), ..key.clone() },
    ] {
        assert_eq!(ports.objects.open(&lost, 0..1).await.unwrap_err().kind(), &Kind::Gone, "{lost:?}");
    }
}
