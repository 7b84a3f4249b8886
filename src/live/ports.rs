//! What live view needs from outside, besides what it shares with [playback](crate::playback::ports).

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::domain::CameraId;
use crate::error::Result;

/// A server that reads cameras and serves what it reads to many: MediaMTX.
///
/// Calls fail with an [`Error`](crate::error::Error) that says how, and never with anything of a source in it.
pub trait MediaServer: fmt::Debug + Send + Sync {
    /// Sees to it that the server has a path of that name. One that is there stays as it is, except that one which this
    /// service configured gets the present `source`. Without a source nothing is made. Does not wait for pictures.
    fn ensure<'a>(&'a self, path: &'a str, source: Option<&'a SourceUrl>) -> BoxFuture<'a, Result<Ensured>>;

    /// Whether somebody reads the path right now.
    fn has_readers<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Takes the path away; one that is gone is no failure.
    fn take_down<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// What [`MediaServer::ensure`] found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ensured {
    /// The path was not there, and is now.
    Made,
    /// It was there.
    Found,
    /// It is not there, and there was no source to make it from.
    Missing,
}

/// Knows where cameras' streams come from: a VMS.
pub trait CameraSources: fmt::Debug + Send + Sync {
    /// The source of a camera.
    ///
    /// # Errors
    /// [`Kind::UnknownCamera`](crate::error::Kind::UnknownCamera) where there is no such camera.
    fn source<'a>(&'a self, camera: &'a CameraId) -> BoxFuture<'a, Result<SourceUrl>>;
}

/// The RTSP URL of a camera, with its user and password: never printed, `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl(Arc<str>);

impl SourceUrl {
    /// An `rtsp://` or `rtsps://` URL; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_rtsp = ["rtsp", "rtsps"].iter().any(|rtsp| scheme.eq_ignore_ascii_case(rtsp));
        let is_plain = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic());
        (is_rtsp && is_plain && text.len() <= LONGEST).then(|| Self(text.into()))
    }

    /// The URL itself, for the media server.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// More than any camera's URL has.
const LONGEST: usize = 2048;

impl fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceUrl(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_rtsp_and_never_shown() {
        let source = SourceUrl::parse("rtsp://operator:s3cret@192.0.2.7:554/stream1").unwrap();
        assert_eq!(format!("{source:?}"), "SourceUrl(…)");
        assert_eq!(source.reveal(), "rtsp://operator:s3cret@192.0.2.7:554/stream1");
        assert!(SourceUrl::parse("RTSPS://cam/").is_some());
        for wrong in
            ["", "rtsp://", "http://cam/", "publisher", "rtsp:/cam", "rtsp://cam/a b", "rtsp://cam/\n"]
        {
            assert!(SourceUrl::parse(wrong).is_none(), "{wrong:?}");
        }
        assert!(SourceUrl::parse(&format!("rtsp://{}", "x".repeat(LONGEST))).is_none());
    }
}
