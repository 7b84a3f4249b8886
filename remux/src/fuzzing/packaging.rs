//! Any source as MP4: one file in fragments, one with `moov` first, and segments. What comes out is read by a walker of its
//! own; all of them hold the same samples, and chunking does not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::oracle::{self, Copied, copy_as, finish_copy};
use super::walk::{self, Range};
use super::{mp4, pes};
use crate::time::Ticks;
use crate::{Copy, Error, Index, Packaging, Remuxer};

/// Makes MP4 of what `data` describes: the first byte says as what the rest is read, the second how it is cut into chunks.
pub fn packaging(data: &[u8]) {
    let &[kind, split, ref data @ ..] = data else { return };
    let source = match kind % 3 {
        0 => pes::source(data),
        1 => mp4::boxes_of(data),
        _ => data.to_vec(),
    };
    let chunk = 1 + usize::from(split) * 7;
    let fragmented = copy_as(Packaging::FragmentedMp4, &source, usize::MAX);
    oracle::assert_same(&fragmented, &copy_as(Packaging::FragmentedMp4, &source, chunk), chunk);
    let whole = file(&source, usize::MAX);
    if let (Ok(whole), Ok(chunked)) = (&whole, &file(&source, chunk)) {
        assert!(whole.out == chunked.out, "chunks of {chunk} bytes change the file");
    }
    let fragments = fragmented.as_ref().ok().map(|copied| samples(&copied.out));
    if let (Some(fragments), Ok(file)) = (&fragments, &whole) {
        assert_eq!(&tracks(&file.out), fragments, "the file and its fragments");
    }
    let Some(index) = oracle::index(&source, chunk) else { return };
    let mut in_segments = Tracks::new();
    for segment in segments(&source, &index) {
        for (track, mut samples) in samples(&segment) {
            in_segments.entry(track).or_default().append(&mut samples);
        }
    }
    let is_sound = !index.report.is_damaged() && index.runs.len() == 1;
    let Ok(copied) = &fragmented else { return };
    // A picture whose beginning takes more packets than are looked at (limits::PES_HEAD_PACKETS) is no RAP to an index where
    // packets stay as they are; taken out of them for a file, it is one.
    let begins_alike = copied.report.before_first_rap == index.report.before_first_rap;
    if is_sound && begins_alike && !copied.report.is_damaged() {
        assert_eq!(Some(in_segments), fragments, "the segments and the file");
    }
}

/// The samples of each track, in their order.
type Tracks = BTreeMap<u32, Vec<Vec<u8>>>;

/// A file with `moov` first, in two passes.
fn file(source: &[u8], chunk: usize) -> Result<Copied, Error> {
    let copy = Copy { size: Some(source.len() as u64), ..Copy::default() };
    let mut first = Remuxer::measure(copy);
    let (out, _) = oracle::drive(&mut first, 0, source, chunk)?;
    assert!(out.is_empty(), "measuring makes no output");
    let measured = first.into_measured()?;
    finish_copy(Remuxer::write(copy, measured), source, chunk)
}

fn segments(source: &[u8], index: &Index) -> Vec<Vec<u8>> {
    let mut segments = Vec::new();
    for cut in index.cuts(Ticks::SECOND).cuts {
        let layout = Arc::new(index.runs[cut.run].layout.clone());
        let mut remuxer = Remuxer::segment(Arc::clone(&layout), &cut, Packaging::FragmentedMp4);
        let is_mp4 = layout.container != crate::layout::Container::TransportStream;
        let end = if is_mp4 { source.len() } else { source.len().min(cut.bytes.end as usize) };
        let made = oracle::drive(&mut remuxer, cut.bytes.start, &source[..end], usize::MAX);
        match (made, layout.initialization()) {
            (Ok((segment, _)), Ok(_)) => segments.push(segment),
            (made, initialization) => {
                let (made, initialization) = (made.err(), initialization.err());
                assert_eq!(made, initialization, "what has an initialization segment has segments");
            }
        }
    }
    segments
}

/// What fragments hold.
fn samples(file: &[u8]) -> Tracks {
    let mut found = Tracks::new();
    let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
    let (mut places, mut payload): (Vec<Range>, Vec<Range>) = Default::default();
    for (number, top) in walk::boxes(file, 0..file.len()).into_iter().enumerate() {
        match &top.kind {
            b"mdat" => payload.push(top.body),
            b"moof" => {
                for run in walk::fragment(file, &top) {
                    let end = ends.entry(run.track).or_insert(run.decode_time);
                    assert!(*end <= run.decode_time, "decode times of track {} go back", run.track);
                    *end = run.decode_time + run.duration;
                    for place in run.samples {
                        found.entry(run.track).or_default().push(file[place.clone()].to_vec());
                        places.push(place);
                    }
                }
            }
            b"styp" => {}
            b"ftyp" => assert_eq!(number, 0),
            kind => assert_eq!((kind, number), (b"moov", 1)),
        }
    }
    walk::assert_tiled(places, payload);
    found
}

/// What a file with `moov` first holds.
fn tracks(file: &[u8]) -> Tracks {
    let tops = walk::boxes(file, 0..file.len());
    assert_eq!(tops.iter().map(|top| top.kind).collect::<Vec<_>>(), [*b"ftyp", *b"moov", *b"mdat"]);
    let tracks = walk::movie(file, &tops[1]);
    walk::assert_tiled(tracks.values().flatten().cloned().collect(), vec![tops[2].body.clone()]);
    let bytes = |places: Vec<Range>| places.into_iter().map(|place| file[place].to_vec()).collect();
    tracks.into_iter().map(|(track, places)| (track, bytes(places))).collect()
}
