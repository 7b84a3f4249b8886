//! Sessions: somebody plays something for a while.

use std::fmt;

use uuid::Uuid;

use super::{CameraId, TimeRange, WallTime};

/// Which session. Whoever knows it may play the session, so it is never printed: `Debug` and `Display` do not show it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Uuid);

impl SessionId {
    /// A new one that nobody can guess.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The id in a URL or a stored session.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The id itself, for the client it was made for and for the store.
    pub fn reveal(&self) -> String {
        self.0.hyphenated().to_string()
    }

    /// The bytes of the id, to make a short hash of.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// A session. `P` is what is being played: the compact plan of a recorded range.
#[derive(Debug, Clone, PartialEq)]
pub struct Session<P> {
    /// Which session.
    pub id: SessionId,
    /// Whose footage.
    pub camera: CameraId,
    /// What was asked for.
    pub range: TimeRange,
    /// When it was opened.
    pub created_at: WallTime,
    /// What is played.
    pub plan: P,
}
