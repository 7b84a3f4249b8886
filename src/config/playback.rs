//! How recordings are played.

use std::time::Duration;

use clap::Args;

use super::values::seconds;

/// How recordings are played.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playback")]
pub struct Playback {
    /// Length of a segment that is aimed at; it is cut at the nearest picture that decoding can begin with
    #[arg(long, env, default_value = "6", value_parser = target, value_name = "SECONDS")]
    pub segment_target_seconds: Duration,

    /// Longest range that one session plays
    #[arg(
        long = "max-range-seconds", env = "MAX_RANGE_SECONDS", default_value = "604800", value_parser = seconds,
        value_name = "SECONDS"
    )]
    pub max_range: Duration,
}

/// Players buffer several segments: longer ones cost seconds at every seek.
const LONGEST_TARGET: Duration = Duration::from_secs(60);

fn target(text: &str) -> Result<Duration, String> {
    seconds(text)
        .ok()
        .filter(|&target| target <= LONGEST_TARGET)
        .ok_or_else(|| "1 to 60 seconds make sense".to_owned())
}
