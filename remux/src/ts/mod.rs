//! Transport stream packets (H.222.0 §2.4.3).

mod continuity;
mod evidence;
mod grid;
mod packet;
mod pid;
mod sync;

pub use self::grid::PacketSize;
pub use self::packet::{PACKET, SYNC_BYTE};
pub use self::pid::Pid;

pub(crate) use self::continuity::{Continuity, Counter};
pub(crate) use self::grid::{LOOKAHEAD, Sync};
pub(crate) use self::packet::{
    Header, Packet, discontinuity_packet, has_room_for_flags, has_room_for_pcr, payload, payload_offset,
    pcr_packet, relabel, rewrite_adaptation_field, set_discontinuity,
};
pub(crate) use self::sync::{Found, Framer};
