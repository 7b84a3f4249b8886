//! Runs the engine and its peers over one input and measures what they make of it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use checker::{Checked, Codec};

use super::clips::Truth;
use crate::content::{decoded, samples, sound};
use crate::engine::{Ended, MEMORY_TS, remux};
use crate::tools::Frame;

/// What an engine made of an input.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Exit status; `None` where it had to be killed.
    pub(crate) code: Option<i32>,
    /// Different pictures of the clip that are there, bit for bit.
    pub(crate) good: usize,
    /// Pictures that are not in the clip, or are there again.
    pub(crate) bad: usize,
    /// What the decoder complains of.
    pub(crate) errors: usize,
    /// Different frames of the clip's sound that are there.
    pub(crate) sound: usize,
    /// Steps of a DTS that does not rise.
    pub(crate) back: usize,
    /// The longest step of the pictures' DTS, in ms.
    pub(crate) hole: i64,
    /// Pictures more than 20 ms from where the others say they belong.
    pub(crate) mistimed: usize,
    /// How far sound and pictures moved against each other, in ms.
    pub(crate) sync: i64,
    /// The longest distance of clock references, in ms.
    pub(crate) pcr: u64,
    /// Holes in counters.
    pub(crate) holes: usize,
    /// What the checker finds, by kind.
    pub(crate) faults: Vec<String>,
}

impl Measured {
    pub(crate) fn row(&self) -> String {
        let code = self.code.map_or("-".to_owned(), |code| code.to_string());
        format!(
            "{code:>3} {:>4} {:>3} {:>4} {:>4} {:>4} {:>6} {:>4} {:>5} {:>5} {:>4}",
            self.good,
            self.bad,
            self.errors.min(9999),
            self.sound,
            self.back,
            self.hole,
            self.mistimed,
            self.sync,
            self.pcr,
            self.holes
        )
    }
}

pub(crate) const HEAD: &str = " rc good bad errs snd  back hole    off sync  pcr   cc";

pub(crate) fn ours(input: &Path, work: &Path, truth: &Truth) -> (Measured, Ended) {
    let output = work.join("ours.ts");
    let size = std::fs::metadata(input).unwrap().len();
    let copy = remux(MEMORY_TS, size, &[Path::new("copy"), input, &output]);
    let mut measured = measure(&output, truth);
    measured.code = copy.code;
    let directory = work.join("hls");
    let hls = remux(MEMORY_TS, size, &[Path::new("hls"), input, &directory]);
    if hls.code != copy.code {
        measured.faults.push(format!("hls ends with {:?}", hls.code));
    }
    measured.faults.extend(segments(&directory).into_iter().map(|kind| format!("hls:{kind}")));
    (measured, copy)
}

/// The kinds of faults in the segments of a playlist.
fn segments(directory: &Path) -> BTreeSet<&'static str> {
    let playlist = std::fs::read_to_string(directory.join("playlist.m3u8")).unwrap_or_default();
    let mut kinds = BTreeSet::new();
    for part in playlist.split("#EXT-X-DISCONTINUITY\n") {
        let names = part.lines().filter(|line| line.ends_with(".ts"));
        let pieces: Vec<Vec<u8>> =
            names.map(|name| std::fs::read(directory.join(name)).unwrap_or_default()).collect();
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        if !pieces.is_empty() {
            kinds.extend(checker::check(&pieces).faults.iter().map(|fault| fault.kind.name()));
        }
    }
    kinds
}

pub(crate) fn ffmpeg(input: &Path, work: &Path, truth: &Truth, is_h265: bool) -> Measured {
    let output = work.join("ffmpeg.ts");
    let filter = if is_h265 { "hevc_mp4toannexb" } else { "h264_mp4toannexb" };
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "20", "ffmpeg", "-v", "quiet", "-y", "-i"]).arg(input);
    command.args(["-c", "copy", "-bsf:v", filter, "-f", "mpegts"]).arg(&output);
    let code = command.output().unwrap().status.code();
    Measured { code, ..measure(&output, truth) }
}

pub(crate) fn gstreamer(
    input: &Path,
    work: &Path,
    truth: &Truth,
    is_h265: bool,
    has_sound: bool,
) -> Measured {
    let output = work.join("gstreamer.ts");
    let parser = if is_h265 { "h265parse" } else { "h264parse" };
    let mut pipeline = format!(
        "filesrc location={} ! tsdemux name=d mpegtsmux name=m ! filesink location={} d. ! queue ! {parser} config-interval=-1 ! m.",
        input.display(),
        output.display()
    );
    if has_sound {
        pipeline.push_str(" d. ! queue ! aacparse ! m.");
    }
    let mut command = Command::new("timeout");
    // What takes longer hangs: a sound input takes a fifth of a second.
    command.args(["-s", "KILL", "4", "gst-launch-1.0", "-q"]).args(pipeline.split(' '));
    let code = command.output().unwrap().status.code();
    Measured { code, ..measure(&output, truth) }
}

fn measure(output: &Path, truth: &Truth) -> Measured {
    let Ok(bytes) = std::fs::read(output) else { return Measured::default() };
    let checked = checker::check(&[&bytes]);
    let (pictures, errors) = decoded(output);
    let sounds = sound(output, "0:a:0", None);
    let (good, bad, picture_shifts) = compare(&pictures, &truth.pictures);
    let (mut sound, _, mut sound_shifts) = compare(&sounds, &truth.sounds);
    if sound == 0 {
        // In another form: the samples tell.
        (sound, _, sound_shifts) = compare(&samples(output, "0:a:0"), &truth.sounds);
    }
    let shift = median(&picture_shifts);
    let steps = steps(&checked);
    let kinds: BTreeSet<_> = checked.faults.iter().map(|fault| fault.kind.name().to_owned()).collect();
    Measured {
        code: None,
        good,
        bad,
        errors,
        sound,
        back: steps.iter().filter(|&&(_, step)| step <= 0).count(),
        hole: steps.iter().filter(|&&(is_video, _)| is_video).map(|&(_, step)| step / 90).max().unwrap_or(0),
        mistimed: picture_shifts.iter().filter(|&&other| circle(other - shift).abs() > 1800).count(),
        sync: if sound > 0 && good > 0 { circle(median(&sound_shifts) - shift).abs() / 90 } else { 0 },
        pcr: checked.clock.longest / 27_000,
        holes: checked.holes,
        faults: kinds.into_iter().collect(),
    }
}

/// How many frames are known, how many are not or come again, and by how much each known one was moved.
fn compare(frames: &[Frame], truth: &HashMap<String, i64>) -> (usize, usize, Vec<i64>) {
    let mut seen = BTreeSet::new();
    let mut shifts = Vec::new();
    for frame in frames {
        if let Some(&pts) = truth.get(&frame.hash)
            && seen.insert(&frame.hash)
        {
            shifts.push(circle(frame.pts - pts));
        }
    }
    (seen.len(), frames.len() - seen.len(), shifts)
}

fn median(values: &[i64]) -> i64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// The steps of the DTS of every stream with pictures or sound, and whether it is pictures.
fn steps(checked: &Checked) -> Vec<(bool, i64)> {
    let mut steps = Vec::new();
    for stream in checked.streams() {
        let is_video = Codec::of(stream.stream_type).is_some();
        let times: Vec<i64> =
            checked.of(stream.pid).filter_map(|pes| pes.dts).map(|dts| dts as i64).collect();
        steps.extend(times.windows(2).map(|pair| (is_video, circle(pair[1] - pair[0]))));
    }
    steps
}

/// The shorter way round 33 bits.
fn circle(distance: i64) -> i64 {
    let wrap = 1i64 << 33;
    let distance = distance.rem_euclid(wrap);
    if distance > wrap / 2 { distance - wrap } else { distance }
}
