//! The service as its users start it: the program, its environment, its port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chrono::{DateTime, Utc};
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A running service; it ends with this value.
pub(crate) struct Service {
    child: Child,
    /// `http://127.0.0.1:port`
    pub(crate) base: String,
    pub(crate) client: Client,
    _work_dir: TempDir,
}

/// An opened session.
pub(crate) struct Session {
    /// Absolute.
    pub(crate) playlist_url: String,
    pub(crate) playlist: m3u8_rs::MediaPlaylist,
    /// What was said when it was opened.
    pub(crate) answer: Value,
}

impl Service {
    /// Starts the program on a free port and waits until it says where it listens.
    pub(crate) fn start(recordings: &Path) -> Self {
        Self::start_with(recordings, &[])
    }

    /// The same with other settings.
    pub(crate) fn start_with(recordings: &Path, settings: &[(&str, &str)]) -> Self {
        playback_service::tls::choose_provider();
        let work_dir = TempDir::new().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_playback-service"))
            .env("RECORDINGS_DIR", recordings)
            .env("WORK_DIR", work_dir.path())
            .env("PORT", "0")
            .env("LOG_FORMAT", "json")
            .env("LOG_LEVEL", "info")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let base = loop {
            let line = log.next().expect("the service ended before it listened").unwrap();
            let record: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            let message =
                record["fields"]["message"].as_str().or(record["message"].as_str()).unwrap_or_default();
            if let Some(url) = message.strip_prefix("open ") {
                break url.trim_end_matches('/').to_owned();
            }
        };
        // What comes later has to be read, or the service would wait for room in the pipe.
        std::thread::spawn(move || log.for_each(drop));
        playback_service::tls::choose_provider();
        Self { child, base, client: Client::new(), _work_dir: work_dir }
    }

    pub(crate) fn get(&self, url: &str) -> Response {
        let url = if url.starts_with("http") { url.to_owned() } else { format!("{}{url}", self.base) };
        self.client.get(url).send().unwrap()
    }

    pub(crate) fn open(&self, camera: &str, start: &str, end: &str) -> Session {
        let body = json!({"camera_id": camera, "start_time": start, "end_time": end, "format": "hls"});
        let url = format!("{}/api/v1/playback/start", self.base);
        let answer = self.client.post(url).json(&body).send().unwrap();
        let status = answer.status();
        let answer: Value = answer.json().unwrap();
        assert_eq!(status, 201, "{answer}");
        let playlist_url = format!("{}{}", self.base, answer["url"].as_str().unwrap());
        let text = self.get(&playlist_url).bytes().unwrap();
        let Ok((rest, playlist)) = m3u8_rs::parse_media_playlist(&text) else {
            panic!("no playlist: {text:?}")
        };
        assert!(rest.is_empty(), "the playlist is not read to its end");
        Session { playlist_url, playlist, answer }
    }

    /// The segments of a session in order.
    pub(crate) fn segments(&self, session: &Session) -> Vec<Vec<u8>> {
        (0..session.playlist.segments.len()).map(|number| self.segment(session, number)).collect()
    }

    pub(crate) fn segment(&self, session: &Session, number: usize) -> Vec<u8> {
        let answer = self.get(&session.segment_url(number));
        let status = answer.status();
        assert_eq!(status, 200, "segment {number}: {}", answer.text().unwrap());
        let content_type = answer.headers()["content-type"].to_str().unwrap();
        assert_eq!(content_type, if session.is_mp4() { "video/mp4" } else { "video/mp2t" });
        answer.bytes().unwrap().to_vec()
    }

    /// What comes before a segment in fragmented MP4; nothing in a transport stream.
    pub(crate) fn initialization(&self, session: &Session, number: usize) -> Vec<u8> {
        let mut maps = session.playlist.segments[..=number].iter().filter_map(|segment| segment.map.as_ref());
        let Some(map) = maps.next_back() else { return Vec::new() };
        let base = reqwest::Url::parse(&session.playlist_url).unwrap();
        let answer = self.get(base.join(&map.uri).unwrap().as_str());
        assert_eq!(answer.status().as_u16(), 200);
        answer.bytes().unwrap().to_vec()
    }
}

impl Session {
    pub(crate) fn is_mp4(&self) -> bool {
        self.playlist.segments.iter().any(|segment| segment.map.is_some())
    }

    /// When its first picture was taken, as the playlist has it.
    pub(crate) fn start(&self) -> DateTime<Utc> {
        self.playlist.segments[0].program_date_time.expect("a date at the start").to_utc()
    }

    /// Where a segment is, relative names resolved as a player does.
    pub(crate) fn segment_url(&self, number: usize) -> String {
        let base = reqwest::Url::parse(&self.playlist_url).unwrap();
        base.join(&self.playlist.segments[number].uri).unwrap().to_string()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
