//! Clock references and the times of PES (H.222.0 §2.4.3.5, §2.7.2 to §2.7.6).

use std::collections::BTreeMap;

use crate::fault::{Kind, fault};
use crate::{Checked, Pes};

/// What the clock references are like.
#[derive(Debug, Default)]
pub struct Clock {
    /// Byte, 27 MHz time and discontinuity_indicator of each.
    pub references: Vec<(usize, u64, bool)>,
    /// The longest distance of two, in 27 MHz ticks, holes in the media aside.
    pub longest: u64,
}

const PCR_WRAP: u64 = (1 << 33) * 300;
const WRAP: u64 = 1 << 33;
/// 100 ms in 27 MHz ticks.
const LONGEST: u64 = 2_700_000;
/// Distances that are longer than a second are holes in the media, if the media has one there.
const HOLE: u64 = 27_000_000;

pub(crate) fn check(checked: &mut Checked) {
    references(checked);
    let mut last: BTreeMap<u16, &Pes> = BTreeMap::new();
    let video = |pid: u16| {
        checked
            .program
            .streams
            .iter()
            .any(|stream| stream.pid == pid && matches!(stream.stream_type, 0x1B | 0x24))
    };
    let mut found = Vec::new();
    for pes in &checked.pes {
        let mut say = |kind, text: String| fault(&mut found, kind, pes.offset, text);
        let (Some(pts), Some(dts)) = (pes.pts, pes.dts) else {
            say(Kind::Order, format!("PID {:#x}: no PTS", pes.pid));
            continue;
        };
        if signed(pts, dts) < 0 {
            say(Kind::Order, format!("PID {:#x}: PTS {pts} before DTS {dts}", pes.pid));
        }
        if let Some(last) = last.insert(pes.pid, pes)
            && !pes.is_discontinuous
            && let step = signed(dts, last.dts.unwrap_or(dts))
            && step <= 0
        {
            say(Kind::Order, format!("PID {:#x}: DTS {dts} steps by {step}", pes.pid));
        }
        match pes.reference {
            Some(reference) if signed(dts, reference / 300) <= 0 => {
                say(
                    Kind::Lead,
                    format!("PID {:#x}: DTS {dts}, clock already at {}", pes.pid, reference / 300),
                );
            }
            Some(_) => {}
            None => say(Kind::Lead, format!("PID {:#x}: no clock reference before it", pes.pid)),
        }
        length(pes, video(pes.pid), &mut say);
    }
    checked.faults.append(&mut found);
}

fn length(pes: &Pes, is_video: bool, say: &mut impl FnMut(Kind, String)) {
    match pes.declared {
        _ if pes.header.is_none() && !pes.has_hole => {
            say(Kind::Length, format!("PID {:#x}: incomplete header", pes.pid));
        }
        Some(declared) if declared != pes.data.len() && !pes.has_hole => {
            say(Kind::Length, format!("PID {:#x}: {declared} declared, {} bytes", pes.pid, pes.data.len()));
        }
        None if !is_video => say(Kind::Length, format!("PID {:#x}: no length", pes.pid)),
        _ => {}
    }
}

fn references(checked: &mut Checked) {
    let mut holes = media_holes(checked);
    let mut found = Vec::new();
    for pair in checked.clock.references.windows(2) {
        let [(_, before, _), (offset, after, is_discontinuous)] = pair else { continue };
        let distance = (after + PCR_WRAP - before) % PCR_WRAP;
        if *is_discontinuous {
            continue;
        } else if distance > PCR_WRAP / 2 {
            fault(&mut found, Kind::Reference, *offset, format!("back from {before} to {after}"));
        } else if distance > HOLE && holes > 0 {
            holes -= 1;
        } else {
            checked.clock.longest = checked.clock.longest.max(distance);
            if distance > LONGEST {
                fault(&mut found, Kind::Reference, *offset, format!("after {} ms", distance / 27_000));
            }
        }
    }
    if checked.clock.references.is_empty() {
        fault(&mut found, Kind::Reference, 0, "none");
    }
    checked.faults.append(&mut found);
}

/// Steps of more than a second in the stream that carries the clock references.
fn media_holes(checked: &Checked) -> usize {
    let times: Vec<u64> = checked.of(checked.program.pcr_pid).filter_map(|pes| pes.dts).collect();
    times.windows(2).filter(|pair| signed(pair[1], pair[0]) * 300 > HOLE as i64).count()
}

/// `a - b` on a circle of 33 bits.
pub(crate) fn signed(a: u64, b: u64) -> i64 {
    let distance = a.wrapping_sub(b) % WRAP;
    if distance < WRAP / 2 { distance as i64 } else { distance as i64 - WRAP as i64 }
}
