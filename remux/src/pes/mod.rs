//! PES packets (H.222.0 §2.4.3.6).

pub(crate) mod header;
pub(crate) mod length;
pub(crate) mod start;
