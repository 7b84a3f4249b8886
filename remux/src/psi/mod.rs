//! Program specific information as sources carry it (H.222.0 §2.4.4).

pub(crate) mod descriptor;
pub(crate) mod section;
pub(crate) mod stream_type;
pub(crate) mod tables;
pub(crate) mod watch;

use crc::{Crc, Table};

/// CRC-32/MPEG-2 (H.222.0 annex A); over data and its own CRC it is 0.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&crc::CRC_32_MPEG_2);
    CRC.checksum(bytes)
}
