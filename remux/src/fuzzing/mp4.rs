//! The MP4 reader on any bytes: chunking does not matter, memory is bounded, reading ends, and an index agrees with the
//! stored form and gives cuts that can be read.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::index::Index;
use crate::layout::Layout;
use crate::limits;
use crate::mp4::boxes::{Fields, HEADER};
use crate::mp4::read::{Mp4Indexer, Read, Reader};
use crate::report::Report;
use crate::time::Ticks;

/// Reads, indexes and cuts `data`: the first byte says how it is cut into chunks.
pub fn mp4_reader(data: &[u8]) {
    let Some((&split, source)) = data.split_first() else { return };
    check(source, 1 + usize::from(split) * 7);
}

/// The same for a file that is made of boxes: `data` says which, how they are nested, and what is in them.
pub fn mp4_boxes(data: &[u8]) {
    let Some((&split, rest)) = data.split_first() else { return };
    check(&boxes_of(rest), 1 + usize::from(split) * 7);
}

/// The boxes that a recipe describes, end to end.
pub(super) fn boxes_of(mut recipe: &[u8]) -> Vec<u8> {
    let mut source = Vec::new();
    while !recipe.is_empty() {
        source.extend(make_box(&mut recipe, 0));
    }
    source
}

fn check(source: &[u8], chunk: usize) {
    let whole = read(Reader::new(Some(source.len() as u64)), source, usize::MAX);
    let chunked = read(Reader::new(Some(source.len() as u64)), source, chunk);
    assert!(whole == chunked, "chunks of {chunk} bytes make a difference");
    check_pipe(source, chunk);
    let Some(index) = index(source, chunk) else { return };
    assert_eq!(Index::decode(&index.encode()).as_ref(), Ok(&index), "the stored form does not come back");
    for run in &index.runs {
        let layout = Arc::new(run.layout.clone());
        for cut in index.cuts(Ticks::SECOND).cuts.iter().take(MOST_CUTS) {
            let reader = Reader::for_cut(&layout, cut, Some(source.len() as u64));
            let done = read(reader, source, chunk).expect("what has an index can be read");
            assert!(done.units.iter().all(|unit| unit.stream < layout.streams.len()));
        }
    }
}

/// Cuts of one index that are made.
const MOST_CUTS: usize = 8;

#[derive(PartialEq)]
struct Done {
    layout: Option<Layout>,
    units: Vec<AccessUnit>,
    report: Report,
}

fn read(mut reader: Reader, source: &[u8], chunk: usize) -> Result<Done, Error> {
    let mut units = Vec::new();
    while let Some(read) = reader.poll() {
        match read {
            Read::Unit(unit) => units.push(unit),
            Read::Want(range) => {
                assert!(range.start < range.end && range.start < source.len() as u64, "wants {range:?}");
                let bytes = part(source, range.start, range.end, chunk);
                reader.push(range.start, bytes)?;
                assert!(reader.held() <= limits::PUSHED.saturating_add(source.len() as u64));
            }
        }
        while reader.poll_event().is_some() {}
    }
    reader.finish()?;
    assert!(reader.poll().is_none(), "more after the end");
    let layout = reader.layout().map(|layout| Layout::clone(layout));
    Ok(Done { layout, units, report: reader.report().clone() })
}

fn part(source: &[u8], start: u64, end: u64, chunk: usize) -> Bytes {
    let start = start as usize;
    let end = usize::try_from(end).unwrap_or(usize::MAX).min(source.len());
    Bytes::copy_from_slice(&source[start..end.min(start.saturating_add(chunk))])
}

/// A source that cannot jump gives what it can, and says why where it cannot go on.
fn check_pipe(source: &[u8], chunk: usize) {
    let mut reader = Reader::sequential();
    let mut offset = 0;
    for bytes in source.chunks(chunk) {
        if reader.push(offset, Bytes::copy_from_slice(bytes)).is_err() {
            return;
        }
        offset += bytes.len() as u64;
        while let Some(Read::Unit(_)) = reader.poll() {}
    }
    let _ = reader.finish();
    while let Some(Read::Unit(_)) = reader.poll() {}
}

fn index(source: &[u8], chunk: usize) -> Option<Index> {
    let mut indexer = Mp4Indexer::new(source.len() as u64);
    while let Some(range) = indexer.wants() {
        assert!(range.start < range.end && range.end <= source.len() as u64, "wants {range:?}");
        indexer.push(range.start, part(source, range.start, range.end, chunk));
    }
    indexer.finish().ok()
}

/// Boxes that contain boxes, with the bytes of fields that stand before those.
const CONTAINERS: [(&[u8; 4], usize); 15] = [
    (b"moov", 0),
    (b"trak", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"stbl", 0),
    (b"stsd", 8),
    (b"edts", 0),
    (b"mvex", 0),
    (b"moof", 0),
    (b"traf", 0),
    (b"avc1", 78),
    (b"hvc1", 78),
    (b"mp4a", 28),
    (b"wave", 0),
    (b"Opus", 28),
];

const LEAVES: [&[u8; 4]; 24] = [
    b"mvhd", b"tkhd", b"mdhd", b"hdlr", b"stts", b"ctts", b"stsc", b"stsz", b"stz2", b"stco", b"co64",
    b"stss", b"elst", b"trex", b"tfhd", b"tfdt", b"trun", b"avcC", b"hvcC", b"esds", b"mdat", b"dOps",
    b"free", b"sidx",
];

/// Takes a box off the recipe: a byte for its kind, one for its length, and its content.
fn make_box(recipe: &mut &[u8], depth: usize) -> Vec<u8> {
    let mut fields = Fields::new(recipe);
    let (kind, length) = (fields.u8().unwrap_or(0), usize::from(fields.u8().unwrap_or(0)));
    let rest = fields.rest();
    let (mut content, after) = rest.split_at(length.min(rest.len()));
    *recipe = after;
    let number = usize::from(kind >> 1);
    let (name, body) = if kind & 1 == 0 && depth < 8 {
        let (name, before) = CONTAINERS[number % CONTAINERS.len()];
        let (head, inner) = content.split_at(before.min(content.len()));
        content = inner;
        let mut body = [head, &vec![0; before - head.len()]].concat();
        while !content.is_empty() {
            body.extend(make_box(&mut content, depth + 1));
        }
        (name, body)
    } else {
        (LEAVES[number % LEAVES.len()], content.to_vec())
    };
    let size = HEADER as u32 + body.len() as u32;
    [&size.to_be_bytes()[..], name, &body].concat()
}
