//! Camera ids.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Which camera: a free string that other systems chose (`cam-001-entrance`, a UUID, a MediaMTX path).
///
/// 1 to 255 characters of `[A-Za-z0-9_.~/-]`; no part between slashes is empty, `.` or `..`, so that an id is always
/// safe as a path below a directory and as a key of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CameraId(Arc<str>);

/// Why a string is no [`CameraId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCameraId {
    /// Empty, or longer than 255 characters.
    #[error("must have 1 to {MAX_LENGTH} characters")]
    Length,
    /// A character outside of `[A-Za-z0-9_.~/-]`.
    #[error("may contain only letters, digits and the characters _ . ~ / -")]
    Character,
    /// A part between slashes is empty, `.` or `..`.
    #[error("must not contain an empty, '.' or '..' part between slashes")]
    Part,
}

impl CameraId {
    /// A camera that nobody has: the UUID of nothing, for who must ask for one that any service can look up.
    pub fn none() -> Self {
        Self(uuid::Uuid::nil().hyphenated().to_string().into())
    }

    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CameraId {
    type Err = InvalidCameraId;

    fn from_str(text: &str) -> Result<Self, InvalidCameraId> {
        if text.is_empty() || text.len() > MAX_LENGTH {
            return Err(InvalidCameraId::Length);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.~/-".contains(&byte);
        if !text.bytes().all(allowed) {
            return Err(InvalidCameraId::Character);
        }
        if text.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(InvalidCameraId::Part);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for CameraId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const MAX_LENGTH: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_camera_systems_use() {
        for id in
            ["cam-001-entrance", "3e09466c-6b7f-4c53-9f64-bd7f8c1a6f2e", "site/hall.2/~a_b", "7", "a..b"]
        {
            assert_eq!(id.parse::<CameraId>().map(|id| id.to_string()), Ok(id.to_owned()));
        }
        assert!("x".repeat(255).parse::<CameraId>().is_ok());
    }

    #[test]
    fn refuses_path_tricks() {
        use InvalidCameraId::*;
        for (id, reason) in [
            ("", Length),
            ("..", Part),
            (".", Part),
            ("a/../b", Part),
            ("/etc", Part),
            ("a/", Part),
            ("a//b", Part),
            ("a b", Character),
            ("a\\b", Character),
            ("a%2e", Character),
            ("caméra", Character),
            ("a\0", Character),
        ] {
            assert_eq!(id.parse::<CameraId>(), Err(reason), "{id:?}");
        }
        assert_eq!("x".repeat(256).parse::<CameraId>(), Err(Length));
    }
}
