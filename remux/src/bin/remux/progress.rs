//! How far a long run has come, in one line of a terminal that is written over again and again.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nothing is shown before this: most runs are over by then.
const PATIENCE: Duration = Duration::from_millis(500);
/// From line to line.
const INTERVAL: Duration = Duration::from_millis(100);
/// Back to the first column, and the line empty.
const CLEAR: &str = "\r\x1b[K";

/// Shows nothing until it [begins](Self::begin), and nothing at all where stderr is no terminal.
#[derive(Default)]
pub(crate) struct Progress {
    line: Option<Line>,
}

struct Line {
    what: &'static str,
    begin: Instant,
    due: Instant,
    done: u64,
    total: Option<u64>,
    is_shown: bool,
}

impl Progress {
    /// `total` bytes are to be read, where that is known.
    pub(crate) fn begin(what: &'static str, total: Option<u64>) -> Self {
        let begin = Instant::now();
        let line = Line { what, begin, due: begin + PATIENCE, done: 0, total, is_shown: false };
        Self { line: std::io::stderr().is_terminal().then_some(line) }
    }

    /// So many bytes more have been read.
    pub(crate) fn on_bytes(&mut self, count: usize) {
        let Some(line) = &mut self.line else { return };
        line.done = line.done.saturating_add(count as u64);
        let now = Instant::now();
        if now >= line.due {
            line.due = now + INTERVAL;
            line.is_shown = true;
            let text = text(line.what, line.done, line.total, now - line.begin);
            // A terminal that has gone away is no reason to stop.
            let _ = write!(std::io::stderr(), "{CLEAR}{text}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.line.as_ref().is_some_and(|line| line.is_shown) {
            let _ = write!(std::io::stderr(), "{CLEAR}");
        }
    }
}

fn text(what: &str, done: u64, total: Option<u64>, since: Duration) -> String {
    let megabytes = |bytes: f64| bytes / 1e6;
    let rate = megabytes(done as f64) / since.as_secs_f64().max(1e-3);
    let done_megabytes = megabytes(done as f64);
    match total.filter(|&total| total > 0) {
        Some(total) => {
            let percent = (done.min(total) as f64 / total as f64 * 100.0).floor();
            let total = megabytes(total as f64);
            format!("{what}: {done_megabytes:.0} of {total:.0} MB, {percent} %, {rate:.0} MB/s")
        }
        None => format!("{what}: {done_megabytes:.0} MB, {rate:.0} MB/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_of_how_much_and_how_fast() {
        let two_seconds = Duration::from_secs(2);
        assert_eq!(
            text("copying", 300_000_000, Some(1_200_000_000), two_seconds),
            "copying: 300 of 1200 MB, 25 %, 150 MB/s"
        );
        assert_eq!(text("copying", 300_000_000, None, two_seconds), "copying: 300 MB, 150 MB/s");
        assert_eq!(text("copying", 5, Some(0), Duration::ZERO), "copying: 0 MB, 0 MB/s");
    }
}
