//! [`Cameras`] and [`Recordings`], over the samples: five minutes of one camera with a gap of four minutes.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use playback_service::domain::{CameraId, TimeRange};
use playback_service::playback::Ports;

use super::support::remote::Platform;
use super::support::{CAMERA, Setup, samples};

#[tokio::test]
async fn local_dir() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    suite(&service.app().playback().ports).await;
}

#[tokio::test]
async fn remote() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    let platform = Platform::with_samples();
    suite(&platform.wired(service.app().playback().ports.clone(), work_dir.path())).await;
}

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-03-14T{time}Z").parse().unwrap()
}

fn range(start: &str, end: &str) -> TimeRange {
    TimeRange::new(at(start), at(end)).unwrap()
}

async fn suite(ports: &Ports) {
    let camera: CameraId = CAMERA.parse().unwrap();
    let unknown: CameraId = "cam-9".parse().unwrap();
    assert!(ports.cameras.exists(&camera).await.unwrap());
    assert!(!ports.cameras.exists(&unknown).await.unwrap());
    let listed: Vec<CameraId> =
        ports.cameras.list().await.unwrap().into_iter().map(|camera| camera.id).collect();
    assert!(listed.is_sorted() && listed.contains(&camera));

    let recordings = &ports.recordings;
    assert!(recordings.overlapping(&unknown, TimeRange::ALWAYS).await.unwrap().recordings.is_empty());
    let unread = recordings.overlapping(&camera, range("10:00:00", "10:09:00")).await.unwrap();
    assert_eq!(unread.recordings.len(), 5);
    for recording in &unread.recordings {
        ports.indexes.media(&recording.key).await.unwrap();
    }
    let footage = recordings.overlapping(&camera, TimeRange::ALWAYS).await.unwrap();
    let spans: Vec<TimeRange> = footage.recordings.iter().map(|recording| recording.visible).collect();
    assert_eq!(
        spans,
        [
            range("10:00:00", "10:01:00"),
            range("10:01:00", "10:02:00"),
            range("10:02:00", "10:03:00"),
            range("10:07:00", "10:08:00"),
            range("10:08:00", "10:09:00"),
        ]
    );
    for recording in &footage.recordings {
        assert!(recording.extent.is_some(), "what was read is known");
        let again = recordings.overlapping(&camera, recording.visible).await.unwrap();
        assert_eq!(
            again.recordings,
            [Arc::clone(recording)],
            "ends are open, and places do not depend on the range"
        );
    }

    let nothing = recordings.overlapping(&camera, range("10:03:00", "10:07:00")).await.unwrap();
    assert!(nothing.recordings.is_empty());
    let nearest = recordings.nearest(&camera, range("10:03:00", "10:07:00")).await.unwrap();
    assert_eq!(nearest.before, Some(range("10:00:00", "10:03:00")));
    assert_eq!(nearest.after, Some(range("10:07:00", "10:09:00")));
    assert_eq!(recordings.nearest(&camera, range("10:09:00", "11:00:00")).await.unwrap().after, None);
}
