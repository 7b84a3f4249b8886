//! Boxes: their headers, what they contain, and the fields of their bodies (ISO/IEC 14496-12 §4.2).

use bytes::Bytes;

/// Four characters that name a box, a handler, a brand or a sample entry.
pub(crate) type FourCc = [u8; 4];

/// Bytes of a header without `largesize`.
pub(crate) const HEADER: u64 = 8;
/// Bytes of a header with `largesize`.
pub(crate) const LARGE_HEADER: u64 = 16;

/// The header of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BoxHeader {
    /// Its type.
    pub(crate) kind: FourCc,
    /// Bytes of the header.
    pub(crate) length: u64,
    /// Bytes of the box, header included; `None` where it goes on to the end of the file.
    pub(crate) size: Option<u64>,
}

/// What the first bytes of a box say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// All that a header says.
    Header(BoxHeader),
    /// Not enough.
    More,
    /// A size that is smaller than the header.
    Bad,
}

impl BoxHeader {
    /// Reads the header that `bytes` begin with: `size`, `type`, and `largesize` where `size` is 1.
    pub(crate) fn parse(bytes: &[u8]) -> Parsed {
        let mut fields = Fields::new(bytes);
        let (Some(size), Some(kind)) = (fields.u32(), fields.array()) else { return Parsed::More };
        let (length, size) = match size {
            0 => return Parsed::Header(Self { kind, length: HEADER, size: None }),
            1 => match fields.u64() {
                Some(size) => (LARGE_HEADER, size),
                None => return Parsed::More,
            },
            size => (HEADER, u64::from(size)),
        };
        if size < length {
            return Parsed::Bad;
        }
        Parsed::Header(Self { kind, length, size: Some(size) })
    }
}

/// A box that is held as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Its type.
    pub(crate) kind: FourCc,
    /// Where it starts in the source.
    pub(crate) offset: u64,
    /// Bytes of its header.
    header: u64,
    /// What follows its header.
    pub(crate) body: Bytes,
}

impl Node {
    /// The box that `bytes`, which start at `offset` of the source, begin with; `None` where they begin with none. One that
    /// is cut off is given as far as it goes.
    pub(crate) fn new(offset: u64, bytes: &Bytes) -> Option<Self> {
        let Parsed::Header(header) = BoxHeader::parse(bytes) else { return None };
        let start = usize::try_from(header.length).ok()?;
        let size = header.size.and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
        let body = bytes.slice(start..size.min(bytes.len()));
        Some(Self { kind: header.kind, offset, header: header.length, body })
    }

    /// The boxes that follow the first `skip` bytes of the body; what is no box ends the list.
    pub(crate) fn children_after(&self, skip: usize) -> impl Iterator<Item = Node> + use<> {
        let mut at = self.offset.saturating_add(self.header).saturating_add(skip as u64);
        let mut rest = self.body.slice(skip.min(self.body.len())..);
        std::iter::from_fn(move || {
            let node = Node::new(at, &rest)?;
            let size = (node.header as usize).saturating_add(node.body.len());
            at = at.saturating_add(size as u64);
            rest = rest.slice(size.min(rest.len())..);
            Some(node)
        })
    }

    /// The boxes that it contains.
    pub(crate) fn children(&self) -> impl Iterator<Item = Node> + use<> {
        self.children_after(0)
    }

    /// The first box of type `kind` that it contains.
    pub(crate) fn child(&self, kind: &FourCc) -> Option<Node> {
        self.children().find(|child| child.kind == *kind)
    }

    /// Version and flags of a full box (§4.2.2), and the fields behind them.
    pub(crate) fn full(&self) -> Option<(u8, u32, Fields<'_>)> {
        let mut fields = Fields::new(&self.body);
        let word = fields.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff, fields))
    }

    /// The body of a full box behind version, flags and `skip` bytes more.
    pub(crate) fn rows(&self, skip: usize) -> Bytes {
        self.body.slice(skip.saturating_add(4).min(self.body.len())..)
    }
}

/// Reads big-endian fields one after another; past the end there is nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Begins with the first of `bytes`.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*array)
    }

    /// The next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    /// Passes over `count` bytes.
    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(drop)
    }

    /// All that is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// unsigned int(8).
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    /// unsigned int(16).
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// unsigned int(32).
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// unsigned int(64).
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// An unsigned integer of 32 bits, or of 64 where `is_wide`: what version 1 of many boxes does.
    pub(crate) fn uint(&mut self, is_wide: bool) -> Option<u64> {
        if is_wide { self.u64() } else { self.u32().map(u64::from) }
    }

    /// An unsigned int(32) that is present only where a flag says so; `Some(None)` where it is not.
    pub(crate) fn optional(&mut self, is_present: bool) -> Option<Option<u32>> {
        if is_present { self.u32().map(Some) } else { Some(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_32_bits_64_bits_or_to_the_end() {
        let header = |bytes: &[u8]| BoxHeader::parse(bytes);
        let expected = |length, size| Parsed::Header(BoxHeader { kind: *b"mdat", length, size });
        assert_eq!(header(b"\0\0\0\x09mdat"), expected(8, Some(9)));
        assert_eq!(header(b"\0\0\0\0mdat"), expected(8, None));
        assert_eq!(header(b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\0"), expected(16, Some(1 << 32)));
        assert_eq!(header(b"\0\0\0\x01mdat\0\0\0\x01"), Parsed::More);
        assert_eq!(header(b"\0\0\0\x07mdat"), Parsed::Bad);
        assert_eq!(header(b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x0f"), Parsed::Bad);
    }

    #[test]
    fn boxes_within_a_box_know_their_place_and_end_with_it() {
        let bytes = Bytes::from_static(b"\0\0\0\x1bmoov\0\0\0\x0afreeab\0\0\0\xfftrakcBEYOND");
        let children: Vec<_> = Node::new(100, &bytes)
            .unwrap()
            .children()
            .map(|child| (child.kind, child.offset, child.body.to_vec()))
            .collect();
        assert_eq!(children, [(*b"free", 108, b"ab".to_vec()), (*b"trak", 118, b"c".to_vec())]);
    }
}
