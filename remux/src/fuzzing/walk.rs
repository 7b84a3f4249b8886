//! A small reader of MP4, for checking what was written: it believes nothing and shares no code with the writer.

use std::collections::BTreeMap;

/// Bytes of a file.
pub(super) type Range = std::ops::Range<usize>;

/// A box.
#[derive(Debug, Clone)]
pub(super) struct Box {
    pub(super) kind: [u8; 4],
    pub(super) begin: usize,
    pub(super) body: Range,
}

/// One TrackRunBox, with what its fragment says.
pub(super) struct Run {
    pub(super) track: u32,
    pub(super) decode_time: u64,
    /// Of all its samples.
    pub(super) duration: u64,
    pub(super) samples: Vec<Range>,
}

fn u32_at(file: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(file: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(file[at..at + 8].try_into().expect("eight bytes"))
}

/// The boxes that fill `range`, which containers do as well.
pub(super) fn boxes(file: &[u8], range: Range) -> Vec<Box> {
    const CONTAINERS: [&[u8; 4]; 9] =
        [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts"];
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let kind: [u8; 4] = file[at + 4..at + 8].try_into().expect("four bytes");
        let (size, header) = match u32_at(file, at) {
            1 => (u64_at(file, at + 8) as usize, 16),
            size => (size as usize, 8),
        };
        assert!(size >= header && at + size <= range.end, "size of {}", kind.escape_ascii());
        let body = at + header..at + size;
        if CONTAINERS.contains(&&kind) {
            boxes(file, body.clone());
        }
        found.push(Box { kind, begin: at, body });
        at += size;
    }
    found
}

fn children<'a>(file: &'a [u8], parent: &Box, kind: &'a [u8; 4]) -> impl Iterator<Item = Box> + 'a {
    boxes(file, parent.body.clone()).into_iter().filter(move |child| child.kind == *kind)
}

/// The one box at the end of a path.
fn descend(file: &[u8], from: &Box, path: &[&[u8; 4]]) -> Box {
    path.iter()
        .fold(from.clone(), |parent, kind| children(file, &parent, kind).next().expect("a box of this kind"))
}

/// The runs of a `moof`; every run names duration and size of each sample.
pub(super) fn fragment(file: &[u8], moof: &Box) -> Vec<Run> {
    let mut runs = Vec::new();
    for traf in children(file, moof, b"traf") {
        let tfhd = descend(file, &traf, &[b"tfhd"]).body.start;
        assert_eq!(u32_at(file, tfhd), 0x02_0000, "default-base-is-moof alone");
        let decode_time = u64_at(file, descend(file, &traf, &[b"tfdt"]).body.start + 4);
        let trun = descend(file, &traf, &[b"trun"]).body;
        let per_sample = match u32_at(file, trun.start) & 0xff_ffff {
            0x0301 => 8,
            0x0f01 => 16,
            flags => panic!("flags {flags:#x}"),
        };
        let count = u32_at(file, trun.start + 4) as usize;
        assert!(count > 0, "a run without samples");
        assert_eq!(trun.end, trun.start + 12 + count * per_sample);
        let mut at = moof.begin + u32_at(file, trun.start + 8) as usize;
        let mut run = Run { track: u32_at(file, tfhd + 4), decode_time, duration: 0, samples: Vec::new() };
        for entry in (trun.start + 12..trun.end).step_by(per_sample) {
            assert!(u32_at(file, entry) > 0, "a sample without duration");
            run.duration += u64::from(u32_at(file, entry));
            let size = u32_at(file, entry + 4) as usize;
            run.samples.push(at..at + size);
            at += size;
        }
        runs.push(run);
    }
    runs
}

/// Where the samples of each track of a `moov` lie.
pub(super) fn movie(file: &[u8], moov: &Box) -> BTreeMap<u32, Vec<Range>> {
    children(file, moov, b"trak").map(|trak| track(file, &trak)).collect()
}

fn track(file: &[u8], trak: &Box) -> (u32, Vec<Range>) {
    let tkhd = descend(file, trak, &[b"tkhd"]).body.start;
    let id = u32_at(file, tkhd + if file[tkhd] == 0 { 12 } else { 20 });
    let stbl = descend(file, trak, &[b"mdia", b"minf", b"stbl"]);
    let table = |kind: &[u8; 4], skip: usize, width: usize| -> Vec<usize> {
        let Some(found) = boxes(file, stbl.body.clone()).into_iter().find(|child| child.kind == *kind) else {
            return Vec::new();
        };
        let begin = found.body.start + skip + 4;
        assert_eq!(
            found.body.end,
            begin + u32_at(file, begin - 4) as usize * width,
            "{}",
            kind.escape_ascii()
        );
        (begin..found.body.end).step_by(width).collect()
    };
    let sizes = table(b"stsz", 8, 4);
    let timed: u64 = table(b"stts", 4, 8).iter().map(|&at| u64::from(u32_at(file, at))).sum();
    assert_eq!(timed, sizes.len() as u64, "every sample has its duration");
    let mut sizes = sizes.into_iter().map(|at| u32_at(file, at) as usize);
    let runs = table(b"stsc", 4, 12);
    let mut samples = Vec::new();
    for (number, chunk) in table(b"stco", 4, 4).into_iter().enumerate() {
        let run = runs.iter().rfind(|&&run| u32_at(file, run) as usize <= number + 1).expect("a run");
        let mut at = u32_at(file, chunk) as usize;
        for _ in 0..u32_at(file, run + 4) {
            let size = sizes.next().expect("a size for every sample");
            samples.push(at..at + size);
            at += size;
        }
    }
    assert_eq!(sizes.next(), None, "a sample in no chunk");
    (id, samples)
}

/// Whether samples lie side by side in what `mdat` boxes hold, and nothing else does.
pub(super) fn assert_tiled(mut samples: Vec<Range>, payload: Vec<Range>) {
    samples.sort_by_key(|sample| sample.start);
    let mut samples = samples.into_iter();
    for body in payload {
        let mut at = body.start;
        while at < body.end {
            let sample = samples.next().expect("bytes of mdat that are no sample");
            assert_eq!(sample.start, at, "samples overlap, or leave a hole");
            at = sample.end;
        }
        assert_eq!(at, body.end);
    }
    assert_eq!(samples.next(), None, "a sample that is not in mdat");
}
