//! Sessions: somebody plays something for a while.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::{CameraId, WallTime};

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

/// A session. `P` is what is being played: the compact plan of a recorded range, or a live stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Session<P> {
    /// Which session.
    pub id: SessionId,
    /// Whose footage.
    pub camera: CameraId,
    /// When it was opened.
    pub created_at: WallTime,
    /// What is played.
    pub plan: P,
}

/// What a live session plays: the stream of a media server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LivePlan {
    /// How it is read.
    pub format: LiveFormat,
    /// The media server's name of the stream.
    pub path: Arc<str>,
    /// Where clients read it. Contains no credentials.
    pub url: Arc<str>,
    /// The service made the path at the media server, so it may take it down.
    pub made: bool,
}

/// How a live stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveFormat {
    /// HTTP Live Streaming.
    Hls,
    /// RTSP.
    Rtsp,
    /// WebRTC, by WHEP.
    WebRtc,
}

impl LiveFormat {
    /// All of them, those first that a page can play.
    pub const ALL: [Self; 3] = [Self::Hls, Self::WebRtc, Self::Rtsp];

    /// What requests and answers call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hls => "hls",
            Self::Rtsp => "rtsp",
            Self::WebRtc => "webrtc",
        }
    }
}
