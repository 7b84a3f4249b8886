//! The adapter of the Storage Service, against one that answers in both forms and fails in every way.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use playback_service::adapters::dialect::Dialect;
use playback_service::adapters::objects::PresignedUrls;
use playback_service::adapters::storage_service::{Settings, StorageService};
use playback_service::domain::{CameraId, TimeRange};
use playback_service::error::Kind;
use playback_service::metrics::Metrics;
use playback_service::playback::ports::{Catalogue, Listing, Upstream, UpstreamState};
use remux::time::Ticks;
use serde_json::json;
use standins::{Fault, Origin, Row, Selects, StorageService as StandIn, Times};

const CAMERA: &str = "cam-1";

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-03-{time}Z").parse().unwrap()
}

/// Of March 2026: day, hour, minute and second.
fn range(start: &str, end: &str) -> TimeRange {
    TimeRange::new(at(start), at(end)).unwrap()
}

fn camera() -> CameraId {
    CAMERA.parse().unwrap()
}

/// For an answer that comes, however busy the machine is.
const PATIENT: Duration = Duration::from_secs(20);

struct Setup {
    adapter: StorageService,
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
        let metrics = Arc::new(Metrics::new());
        let settings = Settings {
            url: standin.url(),
            dialect,
            longest: Duration::from_secs(3600),
            connect: PATIENT,
            answer,
            remember: Duration::ZERO,
        };
        Self { adapter: StorageService::new(settings, Arc::clone(&metrics)), metrics }
    }

    fn over(standin: &StandIn) -> Self {
        Self::of(standin, None)
    }

    async fn rows(&self, range: TimeRange) -> Listing {
        self.adapter.rows(&camera(), range).await.unwrap()
    }

    async fn starts(&self, range: TimeRange) -> Vec<DateTime<Utc>> {
        self.rows(range).await.rows.into_iter().map(|row| row.start).collect()
    }

    /// What goes wrong when something is asked for: its kind, and in words.
    async fn failure(&self) -> (Kind, String) {
        let error = self.adapter.rows(&camera(), range("14T10:00:00", "14T11:00:00")).await.unwrap_err();
        (error.kind().clone(), error.detail().to_owned())
    }

    fn failures(&self, kind: &str) -> u64 {
        self.metrics.upstream_failures.with_label_values(&["storage", kind]).get()
    }
}

/// Both forms, without a row.
fn both() -> [StandIn; 2] {
    [StandIn::start(), StandIn::start_deployed()]
}

/// `count` recordings, one after the other.
fn fill(standin: &StandIn, start: &str, count: i32, seconds: i64) {
    let length = TimeDelta::seconds(seconds);
    for number in 0..count {
        standin.add(Row::at(CAMERA, at(start) + length * number, length));
    }
}

#[tokio::test]
async fn both_forms_give_what_overlaps() {
    for standin in both() {
        fill(&standin, "14T08:00:00", 6, 3600);
        let setup = Setup::over(&standin);
        assert_eq!(
            setup.starts(range("14T09:30:00", "14T11:00:00")).await,
            [at("14T09:00:00"), at("14T10:00:00")]
        );
        let inside = setup.rows(range("14T10:20:00", "14T10:40:00")).await;
        assert_eq!(inside.rows[0].duration, Ticks::from_seconds(3600.0));
        assert_eq!(&*inside.rows[0].key.object, "cam-1/2026/03/14/10-00-00.ts");
        assert!(!inside.rows[0].key.version.growing);
        assert!(setup.rows(range("14T14:00:00", "14T15:00:00")).await.rows.is_empty());
        let nobody = setup.adapter.rows(&"cam-2".parse().unwrap(), TimeRange::ALWAYS).await.unwrap();
        assert!(nobody.rows.is_empty() && nobody.unreadable.is_empty());
        assert_eq!(setup.adapter.state(), UpstreamState::Up);
    }
}

#[tokio::test]
async fn the_documented_form_may_select_as_it_likes() {
    let standin = StandIn::start();
    fill(&standin, "14T08:00:00", 6, 3600);
    let setup = Setup::over(&standin);
    for selects in [Selects::Overlapping, Selects::Contained] {
        standin.answer(|answers| answers.selects = selects);
        assert_eq!(setup.rows(range("14T09:30:00", "14T11:00:00")).await.rows.len(), 2, "{selects:?}");
    }
}

#[tokio::test]
async fn the_form_is_found_out_once_and_again_when_it_changes() {
    let standin = StandIn::start_deployed();
    fill(&standin, "14T10:00:00", 1, 3600);
    let setup = Setup::over(&standin);
    for _ in 0..2 {
        assert_eq!(setup.rows(range("14T10:00:00", "14T11:00:00")).await.rows.len(), 1);
    }
    standin.answer(|answers| answers.dialect = standins::Dialect::Documented);
    assert_eq!(setup.rows(range("14T10:00:00", "14T11:00:00")).await.rows.len(), 1);

    let said = Setup::of(&standin, Some(Dialect::Deployed));
    let (kind, detail) = said.failure().await;
    assert_eq!((kind, detail.as_str()), (Kind::BadUpstream, "The Storage Service answered 404."));
    standin.faults().always(Fault::status(404));
    let (kind, detail) = setup.failure().await;
    assert!(kind == Kind::BadUpstream && detail.contains("STORAGE_SERVICE_URL"), "{detail}");
}

#[tokio::test]
async fn camera_ids_are_free_strings() {
    for standin in both() {
        standin.add(Row::of("site/hall.2/~a_b", "2026-03-14T10:00:00Z", 60));
        let setup = Setup::over(&standin);
        let listing =
            setup.adapter.rows(&"site/hall.2/~a_b".parse().unwrap(), TimeRange::ALWAYS).await.unwrap();
        assert_eq!(listing.rows.len(), 1);
    }
}

/// A week of minutes: 10,080 rows, of which each answer holds 100 or 1000.
#[tokio::test]
async fn long_listings_come_in_pages() {
    for standin in both() {
        fill(&standin, "07T00:00:00", 10_080, 60);
        let setup = Setup::over(&standin);
        let starts = setup.starts(range("08T00:00:00", "14T00:00:00")).await;
        assert_eq!(starts.len(), 6 * 1440);
        assert!(starts.is_sorted_by(|a, b| *b - *a == TimeDelta::seconds(60)));
        assert!(standin.lists() < 120, "{}", standin.lists());
    }
}

#[tokio::test]
async fn pages_that_begin_with_the_latest_and_smaller_ones_than_asked_for_are_understood() {
    let standin = StandIn::start();
    fill(&standin, "07T00:00:00", 3000, 60);
    standin.answer(|answers| (answers.latest_first, answers.most_rows) = (true, 250));
    let setup = Setup::over(&standin);
    let starts = setup.starts(range("07T00:00:00", "10T00:00:00")).await;
    assert_eq!(starts.len(), 3000);
    assert!(starts.is_sorted());
}

#[tokio::test]
async fn what_is_listed_twice_is_played_once() {
    for standin in both() {
        let rows = [
            Row::of(CAMERA, "2026-03-14T10:00:00Z", 60).with("id", "a"),
            Row::of(CAMERA, "2026-03-14T10:00:00Z", 60).with("id", "a"),
            Row::of(CAMERA, "2026-03-14T10:00:00Z", 60).with("id", "b"),
            Row::of(CAMERA, "2026-03-14T10:00:30Z", 60).with("id", "c"),
        ];
        // More of one than an answer holds.
        let copies = std::iter::repeat_n(rows[0].clone(), 300);
        standin.set_rows(copies.chain(rows.clone()).collect());
        let listing = Setup::over(&standin).rows(range("14T10:00:00", "14T11:00:00")).await;
        let ids: Vec<&str> = listing.rows.iter().map(|row| row.key.id.as_str()).collect();
        assert!(matches!(ids[..], ["a" | "b", "c"]), "{ids:?}");
    }
}

#[tokio::test]
async fn rows_that_make_no_sense_take_nothing_else_with_them() {
    for standin in both() {
        let row = |start: &str| Row::of(CAMERA, &format!("2026-03-14T10:{start}:00Z"), 60);
        standin.set_rows(vec![
            row("00")
                .with("duration_seconds", -7)
                .with("size_bytes", "many")
                .with("thumbnail_path", json!([])),
            row("01").with("storage_backend", "FILESYSTEM"),
            row("02").with("storage_backend", "MILESTONE"),
            row("03").with("end_time", "2026-03-14T10:03:00Z"),
            row("04").without("storage_path"),
            row("05")
                .without("duration_seconds")
                .without("size_bytes")
                .without("created_at")
                .without("checksum"),
            row("06").with("start_time", 7),
            row("07").with("camera_id", "cam-2"),
            row("08").without("id"),
            row("09").with("future", json!({ "codec": ["h266"] })),
        ]);
        standin.answer(|answers| answers.besides = Some(("page".to_owned(), json!({ "next": null }))));
        let setup = Setup::over(&standin);
        let listing = setup.rows(range("14T10:00:00", "14T11:00:00")).await;
        let starts: Vec<_> = listing.rows.iter().map(|row| row.start).collect();
        assert_eq!(starts, [at("14T10:00:00"), at("14T10:05:00"), at("14T10:09:00")]);
        let reasons: Vec<&str> = listing.unreadable.iter().map(|lost| &*lost.detail).collect();
        for reason in [
            "FILESYSTEM",
            "MILESTONE",
            "ends before it begins",
            "where it is kept",
            "when it begins",
            "no id",
        ] {
            assert!(reasons.iter().any(|given| given.contains(reason)), "{reason}: {reasons:?}");
        }
        assert_eq!(reasons.len(), 6);
    }
}

#[tokio::test]
async fn what_it_says_of_a_failure_is_passed_on() {
    let standin = StandIn::start_deployed();
    standin.answer(|answers| answers.only_uuids = true);
    let setup = Setup::of(&standin, Some(Dialect::Deployed));
    let (kind, detail) = setup.failure().await;
    assert_eq!(kind, Kind::BadUpstream);
    assert_eq!(detail, "The Storage Service answered 500: invalid input syntax for type uuid.");
    assert_eq!(setup.adapter.state(), UpstreamState::Away(detail));
    assert_eq!(setup.failures("wrong"), 1);

    let error = json!({ "error": { "message": "cannot sign http://minio:9000/x?X-Amz-Signature=5ecret" } });
    standin.faults().always(Fault::json(400, &error));
    let before = standin.lists();
    let (kind, detail) = setup.failure().await;
    assert_eq!((kind, standin.lists()), (Kind::BadUpstream, before));
    assert_eq!(detail, "The Storage Service answered 400: cannot sign ….");
}

/// Each fault with the kind it is, and whether it passes when it happens once.
#[tokio::test]
async fn every_failure_has_its_kind() {
    for (fault, kind, label, passes) in [
        (Fault::status(500), Kind::BadUpstream, "wrong", true),
        (Fault::status(503), Kind::UpstreamDown, "down", true),
        (Fault::status(504), Kind::UpstreamLate, "late", true),
        (Fault::status(400), Kind::BadUpstream, "wrong", false),
        (Fault::CutAfter(20), Kind::BadUpstream, "wrong", true),
        (Fault::Close, Kind::BadUpstream, "wrong", true),
        (Fault::CutAt(Duration::from_millis(1)), Kind::BadUpstream, "wrong", true),
        (Fault::Stall, Kind::UpstreamLate, "late", false),
        (Fault::StallAfter(20), Kind::UpstreamLate, "late", false),
        (Fault::json(200, &json!([])), Kind::BadUpstream, "wrong", false),
        (Fault::json(200, &json!({ "segments": 7 })), Kind::BadUpstream, "wrong", false),
        (Fault::json(200, &json!({ "segments": "x".repeat(5 << 20) })), Kind::BadUpstream, "wrong", false),
    ] {
        let standin = StandIn::start();
        fill(&standin, "14T10:00:00", 1, 3600);
        let setup = match fault {
            Fault::Stall | Fault::StallAfter(_) => Setup::hasty(&standin, Some(Dialect::Documented)),
            _ => Setup::of(&standin, Some(Dialect::Documented)),
        };
        standin.faults().always(fault.clone());
        let (got, detail) = setup.failure().await;
        assert_eq!(got, kind, "{fault:?}: {detail}");
        assert!(detail.starts_with("The Storage Service "), "{detail}");
        assert_eq!(setup.failures(label), 1, "{fault:?}");
        assert!(matches!(setup.adapter.state(), UpstreamState::Away(_)));

        standin.faults().clear();
        standin.faults().once(fault.clone());
        let asked = setup.adapter.rows(&camera(), range("14T10:00:00", "14T11:00:00")).await;
        assert_eq!(asked.is_ok(), passes, "{fault:?}");
        standin.faults().clear();
        assert_eq!(setup.rows(range("14T10:00:00", "14T11:00:00")).await.rows.len(), 1, "{fault:?}");
        assert_eq!(setup.adapter.state(), UpstreamState::Up);
    }
}

#[tokio::test]
async fn one_that_is_not_there_is_down_until_it_is_back() {
    let standin = StandIn::start();
    fill(&standin, "14T10:00:00", 1, 3600);
    let setup = Setup::over(&standin);
    standin.stop();
    let (kind, detail) = setup.failure().await;
    assert_eq!(kind, Kind::UpstreamDown);
    assert!(detail.starts_with("The Storage Service cannot be reached: Connection refused"), "{detail}");
    assert_eq!(setup.failures("down"), 1);
    standin.resume();
    assert_eq!(setup.rows(range("14T10:00:00", "14T11:00:00")).await.rows.len(), 1);
}

#[tokio::test]
async fn a_list_without_end_ends() {
    let standin = StandIn::start();
    // The same rows, whatever is asked for.
    let rows: Vec<_> = (0..100)
        .map(|second| json!({ "id": second.to_string(), "start_time": format!("2026-03-14T10:00:{:02}Z", second % 60) }))
        .collect();
    standin.faults().always(Fault::json(200, &json!({ "segments": rows })));
    let listing = Setup::over(&standin).rows(range("14T10:00:00", "14T11:00:00")).await;
    assert_eq!(listing.rows.len(), 0);
}

#[tokio::test]
async fn the_nearest_footage_is_found_with_few_questions() {
    for standin in both() {
        fill(&standin, "01T00:00:00", 4000, 60);
        fill(&standin, "20T00:00:00", 4000, 60);
        // Neither of it can be played.
        standin.add(Row::of(CAMERA, "2026-03-09T23:00:00Z", 3600).with("storage_backend", "MILESTONE"));
        standin.add(Row::of(CAMERA, "2026-03-10T01:00:00Z", 3600).without("storage_path"));
        let setup = Setup::over(&standin);
        let nothing = range("10T00:00:00", "10T01:00:00");
        assert!(setup.rows(nothing).await.rows.is_empty());
        let before = standin.lists();
        let nearest = setup.adapter.nearest(&camera(), nothing).await.unwrap();
        assert_eq!(nearest.before.unwrap().end(), at("03T18:40:00"));
        assert_eq!(nearest.after.unwrap().start(), at("20T00:00:00"));
        assert!(standin.lists() - before < 25, "{}", standin.lists() - before);

        let alone = setup.adapter.nearest(&"cam-2".parse().unwrap(), nothing).await.unwrap();
        assert!(alone.before.is_none() && alone.after.is_none());
        let touching = setup.adapter.nearest(&camera(), range("03T18:40:00", "03T19:00:00")).await.unwrap();
        assert_eq!(touching.before.unwrap().end(), at("03T18:40:00"));
    }
}

#[tokio::test]
async fn a_listing_is_remembered_for_a_moment() {
    let standin = StandIn::start();
    fill(&standin, "14T10:00:00", 1, 3600);
    let settings = Settings {
        url: standin.url(),
        dialect: None,
        longest: Duration::from_secs(3600),
        connect: PATIENT,
        answer: Duration::from_secs(1),
        remember: Duration::from_secs(3600),
    };
    let adapter = StorageService::new(settings, Arc::new(Metrics::new()));
    let asked = (0..8).map(|_| async { adapter.rows(&camera(), range("14T10:00:00", "14T11:00:00")).await });
    for listing in futures::future::join_all(asked).await {
        assert_eq!(listing.unwrap().rows.len(), 1);
    }
    assert_eq!(standin.lists(), 1);
    standin.stop();
    adapter.rows(&camera(), range("14T10:00:00", "14T11:00:00")).await.unwrap();
    adapter.rows(&camera(), range("14T10:00:00", "14T12:00:00")).await.unwrap_err();
}

#[tokio::test]
async fn urls_are_asked_for_and_never_shown() {
    let (standin, origin) = (StandIn::start(), Origin::start());
    standin.sign_with(origin.signer());
    fill(&standin, "14T10:00:00", 1, 3600);
    let setup = Setup::over(&standin);
    let hasty = Setup::hasty(&standin, None);
    let key = setup.rows(TimeRange::ALWAYS).await.rows.remove(0).key;
    let url = setup.adapter.url(&key).await.unwrap();
    assert!(url.reveal().as_str().starts_with(&origin.url()));
    assert!(!format!("{url:?}").contains("Signature"));
    assert_eq!(setup.adapter.valid_for(), Duration::from_secs(1800));

    standin.set_rows(Vec::new());
    let gone = setup.adapter.url(&key).await.unwrap_err();
    assert_eq!(gone.kind(), &Kind::Gone);
    assert!(gone.detail().contains(key.id.as_str()));
    for (answer, kind) in [
        (Fault::Stall, Kind::UpstreamLate),
        (Fault::json(200, &json!({ "url": "file:///etc/passwd?X-Amz-Signature=5ecret" })), Kind::BadUpstream),
        (Fault::json(200, &json!({ "url": null })), Kind::BadUpstream),
        (Fault::status(403), Kind::BadUpstream),
    ] {
        standin.faults().on("/download", Times::Next(1), answer);
        let asked = if kind == Kind::UpstreamLate { &hasty } else { &setup };
        let error = asked.adapter.url(&key).await.unwrap_err();
        assert_eq!(error.kind(), &kind);
        assert!(!error.detail().contains("5ecret") && !error.detail().contains("passwd"), "{error}");
    }

    let deployed = StandIn::start_deployed();
    let setup = Setup::over(&deployed);
    setup.rows(TimeRange::ALWAYS).await;
    let error = setup.adapter.url(&key).await.unwrap_err();
    assert!(error.detail().contains("MINIO_ENDPOINT"), "{error}");
}
