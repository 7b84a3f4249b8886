//! URLs that are good for a time, in the form of S3's presigned ones. The signature is none of S3's: nobody but the origin
//! reads it.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{NaiveDateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::BUCKET;
use crate::lock;

/// Signs URLs of an origin's objects.
#[derive(Debug, Clone, Default)]
pub struct Signer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    base: Mutex<String>,
    /// Signatures of an earlier generation have expired, whatever they say.
    generation: AtomicU64,
}

/// Whether a signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    Expired,
    Wrong,
}

impl Signer {
    /// URLs begin so from now on: `http://origin:9000`.
    pub fn reached_as(&self, base: &str) {
        base.clone_into(&mut lock(&self.0.base));
    }

    /// A URL of an object that is good for so long.
    pub fn sign(&self, key: &str, valid: Duration) -> String {
        let (date, valid) = (Utc::now().format(DATE).to_string(), valid.as_secs());
        let generation = self.0.generation.load(Ordering::Relaxed);
        let signature = signature(key, &date, valid, generation);
        format!(
            "{}?X-Amz-Algorithm=STAND-IN&X-Amz-Date={date}&X-Amz-Expires={valid}&X-Amz-Generation={generation}\
             &X-Amz-Signature={signature}",
            self.unsigned(key)
        )
    }

    /// Ends every URL that was signed so far.
    pub fn expire_all(&self) {
        self.0.generation.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unsigned(&self, key: &str) -> String {
        format!("{}/{BUCKET}/{}", lock(&self.0.base), utf8_percent_encode(key, IN_PATHS))
    }

    pub(super) fn check(&self, key: &str, query: &str) -> Verdict {
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let number = |name| value(name).and_then(|value| value.parse::<u64>().ok());
        let signed = value("X-Amz-Date").and_then(|date| NaiveDateTime::parse_from_str(date, DATE).ok());
        let (Some(valid), Some(generation), Some(signed)) =
            (number("X-Amz-Expires"), number("X-Amz-Generation"), signed)
        else {
            return Verdict::Wrong;
        };
        let date = signed.format(DATE).to_string();
        if value("X-Amz-Signature") != Some(&signature(key, &date, valid, generation)) {
            return Verdict::Wrong;
        }
        let age = Utc::now().naive_utc() - signed;
        if age.num_seconds() >= valid.cast_signed() || generation != self.0.generation.load(Ordering::Relaxed)
        {
            return Verdict::Expired;
        }
        Verdict::Holds
    }
}

const IN_PATHS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// As ISO 8601 has it in short.
const DATE: &str = "%Y%m%dT%H%M%SZ";

fn signature(key: &str, date: &str, valid: u64, generation: u64) -> String {
    hex(format!("{key}\n{date}\n{valid}\n{generation}\nthe stand-in's own key"))
}

/// A digest in 64 characters.
pub(super) fn hex(text: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(text);
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
