//! Edits of a stream packet by packet. All take a stream of 188-byte packets without faults.

use checker::{PACKET, Packet};

use super::Random;

/// A stream as its packets.
#[derive(Clone)]
pub(crate) struct Packets(Vec<[u8; PACKET]>);

/// PTS and DTS of a PES on the 90 kHz clock.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) pts: u64,
    pub(crate) dts: u64,
}

const WRAP: u64 = 1 << 33;

impl Packets {
    pub(crate) fn of(stream: &[u8]) -> Self {
        let packets =
            stream.chunks_exact(PACKET).map(|bytes| bytes.try_into().expect("chunks of this length"));
        Self(packets.collect())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Each packet becomes what `edit` makes of it, with its number among all.
    pub(crate) fn flat_map(&self, edit: impl Fn(usize, [u8; PACKET]) -> Vec<[u8; PACKET]>) -> Self {
        Self(self.0.iter().enumerate().flat_map(|(number, packet)| edit(number, *packet)).collect())
    }

    /// Every `n`th packet twice, as H.222.0 §2.4.3.3 allows of packets with payload.
    pub(crate) fn duplicated(&self, n: usize) -> Self {
        self.flat_map(|number, packet| {
            let is_due = number % n == n - 1 && view(&packet).has_payload();
            if is_due { vec![packet; 2] } else { vec![packet] }
        })
    }

    /// Without every `n`th packet.
    pub(crate) fn without(&self, n: usize) -> Self {
        self.flat_map(|number, packet| if number % n == n - 1 { vec![] } else { vec![packet] })
    }

    /// The packets of `range`, tables aside, with transport_scrambling_control and noise for a payload.
    pub(crate) fn scrambled(&self, range: std::ops::Range<usize>) -> Self {
        self.flat_map(|number, mut packet| {
            let begin = PACKET - view(&packet).payload().len();
            if range.contains(&number) && view(&packet).pid() > 0x1F {
                packet[3] |= 0x80;
                packet[begin..]
                    .iter_mut()
                    .zip(Random::new().bytes(PACKET))
                    .for_each(|(byte, noise)| *byte ^= noise);
            }
            vec![packet]
        })
    }

    /// A wrong byte in the payload of every `n`th packet; with transport_error_indicator, or unmarked.
    pub(crate) fn with_errors(&self, n: usize, are_marked: bool) -> Self {
        self.flat_map(|number, mut packet| {
            if number % n == n - 1 && view(&packet).pid() > 0x1F {
                packet[1] |= u8::from(are_marked) << 7;
                packet[PACKET - 30] ^= 0x55;
            }
            vec![packet]
        })
    }

    /// A null packet behind every `n`th.
    pub(crate) fn with_null_packets(&self, n: usize) -> Self {
        let mut null = [0xFF; PACKET];
        null[..4].copy_from_slice(&[0x47, 0x1F, 0xFF, 0x10]);
        self.flat_map(|number, packet| if number % n == 0 { vec![packet, null] } else { vec![packet] })
    }

    /// Without tables among the first `count` packets.
    pub(crate) fn without_tables(&self, count: usize) -> Self {
        let is_table = |packet: &[u8; PACKET]| view(packet).is_start() && view(packet).payload()[0] == 0;
        let is_pes = |packet: &[u8; PACKET]| view(packet).payload().starts_with(&[0, 0, 1]);
        self.flat_map(|number, packet| {
            let is_dropped = number < count && is_table(&packet) && !is_pes(&packet);
            if is_dropped { vec![] } else { vec![packet] }
        })
    }

    /// A wrong byte in every second PMT but the first: of the sections with table_id 2.
    pub(crate) fn with_broken_tables(&self) -> Self {
        let mut packets = self.clone();
        let is_pmt = |packet: &&mut [u8; PACKET]| {
            view(packet).is_start() && view(packet).payload().starts_with(&[0, 2])
        };
        for packet in packets.0.iter_mut().filter(is_pmt).skip(1).step_by(2) {
            let at = PACKET - view(packet).payload().len();
            packet[at + 15] ^= 0x10;
        }
        packets
    }

    /// `garbage` before packet `at`, which need not leave the grid as it was.
    pub(crate) fn with_garbage(&self, at: usize, garbage: &[u8]) -> Vec<u8> {
        [&self.0[..at].concat(), garbage, &self.0[at..].concat()].concat()
    }

    /// Every packet in a frame of its own: `before` bytes before it and `after` behind it.
    pub(crate) fn framed(&self, before: usize, after: usize) -> Vec<u8> {
        let frame = |(number, packet): (usize, &[u8; PACKET])| {
            // An arrival time of 30 bits, as on a disc; parity behind it is zeros, as where nobody fills it in.
            let stamp = ((number as u32 * 4321) & 0x3FFF_FFFF).to_be_bytes();
            [&stamp[..before], packet, &vec![0; after]].concat()
        };
        self.0.iter().enumerate().flat_map(frame).collect()
    }

    /// All times moved, clock references among them, from the packet numbered `from` on.
    pub(crate) fn moved(&self, from: usize, ticks: i64) -> Self {
        let moved = |time: u64| (time as i64 + ticks).rem_euclid(WRAP as i64) as u64;
        let mut moved_packets =
            self.with_times(from, |_, times| Times { pts: moved(times.pts), dts: moved(times.dts) });
        for packet in moved_packets.0.iter_mut().skip(from) {
            if let Some(pcr) = view(packet).pcr() {
                let base = moved(pcr / 300);
                let field = base << 15 | 0x3F << 9 | (pcr % 300);
                packet[6..12].copy_from_slice(&field.to_be_bytes()[2..]);
            }
        }
        moved_packets
    }

    /// The times of PES of pictures edited: `edit` is told which picture it is.
    pub(crate) fn with_picture_times(&self, edit: impl Fn(usize, Times) -> Times) -> Self {
        let mut number = 0;
        self.with_times(0, |is_picture, times| {
            number += usize::from(is_picture);
            if is_picture { edit(number - 1, times) } else { times }
        })
    }

    fn with_times(&self, from: usize, mut edit: impl FnMut(bool, Times) -> Times) -> Self {
        let mut packets = self.clone();
        for packet in packets.0.iter_mut().skip(from) {
            let view = view(packet);
            let at = PACKET - view.payload().len();
            let payload = view.payload();
            if !view.is_start() || !payload.starts_with(&[0, 0, 1]) || payload[7] < 0x80 {
                continue;
            }
            let has_dts = payload[7] & 0x40 != 0;
            let pts = timestamp(&payload[9..]);
            let dts = if has_dts { timestamp(&payload[14..]) } else { pts };
            let times = edit(payload[3] & 0xF0 == 0xE0, Times { pts, dts });
            write_timestamp(&mut packet[at + 9..at + 14], times.pts);
            if has_dts {
                write_timestamp(&mut packet[at + 14..at + 19], times.dts);
            }
        }
        packets
    }

    /// The number of the packet that the `n`th PES of pictures begins with.
    pub(crate) fn picture(&self, n: usize) -> usize {
        let starts = self.0.iter().enumerate().filter(|(_, packet)| {
            let view = view(packet);
            view.is_start() && view.payload().starts_with(&[0, 0, 1]) && view.payload()[3] & 0xF0 == 0xE0
        });
        starts.map(|(number, _)| number).nth(n).expect("the clip has that many pictures")
    }

    pub(crate) fn tail(&self, from: usize) -> Self {
        Self(self.0[from..].to_vec())
    }
}

/// Random bytes; with `syncs` every third is a sync byte.
pub(crate) fn garbage(count: usize, syncs: bool) -> Vec<u8> {
    let mut garbage = Random::new().bytes(count);
    for (number, byte) in garbage.iter_mut().enumerate() {
        if syncs && number % 3 == 0 {
            *byte = 0x47;
        } else if *byte == 0x47 {
            *byte = 0x48;
        }
    }
    garbage
}

fn view(packet: &[u8; PACKET]) -> Packet<'_> {
    Packet::new(packet).expect("a sound stream")
}

/// The 33 bits of a PTS or DTS.
fn timestamp(field: &[u8]) -> u64 {
    let wide = field[..5].iter().fold(0u64, |wide, &byte| wide << 8 | u64::from(byte));
    (wide >> 33 & 7) << 30 | (wide >> 17 & 0x7FFF) << 15 | wide >> 1 & 0x7FFF
}

/// Puts 33 bits where a PTS or DTS is; prefix and marker bits stay.
pub(crate) fn write_timestamp(field: &mut [u8], time: u64) {
    let prefix = u64::from(field[0] >> 4);
    let wide = prefix << 36
        | (time >> 30 & 7) << 33
        | 1 << 32
        | (time >> 15 & 0x7FFF) << 17
        | 1 << 16
        | (time & 0x7FFF) << 1
        | 1;
    field.copy_from_slice(&wide.to_be_bytes()[3..]);
}
