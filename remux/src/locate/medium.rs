//! What a recording is made of: packets or fragments. The search is the same; how bytes are listened to and played is not.

use std::sync::Arc;

use super::head::Head;
use super::segment::Thresholds;
use super::sounding::Sounder;
use crate::error::Error;
use crate::layout::{Layout, Packaging};
use crate::mp4::read::FragmentedMovie;
use crate::remuxer::Remuxer;

/// Makes what listens to and plays bytes of one recording, wherever they begin.
#[derive(Debug, Clone)]
pub struct Medium {
    layout: Arc<Layout>,
    /// Of fragmented MP4.
    movie: Option<Arc<FragmentedMovie>>,
}

impl Medium {
    /// That of a recording with such a head.
    ///
    /// # Errors
    /// Where a head that was kept is damaged.
    pub fn of(head: &Head) -> Result<Self, Error> {
        let movie = head.fragments.as_ref().map(|fragments| fragments.movie.parse()).transpose()?;
        Ok(Self { layout: Arc::new(head.layout.clone()), movie: movie.map(Arc::new) })
    }

    /// That of a transport stream.
    pub fn of_packets(layout: Arc<Layout>) -> Self {
        Self { layout, movie: None }
    }

    /// The layout of its run.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Whether every picture has a place of its own: those of a fragment share one, that of the first.
    pub fn places_pictures(&self) -> bool {
        self.movie.is_none()
    }

    /// Listens to a stretch that begins at any byte.
    pub fn sounder(&self, start: u64) -> Sounder {
        match &self.movie {
            None => Sounder::new(Arc::clone(&self.layout), start),
            Some(movie) => Sounder::of_fragments(Arc::clone(movie), &self.layout, start),
        }
    }

    /// Makes the segment between two times: [`Remuxer::between`], of fragments as well.
    pub fn remuxer(&self, thresholds: Thresholds, packaging: Packaging) -> Remuxer {
        let layout = Arc::clone(&self.layout);
        match &self.movie {
            None => Remuxer::between(layout, thresholds, packaging),
            Some(movie) => Remuxer::between_fragments(Arc::clone(movie), layout, thresholds, packaging),
        }
    }
}
