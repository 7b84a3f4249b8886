//! What a pass learns, and its stored form.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use remux::index::{FORMAT_VERSION, IndexError};
use remux::time::Ticks;
use remux::{Error, Index};
use support::{entrance, index, six_seconds, yard};

#[test]
fn the_pass_finds_duration_pictures_and_random_access_points() {
    let index = index(&yard(), 65_536).unwrap();
    let run = &index.runs[0];
    assert_eq!(index.duration(), Ticks::from_millis(120_000));
    assert_eq!((run.pictures, run.raps.len()), (3000, 12));
    assert_eq!(run.layout.gop, Some(Ticks::from_millis(10_000)));
    assert_eq!(run.layout.frame_duration, Ticks::from_millis(40));
    // B-frames: decoded two pictures before it is shown.
    assert!(run.raps.iter().all(|rap| (rap.pts - rap.dts) == Ticks::from_millis(80) && rap.independent));
    assert!(!index.report.is_damaged());
}

#[test]
fn the_stored_form_comes_back_and_is_small() {
    let index = index(&entrance(), 65_536).unwrap();
    let stored = index.encode();
    assert_eq!(Index::decode(&stored).unwrap(), index);
    assert!(stored.len() < 1000, "{} bytes for {} RAPs", stored.len(), index.runs[0].raps.len());
}

#[test]
fn a_stored_form_that_is_damaged_or_of_another_version_is_refused() {
    let stored = index(&entrance(), 65_536).unwrap().encode();
    for at in 6..stored.len() {
        let mut damaged = stored.clone();
        damaged[at] ^= 0x10;
        assert_eq!(Index::decode(&damaged), Err(IndexError::Damaged), "byte {at}");
    }
    for length in 0..stored.len() {
        assert!(Index::decode(&stored[..length]).is_err(), "{length} bytes");
    }
    let mut other = stored.clone();
    other[5] += 1;
    assert_eq!(Index::decode(&other), Err(IndexError::Version { found: FORMAT_VERSION + 1 }));
    assert_eq!(Index::decode(b"something else"), Err(IndexError::NotAnIndex));
}

#[test]
fn without_its_open_gop_a_recording_ends_at_the_last_random_access_point() {
    let whole = index(&yard(), 65_536).unwrap();
    let last = *whole.runs[0].raps.last().unwrap();
    let closed = whole.clone().without_open_gop().unwrap();
    assert_eq!((closed.runs[0].end, closed.runs[0].raps.len()), (last.pts, 11));
    let cuts = closed.cuts(six_seconds()).cuts;
    assert_eq!(
        cuts[..],
        whole.cuts(six_seconds()).cuts[..11],
        "what is added later does not change what is there"
    );
    assert_eq!(Index::decode(&closed.encode()).unwrap(), closed);
    let mut one_gop = whole;
    one_gop.runs[0].raps.truncate(1);
    assert_eq!(one_gop.without_open_gop(), None);
}

#[test]
fn cuts_stay_on_the_raster() {
    let index = index(&entrance(), 65_536).unwrap();
    for target in [1000, 3000, 4000, 6000, 7000, 25_000, 100_000] {
        let cuts = index.cuts(Ticks::from_millis(target)).cuts;
        let zero = index.runs[0].layout.zero;
        for (number, cut) in cuts.iter().enumerate() {
            let off = (cut.start - zero).get() - number as i64 * target.max(2000) * 90;
            assert!(
                off.abs() <= 90_000 || target < 2000,
                "target {target} ms: cut {number} is off by {off} ticks"
            );
        }
        let sum = cuts.iter().fold(Ticks::ZERO, |sum, cut| sum + cut.duration);
        assert_eq!(sum, index.duration());
        assert!(cuts.windows(2).all(|pair| pair[0].end == Some(pair[1].start)));
    }
}

#[test]
fn what_is_no_recording_is_refused_with_the_reason() {
    assert_eq!(index(b"", 1), Err(Error::NotMedia { examined: 0 }));
    assert!(matches!(index(&[b'x'; 5000], 100), Err(Error::NotMedia { examined: 5000 })));
    let packets_without_tables: Vec<u8> =
        yard().chunks(188).filter(|packet| packet[1] & 0x1f == 1).take(100).flatten().copied().collect();
    assert!(matches!(index(&packets_without_tables, 1000), Err(Error::NoProgram { .. })));
}
