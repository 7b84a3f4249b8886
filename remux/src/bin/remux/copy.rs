//! `remux copy`.

use std::ops::Range;
use std::path::{Path, PathBuf};

use remux::time::Ticks;
use remux::{Event, Measured, Output, Packaging, Remuxer, Span};

use crate::feed::feed;
use crate::input::Input;
use crate::output::Sink;
use crate::report::{LISTED_EVENTS, ReportOption};
use crate::verify::Verifier;
use crate::{Done, Failure, about, conclude};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Pictures and sound are not touched; headers, tables and clocks are made anew. The copy begins with a picture that a player can \
begin with.

What comes out follows from the name: .ts; .mp4, .m4v or .mov (MP4 that plays while it is being downloaded); .m4s or .fmp4
(fragmented MP4). Without a name that says it, a transport stream.

Examples: a whole recording; an evidence clip of one minute; the same to another program:
  remux copy front-door.m2ts front-door.ts
  remux copy front-door.ts clip.mp4 --from 60 --to 120
  remux copy front-door.ts - --from 60 --to 120 | mpv -")]
pub(crate) struct Arguments {
    /// The recording; `-` is stdin.
    input: PathBuf,
    /// Where the copy goes; `-` is stdout.
    output: PathBuf,
    /// What the copy is, whatever its name says.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Play the program of this number; without it the first with pictures.
    #[arg(long, value_name = "NUMBER")]
    program: Option<u16>,
    /// Pass KLV, ID3 and SCTE-35 through as well, with their descriptors; into transport streams only.
    #[arg(long, conflicts_with = "verify")]
    keep: bool,
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

/// What a copy can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A transport stream.
    Ts,
    /// MP4 with its tables first: it plays while it is being downloaded. The recording is read twice.
    Mp4,
    /// Fragmented MP4, in one pass.
    Fmp4,
}

impl Format {
    /// What a file's name says.
    fn of(path: &Path) -> Self {
        let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("mp4" | "m4v" | "mov") => Self::Mp4,
            Some("m4s" | "cmfv" | "fmp4") => Self::Fmp4,
            _ => Self::Ts,
        }
    }
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
    let format = arguments.format.unwrap_or_else(|| Format::of(&arguments.output));
    if arguments.verify && format != Format::Ts {
        return Err("--verify reads transport streams; the copy would be MP4".into());
    }
    let what = remux::Copy {
        span: Span { from: arguments.from, to: arguments.to },
        packaging: if format == Format::Fmp4 { Packaging::FragmentedMp4 } else { Packaging::TransportStream },
        size: input.length(),
        program: arguments.program,
        keep: arguments.keep,
    };
    let remuxer = match format {
        Format::Ts | Format::Fmp4 => Remuxer::copy(what),
        Format::Mp4 => Remuxer::write(what, measure(&mut input, &arguments.input, what)?),
    };
    // The head is read before the output is opened: what cannot be copied leaves an existing file alone.
    let mut copy = Copy {
        sink: None,
        output: &arguments.output,
        verifier: arguments.verify.then(Verifier::start),
        events: Vec::new(),
    };
    let mut remuxer = remuxer;
    input.show_progress("copying", input.length());
    feed(&mut input, &arguments.input, &mut remuxer, 0..u64::MAX, |remuxer, input| {
        copy.drain(remuxer, input).map_err(|error| in_output(&error))
    })?;
    input.hide_progress();
    arguments.report.write(&arguments.input, remuxer.layout(), &remuxer.report(), &copy.events)?;
    let done = conclude(remuxer.layout(), &remuxer.report());
    if let Some(verifier) = copy.verifier {
        verifier.finish()?;
    }
    Ok(done)
}

/// The first of two passes: a file with its tables first begins with what only its end can tell.
fn measure(input: &mut Input, path: &Path, what: remux::Copy) -> Result<Measured, Failure> {
    if what.size.is_none() {
        return Err(about(path)(
            &"not a file, and MP4 with its tables first needs two passes; use --format fmp4",
        ));
    }
    let mut remuxer = Remuxer::measure(what);
    input.show_progress("measuring", input.length());
    feed(input, path, &mut remuxer, 0..u64::MAX, |remuxer, _| Ok(wanted(remuxer)))?;
    input.hide_progress();
    remuxer.into_measured().map_err(|error| about(path)(&error))
}

/// Polls until nothing more comes; gives what is wanted.
fn wanted(remuxer: &mut Remuxer) -> Option<Range<u64>> {
    let mut wanted = None;
    while let Some(output) = remuxer.poll() {
        if let Output::Want(range) = output {
            wanted = Some(range);
        }
    }
    wanted
}

struct Copy<'a> {
    sink: Option<Sink>,
    output: &'a Path,
    verifier: Option<Verifier>,
    /// The first [`LISTED_EVENTS`].
    events: Vec<Event>,
}

impl Copy<'_> {
    fn drain(&mut self, remuxer: &mut Remuxer, input: &Input) -> std::io::Result<Option<Range<u64>>> {
        let mut wanted = None;
        while let Some(output) = remuxer.poll() {
            let bytes = match output {
                Output::Bytes(bytes) => bytes,
                Output::Want(range) => {
                    wanted = Some(range);
                    continue;
                }
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
        self.sink.as_mut().map_or(Ok(()), Sink::flush)?;
        Ok(wanted)
    }
}
