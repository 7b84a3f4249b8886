//! What playing needs to know of a recording: its numbered cuts, and the layout of each run.

use std::sync::Arc;

use remux::Packaging;
use remux::index::{Cut, Index};
use remux::layout::{Format, Layout, Stream};
use remux::locate::Grid;
use remux::time::Ticks;
use sha2::{Digest, Sha256};

use crate::domain::{AudioFacts, Carriage, Extent, Facts, Origin, RunExtent, VideoFacts};

/// A version of a recording, ready to be cut: what every session over it shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    cuts: Vec<Cut>,
    runs: Vec<MediaRun>,
    gop: Ticks,
    damages: Vec<String>,
    origin: Option<Origin>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaRun {
    pub(super) layout: Arc<Layout>,
    pub(super) duration: Ticks,
    /// A hash of the layout.
    pub(super) digest: [u8; 32],
    pub(super) carriage: Carriage,
}

impl Media {
    /// Cuts an indexed recording into pieces of about `target`.
    pub fn of(index: &Index, target: Ticks) -> Self {
        Self {
            cuts: index.cuts(target).cuts,
            runs: index.runs.iter().map(|run| MediaRun::of(&run.layout, run.duration())).collect(),
            gop: mean_gop(index),
            damages: index.report.damages().map(|(count, what)| format!("{count} {what}")).collect(),
            origin: None,
        }
    }

    /// The same, learned from bytes that were `origin` then.
    #[must_use]
    pub fn learned_from(self, origin: Origin) -> Self {
        Self { origin: Some(origin), ..self }
    }

    /// What the bytes were when this was learned; `None` where the recording's version says it all.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// All cuts of the recording, in order.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    /// The layout of a run.
    pub fn layout(&self, run: usize) -> Option<&Arc<Layout>> {
        self.runs.get(run).map(|run| &run.layout)
    }

    /// A hash of a run's layout.
    pub fn layout_digest(&self, run: usize) -> Option<&[u8; 32]> {
        self.runs.get(run).map(|run| &run.digest)
    }

    /// What of this is shown in a cell of a grid by which the recording was planned before it was read: runs are laid end to
    /// end, as they are in a new session. Where a run ends in it, what follows is left out, because the clock of a segment
    /// does not jump. `None` where there is nothing.
    pub(super) fn cell(&self, grid: &Grid, number: u32) -> Option<(Cut, MediaRun)> {
        let mut begins = Ticks::ZERO;
        for (run, of) in self.runs.iter().enumerate() {
            let cell_of = |cut: &Cut| {
                let since_zero = begins + (cut.start - of.layout.zero);
                grid.cell_at(grid.zero + since_zero + Ticks::new(grid.gop.get() / 2))
            };
            let cuts = self.cuts.iter().filter(|cut| cut.run == run && cell_of(cut) == number);
            if let Some(cut) = cuts.cloned().reduce(joined) {
                return Some((cut, of.later(begins)));
            }
            begins += of.duration;
        }
        None
    }

    /// A cut of its first run in which there is nothing.
    pub(super) fn nothing(&self) -> Option<(Cut, MediaRun)> {
        let (run, first) = (self.runs.first()?, self.cuts.first()?);
        let bytes = first.bytes.start..first.bytes.start;
        let cut = Cut { end: Some(first.start), duration: Ticks::ZERO, first: false, bytes, ..first.clone() };
        Some((cut, run.clone()))
    }

    /// Length and content, without the cuts.
    pub fn extent(&self) -> Extent {
        let cuts = |number| self.cuts.iter().filter(|cut| cut.run == number).count();
        let run = |(number, run): (usize, &MediaRun)| RunExtent {
            duration: run.duration,
            cuts: u32::try_from(cuts(number)).unwrap_or(u32::MAX),
            carriage: run.carriage,
        };
        Extent {
            runs: self.runs.iter().enumerate().map(run).collect(),
            gop: self.gop,
            facts: Arc::new(self.runs.first().map(|run| facts(&run.layout)).unwrap_or_default()),
            damages: self.damages.clone(),
            grid: None,
        }
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        let run = size_of::<MediaRun>() + size_of::<Layout>() + LAYOUT_HEAP;
        size_of::<Self>() + self.cuts.capacity() * size_of::<Cut>() + self.runs.len() * run
    }
}

impl MediaRun {
    pub(super) fn of(layout: &Layout, duration: Ticks) -> Self {
        // JSON because it is at hand: any form that differs where the layout differs would do.
        let text = serde_json::to_vec(layout).unwrap_or_default();
        let layout = Arc::new(layout.clone());
        let carriage = carriage(&layout);
        Self { layout, duration, digest: Sha256::digest(&text).into(), carriage }
    }

    /// The same on a clock that begins so much earlier.
    fn later(&self, by: Ticks) -> Self {
        match by {
            Ticks::ZERO => self.clone(),
            by => Self::of(
                &Layout { zero: self.layout.zero - by, ..Layout::clone(&self.layout) },
                self.duration,
            ),
        }
    }
}

/// A cut and the one behind it.
fn joined(a: Cut, b: Cut) -> Cut {
    let bytes = a.bytes.start.min(b.bytes.start)..a.bytes.end.max(b.bytes.end);
    Cut { end: b.end, duration: a.duration + b.duration, bytes, ..a }
}

fn carriage(layout: &Layout) -> Carriage {
    let is_empty = layout.left_out_of_mp4().len() == layout.streams.len();
    match (layout.initialization(), layout.packaging()) {
        (Err(_), _) => Carriage::TransportStream,
        (Ok(_), _) if is_empty => Carriage::TransportStream,
        (Ok(_), Packaging::FragmentedMp4) => Carriage::Mp4,
        (Ok(_), Packaging::TransportStream) => Carriage::Any,
    }
}

/// What a layout keeps on the heap, roughly: a few streams with descriptors.
const LAYOUT_HEAP: usize = 512;

fn mean_gop(index: &Index) -> Ticks {
    let raps: usize = index.runs.iter().map(|run| run.raps.len()).sum();
    Ticks::new(index.duration().get() / i64::try_from(raps.max(1)).unwrap_or(i64::MAX))
}

pub(super) fn facts(layout: &Layout) -> Facts {
    let frame = layout.frame_duration.get();
    // To a thousandth: 30000/1001 is told as 29.97 by every program.
    let frame_rate = (frame > 0).then(|| (90_000_000.0 / frame as f64).round() / 1000.0);
    Facts {
        video: layout.video().map(|stream| video(stream, frame_rate)),
        audio: layout.audio().map(audio),
        left_out: layout.left_out.iter().map(ToString::to_string).collect(),
        not_for_mp4: layout.left_out_of_mp4().iter().map(ToString::to_string).collect(),
    }
}

fn video(stream: &Stream, frame_rate: Option<f64>) -> VideoFacts {
    let (width, height) = match &stream.format {
        Format::Video(format) => (format.width, format.height),
        Format::Audio(_) => (0, 0),
    };
    VideoFacts { codec: stream.codec.name(), width, height, frame_rate }
}

fn audio(stream: &Stream) -> AudioFacts {
    let (sample_rate, channels) = match &stream.format {
        Format::Audio(format) => (format.sample_rate, format.channels),
        Format::Video(_) => (0, 0),
    };
    AudioFacts { codec: stream.codec.name(), sample_rate, channels }
}
