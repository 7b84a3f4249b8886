//! Kinds of values.

use std::fmt;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use clap::ValueEnum;

/// In which of its two forms a service of the platform answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// The service itself shows it.
    Auto,
    /// As it is documented.
    Documented,
    /// As it is deployed.
    Deployed,
}

/// A password or its like: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Self::from(text)) }
    }

    /// The secret itself, for whoever asks for it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whole seconds, at least one.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number of seconds, at least 1, is needed".to_owned()),
        Ok(seconds) if seconds > LONGEST => Err(format!("at most {LONGEST} seconds make sense")),
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

/// Whole milliseconds, at least one, at most an hour of them.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(count) if (1..=3_600_000).contains(&count) => Ok(Duration::from_millis(count)),
        _ => Err("a whole number of milliseconds, 1 to 3600000, is needed".to_owned()),
    }
}

/// As [`seconds`], or none at all.
pub(super) fn seconds_or_none(text: &str) -> Result<Duration, String> {
    if text == "0" { Ok(Duration::ZERO) } else { seconds(text) }
}

/// A year.
const LONGEST: u64 = 366 * 86_400;

/// A count, at least one.
pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&count| count > 0)
        .ok_or_else(|| "a whole number, at least 1, is needed".to_owned())
}

/// A number of bytes, or 0 for none.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a whole number of bytes is needed, or 0 for none".to_owned())
}

/// Which origins other than our own may call the API from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Every one.
    Any,
    /// These.
    These(Vec<HeaderValue>),
}

/// `*`, or origins with commas between.
pub(super) fn origins(text: &str) -> Result<Origins, String> {
    if text == "*" {
        return Ok(Origins::Any);
    }
    let origins = text.split(',').map(|origin| {
        let origin = origin.trim();
        base_url(origin).ok().filter(|url| !url[HTTPS.len()..].contains('/')).ok_or_else(|| {
            format!("{origin:?} is no origin; one looks like https://cctv.example.com, several have commas between")
        })?;
        HeaderValue::from_str(origin).map_err(|_| format!("{origin:?} is no origin"))
    });
    origins.collect::<Result<_, String>>().map(Origins::These)
}

const HTTPS: &str = "https://";

/// An absolute http or https URL; given back without a slash at the end.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let uri: Option<Uri> = text.parse().ok();
    let is_web = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    match uri {
        Some(uri) if is_web(&uri) && uri.authority().is_some() => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("an absolute http:// or https:// URL is needed".to_owned()),
    }
}

/// As [`base_url`], of a service of the platform: where that is stands in logs, so it must not say who asks.
pub(super) fn service_url(text: &str) -> Result<String, String> {
    let url = base_url(text)?;
    if url.contains('@') { Err("a URL without user and password is needed".to_owned()) } else { Ok(url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_a_star_or_a_list() {
        assert_eq!(origins("*"), Ok(Origins::Any));
        let two = ["http://a.example", "https://b.example:8443"].map(HeaderValue::from_static);
        assert_eq!(origins("http://a.example, https://b.example:8443"), Ok(Origins::These(two.to_vec())));
        for wrong in ["", "a.example", "https://a.example/path", "http://a.example,,", "null"] {
            assert!(origins(wrong).is_err(), "{wrong:?}");
        }
    }
}
