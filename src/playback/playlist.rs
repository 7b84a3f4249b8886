//! From a plan to an m3u8 (RFC 8216). Pure, and the only user of m3u8-rs.
//!
//! m3u8-rs keeps durations as `f32` and writes them under a process-wide precision. Durations stay integer ticks up to
//! the line that hands them over, and are written with six digits: below 128 s an `f32` is at most 4 µs off, a tick is
//! 11 µs long, so that whoever rounds an `EXTINF` to ticks has the exact one.

use std::sync::Once;
use std::sync::atomic::Ordering;

use chrono::FixedOffset;
use m3u8_rs::{MediaPlaylist, MediaPlaylistType, MediaSegment, Start, WRITE_OPT_FLOAT_PRECISION};
use remux::index::Cut;
use remux::time::Ticks;

use super::plan::Stretch;
use crate::domain::{WallTime, later};

/// A VOD playlist under construction: stretch after stretch.
#[derive(Debug)]
pub struct Playlist {
    segments: Vec<MediaSegment>,
    longest: Ticks,
    independent: bool,
    /// Where the playlist's clock stands: `EXT-X-PROGRAM-DATE-TIME` never goes back behind it.
    clock: Option<WallTime>,
}

impl Default for Playlist {
    fn default() -> Self {
        Self { segments: Vec::new(), longest: Ticks::ZERO, independent: true, clock: None }
    }
}

impl Playlist {
    /// Adds the cuts of a stretch, in order. A discontinuity lies between it and the one before.
    pub fn push(&mut self, stretch: &Stretch, cuts: &[Cut]) {
        // Where an overlap was cut to one GOP, the first cut begins before the end of the one before it. The clock of
        // the playlist runs on there; the wall time of the recording itself is told by the API.
        let start = self.clock.map_or(stretch.span.start(), |clock| clock.max(stretch.span.start()));
        let mut played = Ticks::ZERO;
        for (position, cut) in cuts.iter().enumerate() {
            let begins = position == 0;
            self.segments.push(MediaSegment {
                uri: format!("segment/{}.ts", self.segments.len()),
                duration: cut.duration.as_seconds() as f32,
                discontinuity: begins && !self.segments.is_empty(),
                program_date_time: begins.then(|| start.with_timezone(&UTC)),
                ..MediaSegment::default()
            });
            self.longest = self.longest.max(cut.duration);
            self.independent &= cut.independent;
            played += cut.duration;
        }
        self.clock = Some(later(start, played));
    }

    /// The text of the playlist; players begin `start_offset` into it.
    pub fn finish(self, start_offset: Ticks) -> String {
        static PRECISION: Once = Once::new();
        PRECISION.call_once(|| WRITE_OPT_FLOAT_PRECISION.store(EXTINF_DIGITS, Ordering::Relaxed));
        let playlist = MediaPlaylist {
            version: Some(3),
            target_duration: rounded_seconds(self.longest),
            end_list: true,
            playlist_type: Some(MediaPlaylistType::Vod),
            start: Some(Start {
                // Microseconds, so that no digits of binary fractions are written.
                time_offset: start_offset.as_micros() as f64 / 1e6,
                precise: Some(true),
                other_attributes: Default::default(),
            }),
            independent_segments: self.independent,
            segments: self.segments,
            ..MediaPlaylist::default()
        };
        let mut text = Vec::with_capacity(HEAD_BYTES + playlist.segments.len() * SEGMENT_BYTES);
        playlist.write_to(&mut text).expect("a Vec takes every write");
        String::from_utf8(text).expect("m3u8-rs writes the ASCII that it was given")
    }
}

const EXTINF_DIGITS: usize = 6;

/// Room for what stands before the segments, and for one segment.
const HEAD_BYTES: usize = 256;
const SEGMENT_BYTES: usize = 48;

const UTC: FixedOffset = match FixedOffset::east_opt(0) {
    Some(offset) => offset,
    None => unreachable!(),
};

/// RFC 8216 §4.3.3.1: no `EXTINF`, rounded to the nearest integer, is longer than the target duration.
fn rounded_seconds(duration: Ticks) -> u64 {
    let second = Ticks::SECOND.get();
    u64::try_from((duration.get() + second / 2) / second).unwrap_or(0).max(1)
}
