//! NAL units behind start codes (H.264 annex B, H.265 annex B).

use std::sync::LazyLock;

use memchr::memmem::Finder;

static START_CODE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(&[0, 0, 1]));

/// Where the first start code begins, its three bytes.
#[inline]
pub(crate) fn find_start_code(data: &[u8]) -> Option<usize> {
    START_CODE.find(data)
}

/// A NAL unit without its start code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nal<'a> {
    /// From its header on; zeros of the next start code, or trailing zeros, may follow.
    pub(crate) bytes: &'a [u8],
    /// Whether a further start code says that it ends here.
    pub(crate) is_complete: bool,
}

/// A NAL unit without trailing_zero_8bits, and without the first byte of a start code of four: neither is its own (annex B.1.2).
pub(crate) fn without_trailing_zeros(nal: &[u8]) -> &[u8] {
    let length = nal.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &nal[..length]
}

/// The NAL units of `data`, what is before the first start code left out.
pub(crate) fn nal_units(data: &[u8]) -> impl Iterator<Item = Nal<'_>> {
    let after_start_code = |bytes: &[u8]| find_start_code(bytes).map(|at| at + 3);
    let mut next = after_start_code(data);
    std::iter::from_fn(move || {
        let begin = next?;
        let rest = &data[begin..];
        let end = find_start_code(rest);
        next = end.map(|end| begin + end + 3);
        Some(Nal { bytes: &rest[..end.unwrap_or(rest.len())], is_complete: end.is_some() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_and_four_byte_start_codes() {
        let data = [9, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 0, 0, 1];
        let found: Vec<_> = nal_units(&data).collect();
        assert_eq!(
            found,
            [
                Nal { bytes: &[0x67, 1, 2], is_complete: true },
                Nal { bytes: &[0x68], is_complete: true },
                Nal { bytes: &[], is_complete: false },
            ]
        );
        assert_eq!(nal_units(&[0, 0, 2, 1]).count(), 0);
    }
}
