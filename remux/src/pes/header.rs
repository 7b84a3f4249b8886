//! PES headers: read, and written in place (H.222.0 §2.4.3.6, §2.4.3.7).

use crate::time::Timestamp;

/// The header of a PES packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PesHeader {
    /// Where the elementary stream's bytes begin.
    pub(crate) length: usize,
    /// When it is shown; `None` where the header does not say.
    pub(crate) pts: Option<Timestamp>,
    /// When it is decoded, where that differs.
    pub(crate) dts: Option<Timestamp>,
}

/// What bytes at the start of a PES say about its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// All of it is there.
    Complete(PesHeader),
    /// More bytes are needed.
    More,
    /// It is none.
    Bad,
}

/// Bytes up to and with `PES_packet_length`.
const START: usize = 6;
/// Bytes up to and with `PES_header_data_length`.
const FIXED: usize = 9;
/// A PTS or a DTS.
const TIMESTAMP: usize = 5;

/// `stream_id` of an extended stream, which only a PES extension explains; written as private_stream_1.
const EXTENDED_STREAM_ID: u8 = 0xfd;
const PRIVATE_STREAM_1: u8 = 0xbd;

/// PTS_DTS_flags, the upper two bits of the second flag byte.
const HAS_PTS: u8 = 0x80;
const HAS_DTS: u8 = 0x40;

impl PesHeader {
    /// Reads the header that `pes` begins with.
    pub(crate) fn parse(pes: &[u8]) -> Parsed {
        let prefix = pes.len().min(3);
        if pes[..prefix] != [0, 0, 1][..prefix] {
            return Parsed::Bad;
        }
        let Some(&stream_id) = pes.get(3) else { return Parsed::More };
        if !has_optional_header(stream_id) {
            let header = Self { length: START, pts: None, dts: None };
            return if pes.len() < START { Parsed::More } else { Parsed::Complete(header) };
        }
        let Some(fixed) = pes.first_chunk::<FIXED>() else { return Parsed::More };
        if fixed[6] & 0xc0 != 0x80 {
            return Parsed::Bad;
        }
        let length = FIXED + usize::from(fixed[8]);
        let Some(fields) = pes.get(FIXED..length) else { return Parsed::More };
        let flags = fixed[7];
        let pts = (flags & HAS_PTS != 0).then(|| read_timestamp(fields)).flatten();
        let dts = (flags & (HAS_PTS | HAS_DTS) == HAS_PTS | HAS_DTS)
            .then(|| read_timestamp(fields.get(TIMESTAMP..)?))
            .flatten();
        Parsed::Complete(Self { length, pts, dts })
    }

    /// Writes the header that `pes` begins with anew, at the length that it has: PTS and DTS (each only where the header
    /// has it already), and nothing else; ESCR, CRC of the PES before and extensions are the source's own affair.
    pub(crate) fn rewrite(&self, pes: &mut [u8], pts: Option<Timestamp>, dts: Option<Timestamp>) {
        let Some((fixed, rest)) = pes.split_first_chunk_mut::<FIXED>() else { return };
        if self.length < FIXED {
            return;
        }
        let fields = &mut rest[..self.length - FIXED];
        fields.fill(0xff);
        if fixed[3] == EXTENDED_STREAM_ID {
            fixed[3] = PRIVATE_STREAM_1;
        }
        fixed[7] = 0;
        let Some(pts) = self.pts.and(pts) else { return };
        let dts = self.dts.and(dts);
        fixed[7] = if dts.is_some() { HAS_PTS | HAS_DTS } else { HAS_PTS };
        write_timestamp(&mut fields[..TIMESTAMP], if dts.is_some() { 3 } else { 2 }, pts);
        if let Some(dts) = dts {
            write_timestamp(&mut fields[TIMESTAMP..2 * TIMESTAMP], 1, dts);
        }
    }
}

/// A PES header for `length` bytes of data. PES_packet_length is 0, which means up to the next, where it does not fit and
/// for video, which alone may do so (§2.4.3.7).
pub(crate) fn write_header(stream_id: u8, pts: Timestamp, dts: Option<Timestamp>, length: usize) -> Vec<u8> {
    let fields = TIMESTAMP * if dts.is_some() { 2 } else { 1 };
    let behind_length = FIXED - START + fields + length;
    let [high, low] = u16::try_from(behind_length).unwrap_or(0).to_be_bytes();
    let flags = if dts.is_some() { HAS_PTS | HAS_DTS } else { HAS_PTS };
    // '10', data_alignment_indicator: an access unit begins with the data.
    let mut header = vec![0, 0, 1, stream_id, high, low, 0x84, flags, fields as u8];
    header.resize(FIXED + fields, 0);
    write_timestamp(&mut header[FIXED..FIXED + TIMESTAMP], if dts.is_some() { 3 } else { 2 }, pts);
    if let Some(dts) = dts {
        write_timestamp(&mut header[FIXED + TIMESTAMP..], 1, dts);
    }
    header
}

/// Table 2-21: these are followed by data at once.
fn has_optional_header(stream_id: u8) -> bool {
    // program_stream_map, padding, private_stream_2, ECM, EMM, DSMCC, H.222.1 type E, program_stream_directory.
    !matches!(stream_id, 0xbc | 0xbe | 0xbf | 0xf0 | 0xf1 | 0xf2 | 0xf8 | 0xff)
}

/// A timestamp field; marker bits are not checked, for there are cameras that forget them.
fn read_timestamp(field: &[u8]) -> Option<Timestamp> {
    let &[a, b, c, d, e] = field.first_chunk::<TIMESTAMP>()?;
    let part = |high: u8, low: u8| u64::from(high) << 7 | u64::from(low >> 1);
    Some(Timestamp::new(u64::from(a >> 1 & 7) << 30 | part(b, c) << 15 | part(d, e)))
}

/// Writes a timestamp field behind its four-bit prefix, marker bits set.
fn write_timestamp(field: &mut [u8], prefix: u8, timestamp: Timestamp) {
    let value = timestamp.value();
    field.copy_from_slice(&[
        prefix << 4 | (value >> 29) as u8 & 0x0e | 1,
        (value >> 22) as u8,
        (value >> 14) as u8 | 1,
        (value >> 7) as u8,
        (value << 1) as u8 | 1,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(flags: u8, fields: &[u8]) -> Vec<u8> {
        [&[0, 0, 1, 0xe0, 0, 0, 0x80, flags, fields.len() as u8], fields].concat()
    }

    fn timestamps(pes: &[u8]) -> (Option<u64>, Option<u64>) {
        match PesHeader::parse(pes) {
            Parsed::Complete(header) => (header.pts.map(Timestamp::value), header.dts.map(Timestamp::value)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_timestamps_come_back_as_written_and_nothing_else_stays() {
        let mut pes = header(0xff, &[0x31, 0, 1, 0, 1, 0x11, 0, 1, 0, 1, 9, 9, 9]);
        let Parsed::Complete(parsed) = PesHeader::parse(&pes) else { panic!() };
        let (pts, dts) = (0x1_dead_beef, 0x0_1234_5678);
        parsed.rewrite(&mut pes, Some(Timestamp::new(pts)), Some(Timestamp::new(dts)));
        assert_eq!(timestamps(&pes), (Some(pts), Some(dts)));
        assert_eq!(pes[7], 0xc0);
        assert_eq!(pes[19..], [0xff; 3]);
        assert_eq!([pes[9] >> 4, pes[14] >> 4], [3, 1]);
    }

    #[test]
    fn every_prefix_of_a_header_asks_for_more() {
        let pes = header(0x80, &[0x21, 0, 1, 0, 1, 0xff]);
        for length in 0..pes.len() {
            assert_eq!(PesHeader::parse(&pes[..length]), Parsed::More, "{length}");
        }
    }

    #[test]
    fn lies_are_bad_or_ignored() {
        assert_eq!(PesHeader::parse(&[0, 0, 2]), Parsed::Bad);
        assert_eq!(PesHeader::parse(&[0, 0, 1, 0xe0, 0, 0, 0x40, 0, 0]), Parsed::Bad);
        // Flags that promise more than the header holds.
        assert_eq!(timestamps(&header(0xc0, &[0x31, 0, 1, 0, 1, 0x11])), (Some(0), None));
        assert_eq!(timestamps(&header(0x80, &[0x21, 0])), (None, None));
        // DTS alone is forbidden (§2.4.3.7).
        assert_eq!(timestamps(&header(0x40, &[0x11, 0, 1, 0, 1])), (None, None));
    }
}
