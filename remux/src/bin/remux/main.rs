//! `remux`: copies, probes and cuts recordings without FFmpeg.

mod copy;
mod hls;
mod input;
mod output;
mod probe;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes clean MPEG-TS and HLS out of camera recordings: nothing is decoded, nothing is re-encoded.
///
/// Exit status: 0 done; 1 done, but media was damaged or lost (a report is on stderr); 2 could not be done.
#[derive(Debug, Parser)]
#[command(name = "remux", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy a recording into a clean transport stream that every HLS player takes.
    Copy(copy::Arguments),
    /// Say what a recording is: streams, duration, random access points, damage.
    Probe(probe::Arguments),
    /// Cut a recording into HLS segments and write their playlist.
    Hls(hls::Arguments),
}

/// What was done.
pub(crate) enum Done {
    /// All of it.
    Clean,
    /// All that was left of it.
    Damaged,
}

/// What could not be done, as a sentence for the user.
pub(crate) type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Copy(arguments) => copy::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Hls(arguments) => hls::run(&arguments),
    };
    match done {
        Ok(Done::Clean) => ExitCode::SUCCESS,
        Ok(Done::Damaged) => ExitCode::from(1),
        Err(failure) => {
            eprintln!("remux: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Reports on stderr what was left out and what was damaged, and says which of the two it was.
pub(crate) fn conclude(layout: Option<&remux::Layout>, report: &remux::Report) -> Done {
    for stream in layout.iter().flat_map(|layout| &layout.left_out) {
        eprintln!("remux: left out: {stream}");
    }
    if report.before_first_rap > 0 {
        let count = report.before_first_rap;
        eprintln!("remux: note: {count} pictures before the first random access point cannot be decoded");
    }
    if report.early > 0 {
        eprintln!("remux: note: {} PES more than 1 s before the first picture", report.early);
    }
    for (count, what) in report.damages() {
        eprintln!("remux: damage: {count} {what}");
    }
    if report.is_damaged() { Done::Damaged } else { Done::Clean }
}

/// Puts the file's name in front of what went wrong with it.
pub(crate) fn about(path: &std::path::Path) -> impl Fn(&dyn std::fmt::Display) -> Failure {
    let path: PathBuf = path.to_owned();
    move |error| format!("{}: {error}", path.display()).into()
}
