//! How a camera's stream is called at the media server, and where clients read it. Pure.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::domain::{CameraId, LiveFormat};
use crate::error::{Error, Result};

/// Where clients reach the media server, and how paths are called there.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// What comes before the path of a stream in HLS.
    pub hls: Url,
    /// In WebRTC.
    pub webrtc: Url,
    /// In RTSP.
    pub rtsp: Url,
    /// The name of a path.
    pub template: PathTemplate,
}

impl Addresses {
    /// The path of a camera.
    ///
    /// # Errors
    /// Where MediaMTX would take the name for something else than a name.
    pub fn path(&self, camera: &CameraId) -> Result<Arc<str>> {
        let path = self.template.path(camera);
        match path.starts_with('~') || RESERVED.contains(&path.as_str()) {
            false => Ok(path.into()),
            true => {
                Err(Error::invalid("camera_id", "is a name that means something else to the media server"))
            }
        }
    }

    /// Where a path is read.
    pub fn url(&self, path: &str, format: LiveFormat) -> String {
        let path = encoded(path);
        match format {
            LiveFormat::Hls => format!("{}/{path}/index.m3u8", text(&self.hls)),
            LiveFormat::WebRtc => format!("{}/{path}/whep", text(&self.webrtc)),
            LiveFormat::Rtsp => format!("{}/{path}", text(&self.rtsp)),
        }
    }

    /// The origins that the page has to be allowed to read from.
    pub fn web_origins(&self) -> Vec<String> {
        let mut origins: Vec<_> =
            [&self.hls, &self.webrtc].map(|base| base.origin().ascii_serialization()).into();
        origins.dedup();
        origins
    }
}

/// A path of MediaMTX as it is written in URLs: slashes stay what they are.
pub fn encoded(path: &str) -> String {
    utf8_percent_encode(path, ESCAPED).to_string()
}

const ESCAPED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b':');

/// Names of MediaMTX's configuration that stand for every path. A name that begins with `~` is a regular expression.
const RESERVED: [&str; 2] = ["all", "all_others"];

fn text(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

/// How a camera's path is called: `{id}` stands for the camera's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate(String);

/// Why a text is no [`PathTemplate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// All cameras would have one path.
    #[error("{{id}} must occur in it once")]
    Id,
    /// MediaMTX has no such paths.
    #[error(
        "besides {{id}} it may contain only letters, digits and the characters _ . - / :, no empty, '.' or '..' part"
    )]
    Name,
}

impl PathTemplate {
    /// The template that `text` is.
    ///
    /// # Errors
    /// Where cameras' paths could not be told apart, or MediaMTX would not take them.
    pub fn parse(text: &str) -> std::result::Result<Self, InvalidTemplate> {
        if text.matches(ID).count() != 1 {
            return Err(InvalidTemplate::Id);
        }
        // Camera ids are checked when they are read; any of them stands for all.
        let example = text.replace(ID, "0");
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:".contains(&byte);
        let is_name = example.bytes().all(allowed);
        match is_name && !example.split('/').any(|part| matches!(part, "" | "." | "..")) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidTemplate::Name),
        }
    }

    fn path(&self, camera: &CameraId) -> String {
        self.0.replace(ID, camera.as_str())
    }
}

const ID: &str = "{id}";

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(template: &str) -> Addresses {
        Addresses {
            hls: "http://media.example:8888/".parse().unwrap(),
            webrtc: "https://media.example/webrtc".parse().unwrap(),
            rtsp: "rtsp://media.example:8554".parse().unwrap(),
            template: PathTemplate::parse(template).unwrap(),
        }
    }

    fn urls(template: &str, camera: &str) -> [String; 3] {
        let addresses = addresses(template);
        let path = addresses.path(&camera.parse().unwrap()).unwrap();
        [LiveFormat::Hls, LiveFormat::WebRtc, LiveFormat::Rtsp].map(|format| addresses.url(&path, format))
    }

    #[test]
    fn streams_are_where_mediamtx_serves_them() {
        assert_eq!(
            urls("camera_{id}", "cam-1"),
            [
                "http://media.example:8888/camera_cam-1/index.m3u8",
                "https://media.example/webrtc/camera_cam-1/whep",
                "rtsp://media.example:8554/camera_cam-1",
            ]
        );
        assert_eq!(urls("{id}", "site/~hall.2")[0], "http://media.example:8888/site/~hall.2/index.m3u8");
        assert_eq!(urls("live/{id}_main", "7")[2], "rtsp://media.example:8554/live/7_main");
    }

    #[test]
    fn what_is_no_part_of_a_path_is_escaped() {
        assert_eq!(encoded("a b?c#d%/é"), "a%20b%3Fc%23d%25/%C3%A9");
        assert_eq!(encoded("a/~b-c_d.e:f"), "a/~b-c_d.e:f");
    }

    #[test]
    fn a_name_that_means_something_else_is_refused() {
        for camera in ["~cam", "all", "all_others"] {
            assert!(addresses("{id}").path(&camera.parse().unwrap()).is_err(), "{camera}");
            assert!(addresses("camera_{id}").path(&camera.parse().unwrap()).is_ok(), "{camera}");
        }
    }

    #[test]
    fn templates_are_checked() {
        for wrong in ["", "camera", "{id}{id}"] {
            assert_eq!(PathTemplate::parse(wrong), Err(InvalidTemplate::Id), "{wrong}");
        }
        for wrong in ["/{id}", "{id}/", "a//{id}", "../{id}", "~{id}", "{id}?x", "a b{id}", "{id}{}"] {
            assert_eq!(PathTemplate::parse(wrong), Err(InvalidTemplate::Name), "{wrong}");
        }
    }
}
