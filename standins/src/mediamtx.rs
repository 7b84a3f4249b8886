//! MediaMTX: its Control API, and what readers get by HLS and WHEP.

mod control;
mod fragments;
mod hls;
mod media;
mod readers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use serde_json::{Map, Value};

use self::hls::{Playing, Sessions};
pub use self::media::LiveMedia;
use self::readers::WhepSession;
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
    media: Mutex<BTreeMap<String, Source>>,
    sessions: Mutex<Sessions>,
    whep: Mutex<Whep>,
    behaviour: Mutex<Behaviour>,
    faults: Faults,
    /// Calls of the API: method and path.
    calls: Mutex<Vec<String>>,
}

/// What a path plays.
#[derive(Debug)]
enum Source {
    /// Somebody sends it, whatever is configured.
    Published(Arc<Playing>),
    /// It is a camera's, which is called as long as the path is configured.
    OnDemand(Arc<Playing>),
}

/// Those who watch by WebRTC, and all offers there were.
#[derive(Debug, Default)]
struct Whep {
    open: Vec<WhepSession>,
    offers: Vec<String>,
}

impl Shared {
    /// What those who read a path get now.
    fn playing(&self, name: &str) -> Option<Arc<Playing>> {
        match lock(&self.media).get(name)? {
            Source::Published(playing) => Some(Arc::clone(playing)),
            Source::OnDemand(playing) => {
                lock(&self.configured).contains_key(name).then(|| Arc::clone(playing))
            }
        }
    }

    /// Kinds of those who read a path.
    fn readers(&self, name: &str) -> Vec<&'static str> {
        let others = lock(&self.states).get(name).map_or(0, |state| state.readers);
        let by_whep = lock(&self.whep).open.iter().filter(|session| session.name == name).count();
        let by_hls = lock(&self.sessions).of(name);
        let kinds = [("rtspSession", others), ("webRTCSession", by_whep), ("hlsSession", by_hls)];
        kinds.into_iter().flat_map(|(kind, count)| std::iter::repeat_n(kind, count)).collect()
    }
}

fn nobody() -> Response {
    (StatusCode::NOT_FOUND, "no stream is available on this path").into_response()
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
    /// From 1.18 on the first request for a playlist is sent round once more to see whether cookies come back, and whoever
    /// reads has a session.
    hls_sessions: bool,
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
            sessions: Mutex::default(),
            whep: Mutex::default(),
            behaviour: Mutex::default(),
            faults: Faults::default(),
            calls: Mutex::default(),
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
        self.forget_readers();
    }

    /// Whoever reads by HLS or WHEP has to begin again.
    pub fn forget_readers(&self) {
        lock(&self.shared.sessions).forget();
        lock(&self.shared.whep).open.clear();
    }

    /// Says of a path that somebody sends, or nobody.
    pub fn set_ready(&self, name: &str, ready: bool) {
        lock(&self.shared.states).entry(name.to_owned()).or_default().ready = ready;
    }

    /// Says of a path that so many read it.
    pub fn set_readers(&self, name: &str, readers: usize) {
        lock(&self.shared.states).entry(name.to_owned()).or_default().readers = readers;
    }

    /// What those who read a path by HLS get, from now on: somebody publishes it.
    pub fn play(&self, name: &str, media: LiveMedia) {
        let playing = Arc::new(Playing::from_now(media));
        lock(&self.shared.media).insert(name.to_owned(), Source::Published(playing));
        self.set_ready(name, true);
    }

    /// What a camera sends: those who read its path get it while the path is configured.
    pub fn play_on_demand(&self, name: &str, media: LiveMedia) {
        let playing = Arc::new(Playing::from_now(media));
        lock(&self.shared.media).insert(name.to_owned(), Source::OnDemand(playing));
    }

    /// The offers that came by WHEP.
    pub fn offers(&self) -> Vec<String> {
        lock(&self.shared.whep).offers.clone()
    }

    /// How many WebRTC sessions are open.
    pub fn whep_sessions(&self) -> usize {
        lock(&self.shared.whep).open.len()
    }

    /// How many watch a path, by whatever.
    pub fn readers(&self, name: &str) -> usize {
        self.shared.readers(name).len()
    }

    /// From now on the API wants a user and a password.
    pub fn require(&self, user: &str, password: &str) {
        lock(&self.shared.behaviour).credentials = Some((user.to_owned(), password.to_owned()));
    }

    /// Answers as before 1.16.
    pub fn be_old(&self) {
        lock(&self.shared.behaviour).before_1_16 = true;
    }

    /// Checks for cookies and wants a session of whoever reads by HLS, as from 1.18 on.
    pub fn check_cookies(&self) {
        lock(&self.shared.behaviour).hls_sessions = true;
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
