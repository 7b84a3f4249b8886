//! How a question can fail.

use std::error::Error as _;
use std::time::Duration;

use reqwest::StatusCode;

use super::{Answer, said};
use crate::error::{Error, Kind};

/// Why there is no answer that can be used.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody is there; the cause as the system names it.
    Unreachable(String),
    /// The answer broke off.
    BrokenOff,
    /// No whole answer within this time.
    Late(Duration),
    /// More than is read.
    TooLarge(usize),
    /// An answer whose status is no success.
    Refused(Answer),
    /// Not the JSON that was expected.
    Nonsense(serde_json::Error),
    /// Something else that should not be.
    Wrong(String),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        match error {
            error if error.is_connect() || error.is_builder() => Self::Unreachable(root_cause(&error)),
            _ => Self::BrokenOff,
        }
    }
}

/// The innermost cause: those around it repeat each other, and the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "no connection".to_owned(), |cause| said::shortened(&cause.to_string()))
}

impl Failure {
    /// Whether it makes sense to ask again at once.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::BrokenOff => true,
            Self::Refused(answer) => answer.status.is_server_error(),
            Self::Late(_) | Self::TooLarge(_) | Self::Nonsense(_) | Self::Wrong(_) => false,
        }
    }

    /// The error of a service that is called `title`.
    pub(super) fn into_error(self, title: &str) -> Error {
        Error::new(self.kind(), format!("{title} {}.", self.detail()))
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Unreachable(_) => Kind::UpstreamDown,
            Self::Late(_) => Kind::UpstreamLate,
            // A proxy in between says so of the service behind it.
            Self::Refused(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => Kind::UpstreamDown,
            Self::Refused(answer) if answer.status == StatusCode::GATEWAY_TIMEOUT => Kind::UpstreamLate,
            _ => Kind::BadUpstream,
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Unreachable(cause) => format!("cannot be reached: {cause}"),
            Self::BrokenOff => "broke off its answer".to_owned(),
            Self::Late(limit) => format!("did not answer within {} s", limit.as_secs_f64()),
            Self::TooLarge(limit) => format!("answered more than {limit} bytes"),
            Self::Refused(answer) => match said::by(&answer.body) {
                Some(words) => format!("answered {}: {words}", answer.status.as_u16()),
                None => format!("answered {}", answer.status.as_u16()),
            },
            // The error's own words quote the answer.
            Self::Nonsense(error) => {
                let (line, column) = (error.line(), error.column());
                format!("gave an answer that makes no sense (line {line}, column {column})")
            }
            Self::Wrong(detail) => detail.clone(),
        }
    }
}
