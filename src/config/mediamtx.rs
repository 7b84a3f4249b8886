//! Where live streams are served, and how they are called there.

use clap::Args;

use super::values::Secret;
use url::Url;

use crate::live::{Addresses, PathTemplate};

/// Where live streams are served, and how they are called there.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Live view")]
pub struct MediaMtx {
    /// Where clients reach MediaMTX's HLS server, like http://mediamtx:8888; without it there is no live view
    #[arg(long, env, value_parser = web_base, value_name = "URL")]
    pub mediamtx_url: Option<Url>,

    /// Where clients reach its WebRTC server; without it port 8889 of the host of MEDIAMTX_URL
    #[arg(long, env, value_parser = web_base, value_name = "URL", requires = "mediamtx_url")]
    pub mediamtx_webrtc_url: Option<Url>,

    /// Where clients reach its RTSP server; without it port 8554 of the host of MEDIAMTX_URL
    #[arg(long, env, value_parser = rtsp_base, value_name = "URL", requires = "mediamtx_url")]
    pub mediamtx_rtsp_url: Option<Url>,

    /// What the path of a camera is called; {id} stands for the camera
    #[arg(long, env, default_value = "camera_{id}", value_parser = PathTemplate::parse, value_name = "TEMPLATE")]
    pub mediamtx_path_template: PathTemplate,

    /// Where the service reaches its Control API, like http://mediamtx:9997, to make paths; without it they are taken to
    /// be there
    #[arg(long, env, value_parser = web_base, value_name = "URL", requires = "mediamtx_url")]
    pub mediamtx_api_url: Option<Url>,

    /// User for the Control API
    #[arg(long, env, value_name = "NAME", requires_all = ["mediamtx_api_url", "mediamtx_api_password"])]
    pub mediamtx_api_user: Option<String>,

    /// Password for the Control API
    #[arg(long, env, hide_env_values = true, value_parser = Secret::parse, value_name = "PASSWORD", requires = "mediamtx_api_user")]
    pub mediamtx_api_password: Option<Secret>,
}

impl MediaMtx {
    /// Where clients read streams; `None` where live view is off.
    pub fn addresses(&self) -> Option<Addresses> {
        let hls = self.mediamtx_url.clone()?;
        let webrtc = self.mediamtx_webrtc_url.clone();
        let rtsp = self.mediamtx_rtsp_url.clone();
        Some(Addresses {
            webrtc: webrtc.or_else(|| beside(&hls, hls.scheme(), WEBRTC_PORT))?,
            rtsp: rtsp.or_else(|| beside(&hls, "rtsp", RTSP_PORT))?,
            template: self.mediamtx_path_template.clone(),
            hls,
        })
    }
}

const WEBRTC_PORT: u16 = 8889;
const RTSP_PORT: u16 = 8554;

/// Another port of a base's host.
fn beside(base: &Url, scheme: &str, port: u16) -> Option<Url> {
    format!("{scheme}://{}:{port}", base.host_str()?).parse().ok()
}

fn web_base(text: &str) -> Result<Url, String> {
    base(text, &["http", "https"])
}

fn rtsp_base(text: &str) -> Result<Url, String> {
    base(text, &["rtsp", "rtsps"])
}

/// An absolute URL with one of `schemes`. These URLs are given to clients: there are no credentials in them.
fn base(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url: Option<Url> = text.parse().ok();
    let is_base = |url: &Url| {
        let is_bare = url.query().is_none() && url.fragment().is_none();
        schemes.contains(&url.scheme()) && url.has_host() && is_bare
    };
    let url = url
        .filter(is_base)
        .ok_or_else(|| format!("an absolute {}:// URL is needed", schemes.join(":// or ")))?;
    match url.username().is_empty() && url.password().is_none() {
        true => Ok(url),
        false => Err("user and password do not belong into this URL".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LiveFormat;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Only {
        #[command(flatten)]
        mediamtx: MediaMtx,
    }

    fn parse(arguments: &[&str]) -> Result<MediaMtx, clap::Error> {
        let parsed = Only::try_parse_from(std::iter::once("test").chain(arguments.iter().copied()));
        parsed.map(|only| only.mediamtx)
    }

    fn urls(arguments: &[&str]) -> [String; 3] {
        let addresses = parse(arguments).unwrap().addresses().unwrap();
        LiveFormat::ALL.map(|format| addresses.url("p", format))
    }

    #[test]
    fn other_protocols_are_at_the_standard_ports_of_the_same_host() {
        assert!(parse(&[]).unwrap().addresses().is_none());
        assert_eq!(
            urls(&["--mediamtx-url=http://mediamtx:8888"]),
            ["http://mediamtx:8888/p/index.m3u8", "http://mediamtx:8889/p/whep", "rtsp://mediamtx:8554/p"]
        );
        assert_eq!(
            urls(&["--mediamtx-url=https://cctv.example.com/hls/", "--mediamtx-rtsp-url=rtsps://other:322"]),
            [
                "https://cctv.example.com/hls/p/index.m3u8",
                "https://cctv.example.com:8889/p/whep",
                "rtsps://other:322/p"
            ]
        );
        assert_eq!(urls(&["--mediamtx-url=http://[::1]:8888"])[2], "rtsp://[::1]:8554/p");
    }

    #[test]
    fn half_a_configuration_is_refused_and_named() {
        let url = "--mediamtx-url=http://m:8888";
        for (arguments, named) in [
            (&["--mediamtx-api-url=http://m:9997"][..], "--mediamtx-url"),
            (&["--mediamtx-webrtc-url=http://m:8889"], "--mediamtx-url"),
            (&[url, "--mediamtx-api-user=u", "--mediamtx-api-password=p"], "--mediamtx-api-url"),
            (&[url, "--mediamtx-api-url=http://m:9997", "--mediamtx-api-user=u"], "--mediamtx-api-password"),
            (&[url, "--mediamtx-path-template=camera"], "--mediamtx-path-template"),
            (&[url, "--mediamtx-rtsp-url=http://m"], "--mediamtx-rtsp-url"),
            (&["--mediamtx-url=mediamtx:8888"], "--mediamtx-url"),
            (&["--mediamtx-url=http://user:word@m:8888"], "--mediamtx-url"),
            (&["--mediamtx-url=http://m:8888/?a"], "--mediamtx-url"),
        ] {
            let error = parse(arguments).unwrap_err().to_string();
            assert!(error.contains(named), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let all = [
            "--mediamtx-url=http://m:8888",
            "--mediamtx-api-url=http://m:9997",
            "--mediamtx-api-user=u",
            "--mediamtx-api-password=pa55",
        ];
        let config = parse(&all).unwrap();
        assert!(!format!("{config:?}").contains("pa55"));
        assert_eq!(config.mediamtx_api_password.unwrap().reveal(), "pa55");
    }
}
