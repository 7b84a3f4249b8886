//! [`Cameras`], where there is the camera of the samples and another one.

use std::sync::Arc;
use std::time::Duration;

use playback_service::adapters::dialect::Dialect;
use playback_service::adapters::vms::{Settings, Vms};
use playback_service::clock::SystemClock;
use playback_service::domain::CameraId;
use playback_service::metrics::Metrics;
use playback_service::playback::ports::Cameras;
use standins::Vms as StandIn;

use super::support::{CAMERA, Setup, samples};

const OTHER: &str = "cam-002-yard";

#[tokio::test]
async fn local_dir() {
    let work_dir = tempfile::tempdir().unwrap();
    let (service, _clock) = Setup::default().service(&samples(), work_dir.path());
    let cameras = &service.app().playback().ports.cameras;
    suite(&**cameras).await;
    lists(&**cameras).await;
}

#[tokio::test]
async fn documented_vms() {
    let standin = StandIn::start(&[CAMERA, OTHER]);
    suite(&vms(&standin, None)).await;
    suite(&vms(&standin, Some(Dialect::Documented))).await;
    // This form has no list.
    assert_eq!(vms(&standin, None).list().await.unwrap(), []);
}

#[tokio::test]
async fn deployed_vms() {
    let standin = StandIn::start_deployed(&[OTHER, CAMERA]);
    for dialect in [None, Some(Dialect::Deployed)] {
        suite(&vms(&standin, dialect)).await;
        lists(&vms(&standin, dialect)).await;
    }
}

fn vms(standin: &StandIn, dialect: Option<Dialect>) -> Vms {
    let patience = Duration::from_secs(10);
    let settings = Settings { url: standin.url(), dialect, connect: patience, answer: patience };
    Vms::new(settings, Arc::new(SystemClock), Arc::new(Metrics::new()))
}

async fn suite(cameras: &dyn Cameras) {
    for there in [CAMERA, OTHER, CAMERA] {
        assert!(cameras.exists(&there.parse().unwrap()).await.unwrap(), "{there}");
    }
    for not_there in ["cam-9", "cam-001", "cam-001-entrance/2026", "x/cam-001-entrance", "~", "..."] {
        assert!(!cameras.exists(&not_there.parse().unwrap()).await.unwrap(), "{not_there}");
    }
}

async fn lists(cameras: &dyn Cameras) {
    let listed: Vec<CameraId> = cameras.list().await.unwrap().into_iter().map(|camera| camera.id).collect();
    assert_eq!(listed, [CAMERA, OTHER].map(|id| id.parse().unwrap()));
}
