//! Finds a fragment in bytes that begin anywhere: a `moof` box (ISO/IEC 14496-12 §8.8.4) by its structure.
//!
//! Media may hold the four letters by chance. What is taken for a fragment begins with `mfhd`, consists of whole boxes, and has a
//! `traf` of a track of the movie that says when it is decoded (`tfdt`, §8.8.12).

use std::ops::Range;

use super::movie::Movie;
use super::window::Window;
use crate::limits;
use crate::mp4::boxes::{BoxHeader, HEADER, Node, Parsed};

/// Looks for the first fragment.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Nothing begins before this.
    at: u64,
    /// Here a box begins that may be one, of so many bytes.
    candidate: Option<u64>,
}

/// Bytes of a `moof` box before what is in its `mfhd` box.
const BEGINNING: usize = 16;
/// Bytes of an `mfhd` box, as its header says.
const MFHD: [u8; 4] = 16u32.to_be_bytes();

impl Scan {
    /// Looks from `start` on.
    pub(super) fn new(start: u64) -> Self {
        Self { at: start, candidate: None }
    }

    /// Where it is; or the range that has to be pushed to get further.
    pub(super) fn step(&mut self, movie: &Movie, window: &mut Window) -> Result<u64, Range<u64>> {
        loop {
            if let Some(size) = self.candidate {
                let end = self.at.saturating_add(size);
                let bytes = window.take(self.at, size as usize).map_err(|from| from..end)?;
                if Node::new(self.at, &bytes).is_some_and(|moof| is_fragment(&moof, movie)) {
                    return Ok(self.at);
                }
                // Not byte by byte: what only looks like fragments must not be looked through again and again.
                (self.at, self.candidate) = (end, None);
            }
            let bytes = window.look(self.at, usize::MAX);
            let passed = match find(&bytes) {
                Some((position, size)) => {
                    self.candidate = Some(size);
                    position
                }
                None => bytes.len().saturating_sub(BEGINNING - 1),
            };
            self.at = self.at.saturating_add(passed as u64);
            if self.candidate.is_none() {
                let end = self.at.saturating_add((bytes.len() - passed) as u64);
                return Err(end..end.saturating_add(limits::PROBE));
            }
        }
    }
}

/// Where the first box begins that may be a fragment, and its size.
fn find(bytes: &[u8]) -> Option<(usize, u64)> {
    bytes.windows(BEGINNING).enumerate().find_map(|(position, begun)| {
        if begun[4..8] != *b"moof" || begun[8..12] != MFHD || begun[12..] != *b"mfhd" {
            return None;
        }
        match BoxHeader::parse(begun) {
            Parsed::Header(BoxHeader { size: Some(size), length: HEADER, .. }) => Some((position, size)),
            _ => None,
        }
        .filter(|&(_, size)| size <= limits::MOVIE_FRAGMENT)
    })
}

fn is_fragment(moof: &Node, movie: &Movie) -> bool {
    let mut has_time = false;
    let mut trafs = moof.children().filter(|child| child.kind == *b"traf");
    let is_sound = trafs.all(|traf| {
        let tfhd = traf.child(b"tfhd");
        let id = tfhd.as_ref().and_then(|tfhd| tfhd.full()).and_then(|(_, _, mut fields)| fields.u32());
        let is_played = movie.tracks.iter().any(|track| Some(track.id) == id);
        has_time |= is_played && traf.child(b"tfdt").is_some();
        consists_of_boxes(&traf) && (!is_played || traf.child(b"tfdt").is_some())
    });
    is_sound && has_time && consists_of_boxes(moof)
}

fn consists_of_boxes(node: &Node) -> bool {
    let mut rest = &node.body[..];
    while !rest.is_empty() {
        let Parsed::Header(BoxHeader { size: Some(size), .. }) = BoxHeader::parse(rest) else { return false };
        match usize::try_from(size).ok().and_then(|size| rest.get(size..)) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::mp4::read::testing::{Movie as Written, TrackSpec, boxed, container, full, words};

    fn movie() -> Movie {
        let moov = Written::new().fragmented().track(TrackSpec::video(1)).bytes();
        Movie::parse(0, &Bytes::from(moov.moov_only())).unwrap()
    }

    fn fragment(track: u32, more: &[Vec<u8>]) -> Vec<u8> {
        let traf = [vec![full(b"tfhd", 0, 0, &words(&[track]))], more.to_vec()].concat();
        container(b"moof", &[full(b"mfhd", 0, 0, &words(&[1])), container(b"traf", &traf)])
    }

    fn tfdt() -> Vec<u8> {
        full(b"tfdt", 0, 0, &words(&[90_000]))
    }

    /// Where a fragment is found in bytes that come in chunks.
    fn found(bytes: &[u8], chunk: usize) -> Option<u64> {
        let (mut scan, mut window, movie) = (Scan::new(1000), Window::default(), movie());
        let mut at = 1000;
        let mut step = scan.step(&movie, &mut window);
        for chunk in bytes.chunks(chunk) {
            if step.is_ok() {
                break;
            }
            window.push(at, Bytes::copy_from_slice(chunk)).unwrap();
            at += chunk.len() as u64;
            step = scan.step(&movie, &mut window);
        }
        step.ok()
    }

    #[test]
    fn a_fragment_is_found_wherever_it_begins() {
        let real = fragment(1, &[tfdt()]);
        for before in [0, 1, 15, 16, 17, 4000] {
            let bytes = [&vec![b'm'; before][..], &real, b"moof"].concat();
            for chunk in [1, 7, 100_000] {
                assert_eq!(found(&bytes, chunk), Some(1000 + before as u64), "{before}, {chunk}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_one_is_passed_over() {
        let real = fragment(1, &[tfdt()]);
        let mut torn = fragment(1, &[tfdt(), boxed(b"free", &[0; 20])]);
        let last = torn.len() - 28;
        torn[last + 3] = 200;
        let mut huge = fragment(1, &[tfdt()]);
        huge[..4].copy_from_slice(&u32::MAX.to_be_bytes());
        for decoy in [
            fragment(2, &[tfdt()]),
            fragment(1, &[]),
            container(b"moof", &[full(b"mfhd", 0, 0, &words(&[1]))]),
            torn,
            huge,
            b"\0\0\0\x08moof".to_vec(),
        ] {
            let bytes = [&decoy[..], &real].concat();
            for chunk in [1, 100_000] {
                assert_eq!(found(&bytes, chunk), Some(1000 + decoy.len() as u64), "{decoy:x?}");
            }
        }
    }
}
