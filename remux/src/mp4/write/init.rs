//! The initialization segment of a run: `ftyp` and a `moov` without samples (ISO/IEC 14496-12 §8.8, RFC 8216 §3.3).

use bytes::Bytes;

use super::ParameterSets;
use super::boxes::BoxWriter;
use super::header::{self, Durations};
use super::track::{Track, VIDEO_TIMESCALE};
use crate::error::Error;
use crate::layout::Layout;

/// The initialization segment of a layout.
pub(crate) fn init(layout: &Layout, parameter_sets: ParameterSets) -> Result<Bytes, Error> {
    let tracks = Track::all(layout, parameter_sets)?;
    let mut boxes = BoxWriter::new();
    // iso6: tfdt and signed composition offsets. cmfc promises one track (ISO/IEC 23000-19 §7.3).
    let brands: &[&[u8; 4]] =
        if tracks.len() == 1 { &[b"iso6", b"mp41", b"cmfc"] } else { &[b"iso6", b"mp41"] };
    header::brands(&mut boxes, b"ftyp", brands);
    boxes.nested(b"moov", |boxes| {
        let next = tracks.iter().map(|track| track.id).max().unwrap_or(0) + 1;
        header::movie_header(boxes, VIDEO_TIMESCALE, 0, next);
        for track in &tracks {
            header::track(boxes, track, Durations::default(), |_| {}, no_samples);
        }
        boxes.nested(b"mvex", |boxes| tracks.iter().for_each(|track| track_extends(boxes, track)));
    });
    Ok(boxes.into_bytes().into())
}

/// The tables that SampleTableBox must hold (§8.5.1), all empty.
fn no_samples(boxes: &mut BoxWriter) {
    for kind in [b"stts", b"stsc", b"stco"] {
        boxes.full(kind, 0, 0, |boxes| boxes.u32(0));
    }
    boxes.full(b"stsz", 0, 0, |boxes| boxes.zeros(8));
}

/// TrackExtendsBox (§8.8.3). Its flags are those of sound; pictures bring their own.
fn track_extends(boxes: &mut BoxWriter, track: &Track) {
    boxes.full(b"trex", 0, 0, |boxes| {
        boxes.u32(track.id);
        boxes.u32(1); // default_sample_description_index
        boxes.u32(track.frame_duration);
        boxes.u32(0); // default_sample_size
        boxes.u32(super::sample::SYNC_FLAGS);
    });
}
