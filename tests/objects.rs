//! Objects over HTTP, and everything that their server may do wrong.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use playback_service::adapters::objects::{HttpObjects, Settings};
use playback_service::domain::{Origin, RecordingId, RecordingKey};
use playback_service::error::{Error, Kind, Result};
use playback_service::playback::ports::{Object, Objects, Part, Upstream, UpstreamState};
use standins::{Fault, Ranges, Times, Validators};
use support::eventually;
use support::remote::Platform;

const ALL: Part = Part::Range(0..u64::MAX);

/// A platform with one object, no two neighbouring pages of it alike.
fn platform(size: usize) -> (Platform, RecordingKey, Vec<u8>) {
    let content: Vec<u8> = (0..size).map(|position| (position % 251 + position / 4096) as u8).collect();
    let platform = Platform::empty();
    let key = platform.add("10-00-00", 60, &content);
    (platform, key, content)
}

async fn read(objects: &HttpObjects, key: &RecordingKey, part: Part) -> Result<Vec<u8>> {
    let object = objects.open(key, part, None).await?;
    Ok(object.bytes.try_collect::<Vec<Bytes>>().await?.concat())
}

/// The error of a read, which never shows where it read.
async fn failure(objects: &HttpObjects, key: &RecordingKey, part: Part) -> Error {
    let error = read(objects, key, part).await.unwrap_err();
    for secret in ["Amz", "http", "127.0.0.1", "Signature="] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error}");
    }
    error
}

fn starts(platform: &Platform) -> Vec<String> {
    platform.origin.asked().into_iter().map(|asked| asked.range.unwrap()).collect()
}

#[tokio::test]
async fn a_body_that_breaks_off_goes_on_at_the_next_byte() {
    let (platform, key, content) = platform(1 << 20);
    platform.origin.faults().on("", Times::Next(2), Fault::CutAfter(300_000));
    assert!(
        read(&platform.objects(), &key, Part::Range(5..1_000_000)).await.unwrap() == content[5..1_000_000]
    );
    let ranges = starts(&platform);
    assert_eq!(ranges[0], "bytes=5-999999");
    assert!(ranges.is_sorted_by_key(|range| range.len()) && ranges[1] != ranges[2], "{ranges:?}");
    assert_eq!(ranges.len(), 3);
    assert_eq!(platform.metrics.upstream_resumes.with_label_values(&["objects"]).get(), 2);
}

#[tokio::test]
async fn a_body_that_stalls_goes_on() {
    let (platform, key, content) = platform(1 << 20);
    platform.origin.faults().once(Fault::StallAfter(200_000));
    assert!(read(&platform.objects(), &key, ALL).await.unwrap() == content);
    assert_eq!(platform.origin.requests(), 2);
}

#[tokio::test]
async fn the_end_of_an_object_is_resumed_too() {
    let (platform, key, content) = platform(1 << 20);
    platform.origin.faults().once(Fault::CutAfter(100));
    assert!(
        read(&platform.objects(), &key, Part::Last(500_000)).await.unwrap()
            == content[content.len() - 500_000..]
    );
}

#[tokio::test]
async fn what_has_no_validator_is_not_resumed() {
    let (platform, key, content) = platform(1 << 20);
    platform.origin.behave(|behaviour| behaviour.validators = Validators::None);
    assert!(read(&platform.objects(), &key, ALL).await.unwrap() == content);
    platform.origin.faults().once(Fault::CutAfter(200_000));
    let error = failure(&platform.objects(), &key, ALL).await;
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(error.detail().contains("cannot be resumed"), "{error}");
    assert_eq!(platform.origin.requests(), 2);
}

#[tokio::test]
async fn a_date_is_a_validator() {
    let (platform, key, content) = platform(1 << 20);
    platform.origin.behave(|behaviour| behaviour.validators = Validators::LastModified);
    platform.origin.faults().once(Fault::CutAfter(200_000));
    assert!(read(&platform.objects(), &key, ALL).await.unwrap() == content);
}

#[tokio::test]
async fn two_states_are_never_mixed() {
    let (platform, key, content) = platform(1 << 20);
    platform.origin.faults().once(Fault::CutAfter(200_000));
    platform.origin.behave(|behaviour| behaviour.validators = Validators::NewEachTime);
    let error = failure(&platform.objects(), &key, ALL).await;
    assert_eq!(error.kind(), &Kind::Gone);
    assert!(error.detail().contains("changed while it was read"), "{error}");

    // The same object with another content of the same size: the server says so itself.
    platform.origin.behave(|behaviour| behaviour.validators = Validators::Both);
    platform.origin.faults().once(Fault::CutAfter(200_000));
    let mut object = platform.objects().open(&key, ALL, None).await.unwrap();
    object.bytes.next().await.unwrap().unwrap();
    platform.origin.put(&key.object, vec![0; content.len()]);
    let rest: Vec<_> = object.bytes.collect().await;
    assert_eq!(rest.last().unwrap().as_ref().unwrap_err().kind(), &Kind::Gone);
}

#[tokio::test]
async fn what_was_learned_of_another_state_is_not_read() {
    let (platform, key, _) = platform(1000);
    let objects = platform.objects();
    let Object { origin, .. } = objects.open(&key, ALL, None).await.unwrap();
    objects.open(&key, Part::Range(5..6), Some(&origin)).await.unwrap();
    platform.origin.put(&key.object, vec![0; 1000]);
    let error = objects.open(&key, Part::Range(5..6), Some(&origin)).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::Gone);
    let any = Origin { validator: None, ..origin };
    objects.open(&key, Part::Range(5..6), Some(&any)).await.unwrap();
}

#[tokio::test]
async fn a_body_that_always_breaks_ends() {
    let (platform, key, _) = platform(1 << 20);
    platform.origin.faults().always(Fault::CutAfter(1000));
    let error = failure(&platform.objects(), &key, ALL).await;
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(platform.origin.requests() <= 6, "{}", platform.origin.requests());
}

#[tokio::test]
async fn one_url_serves_until_it_is_refused() {
    let (platform, key, content) = platform(10_000);
    let objects = platform.objects();
    let reads = (0..50).map(|_| read(&objects, &key, ALL));
    for bytes in futures::future::join_all(reads).await {
        assert!(bytes.unwrap() == content);
    }
    let urls = || platform.urls.asked.load(Ordering::Relaxed);
    assert_eq!(urls(), 1);
    platform.origin.signer().expire_all();
    let reads = (0..50).map(|_| read(&objects, &key, ALL));
    assert!(futures::future::join_all(reads).await.iter().all(|bytes| bytes.as_ref().unwrap() == &content));
    assert_eq!(urls(), 2);
}

#[tokio::test]
async fn a_url_that_runs_out_while_it_is_read_is_renewed() {
    let (platform, key, content) = platform(1 << 20);
    let objects = platform.objects();
    platform.origin.faults().once(Fault::CutAfter(200_000));
    let mut object = objects.open(&key, ALL, None).await.unwrap();
    let mut bytes = object.bytes.next().await.unwrap().unwrap().to_vec();
    platform.origin.signer().expire_all();
    bytes.extend(object.bytes.try_collect::<Vec<Bytes>>().await.unwrap().concat());
    assert!(bytes == content);
    assert_eq!(platform.urls.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn refused_twice_is_refused() {
    let (platform, key, _) = platform(1000);
    platform.origin.faults().always(Fault::s3(403, "SignatureDoesNotMatch"));
    let error = failure(&platform.objects(), &key, ALL).await;
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(
        error.detail().contains("refuses") && error.detail().contains("SignatureDoesNotMatch"),
        "{error}"
    );
    assert_eq!(platform.urls.asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn answers_that_are_no_recording() {
    for (fault, kind, words) in [
        (Fault::s3(404, "NoSuchKey"), Kind::Gone, "no longer there"),
        (Fault::s3(404, "NoSuchBucket"), Kind::BadUpstream, "NoSuchBucket"),
        (Fault::status(410), Kind::Gone, "no longer there"),
        (Fault::status(302), Kind::BadUpstream, "redirects"),
        (Fault::status(400), Kind::BadUpstream, "400"),
        (Fault::status(204), Kind::BadUpstream, "204"),
        (Fault::status(206), Kind::BadUpstream, "without saying which"),
        (Fault::status(500), Kind::BadUpstream, "500"),
        (Fault::status(503), Kind::UpstreamDown, "503"),
        (Fault::status(504), Kind::UpstreamLate, "504"),
        (Fault::Close, Kind::UpstreamDown, "cannot be reached"),
    ] {
        let (platform, key, _) = platform(1000);
        platform.origin.faults().always(fault.clone());
        let error = failure(&platform.objects(), &key, ALL).await;
        assert_eq!(error.kind(), &kind, "{fault:?}: {error}");
        assert!(error.detail().contains(words), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    for fault in [Fault::status(500), Fault::status(429), Fault::Close] {
        let (platform, key, content) = platform(1000);
        platform.origin.faults().on("", Times::Next(2), fault.clone());
        let patient = Settings { retry_within: Duration::from_secs(10), ..Platform::settings() };
        assert!(read(&platform.objects_with(patient), &key, ALL).await.unwrap() == content, "{fault:?}");
        assert_eq!(platform.metrics.upstream_failures.with_label_values(&["objects", "wrong"]).get(), 0);
    }
}

#[tokio::test]
async fn a_server_that_ignores_range_is_noticed() {
    let (platform, key, content) = platform(3 << 20);
    platform.origin.behave(|behaviour| behaviour.ranges = Ranges::Ignored);
    let objects = platform.objects();
    for range in [0..100, 500_000..600_000] {
        let part = Part::Range(range.start as u64..range.end as u64);
        assert!(read(&objects, &key, part).await.unwrap() == content[range]);
    }
    let error = failure(&objects, &key, Part::Range(2 << 20..u64::MAX)).await;
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(error.detail().contains("ignores Range"), "{error}");
}

#[tokio::test]
async fn another_part_is_noticed() {
    let (platform, key, _) = platform(1000);
    platform.origin.behave(|behaviour| behaviour.ranges = Ranges::Shifted);
    let error = failure(&platform.objects(), &key, Part::Range(0..100)).await;
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(error.detail().contains("another part"), "{error}");
}

#[tokio::test]
async fn behind_the_end_there_is_nothing() {
    let (platform, key, _) = platform(1000);
    let error = failure(&platform.objects(), &key, Part::Range(1000..2000)).await;
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(error.detail().contains("ends after 1000 bytes"), "{error}");
    platform.origin.put(&key.object, Vec::new());
    assert_eq!(failure(&platform.objects(), &key, ALL).await.kind(), &Kind::BadUpstream);
}

#[tokio::test]
async fn a_server_that_is_away_is_told_and_comes_back() {
    let (platform, key, content) = platform(1000);
    let objects = platform.objects();
    assert_eq!(objects.state(), UpstreamState::Up);
    platform.origin.stop();
    let error = failure(&objects, &key, ALL).await;
    assert_eq!(error.kind(), &Kind::UpstreamDown);
    assert_eq!(platform.metrics.upstream_failures.with_label_values(&["objects", "down"]).get(), 1);
    while objects.state() == UpstreamState::Up {
        failure(&objects, &key, ALL).await;
    }
    platform.origin.resume();
    assert!(read(&objects, &key, ALL).await.unwrap() == content);
    assert_eq!(objects.state(), UpstreamState::Up);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_late() {
    let (platform, key, _) = platform(1000);
    platform.origin.faults().always(Fault::Stall);
    let hasty = Settings {
        connect_timeout: Duration::from_millis(50),
        first_byte_timeout: Duration::from_millis(50),
        retry_within: Duration::from_millis(1),
        ..Platform::settings()
    };
    assert_eq!(failure(&platform.objects_with(hasty), &key, ALL).await.kind(), &Kind::UpstreamLate);
}

#[tokio::test]
async fn only_hosts_that_are_allowed_are_asked() {
    let (platform, key, content) = platform(1000);
    let only = |host: &str| Settings { hosts: vec![host.to_owned()], ..Platform::settings() };
    let error = platform.objects_with(only("minio:9000")).open(&key, ALL, None).await.unwrap_err();
    assert_eq!(error.kind(), &Kind::BadUpstream);
    assert!(error.detail().contains("OBJECT_HOSTS"), "{error}");
    assert_eq!(platform.origin.requests(), 0);
    assert!(read(&platform.objects_with(only("127.0.0.1")), &key, ALL).await.unwrap() == content);
}

/// What `number` is once it no longer changes.
async fn settled(number: impl Fn() -> u64) -> u64 {
    loop {
        let before = number();
        tokio::time::sleep(Duration::from_millis(200)).await;
        if number() == before {
            return before;
        }
    }
}

#[tokio::test]
async fn who_does_not_read_holds_back_the_server_and_who_goes_away_stops_it() {
    let (platform, key, content) = platform(64 << 20);
    let mut object = platform.objects().open(&key, ALL, None).await.unwrap();
    object.bytes.next().await.unwrap().unwrap();
    // What the sockets of the two hold, and no more.
    let sent = settled(|| platform.origin.sent()).await;
    assert!(sent < 16 << 20, "{sent}");
    assert_eq!(platform.origin.streaming(), 1);
    drop(object);
    let origin = Arc::new(platform.origin);
    eventually("the server stops", || async { origin.streaming() == 0 }).await;
    assert!(origin.sent() < 24 << 20, "{} of {}", origin.sent(), content.len());
}

#[tokio::test]
async fn requests_and_bytes_are_counted() {
    let (platform, key, _) = platform(1000);
    let objects = platform.objects();
    for _ in 0..200 {
        read(&objects, &key, ALL).await.unwrap();
    }
    assert_eq!(platform.metrics.upstream_requests.with_label_values(&["objects"]).get(), 200);
    assert_eq!(platform.metrics.upstream_bytes.with_label_values(&["objects"]).get(), 200_000);
}

#[tokio::test]
async fn keys_are_what_the_catalogue_says() {
    let platform = Platform::empty();
    let key = RecordingKey {
        id: RecordingId::from("x"),
        object: "site/door ä+%41/2026.ts".into(),
        ..platform.add("10-00-00", 60, b"other")
    };
    platform.origin.put(&key.object, b"content".to_vec());
    assert_eq!(read(&platform.objects(), &key, ALL).await.unwrap(), b"content");
}
