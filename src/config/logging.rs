//! What is logged, and how.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct Logging {
    /// Least important level that is logged: error, warn, info, debug or trace; or a filter like info,remux=debug
    #[arg(long, env, default_value = "info", value_parser = filter, value_name = "LEVEL")]
    pub log_level: String,

    /// Form of log lines; without it text on a terminal, json elsewhere
    #[arg(long, env, ignore_case = true)]
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
    // A word that is no level would be taken for the name of a module.
    let is_directive = text.contains(['=', ',']);
    if !is_directive && text.parse::<LevelFilter>().is_err() {
        return Err(
            "error, warn, info, debug, trace or off is needed, or a filter like info,remux=debug".to_owned()
        );
    }
    let filter: Result<EnvFilter, _> = text.parse();
    filter.map(|_| text.to_owned()).map_err(|error| error.to_string())
}
