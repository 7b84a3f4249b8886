//! What `--report` writes: everything that stderr says and more, for programs.

use std::path::{Path, PathBuf};

use remux::{Event, Layout, Report};
use serde::Serialize;

use crate::describe::{LeftOutSummary, StreamSummary};
use crate::input::Input;
use crate::output::write_file;
use crate::{Failure, about};

/// Events that a report lists; of those that follow it says how many there were.
pub(crate) const LISTED_EVENTS: usize = remux::limits::EVENTS;

/// An option of every command that reads a recording from end to end.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportOption {
    /// Write what was found, left out and damaged to this file as JSON; `-` is stdout.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    input: String,
    is_damaged: bool,
    program: Option<u16>,
    packet_bytes: Option<usize>,
    streams: Vec<StreamSummary<'a>>,
    left_out: Vec<LeftOutSummary>,
    counters: &'a Report,
    events: &'a [Event],
    more_events: u64,
}

impl ReportOption {
    /// Refuses to write over the recording, or to mix the report with what goes to `output`.
    pub(crate) fn check(&self, input: &Input, output: &Path) -> Result<(), Failure> {
        match self.report.as_deref() {
            Some(report) if input.is(report) => Err(about(report)(&"is the recording that is being read")),
            Some(report) if report == output => Err(about(report)(&"cannot take both output and report")),
            _ => Ok(()),
        }
    }

    /// Writes the report, if one is asked for.
    pub(crate) fn write(
        &self,
        input: &Path,
        layout: Option<&Layout>,
        counters: &Report,
        events: &[Event],
    ) -> Result<(), Failure> {
        let Some(path) = self.report.as_deref() else { return Ok(()) };
        let events = events.get(..LISTED_EVENTS).unwrap_or(events);
        let layouts = || layout.into_iter();
        let document = Document {
            input: input.display().to_string(),
            is_damaged: counters.is_damaged(),
            program: layout.map(|layout| layout.program_number),
            packet_bytes: layout.map(|layout| layout.packet_size.bytes()),
            streams: layouts().flat_map(|layout| &layout.streams).map(StreamSummary::of).collect(),
            left_out: layouts().flat_map(|layout| &layout.left_out).map(LeftOutSummary::of).collect(),
            more_events: counters.events().saturating_sub(events.len() as u64),
            counters,
            events,
        };
        let mut text = serde_json::to_vec_pretty(&document)?;
        text.push(b'\n');
        write_file(path, &text).map_err(|error| about(path)(&error))
    }
}
