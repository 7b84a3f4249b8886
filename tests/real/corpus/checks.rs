//! What is asked of one recording.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use checker::{Checked, Codec, Stream};
use serde_json::Value;

use super::inputs::{Input, Kind};
use super::table::Failure;
use crate::content::{complaints, pictures, samples, sound};
use crate::engine::{Ended, MEMORY_MP4, MEMORY_TS, remux};
use crate::tools::Frame;

/// What is wrong with the engine's handling of `input`.
pub(crate) fn check(input: &Input, work: &Path) -> Vec<Failure> {
    let work = work.join(format!("{}.work", input.name.replace('/', "_")));
    fs::create_dir_all(&work).unwrap();
    let mut case =
        Case { input, copied: work.join("out.ts"), segments: work.join("hls"), failures: Vec::new() };
    case.run();
    fs::remove_dir_all(&work).unwrap();
    case.failures
}

struct Case<'a> {
    input: &'a Input,
    copied: PathBuf,
    segments: PathBuf,
    failures: Vec<Failure>,
}

impl Case<'_> {
    fn fail(&mut self, check: &str, detail: impl Into<String>) {
        let (file, check) = (self.input.name.clone(), check.to_owned());
        self.failures.push(Failure { file, check, detail: detail.into() });
    }

    fn remux(&mut self, arguments: &[&Path]) -> Ended {
        let memory = if self.input.kind == Kind::Ts { MEMORY_TS } else { MEMORY_MP4 };
        let ended = remux(memory, self.input.size, arguments);
        if let Err(error) = ended.is_sane() {
            self.fail("broken", format!("remux {}: {error}", arguments[0].display()));
        }
        ended
    }

    fn run(&mut self) {
        let (input, copied, segments) = (self.input.path.clone(), self.copied.clone(), self.segments.clone());
        let copy = self.remux(&[Path::new("copy"), &input, &copied]);
        let probe = self.remux(&[Path::new("probe"), Path::new("--json"), &input]);
        let hls = self.remux(&[Path::new("hls"), Path::new("--format"), Path::new("ts"), &input, &segments]);
        let codes = [copy.code, probe.code, hls.code];
        if codes.iter().any(|&code| code != codes[0]) {
            self.fail("status", format!("copy, probe and hls end with {codes:?}"));
        }
        if !copy.has_output() || !probe.has_output() || !hls.has_output() {
            if self.input.kind != Kind::Hostile {
                self.fail("refused", copy.stderr.trim());
            }
            return;
        }
        let output = fs::read(&self.copied).unwrap_or_default();
        let checked = checker::check(&[&output]);
        self.faults("copy", &checked);
        self.playlist(&checked);
        if self.input.kind != Kind::Hostile {
            let probed: Value = serde_json::from_str(&probe.stdout).expect("probe --json prints JSON");
            self.holes(&checked);
            self.accepted();
            self.content(&probed, &checked);
        }
    }

    /// One failure for each kind of fault: the first of it, and how many there are.
    fn faults(&mut self, what: &str, checked: &Checked) {
        let kinds: BTreeSet<_> = checked.faults.iter().map(|fault| fault.kind).collect();
        for kind in kinds {
            let mut faults = checked.faults.iter().filter(|fault| fault.kind == kind);
            let first = faults.next().expect("the kind is one of them").to_string();
            self.fail(
                &format!("{what}:{}", kind.name()),
                format!("{} of them, first {first}", 1 + faults.count()),
            );
        }
    }

    /// The segments end to end hold the PES of the copy, and are sound between two discontinuities.
    fn playlist(&mut self, copied: &Checked) {
        let playlist = fs::read_to_string(self.segments.join("playlist.m3u8")).unwrap_or_default();
        let mut parts: Vec<Vec<Vec<u8>>> = vec![Vec::new()];
        for line in playlist.lines() {
            if line == "#EXT-X-DISCONTINUITY" {
                parts.push(Vec::new());
            } else if !line.starts_with('#') && !line.is_empty() {
                parts.last_mut().unwrap().push(fs::read(self.segments.join(line)).unwrap_or_default());
            }
        }
        let mut all = Checked::default();
        for part in &parts {
            let pieces: Vec<&[u8]> = part.iter().map(Vec::as_slice).collect();
            let checked = checker::check(&pieces);
            all.program = checked.program;
            all.pes.extend(checked.pes);
            all.faults.extend(checked.faults);
        }
        self.faults("hls", &all);
        for stream in copied.streams() {
            let (of_copy, of_hls) = (contents(copied, *stream), contents(&all, *stream));
            if of_copy != of_hls {
                let first = of_copy.iter().zip(&of_hls).take_while(|(a, b)| a == b).count();
                let counts = format!("{} PES of copy, {} of hls", of_copy.len(), of_hls.len());
                self.fail("hls:content", format!("PID {:#x}: {counts}, the same up to {first}", stream.pid));
            }
        }
    }

    /// No more holes in the output than in the source, and a report where there are any.
    fn holes(&mut self, checked: &Checked) {
        let source = fs::read(&self.input.path).unwrap();
        let holes = if self.input.kind == Kind::Ts { checker::check(&[&source]).holes } else { 0 };
        if checked.holes > holes {
            self.fail("copy:holes", format!("{} in the output, {holes} in the source", checked.holes));
        }
    }

    fn accepted(&mut self) {
        let known = complaints(&self.input.path);
        let new: Vec<_> = complaints(&self.copied).into_iter().filter(|line| !known.contains(line)).collect();
        if !new.is_empty() {
            self.fail("ffprobe", new.join(" | "));
        }
    }

    fn content(&mut self, probed: &Value, checked: &Checked) {
        let run = &probed["runs"][0];
        let empty = Vec::new();
        let streams = run["streams"].as_array().unwrap_or(&empty);
        if streams.len() != checked.streams().len() {
            self.fail(
                "streams",
                format!("{} in probe, {} in the output", streams.len(), checked.streams().len()),
            );
        }
        let zero = run["zero_ticks"].as_i64().unwrap_or_default();
        let has_video = checked.streams().iter().any(|stream| Codec::of(stream.stream_type).is_some());
        for (number, (probed, stream)) in streams.iter().zip(checked.streams()).enumerate() {
            let id = probed["pid"].as_u64().or(probed["track"].as_u64()).unwrap_or_default();
            let (source, made) = (format!("0:i:{id}"), format!("0:i:{}", stream.pid));
            match Codec::of(stream.stream_type) {
                Some(codec) => {
                    let source = pictures(&self.input.path, &source, codec);
                    let made = pictures(&self.copied, &made, codec);
                    if let Err(error) = source.same_from_first_random_access(&made) {
                        self.fail("video", error);
                    }
                }
                None => {
                    let codec = probed["codec"].as_str().unwrap_or_default();
                    let first = has_video.then_some(zero);
                    match self.sound(codec, &source, &made, first) {
                        Ok(0) => {}
                        Ok(_) => self
                            .fail("audio:tail", format!("stream {number}, {codec}: without the last frame")),
                        Err(error) => self.fail("audio", format!("stream {number}, {codec}: {error}")),
                    }
                }
            }
        }
    }

    /// Compares the sound, whatever it is framed in; how many frames are missing at the end.
    fn sound(&self, codec: &str, source: &str, made: &str, first: Option<i64>) -> Result<usize, String> {
        let (input, output) = (&self.input.path, &self.copied);
        let bare = Some("aac_adtstoasc");
        let compared = same_sound(&sound(input, source, None), &sound(output, made, None), first);
        if compared.is_ok() || !codec.starts_with("aac") {
            return compared;
        }
        // MP4 knows no ADTS headers; a filter takes them off.
        let framing = if self.input.kind == Kind::Mp4 { None } else { bare };
        same_sound(&sound(input, source, framing), &sound(output, made, bare), first)
            // LATM goes out as ADTS: what is in it, only the samples tell.
            .or_else(|_| same_sound(&samples(input, source), &samples(output, made), first))
            .or(compared)
    }
}

/// What a stream holds: PES with their times of pictures, of sound the bytes alone, for a cut may divide what a PES held.
fn contents(checked: &Checked, stream: Stream) -> Vec<(Vec<u8>, Option<u64>, Option<u64>)> {
    let pes = checked.of(stream.pid);
    match Codec::of(stream.stream_type) {
        Some(_) => pes.map(|pes| (pes.data.clone(), pes.pts, pes.dts)).collect(),
        None => vec![(pes.flat_map(|pes| pes.data.clone()).collect(), None, None)],
    }
}

/// The same frames, apart from those that lie too far before the first picture to be of use, and from one at the end that
/// may be torn; how many are missing there.
fn same_sound(source: &[Frame], made: &[Frame], first_picture: Option<i64>) -> Result<usize, String> {
    let counts = format!("{} frames became {}", source.len(), made.len());
    let hashes = |frames: &[Frame]| frames.iter().map(|frame| frame.hash.clone()).collect::<Vec<_>>();
    let (source_hashes, made_hashes) = (hashes(source), hashes(made));
    let torn = [0, 1].into_iter().find(|torn| {
        source_hashes[..source.len().saturating_sub(*torn)].ends_with(&made_hashes) && !made.is_empty()
    });
    let Some(torn) = torn else {
        let same =
            source_hashes.iter().rev().zip(made_hashes.iter().rev()).take_while(|(a, b)| a == b).count();
        return Err(format!("{counts}, the last {same} the same"));
    };
    let skipped = source.len() - torn - made.len();
    let Some(last) = source[..skipped].last() else { return Ok(torn) };
    let ahead = first_picture.map_or(0, |first| distance(first, last.pts));
    // A PES more than a second ahead is dropped as a whole; it may hold half a second of frames.
    if ahead < 45_000 {
        return Err(format!(
            "{counts}; of those left out the last lies {ahead} ticks before the first picture"
        ));
    }
    Ok(torn)
}

/// `a - b` on the circle of 33 bits.
fn distance(a: i64, b: i64) -> i64 {
    let wrap = 1i64 << 33;
    let distance = (a - b).rem_euclid(wrap);
    if distance > wrap / 2 { distance - wrap } else { distance }
}
