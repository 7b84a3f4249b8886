//! PAT and PMT as found in a source (H.222.0 §2.4.4.3 to §2.4.4.9).

use super::descriptor::Descriptors;
use crate::ts::Pid;

/// A program of a PAT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) number: u16,
    pub(crate) pmt_pid: Pid,
}

/// A stream of a PMT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeclaredStream {
    pub(crate) stream_type: u8,
    pub(crate) pid: Pid,
    pub(crate) descriptors: Descriptors,
}

/// A PMT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pmt {
    pub(crate) program_number: u16,
    pub(crate) program_info: Descriptors,
    pub(crate) streams: Vec<DeclaredStream>,
}

const PAT_TABLE_ID: u8 = 0x00;
const PMT_TABLE_ID: u8 = 0x02;
/// Bytes of a long section's header, up to `last_section_number`.
const LONG_HEADER: usize = 8;

/// The part after the header of a section with `table_id` that applies now (`current_next_indicator`), and
/// its `table_id_extension`.
fn body(section: &[u8], table_id: u8) -> Option<(u16, &[u8])> {
    let (header, body) = section.split_first_chunk::<LONG_HEADER>()?;
    let applies = header[0] == table_id && header[1] & 0x80 != 0 && header[5] & 1 == 1;
    applies.then_some((u16::from_be_bytes([header[3], header[4]]), body))
}

/// The programs of a PAT section; the network PID (program 0) is no program. `None` where it is no PAT that applies.
pub(crate) fn parse_pat(section: &[u8]) -> Option<Vec<Program>> {
    let (_, body) = body(section, PAT_TABLE_ID)?;
    let (entries, _) = body.as_chunks::<4>();
    let programs = entries.iter().map(|&[n1, n0, p1, p0]| Program {
        number: u16::from_be_bytes([n1, n0]),
        pmt_pid: Pid::new(u16::from_be_bytes([p1, p0])),
    });
    Some(programs.filter(|program| program.number != 0 && program.pmt_pid.is_assignable()).collect())
}

/// The streams of a PMT section. Lengths that reach past the section end the list there; `None` where it is no PMT that
/// applies.
pub(crate) fn parse_pmt(section: &[u8]) -> Option<Pmt> {
    let (program_number, body) = body(section, PMT_TABLE_ID)?;
    let (head, rest) = body.split_first_chunk::<4>()?;
    let (program_info, mut rest) = rest.split_at_checked(length12(head[2], head[3]))?;
    let mut streams = Vec::new();
    while let Some((&[stream_type, p1, p0, l1, l0], after)) = rest.split_first_chunk::<5>() {
        let Some((descriptors, after)) = after.split_at_checked(length12(l1, l0)) else { break };
        let pid = Pid::new(u16::from_be_bytes([p1, p0]));
        streams.push(DeclaredStream { stream_type, pid, descriptors: Descriptors::new(descriptors) });
        rest = after;
    }
    Some(Pmt { program_number, program_info: Descriptors::new(program_info), streams })
}

/// A 12-bit length behind four reserved bits.
fn length12(high: u8, low: u8) -> usize {
    usize::from(high & 0x0f) << 8 | usize::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pat_lists_programs_and_leaves_the_network_out() {
        let section = [
            0x00, 0xb0, 17, 0, 1, 0xc1, 0, 0, // header
            0, 0, 0xe0, 0x10, // network PID
            0, 1, 0xf0, 0x00, // program 1 on 0x1000
            0, 2, 0xff, 0xff, // program 2 on the null PID
        ];
        assert_eq!(parse_pat(&section), Some(vec![Program { number: 1, pmt_pid: Pid::new(0x1000) }]));
    }

    #[test]
    fn a_table_that_does_not_apply_yet_is_none() {
        assert_eq!(parse_pat(&[0x00, 0xb0, 9, 0, 1, 0xc0, 0, 0]), None);
        assert_eq!(parse_pat(&[0x00, 0xb0]), None);
    }

    #[test]
    fn pmt_lengths_that_lie_end_the_list() {
        let good = [
            0x02, 0xb0, 0, 0, 1, 0xc1, 0, 0, 0xe1, 0x00, 0xf0, 0x00, // header, PCR PID, no program_info
            0x1b, 0xe1, 0x00, 0xf0, 0x00, // H.264
            0x06, 0xe1, 0x02, 0xf0, 0x03, 0x6a, 0x01, 0x00, // AC-3 by descriptor
        ];
        let pmt = parse_pmt(&good).unwrap();
        assert_eq!(
            pmt.streams.iter().map(|s| (s.stream_type, s.pid.value())).collect::<Vec<_>>(),
            [(0x1b, 0x100), (0x06, 0x102)]
        );
        let mut lying = good;
        lying[21] = 4;
        assert_eq!(parse_pmt(&lying).unwrap().streams.len(), 1);
        lying[11] = 200;
        assert_eq!(parse_pmt(&lying), None);
    }
}
