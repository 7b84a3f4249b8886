//! How fast objects are read through the port, and what that costs: `cargo run --release --example object_reads -- FILE [URL]`.
//!
//! Without a URL a stand-in in the same process serves the file (and its work is counted, too); with one, `URL/name-of-FILE`
//! is read from a server of yours.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, StreamExt};
use playback_service::adapters::exchange::MemoryExchange;
use playback_service::adapters::objects::{HttpObjects, PresignedUrls, SecretUrl, Settings};
use playback_service::adapters::remote::{self, Remote};
use playback_service::clock::SystemClock;
use playback_service::domain::{CameraId, RecordingId, RecordingKey, TimeRange, Version};
use playback_service::error::{Nearest, Result};
use playback_service::metrics::Metrics;
use playback_service::playback::ports::{Catalogue, Indexes, Listing, Objects, Part};
use remux::time::Ticks;
use standins::{Content, Origin};

#[derive(Debug)]
struct Unsigned(String);

impl PresignedUrls for Unsigned {
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>> {
        let url = SecretUrl::parse(&format!("{}/{}", self.0, recording.object));
        ready(Ok(url.expect("the URL is one"))).boxed()
    }

    fn valid_for(&self) -> Duration {
        Duration::from_secs(3600)
    }
}

#[derive(Debug)]
struct Nothing;

impl Catalogue for Nothing {
    fn rows<'a>(&'a self, _: &'a CameraId, _: TimeRange) -> BoxFuture<'a, Result<Listing>> {
        ready(Ok(Listing::default())).boxed()
    }

    fn nearest<'a>(&'a self, _: &'a CameraId, _: TimeRange) -> BoxFuture<'a, Result<Nearest>> {
        ready(Ok(Nearest::default())).boxed()
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = PathBuf::from(arguments.next().ok_or("a file is needed")?);
    let name = file.file_name().and_then(|name| name.to_str()).ok_or("the file has no name")?.to_owned();
    let origin = Origin::start();
    origin.put(&name, Content::File(file.clone()));
    let stand_in = origin.url_of(&name).trim_end_matches(&format!("/{name}")).to_owned();
    let urls = Arc::new(Unsigned(arguments.next().unwrap_or(stand_in)));
    let (clock, metrics) = (Arc::new(SystemClock), Arc::new(Metrics::new()));
    let objects = HttpObjects::new(urls, Settings::default(), Arc::clone(&clock) as _, Arc::clone(&metrics));
    let version = Version { size: 0, validator: "".into(), growing: false };
    let key = RecordingKey { id: RecordingId::from(name.as_str()), object: name.as_str().into(), version };

    for _ in 0..3 {
        let (begun, cpu) = (Instant::now(), cpu());
        let (bytes, buffers) = read(&objects, &key).await?;
        tell("read", bytes, buffers, begun.elapsed(), cpu);
    }
    let work_dir = std::env::temp_dir().join(format!("object_reads.{}", std::process::id()));
    let settings = remote::Settings {
        work_dir: work_dir.clone(),
        scope: String::new(),
        index_concurrency: 1,
        index_cache_bytes: 1 << 27,
        segment_target: Ticks::from_millis(6000),
        exchange: Arc::new(MemoryExchange::new(1 << 20)),
        beside: None,
    };
    let remote = Remote::new(Arc::new(Nothing), Arc::new(objects), settings, clock, Arc::clone(&metrics));
    let (begun, cpu) = (Instant::now(), cpu());
    let cuts = remote.media(&key).await?.cuts().len();
    tell("index", metrics.indexed_bytes.get(), cuts, begun.elapsed(), cpu);
    std::fs::remove_dir_all(work_dir)?;
    Ok(())
}

async fn read(objects: &HttpObjects, key: &RecordingKey) -> Result<(u64, usize)> {
    let mut object = objects.open(key, Part::Range(0..u64::MAX), None).await?;
    let (mut sum, mut buffers) = (0, 0);
    while let Some(bytes) = object.bytes.next().await {
        let bytes: Bytes = bytes?;
        sum += bytes.len() as u64;
        buffers += 1;
    }
    Ok((sum, buffers))
}

fn tell(what: &str, bytes: u64, count: usize, took: Duration, cpu_before: f64) {
    let gigabytes = bytes as f64 / 1e9;
    let cpu = cpu() - cpu_before;
    println!(
        "{what}: {gigabytes:.2} GB in {:.2} s, {:.0} MB/s, {:.2} CPU s per GB, {count} pieces",
        took.as_secs_f64(),
        1000.0 * gigabytes / took.as_secs_f64(),
        cpu / gigabytes
    );
}

/// CPU seconds of this process so far: utime and stime of proc(5), in hundredths.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
