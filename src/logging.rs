//! Log lines on standard error.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Logging};

/// From now on what is logged goes to standard error, in the form that `settings` ask for.
pub fn start(settings: &Logging) {
    let terminal = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        // The level was checked when it was read.
        .with_env_filter(EnvFilter::try_new(&settings.log_level).unwrap_or_default())
        .with_target(false);
    match settings.log_format.unwrap_or(if terminal { LogFormat::Text } else { LogFormat::Json }) {
        LogFormat::Text => lines.with_ansi(terminal).init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).init(),
    }
}
