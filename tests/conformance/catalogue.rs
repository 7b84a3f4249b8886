//! [`Catalogue`], over the samples: five minutes of one camera with a gap of four minutes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use playback_service::adapters::dialect::Dialect;
use playback_service::adapters::storage_service::{Settings, StorageService};
use playback_service::domain::{CameraId, TimeRange};
use playback_service::metrics::Metrics;
use playback_service::playback::ports::{Catalogue, Row};
use remux::time::Ticks;
use standins::{Origin, StorageService as StandIn, directory};

use super::support::{CAMERA, samples};

#[tokio::test]
async fn documented_storage_service() {
    let standin = StandIn::start();
    load(&standin);
    suite(&storage_service(&standin, None)).await;
    suite(&storage_service(&standin, Some(Dialect::Documented))).await;
}

#[tokio::test]
async fn deployed_storage_service() {
    let standin = StandIn::start_deployed();
    load(&standin);
    suite(&storage_service(&standin, None)).await;
    suite(&storage_service(&standin, Some(Dialect::Deployed))).await;
}

fn load(standin: &StandIn) {
    let recordings = directory::recordings(&samples()).unwrap();
    directory::load(&recordings, directory::usual_length(&recordings), standin, &Origin::start());
}

fn storage_service(standin: &StandIn, dialect: Option<Dialect>) -> StorageService {
    let settings = Settings {
        url: standin.url(),
        dialect,
        longest: Duration::from_secs(3600),
        connect: Duration::from_secs(10),
        answer: Duration::from_secs(10),
        remember: Duration::from_secs(2),
    };
    StorageService::new(settings, Arc::new(Metrics::new()))
}

fn at(time: &str) -> DateTime<Utc> {
    format!("2026-03-14T{time}Z").parse().unwrap()
}

fn range(start: &str, end: &str) -> TimeRange {
    TimeRange::new(at(start), at(end)).unwrap()
}

async fn suite(catalogue: &dyn Catalogue) {
    let camera: CameraId = CAMERA.parse().unwrap();
    let all = catalogue.rows(&camera, TimeRange::ALWAYS).await.unwrap();
    assert_eq!(all.unreadable, []);
    let starts: Vec<DateTime<Utc>> = all.rows.iter().map(|row| row.start).collect();
    assert_eq!(starts, ["10:00:00", "10:01:00", "10:02:00", "10:07:00", "10:08:00"].map(at));
    for row in &all.rows {
        assert_eq!(row.duration, Ticks::from_seconds(60.0));
        let path = samples().join(&*row.key.object);
        assert_eq!(row.key.version.size, path.metadata().unwrap().len());
        let again = catalogue.rows(&camera, span(row)).await.unwrap();
        assert_eq!(
            again.rows,
            std::slice::from_ref(row),
            "ends are open, and rows do not depend on the range"
        );
    }
    let inside = catalogue.rows(&camera, range("10:01:20.5", "10:01:21.25")).await.unwrap();
    assert_eq!(inside.rows, all.rows[1..2]);
    assert!(catalogue.rows(&"cam-9".parse().unwrap(), TimeRange::ALWAYS).await.unwrap().rows.is_empty());

    let nothing = range("10:03:00", "10:07:00");
    assert!(catalogue.rows(&camera, nothing).await.unwrap().rows.is_empty());
    let nearest = catalogue.nearest(&camera, nothing).await.unwrap();
    assert_eq!(nearest.before, Some(range("10:00:00", "10:03:00")));
    assert_eq!(nearest.after, Some(range("10:07:00", "10:09:00")));
    assert_eq!(catalogue.nearest(&camera, range("10:09:00", "11:00:00")).await.unwrap().after, None);
    let always = catalogue.nearest(&camera, TimeRange::ALWAYS).await.unwrap();
    assert!(always.before.is_none() && always.after.is_none());
}

fn span(row: &Row) -> TimeRange {
    TimeRange::new(row.start, row.start + chrono::TimeDelta::seconds(60)).unwrap()
}
