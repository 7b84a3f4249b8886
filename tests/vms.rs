//! The adapter of the VMS, against one that answers in both forms and fails in every way.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::Arc;
use std::time::Duration;

use playback_service::adapters::dialect::Dialect;
use playback_service::adapters::vms::{Settings, Vms};
use playback_service::clock::ManualClock;
use playback_service::domain::CameraId;
use playback_service::error::{Error, Kind};
use playback_service::live::ports::CameraSources;
use playback_service::metrics::Metrics;
use playback_service::playback::ports::{Cameras, Upstream, UpstreamState};
use serde_json::json;
use standins::{Camera, Fault, Vms as StandIn};

/// For an answer that comes, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(20);

struct Setup {
    adapter: Vms,
    clock: Arc<ManualClock>,
    metrics: Arc<Metrics>,
}

impl Setup {
    fn of(standin: &StandIn, dialect: Option<Dialect>) -> Self {
        Self::waiting(standin, dialect, PATIENT)
    }

    /// For what never comes: it need not be waited for long.
    fn hasty(standin: &StandIn, dialect: Option<Dialect>) -> Self {
        Self::waiting(standin, dialect, Duration::from_secs(1))
    }

    fn waiting(standin: &StandIn, dialect: Option<Dialect>, answer: Duration) -> Self {
        let clock = Arc::new(ManualClock::at("2026-03-14T10:00:00Z".parse().unwrap()));
        let metrics = Arc::new(Metrics::new());
        let settings = Settings { url: standin.url(), dialect, connect: PATIENT, answer };
        let adapter = Vms::new(settings, Arc::clone(&clock) as _, Arc::clone(&metrics));
        Self { adapter, clock, metrics }
    }

    fn over(standin: &StandIn) -> Self {
        Self::of(standin, None)
    }

    async fn exists(&self, camera: &str) -> Result<bool, Error> {
        self.adapter.exists(&camera.parse().unwrap()).await
    }

    async fn failure(&self, camera: &str) -> (Kind, String) {
        let error = self.exists(camera).await.unwrap_err();
        (error.kind().clone(), error.detail().to_owned())
    }
}

/// Both forms, found out and said.
fn both(cameras: &[&str]) -> [(StandIn, Option<Dialect>); 4] {
    [
        (StandIn::start(cameras), None),
        (StandIn::start(cameras), Some(Dialect::Documented)),
        (StandIn::start_deployed(cameras), None),
        (StandIn::start_deployed(cameras), Some(Dialect::Deployed)),
    ]
}

#[tokio::test]
async fn cameras_exist_in_both_forms() {
    for (standin, dialect) in both(&["cam-1", "site/hall.2"]) {
        let setup = Setup::of(&standin, dialect);
        assert!(!setup.exists("cam-2").await.unwrap(), "{dialect:?}");
        assert!(setup.exists("cam-1").await.unwrap() && setup.exists("site/hall.2").await.unwrap());
        assert!(!setup.exists("site").await.unwrap());
        assert_eq!(setup.adapter.state(), UpstreamState::Up);
    }
}

#[tokio::test]
async fn the_deployed_form_lists_its_cameras() {
    let standin = StandIn::start_deployed(&["cam-2", "no camera of ours", "cam-1", "cam-1"]);
    let listed = Setup::over(&standin).adapter.list().await.unwrap();
    let ids: Vec<CameraId> = listed.into_iter().map(|camera| camera.id).collect();
    assert_eq!(ids, ["cam-1", "cam-2"].map(|id| id.parse().unwrap()));
    for list in [json!({ "cameras": null }), json!({ "cameras": [7, null, { "id": 7 }] })] {
        standin.faults().once(Fault::json(200, &list));
        assert!(Setup::over(&standin).adapter.list().await.unwrap().is_empty());
    }
    let documented = StandIn::start(&["cam-1"]);
    assert!(Setup::over(&documented).adapter.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn seeks_do_not_wait_for_the_vms() {
    let standin = StandIn::start(&["cam-1"]);
    let setup = Setup::over(&standin);
    for _ in 0..5 {
        assert!(setup.exists("cam-1").await.unwrap());
    }
    assert_eq!(standin.requests(), 1);
    setup.clock.advance(60);
    assert!(setup.exists("cam-1").await.unwrap());
    assert_eq!(standin.requests(), 2);
    standin.remove("cam-1");
    setup.clock.advance(60);
    assert!(!setup.exists("cam-1").await.unwrap());
    assert!(!setup.exists("cam-1").await.unwrap(), "what is not there is asked for again");
}

#[tokio::test]
async fn a_vms_that_is_away_is_no_camera_that_is_not_there() {
    for (standin, dialect) in both(&["cam-1", "cam-2"]) {
        let setup = Setup::of(&standin, dialect);
        assert!(setup.exists("cam-1").await.unwrap());
        standin.stop();
        setup.clock.advance(3600);
        assert!(setup.exists("cam-1").await.unwrap(), "known before");
        let (kind, detail) = setup.failure("cam-2").await;
        assert_eq!(kind, Kind::UpstreamDown);
        assert!(detail.starts_with("The VMS cannot be reached: Connection refused"), "{detail}");
        assert!(matches!(setup.adapter.state(), UpstreamState::Away(_)));
        assert_eq!(setup.metrics.upstream_failures.with_label_values(&["vms", "down"]).get(), 2);
        standin.resume();
        assert!(setup.exists("cam-2").await.unwrap());
        assert_eq!(setup.adapter.state(), UpstreamState::Up);
    }
}

#[tokio::test]
async fn a_404_out_of_a_lost_database_is_not_believed() {
    for (standin, dialect) in both(&["cam-1"]).into_iter().skip(2) {
        let setup = Setup::of(&standin, dialect);
        standin.lose_database();
        let (kind, detail) = setup.failure("cam-1").await;
        assert_eq!(kind, Kind::UpstreamDown);
        assert!(detail.contains("cannot list them either") && detail.contains("database error"), "{detail}");
        assert_eq!(setup.failure("cam-2").await.0, Kind::UpstreamDown);
        standin.find_database();
        assert!(setup.exists("cam-1").await.unwrap());
        assert!(!setup.exists("cam-2").await.unwrap());
    }
}

#[tokio::test]
async fn a_camera_on_the_list_is_there_whatever_else_is_said_of_it() {
    let standin = StandIn::start_deployed(&["cam-1"]);
    let setup = Setup::over(&standin);
    standin.faults().on(
        "/vms/cameras/cam-1",
        standins::Times::Always,
        Fault::json(404, &json!({ "error": { "message": "no rows", "code": "DB" } })),
    );
    assert!(setup.exists("cam-1").await.unwrap());
}

#[tokio::test]
async fn every_failure_has_its_kind_and_keeps_secrets() {
    let leak =
        json!({ "error": { "message": "cannot open rtsp://operator:s3cret@192.0.2.7/1", "code": "X" } });
    for (fault, kind) in [
        (Fault::json(500, &leak), Kind::BadUpstream),
        (Fault::json(401, &leak), Kind::BadUpstream),
        (Fault::status(503), Kind::UpstreamDown),
        (Fault::Close, Kind::BadUpstream),
        (Fault::Stall, Kind::UpstreamLate),
        (Fault::CutAfter(5), Kind::BadUpstream),
    ] {
        for (standin, dialect) in both(&["cam-1"]) {
            let setup = match fault {
                Fault::Stall => Setup::hasty(&standin, dialect),
                _ => Setup::of(&standin, dialect),
            };
            standin.faults().always(fault.clone());
            let (got, detail) = setup.failure("cam-1").await;
            assert_eq!(got, kind, "{fault:?} {dialect:?}: {detail}");
            assert!(detail.starts_with("The VMS ") && !detail.contains("s3cret"), "{detail}");
        }
    }
}

#[tokio::test]
async fn sources_of_cameras_are_given_and_never_shown() {
    for (standin, dialect) in both(&["cam-1", "site/hall.2"]) {
        let setup = Setup::of(&standin, dialect);
        for camera in ["cam-1", "site/hall.2"] {
            let source = setup.adapter.source(&camera.parse().unwrap()).await.unwrap();
            let secret = format!("s3cret-of-{}", camera.replace('/', "-"));
            assert!(source.reveal().contains(&secret) && !format!("{source:?}").contains(&secret));
        }
        let unknown = setup.adapter.source(&"cam-2".parse().unwrap()).await.unwrap_err();
        assert_eq!(unknown.kind(), &Kind::UnknownCamera);
        standin
            .put(Camera { rtsp_url: "http://operator:s3cret@192.0.2.7/".to_owned(), ..Camera::of("cam-1") });
        let none = setup.adapter.source(&"cam-1".parse().unwrap()).await.unwrap_err();
        assert_eq!(none.kind(), &Kind::BadUpstream);
        assert!(!none.detail().contains("s3cret"), "{none}");
        standin.stop();
        let away = setup.adapter.source(&"cam-1".parse().unwrap()).await.unwrap_err();
        assert_eq!(away.kind(), &Kind::UpstreamDown);
    }
}
