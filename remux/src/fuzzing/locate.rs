//! A recording without an index, whatever it is: the search ends, nothing comes out of bytes that begin too late, and chunks
//! make no difference.

use bytes::Bytes;

use crate::layout::Packaging;
use crate::locate::{
    Found, Grid, HeadReader, HeadWants, Knowledge, Learned, Medium, Search, Standing, Step, TARGET, Tail,
};
use crate::remuxer::{Output, Remuxer};
use crate::time::Ticks;

/// The first two bytes say which segment and how chunks are cut; the rest is the recording.
pub fn locate(data: &[u8]) {
    let Some((&[pick, split], source)) = data.split_first_chunk() else { return };
    let size = source.len() as u64;
    let mut reader = HeadReader::for_grid(size);
    for chunk in source.chunks(1 + usize::from(split) * 13) {
        if reader.wants() == HeadWants::Next {
            reader.push(chunk);
        }
    }
    let Ok(head) = reader.finish() else { return };
    let Ok(mut known) = Knowledge::new(&head, size) else { return };
    let Ok(medium) = Medium::of(&head) else { return };
    let duration = loop {
        let range = known.tail_range();
        let (sounding, _) = sound(&medium, source, range, usize::from(split));
        match known.learn_tail(&sounding, None) {
            Ok(Tail::Ends(duration)) => break duration,
            Ok(Tail::Silent) => {}
            Err(_) => return,
        }
    };
    let grid = Grid::new(known.zero(), known.gops(), duration, TARGET);
    let start = known.zero() + Ticks::new(duration.get() / 256 * i64::from(pick));
    let thresholds = grid.thresholds(grid.cell_at(start));
    let mut search = Search::new(thresholds);
    while let Ok(step) = search.next(&known) {
        let range = match step {
            Step::Read(range) => range,
            Step::Probe(ranges) => {
                for range in ranges {
                    let (sounding, learned) = sound(&medium, source, range, usize::from(split));
                    assert_eq!(Learned::decode(&learned.encode()).as_ref(), Ok(&learned));
                    if known.learn(&sounding).is_err() {
                        return;
                    }
                }
                continue;
            }
        };
        let (out, found) = play(&medium, source, range.start, thresholds, 1 + usize::from(split) * 7);
        assert_eq!(play(&medium, source, range.start, thresholds, 100_000), (out.clone(), found));
        match found {
            Some(Found { standing: Standing::Late, first: Some(first), .. }) => {
                assert!(out.is_empty());
                if known.learn_point(first.into()).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}

fn sound(
    medium: &Medium,
    source: &[u8],
    range: std::ops::Range<u64>,
    split: usize,
) -> (crate::locate::Sounding, Learned) {
    let mut sounder = medium.sounder(range.start);
    let bytes = &source[range.start as usize..range.end as usize];
    bytes.chunks(1 + split * 5).for_each(|chunk| sounder.push(chunk));
    sounder.finish_with_learned(source.len() as u64, &Learned::default())
}

/// What comes out of the bytes from `begin` on; where it ends early depends on the chunks, what comes out does not.
fn play(
    medium: &Medium,
    source: &[u8],
    begin: u64,
    thresholds: crate::locate::Thresholds,
    size: usize,
) -> (Vec<u8>, Option<Found>) {
    let mut remuxer = medium.remuxer(thresholds, Packaging::TransportStream);
    let (mut out, mut at) = (Vec::new(), begin);
    for chunk in source[begin as usize..].chunks(size) {
        let pushed = remuxer.push(at, Bytes::copy_from_slice(chunk));
        at += chunk.len() as u64;
        drain(&mut remuxer, &mut out);
        if pushed.is_err() || remuxer.is_complete() {
            break;
        }
    }
    let _ = remuxer.finish();
    drain(&mut remuxer, &mut out);
    (out, remuxer.found())
}

fn drain(remuxer: &mut Remuxer, out: &mut Vec<u8>) {
    while let Some(output) = remuxer.poll() {
        if let Output::Bytes(bytes) = output {
            out.extend_from_slice(&bytes);
        }
    }
}
