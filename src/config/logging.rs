//! What is logged, and how.

use clap::{Args, ValueEnum};

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct Logging {
    /// Least important level that is logged: error, warn, info, debug or trace; or a filter like info,remux=debug
    #[arg(long, env, default_value = "info", value_parser = filter, value_name = "LEVEL")]
    pub log_level: String,

    /// Form of log lines; without it text on a terminal, json elsewhere
    #[arg(long, env)]
    pub log_format: Option<LogFormat>,
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// An object per line, for machines.
    Json,
    /// For eyes.
    Text,
}

fn filter(text: &str) -> Result<String, String> {
    let filter: Result<tracing_subscriber::EnvFilter, _> = text.parse();
    filter.map(|_| text.to_owned()).map_err(|error| error.to_string())
}
