//! The stored form of a [`Knowledge`], with the layout that it was read with. Whoever keeps it may be somebody else, so it is
//! believed only as far as it makes sense.

use super::Knowledge;
use crate::index::{IndexError, seal, unseal};
use crate::layout::{Container, Layout};
use crate::limits;
use crate::time::{MediaTime, Ticks};

const MAGIC: [u8; 4] = *b"RMXK";

/// No time in a recording is further from zero: some months.
const FURTHEST: i64 = 1 << 40;

/// No picture waits or lasts longer.
const LONGEST: Ticks = Ticks::from_millis(60_000);

/// The bytes of a recording of the greatest size.
const LARGEST: u64 = 1 << 50;

impl Knowledge {
    /// The bytes to store, with the layout of the recording; [`Knowledge::decode`] reads them back.
    pub fn encode(&self, layout: &Layout) -> Vec<u8> {
        seal(MAGIC, &(layout, self))
    }

    /// Reads what [`Knowledge::encode`] wrote.
    ///
    /// # Errors
    /// [`IndexError`] where the bytes are nothing of the kind, of another version, damaged, or make no sense.
    pub fn decode(bytes: &[u8]) -> Result<(Layout, Self), IndexError> {
        let (layout, known): (Layout, Self) = unseal(MAGIC, bytes)?;
        let is_sound = known.is_sound() && known.is_of(&layout);
        if is_sound { Ok((layout, known)) } else { Err(IndexError::Damaged) }
    }

    fn is_of(&self, layout: &Layout) -> bool {
        let has_streams = (1..=limits::STREAMS).contains(&layout.streams.len());
        has_streams && layout.container == Container::TransportStream && layout.zero == self.zero
    }

    /// What everything that uses it relies on.
    fn is_sound(&self) -> bool {
        let is_near = |time: MediaTime| time.ticks().saturating_abs() <= FURTHEST;
        let rises = |pair: &[super::Point]| {
            pair[0].offset < pair[1].offset && pair[0].clock < pair[1].clock && is_near(pair[1].clock)
        };
        let times = [Some(self.zero), self.end, self.points.first().map(|point| point.clock)];
        let gops = [self.gops.shortest, self.gops.longest, self.gops.typical, self.gops.mean];
        self.size <= LARGEST
            && times.into_iter().flatten().all(is_near)
            && self.end.is_some_and(|end| end > self.zero)
            && self.points.len() <= limits::KNOWN_POINTS
            && self.points.windows(2).all(rises)
            && self.points.last().is_none_or(|point| point.offset <= self.size)
            && gops.into_iter().all(|length| (0..=FURTHEST).contains(&length.get()))
            && [self.delay, self.frame_duration].iter().all(|length| (Ticks::ZERO..=LONGEST).contains(length))
            && self.lead <= limits::LEAD_BYTES
            && self.trail <= limits::TRAIL_BYTES
            && (0.0..1e12).contains(&self.roughness)
            && self.silent_tail <= self.size
            && self.grain == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::grid::GopFacts;
    use super::super::super::sounding::Point;
    use proptest::prelude::*;

    use super::*;
    use crate::locate::{Grid, HeadReader, Search, Step, TARGET, Thresholds};
    use crate::psi::crc32;

    fn head() -> (Layout, Knowledge) {
        let sample = "../testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts";
        let sample = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(sample)).unwrap();
        let mut reader = HeadReader::for_grid(sample.len() as u64);
        reader.push(&sample);
        let head = reader.finish().unwrap();
        let known = Knowledge::new(&head, sample.len() as u64).unwrap();
        (head.layout, known)
    }

    #[test]
    fn comes_back_whole_or_not_at_all() {
        let (layout, known) = head();
        let bytes = known.encode(&layout);
        assert!(known.points.len() > 2 && bytes.len() < 2000, "{} bytes", bytes.len());
        assert_eq!(Knowledge::decode(&bytes), Ok((layout, known)));
        assert!((0..bytes.len()).all(|length| Knowledge::decode(&bytes[..length]).is_err()));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(Knowledge::decode(&damaged).is_err());
        }
    }

    proptest! {
        /// Whoever keeps it may have changed it: whatever is believed does no harm.
        #[test]
        fn what_others_have_written_does_no_harm(
            changes in proptest::collection::vec((0_usize..2000, any::<u8>()), 1..4), from: i64, length in 0_i64..1 << 40,
        ) {
            let (layout, known) = head();
            let mut bytes = known.encode(&layout);
            let body = bytes.len() - 4;
            for (place, byte) in changes {
                bytes[6 + place % (body - 6)] = byte;
            }
            bytes.truncate(body);
            bytes.extend(crc32(&bytes).to_be_bytes());
            let Ok((layout, known)) = Knowledge::decode(&bytes) else { return Ok(()) };
            let grid = Grid::new(layout.zero, known.gops(), known.duration().unwrap(), TARGET);
            let from = MediaTime::from_ticks(from);
            let anywhere = Thresholds { from: Some(from), to: Some(from + Ticks::new(length)) };
            for thresholds in [grid.thresholds(0), grid.thresholds(1), grid.thresholds(grid.cells - 1), anywhere] {
                let mut search = Search::new(thresholds);
                while let Ok(step) = search.next(&known) {
                    let ranges = match step {
                        Step::Read(range) => vec![range],
                        Step::Probe(ranges) => ranges,
                    };
                    prop_assert!(ranges.iter().all(|range| range.end <= known.size().max(range.start)), "{ranges:?}");
                    if ranges.len() == 1 {
                        break;
                    }
                }
            }
            known.clock_at(from.ticks() as u64);
            let _ = (layout.initialization(), layout.left_out_of_mp4());
        }
    }

    #[test]
    fn what_makes_no_sense_is_not_believed() {
        let (layout, sound) = head();
        let far = Ticks::new(i64::MAX);
        let spoil: [fn(&mut Knowledge, Ticks); 12] = [
            |known, far| known.zero = known.zero + far,
            |known, _| known.end = None,
            |known, far| known.end = Some(known.zero + far),
            |known, _| known.end = Some(known.zero),
            |known, _| known.points.reverse(),
            |known, far| known.points.push(Point { offset: known.size, clock: known.zero + far }),
            |known, _| known.points.push(Point { offset: known.size + 1, clock: known.end.unwrap() }),
            |known, far| known.gops = GopFacts { mean: -far, ..known.gops },
            |known, far| known.delay = far,
            |known, _| known.lead = u64::MAX,
            |known, _| known.roughness = f64::NAN,
            |known, _| known.size = u64::MAX,
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut known = sound.clone();
            spoil(&mut known, far);
            assert_eq!(Knowledge::decode(&known.encode(&layout)), Err(IndexError::Damaged), "{number}");
        }
        let empty = Layout { streams: Vec::new(), ..layout.clone() };
        let other = Layout { zero: layout.zero + Ticks::SECOND, ..layout };
        for layout in [empty, other] {
            assert_eq!(Knowledge::decode(&sound.encode(&layout)), Err(IndexError::Damaged));
        }
    }
}
