//! The `playback-service` program.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use playback_service::app::Service;
use playback_service::clock::SystemClock;
use playback_service::config::Config;
use playback_service::{logging, tls};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, warn};

#[tokio::main]
async fn main() -> ExitCode {
    let config = Config::parse();
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
    match Service::new(config, Arc::new(SystemClock)) {
        Ok(service) => service.serve(listener, stop_signal()).await,
        Err(error) => {
            error!(%error, "cannot start");
            return ExitCode::FAILURE;
        }
    }
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
