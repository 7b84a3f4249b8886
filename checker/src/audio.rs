//! What every PES with sound is made of: whole frames.

use crate::fault::{Kind, fault};
use crate::{Checked, Stream};

pub(crate) fn check(checked: &mut Checked, stream: Stream) {
    let mut found = Vec::new();
    for pes in checked.of(stream.pid).filter(|pes| !pes.has_hole) {
        let is_whole = match stream.stream_type {
            0x0F => adts(&pes.data),
            0x03 | 0x04 => {
                pes.data.starts_with(&[0xFF]) && pes.data.get(1).is_some_and(|byte| byte & 0xE0 == 0xE0)
            }
            0x11 => pes.data.starts_with(&[0x56]) && pes.data.get(1).is_some_and(|byte| byte & 0xE0 == 0xE0),
            0x81 | 0x87 => pes.data.starts_with(&[0x0B, 0x77]),
            _ => true,
        };
        if !is_whole {
            let head = &pes.data[..pes.data.len().min(8)];
            fault(
                &mut found,
                Kind::Audio,
                pes.offset,
                format!("PID {:#x}: no whole frames: {head:02x?}", pes.pid),
            );
        }
    }
    checked.faults.append(&mut found);
}

/// Whether the bytes are ADTS frames (ISO/IEC 13818-7 §6.2), end to end.
fn adts(mut bytes: &[u8]) -> bool {
    while let [0xFF, second, _, a, b, c, ..] = bytes {
        let length = usize::from(a & 3) << 11 | usize::from(*b) << 3 | usize::from(c >> 5);
        if second & 0xF6 != 0xF0 || length < 7 || length > bytes.len() {
            return false;
        }
        bytes = &bytes[length..];
    }
    bytes.is_empty()
}
