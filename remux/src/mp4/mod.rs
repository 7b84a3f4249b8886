//! MP4, the ISO base media file format (ISO/IEC 14496-12), with the codecs of ISO/IEC 14496-14 and 14496-15.

pub(crate) mod boxes;
#[allow(dead_code, unused_imports, reason = "what drives the reader is being built")]
pub(crate) mod read;
pub(crate) mod write;
