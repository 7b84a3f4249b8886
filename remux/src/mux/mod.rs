//! What goes out besides the source's packets: tables and clock references.

pub(crate) mod dress;
pub(crate) mod pacing;
pub(crate) mod packetize;
pub(crate) mod tables;
