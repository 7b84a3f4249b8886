//! The `playback-service` program.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use playback_service::app::{self, Finding, Service};
use playback_service::clock::SystemClock;
use playback_service::config::{self, Config};
use playback_service::{logging, tls};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, warn};

#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    config: Config,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tries everything that is configured, says what is wrong, and ends
    #[command(after_help = "Takes the same options and variables as without it.")]
    Check(Box<Config>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { command, config } = arguments();
    match command {
        Some(Command::Check(config)) => check(&config).await,
        None => serve(config).await,
    }
}

/// What the command line and the environment say; what makes no sense ends the program.
fn arguments() -> Arguments {
    let mut command = config::without_empty_variables(Arguments::command());
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let arguments = matches.and_then(|matches| Arguments::from_arg_matches(&matches));
    arguments.unwrap_or_else(|error| {
        let error = error.format(&mut command);
        let _ = error.print();
        let variables = config::variables_in(&error, &command);
        if !variables.is_empty() {
            eprintln!("As environment variables: {}", variables.join(", "));
        }
        std::process::exit(error.exit_code())
    })
}

/// What is found is what is printed: nothing is logged.
async fn check(config: &Config) -> ExitCode {
    let findings = app::check(config, Arc::new(SystemClock)).await;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.iter().all(Finding::is_ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn serve(config: Config) -> ExitCode {
    logging::start(&config.logging);
    tls::choose_provider();
    raise_open_files(config.server.http_max_connections);
    let address = config.server.address();
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => {
            error!(%address, %error, "cannot listen; BIND_ADDR and PORT say where");
            return ExitCode::FAILURE;
        }
    };
    Service::new(config, Arc::new(SystemClock)).serve(listener, stop_signal()).await;
    ExitCode::SUCCESS
}

/// SIGTERM or ctrl-c. A second one ends the process at once.
async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        std::process::exit(130);
    });
}

/// Every connection is an open file, and so is every segment on its way.
fn raise_open_files(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = 2 * connections as u64 + 64;
    let limit = getrlimit(Resource::Nofile);
    let raised = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_some_and(|current| current < raised) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    }
    if raised < wanted {
        warn!(
            open_files = raised,
            wanted, "fewer connections than HTTP_MAX_CONNECTIONS are possible: see ulimit -n"
        );
    }
}
