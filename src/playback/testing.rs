//! Recordings out of thin air, for the tests of what is pure.

use std::sync::Arc;

use chrono::DateTime;
use remux::index::{Index, Rap, Run};
use remux::layout::{Layout, RapClass};
use remux::time::{MediaTime, Ticks};

use super::media::Media;
use crate::domain::{Recording, RecordingId, RecordingKey, TimeRange, Version, WallTime, later};

pub(crate) const TARGET: Ticks = Ticks::from_millis(6000);

/// A moment on the day that the tests play on.
pub(crate) fn at(seconds: f64) -> WallTime {
    later(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), Ticks::from_seconds(seconds))
}

pub(crate) fn range(start: f64, end: f64) -> TimeRange {
    TimeRange::new(at(start), at(end)).unwrap()
}

/// A run whose first RAP lies at `zero`, with RAPs `gop` apart, all in ticks.
pub(crate) fn run(zero: i64, gop: i64, duration: i64) -> Run {
    let rap = |pts: i64| Rap {
        offset: (pts - zero).unsigned_abs(),
        pts: MediaTime::from_ticks(pts),
        dts: MediaTime::from_ticks(pts),
        size: 1000,
        lead: 0,
        trail: 0,
        independent: true,
    };
    let layout = Layout {
        packet_size: remux::ts::PacketSize::Plain,
        program_descriptors: Vec::new(),
        container: Default::default(),
        program_number: 1,
        streams: Vec::new(),
        left_out: Vec::new(),
        zero: MediaTime::from_ticks(zero),
        rap_class: RapClass::Idr,
        gop: Some(Ticks::new(gop)),
        frame_duration: Ticks::new(3600),
    };
    Run {
        layout,
        raps: (0..)
            .map(|number| rap(zero + number * gop))
            .take_while(|rap| rap.pts.ticks() < zero + duration)
            .collect(),
        end: MediaTime::from_ticks(zero + duration),
        settled: MediaTime::from_ticks(zero + duration),
        next_rap: None,
        end_offset: duration.unsigned_abs(),
        pictures: 1,
    }
}

pub(crate) fn media(runs: Vec<Run>) -> Arc<Media> {
    Arc::new(Media::of(&Index { size: 1_000_000, runs, report: Default::default() }, TARGET))
}

/// `media` as a recording that begins at `zero` and is seen from `from` on.
pub(crate) fn recording(id: &str, media: &Media, zero: f64, from: f64) -> Recording {
    let extent = Arc::new(media.extent());
    Recording {
        key: RecordingKey {
            id: RecordingId::from(id),
            object: id.into(),
            version: Version { size: 1_000_000, validator: "v1".into(), growing: false },
        },
        zero: at(zero),
        visible: TimeRange::new(at(from), later(at(zero), extent.duration())).unwrap(),
        extent: Some(extent),
    }
}
