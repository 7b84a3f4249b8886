//! The form in which replicas tell each other what they know: what the bytes of the recording were, what is known of them, and
//! a hash of both and of where it is told. Anybody may write there, so nothing is believed that is not whole and makes sense.

use std::ops::Range;

use bytes::Bytes;
use remux::index::{FORMAT_VERSION, Index, IndexError, Learned};
use sha2::{Digest, Sha256};

use super::super::super::index_beside::{self, Unfit};
use crate::domain::{Origin, RecordingKey};
use crate::playback::exchange::{Entry, Topic};
use crate::playback::locate::Sketch;

/// Raised whenever the form changes. Replicas of several versions do not hear each other.
const VERSION: u8 = 1;

/// The longest validator.
const LONGEST_VALIDATOR: usize = 1024;

/// Names of entries. Of GOPs the bytes follow that they cover.
pub(super) const INDEX: &str = "index";
pub(super) const SKETCH: &str = "sketch";
const GOPS: &str = "gops:";

/// What one replica knows and another does not.
#[derive(Debug)]
pub(super) enum Fact {
    /// All.
    Index(Index),
    /// Head and tail.
    Sketch(Sketch),
    /// Some of what lies between them.
    Gops(Learned),
}

/// Why an entry is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unbelievable {
    #[error("it has no name that anything has")]
    Name,
    #[error("it is damaged, or was told of something else")]
    Damaged,
    #[error(transparent)]
    Senseless(#[from] Unfit),
}

impl From<IndexError> for Unbelievable {
    fn from(error: IndexError) -> Self {
        Self::Senseless(Unfit::Index(error))
    }
}

/// The topic of a version of a recording, in the words of its catalogue.
pub(super) fn topic(scope: &str, key: &RecordingKey) -> Topic {
    let version = &key.version;
    let (id, object, format) =
        (key.id.as_str().as_bytes(), key.object.as_bytes(), FORMAT_VERSION.to_be_bytes());
    let (size, validator) = (version.size.to_be_bytes(), version.validator.as_bytes());
    Topic::of(&[&[VERSION], &format, scope.as_bytes(), id, object, &size, validator])
}

/// An index to be told.
pub(super) fn index(topic: Topic, index: &Index, origin: &Origin) -> Option<Entry> {
    entry(topic, INDEX, origin, &index.encode())
}

/// Head and tail to be told.
pub(super) fn sketch(topic: Topic, sketch: &Sketch) -> Option<Entry> {
    entry(topic, SKETCH, sketch.origin(), &sketch.encode()?)
}

/// GOPs that cover `range`, to be told.
pub(super) fn gops(topic: Topic, name: &str, learned: &Learned, origin: &Origin) -> Option<Entry> {
    entry(topic, name, origin, &learned.encode())
}

/// What GOPs that cover a range are called.
pub(super) fn name_of_gops(range: &Range<u64>) -> String {
    format!("{GOPS}{:x}-{:x}", range.start, range.end)
}

/// The range that GOPs of this name cover.
pub(super) fn range_of_gops(name: &str) -> Option<Range<u64>> {
    let (start, end) = name.strip_prefix(GOPS)?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    Some(number(start)?..number(end)?)
}

/// What is told under a name, as metrics call it.
pub(super) fn what(name: &str) -> &'static str {
    match name {
        INDEX => INDEX,
        SKETCH => SKETCH,
        _ => "gops",
    }
}

/// `None` of bytes that nobody could tell from others of their size, and of what is too long to be told.
fn entry(topic: Topic, name: &str, origin: &Origin, body: &[u8]) -> Option<Entry> {
    let validator = origin.validator.as_deref().filter(|validator| validator.len() <= LONGEST_VALIDATOR)?;
    let mut value = vec![VERSION];
    value.extend(origin.size.to_be_bytes());
    value.extend((validator.len() as u16).to_be_bytes());
    value.extend(validator.as_bytes());
    value.extend(body);
    value.extend(checksum(topic, name, &value));
    let entry = Entry { name: name.into(), value: Bytes::from(value) };
    entry.is_allowed().then_some(entry)
}

/// What an entry says, and of which bytes.
pub(super) fn read(topic: Topic, entry: &Entry) -> Result<(Fact, Origin), Unbelievable> {
    let (origin, body) = unsealed(topic, entry).ok_or(Unbelievable::Damaged)?;
    let fact = match &*entry.name {
        INDEX => {
            let index = index_beside::decode(body)?;
            index_beside::check_size(&index, origin.size)?;
            Fact::Index(index)
        }
        SKETCH => Fact::Sketch(Sketch::decode(origin.clone(), body)?),
        name => {
            range_of_gops(name).ok_or(Unbelievable::Name)?;
            let learned = Learned::decode(body)?;
            if !learned.is_within(origin.size) {
                return Err(Unfit::Senseless.into());
            }
            Fact::Gops(learned)
        }
    };
    Ok((fact, origin))
}

fn unsealed(topic: Topic, entry: &Entry) -> Option<(Origin, &[u8])> {
    let (said, sum) = entry.value.split_last_chunk::<CHECKSUM>()?;
    let (&[VERSION], rest) = said.split_first_chunk()? else { return None };
    let (size, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (validator, body) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let validator = std::str::from_utf8(validator).ok()?;
    let origin = Origin { size: u64::from_be_bytes(*size), validator: Some(validator.into()) };
    (*sum == checksum(topic, &entry.name, said)).then_some((origin, body))
}

const CHECKSUM: usize = 8;

fn checksum(topic: Topic, name: &str, said: &[u8]) -> [u8; CHECKSUM] {
    let hash = Sha256::new().chain_update(topic.as_bytes()).chain_update(name).chain_update([0]);
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&hash.chain_update(said).finalize()[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{RecordingId, Version};

    fn key(validator: &str) -> RecordingKey {
        let version = Version { size: 7, validator: validator.into(), growing: false };
        RecordingKey { id: RecordingId::from("a"), object: "cam/secret.ts".into(), version }
    }

    fn an_index() -> (Index, Origin) {
        let sample = "testdata/recordings/cam-001-entrance/2026/03/14/10-00-00.ts";
        let sample = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(sample)).unwrap();
        let mut indexer = remux::index::Indexer::with_size(sample.len() as u64);
        indexer.push(&sample);
        let origin = Origin { size: sample.len() as u64, validator: Some("\"etag\"".into()) };
        (indexer.finish().unwrap(), origin)
    }

    #[test]
    fn what_is_told_is_believed_where_it_was_told_and_nowhere_else() {
        let ((known, origin), here) = (an_index(), topic("scope", &key("1")));
        let told = index(here, &known, &origin).unwrap();
        assert!(told.value.len() < 4096, "{} bytes", told.value.len());
        let (Fact::Index(read_back), of) = read(here, &told).unwrap() else { panic!("another fact") };
        assert_eq!((read_back, of), (known.clone(), origin.clone()));

        let elsewhere = [topic("scope", &key("2")), topic("other", &key("1"))];
        assert!(elsewhere.into_iter().all(|topic| read(topic, &told).unwrap_err() == Unbelievable::Damaged));
        let renamed = Entry { name: SKETCH.into(), ..told.clone() };
        assert_eq!(read(here, &renamed).unwrap_err(), Unbelievable::Damaged);
        let gops = gops(here, "gops:0-x", &Learned::default(), &origin).unwrap();
        assert_eq!(read(here, &gops).unwrap_err(), Unbelievable::Name);
        let other_bytes = Origin { size: origin.size + 1, ..origin.clone() };
        let told = index(here, &known, &other_bytes).unwrap();
        assert!(matches!(read(here, &told), Err(Unbelievable::Senseless(Unfit::OtherBytes { .. }))));
        let nameless = Origin { validator: None, ..origin };
        assert_eq!(index(here, &known, &nameless), None, "nobody could tell that it was replaced");
        assert!(!here.to_string().contains("secret"));
    }

    #[test]
    fn names_of_gops_say_what_they_cover() {
        for range in [0..1, 5..u64::MAX] {
            assert_eq!(range_of_gops(&name_of_gops(&range)), Some(range));
        }
        for other in ["gops:", "gops:1", "gops:x-1", "index", "gops:1-2-3"] {
            assert_eq!(range_of_gops(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_refused(at in 0_usize..10_000, bit in 0_u8..8, cut in 0_usize..10_000) {
            let ((known, origin), here) = (an_index(), topic("scope", &key("1")));
            let told = index(here, &known, &origin).unwrap();
            let mut value = told.value.to_vec();
            let at = at % value.len();
            value[at] ^= 1 << bit;
            let damaged = Entry { value: value.clone().into(), ..told.clone() };
            prop_assert_eq!(read(here, &damaged).unwrap_err(), Unbelievable::Damaged);
            value.truncate(cut % value.len());
            prop_assert_eq!(read(here, &Entry { value: value.into(), ..told }).unwrap_err(), Unbelievable::Damaged);
        }
    }
}
