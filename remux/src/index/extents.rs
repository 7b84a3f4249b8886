//! Where the last PES of the streams lie that are not the key stream: they tell how far such streams reach across a RAP.

use std::collections::VecDeque;

use crate::cut::EARLY;
use crate::layout::{Layout, Path};
use crate::limits;
use crate::time::{MediaTime, Ticks};

/// The last PES of every stream.
#[derive(Debug, Clone)]
pub(super) struct Extents {
    streams: Vec<Recent>,
}

#[derive(Debug, Clone, Default)]
struct Recent {
    pes: VecDeque<Extent>,
    /// Whether a PES may hold more than what is shown at its own time: frames that are known one by one do not.
    is_shared: bool,
    /// Whether packets go on with the last of them.
    is_open: bool,
}

impl Recent {
    /// Up to when what a PES holds is shown, where the next is shown at `next`. Its packets go by its own time; but where it
    /// becomes MP4 its frames go one by one, and some may belong behind a RAP that its time lies before.
    fn shown_until(&self, pes: &Extent, next: Option<MediaTime>) -> MediaTime {
        match (self.is_shared, next) {
            (false, _) => pes.pts,
            (true, None) => pes.pts + LONGEST_PES,
            (true, Some(next)) => (next - Ticks::new(1)).min(pes.pts + LONGEST_PES).max(pes.pts),
        }
    }
}

/// How long the sound of a PES may last.
const LONGEST_PES: Ticks = Ticks::SECOND;

/// Where a PES lies in the source.
#[derive(Debug, Clone, Copy)]
struct Extent {
    start: u64,
    end: u64,
    pts: MediaTime,
}

impl Extents {
    /// Of the streams of a layout, the key stream included.
    pub(super) fn new(layout: &Layout) -> Self {
        let streams = layout.streams.iter().map(|stream| Recent {
            is_shared: stream.path == Path::Relabel && !stream.codec.is_metadata(),
            ..Recent::default()
        });
        Self { streams: streams.collect() }
    }

    /// A PES starts. Gives where the one before it does, and up to when what that holds may be shown.
    pub(super) fn start(&mut self, number: usize, start: u64, pts: MediaTime) -> Option<(u64, MediaTime)> {
        let stream = self.streams.get_mut(number)?;
        let before = stream.pes.back().map(|last| (last.start, stream.shown_until(last, Some(pts))));
        stream.is_open = true;
        stream.pes.push_back(Extent { start, end: start, pts });
        if stream.pes.len() > limits::RECENT_PES {
            stream.pes.pop_front();
        }
        before
    }

    /// The same of the last PES of every stream, behind which there is nothing.
    pub(super) fn last(&self) -> Vec<(u64, MediaTime)> {
        let last = |stream: &Recent| {
            let last = stream.pes.back()?;
            Some((last.start, stream.shown_until(last, None)))
        };
        self.streams.iter().filter_map(last).collect()
    }

    /// The packets that follow belong to no PES that was started.
    pub(super) fn close(&mut self, number: usize) {
        if let Some(stream) = self.streams.get_mut(number) {
            stream.is_open = false;
        }
    }

    /// The PES started last goes on up to `end`; gives its time.
    pub(super) fn extend(&mut self, number: usize, end: u64) -> Option<MediaTime> {
        let stream = self.streams.get_mut(number).filter(|stream| stream.is_open)?;
        let pes = stream.pes.back_mut()?;
        pes.end = end;
        Some(pes.pts)
    }

    /// How far before `offset` the first PES starts that holds something shown at `pts` or later, of those at most `most`
    /// away. Of the last PES of a stream the next will tell.
    pub(super) fn lead(&self, offset: u64, pts: MediaTime, most: u64) -> u64 {
        let reaching = self.streams.iter().flat_map(|stream| {
            let next = stream.pes.iter().skip(1).map(|next| Some(next.pts)).chain([None]);
            stream.pes.iter().zip(next).filter(move |(pes, next)| {
                let until = next.map_or(pes.pts, |next| stream.shown_until(pes, Some(next)));
                until >= pts
            })
        });
        let leads = reaching.map(|(pes, _)| offset.saturating_sub(pes.start));
        leads.filter(|&lead| lead <= most).max().unwrap_or(0)
    }

    /// How far behind `offset` the last PES ends that is shown before `pts`, of those at most `most` away.
    pub(super) fn trail(&self, offset: u64, pts: MediaTime, most: u64) -> u64 {
        let trails = self.all().filter(|pes| pes.pts < pts).map(|pes| pes.end.saturating_sub(offset));
        trails.filter(|&trail| trail <= most).max().unwrap_or(0)
    }

    fn all(&self) -> impl Iterator<Item = &Extent> {
        self.streams.iter().flat_map(|stream| &stream.pes)
    }

    /// From now on times are counted from elsewhere: what is remembered is moved along.
    pub(super) fn shift(&mut self, by: Ticks) {
        for pes in self.streams.iter_mut().flat_map(|stream| &mut stream.pes) {
            pes.pts = pes.pts + by;
        }
    }

    /// Up to which time every stream but the key stream has come, silence of more than [`EARLY`] counted as having come.
    pub(super) fn settled(&self, last_pts: MediaTime, last_dts: MediaTime, zero: MediaTime) -> MediaTime {
        let others = self.streams.iter().skip(1);
        let reached = others.map(|stream| stream.pes.iter().map(|pes| pes.pts).max().unwrap_or(zero));
        reached.map(|pts| pts.max(last_dts - EARLY)).min().unwrap_or(last_pts)
    }
}
