//! A sketch as others keep it, and what they have learned besides.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use remux::index::{IndexError, Learned};
use remux::locate::{Knowledge, Medium, Thresholds};
use remux::time::Ticks;

use super::super::media::MediaRun;
use super::Sketch;
use crate::domain::Origin;

impl Sketch {
    /// What head and tail have said, and what was found between them since; [`Sketch::decode`] reads it back. `None` of
    /// fragmented MP4, which is played by tables that are not kept.
    pub fn encode(&self) -> Option<Vec<u8>> {
        self.medium.places_pictures().then(|| {
            let mut bytes = self.known().encode(self.layout());
            bytes.extend(self.key_frame.to_be_bytes());
            bytes
        })
    }

    /// Reads what [`Sketch::encode`] wrote of bytes that were `origin` then.
    ///
    /// # Errors
    /// [`IndexError`] where it is nothing of the kind, or of other bytes.
    pub fn decode(origin: Origin, bytes: &[u8]) -> Result<Self, IndexError> {
        let (bytes, key_frame) = bytes.split_last_chunk().ok_or(IndexError::Damaged)?;
        let (layout, known) = Knowledge::decode(bytes)?;
        let key_frame = u64::from_be_bytes(*key_frame);
        if known.size() != origin.size || key_frame > origin.size {
            return Err(IndexError::Damaged);
        }
        let run = MediaRun::of(&layout, known.duration().unwrap_or_default());
        let (medium, gops) = (Medium::of_packets(Arc::clone(&run.layout)), *known.gops());
        let (known, learned, is_contradicted) = (Mutex::new(known), Mutex::default(), AtomicBool::default());
        Ok(Self { origin, medium, run, gops, key_frame, known, learned, is_contradicted })
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
