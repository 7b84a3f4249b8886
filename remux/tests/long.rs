//! Recordings that are longer than a clock of 33 bits tells apart: what is learned anywhere in them is learned of the right
//! time.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::sync::Arc;

use remux::locate::{Head, HeadReader, HeadWants, Knowledge, Learned, Sounder, Tail, Thresholds};
use remux::time::{MediaTime, Ticks};
use support::virtual_recording::{Recipe, Recording};

const HOURS: u64 = 15;

fn head(recording: &Recording) -> Head {
    let mut reader = HeadReader::for_grid(recording.size());
    let mut at = 0;
    while reader.wants() == HeadWants::Next {
        reader.push(&recording.read(at..at + 65_536));
        at += 65_536;
    }
    reader.finish().unwrap()
}

fn knowledge(recording: &Recording, head: &Head) -> Knowledge {
    let mut known = Knowledge::new(head, recording.size()).unwrap();
    let layout = Arc::new(head.layout.clone());
    let expected = Ticks::from_seconds(HOURS as f64 * 3600.0);
    loop {
        let range = known.tail_range();
        let mut sounder = Sounder::new(Arc::clone(&layout), range.start);
        sounder.push(&recording.read(range));
        if let Tail::Ends(duration) = known.learn_tail(&sounder.finish(), Some(expected)).unwrap() {
            assert_eq!(duration, expected);
            return known;
        }
    }
}

#[test]
fn what_is_learned_behind_half_a_turn_of_the_clock_has_the_right_times() {
    let recipe = Recipe { seconds: HOURS * 3600, rates: vec![20_000], ..Recipe::default() };
    let recording = Recording::new(recipe);
    let head = head(&recording);
    let (layout, known) = (Arc::new(head.layout.clone()), knowledge(&recording, &head));
    let raps: Vec<_> = recording.raps().collect();
    for hour in [0, 12, 13, 14] {
        // 13 h 15 min is half a turn.
        let second = hour * 3600 + 1200;
        let first = second as usize / 2;
        let range = recording.offset(raps[first - 4])..recording.offset(raps[first + 8]);
        let mut sounder = Sounder::new(Arc::clone(&layout), range.start).near(known.clock_at(range.start));
        let mut unplaced = Sounder::new(Arc::clone(&layout), range.start);
        let bytes = recording.read(range);
        [&mut sounder, &mut unplaced].into_iter().for_each(|sounder| sounder.push(&bytes));
        let (_, learned) = sounder.finish_with_learned(recording.size(), &Learned::default());
        assert!(learned.gops() >= 8, "hour {hour}: {} GOPs", learned.gops());
        let is_same = unplaced.finish_with_learned(recording.size(), &Learned::default()).1 == learned;
        assert_eq!(is_same, hour < 13, "its own clock says no more than half a turn, hour {hour}");
        for rap in &raps[first..first + 5] {
            let time = MediaTime::from_ticks(rap.pts as i64);
            let found = learned.rap_at(time).expect("it has passed by");
            assert_eq!((found.pts, found.offset), (time, recording.offset(rap)), "hour {hour}");
        }
        let [from, to] = [first, first + 3].map(|rap| Some(MediaTime::from_ticks(raps[rap].pts as i64)));
        let cut = learned.cut(Thresholds { from, to }).expect("both ends are known");
        assert_eq!(cut.duration, Ticks::from_seconds(6.0));
        assert_eq!(Learned::decode(&learned.encode()), Ok(learned));
    }
}

#[test]
fn pieces_add_up_to_what_they_were_made_of() {
    let recording = Recording::new(Recipe { seconds: 120, rates: vec![50_000], ..Recipe::default() });
    let head = head(&recording);
    let (layout, size) = (Arc::new(head.layout.clone()), recording.size());
    let learned = |from: u64, to: u64| {
        let mut sounder = Sounder::new(Arc::clone(&layout), from);
        sounder.push(&recording.read(from..to));
        sounder.finish_with_learned(size, &Learned::default()).1
    };
    let whole = learned(0, size);
    assert!(whole.index(&layout).is_some() && whole.is_within(size) && !whole.is_within(size - 1));
    for length in [1, 500_000, 1 << 20, u64::MAX] {
        let pieces = whole.pieces(length);
        let mut merged = Learned::default();
        for (range, piece) in pieces.iter().rev() {
            assert_eq!(piece.covered(), std::slice::from_ref(range));
            merged.merge(piece.clone());
        }
        assert_eq!(merged, whole, "in pieces of {length}");
    }
    assert_eq!(whole.pieces(1).len(), whole.gops());

    // What was learned elsewhere is in other pieces, and changes none that was there.
    let mut parts = learned(0, size / 3);
    let before = parts.pieces(1 << 20);
    parts.merge(learned(size / 2, size));
    let after = parts.pieces(1 << 20);
    assert!(after.len() > before.len() && before.iter().all(|piece| after.contains(piece)));
}
