//! Reading bits of a raw byte sequence payload (H.264 §7.2, §7.3.1, §9.1; H.265 the same).

/// A NAL unit's bytes without its emulation prevention bytes: 00 00 03 is read as 00 00 (H.264 §7.3.1).
pub(crate) fn without_emulation_prevention(nal: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let mut zeros = 0;
    nal.iter().copied().filter(move |&byte| {
        let is_prevention = zeros >= 2 && byte == 3;
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        !is_prevention
    })
}

/// Bits, most significant first. Reading past the end gives `None`.
pub(crate) struct Bits<I> {
    bytes: I,
    current: u8,
    left: u8,
    position: usize,
}

impl<I: Iterator<Item = u8>> Bits<I> {
    pub(crate) fn new(bytes: I) -> Self {
        Self { bytes, current: 0, left: 0, position: 0 }
    }

    /// One bit: u(1).
    pub(crate) fn flag(&mut self) -> Option<bool> {
        if self.left == 0 {
            self.current = self.bytes.next()?;
            self.left = 8;
        }
        self.left -= 1;
        self.position += 1;
        Some(self.current >> self.left & 1 == 1)
    }

    /// Bits read so far.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// `count` bits, at most 32: u(n).
    pub(crate) fn bits(&mut self, count: u32) -> Option<u32> {
        debug_assert!(count <= 32);
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | u32::from(self.flag()?)))
    }

    /// Skips `count` bits.
    pub(crate) fn skip(&mut self, count: u32) -> Option<()> {
        (0..count).try_for_each(|_| self.flag().map(drop))
    }

    /// An unsigned Exp-Golomb code: ue(v), H.264 §9.1; `None` where it exceeds 32 bits.
    pub(crate) fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1 << zeros) - 1 + self.bits(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bytes: &[u8]) -> Bits<impl Iterator<Item = u8> + '_> {
        Bits::new(bytes.iter().copied())
    }

    #[test]
    fn exp_golomb_codes_of_table_9_2() {
        // 1, 010, 011, 00100, 00101, then padding.
        let mut codes = bits(&[0b1010_0110, 0b0100_0010, 0b1000_0000]);
        assert_eq!([codes.ue(), codes.ue(), codes.ue(), codes.ue(), codes.ue()], [0, 1, 2, 3, 4].map(Some));
    }

    #[test]
    fn endless_zeros_and_ends_are_none() {
        assert_eq!(bits(&[0; 8]).ue(), None);
        assert_eq!(bits(&[0b0001_0000]).ue(), Some(7));
        assert_eq!(bits(&[]).flag(), None);
        // 31 zeros, a one, 31 ones: the largest code there is.
        assert_eq!(bits(&[0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]).ue(), Some(u32::MAX - 1));
    }

    #[test]
    fn emulation_prevention_goes_and_other_threes_stay() {
        let read = |nal: &[u8]| without_emulation_prevention(nal).collect::<Vec<_>>();
        assert_eq!(read(&[1, 0, 0, 3, 1, 3, 0, 3]), [1, 0, 0, 1, 3, 0, 3]);
        assert_eq!(read(&[0, 0, 3, 0, 0, 3, 2]), [0, 0, 0, 0, 2]);
    }
}
