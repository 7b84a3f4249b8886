//! The `moof` box: the samples of one fragment (ISO/IEC 14496-12 §8.8.4 to §8.8.12).

use super::movie::{Defaults, Track};
use super::tables::Sample;
use crate::limits;
use crate::mp4::boxes::{Fields, Node};

/// What a `moof` box lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fragment {
    /// The samples and the numbers of their tracks in the movie, run by run in the order of their places.
    pub(crate) samples: Vec<(usize, Sample)>,
    /// How far composition times lie before decoding times at most, for each track.
    pub(crate) overtaking: Vec<i64>,
    /// Samples that are listed, but more than are held.
    pub(crate) lost: u64,
    /// Whether a part of it could not be read.
    pub(crate) is_damaged: bool,
}

// tf_flags of tfhd (§8.8.7.1).
const BASE_DATA_OFFSET: u32 = 0x01;
const SAMPLE_DESCRIPTION_INDEX: u32 = 0x02;
const DEFAULT_SAMPLE_DURATION: u32 = 0x08;
const DEFAULT_SAMPLE_SIZE: u32 = 0x10;
const DEFAULT_SAMPLE_FLAGS: u32 = 0x20;
const DEFAULT_BASE_IS_MOOF: u32 = 0x02_0000;

// tr_flags of trun (§8.8.8.1).
const DATA_OFFSET: u32 = 0x01;
const FIRST_SAMPLE_FLAGS: u32 = 0x04;
const SAMPLE_DURATION: u32 = 0x100;
const SAMPLE_SIZE: u32 = 0x200;
const SAMPLE_FLAGS: u32 = 0x400;
const SAMPLE_COMPOSITION_TIME_OFFSETS: u32 = 0x800;

// Sample flags (§8.8.3.1).
const SAMPLE_IS_NON_SYNC_SAMPLE: u32 = 0x0001_0000;
/// sample_depends_on 1: it does depend on others, whatever the flag above says.
const DEPENDS_ON_OTHERS: u32 = 0x0100_0000;

/// A run: samples that lie one behind another.
struct Run {
    track: usize,
    samples: Vec<Sample>,
}

/// A track fragment while its runs are read.
struct TrackFragment {
    track: usize,
    defaults: Defaults,
    /// What `data_offset` counts from.
    base: u64,
    /// Where a run without a `data_offset` begins.
    next: u64,
    /// Decoding time of the next sample.
    dts: i64,
}

impl Fragment {
    /// Reads a `moof` box. `decoded` are the decoding times, for each track, that a fragment without `tfdt` goes on from;
    /// they are moved on.
    pub(crate) fn parse(moof: &Node, tracks: &[Track], decoded: &mut [i64]) -> Self {
        let mut fragment = Self { overtaking: vec![0; tracks.len()], ..Self::default() };
        let mut runs: Vec<Run> = Vec::new();
        let mut left = limits::FRAGMENT_SAMPLES;
        // Without a base of its own, the first track fragment counts from the moof box, and any other from the end of the
        // data of the one before it (§8.8.7.1).
        let mut base = moof.offset;
        for traf in moof.children().filter(|child| child.kind == *b"traf") {
            let Some(mut state) = TrackFragment::begin(&traf, moof.offset, base, tracks, decoded) else {
                fragment.is_damaged |= !is_of_another(&traf, tracks);
                continue;
            };
            for trun in traf.children().filter(|child| child.kind == *b"trun") {
                let (samples, lost) = state.run(&trun, left);
                left = left.saturating_sub(samples.len());
                fragment.lost = fragment.lost.saturating_add(lost);
                runs.push(Run { track: state.track, samples });
            }
            base = state.next;
            if let Some(decoded) = decoded.get_mut(state.track) {
                *decoded = state.dts;
            }
        }
        runs.sort_by_key(|run| run.samples.first().map_or(0, |sample| sample.offset));
        for Run { track, samples } in runs {
            let overtaking = samples.iter().map(|sample| sample.dts.saturating_sub(sample.pts)).max();
            if let Some(most) = fragment.overtaking.get_mut(track) {
                *most = (*most).max(overtaking.unwrap_or(0));
            }
            fragment.samples.extend(samples.into_iter().map(|sample| (track, sample)));
        }
        fragment
    }
}

/// Whether a track fragment belongs to a track that is not played.
fn is_of_another(traf: &Node, tracks: &[Track]) -> bool {
    let tfhd = traf.child(b"tfhd");
    let id = tfhd.as_ref().and_then(|tfhd| tfhd.full()).and_then(|(_, _, mut fields)| fields.u32());
    id.is_some_and(|id| tracks.iter().all(|track| track.id != id))
}

impl TrackFragment {
    /// Reads `tfhd` and `tfdt`; `None` where they cannot be read or the track is not played.
    fn begin(traf: &Node, moof: u64, base: u64, tracks: &[Track], decoded: &[i64]) -> Option<Self> {
        let tfhd = traf.child(b"tfhd")?;
        let (_, flags, mut fields) = tfhd.full()?;
        let id = fields.u32()?;
        let track = tracks.iter().position(|track| track.id == id)?;
        let trex = tracks.get(track)?.defaults;
        let base = match flags {
            flags if flags & BASE_DATA_OFFSET != 0 => fields.u64()?,
            flags if flags & DEFAULT_BASE_IS_MOOF != 0 => moof,
            _ => base,
        };
        let mut or_default =
            |flag, default| fields.optional(flags & flag != 0).map(|value| value.unwrap_or(default));
        let defaults = Defaults {
            description: or_default(SAMPLE_DESCRIPTION_INDEX, trex.description)?,
            duration: or_default(DEFAULT_SAMPLE_DURATION, trex.duration)?,
            size: or_default(DEFAULT_SAMPLE_SIZE, trex.size)?,
            flags: or_default(DEFAULT_SAMPLE_FLAGS, trex.flags)?,
        };
        let known = decoded.get(track).copied().unwrap_or(0);
        let dts = traf.child(b"tfdt").and_then(|tfdt| base_media_decode_time(&tfdt)).unwrap_or(known);
        Some(Self { track, defaults, base, next: base, dts })
    }

    /// Reads a `trun` box: at most `most` samples, and how many there are more.
    fn run(&mut self, trun: &Node, most: usize) -> (Vec<Sample>, u64) {
        let Some((_, flags, mut fields)) = trun.full() else { return (Vec::new(), 0) };
        let Some(count) = fields.u32() else { return (Vec::new(), 0) };
        if flags & DATA_OFFSET != 0 {
            let Some(data_offset) = fields.u32() else { return (Vec::new(), 0) };
            self.next = self.base.saturating_add_signed(i64::from(data_offset as i32));
        }
        let first_flags = fields.optional(flags & FIRST_SAMPLE_FLAGS != 0).flatten();
        let mut samples = Vec::new();
        for number in 0..count {
            if samples.len() == most {
                return (samples, u64::from(count - number));
            }
            let first_flags = first_flags.filter(|_| number == 0);
            let Some(sample) = self.sample(&mut fields, flags, first_flags) else {
                return (samples, u64::from(count - number));
            };
            samples.push(Sample { begins_chunk: number == 0, ..sample });
        }
        (samples, 0)
    }

    fn sample(&mut self, fields: &mut Fields<'_>, flags: u32, first_flags: Option<u32>) -> Option<Sample> {
        let mut field = |flag| fields.optional(flags & flag != 0);
        let duration = field(SAMPLE_DURATION)?.unwrap_or(self.defaults.duration);
        let size = field(SAMPLE_SIZE)?.unwrap_or(self.defaults.size);
        let own_flags = field(SAMPLE_FLAGS)?;
        let sample_flags = first_flags.or(own_flags).unwrap_or(self.defaults.flags);
        // Signed in version 1; version 0 has no use for so large a number.
        let composition = i64::from(field(SAMPLE_COMPOSITION_TIME_OFFSETS)?.unwrap_or(0) as i32);
        let sample = Sample {
            offset: self.next,
            size,
            dts: self.dts,
            pts: self.dts.saturating_add(composition),
            duration,
            is_sync: sample_flags & (SAMPLE_IS_NON_SYNC_SAMPLE | DEPENDS_ON_OTHERS) == 0,
            begins_chunk: false,
            description: self.defaults.description,
        };
        self.next = sample.end();
        self.dts = self.dts.saturating_add(i64::from(duration));
        Some(sample)
    }
}

/// `baseMediaDecodeTime` (§8.8.12).
fn base_media_decode_time(tfdt: &Node) -> Option<i64> {
    let (version, _, mut fields) = tfdt.full()?;
    Some(i64::try_from(fields.uint(version == 1)?).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::read::movie::Movie;
    use crate::mp4::read::testing::{Movie as Written, TrackSpec, boxed, container, full, words};
    use bytes::Bytes;

    fn tracks() -> Vec<Track> {
        let moov = Written::new().fragmented().track(TrackSpec::video(1)).track(TrackSpec::aac(2)).bytes();
        Movie::parse(0, &Bytes::from(moov.moov_only())).unwrap().tracks
    }

    fn parse(trafs: &[Vec<u8>], decoded: &mut [i64; 2]) -> Fragment {
        let moof = Bytes::from(container(b"moof", trafs));
        Fragment::parse(&Node::new(1000, &moof).unwrap(), &tracks(), decoded)
    }

    #[test]
    fn all_that_a_run_can_say_and_all_that_it_can_leave_to_defaults() {
        let tfhd =
            full(b"tfhd", 0, DEFAULT_BASE_IS_MOOF | 0x38, &words(&[1, 40, 7, SAMPLE_IS_NON_SYNC_SAMPLE]));
        let tfdt = full(b"tfdt", 1, 0, &words(&[1, 0]));
        let every = full(b"trun", 1, 0xf01, &words(&[1, 500, 10, 20, 0, -5i32 as u32]));
        let none = full(b"trun", 0, FIRST_SAMPLE_FLAGS, &words(&[2, 0]));
        let fragment = parse(&[container(b"traf", &[tfhd, tfdt, every, none])], &mut [0; 2]);
        let found: Vec<_> = fragment
            .samples
            .iter()
            .map(|(track, s)| (*track, s.offset, s.size, s.dts - (1 << 32), s.pts - s.dts, s.is_sync))
            .collect();
        assert_eq!(
            found,
            [(0, 1500, 20, 0, -5, true), (0, 1520, 7, 10, 0, true), (0, 1527, 7, 50, 0, false)]
        );
        assert_eq!(fragment.overtaking, [5, 0]);
    }

    #[test]
    fn without_tfdt_and_without_base_they_go_on_from_what_came_before() {
        let traf = |track, flags, more: &[u32], run: Vec<u8>| {
            let tfhd = full(b"tfhd", 0, flags | 0x18, &[words(&[track]), words(more)].concat());
            container(b"traf", &[tfhd, run])
        };
        let run = |flags, fields: &[u32]| full(b"trun", 0, flags, &words(fields));
        let mut decoded = [100, 200];
        let trafs = [
            traf(1, 0, &[10, 5], run(DATA_OFFSET, &[2, 300])),
            traf(2, 0, &[20, 6], run(0, &[1])),
            traf(2, BASE_DATA_OFFSET, &[0, 50, 20, 6], run(0, &[1])),
            traf(9, 0, &[1, 1], run(0, &[1])),
        ];
        let fragment = parse(&trafs, &mut decoded);
        let found: Vec<_> = fragment.samples.iter().map(|(track, s)| (*track, s.offset, s.dts)).collect();
        assert_eq!(found, [(1, 50, 220), (0, 1300, 100), (0, 1305, 110), (1, 1310, 200)]);
        assert_eq!((decoded, fragment.is_damaged), ([120, 240], false));
        let again = parse(&trafs[..1], &mut decoded);
        assert_eq!(again.samples[0].1.dts, 120);
    }

    #[test]
    fn counts_beyond_the_box_or_the_cap_are_lost() {
        let tfhd = || full(b"tfhd", 0, DEFAULT_SAMPLE_SIZE, &words(&[1, 1]));
        let short = container(b"traf", &[tfhd(), full(b"trun", 0, SAMPLE_SIZE, &words(&[9, 1, 2]))]);
        let fragment = parse(&[short, boxed(b"traf", &[1])], &mut [0; 2]);
        assert_eq!((fragment.samples.len(), fragment.lost, fragment.is_damaged), (2, 7, true));
        let endless = container(b"traf", &[tfhd(), full(b"trun", 0, 0, &words(&[u32::MAX]))]);
        let fragment = parse(&[endless.clone(), endless], &mut [0; 2]);
        assert_eq!(fragment.samples.len(), limits::FRAGMENT_SAMPLES);
    }
}
