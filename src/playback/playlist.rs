//! From a plan to an m3u8 (RFC 8216). Pure, and the only user of m3u8-rs.
//!
//! m3u8-rs writes what stands before the segments. Segments are written here as they come: a week has a hundred thousand, of
//! which m3u8-rs would have to be given a list, with durations as `f32`. Durations stay integer ticks and are written in whole microseconds; a tick is 11 µs long, so that whoever rounds an `EXTINF` to ticks has the
//! exact one.

use std::fmt::Write;

use chrono::SecondsFormat;
use m3u8_rs::{MediaPlaylist, MediaPlaylistType, Start};
use remux::Packaging;
use remux::index::Cut;
use remux::locate::Grid;
use remux::time::Ticks;

use super::plan::Stretch;
use crate::domain::{WallTime, later, ticks_between};

/// A playlist under construction: stretch after stretch.
#[derive(Debug)]
pub struct Playlist {
    packaging: Packaging,
    /// The lines of the segments so far.
    lines: String,
    segments: usize,
    stretches: usize,
    longest: Ticks,
    independent: bool,
    /// Where the playlist's clock stands: `EXT-X-PROGRAM-DATE-TIME` never goes back behind it.
    clock: Option<WallTime>,
}

impl Playlist {
    /// A playlist of segments that are packed like that.
    pub fn of(packaging: Packaging) -> Self {
        Self {
            packaging,
            lines: String::new(),
            segments: 0,
            stretches: 0,
            longest: Ticks::ZERO,
            independent: true,
            clock: None,
        }
    }

    /// Adds the segments of a stretch, in order. A discontinuity lies between it and the one before.
    pub fn push(&mut self, stretch: &Stretch, pieces: impl IntoIterator<Item = Piece>) {
        // Where an overlap was cut to one GOP, the first cut begins before the end of the one before it. The clock of
        // the playlist runs on there; the wall time of the recording itself is told by the API.
        let start = self.clock.map_or(stretch.span.start(), |clock| clock.max(stretch.span.start()));
        let mut played = Ticks::ZERO;
        for (position, piece) in pieces.into_iter().enumerate() {
            if position == 0 {
                self.begin_stretch(start);
            }
            self.segment(piece.duration);
            self.longest = self.longest.max(piece.longest);
            self.independent &= piece.independent;
            played += piece.duration;
        }
        self.clock = Some(later(start, played));
        self.stretches += 1;
    }

    fn begin_stretch(&mut self, start: WallTime) {
        if self.segments > 0 {
            self.lines += "#EXT-X-DISCONTINUITY\n";
        }
        let start = start.to_rfc3339_opts(SecondsFormat::Millis, true);
        let _ = writeln!(self.lines, "#EXT-X-PROGRAM-DATE-TIME:{start}");
        // Behind the discontinuity: players count a map before it to the stretch before.
        if self.packaging == Packaging::FragmentedMp4 {
            let _ = writeln!(self.lines, "#EXT-X-MAP:URI=\"init/{}.mp4\"", self.stretches);
        }
    }

    fn segment(&mut self, duration: Ticks) {
        let (seconds, micros) = (duration.get() / TICKS, (duration.get() % TICKS * 100 + 4) / 9);
        let (number, extension) = (self.segments, extension(self.packaging));
        let _ = write!(self.lines, "#EXTINF:{seconds}.{micros:06},\nsegment/{number}.{extension}\n");
        self.segments += 1;
    }

    /// The text of the playlist; players begin `start_offset` into it.
    pub fn finish(self, start_offset: Ticks, ending: Ending) -> String {
        // RFC 8216 §7: EXT-X-MAP in a playlist that is not one of I-frames needs 6; Apple's tools write 7 for fragmented MP4.
        let version = if self.packaging == Packaging::FragmentedMp4 { 7 } else { 3 };
        let playlist = MediaPlaylist {
            version: Some(version),
            target_duration: rounded_seconds(self.longest.max(ending.shortest_target())),
            playlist_type: Some(ending.playlist_type()),
            start: Some(Start {
                // Microseconds, so that no digits of binary fractions are written.
                time_offset: start_offset.as_micros() as f64 / 1e6,
                precise: Some(true),
                other_attributes: Default::default(),
            }),
            independent_segments: self.independent,
            ..MediaPlaylist::default()
        };
        let mut head = Vec::new();
        playlist.write_to(&mut head).expect("a Vec takes every write");
        let mut text = String::from_utf8(head).expect("m3u8-rs writes the ASCII that it was given");
        text += &self.lines;
        if !matches!(ending, Ending::Open { .. }) {
            text += "#EXT-X-ENDLIST\n";
        }
        text
    }
}

/// A segment of a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Its `EXTINF`.
    pub duration: Ticks,
    /// It will not turn out longer than this.
    pub longest: Ticks,
    /// Decoding it needs nothing before it.
    pub independent: bool,
}

impl From<&Cut> for Piece {
    fn from(cut: &Cut) -> Self {
        Self { duration: cut.duration, longest: cut.duration, independent: cut.independent }
    }
}

impl Piece {
    /// The cells of a stretch that is planned by `grid`. The first one begins where the stretch does.
    pub fn of_cells(stretch: &Stretch, grid: Grid) -> impl Iterator<Item = Self> {
        let start = ticks_between(stretch.zero, stretch.span.start());
        let (first, last) = (stretch.first, stretch.last);
        (first..=last).map(move |cell| {
            let planned = grid.planned_start(cell) - grid.zero;
            let late = if cell == first { start - planned } else { Ticks::ZERO };
            let duration = grid.planned_duration(cell) - late;
            // Nobody knows yet whether every cell begins with an IDR.
            Self { duration, longest: duration + grid.longest_gop, independent: false }
        })
    }
}

/// Whether more segments will be added to a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is complete.
    Complete,
    /// Segments of up to `target` will be added (RFC 8216 §6.2.1: the target duration does not change then).
    Open {
        /// What no segment will be longer than.
        target: Ticks,
    },
    /// It is complete, and was open before.
    Completed {
        /// As before.
        target: Ticks,
    },
}

impl Ending {
    fn shortest_target(self) -> Ticks {
        match self {
            Self::Complete => Ticks::ZERO,
            Self::Open { target } | Self::Completed { target } => target,
        }
    }

    fn playlist_type(self) -> MediaPlaylistType {
        match self {
            Self::Complete => MediaPlaylistType::Vod,
            Self::Open { .. } | Self::Completed { .. } => MediaPlaylistType::Event,
        }
    }
}

/// What the names of segments end with.
pub fn extension(packaging: Packaging) -> &'static str {
    match packaging {
        Packaging::TransportStream => "ts",
        Packaging::FragmentedMp4 => "m4s",
    }
}

/// In a second.
const TICKS: i64 = Ticks::SECOND.get();

/// RFC 8216 §4.3.3.1: no `EXTINF`, rounded to the nearest integer, is longer than the target duration.
fn rounded_seconds(duration: Ticks) -> u64 {
    let second = Ticks::SECOND.get();
    u64::try_from((duration.get() + second / 2) / second).unwrap_or(0).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, media, recording, run};
    use super::*;
    use crate::domain::{Recording, TimeRange};

    /// All of `recordings` as a playlist.
    fn playlist(recordings: &[(Recording, &[Cut])], start_offset: Ticks) -> String {
        packed(Packaging::TransportStream, recordings, start_offset)
    }

    fn packed(packaging: Packaging, recordings: &[(Recording, &[Cut])], start_offset: Ticks) -> String {
        let mut playlist = Playlist::of(packaging);
        for (recording, cuts) in recordings {
            playlist.push(
                &Stretch {
                    recording: recording.key.clone(),
                    zero: recording.zero,
                    first: 0,
                    last: cuts.len() as u32 - 1,
                    span: TimeRange::new(recording.zero, recording.visible.end()).unwrap(),
                    frame_rate: None,
                    grid: None,
                },
                cuts.iter().map(Piece::from),
            );
        }
        playlist.finish(start_offset, Ending::Complete)
    }

    #[test]
    fn two_recordings_and_a_gap() {
        let media = media(vec![run(0, 180_000, 12 * 90_000 + 67_500)]);
        let recordings = [
            (recording("a", &media, 0.0, 0.0), media.cuts()),
            (recording("b", &media, 60.25, 60.25), media.cuts()),
        ];
        let text = playlist(&recordings, Ticks::from_seconds(1.0 / 3.0));
        let expected = "\
#EXTM3U
#EXT-X-VERSION:3
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:7
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-START:TIME-OFFSET=0.333333,PRECISE=YES
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
#EXTINF:6.000000,
segment/0.ts
#EXTINF:6.750000,
segment/1.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:00.250Z
#EXTINF:6.000000,
segment/2.ts
#EXTINF:6.750000,
segment/3.ts
#EXT-X-ENDLIST
";
        assert_eq!(text, expected);
        let (rest, read) = m3u8_rs::parse_media_playlist(text.as_bytes()).unwrap();
        assert!(rest.is_empty());
        assert_eq!(read.segments.len(), 4);
    }

    #[test]
    fn in_fragmented_mp4_every_stretch_names_its_initialization() {
        let media = media(vec![run(0, 180_000, 12 * 90_000)]);
        let recordings = [0.0, 12.0].map(|zero| (recording("a", &media, zero, zero), media.cuts()));
        let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-START:TIME-OFFSET=0,PRECISE=YES
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
#EXT-X-MAP:URI=\"init/0.mp4\"
#EXTINF:6.000000,
segment/0.m4s
#EXTINF:6.000000,
segment/1.m4s
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:12.000Z
#EXT-X-MAP:URI=\"init/1.mp4\"
#EXTINF:6.000000,
segment/2.m4s
#EXTINF:6.000000,
segment/3.m4s
#EXT-X-ENDLIST
";
        assert_eq!(packed(Packaging::FragmentedMp4, &recordings, Ticks::ZERO), expected);
    }

    #[test]
    fn a_duration_can_be_read_back_to_the_tick() {
        for ticks in
            [1, 89_999, 90_001, 540_123, 600_001, 899_999, 3_003 * 61, 60 * 90_000 + 7, 127 * 90_000 + 89_999]
        {
            let cut =
                Cut { duration: Ticks::new(ticks), ..media(vec![run(0, 90_000, 90_000)]).cuts()[0].clone() };
            let media = media(vec![run(0, 90_000, 90_000)]);
            let text = playlist(&[(recording("a", &media, 0.0, 0.0), &[cut])], Ticks::ZERO);
            let written = text.split_once("#EXTINF:").unwrap().1.split_once(',').unwrap().0;
            assert_eq!(Ticks::from_seconds(written.parse().unwrap()), Ticks::new(ticks), "{written}");
        }
    }

    #[test]
    fn one_cut_that_depends_on_another_takes_the_promise_back() {
        let media = media(vec![run(0, 180_000, 18 * 90_000)]);
        let mut cuts = media.cuts().to_vec();
        cuts[1].independent = false;
        let text = playlist(&[(recording("a", &media, 0.0, 0.0), &cuts)], Ticks::ZERO);
        assert!(!text.contains("INDEPENDENT"));
    }

    #[test]
    fn the_clock_never_goes_back() {
        let media = media(vec![run(0, 180_000, 12 * 90_000)]);
        let recordings = [0.0, 9.0, 24.0].map(|zero| (recording("a", &media, zero, zero), media.cuts()));
        let text = playlist(&recordings, Ticks::ZERO);
        let dates: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:")).collect();
        // The second begins 3 s before the first ends; the third where the second ends by the playlist's clock.
        assert_eq!(
            dates,
            ["2027-01-15T08:00:00.000Z", "2027-01-15T08:00:12.000Z", "2027-01-15T08:00:24.000Z"]
        );
        assert_eq!(at(0.0).to_rfc3339_opts(chrono::SecondsFormat::Millis, true), dates[0]);
    }
}
