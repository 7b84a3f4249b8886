//! `remux index`.

use std::path::{Path, PathBuf};

use remux::Index;

use crate::input::Input;
use crate::output::write_file;
use crate::report::ReportOption;
use crate::stored::{Indexed, beside, make};
use crate::{Done, Failure, about, conclude};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
An index lets `probe` and `hls` do without the pass over the recording. They use IN.idx where it was made by the same version \
of remux, is undamaged, tells the size that the recording has, and is not older than it; otherwise they read the recording as \
if it were not there.

Example: an index beside the recording, as front-door.ts.idx:
  remux index front-door.ts")]
pub(crate) struct Arguments {
    /// The recording; `-` is stdin.
    input: PathBuf,
    /// Where the index goes; `-` is stdout. Without it: beside the recording, `.idx` behind its name.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    report: ReportOption,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Done, Failure> {
    let path = &arguments.input;
    let output = match &arguments.output {
        Some(output) => output.clone(),
        None if path.as_os_str() == "-" => return Err("stdin has no name to put .idx behind: give -o".into()),
        None => beside(path),
    };
    let mut input = Input::open(path).map_err(|error| about(path)(&error))?;
    if input.is(&output) {
        return Err(about(&output)(&"is the recording that is being read"));
    }
    arguments.report.check(&input, &output)?;
    let Indexed { index, events } = make(&mut input, path)?;
    let stored = index.encode();
    write_file(&output, &stored).map_err(|error| about(&output)(&error))?;
    eprintln!("remux: {}", summary(path, &index, stored.len()));
    let layout = index.runs.first().map(|run| &run.layout);
    arguments.report.write(path, layout, &index.report, &events)?;
    Ok(conclude(layout, &index.report))
}

fn summary(path: &Path, index: &Index, stored: usize) -> String {
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let raps = index.runs.iter().map(|run| run.raps.len()).sum();
    format!(
        "{}: {}, {}, {:.3} s, {} bytes; the index has {stored} bytes",
        path.display(),
        count(index.runs.len(), "run"),
        count(raps, "random access point"),
        index.duration().as_seconds(),
        index.size,
    )
}
