//! Log lines on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{LogFormat, Logging};

/// From now on what is logged goes to standard error, in the form that `settings` ask for.
pub fn start(settings: &Logging) {
    let terminal = io::stderr().is_terminal();
    match settings.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Text => text(terminal, &settings.log_level),
        LogFormat::Json => json(io::stderr, &settings.log_level),
    }
}

/// From now on what is logged goes to `writer`, an object per line.
pub fn json(writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static, level: &str) {
    let lines = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false);
    lines.with_writer(writer).with_env_filter(filter(level)).with_target(false).init();
}

fn text(colours: bool, level: &str) {
    let lines = tracing_subscriber::fmt().with_ansi(colours);
    lines.with_writer(io::stderr).with_env_filter(filter(level)).with_target(false).init();
}

/// The level was checked when it was read.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(level).unwrap_or_default()
}
