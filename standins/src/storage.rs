//! The Storage Service: rows of recordings, in both dialects.

mod answers;
mod row;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use serde_json::Value;

pub use self::answers::Selects;
pub use self::row::Row;
use crate::faults::Faults;
use crate::server::{Address, Server};
use crate::{Dialect, Signer, lock};

/// A Storage Service.
#[derive(Debug)]
pub struct StorageService {
    shared: Arc<Shared>,
    server: Server,
}

/// How a [`StorageService`] answers.
#[derive(Debug, Clone)]
pub struct Answers {
    /// In which form; what belongs to the other one only is a 404.
    pub dialect: Dialect,
    /// Which rows the documented list gives: its description does not say.
    pub selects: Selects,
    /// The deployed list refuses a camera that is no UUID, with 500.
    pub only_uuids: bool,
    /// Most rows of one answer.
    pub most_rows: usize,
    /// The documented list gives the latest rows first.
    pub latest_first: bool,
    /// Members that every answer has besides.
    pub besides: Option<(String, Value)>,
}

impl Answers {
    fn of(dialect: Dialect) -> Self {
        let most_rows = if dialect == Dialect::Deployed { 100 } else { 1000 };
        let selects = Selects::Overlapping;
        Self { dialect, selects, only_uuids: false, most_rows, latest_first: false, besides: None }
    }
}

/// Makes the URL of a key that is good for so long.
#[derive(Clone)]
struct Sign(Arc<MakeUrl>);

type MakeUrl = dyn Fn(&str, Duration) -> String + Send + Sync;

impl fmt::Debug for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sign { .. }")
    }
}

#[derive(Debug)]
struct Shared {
    rows: Mutex<Vec<Row>>,
    answers: Mutex<Answers>,
    sign: Mutex<Option<Sign>>,
    faults: Faults,
    lists: AtomicUsize,
    downloads: AtomicUsize,
}

impl StorageService {
    /// In the documented dialect, on a free port, without a row.
    pub fn start() -> Self {
        Self::start_at(Address::Free, Dialect::Documented)
    }

    /// In the deployed dialect, on a free port, without a row.
    pub fn start_deployed() -> Self {
        Self::start_at(Address::Free, Dialect::Deployed)
    }

    /// In one of the two, without a row.
    pub fn start_at(address: Address, dialect: Dialect) -> Self {
        let shared = Arc::new(Shared {
            rows: Mutex::default(),
            answers: Mutex::new(Answers::of(dialect)),
            sign: Mutex::default(),
            faults: Faults::default(),
            lists: AtomicUsize::default(),
            downloads: AtomicUsize::default(),
        });
        let router = Router::new()
            .route("/api/v1/storage/segments", get(answers::documented))
            .route("/api/v1/storage/segments/{id}", get(answers::deployed))
            .route("/api/v1/storage/segments/{id}/download", get(answers::download))
            .with_state(Arc::clone(&shared));
        let router = shared.faults.before(router);
        Self { shared, server: Server::start(address, router) }
    }

    /// What `STORAGE_SERVICE_URL` has to be.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Adds a row.
    pub fn add(&self, row: Row) {
        lock(&self.shared.rows).push(row);
    }

    /// Replaces all rows.
    pub fn set_rows(&self, rows: Vec<Row>) {
        *lock(&self.shared.rows) = rows;
    }

    /// Changes how it answers.
    pub fn answer(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut lock(&self.shared.answers));
    }

    /// Download URLs are made by `signer`, that of an [`Origin`](crate::Origin). Without one there are none.
    pub fn sign_with(&self, signer: Signer) {
        self.sign_by(move |key, valid| signer.sign(key, valid));
    }

    /// Download URLs are made by `sign`, of a key and how long they are to be good for: those of a real server of objects.
    pub fn sign_by(&self, sign: impl Fn(&str, Duration) -> String + Send + Sync + 'static) {
        *lock(&self.shared.sign) = Some(Sign(Arc::new(sign)));
    }

    /// What goes wrong; lists are at `/segments`, download URLs at `/download`.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How many lists it was asked for and answered itself.
    pub fn lists(&self) -> usize {
        self.shared.lists.load(Ordering::Relaxed)
    }

    /// How many download URLs it was asked for and answered itself.
    pub fn downloads(&self) -> usize {
        self.shared.downloads.load(Ordering::Relaxed)
    }

    /// Refuses connections.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Is back, with all its rows.
    pub fn resume(&self) {
        self.server.resume();
    }
}
