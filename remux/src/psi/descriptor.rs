//! Descriptors (H.222.0 §2.6; DVB: EN 300 468 §6.1).

/// The descriptors of one stream, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Descriptors(Vec<u8>);

/// `ISO_639_language_descriptor` (H.222.0 §2.6.18).
pub(crate) const LANGUAGE: u8 = 0x0a;
/// `registration_descriptor` (H.222.0 §2.6.8).
pub(crate) const REGISTRATION: u8 = 0x05;

/// `metadata_pointer_descriptor` (H.222.0 §2.6.58).
const METADATA_POINTER: u8 = 0x25;
/// `DVB_extension_descriptor` (EN 300 468 §6.2.18.1), and the tag of Opus in it.
pub(crate) const EXTENSION: u8 = 0x7f;
pub(crate) const OPUS_EXTENSION: u8 = 0x80;

impl Descriptors {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// Tag and body of each; a length past the end ends the list.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (&[tag, length], after) = rest.split_first_chunk::<2>()?;
            let (body, after) = after.split_at_checked(usize::from(length))?;
            rest = after;
            Some((tag, body))
        })
    }

    /// All of them, as they stand.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Those that metadata streams need in the program's own loop: where ID3 is found (metadata_pointer_descriptor, H.222.0
    /// §2.6.58), and that there are SCTE-35 cues (SCTE 35 §8.1).
    pub(crate) fn for_metadata(&self) -> Vec<u8> {
        let is_needed = |tag: u8, body: &[u8]| {
            tag == METADATA_POINTER || tag == REGISTRATION && body.starts_with(b"CUEI")
        };
        let needed = self.iter().filter(|&(tag, body)| is_needed(tag, body));
        needed.flat_map(|(tag, body)| [&[tag, body.len() as u8], body].concat()).collect()
    }

    /// Whether one with this tag is there.
    pub(crate) fn has(&self, tag: u8) -> bool {
        self.iter().any(|(found, _)| found == tag)
    }

    /// The `format_identifier` of the registration descriptor.
    pub(crate) fn registration(&self) -> Option<[u8; 4]> {
        self.iter().find(|&(tag, _)| tag == REGISTRATION)?.1.first_chunk().copied()
    }

    /// channel_config_code of an Opus stream (ETSI TS 103 491 annex C: extension descriptor 0x80).
    pub(crate) fn opus_channel_config(&self) -> Option<u8> {
        self.iter().find_map(|descriptor| match descriptor {
            (EXTENSION, &[OPUS_EXTENSION, code, ..]) => Some(code),
            _ => None,
        })
    }

    /// The language descriptor as it stands, tag and length included.
    pub(crate) fn language(&self) -> Option<Vec<u8>> {
        let (_, body) = self.iter().find(|&(tag, body)| tag == LANGUAGE && body.len() == 4)?;
        Some([&[LANGUAGE, 4], body].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_past_the_end_end_the_list() {
        let descriptors =
            Descriptors::new(&[0x0a, 4, b'd', b'e', b'u', 0, 0x05, 4, b'A', b'C', b'-', b'3', 0x6a, 9, 1]);
        assert_eq!(descriptors.iter().map(|(tag, _)| tag).collect::<Vec<_>>(), [0x0a, 0x05]);
        assert_eq!(descriptors.registration(), Some(*b"AC-3"));
        assert_eq!(descriptors.language().unwrap(), [0x0a, 4, b'd', b'e', b'u', 0]);
        assert!(!descriptors.has(0x6a));
    }
}
