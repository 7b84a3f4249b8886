//! Continuity counters (H.222.0 §2.4.3.3).

use super::Pid;
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
        let seen @ Seen { counter, tail } = Seen::of(packet);
        match self.last.replace(seen) {
            Some(last) if counter == (last.counter + 1) & 0x0f => Continuity::Follows,
            None => Continuity::Follows,
            Some(last) if counter == last.counter && tail == last.tail => Continuity::Duplicate,
            Some(_) if discontinuity_indicator(packet) => Continuity::Follows,
            Some(_) => Continuity::Gap,
        }
    }

    /// How many packets at the front of `row` are nothing but payload of `pid`, each following the one before; the first
    /// follows the last that was looked at. Each of them is handed to `on_each`, which says whether to go on behind it.
    #[inline]
    pub(crate) fn on_row(
        &mut self,
        pid: Pid,
        row: &mut [Packet],
        mut on_each: impl FnMut(&mut Packet) -> bool,
    ) -> usize {
        let Some(Seen { counter: mut last, .. }) = self.last else { return 0 };
        let mut count = 0;
        for packet in &mut *row {
            last = last.wrapping_add(1);
            if !Header::of(packet).is_like(Header::of_payload(pid, last)) {
                break;
            }
            count += 1;
            if !on_each(packet) {
                break;
            }
        }
        self.last = row[..count].last().map(Seen::of).or(self.last);
        count
    }
}

impl Seen {
    #[inline]
    fn of(packet: &Packet) -> Self {
        let mut tail = [0; TAIL];
        tail.copy_from_slice(&packet[PACKET - TAIL..]);
        Self { counter: Header::of(packet).continuity_counter(), tail }
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

    /// A counter that has seen packet 3, and packets 4 to 11 behind it.
    fn row() -> (Counter, Vec<Packet>) {
        let mut counter = Counter::default();
        counter.on_packet(&packet(3, 1));
        (counter, (4..12).map(|n| packet(n, n)).collect())
    }

    #[test]
    fn a_row_ends_before_the_first_packet_that_has_more_to_say() {
        const PID: Pid = Pid::new(0x100);
        let of_byte = |at: usize, value: u8| {
            let (mut counter, mut row) = row();
            row[5][at] = value;
            let mut seen = 0;
            let count = counter.on_row(PID, &mut row, |_| {
                seen += 1;
                true
            });
            assert_eq!(count, seen);
            assert_eq!(
                counter.on_packet(&row[seen - 1]),
                Continuity::Duplicate,
                "the last one is remembered"
            );
            seen
        };
        assert_eq!(of_byte(1, 0x01), 8, "as it was");
        assert_eq!(of_byte(1, 0x21), 8, "the priority says nothing");
        let more: [(usize, &[u8]); 4] =
            [(0, &[0]), (1, &[0x00, 0x41, 0x81]), (2, &[1]), (3, &[0x18, 0x1a, 0x29, 0x39, 0x99])];
        for (at, values) in more {
            for &value in values {
                assert_eq!(of_byte(at, value), 5, "byte {at} is {value:#x}");
            }
        }
    }

    #[test]
    fn a_row_ends_behind_the_packet_that_was_enough_and_follows_something() {
        const PID: Pid = Pid::new(0x100);
        let (mut counter, mut row) = row();
        assert_eq!(counter.on_row(PID, &mut row, |_| false), 1);
        assert_eq!(counter.on_row(PID, &mut row[1..], |_| true), 7);
        assert_eq!(Counter::default().on_row(PID, &mut row, |_| true), 0, "nothing was seen");
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
