//! What can go wrong, as kinds. Adapters keep their own errors and turn them into one of these once; `http` turns a
//! kind into a status once.

use std::borrow::Cow;
use std::fmt;

use crate::domain::{CameraId, TimeRange};

/// The result of anything that the service does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, and in words for whoever asked. The words never contain credentials, signed URLs or session ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    detail: Cow<'static, str>,
}

/// What went wrong, as far as somebody would act on it differently.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The request is wrong.
    Invalid {
        /// The field or parameter to blame; `None` where it is the request as a whole.
        field: Option<&'static str>,
    },
    /// The request is longer than is read.
    TooLarge,
    /// There is no such camera.
    UnknownCamera,
    /// The camera exists, but nothing that can be played was recorded in the range.
    NothingRecorded {
        /// The footage that is there instead.
        nearest: Nearest,
    },
    /// The camera cannot be watched live: nobody serves its stream, or live view is not configured.
    NoLiveView,
    /// Who asks does not show that they may, or shows it wrongly.
    Unauthorized,
    /// Indexing at ingest is not configured.
    NoIngest,
    /// No such session, or it has expired.
    UnknownSession,
    /// The session has no such segment.
    UnknownSegment,
    /// What the session plays is no longer there.
    Gone,
    /// A limit is reached, or something is not ready yet: worth another try.
    Busy {
        /// In how many seconds another try makes sense.
        retry_after: u32,
    },
    /// Something the service depends on gave an answer that is of no use.
    BadUpstream,
    /// Something the service depends on cannot be reached.
    UpstreamDown,
    /// Something the service depends on did not answer in time.
    UpstreamLate,
    /// A fault of the service itself.
    Internal,
}

/// The footage nearest to a range in which there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Nearest {
    /// The last recorded span before it.
    pub before: Option<TimeRange>,
    /// The first recorded span after it.
    pub after: Option<TimeRange>,
}

impl Error {
    /// An error of `kind`, in words.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// The request's `field` is wrong.
    pub fn invalid(field: &'static str, detail: impl fmt::Display) -> Self {
        Self::new(Kind::Invalid { field: Some(field) }, format!("{field} {detail}"))
    }

    /// No camera of that name.
    pub fn unknown_camera(camera: &CameraId) -> Self {
        Self::new(Kind::UnknownCamera, format!("There is no camera {camera}."))
    }

    /// No such session, or it has expired.
    pub fn unknown_session() -> Self {
        Self::new(Kind::UnknownSession, "There is no such session, or it has expired. Open a new one.")
    }

    /// A fault of the service itself.
    pub fn internal(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Internal, detail)
    }

    /// What went wrong.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// In words.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}
