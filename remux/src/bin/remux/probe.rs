//! `remux probe`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use remux::index::Run;
use remux::{Index, Report};
use serde::Serialize;

use crate::describe::{LeftOutSummary, StreamSummary, describe};
use crate::input::Input;
use crate::stored::obtain;
use crate::{Done, Failure, about, conclude};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Where `remux index` has put an index beside the recording (IN.idx) that still fits it, the recording is not read again.

Example: how long a recording is, in seconds:
  remux probe --json front-door.ts | jq .duration_seconds")]
pub(crate) struct Arguments {
    /// The recording; `-` is stdin.
    input: PathBuf,
    /// Print JSON for programs instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Done, Failure> {
    let in_input = about(&arguments.input);
    let mut input = Input::open(&arguments.input).map_err(|error| in_input(&error))?;
    let index = obtain(&mut input, &arguments.input)?.index;
    let summary = Summary::of(&index);
    let mut text =
        if arguments.json { serde_json::to_string_pretty(&summary)? } else { summary.text(&arguments.input) };
    text.truncate(text.trim_end().len());
    writeln!(std::io::stdout(), "{text}").map_err(|error| about(Path::new("stdout"))(&error))?;
    Ok(conclude(None, &index.report))
}

/// What `probe` prints; the field names are those of `--json`.
#[derive(Serialize)]
struct Summary<'a> {
    container: &'static str,
    size_bytes: u64,
    duration_seconds: f64,
    bitrate_bits_per_second: u64,
    runs: Vec<RunSummary<'a>>,
    damage: &'a Report,
}

#[derive(Serialize)]
struct RunSummary<'a> {
    program: u16,
    zero_ticks: i64,
    duration_seconds: f64,
    frame_rate: f64,
    random_access: RandomAccess,
    streams: Vec<StreamSummary<'a>>,
    left_out: Vec<LeftOutSummary>,
}

#[derive(Serialize)]
struct RandomAccess {
    count: usize,
    interval_seconds: Option<Intervals>,
}

#[derive(Serialize)]
struct Intervals {
    min: f64,
    median: f64,
    max: f64,
}

impl<'a> Summary<'a> {
    fn of(index: &'a Index) -> Self {
        let duration = index.duration().as_seconds();
        Self {
            container: "mpeg-ts",
            size_bytes: index.size,
            duration_seconds: duration,
            bitrate_bits_per_second: if duration > 0.0 {
                (index.size as f64 * 8.0 / duration) as u64
            } else {
                0
            },
            runs: index.runs.iter().map(RunSummary::of).collect(),
            damage: &index.report,
        }
    }

    fn text(&self, input: &Path) -> String {
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("a String takes all");
        line(format_args!("{}: {}", input.display(), self.container));
        line(format_args!(
            "  duration {:.3} s, {} bytes, {} kbit/s",
            self.duration_seconds,
            self.size_bytes,
            self.bitrate_bits_per_second / 1000
        ));
        for run in &self.runs {
            line(format_args!(
                "  program {}: {:.3} s, {:.2} pictures/s",
                run.program, run.duration_seconds, run.frame_rate
            ));
            for stream in &run.streams {
                let (format, path) = (describe(stream.format), stream.path);
                line(format_args!("    PID 0x{:x}: {}, {format}, {path}", stream.pid, stream.codec));
            }
            for stream in &run.left_out {
                line(format_args!("    left out: {}", stream.reason));
            }
            match &run.random_access {
                RandomAccess { count, interval_seconds: Some(Intervals { min, median, max }) } => {
                    line(format_args!(
                        "    {count} random access points, every {min:.3} s (min), {median:.3} s (median), {max:.3} s (max)"
                    ))
                }
                RandomAccess { count, .. } => line(format_args!("    {count} random access point")),
            }
        }
        let damages: Vec<String> =
            self.damage.damages().map(|(count, what)| format!("{count} {what}")).collect();
        line(format_args!(
            "  damage: {}",
            if damages.is_empty() { "none".to_owned() } else { damages.join(", ") }
        ));
        text
    }
}

impl<'a> RunSummary<'a> {
    fn of(run: &'a Run) -> Self {
        let duration = run.duration().as_seconds();
        Self {
            program: run.layout.program_number,
            zero_ticks: run.layout.zero.ticks(),
            duration_seconds: duration,
            frame_rate: if duration > 0.0 { run.pictures as f64 / duration } else { 0.0 },
            random_access: RandomAccess { count: run.raps.len(), interval_seconds: intervals(run) },
            streams: run.layout.streams.iter().map(StreamSummary::of).collect(),
            left_out: run.layout.left_out.iter().map(LeftOutSummary::of).collect(),
        }
    }
}

fn intervals(run: &Run) -> Option<Intervals> {
    let mut steps: Vec<f64> =
        run.raps.windows(2).map(|pair| (pair[1].pts - pair[0].pts).as_seconds()).collect();
    steps.sort_unstable_by(f64::total_cmp);
    Some(Intervals { min: *steps.first()?, median: *steps.get(steps.len() / 2)?, max: *steps.last()? })
}
