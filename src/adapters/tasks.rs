//! Work that nobody waits for, as tasks of the runtime.

use futures::future::BoxFuture;

use crate::playback::ports::Tasks;

/// Tasks of tokio.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTasks;

impl Tasks for TokioTasks {
    fn spawn(&self, work: BoxFuture<'static, ()>) {
        tokio::spawn(work);
    }
}
