//! The VMS: cameras and their sources, in both dialects.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::faults::Faults;
use crate::server::{Address, Server};
use crate::{Dialect, lock};

/// A VMS.
#[derive(Debug)]
pub struct Vms {
    shared: Arc<Shared>,
    server: Server,
}

/// A camera of a [`Vms`].
#[derive(Debug, Clone)]
pub struct Camera {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// With the camera's user and password.
    pub rtsp_url: String,
}

impl Camera {
    /// A camera whose source has credentials that must not come out again: `operator` and `s3cret-of-{id}`.
    pub fn of(id: &str) -> Self {
        let rtsp_url = format!("rtsp://operator:s3cret-of-{}@192.0.2.7:554/stream1", id.replace('/', "-"));
        Self { id: id.to_owned(), name: format!("Camera {id}"), rtsp_url }
    }
}

#[derive(Debug)]
struct Shared {
    dialect: Mutex<Dialect>,
    cameras: Mutex<Vec<Camera>>,
    database: Mutex<Database>,
    faults: Faults,
    requests: AtomicUsize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Database {
    Up,
    Down,
}

impl Vms {
    /// In the documented dialect, on a free port, with these cameras.
    pub fn start(cameras: &[&str]) -> Self {
        Self::start_at(Address::Free, Dialect::Documented, cameras)
    }

    /// In the deployed dialect, on a free port, with these cameras.
    pub fn start_deployed(cameras: &[&str]) -> Self {
        Self::start_at(Address::Free, Dialect::Deployed, cameras)
    }

    /// In one of the two, with these cameras.
    pub fn start_at(address: Address, dialect: Dialect, cameras: &[&str]) -> Self {
        let shared = Arc::new(Shared {
            dialect: Mutex::new(dialect),
            cameras: Mutex::new(cameras.iter().map(|id| Camera::of(id)).collect()),
            database: Mutex::new(Database::Up),
            faults: Faults::default(),
            requests: AtomicUsize::default(),
        });
        let router = Router::new()
            .route("/api/v1/vms/cameras/{id}", get(documented_camera))
            .route("/api/v1/vms/cameras/{id}/rtsp", get(documented_rtsp))
            .route("/vms/cameras", get(deployed_list))
            .route("/vms/cameras/{id}", get(deployed_camera))
            .route("/vms/cameras/{id}/stream", get(deployed_stream))
            .with_state(Arc::clone(&shared));
        let router = shared.faults.before(router);
        Self { shared, server: Server::start(address, router) }
    }

    /// What `VMS_SERVICE_URL` has to be.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Adds a camera, or replaces the one with its id.
    pub fn put(&self, camera: Camera) {
        let mut cameras = lock(&self.shared.cameras);
        cameras.retain(|known| known.id != camera.id);
        cameras.push(camera);
    }

    /// Takes a camera away.
    pub fn remove(&self, id: &str) {
        lock(&self.shared.cameras).retain(|camera| camera.id != id);
    }

    /// Loses its database: every camera of the deployed dialect is a 404 then, and the list a 500.
    pub fn lose_database(&self) {
        *lock(&self.shared.database) = Database::Down;
    }

    /// Has its database back.
    pub fn find_database(&self) {
        *lock(&self.shared.database) = Database::Up;
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How many requests it answered itself.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Refuses connections.
    pub fn stop(&self) {
        self.server.stop();
    }

    /// Is back.
    pub fn resume(&self) {
        self.server.resume();
    }
}

impl Shared {
    /// A camera, for a request in `dialect`.
    fn camera(&self, dialect: Dialect, id: &str) -> Result<Camera, Response> {
        self.check(dialect)?;
        let found = lock(&self.cameras).iter().find(|camera| camera.id == id).cloned();
        match (*lock(&self.database), found) {
            (Database::Up, Some(camera)) => Ok(camera),
            _ if dialect == Dialect::Documented => Err(StatusCode::NOT_FOUND.into_response()),
            _ => Err(failure(StatusCode::NOT_FOUND, "camera not found", "CAMERA_NOT_FOUND")),
        }
    }

    fn check(&self, dialect: Dialect) -> Result<(), Response> {
        if *lock(&self.dialect) != dialect {
            return Err((StatusCode::NOT_FOUND, "404 page not found").into_response());
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

type Answer = Result<Json<Value>, Response>;

async fn documented_camera(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let camera = shared.camera(Dialect::Documented, &id)?;
    Ok(Json(json!({ "id": camera.id, "name": camera.name, "source": "onvif", "description": "" })))
}

async fn documented_rtsp(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let camera = shared.camera(Dialect::Documented, &id)?;
    Ok(Json(json!({ "rtsp_url": camera.rtsp_url })))
}

async fn deployed_camera(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    Ok(Json(row(&shared.camera(Dialect::Deployed, &id)?)))
}

async fn deployed_stream(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    let camera = shared.camera(Dialect::Deployed, &id)?;
    Ok(Json(json!({ "camera_id": camera.id, "rtsp_url": camera.rtsp_url, "transport": "tcp" })))
}

async fn deployed_list(State(shared): State<Arc<Shared>>) -> Answer {
    shared.check(Dialect::Deployed)?;
    if *lock(&shared.database) == Database::Down {
        return Err(failure(StatusCode::INTERNAL_SERVER_ERROR, "database error", "INTERNAL"));
    }
    let cameras: Vec<Value> = lock(&shared.cameras).iter().map(row).collect();
    Ok(Json(json!({ "total": cameras.len(), "cameras": cameras, "last_updated": MOMENT })))
}

fn row(camera: &Camera) -> Value {
    json!({
        "id": camera.id, "name": camera.name, "name_ar": "", "source": "milestone", "rtsp_url": camera.rtsp_url,
        "ptz_enabled": false, "status": "ONLINE", "recording_server": "rs-1", "milestone_device_id": "d-1",
        "last_update": MOMENT, "created_at": MOMENT,
    })
}

const MOMENT: &str = "2026-03-14T10:00:00Z";

fn failure(status: StatusCode, message: &str, code: &str) -> Response {
    (status, Json(json!({ "error": { "message": message, "code": code } }))).into_response()
}
