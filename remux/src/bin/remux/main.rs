//! `remux`: copies, probes and cuts recordings without FFmpeg.

mod copy;
mod describe;
mod feed;
mod hls;
mod index;
mod input;
mod output;
mod probe;
mod progress;
mod report;
mod stored;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes clean MPEG-TS and HLS out of camera recordings: nothing is decoded, nothing is re-encoded.
#[derive(Debug, Parser)]
#[command(name = "remux", version, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Copy a recording into a clean transport stream that every HLS player takes, or into MP4.
    Copy(copy::Arguments),
    /// Say what a recording is: streams, duration, random access points, damage.
    Probe(probe::Arguments),
    /// Cut a recording into HLS segments and write their playlist.
    Hls(hls::Arguments),
    /// Read a recording once and store what the other commands need to know of it.
    Index(index::Arguments),
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  done, but media was damaged or lost; what and how much is on stderr
  2  could not be done, or the command line makes no sense; the reason is on stderr

Example: what is in a recording, then a copy of it that plays everywhere:
  remux probe front-door.ts
  remux copy front-door.ts clean.ts

`remux COMMAND --help` says more about a command.";

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
    keep_freed_memory();
    let done = match Arguments::parse().command {
        Command::Copy(arguments) => copy::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Hls(arguments) => hls::run(&arguments),
        Command::Index(arguments) => index::run(&arguments),
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

/// Buffers come and go with every read. glibc would map the larger ones anew each time and hand freed memory back to the
/// system at once, a page fault for every 4 KiB; once a larger piece has been freed, it keeps as much (mallopt(3),
/// `M_MMAP_THRESHOLD`).
fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 20)));
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
    if report.other_parameter_sets > 0 {
        eprintln!("remux: note: parameter sets change; MP4 keeps them where they stand");
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
