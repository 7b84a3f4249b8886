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

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end() {
        let begun = Instant::now();
        let mut patience = Patience::for_(Duration::from_secs(5));
        let mut pauses = Vec::new();
        while let Some(pause) = patience.next_pause() {
            tokio::time::sleep(pause).await;
            pauses.push(pause);
        }
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert!((7..=12).contains(&pauses.len()), "{pauses:?}");
        assert!(pauses[0] <= FIRST_PAUSE && pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert!(pauses[4] >= LONGEST_PAUSE / 2);
    }
}
