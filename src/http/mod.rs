//! How the world asks: routes, and nothing but the way from a request to a call and from its result to a response.

mod assets;
mod cache;
mod cameras;
mod extract;
mod health;
mod ingest;
mod json;
mod live;
mod observe;
mod openapi;
mod params;
mod problem;
mod segments;
pub mod server;
mod sessions;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::config::{Origins, Server};
use crate::live::Live;
use crate::playback::Playback;
use crate::playback::ports::Upstream;

/// What handlers work with.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    playback: Playback,
    /// Without it live view is off.
    live: Option<Live>,
    /// What the page may load from where.
    page_policy: String,
    upstreams: Vec<Arc<dyn Upstream>>,
    settings: Server,
    draining: AtomicBool,
    /// Segments that are in memory as a whole, for HTTP/1.0 clients.
    whole_segments: Semaphore,
}

/// How many segments are in memory as a whole at a time; further HTTP/1.0 clients wait.
const WHOLE_SEGMENTS: usize = 16;

impl App {
    /// An application that serves `playback` and `live` and reports on `upstreams`.
    pub fn new(
        playback: Playback,
        live: Option<Live>,
        upstreams: Vec<Arc<dyn Upstream>>,
        settings: Server,
    ) -> Self {
        let whole_segments = Semaphore::new(WHOLE_SEGMENTS);
        let page_policy = assets::policy(live.as_ref().map(|live| live.addresses().web_origins()));
        Self(Arc::new(Inner {
            playback,
            live,
            page_policy,
            upstreams,
            settings,
            draining: AtomicBool::new(false),
            whole_segments,
        }))
    }

    /// From now on `/health` says that the service is going.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// What is served.
    pub fn playback(&self) -> &Playback {
        &self.0.playback
    }

    /// Live view, where it is configured.
    pub fn live(&self) -> Option<&Live> {
        self.0.live.as_ref()
    }

    fn settings(&self) -> &Server {
        &self.0.settings
    }

    /// All routes.
    pub fn router(self) -> Router {
        let cors = self.settings().cors_allowed_origins.as_ref().map(cors);
        let api = Router::new()
            .route("/start", post(sessions::start))
            .route("/request", post(sessions::request))
            .route("/live", post(live::open))
            .route("/sessions/{id}", get(sessions::show).delete(sessions::stop))
            .route("/sessions/{id}/extend", post(sessions::extend))
            .route("/sessions/{id}/playlist.m3u8", get(sessions::playlist))
            .route("/sessions/{id}/segment/{file}", get(segments::segment))
            .route("/sessions/{id}/init/{file}", get(segments::initialization))
            .route("/index", post(ingest::range))
            .route("/index/minio", post(ingest::event))
            .route("/cache/stats", get(cache::stats))
            .route("/cameras", get(cameras::list))
            .route("/cameras/{id}/recordings", get(cameras::recordings));
        let routes = Router::new()
            .nest(API, api)
            .route("/health", get(health::health))
            .route("/livez", get(health::livez))
            .route("/metrics", get(health::metrics))
            .route("/openapi.json", get(openapi::document))
            .route("/", get(assets::page))
            .route("/assets/{file}", get(assets::asset))
            .fallback(problem::unknown_route)
            .method_not_allowed_fallback(problem::method_not_allowed)
            .layer(SetResponseHeaderLayer::if_not_present(
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ))
            .layer(CatchPanicLayer::custom(problem::panicked));
        let routes = match cors {
            Some(cors) => routes.layer(cors),
            None => routes,
        };
        routes.layer(from_fn_with_state(self.clone(), observe::observe)).with_state(self)
    }
}

/// Where the API begins.
const API: &str = "/api/v1/playback";

fn cors(origins: &Origins) -> CorsLayer {
    use axum::http::Method;
    let origins = match origins {
        Origins::Any => AllowOrigin::any(),
        Origins::These(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_headers([header::CONTENT_TYPE, header::IF_NONE_MATCH, header::RANGE, observe::REQUEST_ID])
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, observe::REQUEST_ID])
        .max_age(std::time::Duration::from_secs(3600))
}
