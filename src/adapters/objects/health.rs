//! Whether the server of objects is there, by how the last requests went.

use std::sync::{Mutex, MutexGuard};

use super::failure::Failure;
use crate::playback::ports::UpstreamState;

/// The last outcomes.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Outcomes>);

#[derive(Debug, Default)]
struct Outcomes {
    /// Requests in a row that came to nothing.
    failed: u32,
    reason: String,
}

/// One request that comes to nothing says little; so many in a row say that nobody is there.
const AWAY_AFTER: u32 = 3;

impl Health {
    /// Any answer shows that somebody is there, whatever it says.
    pub(super) fn on_answer(&self) {
        self.outcomes().failed = 0;
    }

    pub(super) fn on_failure(&self, failure: &Failure) {
        if matches!(failure, Failure::Unreachable(_) | Failure::Late(_)) {
            let mut outcomes = self.outcomes();
            outcomes.failed = outcomes.failed.saturating_add(1);
            outcomes.reason = failure.to_string();
        }
    }

    pub(super) fn state(&self) -> UpstreamState {
        let outcomes = self.outcomes();
        match outcomes.failed >= AWAY_AFTER {
            true => {
                UpstreamState::Away(format!("recordings cannot be read; of the last one {}", outcomes.reason))
            }
            // Nobody is asked before somebody plays something.
            false => UpstreamState::Up,
        }
    }

    fn outcomes(&self) -> MutexGuard<'_, Outcomes> {
        // Whoever panicked while holding it had changed a number or a text.
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
