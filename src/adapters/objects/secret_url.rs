//! URLs that are secrets: whoever has one reads the recording.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};
use futures::future::BoxFuture;
use url::Url;

use crate::domain::{RecordingKey, WallTime};
use crate::error::Result;

/// Knows URLs that recordings can be read by for a while.
pub trait PresignedUrls: fmt::Debug + Send + Sync {
    /// A new URL of a recording.
    ///
    /// # Errors
    /// [`Kind::Gone`](crate::error::Kind::Gone) where there is no such recording any more; what else went wrong with whoever
    /// signs.
    fn url<'a>(&'a self, recording: &'a RecordingKey) -> BoxFuture<'a, Result<SecretUrl>>;

    /// How long a URL can be used from when it was asked for, where it does not say so itself.
    fn valid_for(&self) -> Duration;
}

/// A URL that lets whoever has it read a recording: printed it shows its host and no more.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Arc<Url>);

impl SecretUrl {
    /// An `http://` or `https://` URL; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Url::parse(text).ok().filter(|_| text.len() <= LONGEST).and_then(Self::new)
    }

    pub(super) fn new(url: Url) -> Option<Self> {
        let is_web = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        is_web.then(|| Self(Arc::new(url)))
    }

    /// The URL itself, for the request.
    pub fn reveal(&self) -> &Url {
        &self.0
    }

    /// Whether its host is one of `hosts`: `host` for any port, `host:port` for one.
    pub(super) fn is_at(&self, hosts: &[String]) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        let with_port = format!("{host}:{}", self.0.port_or_known_default().unwrap_or_default());
        hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host) || allowed.eq_ignore_ascii_case(&with_port))
    }

    /// Scheme, host and port.
    pub(super) fn host(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// How long it is good for from `now` on, if it says so as URLs of S3 do (SigV4 query parameters).
    pub(super) fn lifetime(&self, now: WallTime) -> Option<Duration> {
        let value = |wanted: &str| {
            let mut pairs = self.0.query_pairs();
            pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.into_owned())
        };
        let valid = Duration::from_secs(value("X-Amz-Expires")?.parse().ok()?);
        let signed = NaiveDateTime::parse_from_str(&value("X-Amz-Date")?, "%Y%m%dT%H%M%SZ").ok()?;
        let age = now - DateTime::from_naive_utc_and_offset(signed, chrono::Utc);
        // It has just been signed: an age that cannot be is a difference between clocks.
        let age = age.to_std().ok().filter(|age| *age < valid).unwrap_or_default();
        Some(valid - age)
    }
}

/// Signatures with session tokens take some kilobytes.
const LONGEST: usize = 16 << 10;

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.host())
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://minio:9000/cctv-recordings/cam/a.ts?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Date=20260314T100000Z&X-Amz-Expires=1800&X-Amz-Signature=beef";

    fn at(time: &str) -> WallTime {
        format!("2026-03-14T{time}Z").parse().unwrap()
    }

    #[test]
    fn never_shows_what_it_is() {
        let url = SecretUrl::parse(URL).unwrap();
        assert_eq!(format!("{url} {url:?}"), "http://minio:9000/… SecretUrl(http://minio:9000/…)");
        assert!(url.reveal().query().unwrap().ends_with("X-Amz-Signature=beef"));
        for wrong in
            ["", "/a.ts", "minio:9000/a", "ftp://minio/a", "file:///etc/passwd", "data:,x", "http://"]
        {
            assert!(SecretUrl::parse(wrong).is_none(), "{wrong:?}");
        }
        assert!(SecretUrl::parse(&format!("http://minio/{}", "x".repeat(LONGEST))).is_none());
    }

    #[test]
    fn says_how_long_it_is_good_for() {
        let lifetime = |now| SecretUrl::parse(URL).unwrap().lifetime(at(now)).unwrap().as_secs();
        assert_eq!(lifetime("10:00:00"), 1800);
        assert_eq!(lifetime("10:20:00"), 600);
        assert_eq!((lifetime("09:00:00"), lifetime("12:00:00")), (1800, 1800), "clocks that differ");
        assert_eq!(SecretUrl::parse("http://a/b?X-Amz-Expires=5").unwrap().lifetime(at("10:00:00")), None);
    }

    #[test]
    fn hosts_are_allowed_with_or_without_a_port() {
        let url = SecretUrl::parse(URL).unwrap();
        let is_at = |host: &str| url.is_at(&[host.to_owned()]);
        assert!(is_at("minio") && is_at("MinIO:9000"));
        assert!(!is_at("minio:9001") && !is_at("mini") && !is_at("minio.example"));
        assert!(SecretUrl::parse("https://s3.example/a").unwrap().is_at(&["s3.example:443".to_owned()]));
    }
}
