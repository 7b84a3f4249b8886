//! What can go wrong with a server of objects, and what of it is worth another try.

use std::error::Error as _;
use std::time::Duration;

use reqwest::StatusCode;

use crate::domain::RecordingKey;
use crate::error::{Error, Kind};

/// Why bytes do not come. The words never contain a URL.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("its server cannot be reached: {0}")]
    Unreachable(String),
    #[error("its server gave no answer within {} s", .0.as_secs_f64())]
    Late(Duration),
    #[error("its server answered {0}")]
    Trouble(StatusCode),
    /// Not with this URL.
    #[error("its server refuses to give it: {}", refusal(*.status, .code.as_deref()))]
    Refused { status: StatusCode, code: Option<String> },
    #[error("it is no longer there")]
    Gone,
    #[error("it has changed while it was read")]
    Changed,
    #[error("it is another one now than what was learned from it")]
    Replaced,
    #[error("it ends{} before what is to be read of it", .size.map(|size| format!(" after {size} bytes,")).unwrap_or_default())]
    BehindTheEnd { size: Option<u64> },
    #[error("its server ignores Range")]
    IgnoresRange,
    #[error("its server {0}")]
    Wrong(String),
    #[error("its bytes broke off: {0}")]
    BrokeOff(String),
    #[error("none of its bytes came for {} s", .0.as_secs_f64())]
    Stalled(Duration),
    #[error("{0}, and its server does not say what to tell a changed one by, so it cannot be resumed")]
    NotResumable(Box<Failure>),
    /// There is no URL to ask.
    #[error("{0}")]
    NoUrl(Error),
}

fn refusal(status: StatusCode, code: Option<&str>) -> String {
    code.map_or_else(|| status.to_string(), |code| format!("{status}, {code}"))
}

impl Failure {
    /// Of a request that got no answer.
    pub(super) fn unanswered(error: reqwest::Error, waited: Duration) -> Self {
        match (error.is_timeout(), error.is_builder()) {
            (true, _) => Self::Late(waited),
            (_, true) => Self::Wrong("has a URL that cannot be asked".to_owned()),
            _ => Self::Unreachable(root_cause(error)),
        }
    }

    /// Of a body.
    pub(super) fn broke_off(error: reqwest::Error) -> Self {
        Self::BrokeOff(root_cause(error))
    }

    /// Whether the same request may succeed in a moment: all requests are reads.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Late(_) | Self::Trouble(_))
    }

    pub(super) fn into_error(self, recording: &RecordingKey) -> Error {
        let kind = match &self {
            Self::NoUrl(error) => return error.clone(),
            Self::Unreachable(_) => Kind::UpstreamDown,
            Self::Trouble(StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT) => Kind::UpstreamLate,
            Self::Trouble(
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS,
            ) => Kind::UpstreamDown,
            Self::Late(_) | Self::Stalled(_) => Kind::UpstreamLate,
            Self::Gone | Self::Changed | Self::Replaced => Kind::Gone,
            _ => Kind::BadUpstream,
        };
        Error::new(kind, format!("Recording {} cannot be read: {self}.", recording.id))
    }
}

/// What lies at the bottom of an error: the layers above say no more than that something went wrong, or the URL.
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    cause.map_or_else(|| error.to_string(), ToString::to_string)
}
