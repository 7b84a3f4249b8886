//! MP4, the ISO base media file format (ISO/IEC 14496-12), with the codecs of ISO/IEC 14496-14 and 14496-15.

pub(crate) mod boxes;
pub(crate) mod read;
pub(crate) mod write;
