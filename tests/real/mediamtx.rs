//! The adapter against a real MediaMTX, where `MEDIAMTX_BIN` names its binary. It cannot be installed like the other programs:
//! this is the one test that is skipped, and says so.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use playback_service::adapters::mediamtx::{MediaMtx, Settings};
use playback_service::live::ports::{Ensured, MediaServer, SourceUrl};
use playback_service::metrics::Metrics;
use tempfile::TempDir;

use crate::clips::samples;
use crate::proxy::free_port;
use crate::tools::{probe, say};

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where a MediaMTX listens.
struct Ports {
    api: u16,
    rtsp: u16,
    hls: u16,
}

#[tokio::test]
async fn a_real_mediamtx_takes_paths_forgets_them_and_lets_them_go() {
    let Ok(binary) = std::env::var("MEDIAMTX_BIN") else {
        return say("skipped: MEDIAMTX_BIN names no MediaMTX binary");
    };
    let directory = TempDir::new().unwrap();
    let ports = Ports { api: free_port(), rtsp: free_port(), hls: free_port() };
    let running = start(&binary, &ports, directory.path());
    let api = format!("http://127.0.0.1:{}", ports.api).parse().unwrap();
    let server = MediaMtx::new(Settings { api, credentials: None }, Arc::new(Metrics::new()));
    until_it_answers(&server).await;
    let _camera = publish(&ports);
    let camera = format!("rtsp://operator:s3cret@127.0.0.1:{}/feed", ports.rtsp);
    let source = SourceUrl::parse(&camera).unwrap();

    assert_eq!(server.ensure(PATH, None).await, Ok(Ensured::Missing));
    assert_eq!(server.ensure(PATH, Some(&source)).await, Ok(Ensured::Made));
    assert_eq!(server.ensure(PATH, Some(&source)).await, Ok(Ensured::Found));
    assert_eq!(server.ensure(PATH, None).await, Ok(Ensured::Found));
    assert_eq!(server.has_readers(PATH).await, Ok(false));
    until_it_plays(&format!("rtsp://127.0.0.1:{}/{PATH}", ports.rtsp));
    until_it_plays(&format!("http://127.0.0.1:{}/{PATH}/index.m3u8", ports.hls));
    assert_eq!(server.has_readers(PATH).await, Ok(true), "its HLS muxer goes on for a while");

    assert_eq!(server.take_down(PATH).await, Ok(()));
    assert_eq!(server.ensure(PATH, None).await, Ok(Ensured::Missing));
    assert_eq!(server.take_down(PATH).await, Ok(()), "what is gone is no failure");

    assert_eq!(server.ensure(PATH, Some(&source)).await, Ok(Ensured::Made));
    drop(running);
    let _running = start(&binary, &ports, directory.path());
    until_it_answers(&server).await;
    assert_eq!(server.ensure(PATH, None).await, Ok(Ensured::Missing), "a restart forgets");
    assert_eq!(server.ensure(PATH, Some(&source)).await, Ok(Ensured::Made));
}

const PATH: &str = "camera_site/~hall.2";
const PATIENCE: Duration = Duration::from_secs(30);

fn start(binary: &str, ports: &Ports, directory: &Path) -> Running {
    let Ports { api, rtsp, hls } = ports;
    let config = directory.join("mediamtx.yml");
    let text = format!(
        "logLevel: error\napi: yes\napiAddress: 127.0.0.1:{api}\nrtspAddress: 127.0.0.1:{rtsp}\n\
         rtspTransports: [tcp]\nhlsAddress: 127.0.0.1:{hls}\nrtmp: no\nsrt: no\nwebrtc: no\npaths:\n  feed:\n"
    );
    std::fs::write(&config, text).unwrap();
    Running(Command::new(binary).arg(config).stdout(Stdio::null()).spawn().unwrap())
}

/// Sends a sample for ever, as a camera would.
fn publish(ports: &Ports) -> Running {
    let sample = samples().join("cam-001-entrance/2026/03/14/10-00-00.ts");
    let url = format!("rtsp://127.0.0.1:{}/feed", ports.rtsp);
    let arguments = ["-v", "error", "-re", "-stream_loop", "-1", "-t", "600", "-i", sample.to_str().unwrap()];
    let output = ["-map", "0:v", "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", &url];
    Running(Command::new("ffmpeg").args(arguments).args(output).spawn().unwrap())
}

async fn until_it_answers(server: &MediaMtx) {
    let begun = Instant::now();
    while server.ensure(PATH, None).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "MediaMTX does not answer");
        tokio::task::yield_now().await;
    }
}

/// Until ffprobe finds a picture; the camera may be just about to send.
fn until_it_plays(url: &str) {
    let begun = Instant::now();
    let finds = || {
        let found = std::panic::catch_unwind(|| {
            probe(url, &["-select_streams", "v:0", "-show_entries", "stream=codec_name"])
        });
        found.is_ok_and(|found| found.first().is_some_and(|codec| codec == "h264"))
    };
    while !finds() {
        assert!(begun.elapsed() < PATIENCE, "{url} does not play");
    }
}
