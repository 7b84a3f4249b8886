//! The VMS: which cameras there are, and where their streams come from.
//!
//! One form of it answers 404 to everything that goes wrong. So a 404 is believed only where a list of all cameras can be had and
//! the camera is not on it; a VMS that cannot be asked is away, which is another thing than a camera that is not there.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::FutureExt;
use futures::future::BoxFuture;
use moka::future::Cache;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tracing::{debug, warn};

use super::dialect::{Dialect, Spoken, is_no_such_question};
use super::http_client::{self, Answer, JsonClient, Service};
use crate::clock::Clock;
use crate::domain::{CameraId, WallTime};
use crate::error::{Error, Kind, Result};
use crate::live::ports::{CameraSources, SourceUrl};
use crate::metrics::Metrics;
use crate::playback::ports::{Camera, Cameras, Probe, Upstream, UpstreamState};

/// A VMS.
#[derive(Debug)]
pub struct Vms {
    client: JsonClient,
    spoken: Spoken,
    clock: Arc<dyn Clock>,
    /// Cameras that there are, and when the VMS last said so.
    known: Cache<CameraId, WallTime>,
}

/// How it is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its URL, without a slash at the end.
    pub url: String,
    /// In which form it answers; `None`: to be found out.
    pub dialect: Option<Dialect>,
    /// Longest wait for a connection.
    pub connect: Duration,
    /// Longest wait for an answer.
    pub answer: Duration,
}

/// What the VMS says of a camera.
enum Said {
    /// What was asked for.
    Yes(Answer),
    /// It has no answer to this, but has the camera on its list.
    Listed,
    /// There is no such camera.
    No,
}

/// What of a camera is asked for.
#[derive(Debug, Clone, Copy)]
enum About {
    Camera,
    Stream,
}

#[derive(Deserialize)]
struct Stream {
    rtsp_url: Option<String>,
}

#[derive(Deserialize)]
struct List {
    cameras: Option<Vec<Listed>>,
}

/// A camera of the list, or what stands there instead of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listed {
    Camera {
        id: String,
    },
    #[allow(dead_code, reason = "whatever it is, it is no camera")]
    Other(IgnoredAny),
}

/// `{"error":{"message","code"}}`
#[derive(Deserialize)]
#[allow(dead_code, reason = "that it is there is all that matters")]
struct ErrorForm {
    error: ErrorMembers,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "that it is there is all that matters")]
struct ErrorMembers {
    message: String,
    code: IgnoredAny,
}

impl Vms {
    /// The one that `settings` say. Nothing is asked yet.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        let reached = http_client::Settings {
            base: settings.url,
            connect: settings.connect,
            answer: settings.answer,
            max_bytes: LARGEST_ANSWER,
        };
        let client = JsonClient::new(SERVICE, reached, metrics);
        Self { client, spoken: Spoken::new(settings.dialect), clock, known: Cache::new(KNOWN_CAMERAS) }
    }

    /// Whether there is such a camera; while nobody can say, whether there was.
    async fn exists_now(&self, camera: &CameraId) -> Result<bool> {
        let known = self.known.get(camera).await;
        let now = self.clock.now();
        if known.is_some_and(|known| now < known + BELIEVED) {
            return Ok(true);
        }
        match self.ask(camera, About::Camera).await {
            Ok(Said::No) => {
                self.known.invalidate(camera).await;
                Ok(false)
            }
            Ok(Said::Yes(_) | Said::Listed) => {
                self.known.insert(camera.clone(), now).await;
                Ok(true)
            }
            Err(error) if known.is_some() => {
                warn!(%camera, %error, "the VMS cannot be asked; it knew the camera before");
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks in the form that the VMS speaks, or else in both.
    async fn ask(&self, camera: &CameraId, about: About) -> Result<Said> {
        let mut says_no = false;
        for dialect in self.spoken.to_try() {
            let answer = self.client.get(&target(*dialect, camera, about)).await?;
            if answer.status.is_success() {
                self.spoken.on_understood(*dialect);
                return Ok(Said::Yes(answer));
            }
            if !is_no_such_question(answer.status) {
                return Err(self.client.refusal(answer));
            }
            // What sends elsewhere whatever it is asked for is something else.
            if answer.status.is_redirection() {
                continue;
            }
            says_no = true;
            let is_its_form = answer.json::<ErrorForm>().is_some();
            if *dialect == Dialect::Deployed
                && (is_its_form || self.spoken.known() == Some(Dialect::Deployed))
            {
                return self.look_it_up(camera, is_its_form).await;
            }
        }
        match says_no {
            true => Ok(Said::No),
            false => Err(self.client.wrong("sends elsewhere; VMS_SERVICE_URL may be wrong")),
        }
    }

    /// Whether a camera that is a 404 is on the list of all.
    async fn look_it_up(&self, camera: &CameraId, is_its_form: bool) -> Result<Said> {
        let listed = self.client.get(LIST).await.and_then(|answer| self.client.parse::<List>(answer));
        let listed = listed.map_err(|error| match error.kind() {
            Kind::BadUpstream => Error::new(
                Kind::UpstreamDown,
                format!("The VMS finds no camera, but cannot list them either. {error}"),
            ),
            _ => error,
        })?;
        if is_its_form {
            self.spoken.on_understood(Dialect::Deployed);
        }
        Ok(if ids(listed).contains(camera) { Said::Listed } else { Said::No })
    }

    /// Where a camera's stream comes from.
    async fn stream(&self, camera: &CameraId) -> Result<SourceUrl> {
        let stream = match self.ask(camera, About::Stream).await? {
            Said::Yes(answer) => self.client.parse::<Stream>(answer)?.rtsp_url,
            Said::Listed => None,
            Said::No => return Err(Error::unknown_camera(camera)),
        };
        let source = stream.and_then(|url| SourceUrl::parse(&url));
        source.ok_or_else(|| self.client.wrong("gives no RTSP URL of the camera"))
    }

    /// All cameras, where the VMS has a list of them.
    async fn all(&self) -> Result<Vec<CameraId>> {
        if self.spoken.known() == Some(Dialect::Documented) {
            return Ok(Vec::new());
        }
        let answer = self.client.get(LIST).await?;
        let is_its_form = answer.json::<ErrorForm>().is_some();
        if is_no_such_question(answer.status) && !is_its_form && self.spoken.known().is_none() {
            return Ok(Vec::new());
        }
        let list = self.client.parse(answer)?;
        self.spoken.on_understood(Dialect::Deployed);
        Ok(ids(list))
    }
}

const SERVICE: Service = Service { name: "vms", title: "The VMS" };

const LIST: &str = "/vms/cameras";

/// Thousands of cameras.
const LARGEST_ANSWER: usize = 8 << 20;

/// Cameras that are known while the VMS is away.
const KNOWN_CAMERAS: u64 = 20_000;

/// How long it is believed that there is a camera: seeking opens sessions, and must not wait for the VMS each time.
const BELIEVED: TimeDelta = TimeDelta::seconds(60);

fn target(dialect: Dialect, camera: &CameraId, about: About) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let camera = utf8_percent_encode(camera.as_str(), PLAIN);
    match (dialect, about) {
        (Dialect::Documented, About::Camera) => format!("/api/v1/vms/cameras/{camera}"),
        (Dialect::Documented, About::Stream) => format!("/api/v1/vms/cameras/{camera}/rtsp"),
        (Dialect::Deployed, About::Camera) => format!("{LIST}/{camera}"),
        (Dialect::Deployed, About::Stream) => format!("{LIST}/{camera}/stream"),
    }
}

/// The ids that can be used, in order.
fn ids(list: List) -> Vec<CameraId> {
    let ids = list.cameras.unwrap_or_default().into_iter().filter_map(|listed| match listed {
        Listed::Camera { id } => id
            .parse()
            .inspect_err(|error| debug!(id, %error, "the VMS has a camera that cannot be asked for"))
            .ok(),
        Listed::Other(_) => None,
    });
    let mut ids: Vec<CameraId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

impl Cameras for Vms {
    fn exists<'a>(&'a self, camera: &'a CameraId) -> BoxFuture<'a, Result<bool>> {
        self.exists_now(camera).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Camera>>> {
        async {
            let ids = self.all().await?;
            Ok(ids.into_iter().map(|id| Camera { id, recordings: None, recorded: None }).collect())
        }
        .boxed()
    }
}

impl CameraSources for Vms {
    fn source<'a>(&'a self, camera: &'a CameraId) -> BoxFuture<'a, Result<SourceUrl>> {
        self.stream(camera).boxed()
    }
}

impl Probe for Vms {
    /// One form of it has no list: it is asked for a camera that it need not know.
    fn probe(&self) -> BoxFuture<'_, Result<()>> {
        async {
            self.all().await?;
            if self.spoken.known() != Some(Dialect::Deployed) {
                self.ask(&CameraId::none(), About::Camera).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

impl Upstream for Vms {
    fn name(&self) -> &'static str {
        self.client.name()
    }

    fn state(&self) -> UpstreamState {
        self.client.state()
    }
}
