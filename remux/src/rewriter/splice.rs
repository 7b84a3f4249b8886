//! SCTE-35 cues name times of the clock that goes out (SCTE 35 §9.2: pts_adjustment).

use crate::psi::crc32;
use crate::time::{MediaTime, Ticks};
use crate::ts::{Header, Packet, payload_offset};

const SPLICE_INFO: u8 = 0xfc;
/// Bytes before pts_adjustment: table_id, lengths, protocol_version.
const ADJUSTMENT: usize = 4;
const CRC: usize = 4;

/// Adds `shift` to the pts_adjustment of the section that a packet holds whole. One that goes on in further packets stays as
/// it is; cues that long are not met.
pub(super) fn move_times(packet: &mut Packet, shift: Ticks) {
    if Header::of(packet).payload_unit_start_indicator()
        && let Some(begin) = payload_offset(packet)
        && let Some(pointer) = packet.get(begin).copied()
        && let Some(section) = packet.get_mut(begin + 1 + usize::from(pointer)..)
    {
        adjust(section, shift);
    }
}

fn adjust(section: &mut [u8], shift: Ticks) -> Option<()> {
    let length = match *section.first_chunk()? {
        [SPLICE_INFO, high, low] => 3 + (usize::from(high & 0x0f) << 8 | usize::from(low)),
        _ => return None,
    };
    let section = section.get_mut(..length)?;
    if crc32(section) != 0 || length < ADJUSTMENT + 5 + CRC {
        return None;
    }
    let [first, rest @ ..] = section[ADJUSTMENT..].first_chunk::<5>().copied()?;
    let adjustment = i64::from(first & 1) << 32 | i64::from(u32::from_be_bytes(rest));
    let moved = (MediaTime::from_ticks(adjustment) + shift).wrap().value();
    section[ADJUSTMENT] = first & 0xfe | (moved >> 32) as u8;
    section[ADJUSTMENT + 1..ADJUSTMENT + 5].copy_from_slice(&(moved as u32).to_be_bytes());
    let (body, crc) = section.split_at_mut(length - CRC);
    crc.copy_from_slice(&crc32(body).to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cues_are_moved_with_the_clock() {
        let mut section = vec![SPLICE_INFO, 0x30, 17, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0];
        section.extend(crc32(&section).to_be_bytes());
        let mut moved = [&section[..], &[0xff; 20]].concat();
        adjust(&mut moved, Ticks::new(90_000)).unwrap();
        assert_eq!(moved[4..9], [0, 0x00, 0x01, 0x5f, 0x8f], "33 bits, wrapped");
        assert_eq!(crc32(&moved[..20]), 0);
        assert_eq!(moved[9..16], section[9..16]);
        section[10] ^= 1;
        assert_eq!(adjust(&mut section, Ticks::new(1)), None, "a damaged cue is left alone");
    }
}
