//! What time it is. Everything that depends on the wall clock asks a [`Clock`], so that tests can turn one by hand.

use std::fmt::Debug;
use std::sync::Mutex;

use chrono::Utc;
use remux::time::Ticks;

use crate::domain::{WallTime, later};

/// Tells the wall time.
pub trait Clock: Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> WallTime;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> WallTime {
        Utc::now()
    }
}

/// A clock that stands until it is turned.
#[derive(Debug)]
pub struct ManualClock(Mutex<WallTime>);

impl ManualClock {
    /// A clock that stands at `moment`.
    pub fn at(moment: WallTime) -> Self {
        Self(Mutex::new(moment))
    }

    /// Turns it by `seconds`.
    pub fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *now = later(*now, Ticks::from_millis(seconds.saturating_mul(1000)));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> WallTime {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
