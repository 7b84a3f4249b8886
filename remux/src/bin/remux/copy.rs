//! `remux copy`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use remux::time::Ticks;
use remux::{Event, Output, Remuxer, Span};

use crate::input::Input;
use crate::output::Sink;
use crate::report::{LISTED_EVENTS, ReportOption};
use crate::verify::Verifier;
use crate::{Done, Failure, about, conclude};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Pictures and sound are not touched; headers, tables and clocks are made anew. The copy begins with a picture that a player can \
begin with.

Examples: a whole recording; one minute of it to another program:
  remux copy front-door.m2ts front-door.ts
  remux copy front-door.ts - --from 60 --to 120 | mpv -")]
pub(crate) struct Arguments {
    /// The recording; `-` is stdin.
    input: PathBuf,
    /// Where the transport stream goes; `-` is stdout.
    output: PathBuf,
    /// Begin at the first random access point at or after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    from: Option<Ticks>,
    /// End before the first random access point at or after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    to: Option<Ticks>,
    /// Read the output back with an independent, strict parser while it is written.
    #[arg(long)]
    verify: bool,
    #[command(flatten)]
    report: ReportOption,
}

/// A time on the command line.
fn seconds(text: &str) -> Result<Ticks, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && (0.0..1e9).contains(&value) => Ok(Ticks::from_seconds(value)),
        _ => Err("a number of seconds, 0 or more".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Done, Failure> {
    if arguments.to.is_some_and(|to| to <= arguments.from.unwrap_or(Ticks::ZERO)) {
        return Err("--to must be later than --from, and than 0".into());
    }
    let (in_input, in_output) = (about(&arguments.input), about(&arguments.output));
    let mut input = Input::open(&arguments.input).map_err(|error| in_input(&error))?;
    if input.is(&arguments.output) {
        return Err(in_output(&"is the recording that is being read"));
    }
    arguments.report.check(&input, &arguments.output)?;
    // The head is read before the output is opened: what cannot be copied leaves an existing file alone.
    let mut copy = Copy {
        remuxer: Remuxer::copy(Span { from: arguments.from, to: arguments.to }),
        sink: None,
        output: &arguments.output,
        verifier: arguments.verify.then(Verifier::start),
        events: Vec::new(),
    };
    input.show_progress("copying", input.length());
    let mut offset = 0;
    while !copy.remuxer.is_complete() {
        let chunk = input.read().map_err(|error| in_input(&error))?;
        if chunk.is_empty() {
            break;
        }
        let length = chunk.len() as u64;
        copy.remuxer.push(offset, Bytes::from(chunk)).map_err(|error| in_input(&error))?;
        offset += length;
        copy.drain(&input).map_err(|error| in_output(&error))?;
    }
    copy.remuxer.finish().map_err(|error| in_input(&error))?;
    copy.drain(&input).map_err(|error| in_output(&error))?;
    input.hide_progress();
    arguments.report.write(&arguments.input, copy.remuxer.layout(), &copy.remuxer.report(), &copy.events)?;
    let done = conclude(copy.remuxer.layout(), &copy.remuxer.report());
    if let Some(verifier) = copy.verifier {
        verifier.finish()?;
    }
    Ok(done)
}

struct Copy<'a> {
    remuxer: Remuxer,
    sink: Option<Sink>,
    output: &'a Path,
    verifier: Option<Verifier>,
    /// The first [`LISTED_EVENTS`].
    events: Vec<Event>,
}

impl Copy<'_> {
    fn drain(&mut self, input: &Input) -> std::io::Result<()> {
        while let Some(output) = self.remuxer.poll() {
            let bytes = match output {
                Output::Bytes(bytes) => bytes,
                Output::Event(event) if self.events.len() < LISTED_EVENTS => {
                    self.events.push(event);
                    continue;
                }
                _ => continue,
            };
            if let Some(verifier) = &self.verifier {
                verifier.write(bytes.clone());
            }
            let sink = match &mut self.sink {
                Some(sink) => sink,
                none => none.insert(Sink::create(self.output, input)?),
            };
            sink.write(bytes)?;
        }
        self.sink.as_mut().map_or(Ok(()), Sink::flush)
    }
}
