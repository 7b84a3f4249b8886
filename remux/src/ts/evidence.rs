//! Whether what stands on a grid are packets, and not just bytes that look like sync bytes: garbage has no counters.

use super::Pid;
use super::packet::{Header, Packet};
use crate::limits::SIZE_CHANGE_CONFIRMATIONS;

/// Packets that must follow another one of their PID.
const FOLLOWING: usize = 4;

/// What the headers of neighbouring packets say of each other.
#[derive(Default)]
pub(super) struct Evidence {
    /// Packets whose counter goes on.
    following: usize,
    /// Packets whose counter does not, or that cannot be.
    contradicting: usize,
    /// The last counter of each PID.
    counters: Vec<(Pid, u8)>,
}

impl Evidence {
    /// What so many packets say as [`SIZE_CHANGE_CONFIRMATIONS`] allows.
    pub(super) fn of<'a>(packets: impl Iterator<Item = &'a Packet>) -> Self {
        let mut evidence = Self::default();
        packets.take(SIZE_CHANGE_CONFIRMATIONS).for_each(|packet| evidence.hear(Header::of(packet)));
        evidence
    }

    /// Whether these are the packets of one multiplex. A few may be lost or damaged.
    pub(super) fn is_convincing(&self) -> bool {
        self.following >= FOLLOWING && self.contradicting * 2 <= self.following
    }

    fn hear(&mut self, header: Header) {
        let (pid, counter) = (header.pid(), header.continuity_counter());
        if !header.has_payload() && !header.has_adaptation_field() {
            // Reserved (H.222.0 table 2-5).
            self.contradicting += 1;
            return;
        }
        // The counter of null packets means nothing (H.222.0 §2.4.3.3).
        if pid == Pid::NULL || header.transport_error_indicator() {
            return;
        }
        let Some((_, last)) = self.counters.iter_mut().find(|(known, _)| *known == pid) else {
            return self.counters.push((pid, counter));
        };
        let before = std::mem::replace(last, counter);
        match (header.has_payload(), counter.wrapping_sub(before) & 0x0f) {
            (true, 1) | (false, 0) => self.following += 1,
            // Sent twice.
            (true, 0) => {}
            _ => self.contradicting += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ts::PACKET;

    /// Packets with these PIDs and counters, with payload alone.
    fn convinces(packets: &[(u16, u8)]) -> bool {
        let packets: Vec<Packet> = packets
            .iter()
            .map(|&(pid, counter)| {
                let mut packet = [0; PACKET];
                packet[..4].copy_from_slice(&[0x47, (pid >> 8) as u8, pid as u8, 0x10 | counter]);
                packet
            })
            .collect();
        Evidence::of(packets.iter()).is_convincing()
    }

    #[test]
    fn counters_that_go_on_convince() {
        assert!(convinces(&[(256, 14), (256, 15), (257, 3), (256, 0), (257, 4), (256, 1)]));
        assert!(convinces(&[(256, 1), (256, 2), (256, 2), (256, 5), (256, 6), (256, 7), (256, 8)]));
    }

    #[test]
    fn what_does_not_repeat_or_does_not_go_on_proves_nothing() {
        assert!(!convinces(&[(256, 1), (257, 2), (258, 3), (259, 4), (260, 5), (261, 6)]));
        assert!(!convinces(&[(256, 1); 16]));
        assert!(!convinces(&[
            (256, 1),
            (256, 2),
            (256, 9),
            (256, 10),
            (256, 3),
            (256, 4),
            (256, 8),
            (256, 9)
        ]));
        assert!(!convinces(&[(0x1fff, 1), (0x1fff, 2), (0x1fff, 3), (0x1fff, 4), (0x1fff, 5), (0x1fff, 6)]));
    }
}
