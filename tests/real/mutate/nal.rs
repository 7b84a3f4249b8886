//! Edits of pictures: each takes the access units of a clip and gives them back changed.

use checker::{Codec, units};

use super::mux::Unit;

/// What NAL units to edit.
pub(crate) type Which = fn(Codec, &[u8]) -> bool;

pub(crate) const DELIMITERS: Which = Codec::is_delimiter;
pub(crate) const PARAMETER_SETS: Which = Codec::is_parameter_set;
/// Supplemental enhancement information of H.264.
pub(crate) const SEI: Which = |codec, unit| codec == Codec::H264 && codec.nal_type(unit) == 6;

/// A byte stream of NAL units.
fn stream<'a>(units: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    units.into_iter().flat_map(|unit| [&[0, 0, 0, 1][..], unit].concat()).collect()
}

/// Applies `edit` to every picture.
pub(crate) fn pictures(list: &[Unit], mut edit: impl FnMut(usize, &mut Unit)) -> Vec<Unit> {
    let mut list = list.to_vec();
    for (number, unit) in list.iter_mut().filter(|unit| unit.is_video).enumerate() {
        edit(number, unit);
    }
    list
}

/// NAL units behind their lengths, of 1, 2 or 4 bytes, instead of start codes.
pub(crate) fn length_prefixed(list: &[Unit], size: usize) -> Vec<Unit> {
    pictures(list, |_, picture| {
        let prefixed = units(&picture.data).into_iter().flat_map(|unit| {
            let length = (unit.len() as u32).to_be_bytes();
            assert!(length[..4 - size].iter().all(|&byte| byte == 0), "a NAL unit of {} bytes", unit.len());
            [&length[4 - size..], unit].concat()
        });
        picture.data = prefixed.collect();
    })
}

/// Without such NAL units; from one picture on.
pub(crate) fn without(list: &[Unit], codec: Codec, which: Which, from: usize) -> Vec<Unit> {
    pictures(list, |number, picture| {
        if number >= from {
            picture.data = stream(units(&picture.data).into_iter().filter(|unit| !which(codec, unit)));
        }
    })
}

/// With start codes of three bytes.
pub(crate) fn short_start_codes(list: &[Unit]) -> Vec<Unit> {
    pictures(list, |_, picture| {
        picture.data =
            units(&picture.data).into_iter().flat_map(|unit| [&[0, 0, 1][..], unit].concat()).collect();
    })
}

/// The parameter sets of every picture but the first at the end of the PES before it.
pub(crate) fn parameter_sets_at_tail(list: &[Unit]) -> Vec<Unit> {
    let mut list = list.to_vec();
    let mut before: Option<usize> = None;
    for at in 0..list.len() {
        if !list[at].is_video {
            continue;
        }
        if let Some(before) = before {
            let data = list[at].data.clone();
            let (sets, rest): (Vec<_>, Vec<_>) =
                units(&data).into_iter().partition(|unit| Codec::H264.is_parameter_set(unit));
            list[at].data = stream(rest);
            let tail = stream(sets);
            list[before].data.extend(tail);
        }
        before = Some(at);
    }
    list
}

/// Every second picture in the PES of the one before it, without times of its own.
pub(crate) fn two_in_one(list: &[Unit]) -> Vec<Unit> {
    let mut out: Vec<Unit> = Vec::new();
    let mut number = 0;
    for unit in list {
        let last = out.iter_mut().rev().find(|last| last.is_video);
        match last {
            Some(last) if unit.is_video && number % 2 == 1 && !unit.is_random_access => {
                last.data.extend(&unit.data)
            }
            _ => out.push(unit.clone()),
        }
        number += usize::from(unit.is_video);
    }
    out
}

/// PES that begin in the middle of access units: half of each picture lies in the PES of the one before it.
pub(crate) fn shifted(list: &[Unit]) -> Vec<Unit> {
    let mut carried: Vec<u8> = Vec::new();
    let mut list = list.to_vec();
    let last = list.iter().rposition(|unit| unit.is_video);
    for (at, picture) in list.iter_mut().enumerate().filter(|(_, unit)| unit.is_video) {
        let keep = if Some(at) == last { picture.data.len() } else { picture.data.len() / 2 };
        let rest = picture.data.split_off(keep);
        picture.data = [std::mem::take(&mut carried), std::mem::take(&mut picture.data)].concat();
        carried = rest;
    }
    list
}

/// ADTS frames, or those of any other sound, across PES: every PES ends three bytes before its last frame does.
pub(crate) fn sound_across(list: &[Unit]) -> Vec<Unit> {
    let mut list = list.to_vec();
    let sounds: Vec<usize> =
        (0..list.len()).filter(|&at| !list[at].is_video && !list[at].is_section).collect();
    for pair in sounds.windows(2) {
        let keep = list[pair[0]].data.len() - 50;
        let tail = list[pair[0]].data.split_off(keep);
        list[pair[1]].data.splice(0..0, tail);
    }
    list
}
