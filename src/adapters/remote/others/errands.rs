//! What is expensive is done by one replica: it claims the errand, goes on claiming it as long as it takes, and the others wait
//! for what it tells. Where nobody can be asked each works for itself, and nobody waits for ever.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Others;
use crate::domain::RecordingKey;
use crate::playback::exchange::{Claim, Errand, Exchange};

/// Who does an errand.
#[derive(Debug)]
pub(in super::super) enum Turn<T> {
    /// Somebody else has done it: that is what it gave.
    Done(T),
    /// We do.
    Ours(Claimed),
    /// We do, whoever else does: they cannot be asked, or take too long.
    Alone,
}

impl<T> Turn<T> {
    /// What somebody else has found, or the claim that is to be held until we have told what we found.
    pub(in super::super) fn done(self) -> Result<T, Option<Claimed>> {
        match self {
            Self::Done(found) => Ok(found),
            Self::Ours(claimed) => Err(Some(claimed)),
            Self::Alone => Err(None),
        }
    }
}

/// An errand that is ours until this is dropped.
#[derive(Debug)]
pub(in super::super) struct Claimed {
    exchange: Arc<dyn Exchange>,
    claim: Claim,
    renewing: JoinHandle<()>,
}

impl Claimed {
    fn keep(exchange: Arc<dyn Exchange>, claim: Claim, lasts: Duration) -> Self {
        let (renewed, again) = (Arc::clone(&exchange), claim.clone());
        let renewing = tokio::spawn(async move {
            loop {
                sleep(lasts / 3).await;
                // Who cannot be told now is told a moment later; at worst somebody does the same.
                let _ = renewed.claim(&again, lasts).await;
            }
        });
        Self { exchange, claim, renewing }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.renewing.abort();
        let (exchange, claim) = (Arc::clone(&self.exchange), self.claim.clone());
        if let Ok(runtime) = Handle::try_current() {
            // What is not given up ends by itself.
            runtime.spawn(async move { exchange.release(&claim).await });
        }
    }
}

/// How long a claim stands that nobody renews, how long others wait, and how often they look.
fn times(errand: Errand) -> [Duration; 3] {
    match errand {
        // Longer than two reads take, and no longer than anybody waits for a picture.
        Errand::Sketch => [Duration::from_secs(5), Duration::from_secs(2), Duration::from_millis(40)],
        Errand::Index => [Duration::from_secs(15), Duration::from_secs(600), Duration::from_millis(250)],
    }
}

impl Others {
    /// Claims an errand. Where somebody else does it, waits until they have `found` something.
    pub(in super::super) async fn errand<'a, T>(
        &self,
        key: &RecordingKey,
        errand: Errand,
        found: impl Fn() -> BoxFuture<'a, Option<T>>,
    ) -> Turn<T> {
        let [lasts, patience, pause] = times(errand);
        let holder = uuid::Uuid::new_v4().to_string().into();
        let claim = Claim { topic: self.topic(key), errand, holder };
        let deadline = Instant::now() + patience;
        let mut has_waited = false;
        loop {
            let is_ours = match self.exchange.claim(&claim, lasts).await {
                Ok(is_ours) => is_ours,
                Err(_) => return Turn::Alone,
            };
            let claimed = is_ours.then(|| Claimed::keep(Arc::clone(&self.exchange), claim.clone(), lasts));
            // Whoever had it before may have told by now.
            match (found().await, claimed) {
                (Some(found), _) => return Turn::Done(found),
                (None, Some(claimed)) => return Turn::Ours(claimed),
                (None, None) if Instant::now() >= deadline => return Turn::Alone,
                (None, None) => {}
            }
            if !std::mem::replace(&mut has_waited, true) {
                self.metrics.shared_awaited.inc();
            }
            sleep(pause).await;
        }
    }
}
