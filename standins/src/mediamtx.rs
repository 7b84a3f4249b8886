//! MediaMTX: its Control API, and readers' URLs to the extent that a page can be pointed at them.

mod control;
mod readers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::routing::{delete, get, patch, post};
use serde_json::{Map, Value};

pub use self::readers::LiveMedia;
use crate::faults::Faults;
use crate::lock;
use crate::server::{Address, Server};

/// A MediaMTX; API, HLS and WHEP answer at one address.
#[derive(Debug)]
pub struct MediaMtx {
    shared: Arc<Shared>,
    server: Server,
}

#[derive(Debug)]
struct Shared {
    configured: Mutex<BTreeMap<String, Map<String, Value>>>,
    /// Whether a path has somebody who sends, and its readers.
    states: Mutex<BTreeMap<String, PathState>>,
    media: Mutex<BTreeMap<String, Arc<LiveMedia>>>,
    behaviour: Mutex<Behaviour>,
    faults: Faults,
    /// Calls of the API: method and path.
    calls: Mutex<Vec<String>>,
    began: Instant,
}

#[derive(Debug, Clone, Default)]
struct PathState {
    ready: bool,
    readers: usize,
}

#[derive(Debug, Clone, Default)]
struct Behaviour {
    /// User and password of the API.
    credentials: Option<(String, String)>,
    /// Before 1.16 `available` was called `ready` only.
    before_1_16: bool,
    /// From 1.18 on the first request for a playlist is sent round once more with a cookie.
    cookie_check: bool,
}

impl MediaMtx {
    /// On a free port, without a path.
    pub fn start() -> Self {
        Self::start_at(Address::Free)
    }

    /// Without a path.
    pub fn start_at(address: Address) -> Self {
        let shared = Arc::new(Shared {
            configured: Mutex::default(),
            states: Mutex::default(),
            media: Mutex::default(),
            behaviour: Mutex::default(),
            faults: Faults::default(),
            calls: Mutex::default(),
            began: Instant::now(),
        });
        let router = Router::new()
            .route("/v3/config/paths/add/{*name}", post(control::add))
            .route("/v3/config/paths/patch/{*name}", patch(control::change))
            .route("/v3/config/paths/delete/{*name}", delete(control::remove))
            .route("/v3/config/paths/get/{*name}", get(control::configuration))
            .route("/v3/config/paths/list", get(control::configurations))
            .route("/v3/paths/get/{*name}", get(control::state))
            .fallback(readers::read)
            .with_state(Arc::clone(&shared));
        let router = shared.faults.before(router);
        Self { shared, server: Server::start(address, router) }
    }

    /// What `MEDIAMTX_URL` and `MEDIAMTX_API_URL` have to be.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The paths that were added, and how they are configured.
    pub fn paths(&self) -> BTreeMap<String, Map<String, Value>> {
        lock(&self.shared.configured).clone()
    }

    /// Calls of the API that it answered itself, like `POST /v3/config/paths/add/camera_1`.
    pub fn calls(&self) -> Vec<String> {
        lock(&self.shared.calls).clone()
    }

    /// Forgets what it was told through the API, as a restart does.
    pub fn forget(&self) {
        lock(&self.shared.configured).clear();
        lock(&self.shared.states).clear();
    }

    /// Says of a path that somebody sends, or nobody.
    pub fn set_ready(&self, name: &str, ready: bool) {
        lock(&self.shared.states).entry(name.to_owned()).or_default().ready = ready;
    }

    /// Says of a path that so many read it.
    pub fn set_readers(&self, name: &str, readers: usize) {
        lock(&self.shared.states).entry(name.to_owned()).or_default().readers = readers;
    }

    /// What those who read a path by HLS get.
    pub fn play(&self, name: &str, media: LiveMedia) {
        lock(&self.shared.media).insert(name.to_owned(), Arc::new(media));
        self.set_ready(name, true);
    }

    /// From now on the API wants a user and a password.
    pub fn require(&self, user: &str, password: &str) {
        lock(&self.shared.behaviour).credentials = Some((user.to_owned(), password.to_owned()));
    }

    /// Answers as before 1.16.
    pub fn be_old(&self) {
        lock(&self.shared.behaviour).before_1_16 = true;
    }

    /// Checks for cookies, as from 1.18 on.
    pub fn check_cookies(&self) {
        lock(&self.shared.behaviour).cookie_check = true;
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Refuses connections.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Is back; whether it has forgotten is another matter.
    pub fn resume(&self) {
        self.server.resume();
    }
}
