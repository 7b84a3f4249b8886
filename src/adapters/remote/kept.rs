//! The stored form of an index: what the bytes were that it was made from comes before it.

use remux::index::Index;

use super::super::index_store::FileName;
use crate::domain::{Origin, RecordingKey};

/// What a version of a recording, in the words of its catalogue, is stored as.
pub(super) fn file_name(key: &RecordingKey) -> FileName {
    let version = &key.version;
    let (id, object) = (key.id.as_str().as_bytes(), key.object.as_bytes());
    FileName::of(&[id, object, &version.size.to_be_bytes(), version.validator.as_bytes()])
}

/// Size, length of the validator plus one (0: none), validator, index.
pub(super) fn encode(index: &Index, origin: &Origin) -> Vec<u8> {
    let validator = origin.validator.as_deref();
    let length = validator.map_or(0, |validator| validator.len() as u64 + 1);
    let mut bytes = Vec::new();
    bytes.extend(origin.size.to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(validator.unwrap_or_default().as_bytes());
    bytes.extend(index.encode());
    bytes
}

/// `None` where they are not what [`encode`] made.
pub(super) fn decode(bytes: &[u8]) -> Option<(Index, Origin)> {
    let (size, bytes) = number(bytes)?;
    let (length, bytes) = number(bytes)?;
    let (validator, index) = match length.checked_sub(1) {
        None => (None, bytes),
        Some(length) => {
            let (validator, index) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
            (Some(std::str::from_utf8(validator).ok()?.into()), index)
        }
    };
    Some((Index::decode(index).ok()?, Origin { size, validator }))
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_whole_or_not_at_all() {
        let sample = "testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts";
        let sample = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(sample)).unwrap();
        let mut indexer = remux::index::Indexer::with_size(sample.len() as u64);
        indexer.push(&sample);
        let index = indexer.finish().unwrap();
        for validator in [None, Some(""), Some("\"abc\"")] {
            let origin = Origin { size: 5, validator: validator.map(Into::into) };
            let bytes = encode(&index, &origin);
            assert_eq!(decode(&bytes).unwrap(), (index.clone(), origin));
            assert!((0..bytes.len().min(200)).all(|length| decode(&bytes[..length]).is_none()));
        }
        assert!(decode(&[0xff; 100]).is_none());
    }
}
