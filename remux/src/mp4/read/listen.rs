//! What fragments say about the clock, wherever they were cut out: only `moof` boxes are read.

use std::sync::Arc;

use bytes::Bytes;

use super::FragmentedMovie;
use super::log::Log;
use super::plan::Placed;
use super::streams;
use super::walk::{Step, Walk};
use super::window::Window;
use crate::index::KeyStart;
use crate::layout::Layout;

/// Reads a stretch of a fragmented file whose movie is known.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    movie: Arc<FragmentedMovie>,
    /// Number of the key track in the movie.
    key: Option<usize>,
    window: Window,
    walk: Walk,
    end: u64,
    starts: Vec<KeyStart>,
}

impl Listener {
    /// A stretch that begins at any byte of the source.
    pub(crate) fn new(movie: Arc<FragmentedMovie>, layout: &Layout, start: u64) -> Self {
        let key = streams::tracks_of(&movie.movie, layout).first().copied().flatten();
        let walk = Walk::from_anywhere(&movie.movie, start);
        let mut listener =
            Self { movie, key, window: Window::default(), walk, end: start, starts: Vec::new() };
        // So that the window knows where it begins.
        listener.advance();
        listener
    }

    /// The next bytes, cut anywhere.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // All that the walk does not need is dropped at once.
        if self.window.push(self.end, Bytes::copy_from_slice(bytes)).is_ok() {
            self.end = self.end.saturating_add(bytes.len() as u64);
            self.advance();
        }
    }

    /// For each fragment that is listed whole: where its box starts, when its first picture is decoded, and when the last of
    /// them is shown.
    pub(crate) fn finish(mut self) -> (u64, Vec<KeyStart>) {
        let rest: Vec<Placed> = self.walk.clone().into_samples().collect();
        rest.iter().for_each(|placed| self.on_sample(placed));
        (self.end, self.starts)
    }

    fn advance(&mut self) {
        // What is damaged in a stretch is told by who plays it.
        let mut log = Log::default();
        while let Step::Sample(placed) = self.walk.step(&self.movie.movie, &mut self.window, &mut log) {
            self.on_sample(&placed);
        }
    }

    fn on_sample(&mut self, placed: &Placed) {
        if Some(placed.track) != self.key {
            return;
        }
        let (pts, dts) = (placed.times.pts.wrap(), placed.times.dts.wrap());
        match self.starts.last_mut().filter(|start| start.offset == placed.origin) {
            Some(start) => {
                let latest = start.pts.map(|latest| latest.unwrap_near(placed.times.pts));
                start.pts = latest.max(Some(placed.times.pts)).map(|pts| pts.wrap());
            }
            None => self.starts.push(KeyStart { offset: placed.origin, pts: Some(pts), dts: Some(dts) }),
        }
    }
}
