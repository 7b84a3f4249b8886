//! The failures, one by one.

use std::time::Duration;

use serde_json::json;
use standins::{Fault, Ranges, Times, Validators};

use crate::scene::{STARTS, Scene, row, rows};

/// A way to fail.
pub(crate) struct Case {
    /// In words; the first column.
    pub(crate) what: &'static str,
    /// What somebody asks for meanwhile.
    pub(crate) ask: Ask,
    /// Makes it fail.
    pub(crate) inject: fn(&Scene),
    /// Whether it is over some time.
    pub(crate) mends: bool,
}

/// What is asked for besides the next segment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask {
    /// A session over two recordings that nobody has played before.
    Start,
    /// A session of a camera of which nothing is recorded.
    StartWithoutFootage,
    /// A session of a camera that is not there.
    StartOfUnknown,
    /// Live view.
    Live,
}

/// Of a failure that passes.
const fn passing(what: &'static str, ask: Ask, inject: fn(&Scene)) -> Case {
    Case { what, ask, inject, mends: true }
}

/// Of a listing that is as it is.
const fn listed(what: &'static str, inject: fn(&Scene)) -> Case {
    Case { what, ask: Ask::Start, inject, mends: false }
}

const LIST: &str = "/segments?";
const DOWNLOAD: &str = "/download";

pub(crate) const CASES: &[Case] = &[
    passing("Storage Service answers 400", Ask::Start, |scene| {
        let error = json!({ "error": { "message": "bad time", "details": "" } });
        scene.storage.faults().always(Fault::json(400, &error));
    }),
    passing("Storage Service answers 500", Ask::Start, |scene| {
        scene.storage.faults().always(Fault::status(500));
    }),
    passing("Storage Service answers 500 twice", Ask::Start, |scene| {
        scene.storage.faults().on(LIST, Times::Next(2), Fault::status(500));
    }),
    passing("Storage Service's answers are cut off", Ask::Start, |scene| {
        scene.storage.faults().always(Fault::CutAt(Duration::from_millis(100)));
    }),
    passing("Storage Service answers something else", Ask::Start, |scene| {
        scene.storage.faults().always(Fault::json(200, &json!({ "segments": 7 })));
    }),
    passing("Storage Service is down", Ask::Start, |scene| scene.storage.stop()),
    passing("Storage Service is late", Ask::Start, |scene| scene.storage.faults().always(Fault::Stall)),
    passing(
        "Storage Service has no URL of a recording (404), those in use have expired",
        Ask::Start,
        |scene| {
            scene.origin.signer().expire_all();
            scene.storage.faults().on(DOWNLOAD, Times::Always, Fault::status(404));
        },
    ),
    passing("Storage Service fails to sign URLs (500), those in use have expired", Ask::Start, |scene| {
        scene.origin.signer().expire_all();
        scene.storage.faults().on(DOWNLOAD, Times::Always, Fault::status(500));
    }),
    listed("rows are listed twice", |scene| {
        scene.storage.set_rows(rows().into_iter().chain(rows()).collect());
    }),
    listed("rows overlap by half a minute", |scene| {
        let early = row(STARTS[3], 60).path().to_owned();
        let mut rows = rows();
        rows[3] = row("10-07-30", 60).with("storage_path", early);
        scene.storage.set_rows(rows);
    }),
    listed("a row is missing", |scene| {
        scene.storage.set_rows(rows().into_iter().take(3).collect());
    }),
    listed("`duration_seconds` is 0", |scene| {
        scene.storage.set_rows(rows().into_iter().map(|row| row.with("duration_seconds", 0)).collect());
    }),
    listed("`duration_seconds` is an hour instead of a minute", |scene| {
        scene.storage.set_rows(rows().into_iter().map(|row| row.with("duration_seconds", 3600)).collect());
    }),
    listed("`size_bytes` is 7", |scene| {
        scene.storage.set_rows(rows().into_iter().map(|row| row.with("size_bytes", 7)).collect());
    }),
    listed("`size_bytes` is a terabyte", |scene| {
        let rows = rows().into_iter().map(|row| row.with("size_bytes", 1_u64 << 40));
        scene.storage.set_rows(rows.collect());
    }),
    listed("a row is of a backend that cannot be read", |scene| {
        let mut rows = rows();
        rows[3] = rows[3].clone().with("storage_backend", "MILESTONE");
        scene.storage.set_rows(rows);
    }),
    passing("two objects are gone (404), one that plays and one of the new session", Ask::Start, |scene| {
        for start in [STARTS[0], STARTS[3]] {
            scene.origin.faults().on(start, Times::Always, Fault::s3(404, "NoSuchKey"));
        }
    }),
    passing("the bucket is gone (404)", Ask::Start, |scene| {
        scene.origin.faults().always(Fault::s3(404, "NoSuchBucket"));
    }),
    passing("bodies of objects are cut short, again and again", Ask::Start, |scene| {
        scene.origin.faults().always(Fault::CutAfter(70_000));
    }),
    passing("bodies of objects are cut short, without a validator", Ask::Start, |scene| {
        scene.origin.behave(|behaviour| behaviour.validators = Validators::None);
        scene.origin.faults().always(Fault::CutAfter(180_000));
    }),
    passing("bodies of objects are cut short at once", Ask::Start, |scene| {
        scene.origin.faults().always(Fault::CutAfter(100));
    }),
    passing("an object stalls once", Ask::Start, |scene| {
        scene.origin.faults().on(STARTS[0], Times::Next(1), Fault::StallAfter(50_000));
        scene.origin.faults().on(STARTS[3], Times::Next(1), Fault::StallAfter(50_000));
    }),
    passing("objects stall", Ask::Start, |scene| scene.origin.faults().always(Fault::StallAfter(100))),
    passing("URLs have expired (403)", Ask::Start, |scene| scene.origin.signer().expire_all()),
    passing("every URL is refused (403)", Ask::Start, |scene| {
        scene.origin.faults().always(Fault::s3(403, "AccessDenied"));
    }),
    passing("server of objects answers 500 twice", Ask::Start, |scene| {
        for start in [STARTS[0], STARTS[3]] {
            scene.origin.faults().on(start, Times::Next(2), Fault::status(500));
        }
    }),
    passing("server of objects answers 500", Ask::Start, |scene| {
        scene.origin.faults().always(Fault::status(500));
    }),
    passing("server of objects is down", Ask::Start, |scene| scene.origin.stop()),
    passing("server of objects is late", Ask::Start, |scene| scene.origin.faults().always(Fault::Stall)),
    passing(
        "`Range` is ignored (200); the next segment begins more than 1 MiB into its object",
        Ask::Start,
        |scene| {
            scene.origin.behave(|behaviour| behaviour.ranges = Ranges::Ignored);
        },
    ),
    passing("another range is sent", Ask::Start, |scene| {
        scene.origin.behave(|behaviour| behaviour.ranges = Ranges::Shifted);
    }),
    passing("VMS is down", Ask::Start, |scene| scene.vms.stop()),
    passing("VMS is down, nothing is recorded", Ask::StartWithoutFootage, |scene| scene.vms.stop()),
    passing("VMS answers 500, nothing is recorded", Ask::StartWithoutFootage, |scene| {
        scene.vms.faults().always(Fault::status(500));
    }),
    passing("VMS is late, nothing is recorded", Ask::StartWithoutFootage, |scene| {
        scene.vms.faults().always(Fault::Stall);
    }),
    Case { what: "VMS does not know the camera", ask: Ask::StartOfUnknown, inject: |_| {}, mends: false },
    passing("VMS is down, live view", Ask::Live, |scene| scene.vms.stop()),
    passing("MediaMTX is down, live view", Ask::Live, |scene| scene.media.stop()),
    passing("MediaMTX answers 500, live view", Ask::Live, |scene| {
        scene.media.faults().always(Fault::status(500));
    }),
    passing("MediaMTX forgot its paths, live view", Ask::Live, |scene| scene.media.forget()),
];
