//! Indexes that `remux index` put beside recordings, `.idx` behind their names. Whoever may write there made them, so they are
//! believed only as far as they make sense.

use remux::index::{Index, IndexError, Run};
use remux::time::MediaTime;

/// What stands behind the name of a recording in that of its index.
pub(super) const SUFFIX: &str = ".idx";

/// Larger ones are not read: an hour takes a few kilobytes.
pub(super) const LARGEST: u64 = 16 << 20;

/// No time in a recording is further from zero: some months.
const FURTHEST: u64 = 1 << 40;

/// Why an index is not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("it has more than {LARGEST} bytes")]
    TooLarge,
    #[error("it is one of {index} bytes, and the recording has {recording}")]
    OtherBytes { index: u64, recording: u64 },
    #[error("it makes no sense")]
    Senseless,
}

/// An index as far as it can be judged by itself.
pub(super) fn decode(bytes: &[u8]) -> Result<Index, Unfit> {
    let index = Index::decode(bytes)?;
    if index.runs.iter().all(|run| makes_sense(run, index.size)) { Ok(index) } else { Err(Unfit::Senseless) }
}

/// Whether it is one of a recording of `size` bytes.
pub(super) fn check_size(index: &Index, size: u64) -> Result<(), Unfit> {
    if index.size == size { Ok(()) } else { Err(Unfit::OtherBytes { index: index.size, recording: size }) }
}

fn makes_sense(run: &Run, size: u64) -> bool {
    let is_near = |time: MediaTime| time.ticks().unsigned_abs() <= FURTHEST;
    let raps = run.raps.iter().flat_map(|rap| [rap.pts, rap.dts]);
    let mut times = raps.chain([run.layout.zero, run.end, run.settled]).chain(run.next_rap);
    times.all(is_near) && run.end_offset <= size
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let sample = "testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts";
        let sample = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(sample)).unwrap();
        let mut indexer = remux::index::Indexer::with_size(sample.len() as u64);
        indexer.push(&sample);
        indexer.finish().unwrap()
    }

    #[test]
    fn what_makes_no_sense_is_not_believed() {
        let sound = index();
        assert_eq!(decode(&sound.encode()), Ok(sound.clone()));
        assert!(check_size(&sound, sound.size).is_ok() && check_size(&sound, sound.size + 1).is_err());
        let far = MediaTime::from_ticks(i64::MAX - 1);
        let spoil: [fn(&mut Run, MediaTime); 4] = [
            |run, far| run.end = far,
            |run, far| run.settled = far,
            |run, far| run.next_rap = Some(far),
            |run, _| run.end_offset += 1 << 30,
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut index = sound.clone();
            spoil(&mut index.runs[0], far);
            assert_eq!(decode(&index.encode()), Err(Unfit::Senseless), "{number}");
        }
        assert_eq!(decode(b"x"), Err(Unfit::Index(IndexError::NotAnIndex)));
    }
}
