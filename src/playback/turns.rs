//! The port of load control: who may serve and read now, who waits, who is told to come back.

use std::fmt::{self, Debug};
use std::sync::Weak;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::domain::SessionId;
use crate::error::Result;

/// Hands out turns, fairly between sessions.
pub trait Turns: Debug + Send + Sync {
    /// A turn to send a segment that is not in memory.
    ///
    /// # Errors
    /// [`Kind::Busy`](crate::error::Kind::Busy) where too many wait already, or the wait takes too long.
    fn segment(&self, session: SessionId) -> BoxFuture<'static, Result<Turn>>;

    /// A turn to read from where recordings are kept.
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    fn read(&self, session: SessionId, need: Need) -> BoxFuture<'static, Result<Turn>>;

    /// From now on `reading` may lose its turn to read when others wait and it does not read.
    fn on_reading(&self, reading: Weak<dyn Reading>);
}

/// Does what nobody waits for.
pub trait Tasks: Debug + Send + Sync {
    /// Does `work`, some time.
    fn spawn(&self, work: BoxFuture<'static, ()>);

    /// Does `work` when `pause` is over.
    fn later(&self, pause: Duration, work: BoxFuture<'static, ()>);
}

/// How much a read is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Somebody waits for its first byte.
    Now,
    /// Somebody has had a part of it: it waits for as long as it takes, and before the others.
    Onward,
    /// Nobody asked yet: where all turns are taken there is none, and nobody waits.
    Ahead,
}

/// Something that reads under a turn.
pub trait Reading: Send + Sync {
    /// Whether it has not gone on since this was asked last.
    fn rests(&self) -> bool;

    /// Gives up its turn; it takes another when it goes on.
    fn yield_turn(&self);
}

/// To be dropped when it is over.
pub struct Turn(#[expect(dead_code, reason = "it is there to be dropped")] Option<Box<dyn Send + Sync>>);

impl Turn {
    /// A turn that ends when `held` is dropped.
    pub fn until_dropped(held: impl Send + Sync + 'static) -> Self {
        Self(Some(Box::new(held)))
    }

    /// A turn that nobody counts.
    pub fn unlimited() -> Self {
        Self(None)
    }
}

impl Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}
