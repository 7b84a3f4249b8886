//! Behind nginx as it comes: `proxy_pass` speaks HTTP/1.0 upstream, where an aborted body would look complete.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Child;

use tempfile::TempDir;

use crate::clips::samples;
use crate::nginx;
use crate::service::Service;

/// nginx with a cache in front of an address; it ends with this value.
struct Nginx {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl Nginx {
    fn start(upstream: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let port = free_port();
        let child = nginx::command(directory.path(), &caching(directory.path(), port, upstream))
            .spawn()
            .expect("nginx is needed for these tests (tests/run installs it)");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Self { child, port, _directory: directory }
    }

    /// Status, `X-Cache`, and the body; an answer that ends early is an error.
    fn get(&self, service: &Service, path: &str) -> reqwest::Result<(u16, String, Vec<u8>)> {
        let answer = service.client.get(format!("http://127.0.0.1:{}{path}", self.port)).send()?;
        let status = answer.status().as_u16();
        let cache = answer.headers().get("x-cache").map_or("", |value| value.to_str().unwrap()).to_owned();
        Ok((status, cache, answer.bytes()?.to_vec()))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The cache ignores `private`, as careless set-ups do.
fn caching(directory: &Path, port: u16, upstream: &str) -> String {
    let directory = directory.display();
    format!(
        "proxy_cache_path {directory}/cache keys_zone=segments:1m;
        server {{
            listen 127.0.0.1:{port};
            location / {{
                proxy_pass http://{upstream};
                proxy_cache segments;
                proxy_cache_valid 200 1h;
                proxy_ignore_headers Cache-Control;
                add_header X-Cache $upstream_cache_status;
            }}
        }}"
    )
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn segment_path(service: &Service) -> (String, Vec<u8>) {
    let session = service.open("cam-001-entrance", "2026-03-14T10:00:00Z", "2026-03-14T10:01:00Z");
    let url = session.segment_url(3);
    (url.strip_prefix(&service.base).unwrap().to_owned(), service.segment(&session, 3))
}

#[test]
fn a_segment_comes_through_whole_and_is_cached() {
    let service = Service::start(&samples());
    let (path, expected) = segment_path(&service);
    let nginx = Nginx::start(service.base.strip_prefix("http://").unwrap());
    for cache in ["MISS", "HIT"] {
        let answer = nginx.get(&service, &path).unwrap();
        assert!(answer == (200, cache.to_owned(), expected.clone()), "{cache}: {} {}", answer.0, answer.1);
    }
}

#[test]
fn to_http_1_0_a_segment_has_a_length() {
    let service = Service::start(&samples());
    let (path, expected) = segment_path(&service);
    let mut stream = TcpStream::connect(service.base.strip_prefix("http://").unwrap()).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end_of_head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(answer[..end_of_head].to_ascii_lowercase()).unwrap();
    assert!(head.contains(&format!("content-length: {}\r\n", expected.len())), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(answer[end_of_head..] == expected);
}

#[test]
fn a_segment_that_breaks_off_is_never_cached() {
    let service = Service::start(&samples());
    let (path, expected) = segment_path(&service);
    let cutter = Cutter::start(service.base.strip_prefix("http://").unwrap().to_owned(), expected.len() / 2);
    let nginx = Nginx::start(&cutter.address);
    let first = nginx.get(&service, &path);
    assert!(
        first.is_err() || first.is_ok_and(|(status, ..)| status != 200),
        "half a segment passes for a whole one"
    );
    let (status, cache, body) = nginx.get(&service, &path).unwrap();
    assert_eq!((status, cache.as_str()), (200, "MISS"));
    assert!(body == expected);
}

/// Passes connections on; the first answer is cut off after so many bytes, as when the service dies while it sends.
struct Cutter {
    address: String,
}

impl Cutter {
    fn start(upstream: String, bytes: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().enumerate() {
                let client = client.unwrap();
                let server = TcpStream::connect(&upstream).unwrap();
                let (mut request, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut request, &mut to_server));
                let limit = if number == 0 { bytes as u64 } else { u64::MAX };
                let _ = std::io::copy(&mut server.take(limit), &mut &client);
                let _ = client.shutdown(std::net::Shutdown::Both);
            }
        });
        Self { address }
    }
}
