//! How recordings are played.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::values::seconds;

/// How recordings are played.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Playback")]
pub struct Playback {
    /// Length of a segment that is aimed at; it is cut at the nearest picture that decoding can begin with
    #[arg(long, env, default_value = "6", value_parser = target, value_name = "SECONDS")]
    pub segment_target_seconds: Duration,

    /// How segments are packed: auto sends H.265 and Opus as fragmented MP4 and all else as transport streams; fmp4 sends
    /// everything as fragmented MP4 (CMAF)
    #[arg(
        long = "playback-packaging",
        env = "PLAYBACK_PACKAGING",
        default_value = "auto",
        value_enum,
        hide_possible_values = true,
        value_name = "auto|fmp4"
    )]
    pub packaging: Packaging,

    /// Longest range that one session plays
    #[arg(
        long = "max-range-seconds", env = "MAX_RANGE_SECONDS", default_value = "604800", value_parser = seconds,
        value_name = "SECONDS"
    )]
    pub max_range: Duration,
}

/// How segments are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Packaging {
    /// As fragmented MP4 what plays nowhere else, all else as transport streams.
    Auto,
    /// As fragmented MP4.
    Fmp4,
}

/// Players buffer several segments: longer ones cost seconds at every seek.
const LONGEST_TARGET: Duration = Duration::from_secs(60);

fn target(text: &str) -> Result<Duration, String> {
    seconds(text)
        .ok()
        .filter(|&target| target <= LONGEST_TARGET)
        .ok_or_else(|| "1 to 60 seconds make sense".to_owned())
}
