//! The `moov` box: tracks, what they carry, and their clocks (ISO/IEC 14496-12 §8.2 to §8.5, §8.8).

use std::ops::Range;

use bytes::Bytes;

use super::clock::{Edit, TrackClock};
use super::entry::{Coded, Description, NotPlayed, coded};
use super::tables::SampleTables;
use crate::error::Error;
use crate::layout::{Codec, Coding, Format, LeftOut, LeftOutReason, Setup, Source};
use crate::mp4::boxes::Node;

/// What a `moov` box says.
#[derive(Debug, Clone)]
pub(crate) struct Movie {
    /// Where the box lies in the source, header included.
    pub(crate) range: Range<u64>,
    /// The tracks that can be played.
    pub(crate) tracks: Vec<Track>,
    /// The tracks that cannot, and why.
    pub(crate) left_out: Vec<LeftOut>,
    /// Whether the samples are listed in `moof` boxes.
    pub(crate) is_fragmented: bool,
}

/// One track that can be played.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// Its `track_ID`.
    pub(crate) id: u32,
    /// What it carries.
    pub(crate) codec: Codec,
    /// What is known of its pictures or its sound.
    pub(crate) format: Format,
    /// What its decoder is told.
    pub(crate) setup: Setup,
    /// Of pictures: one for each sample entry.
    pub(crate) descriptions: Vec<Description>,
    /// ISO 639-2 code of its language; `None` where it is `und`.
    pub(crate) language: Option<[u8; 3]>,
    /// Its clock.
    pub(crate) clock: TrackClock,
    /// The samples that the movie lists.
    pub(crate) tables: SampleTables,
    /// What holds for samples of fragments where they do not say.
    pub(crate) defaults: Defaults,
}

/// `trex`: what holds for samples of fragments where neither `tfhd` nor `trun` says (§8.8.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) description: u32,
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) flags: u32,
}

impl Movie {
    /// Reads a `moov` box that lies at `offset` of the source.
    ///
    /// # Errors
    /// [`Error::Damaged`] where it is none, or says nothing about time.
    pub(crate) fn parse(offset: u64, bytes: &Bytes) -> Result<Self, Error> {
        let damaged = |what| Error::Damaged { offset, what };
        let moov =
            Node::new(offset, bytes).filter(|moov| moov.kind == *b"moov").ok_or(damaged("moov box"))?;
        let mvhd = moov.child(b"mvhd").ok_or(damaged("moov box: no mvhd box"))?;
        let (movie_timescale, _) = timescale(&mvhd).ok_or(damaged("mvhd box"))?;
        let mvex = moov.child(b"mvex");
        let mut movie = Self {
            range: offset..offset.saturating_add(bytes.len() as u64),
            tracks: Vec::new(),
            left_out: Vec::new(),
            is_fragmented: false,
        };
        for trak in moov.children().filter(|child| child.kind == *b"trak") {
            match track(&trak, movie_timescale, mvex.as_ref()) {
                Ok(track) if movie.has(track.id) => {
                    movie.leave_out(track.id, *b"    ", LeftOutReason::BadPid);
                }
                Ok(track) => movie.tracks.push(track),
                Err((id, NotPlayed { entry, reason })) => movie.leave_out(id, entry, reason),
            }
        }
        // A file of both kinds is played as far as its tables go.
        movie.is_fragmented = mvex.is_some() && movie.tracks.iter().all(|track| track.tables.is_empty());
        Ok(movie)
    }

    fn has(&self, id: u32) -> bool {
        self.tracks.iter().any(|track| track.id == id)
    }

    fn leave_out(&mut self, id: u32, entry: [u8; 4], reason: LeftOutReason) {
        self.left_out.push(LeftOut { source: Source::Track(id), coding: Coding::SampleEntry(entry), reason });
    }
}

/// `timescale` of `mvhd` or `mdhd` (§8.2.2, §8.4.2), and what follows `duration`: the language in `mdhd`.
fn timescale(header: &Node) -> Option<(u32, u16)> {
    let (version, _, mut fields) = header.full()?;
    fields.skip(if version == 1 { 16 } else { 8 })?; // creation_time, modification_time
    let timescale = fields.u32().filter(|&timescale| timescale > 0)?;
    fields.uint(version == 1)?; // duration
    Some((timescale, fields.u16().unwrap_or(0)))
}

/// Three letters of five bits each (§8.4.2.3).
fn language(packed: u16) -> Option<[u8; 3]> {
    let letter = |shift: u16| (packed >> shift & 0x1f) as u8 + 0x60;
    let language = [letter(10), letter(5), letter(0)];
    (language.iter().all(u8::is_ascii_lowercase) && language != *b"und").then_some(language)
}

fn track(trak: &Node, movie_timescale: u32, mvex: Option<&Node>) -> Result<Track, (u32, NotPlayed)> {
    let id = trak.child(b"tkhd").and_then(|tkhd| track_id(&tkhd)).unwrap_or(0);
    let damaged = || (id, NotPlayed { entry: *b"    ", reason: LeftOutReason::Damaged });
    let mdia = trak.child(b"mdia").ok_or_else(damaged)?;
    let handler = mdia.child(b"hdlr").and_then(|hdlr| handler_type(&hdlr)).ok_or_else(damaged)?;
    let stbl = mdia.child(b"minf").and_then(|minf| minf.child(b"stbl")).ok_or_else(damaged)?;
    let stsd = stbl.child(b"stsd").ok_or_else(damaged)?;
    let Coded { codec, format, setup, descriptions } =
        coded(handler, &stsd).map_err(|not_played| (id, not_played))?;
    let mdhd = mdia.child(b"mdhd").ok_or_else(damaged)?;
    let (timescale, packed_language) = timescale(&mdhd).filter(|_| id != 0).ok_or_else(damaged)?;
    let tables = SampleTables::new(&stbl);
    let edit = trak.child(b"edts").map(|edts| Edit::new(&edts)).unwrap_or_default();
    let clock = TrackClock { timescale, movie_timescale, edit, overtaking: tables.overtaking() };
    let language = language(packed_language);
    let defaults = mvex.and_then(|mvex| defaults(mvex, id)).unwrap_or_default();
    Ok(Track { id, codec, format, setup, descriptions, language, clock, tables, defaults })
}

/// `track_ID` (§8.3.2), which is not 0.
fn track_id(tkhd: &Node) -> Option<u32> {
    let (version, _, mut fields) = tkhd.full()?;
    fields.skip(if version == 1 { 16 } else { 8 })?; // creation_time, modification_time
    fields.u32().filter(|&id| id != 0)
}

/// `handler_type` (§8.4.3).
fn handler_type(hdlr: &Node) -> Option<[u8; 4]> {
    let (_, _, mut fields) = hdlr.full()?;
    fields.skip(4)?; // pre_defined
    fields.array()
}

fn defaults(mvex: &Node, id: u32) -> Option<Defaults> {
    mvex.children().filter(|child| child.kind == *b"trex").find_map(|trex| {
        let (_, _, mut fields) = trex.full()?;
        let track = fields.u32()?;
        let defaults = Defaults {
            description: fields.u32()?,
            duration: fields.u32()?,
            size: fields.u32()?,
            flags: fields.u32()?,
        };
        (track == id).then_some(defaults)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::read::testing::{Movie as Written, TrackSpec, boxed};

    #[test]
    fn tracks_are_read_or_left_out() {
        let written = Written::new().track(TrackSpec::video(1)).track(TrackSpec::aac(2)).bytes();
        let moov = Bytes::from(written.moov_only());
        let movie = Movie::parse(7, &moov).unwrap();
        let found: Vec<_> = movie.tracks.iter().map(|track| (track.id, track.codec)).collect();
        assert_eq!(found, [(1, Codec::H264), (2, Codec::AacAdts)]);
        assert_eq!(movie.range, 7..7 + moov.len() as u64);
        assert_eq!(movie.tracks[1].language, Some(*b"deu"));
    }

    #[test]
    fn any_cut_of_a_movie_is_read_without_a_panic() {
        let written = Written::new().track(TrackSpec::video(1)).track(TrackSpec::aac(2)).bytes();
        let moov = Bytes::from(written.moov_only());
        for end in 0..moov.len() {
            if let Ok(movie) = Movie::parse(0, &moov.slice(..end)) {
                movie.tracks.iter().for_each(|track| assert!(track.tables.samples().count() < 1000));
            }
        }
    }

    #[test]
    fn what_is_no_movie_is_refused_with_its_place() {
        let bytes = Bytes::from(boxed(b"moov", &[]));
        assert!(matches!(Movie::parse(99, &bytes), Err(Error::Damaged { offset: 99, .. })));
    }
}
