//! What segments are called: hashes over everything that their bytes depend on, so that whoever makes one anywhere gives it the
//! same name, and another one to anything else.

use remux::index::Cut;
use remux::locate::Thresholds;
use remux::time::MediaTime;
use remux::{OUTPUT_VERSION, Packaging};
use sha2::{Digest, Sha256};

use crate::domain::{Origin, RecordingKey};
use crate::playback::kept::SegmentKey;
use crate::playback::locate::Sketch;
use crate::playback::playlist::extension;

/// That of a cut.
pub(super) fn of_cut(
    recording: &RecordingKey,
    origin: Option<&Origin>,
    cut: &Cut,
    layout_digest: &[u8; 32],
    packaging: Packaging,
) -> SegmentKey {
    Facts::of("cut", recording, origin, packaging)
        .number(cut.run as u64)
        .number(cut.bytes.start)
        .number(cut.bytes.end)
        .time(Some(cut.start))
        .time(cut.end)
        .number(u64::from(cut.first))
        .key(layout_digest)
}

/// That of a segment that is not found yet: what it is follows from the recording and what it lies between.
pub(super) fn of_cell(
    recording: &RecordingKey,
    sketch: &Sketch,
    thresholds: Thresholds,
    packaging: Packaging,
) -> SegmentKey {
    Facts::of("cell", recording, Some(sketch.origin()), packaging)
        .time(thresholds.from)
        .time(thresholds.to)
        .key(sketch.layout_digest())
}

/// That of an initialization segment, which depends on the layout alone.
pub(super) fn of_initialization(layout_digest: &[u8; 32]) -> SegmentKey {
    Facts(Sha256::new()).text("init").key(layout_digest)
}

/// What has been hashed so far.
struct Facts(Sha256);

impl Facts {
    fn of(what: &str, recording: &RecordingKey, origin: Option<&Origin>, packaging: Packaging) -> Self {
        let version = &recording.version;
        let served = origin.and_then(|origin| origin.validator.as_deref()).unwrap_or_default();
        Self(Sha256::new())
            .text(what)
            .text(recording.id.as_str())
            .text(&recording.object)
            .text(&version.validator)
            .number(version.size)
            .number(u64::from(version.growing))
            .text(served)
            .number(origin.map_or(version.size, |origin| origin.size))
            // The packaging is all there is to choose.
            .text(extension(packaging))
    }

    fn text(self, text: &str) -> Self {
        let mut facts = self.number(text.len() as u64);
        facts.0.update(text);
        facts
    }

    fn number(mut self, number: u64) -> Self {
        self.0.update(number.to_be_bytes());
        self
    }

    fn time(mut self, time: Option<MediaTime>) -> Self {
        self.0.update(time.map_or(i64::MIN, MediaTime::ticks).to_be_bytes());
        self
    }

    fn key(mut self, layout_digest: &[u8; 32]) -> SegmentKey {
        self.0.update(OUTPUT_VERSION.to_be_bytes());
        self.0.update(layout_digest);
        let mut key = [0; 16];
        key.copy_from_slice(&self.0.finalize()[..16]);
        SegmentKey::new(key)
    }
}
