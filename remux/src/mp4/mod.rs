//! MP4 files, whole and in fragments (ISO/IEC 14496-12).

pub(crate) mod write;
