//! `playback-service check`: everything that the service depends on, tried once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::timeout;

use super::outside::Outside;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::metrics::Metrics;
use crate::playback::ports::Probe;

/// Something the service depends on.
#[derive(Debug, Clone)]
pub(super) struct Dependency {
    /// What `/health` calls it.
    pub(super) name: &'static str,
    /// Where it is; nothing secret.
    pub(super) place: String,
    /// The settings that say so.
    pub(super) settings: &'static str,
    pub(super) probe: Arc<dyn Probe>,
}

/// How it went. Printed it is one line without secrets.
#[derive(Debug)]
pub struct Finding {
    dependency: Dependency,
    outcome: Result<()>,
}

/// Tries everything that is configured, all at the same time.
pub async fn check(config: &Config, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let outside = Outside::of(config, clock, &Arc::new(Metrics::new()));
    join_all(outside.dependencies.iter().cloned().map(Dependency::tried)).await
}

impl Dependency {
    async fn tried(self) -> Finding {
        let outcome = timeout(LONGEST, self.probe.probe()).await;
        let late = || {
            let detail = format!("It does not answer within {} s.", LONGEST.as_secs());
            Err(Error::new(Kind::UpstreamLate, detail))
        };
        Finding { outcome: outcome.unwrap_or_else(|_| late()), dependency: self }
    }
}

/// Whatever the settings say: somebody is waiting.
const LONGEST: Duration = Duration::from_secs(30);

impl Finding {
    /// Whether the service can use it.
    pub fn is_ok(&self) -> bool {
        self.outcome.is_ok()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Dependency { name, place, settings, .. } = &self.dependency;
        match &self.outcome {
            Ok(()) => write!(f, "ok      {name}: {place}"),
            Err(error) => write!(f, "FAILED  {name}: {place}: {} See {settings}.", error.detail()),
        }
    }
}
