//! Work that nobody waits for, as tasks of the runtime.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::playback::ports::Tasks;

/// Tasks of tokio.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTasks;

impl Tasks for TokioTasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        tokio::spawn(work);
    }

    fn later(&self, pause: Duration, work: BoxFuture<'static, ()>) {
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            work.await;
        });
    }
}
