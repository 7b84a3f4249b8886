//! Boxes being written (ISO/IEC 14496-12 §4.2): nested, each with its size put in when it is closed.

/// Bytes that boxes are appended to.
#[derive(Debug, Default)]
pub(crate) struct BoxWriter {
    bytes: Vec<u8>,
}

impl BoxWriter {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A box (§4.2.2): size, type, and what `body` writes.
    pub(crate) fn nested(&mut self, kind: &[u8; 4], body: impl FnOnce(&mut Self)) {
        let begin = self.bytes.len();
        self.u32(0);
        self.bytes(kind);
        body(self);
        let size = u32::try_from(self.bytes.len() - begin)
            .expect("what is written whole is bounded by limits far below 4 GiB");
        self.set_u32(begin, size);
    }

    /// A full box (§4.2.2): a box that begins with a version and 24 flags.
    pub(crate) fn full(&mut self, kind: &[u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Self)) {
        self.nested(kind, |boxes| {
            boxes.u32(u32::from(version) << 24 | flags & 0xff_ffff);
            body(boxes);
        });
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn zeros(&mut self, count: usize) {
        self.bytes.resize(self.bytes.len() + count, 0);
    }

    /// How much has been written.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Writes over four bytes at `at`, which have been written before.
    pub(crate) fn set_u32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_what_was_written() {
        let mut boxes = BoxWriter::new();
        boxes.nested(b"moov", |boxes| {
            boxes.full(b"mfhd", 1, 0x0002_0304, |boxes| boxes.u32(7));
            boxes.nested(b"free", |_| {});
        });
        assert_eq!(
            boxes.into_bytes(),
            *b"\0\0\0\x20moov\0\0\0\x10mfhd\x01\x02\x03\x04\0\0\0\x07\0\0\0\x08free"
        );
    }
}
