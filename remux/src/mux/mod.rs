//! What goes out besides the source's packets: tables and clock references.

pub(crate) mod pacing;
pub(crate) mod tables;
