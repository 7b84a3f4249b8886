//! One transport packet: field views, and the fields that are written in place (H.222.0 §2.4.3.2 to §2.4.3.5).

use super::Pid;
use crate::time::Pcr;

/// Bytes of a transport packet.
pub const PACKET: usize = 188;
/// The first byte of every packet.
pub const SYNC_BYTE: u8 = 0x47;

/// A packet in place.
pub(crate) type Packet = [u8; PACKET];

const PAYLOAD_UNIT_START: u8 = 0x40;
const TRANSPORT_PRIORITY: u8 = 0x20;
const HAS_ADAPTATION: u8 = 0x20;
const HAS_PAYLOAD: u8 = 0x10;

const DISCONTINUITY: u8 = 0x80;
const RANDOM_ACCESS: u8 = 0x40;
const ES_PRIORITY: u8 = 0x20;
const PCR_FLAG: u8 = 0x10;

/// `adaptation_field_length` of the shortest field with room for a PCR: the flags and six bytes.
const AF_LENGTH_WITH_PCR: usize = 7;
/// `adaptation_field_length` where no payload follows.
const AF_LENGTH_ALONE: usize = PACKET - 5;

/// The four bytes that every packet begins with.
#[derive(Clone, Copy)]
pub(crate) struct Header([u8; 4]);

impl Header {
    #[inline]
    pub(crate) fn of(packet: &Packet) -> Self {
        Self([packet[0], packet[1], packet[2], packet[3]])
    }

    /// Of a packet that is nothing but payload in the middle of a PES: sound, clear, without an adaptation field.
    #[inline]
    pub(crate) fn of_payload(pid: Pid, continuity_counter: u8) -> Self {
        let [high, low] = pid.value().to_be_bytes();
        Self([SYNC_BYTE, high, low, HAS_PAYLOAD | continuity_counter & 0x0f])
    }

    /// Whether all but the priority is the same.
    #[inline]
    pub(crate) fn is_like(self, other: Self) -> bool {
        const PRIORITY: u32 = u32::from_be_bytes([0, TRANSPORT_PRIORITY, 0, 0]);
        (u32::from_be_bytes(self.0) ^ u32::from_be_bytes(other.0)) & !PRIORITY == 0
    }

    #[inline]
    pub(crate) fn pid(self) -> Pid {
        Pid::new(u16::from_be_bytes([self.0[1], self.0[2]]))
    }

    #[inline]
    pub(crate) fn transport_error_indicator(self) -> bool {
        self.0[1] & 0x80 != 0
    }

    #[inline]
    pub(crate) fn payload_unit_start_indicator(self) -> bool {
        self.0[1] & PAYLOAD_UNIT_START != 0
    }

    #[inline]
    pub(crate) fn is_scrambled(self) -> bool {
        self.0[3] & 0xc0 != 0
    }

    #[inline]
    pub(crate) fn has_adaptation_field(self) -> bool {
        self.0[3] & HAS_ADAPTATION != 0
    }

    #[inline]
    pub(crate) fn has_payload(self) -> bool {
        self.0[3] & HAS_PAYLOAD != 0
    }

    #[inline]
    pub(crate) fn continuity_counter(self) -> u8 {
        self.0[3] & 0x0f
    }
}

/// Where the payload starts, 4 to 187; `None` where `adaptation_field_length` leaves none.
#[inline]
pub(crate) fn payload_offset(packet: &Packet) -> Option<usize> {
    if !Header::of(packet).has_adaptation_field() {
        return Some(4);
    }
    let offset = 5 + usize::from(packet[4]);
    (offset < PACKET).then_some(offset)
}

/// The payload; empty where there is none.
#[inline]
pub(crate) fn payload(packet: &Packet) -> &[u8] {
    payload_offset(packet).and_then(|offset| packet.get(offset..)).unwrap_or_default()
}

/// `discontinuity_indicator`, false without an adaptation field.
pub(crate) fn discontinuity_indicator(packet: &Packet) -> bool {
    Header::of(packet).has_adaptation_field() && packet[4] > 0 && packet[5] & DISCONTINUITY != 0
}

/// Gives a packet its output PID; the priority and all that says where PES start stays.
#[inline]
pub(crate) fn relabel(packet: &mut Packet, pid: Pid) {
    let [high, low] = pid.value().to_be_bytes();
    packet[1] = packet[1] & (PAYLOAD_UNIT_START | TRANSPORT_PRIORITY) | high;
    packet[2] = low;
}

/// Writes the adaptation field of a packet with payload anew, at the length that it has: what it says of the source's
/// clock and splices is dropped, `random_access_indicator` and `pcr` are set where there is room. Says whether the PCR
/// was written.
pub(crate) fn rewrite_adaptation_field(packet: &mut Packet, random_access: bool, pcr: Option<Pcr>) -> bool {
    if !Header::of(packet).has_adaptation_field() {
        return false;
    }
    let length = usize::from(packet[4]).min(AF_LENGTH_ALONE);
    let Some((flags, fields)) = packet[5..5 + length].split_first_mut() else { return false };
    *flags &= DISCONTINUITY | ES_PRIORITY;
    if random_access {
        *flags |= RANDOM_ACCESS;
    }
    fields.fill(0xff);
    match (pcr, fields.first_chunk_mut()) {
        (Some(pcr), Some(field)) => {
            *flags |= PCR_FLAG;
            *field = pcr.to_bytes();
            true
        }
        _ => false,
    }
}

/// Whether the packet has an adaptation field that can say more than its length.
pub(crate) fn has_room_for_flags(packet: &Packet) -> bool {
    Header::of(packet).has_adaptation_field() && packet[4] > 0
}

/// Whether a PCR finds room in the adaptation field that the packet has.
pub(crate) fn has_room_for_pcr(packet: &Packet) -> bool {
    Header::of(packet).has_adaptation_field() && usize::from(packet[4]) >= AF_LENGTH_WITH_PCR
}

/// A packet without payload; `continuity_counter` is that of the last packet with payload (H.222.0 §2.4.3.3: it does not
/// step without payload).
fn packet_without_payload(pid: Pid, continuity_counter: u8, flags: u8) -> Packet {
    let mut packet = [0xff; PACKET];
    let [high, low] = pid.value().to_be_bytes();
    let control = HAS_ADAPTATION | continuity_counter & 0x0f;
    packet[..6].copy_from_slice(&[SYNC_BYTE, high, low, control, AF_LENGTH_ALONE as u8, flags]);
    packet
}

/// A packet without payload that carries a PCR.
pub(crate) fn pcr_packet(pid: Pid, continuity_counter: u8, random_access: bool, pcr: Pcr) -> Packet {
    let flags = if random_access { PCR_FLAG | RANDOM_ACCESS } else { PCR_FLAG };
    let mut packet = packet_without_payload(pid, continuity_counter, flags);
    packet[6..12].copy_from_slice(&pcr.to_bytes());
    packet
}

/// A packet without payload that says that the counter begins anew with the next one (`discontinuity_indicator`).
pub(crate) fn discontinuity_packet(pid: Pid, continuity_counter: u8) -> Packet {
    packet_without_payload(pid, continuity_counter, DISCONTINUITY)
}

/// Sets `discontinuity_indicator` where there is an adaptation field for it; says whether there is.
pub(crate) fn set_discontinuity(packet: &mut Packet) -> bool {
    let has_flags = Header::of(packet).has_adaptation_field() && packet[4] > 0;
    if has_flags {
        packet[5] |= DISCONTINUITY;
    }
    has_flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MediaTime;

    fn with_adaptation(length: u8, flags: u8) -> Packet {
        let mut packet = [0xaa; PACKET];
        packet[..6].copy_from_slice(&[SYNC_BYTE, 0x41, 0x00, 0x30, length, flags]);
        packet
    }

    #[test]
    fn relabelling_keeps_start_and_priority_and_clears_the_error_flag() {
        let mut packet = [0; PACKET];
        packet[..4].copy_from_slice(&[SYNC_BYTE, 0xe1, 0x23, 0x17]);
        relabel(&mut packet, Pid::new(0x1ffe));
        assert_eq!(packet[..4], [SYNC_BYTE, 0x7f, 0xfe, 0x17]);
    }

    #[test]
    fn adaptation_field_that_fills_the_packet_leaves_no_payload() {
        assert_eq!(payload_offset(&with_adaptation(182, 0)), Some(187));
        assert_eq!(payload_offset(&with_adaptation(183, 0)), None);
        assert_eq!(payload_offset(&with_adaptation(255, 0)), None);
    }

    #[test]
    fn pcr_is_written_where_there_is_room_and_all_else_becomes_stuffing() {
        let pcr = MediaTime::from_ticks(90_000).to_pcr();
        let mut packet = with_adaptation(20, 0x1f | DISCONTINUITY);
        assert!(has_room_for_pcr(&packet));
        assert!(rewrite_adaptation_field(&mut packet, true, Some(pcr)));
        assert_eq!(packet[5], DISCONTINUITY | RANDOM_ACCESS | PCR_FLAG);
        assert_eq!(packet[6..12], pcr.to_bytes());
        assert!(packet[12..25].iter().all(|&byte| byte == 0xff));
        assert_eq!(packet[25], 0xaa);

        let mut packet = with_adaptation(6, PCR_FLAG);
        assert!(!has_room_for_pcr(&packet));
        assert!(!rewrite_adaptation_field(&mut packet, false, Some(pcr)));
        assert_eq!(packet[5], 0);
    }

    #[test]
    fn adaptation_field_of_length_zero_has_no_flags_to_write() {
        let mut packet = with_adaptation(0, 0xaa);
        let before = packet;
        assert!(!rewrite_adaptation_field(&mut packet, true, None));
        assert_eq!(packet, before);
    }
}
