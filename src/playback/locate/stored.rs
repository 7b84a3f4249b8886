//! A sketch as others keep it, and what they have learned besides.

use remux::index::{IndexError, Learned};
use remux::locate::{Knowledge, Thresholds};
use remux::time::Ticks;

use super::super::media::MediaRun;
use super::Sketch;
use crate::domain::Origin;

impl Sketch {
    /// What head and tail have said, and what was found between them since; [`Sketch::decode`] reads it back.
    pub fn encode(&self) -> Vec<u8> {
        self.known().encode(self.layout())
    }

    /// Reads what [`Sketch::encode`] wrote of bytes that were `origin` then.
    ///
    /// # Errors
    /// [`IndexError`] where it is nothing of the kind, or of other bytes.
    pub fn decode(origin: Origin, bytes: &[u8]) -> Result<Self, IndexError> {
        let (layout, known) = Knowledge::decode(bytes)?;
        if known.size() != origin.size {
            return Err(IndexError::Damaged);
        }
        let run = MediaRun::of(&layout, known.duration().unwrap_or_default());
        Ok(Self { origin, run, gops: *known.gops(), known: known.into(), learned: Default::default() })
    }

    /// The GOPs that have passed by.
    pub fn learned_so_far(&self) -> Learned {
        self.learned().clone()
    }

    /// GOPs that have passed by elsewhere.
    pub fn complement(&self, told: Learned) {
        self.learned().complement(told);
    }

    /// Where what lies between two thresholds begins, from zero on, where that has passed by before.
    pub(in crate::playback) fn start(&self, Thresholds { from, to }: Thresholds) -> Option<Ticks> {
        let rap = self.learned().rap_at(from?)?;
        to.is_none_or(|to| rap.pts < to).then(|| rap.pts - self.layout().zero)
    }
}
