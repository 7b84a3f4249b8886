//! What replicas tell each other of recordings, and who of them does what is expensive.
//!
//! It is advice, never truth: whoever reads it checks it, and where nobody can be asked every replica works for itself.

use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};

use crate::error::Result;

/// A version of a recording, as a hash: neither its name nor its place can be read from it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic([u8; 16]);

impl Topic {
    /// The topic that `parts` tell apart from all others.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut topic = [0; 16];
        topic.copy_from_slice(&hash.finalize()[..16]);
        Self(topic)
    }

    /// The hash itself.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Something that is told of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What tells it apart from what else is told of the topic.
    pub name: Arc<str>,
    /// It.
    pub value: Bytes,
}

/// What is told of a topic, and which names it makes needless.
#[derive(Debug, Clone)]
pub struct News {
    /// What is new.
    pub entries: Vec<Entry>,
    /// Names whose entries say nothing beyond that.
    pub obsolete: Vec<Arc<str>>,
    /// How long what is known of the topic is kept at least, if nobody reads it.
    pub lasts: Duration,
}

/// What is known of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// In the order of their names.
    pub entries: Vec<Entry>,
    /// How many were not read, as they are larger than anything that is told.
    pub passed_over: u64,
}

/// What is done by one replica for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Errand {
    /// To read head and tail of a recording.
    Sketch,
    /// To read all of it.
    Index,
}

impl Errand {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sketch => "sketch",
            Self::Index => "index",
        }
    }
}

/// Somebody's claim to an errand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Of which recording.
    pub topic: Topic,
    /// To do what.
    pub errand: Errand,
    /// Whose it is: nobody else has the same.
    pub holder: Arc<str>,
}

/// Where replicas tell each other what they have learned: memory for one of them, Valkey for many.
pub trait Exchange: Debug + Send + Sync {
    /// What is told of a topic, up to the limits. It is kept for another [`LASTS`].
    fn read(&self, topic: Topic) -> BoxFuture<'_, Result<Told>>;

    /// Tells what is new, in one step. Entries beyond the limits are not kept.
    fn write(&self, topic: Topic, news: News) -> BoxFuture<'_, Result<()>>;

    /// Takes back all that is told of a topic.
    fn forget(&self, topic: Topic) -> BoxFuture<'_, Result<()>>;

    /// Claims an errand for so long, or goes on claiming it. `false` where somebody else does.
    fn claim<'a>(&'a self, claim: &'a Claim, lasts: Duration) -> BoxFuture<'a, Result<bool>>;

    /// Gives up a claim; one of somebody else stands.
    fn release<'a>(&'a self, claim: &'a Claim) -> BoxFuture<'a, Result<()>>;
}

/// How many entries there are of a topic at most.
pub const MOST_ENTRIES: usize = 512;

/// The longest name.
pub const LONGEST_NAME: usize = 64;

/// The longest value: an index of an hour has a tenth of that.
pub const LONGEST_VALUE: usize = 256 << 10;

/// How many bytes all values of a topic have at most.
pub const MOST_BYTES: usize = 1 << 20;

/// How long what has been read or played is kept, should nobody read it again.
pub const LASTS: Duration = Duration::from_secs(24 * 3600);

/// How long what may never be played is kept until somebody reads it: where everything is indexed as soon as it is recorded, that
/// is most of it.
pub const LASTS_UNREAD: Duration = Duration::from_secs(3600);

impl Entry {
    /// Whether it may be told.
    pub fn is_allowed(&self) -> bool {
        self.name.len() <= LONGEST_NAME && self.value.len() <= LONGEST_VALUE
    }
}
