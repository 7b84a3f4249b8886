//! What `moov` is made of, whether its samples stand in it or in fragments (ISO/IEC 14496-12 §8.2 to §8.7).

use super::boxes::BoxWriter;
use super::track::Track;

/// The unity matrix of mvhd and tkhd (§8.2.2): fixed point 16.16 and 2.30.
const UNITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// FileTypeBox or SegmentTypeBox (§4.3, §8.16.2): the first brand is the major one.
pub(crate) fn brands(boxes: &mut BoxWriter, kind: &[u8; 4], brands: &[&[u8; 4]]) {
    boxes.nested(kind, |boxes| {
        brands.iter().take(1).for_each(|brand| boxes.bytes(*brand));
        boxes.u32(0); // minor_version
        brands.iter().for_each(|brand| boxes.bytes(*brand));
    });
}

/// A duration in the field of its version: 32 bits in version 0, 64 in version 1.
fn duration_field(boxes: &mut BoxWriter, version: u8, value: u64) {
    match version {
        0 => boxes.u32(value as u32),
        _ => boxes.u64(value),
    }
}

/// creation_time and modification_time: not known.
fn no_times(boxes: &mut BoxWriter, version: u8) {
    boxes.zeros(if version == 0 { 8 } else { 16 });
}

fn version_for(duration: u64) -> u8 {
    u8::from(duration > u64::from(u32::MAX))
}

/// MovieHeaderBox (§8.2.2).
pub(crate) fn movie_header(boxes: &mut BoxWriter, timescale: u32, duration: u64, next_track_id: u32) {
    let version = version_for(duration);
    boxes.full(b"mvhd", version, 0, |boxes| {
        no_times(boxes, version);
        boxes.u32(timescale);
        duration_field(boxes, version, duration);
        boxes.u32(0x1_0000); // rate
        boxes.u16(0x100); // volume
        boxes.zeros(10);
        UNITY.iter().for_each(|&value| boxes.u32(value));
        boxes.zeros(24);
        boxes.u32(next_track_id);
    });
}

/// Durations of a track; 0 where its samples are in fragments.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Durations {
    /// In units of the movie.
    pub(crate) movie: u64,
    /// In units of the track.
    pub(crate) media: u64,
}

/// TrackBox (§8.3.1): `edits` writes its EditBox, `tables` what SampleTableBox holds behind the sample entry.
pub(crate) fn track(
    boxes: &mut BoxWriter,
    track: &Track,
    durations: Durations,
    edits: impl FnOnce(&mut BoxWriter),
    tables: impl FnOnce(&mut BoxWriter),
) {
    boxes.nested(b"trak", |boxes| {
        track_header(boxes, track, durations.movie);
        edits(boxes);
        boxes.nested(b"mdia", |boxes| {
            media_header(boxes, track, durations.media);
            handler(boxes, track);
            boxes.nested(b"minf", |boxes| {
                match track.is_video() {
                    true => boxes.full(b"vmhd", 0, 1, |boxes| boxes.zeros(8)),
                    false => boxes.full(b"smhd", 0, 0, |boxes| boxes.zeros(4)),
                }
                boxes.nested(b"dinf", |boxes| {
                    boxes.full(b"dref", 0, 0, |boxes| {
                        boxes.u32(1);
                        boxes.full(b"url ", 0, 1, |_| {}); // in this file
                    });
                });
                boxes.nested(b"stbl", |boxes| {
                    boxes.full(b"stsd", 0, 0, |boxes| {
                        boxes.u32(1);
                        boxes.bytes(&track.entry);
                    });
                    tables(boxes);
                });
            });
        });
    });
}

/// TrackHeaderBox (§8.3.2): enabled, in the movie, in previews.
fn track_header(boxes: &mut BoxWriter, track: &Track, duration: u64) {
    let version = version_for(duration);
    let is_sound = u16::from(!track.is_video());
    boxes.full(b"tkhd", version, 7, |boxes| {
        no_times(boxes, version);
        boxes.u32(track.id);
        boxes.u32(0);
        duration_field(boxes, version, duration);
        boxes.zeros(8);
        boxes.u16(0); // layer
        boxes.u16(is_sound); // alternate_group: of several streams of sound one is played
        boxes.u16(is_sound << 8); // volume
        boxes.u16(0);
        UNITY.iter().for_each(|&value| boxes.u32(value));
        let (width, height) = track.size;
        boxes.u32(width.min(u32::from(u16::MAX)) << 16);
        boxes.u32(height.min(u32::from(u16::MAX)) << 16);
    });
}

/// MediaHeaderBox (§8.4.2).
fn media_header(boxes: &mut BoxWriter, track: &Track, duration: u64) {
    let version = version_for(duration);
    boxes.full(b"mdhd", version, 0, |boxes| {
        no_times(boxes, version);
        boxes.u32(track.timescale);
        duration_field(boxes, version, duration);
        boxes.u16(track.language);
        boxes.u16(0);
    });
}

/// HandlerBox (§8.4.3).
fn handler(boxes: &mut BoxWriter, track: &Track) {
    let (kind, name): (_, &[u8]) =
        if track.is_video() { (b"vide", b"VideoHandler\0") } else { (b"soun", b"SoundHandler\0") };
    boxes.full(b"hdlr", 0, 0, |boxes| {
        boxes.u32(0);
        boxes.bytes(kind);
        boxes.zeros(12);
        boxes.bytes(name);
    });
}
