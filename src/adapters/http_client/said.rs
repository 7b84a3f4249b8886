//! What a service says of a failure, in a form that can be shown.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// What is read of an error's body: `{"error":{"message","details"}}`, `{"error"}`, `{"message"}`, `{"detail"}`.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    error: Words,
    #[serde(default)]
    message: Words,
    #[serde(default)]
    detail: Words,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Words {
    Text(String),
    Inner {
        message: String,
    },
    #[allow(dead_code, reason = "whatever it is, it is no text")]
    Other(IgnoredAny),
    #[default]
    None,
}

impl Words {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Inner { message: text } => Some(text),
            Self::Other(_) | Self::None => None,
        }
    }
}

/// The words of an error's body; `None` where it has none that are meant for people.
pub(super) fn by(body: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let words = [&body.error, &body.message, &body.detail].into_iter().find_map(Words::text)?;
    Some(shortened(words)).filter(|words| !words.is_empty())
}

/// At most [`LONGEST`] characters on one line, without words that may be URLs or addresses with credentials.
pub(super) fn shortened(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words = words.filter(|word| !word.is_empty()).map(|word| {
        let secret = word.contains("://") || word.contains('@') || word.contains("X-Amz-");
        if secret { "…" } else { word }
    });
    let mut line = words.take(LONGEST).collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    line.trim_end_matches('.').to_owned()
}

const LONGEST: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_words_in_the_forms_there_are() {
        for (body, words) in [
            (r#"{"error":{"message":"bad time","details":"x"}}"#, Some("bad time")),
            (r#"{"error":"bad time."}"#, Some("bad time")),
            (r#"{"message":"bad\n time"}"#, Some("bad time")),
            (r#"{"status":500,"error":null,"detail":"bad time"}"#, Some("bad time")),
            (r#"{"error":{"code":7}}"#, None),
            (r#"{"error":""}"#, None),
            ("<html>", None),
            ("", None),
        ] {
            assert_eq!(by(body.as_bytes()).as_deref(), words, "{body}");
        }
    }

    #[test]
    fn is_short_and_keeps_secrets() {
        let leak =
            "cannot open rtsp://user:pass@10.0.0.1/1: url=http://minio/x?X-Amz-Signature=1 us er:p@host";
        assert_eq!(shortened(leak), "cannot open … … us …");
        assert_eq!(shortened(&"ä".repeat(500)).chars().count(), LONGEST + 1);
    }
}
