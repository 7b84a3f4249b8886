//! The head of a fragmented file: its movie, and what its first fragments say.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::indexer::Mp4Indexer;
use super::movie::Movie;
use super::walk::Finder;
use super::window::Window;
use crate::error::Error;
use crate::index::Index;
use crate::limits;

/// The bytes of a head as they come.
#[derive(Debug, Clone)]
pub(crate) struct FragmentedHead {
    size: u64,
    bytes: BytesMut,
}

/// What a head says.
#[derive(Debug)]
pub(crate) enum Shown {
    /// More of it is needed to tell.
    More,
    /// The file is not fragmented, or its tables are elsewhere.
    Tables,
    /// The movie, and what its whole fragments say.
    Fragments(MovieBox, Box<Index>),
}

/// The movie of a fragmented file, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MovieBox {
    /// Where its box starts.
    offset: u64,
    bytes: Vec<u8>,
    /// Whether pictures have to be looked into: their fragments do not tell which are random access points.
    looks: bool,
}

/// The same, ready to be used.
#[derive(Debug, Clone)]
pub(crate) struct FragmentedMovie {
    pub(super) movie: Movie,
    pub(super) looks: bool,
}

impl MovieBox {
    /// Reads it.
    ///
    /// # Errors
    /// Where it is no movie.
    pub(crate) fn parse(&self) -> Result<FragmentedMovie, Error> {
        let movie = Movie::parse(self.offset, &Bytes::copy_from_slice(&self.bytes))?;
        Ok(FragmentedMovie { movie, looks: self.looks })
    }
}

impl FragmentedHead {
    /// Of a file of `size` bytes.
    pub(crate) fn new(size: u64) -> Self {
        Self { size, bytes: BytesMut::new() }
    }

    /// The next bytes; what lies behind the longest head is dropped.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let room = limits::HEAD.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
    }

    /// What has come of it.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The head itself.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it says so far.
    pub(crate) fn shown(&self) -> Shown {
        let bytes = Bytes::copy_from_slice(&self.bytes);
        let is_whole = bytes.len() >= limits::HEAD || bytes.len() as u64 >= self.size;
        let undecided = if is_whole { Shown::Tables } else { Shown::More };
        let movie = match self.movie(&bytes) {
            Ok(movie) if movie.is_fragmented => movie,
            Ok(_) | Err(None) => return Shown::Tables,
            Err(Some(_)) => return undecided,
        };
        let (start, end) = (movie.range.start as usize, movie.range.end as usize);
        match (index(&bytes), bytes.get(start..end)) {
            (Some((index, looks)), Some(moov)) => {
                let movie = MovieBox { offset: movie.range.start, bytes: moov.to_vec(), looks };
                Shown::Fragments(movie, Box::new(index))
            }
            _ => undecided,
        }
    }

    /// The movie; or what has to be read for it next, `None` where that is not what comes next.
    fn movie(&self, bytes: &Bytes) -> Result<Movie, Option<Range<u64>>> {
        let (mut finder, mut window) = (Finder::new(Some(self.size)), Window::default());
        window.push(0, bytes.clone()).map_err(|_| None)?;
        match finder.step(&mut window) {
            Ok(Ok(movie)) => Ok(movie),
            Ok(Err(wanted)) if wanted.start <= bytes.len() as u64 => Err(Some(wanted)),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }
}

/// The index of the fragments that are whole, and whether that took looking into pictures.
fn index(bytes: &Bytes) -> Option<(Index, bool)> {
    let mut indexer = Mp4Indexer::of_growing(bytes.len() as u64);
    let mut before = None;
    while let Some(wanted) = indexer.wants() {
        let rest = bytes.get(usize::try_from(wanted.start).ok()?..).unwrap_or_default();
        if rest.is_empty() || before.replace(wanted.start) == Some(wanted.start) {
            break;
        }
        indexer.push(wanted.start, bytes.slice_ref(rest));
    }
    let looks = indexer.looks();
    indexer.finish().ok().map(|index| (index, looks))
}
