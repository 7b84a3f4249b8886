//! Where the last PES of the streams lie that are not the key stream: they tell how far such streams reach across a RAP.

use std::collections::VecDeque;

use crate::cut::EARLY;
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
    /// Whether packets go on with the last of them.
    is_open: bool,
}

/// Where a PES lies in the source.
#[derive(Debug, Clone, Copy)]
struct Extent {
    start: u64,
    end: u64,
    pts: MediaTime,
}

impl Extents {
    /// Of so many streams, the key stream included.
    pub(super) fn new(streams: usize) -> Self {
        Self { streams: vec![Recent::default(); streams] }
    }

    /// A PES starts.
    pub(super) fn start(&mut self, number: usize, start: u64, pts: MediaTime) {
        let Some(stream) = self.streams.get_mut(number) else { return };
        stream.is_open = true;
        stream.pes.push_back(Extent { start, end: start, pts });
        if stream.pes.len() > limits::RECENT_PES {
            stream.pes.pop_front();
        }
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

    /// How far before `offset` the first PES starts that is shown at `pts` or later, of those at most `most` away.
    pub(super) fn lead(&self, offset: u64, pts: MediaTime, most: u64) -> u64 {
        let leads = self.all().filter(|pes| pes.pts >= pts).map(|pes| offset.saturating_sub(pes.start));
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
