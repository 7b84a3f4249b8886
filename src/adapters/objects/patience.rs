//! How long, and how often, something is tried again.

use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

/// Pauses that double, with jitter, until a deadline.
#[derive(Debug)]
pub(super) struct Patience {
    until: Instant,
    pause: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Patience {
    pub(super) fn for_(span: Duration) -> Self {
        Self { until: Instant::now() + span, pause: FIRST_PAUSE }
    }

    /// How long to wait before the next try; `None` where it would begin too late.
    pub(super) fn next_pause(&mut self) -> Option<Duration> {
        let pause = jittered(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (Instant::now() + pause < self.until).then_some(pause)
    }
}

/// The pause before the `resume`th time that a body is resumed without having come any further: none before the first.
pub(super) fn pause_before(resume: u32) -> Duration {
    match resume.checked_sub(2) {
        None => Duration::ZERO,
        Some(power) => jittered(FIRST_PAUSE.saturating_mul(1 << power.min(4))).min(LONGEST_PAUSE),
    }
}

/// Half of it to all of it: those who failed together do not come back together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(Patience::for_(Duration::ZERO).next_pause(), None);
        let mut patience = Patience::for_(Duration::from_secs(1000));
        let pauses: Vec<Duration> = std::iter::from_fn(|| patience.next_pause()).take(20).collect();
        assert!(pauses[0] <= FIRST_PAUSE && pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!(pauses[4..].iter().all(|pause| *pause >= LONGEST_PAUSE / 2), "{pauses:?}");
    }

    #[test]
    fn the_first_resumption_does_not_wait() {
        assert_eq!(pause_before(1), Duration::ZERO);
        assert!(pause_before(2) > Duration::ZERO && pause_before(50) <= LONGEST_PAUSE);
    }
}
