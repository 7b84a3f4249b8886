//! Sections out of packets (H.222.0 §2.4.4): any number of packets a section, any number of sections a packet.

use crate::limits::PSI_SECTION;
use crate::psi::crc32;

/// Collects the sections of one PID.
#[derive(Debug, Clone, Default)]
pub(crate) struct SectionAssembler {
    /// The beginning of a section; empty while waiting for one to start.
    buffer: Vec<u8>,
    /// Sections that were dropped for a wrong CRC or an impossible length.
    pub(crate) damaged: u64,
}

/// `table_id` to `section_length`.
const SECTION_HEADER: usize = 3;
/// `table_id` of what fills up a packet (H.222.0 §2.4.4.1).
const STUFFING: u8 = 0xff;

impl SectionAssembler {
    /// The payload of the next packet of the PID. Each complete section with a right CRC goes to `on_section`, from
    /// `table_id` up to the CRC, which is left out.
    pub(crate) fn on_payload(&mut self, payload: &[u8], unit_start: bool, mut on_section: impl FnMut(&[u8])) {
        if !unit_start {
            if !self.buffer.is_empty() {
                self.take_sections(payload, &mut on_section);
            }
            return;
        }
        // H.222.0 §2.4.4.2: pointer_field bytes end the section before, then a section starts.
        let Some((&pointer, rest)) = payload.split_first() else { return };
        let Some((end_of_last, start)) = rest.split_at_checked(usize::from(pointer)) else {
            self.damaged += 1;
            self.buffer.clear();
            return;
        };
        if !self.buffer.is_empty() {
            self.take_sections(end_of_last, &mut on_section);
        }
        self.buffer.clear();
        self.take_sections(start, &mut on_section);
    }

    fn take_sections(&mut self, bytes: &[u8], on_section: &mut impl FnMut(&[u8])) {
        self.buffer.extend_from_slice(bytes);
        while let Some(&[table_id, high, low]) = self.buffer.first_chunk::<SECTION_HEADER>() {
            let length = SECTION_HEADER + (usize::from(high & 0x0f) << 8 | usize::from(low));
            if table_id == STUFFING {
                self.buffer.clear();
            } else if length > PSI_SECTION {
                self.damaged += 1;
                self.buffer.clear();
            } else if let Some(section) = self.buffer.get(..length) {
                // Over a section with its CRC the CRC is 0.
                match section.split_last_chunk::<4>() {
                    Some((body, _)) if crc32(section) == 0 => on_section(body),
                    _ => self.damaged += 1,
                }
                self.buffer.drain(..length);
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(table_id: u8, body: &[u8]) -> Vec<u8> {
        let length = body.len() + 4;
        let mut bytes = vec![table_id, 0xb0 | (length >> 8) as u8, length as u8];
        bytes.extend(body);
        bytes.extend(crc32(&bytes).to_be_bytes());
        bytes
    }

    fn collect(payloads: &[(&[u8], bool)]) -> (Vec<Vec<u8>>, u64) {
        let mut assembler = SectionAssembler::default();
        let mut sections = Vec::new();
        for &(payload, start) in payloads {
            assembler.on_payload(payload, start, |section| sections.push(section.to_vec()));
        }
        (sections, assembler.damaged)
    }

    fn without_crc(section: &[u8]) -> Vec<u8> {
        section[..section.len() - 4].to_vec()
    }

    #[test]
    fn several_sections_in_a_packet_and_a_section_over_several_packets() {
        let (a, b) = (section(0, b"first"), section(2, &[7; 300]));
        let mut stream = [a.clone(), b.clone()].concat();
        stream.extend([0xff; 20]);
        let first = [&[0], &stream[..100]].concat();
        let found = collect(&[(&first, true), (&stream[100..250], false), (&stream[250..], false)]);
        assert_eq!(found, (vec![without_crc(&a), without_crc(&b)], 0));
    }

    #[test]
    fn the_pointer_field_ends_one_section_and_starts_the_next() {
        let (a, b) = (section(2, &[1; 200]), section(2, &[2; 10]));
        let first = [&[0], &a[..180]].concat();
        let second = [&[(a.len() - 180) as u8], &a[180..], &b[..]].concat();
        assert_eq!(collect(&[(&first, true), (&second, true)]), (vec![without_crc(&a), without_crc(&b)], 0));
    }

    #[test]
    fn wrong_crc_and_impossible_lengths_are_counted() {
        let mut broken = section(2, b"body");
        broken[4] ^= 1;
        let broken = [&[0], &broken[..]].concat();
        let endless = [0, 2, 0xbf, 0xff, 1, 2, 3];
        let pointer_past_the_end = [200, 1, 2];
        let found = collect(&[(&broken, true), (&endless, true), (&pointer_past_the_end, true), (&[], true)]);
        assert_eq!(found, (vec![], 3));
    }
}
