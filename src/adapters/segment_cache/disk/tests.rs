use super::*;
use crate::clock::{ManualClock, SystemClock};
use crate::domain::{Origin, RecordingId, Version};
use futures::TryStreamExt;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

struct Bench {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

const LENGTH: usize = 600_000;

impl Bench {
    fn new() -> Self {
        let now = SystemClock.now();
        Self { directory: tempfile::tempdir().unwrap(), clock: Arc::new(ManualClock::at(now)) }
    }

    fn settings(&self) -> DiskSettings {
        DiskSettings {
            work_dir: self.directory.path().join("work"),
            bytes: 10 * LENGTH as u64,
            max_age: Duration::from_secs(1000),
            min_free: 0,
        }
    }

    /// A tier that has started.
    fn tier(&self, settings: DiskSettings) -> DiskTier {
        let tier = DiskTier::new(settings, Arc::clone(&self.clock) as _, Arc::new(Metrics::new()));
        until("it has started", || tier.tier().off != Some("starting".to_owned()));
        tier
    }

    fn segments(&self) -> PathBuf {
        self.directory.path().join("work/segments")
    }

    fn path(&self, number: u8) -> PathBuf {
        self.segments().join(key(number).to_string())
    }
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: did not happen");
        thread::yield_now();
    }
}

fn key(number: u8) -> SegmentKey {
    SegmentKey::new([number; 16])
}

fn segment(number: u8) -> Arc<Finished> {
    let version = Version { size: 1, validator: "1".into(), growing: false };
    let content: Vec<u8> = (0..LENGTH).map(|position| (position / 100) as u8 ^ number).collect();
    Arc::new(Finished {
        recording: RecordingKey { id: RecordingId::from("cam"), object: "cam".into(), version },
        origin: Origin { size: 77, validator: Some("tag".into()) },
        frames: content.chunks(70_001).map(Bytes::copy_from_slice).collect(),
    })
}

/// Offers a segment as often as it takes to be written.
fn keep(tier: &DiskTier, number: u8) {
    tier.on_asked(&key(number));
    tier.on_asked(&key(number));
    let before = tier.tier();
    tier.offer(key(number), &segment(number));
    until("it is written", || {
        tier.tier().entries + tier.tier().evictions > before.entries + before.evictions
    });
}

async fn read(tier: &DiskTier, number: u8) -> Option<Result<Vec<u8>, Error>> {
    let stored = tier.fetch(&key(number)).await?;
    assert_eq!(stored.origin, segment(number).origin);
    let blocks: Result<Vec<Bytes>, Error> = stored.frames.try_collect().await;
    Some(blocks.map(|blocks| blocks.concat()))
}

async fn is_right(tier: &DiskTier, number: u8) -> bool {
    read(tier, number).await.is_some_and(|read| read.unwrap() == segment(number).frames.concat())
}

fn damaged(tier: &DiskTier) -> u64 {
    tier.0.as_ref().unwrap().0.metrics.cache_damaged.get()
}

#[tokio::test]
async fn what_is_asked_for_again_outlives_a_restart() {
    let bench = Bench::new();
    let tier = bench.tier(bench.settings());
    tier.on_asked(&key(1));
    tier.offer(key(1), &segment(1));
    keep(&tier, 2);
    assert!(!is_right(&tier, 1).await, "asked for once");
    assert!(is_right(&tier, 2).await);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&bench.segments()), mode(&bench.path(2))), (0o700, 0o600));
    drop(tier);
    let tier = bench.tier(bench.settings());
    assert!(is_right(&tier, 2).await);
    let stats = tier.tier();
    assert_eq!((stats.entries, stats.hits, stats.misses), (1, 1, 0));
    assert!(stats.bytes > LENGTH as u64);
}

#[tokio::test]
async fn damage_is_found_at_the_start_or_on_the_way() {
    let bench = Bench::new();
    let tier = bench.tier(bench.settings());
    (1..=5).for_each(|number| keep(&tier, number));
    let change = |number: u8, how: fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(bench.path(number)).unwrap();
        how(&mut bytes);
        fs::write(bench.path(number), bytes).unwrap();
    };
    change(1, |bytes| bytes.truncate(LENGTH / 2));
    change(2, |bytes| bytes[100] ^= 1);
    change(3, |bytes| *bytes.last_mut().unwrap() ^= 1);
    change(4, |bytes| bytes.push(0));
    fs::copy(bench.path(5), bench.path(6)).unwrap();
    fs::write(bench.segments().join(format!("{TEMPORARY}{}.1", key(7))), b"half").unwrap();
    fs::write(bench.segments().join("notes.txt"), b"not ours").unwrap();
    fs::write(bench.path(8), b"").unwrap();
    fs::create_dir(bench.path(9)).unwrap();
    // One that has started before finds out when it reads.
    assert!(read(&tier, 1).await.is_none());
    assert!(read(&tier, 3).await.unwrap().is_err());
    assert!(read(&tier, 3).await.is_none(), "it is forgotten");
    assert_eq!(damaged(&tier), 2);
    until("it is removed", || !bench.path(3).exists());
    drop(tier);

    let tier = bench.tier(bench.settings());
    assert_eq!(tier.tier().entries, 1);
    assert!(is_right(&tier, 5).await);
    let mut names: Vec<String> = fs::read_dir(bench.segments())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [key(5).to_string(), key(9).to_string(), "notes.txt".to_owned()]);
}

#[tokio::test]
async fn it_keeps_to_its_size_and_age() {
    let bench = Bench::new();
    let tier = bench.tier(DiskSettings { bytes: 3 * LENGTH as u64 + 10_000, ..bench.settings() });
    (1..=3).for_each(|number| keep(&tier, number));
    assert!(is_right(&tier, 1).await);
    keep(&tier, 4);
    until("there is room", || tier.tier().entries == 3);
    assert!(!is_right(&tier, 2).await, "it was not used the longest");
    assert!(is_right(&tier, 1).await && is_right(&tier, 3).await && is_right(&tier, 4).await);
    bench.clock.advance(999);
    assert!(is_right(&tier, 1).await);
    bench.clock.advance(1);
    assert!(!is_right(&tier, 1).await);
    drop(tier);
    let tier = bench.tier(bench.settings());
    until("what is old is gone", || fs::read_dir(bench.segments()).unwrap().count() == 0);
    assert_eq!(tier.tier().entries, 0);
}

#[tokio::test]
async fn a_disk_that_cannot_be_used_turns_it_off_for_a_while() {
    let bench = Bench::new();
    fs::create_dir(bench.directory.path().join("work")).unwrap();
    fs::write(bench.segments(), b"a file where the directory should be").unwrap();
    let tier = bench.tier(bench.settings());
    assert!(tier.tier().off.is_some());
    assert!(!is_right(&tier, 1).await);
    fs::remove_file(bench.segments()).unwrap();
    bench.clock.advance(61);
    keep(&tier, 1);
    assert_eq!(tier.tier().off, None);
    assert!(is_right(&tier, 1).await);
}

#[tokio::test]
async fn a_full_disk_turns_it_off_for_a_while() {
    let bench = Bench::new();
    keep(&bench.tier(bench.settings()), 1);
    let tier = bench.tier(DiskSettings { min_free: u64::MAX / 2, ..bench.settings() });
    assert!(is_right(&tier, 1).await, "to read needs no room");
    (0..2).for_each(|_| tier.on_asked(&key(2)));
    tier.offer(key(2), &segment(2));
    until("it is off", || tier.tier().off.is_some());
    assert!(tier.tier().off.unwrap().contains("stay free"));
    assert_eq!(tier.tier().entries, 0, "what others need of the disk is given up");
}

#[tokio::test]
async fn a_recording_is_forgotten_with_all_its_segments() {
    let bench = Bench::new();
    let tier = bench.tier(bench.settings());
    (1..=2).for_each(|number| keep(&tier, number));
    tier.forget(&segment(1).recording);
    assert!(!is_right(&tier, 1).await);
    until("the files are gone", || fs::read_dir(bench.segments()).unwrap().count() == 0);
}
