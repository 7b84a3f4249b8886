//! PAT and PMT of the output: one program, one packet each (H.222.0 §2.4.4.3, §2.4.4.8; RFC 8216 §3.2).

use crate::layout::{Layout, Stream};
use crate::limits;
use crate::psi::crc32;
use crate::ts::{PACKET, Packet, Pid, SYNC_BYTE};

/// PID of the output's PMT.
const PMT_PID: Pid = Pid::new(0x1000);
/// `program_number` of the output, and its `transport_stream_id`.
const PROGRAM: u16 = 1;
/// What a section in one packet leaves for its body: sync to pointer_field, section header, CRC.
const SECTION_ROOM: usize = PACKET - 5 - 8 - 4;
/// PCR_PID and program_info_length; then each stream takes five bytes.
const _: () = assert!(4 + 5 * limits::STREAMS <= SECTION_ROOM);

/// The tables of one run, ready to go out.
#[derive(Debug)]
pub(crate) struct Tables {
    pat: Packet,
    pmt: Packet,
    version: Version,
}

/// What the tables of a further run go on from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Version {
    /// version_number of the PMT (§2.4.4.9).
    number: u8,
    /// continuity_counter of the next pair.
    counter: u8,
}

impl Tables {
    pub(crate) fn new(layout: &Layout, version: Version) -> Self {
        let pat = [PROGRAM.to_be_bytes(), (0xe000 | PMT_PID.value()).to_be_bytes()].concat();
        let pmt = packet(PMT_PID, 0x02, version.number, &pmt_body(layout));
        Self { pat: packet(Pid::PAT, 0x00, 0, &pat), pmt, version }
    }

    /// What tables of other streams go on with.
    pub(crate) fn next_version(&self) -> Version {
        Version { number: (self.version.number + 1) & 0x1f, ..self.version }
    }

    /// The next PAT and PMT.
    pub(crate) fn next_pair(&mut self) -> [&Packet; 2] {
        for packet in [&mut self.pat, &mut self.pmt] {
            packet[3] = 0x10 | self.version.counter;
        }
        self.version.counter = (self.version.counter + 1) & 0x0f;
        [&self.pat, &self.pmt]
    }

    /// Whether the counters stand where those of a segment made elsewhere begin.
    pub(crate) fn is_aligned(&self) -> bool {
        self.version.counter == 0
    }
}

/// PCR_PID, program_info, the streams; without their descriptors where those do not fit.
fn pmt_body(layout: &Layout) -> Vec<u8> {
    let pcr_pid = layout.streams.first().map_or(Pid::NULL, |key| key.output_pid);
    let streams: usize = layout.streams.iter().map(|stream| 5 + stream.descriptors.len()).sum();
    let with_descriptors = 4 + layout.program_descriptors.len() + streams <= SECTION_ROOM;
    let program_info = if with_descriptors { &layout.program_descriptors[..] } else { &[] };
    let length = 0xf000 | program_info.len() as u16;
    let mut body = [(0xe000 | pcr_pid.value()).to_be_bytes(), length.to_be_bytes()].concat();
    body.extend(program_info);
    for stream in layout.streams.iter().take(limits::STREAMS) {
        body.extend(entry(stream, with_descriptors));
    }
    body
}

fn entry(stream: &Stream, with_descriptors: bool) -> Vec<u8> {
    let descriptors = if with_descriptors { &stream.descriptors[..] } else { &[] };
    let [pid_high, pid_low] = (0xe000 | stream.output_pid.value()).to_be_bytes();
    let [length_high, length_low] = (0xf000 | descriptors.len() as u16).to_be_bytes();
    [&[stream.stream_type, pid_high, pid_low, length_high, length_low], descriptors].concat()
}

/// A packet with one long section, padded with stuffing bytes (§2.4.4.1).
fn packet(pid: Pid, table_id: u8, version: u8, body: &[u8]) -> Packet {
    let section_length = (5 + body.len() + 4) as u16;
    let [length_high, length_low] = (0xb000 | section_length).to_be_bytes();
    let [extension_high, extension_low] = PROGRAM.to_be_bytes();
    // Version, current, section 0 of 0.
    let header =
        [table_id, length_high, length_low, extension_high, extension_low, 0xc1 | version << 1, 0, 0];
    let mut section = [&header, body].concat();
    section.extend(crc32(&section).to_be_bytes());
    let [pid_high, pid_low] = pid.value().to_be_bytes();
    let mut packet = [0xff; PACKET];
    packet[..5].copy_from_slice(&[SYNC_BYTE, 0x40 | pid_high, pid_low, 0x10, 0]);
    packet[5..5 + section.len()].copy_from_slice(&section);
    packet
}
