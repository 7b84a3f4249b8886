//! What every PES with pictures is made of (H.264 §7.4.1.2.3, H.265 §7.4.2.4.4).

use crate::fault::{Fault, Kind, fault};
use crate::nal::{Codec, units};
use crate::{Checked, Pes, Stream, h264};

pub(crate) fn check(checked: &mut Checked, stream: Stream) {
    let Some(codec) = Codec::of(stream.stream_type) else { return };
    let mut found = Vec::new();
    let mut pictures_per_pes = 1;
    let mut piece = None;
    for pes in checked.of(stream.pid) {
        let units = units(&pes.data);
        if codec == Codec::H264
            && let Some(sps) = units.iter().find(|unit| codec.nal_type(unit) == 7)
        {
            // Two fields are two access units of one frame: they share a PES, as they share a PTS.
            pictures_per_pes = if h264::may_have_fields(sps) == Some(true) { 2 } else { 1 };
        }
        let is_first = piece.replace(pes.piece) != Some(pes.piece);
        one(codec, pes, &units, pictures_per_pes, &mut found);
        random_access(codec, pes, &units, is_first, &mut found);
    }
    checked.faults.append(&mut found);
}

fn one(codec: Codec, pes: &Pes, units: &[&[u8]], most: usize, found: &mut Vec<Fault>) {
    let mut say = |kind, text: String| fault(found, kind, pes.offset, text);
    let zeros = pes.data.iter().take_while(|&&byte| byte == 0).count();
    if zeros < 2 || pes.data.get(zeros) != Some(&1) {
        say(Kind::AccessUnits, "begins inside a NAL unit".to_owned());
    } else if !units.first().is_some_and(|unit| codec.is_delimiter(unit)) {
        let types: Vec<u8> = units.iter().take(4).map(|unit| codec.nal_type(unit)).collect();
        say(Kind::Delimiter, format!("begins with NAL unit types {types:?}"));
    }
    let count = units.iter().filter(|unit| codec.begins_picture(unit)).count();
    if !pes.has_hole && (count > most || count == 0) {
        say(Kind::AccessUnits, format!("{count} pictures in one PES"));
    }
    let last_slice = units.iter().rposition(|unit| codec.is_slice(unit));
    let tail = &units[last_slice.map_or(0, |at| at + 1)..];
    if !pes.has_hole && last_slice.is_some() && tail.iter().any(|unit| codec.is_parameter_set(unit)) {
        say(Kind::AccessUnits, "parameter sets behind the last slice".to_owned());
    }
}

fn random_access(codec: Codec, pes: &Pes, units: &[&[u8]], is_first: bool, found: &mut Vec<Fault>) {
    let mut say = |kind, text: String| fault(found, kind, pes.offset, text);
    let key = units.iter().position(|unit| codec.is_key(unit));
    let is_recovery = units.iter().any(|unit| codec.has_recovery_point(unit));
    if let Some(key) = key.or_else(|| units.iter().position(|unit| codec.is_slice(unit)).filter(|_| is_first))
    {
        let kinds: &[u8] = if codec == Codec::H264 { &[7, 8] } else { &[32, 33, 34] };
        let missing: Vec<_> = kinds
            .iter()
            .filter(|&&kind| units[..key].iter().all(|unit| codec.nal_type(unit) != kind))
            .collect();
        if !missing.is_empty() {
            say(
                Kind::ParameterSets,
                format!("no NAL unit of type {missing:?} before a picture to begin with"),
            );
        }
    }
    if is_first && key.is_none() && !is_recovery {
        say(Kind::RandomAccess, "the piece begins with no random access point".to_owned());
    }
    if key.is_some() && !pes.is_random_access {
        say(Kind::RandomAccess, "not marked".to_owned());
    }
    // A stream of intra pictures alone is marked at each of them by some encoders; that is for them to know.
    if pes.is_random_access && key.is_none() && !is_recovery && !pes.has_hole {
        say(Kind::RandomAccess, "marked, and none".to_owned());
    }
}
