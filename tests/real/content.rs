//! What a file holds according to ffmpeg: NAL units of the pictures, frames of the sound.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use checker::{Codec, units};

use crate::tools::Frame;

/// A NAL unit that is neither a delimiter nor a parameter set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    hash: u64,
    nal_type: u8,
    is_key: bool,
    is_recovery: bool,
    is_slice: bool,
    /// Which parameter sets are in force: an entry of [`Pictures::sets`].
    sets: usize,
}

/// The pictures of a file.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    units: Vec<Unit>,
    /// Every state that the parameter sets were in: hash by type and id.
    sets: Vec<BTreeMap<(u8, u32), u64>>,
}

/// Extracts the video stream `map` as a byte stream.
pub(crate) fn pictures(file: &Path, map: &str, codec: Codec) -> Pictures {
    let (filter, format) = match codec {
        Codec::H264 => ("h264_mp4toannexb", "h264"),
        Codec::H265 => ("hevc_mp4toannexb", "hevc"),
    };
    let bytes = ffmpeg(file, map, &["-copyinkf", "-bsf:v", filter, "-f", format, "-"]);
    let mut pictures = Pictures { units: Vec::new(), sets: vec![BTreeMap::new()] };
    for unit in units(&bytes) {
        let nal_type = codec.nal_type(unit);
        if codec.is_parameter_set(unit) {
            let mut sets = pictures.sets.last().cloned().unwrap_or_default();
            if sets.insert((nal_type, id(codec, unit)), hash(unit)) != Some(hash(unit)) {
                pictures.sets.push(sets);
            }
        } else if !codec.is_delimiter(unit) {
            pictures.units.push(Unit {
                hash: hash(unit),
                nal_type,
                is_key: codec.is_key(unit),
                is_recovery: codec.has_recovery_point(unit),
                is_slice: codec.is_slice(unit),
                sets: pictures.sets.len() - 1,
            });
        }
    }
    pictures
}

impl Pictures {
    /// Whether `made` holds the same from the first random access point on.
    pub(crate) fn same_from_first_random_access(&self, made: &Self) -> Result<(), String> {
        let Some(skipped) = self.units.len().checked_sub(made.units.len()) else {
            return Err(format!("{} NAL units became {}", self.units.len(), made.units.len()));
        };
        let (before, after) = self.units.split_at(skipped);
        let pairs = || after.iter().zip(&made.units);
        if let Some(at) = pairs().position(|(source, made)| source.hash != made.hash) {
            return Err(format!(
                "{} NAL units became {}; behind {skipped} the one at {at} (type {}) is another (type {})",
                self.units.len(),
                made.units.len(),
                after[at].nal_type,
                made.units[at].nal_type
            ));
        }
        let begins_at_key = made.units.iter().find(|unit| unit.is_slice).is_some_and(|unit| unit.is_key);
        if before.iter().any(|unit| unit.is_key || !begins_at_key && unit.is_recovery) {
            return Err(format!("a random access point among the {skipped} NAL units left out at the start"));
        }
        let missing = pairs().position(|(source, unit)| {
            let (is, has) = (&self.sets[source.sets], &made.sets[unit.sets]);
            source.is_slice && is.iter().any(|(id, hash)| has.get(id) != Some(hash))
        });
        match missing {
            Some(at) => Err(format!("other parameter sets at NAL unit {at}")),
            None => Ok(()),
        }
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The id of a parameter set, which is the first ue(v) of most; what comes before it has a fixed length otherwise.
fn id(codec: Codec, unit: &[u8]) -> u32 {
    let skipped = match (codec, codec.nal_type(unit)) {
        (Codec::H264, 7 | 15) => 4,
        (Codec::H264, _) => 1,
        // vps_video_parameter_set_id has four bits; sps_seq_parameter_set_id stands behind profile_tier_level.
        (Codec::H265, 32) => return u32::from(unit.get(2).copied().unwrap_or(0) >> 4),
        (Codec::H265, 33) => return 0,
        (Codec::H265, _) => 2,
    };
    let bits = unit.iter().skip(skipped).take(8).fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    let bits = bits << (8 * 8usize.saturating_sub(unit.len().saturating_sub(skipped)));
    let zeros = bits.leading_zeros().min(31);
    ((bits << zeros >> (63 - zeros)) - u64::from(bits != 0)) as u32
}

/// The frames of the sound stream `map`, without ADTS headers where `filter` says so.
pub(crate) fn sound(file: &Path, map: &str, filter: Option<&str>) -> Vec<Frame> {
    let filter: Vec<&str> = filter.map_or(Vec::new(), |filter| vec!["-bsf:a", filter]);
    let bytes = ffmpeg(file, map, &[&filter[..], &["-f", "framehash", "-"]].concat());
    frames(&bytes)
}

/// The pictures, decoded, and how often the decoder complains.
pub(crate) fn decoded(file: &Path) -> (Vec<Frame>, usize) {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", "ffmpeg", "-v", "error", "-copyts", "-f", "mpegts", "-i"]).arg(file);
    command.args([
        "-map",
        "0:v:0",
        "-autoscale",
        "0",
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "1:90000",
        "-f",
        "framehash",
        "-",
    ]);
    let output = command.output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).lines().count();
    (frames(&output.stdout), complaints)
}

/// The samples of the sound stream `map`, decoded: for what changes its form on the way.
pub(crate) fn samples(file: &Path, map: &str) -> Vec<Frame> {
    let mut command = Command::new("timeout");
    command
        .args(["-s", "KILL", "120", "ffmpeg", "-v", "error", "-copyts"])
        .args(demuxer(file))
        .arg("-i")
        .arg(file);
    let output = command.args(["-map", map, "-c:a", "pcm_s16le", "-f", "framehash", "-"]).output().unwrap();
    frames(&output.stdout)
}

fn frames(rows: &[u8]) -> Vec<Frame> {
    let rows = String::from_utf8_lossy(rows);
    let mut scale = HashMap::new();
    rows.lines()
        .filter_map(|row| {
            if let Some(base) = row.strip_prefix("#tb 0: 1/") {
                scale.insert("tb", base.trim().parse::<i64>().unwrap_or(90_000));
            }
            if row.starts_with('#') {
                return None;
            }
            let columns: Vec<&str> = row.split(',').map(str::trim).collect();
            // Side data adds columns behind the hash.
            let [_, _, pts, _, _, hash, ..] = columns[..] else { return None };
            let base = scale.get("tb").copied().unwrap_or(90_000);
            Some(Frame { pts: pts.parse::<i64>().unwrap_or(0) * 90_000 / base, hash: hash.to_owned() })
        })
        .collect()
}

/// What `ffmpeg -c copy` makes of one stream. It may complain: of damage in the source, and it says so of both sides.
fn ffmpeg(file: &Path, map: &str, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "120", "ffmpeg", "-v", "error", "-copyts"]);
    command
        .args(demuxer(file))
        .arg("-i")
        .arg(file)
        .args(["-map", map, "-c", "copy"])
        .args(arguments)
        .output()
        .unwrap()
        .stdout
}

/// Which demuxer reads a file, as the name alone says: of the shortest streams ffmpeg cannot tell.
fn demuxer(file: &Path) -> &'static [&'static str] {
    match file.extension().and_then(|extension| extension.to_str()) {
        // Every sample, not those alone that an edit list shows.
        Some("mp4") => &["-f", "mp4", "-ignore_editlist", "1"],
        _ => &["-f", "mpegts"],
    }
}

/// What ffprobe complains of when it reads all packets, without what differs between two runs: numbers and addresses.
pub(crate) fn complaints(file: &Path) -> Vec<String> {
    let mut command = Command::new("timeout");
    command.args([
        "-s",
        "KILL",
        "60",
        "ffprobe",
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=index",
    ]);
    let output = command.args(demuxer(file)).arg(file).output().unwrap();
    let mut lines: Vec<String> = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| !line.contains("Last message repeated"))
        .map(|line| {
            line.split(" @ ")
                .last()
                .unwrap_or(line)
                .split_once("] ")
                .map_or(line, |(_, text)| text)
                .to_owned()
        })
        .map(|line| line.chars().filter(|c| !c.is_ascii_digit()).collect())
        .collect();
    lines.sort();
    lines.dedup();
    if !output.status.success() {
        lines.push(format!("ffprobe: {}", output.status));
    }
    lines
}
