//! `remux copy`.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use remux::time::Ticks;
use remux::{Output, Remuxer, Span};

use crate::input::Input;
use crate::output::Sink;
use crate::verify::Verifier;
use crate::{Done, Failure, about, conclude};

#[derive(Debug, clap::Args)]
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
}

/// A time on the command line.
fn seconds(text: &str) -> Result<Ticks, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && (0.0..1e9).contains(&value) => Ok(Ticks::from_seconds(value)),
        _ => Err("a number of seconds, 0 or more".to_owned()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Done, Failure> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to)
        && to <= from
    {
        return Err("--to must be later than --from".into());
    }
    if is_same_file(&arguments.input, &arguments.output) {
        return Err("input and output are the same file".into());
    }
    let (in_input, in_output) = (about(&arguments.input), about(&arguments.output));
    let mut input = Input::open(&arguments.input).map_err(|error| in_input(&error))?;
    // The head is read before the output is opened: what cannot be copied leaves an existing file alone.
    let mut copy = Copy {
        remuxer: Remuxer::copy(Span { from: arguments.from, to: arguments.to }),
        sink: None,
        output: &arguments.output,
        verifier: arguments.verify.then(Verifier::start),
    };
    let mut offset = 0;
    while !copy.remuxer.is_complete() {
        let chunk = input.read().map_err(|error| in_input(&error))?;
        if chunk.is_empty() {
            break;
        }
        let length = chunk.len() as u64;
        copy.remuxer.push(offset, Bytes::from(chunk)).map_err(|error| in_input(&error))?;
        offset += length;
        copy.drain().map_err(|error| in_output(&error))?;
    }
    copy.remuxer.finish().map_err(|error| in_input(&error))?;
    copy.drain().map_err(|error| in_output(&error))?;
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
}

impl Copy<'_> {
    fn drain(&mut self) -> std::io::Result<()> {
        while let Some(output) = self.remuxer.poll() {
            let Output::Bytes(bytes) = output else { continue };
            if let Some(verifier) = &self.verifier {
                verifier.write(bytes.clone());
            }
            let sink = match &mut self.sink {
                Some(sink) => sink,
                none => none.insert(Sink::create(self.output)?),
            };
            sink.write(bytes)?;
        }
        self.sink.as_mut().map_or(Ok(()), Sink::flush)
    }
}

/// Whether both names lead to one regular file, which writing would destroy before it is read.
fn is_same_file(input: &Path, output: &Path) -> bool {
    let same = |a: &Path, b: &Path| {
        std::fs::canonicalize(a).ok().zip(std::fs::canonicalize(b).ok()).is_some_and(|(a, b)| a == b)
    };
    same(input, output) && std::fs::metadata(input).is_ok_and(|metadata| metadata.is_file())
}
