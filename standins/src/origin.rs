//! A server of objects: ranges, validators, signed URLs.

mod answers;
mod body;
mod range;
mod sign;
mod visits;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::any;
use bytes::Bytes;

pub use self::sign::Signer;
use self::visits::Visits;
use crate::faults::Faults;
use crate::lock;
use crate::server::{Address, Server};

/// The bucket that objects are in; the first part of every path.
const BUCKET: &str = "cctv-recordings";

/// A server of objects, at `/cctv-recordings/{key}`.
#[derive(Debug)]
pub struct Origin {
    shared: Arc<Shared>,
    server: Server,
    signer: Signer,
}

/// What an object is made of.
#[derive(Debug, Clone)]
pub enum Content {
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, read as it is when it is asked for.
    File(PathBuf),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<PathBuf> for Content {
    fn from(file: PathBuf) -> Self {
        Self::File(file)
    }
}

/// How an [`Origin`] answers.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// What becomes of `Range`.
    pub ranges: Ranges,
    /// What states of an object are told apart by.
    pub validators: Validators,
    /// Requests without a signature that holds are a 403.
    pub only_signed: bool,
    /// Every answer begins so much later.
    pub latency: Duration,
    /// No body goes out faster.
    pub bytes_per_second: Option<u64>,
}

/// What an [`Origin`] makes of `Range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranges {
    /// 206 with the range, or 416.
    Honoured,
    /// 200 with everything.
    Ignored,
    /// 206 that says another range than was asked for: it begins one byte later.
    Shifted,
}

/// What an [`Origin`] sends to tell states of an object apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validators {
    /// `ETag` and `Last-Modified`.
    Both,
    /// `Last-Modified`.
    LastModified,
    /// Neither.
    None,
    /// An `ETag` that is another one in every answer, as if the object were replaced all the time.
    NewEachTime,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            ranges: Ranges::Honoured,
            validators: Validators::Both,
            only_signed: false,
            latency: Duration::ZERO,
            bytes_per_second: None,
        }
    }
}

/// A request that came, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The key of the object.
    pub key: String,
    /// `Range` as it was sent.
    pub range: Option<String>,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Debug)]
struct Shared {
    objects: Mutex<HashMap<String, Object>>,
    behaviour: Mutex<Behaviour>,
    faults: Faults,
    signer: Signer,
    asked: Mutex<Vec<Asked>>,
    sent: Mutex<HashMap<String, u64>>,
    streaming: AtomicUsize,
    visits: Visits,
    changes: AtomicU64,
}

#[derive(Debug, Clone)]
struct Object {
    content: Content,
    /// Tells states of the object apart, where its content does not.
    change: u64,
    put: SystemTime,
}

impl Origin {
    /// On a free port, without an object.
    pub fn start() -> Self {
        Self::start_at(Address::Free)
    }

    /// Without an object.
    pub fn start_at(address: Address) -> Self {
        let signer = Signer::default();
        let shared = Arc::new(Shared {
            objects: Mutex::default(),
            behaviour: Mutex::default(),
            faults: Faults::default(),
            signer: signer.clone(),
            asked: Mutex::default(),
            sent: Mutex::default(),
            streaming: AtomicUsize::default(),
            visits: Visits::default(),
            changes: AtomicU64::default(),
        });
        let router = Router::new().route(visits::PATH, any(visits::stats)).fallback(answers::object);
        let router = router.with_state(Arc::clone(&shared));
        let server = Server::start(address, shared.faults.before(router));
        signer.reached_as(&server.url());
        Self { shared, server, signer }
    }

    /// `http://127.0.0.1:49152`, without the bucket.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Where an object is, without a signature.
    pub fn url_of(&self, key: &str) -> String {
        self.signer.unsigned(key)
    }

    /// Makes URLs that are good for a time.
    pub fn signer(&self) -> Signer {
        self.signer.clone()
    }

    /// Adds an object, or replaces it: its `ETag` is a new one.
    pub fn put(&self, key: &str, content: impl Into<Content>) {
        let change = self.shared.changes.fetch_add(1, Ordering::Relaxed);
        let object = Object { content: content.into(), change, put: SystemTime::now() };
        lock(&self.shared.objects).insert(key.to_owned(), object);
    }

    /// Takes an object away.
    pub fn remove(&self, key: &str) {
        lock(&self.shared.objects).remove(key);
    }

    /// Changes how it answers.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut lock(&self.shared.behaviour));
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The requests that it answered itself, in their order.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    /// How many requests it answered itself.
    pub fn requests(&self) -> usize {
        lock(&self.shared.asked).len()
    }

    /// How many bytes of an object were sent.
    pub fn sent_of(&self, key: &str) -> u64 {
        lock(&self.shared.sent).get(key).copied().unwrap_or_default()
    }

    /// How many bytes of all objects were sent.
    pub fn sent(&self) -> u64 {
        lock(&self.shared.sent).values().sum()
    }

    /// How many answers somebody is reading.
    pub fn streaming(&self) -> usize {
        self.shared.streaming.load(Ordering::Relaxed)
    }

    /// Forgets what was asked and sent.
    pub fn forget(&self) {
        lock(&self.shared.asked).clear();
        lock(&self.shared.sent).clear();
        self.shared.visits.forget();
    }

    /// Refuses connections.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Is back, with all its objects.
    pub fn resume(&self) {
        self.server.resume();
    }
}
