//! Finished segments, and the port behind which they are kept for the next who asks.

use std::fmt::{self, Debug};
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;

use crate::domain::{Origin, RecordingKey};
use crate::error::Result;

/// Names the bytes of a segment: a hash of all that they depend on. The session is not part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey([u8; 16]);

impl SegmentKey {
    /// The key of a hash.
    pub fn new(hash: [u8; 16]) -> Self {
        Self(hash)
    }

    /// What [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = (text.len() == 32).then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
        Some(Self(digits.to_be_bytes())).filter(|key| key.to_string() == text)
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// As a strong validator (RFC 9110 §8.8.3).
    pub fn etag(&self) -> String {
        format!("\"{self}\"")
    }
}

impl fmt::Display for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Debug for SegmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A segment that is complete.
#[derive(Clone)]
pub struct Finished {
    /// What it was made of.
    pub recording: RecordingKey,
    /// What the recording's bytes were.
    pub origin: Origin,
    /// Its bytes, in order.
    pub frames: Vec<Bytes>,
}

impl Finished {
    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.frames.iter().map(|frame| frame.len() as u64).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Debug for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("recording", &self.recording.id).field("bytes", &self.len()).finish()
    }
}

/// A segment that comes from where reading takes a while.
pub struct Stored {
    /// What the recording's bytes were.
    pub origin: Origin,
    /// Its bytes, in order. An error means that what is kept is damaged; what came before it is right.
    pub frames: BoxStream<'static, Result<Bytes>>,
}

/// Where finished segments are kept: memory, a disk.
pub trait SegmentCache: Debug + Send + Sync {
    /// A segment that is in memory.
    fn at_hand(&self, key: &SegmentKey) -> Option<Arc<Finished>>;

    /// Whether a segment is in memory. To ask is not to want it.
    fn holds(&self, key: &SegmentKey) -> bool;

    /// A segment that is kept elsewhere.
    fn fetch<'a>(&'a self, key: &'a SegmentKey) -> BoxFuture<'a, Option<Stored>>;

    /// Offers a segment. Whether it is kept is the cache's business; nobody waits for it.
    fn offer(&self, key: SegmentKey, segment: Arc<Finished>);

    /// Drops everything that was made of a recording which is no longer there.
    fn forget(&self, recording: &RecordingKey);

    /// How its tiers do.
    fn tiers(&self) -> Vec<Tier>;
}

/// How a tier of a cache does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// What it is called, in metrics, too.
    pub name: &'static str,
    /// Why nothing is kept there, if nothing is.
    pub off: Option<String>,
    /// Segments that are kept.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The most that is kept.
    pub limit: u64,
    /// Lookups that it answered since the start.
    pub hits: u64,
    /// Lookups that it could not answer.
    pub misses: u64,
    /// Segments that it gave up for want of room.
    pub evictions: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back_only_as_they_are_written() {
        let key = SegmentKey::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xff]);
        assert_eq!(key.etag(), "\"000102030405060708090a0b0c0d0eff\"");
        assert_eq!(SegmentKey::parse(&key.to_string()), Some(key));
        for wrong in ["", "00", &key.to_string().to_uppercase(), "+00102030405060708090a0b0c0d0eff"] {
            assert_eq!(SegmentKey::parse(wrong), None, "{wrong}");
        }
    }
}
