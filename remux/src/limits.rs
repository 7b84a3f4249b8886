//! Every buffer of the engine has its cap here; each line says what happens there.

/// Bytes of head that are read to learn the layout. Past that the layout is what has been seen; where not even a
/// program was seen, the input is refused ([`Error::NoProgram`](crate::Error::NoProgram)).
pub const HEAD: usize = 8 << 20;

/// Bytes searched for a run of sync bytes before an input is refused as [`Error::NotMedia`](crate::Error::NotMedia).
/// Once locked, there is no limit: garbage of any length is skipped without being kept.
pub const SYNC_SEARCH: u64 = 8 << 20;

/// Sync bytes in a row, one packet apart, that make a lock (the first included).
pub const SYNC_CONFIRMATIONS: usize = 4;

/// Bytes of one PSI section: the most that H.222.0 §2.4.4 allows for PAT and PMT, header included. A longer
/// `section_length` drops the section.
pub const PSI_SECTION: usize = 1024;

/// Streams of one program that are looked at; a PMT has room for fewer than this (1021 / 5). More are left out.
pub const STREAMS: usize = 64;

/// PIDs whose PES starts the head counts before it knows which of them the PMT names.
pub const HEAD_PIDS: usize = 256;

/// Packets of one PES that are held until its header is complete and the kind of its access unit is known.
/// 64 packets are 11 KiB: parameter sets and SEI of every encoder met fit. Past that the access unit counts as no
/// random access point, a header still incomplete as damage, and the packets go out as they are.
pub const PES_HEAD_PACKETS: usize = 64;

/// Bytes of other streams held until the RAP that they belong behind has been seen. Past that the oldest PES are
/// dropped and counted as lost.
pub const HELD_BYTES: usize = 1 << 20;

/// How far past its last picture a segment reads for audio that belongs before it, in bytes.
pub const TRAIL_BYTES: u64 = 1 << 20;
