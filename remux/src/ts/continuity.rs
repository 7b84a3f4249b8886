//! Continuity counters (H.222.0 §2.4.3.3).

use super::packet::{Header, PACKET, Packet, discontinuity_indicator};

/// What a continuity_counter says about the packets before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Continuity {
    /// Nothing is missing.
    Follows,
    /// The packet came before.
    Duplicate,
    /// Packets are missing.
    Gap,
}

/// Follows the counter of one PID over its packets with payload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    last: Option<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    counter: u8,
    /// The end of the payload: tells a packet sent twice from a counter that stands still.
    tail: [u8; TAIL],
}

const TAIL: usize = 8;

impl Counter {
    /// Looks at the next packet with payload.
    #[inline]
    pub(crate) fn on_packet(&mut self, packet: &Packet) -> Continuity {
        let counter = Header::of(packet).continuity_counter();
        let mut tail = [0; TAIL];
        tail.copy_from_slice(&packet[PACKET - TAIL..]);
        match self.last.replace(Seen { counter, tail }) {
            Some(last) if counter == (last.counter + 1) & 0x0f => Continuity::Follows,
            None => Continuity::Follows,
            Some(last) if counter == last.counter && tail == last.tail => Continuity::Duplicate,
            Some(_) if discontinuity_indicator(packet) => Continuity::Follows,
            Some(_) => Continuity::Gap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(counter: u8, payload: u8) -> Packet {
        let mut packet = [payload; PACKET];
        packet[..4].copy_from_slice(&[0x47, 0x01, 0x00, 0x10 | counter]);
        packet
    }

    #[test]
    fn steps_of_one_follow_and_wrap() {
        let mut counter = Counter::default();
        for n in 0..40 {
            assert_eq!(counter.on_packet(&packet(n & 15, n)), Continuity::Follows);
        }
    }

    #[test]
    fn the_same_packet_twice_is_a_duplicate_another_one_is_a_gap() {
        let mut counter = Counter::default();
        counter.on_packet(&packet(3, 1));
        assert_eq!(counter.on_packet(&packet(3, 1)), Continuity::Duplicate);
        assert_eq!(counter.on_packet(&packet(3, 2)), Continuity::Gap);
        assert_eq!(counter.on_packet(&packet(4, 2)), Continuity::Follows);
        assert_eq!(counter.on_packet(&packet(6, 2)), Continuity::Gap);
    }

    #[test]
    fn a_declared_discontinuity_is_no_gap() {
        let mut counter = Counter::default();
        counter.on_packet(&packet(3, 1));
        let mut declared = packet(9, 1);
        declared[3] |= 0x20;
        declared[4..6].copy_from_slice(&[1, 0x80]);
        assert_eq!(counter.on_packet(&declared), Continuity::Follows);
    }
}
