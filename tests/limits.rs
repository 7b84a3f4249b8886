//! The server's own limits: slow, greedy and numerous clients.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use clap::Parser;
use futures::{StreamExt, stream};
use playback_service::config::Config;
use playback_service::http::server;
use playback_service::metrics::Metrics;
use support::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Serves a router of the tests' own within the limits that `arguments` set.
async fn serve(router: Router, arguments: &[&str]) -> (std::net::SocketAddr, Arc<Metrics>) {
    let config = Config::parse_from(std::iter::once(&"playback-service").chain(arguments));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = Arc::new(Metrics::new());
    let counted = Arc::clone(&metrics);
    tokio::spawn(async move {
        server::serve(listener, router, &config.server, counted, std::future::pending()).await;
    });
    (address, metrics)
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"hello") && stream.read(&mut byte).await.unwrap_or(0) > 0 {
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let (address, _) = serve(hello(), &["--http-header-timeout-seconds=1"]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: te").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "the connection is still open");
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    struct OnDrop(Arc<AtomicBool>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let ended = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ended);
    let endless = move || {
        let guard = OnDrop(Arc::clone(&flag));
        let bytes = stream::repeat_with(move || {
            let _owned = &guard;
            Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[0; 65_536]))
        });
        async move { Body::from_stream(bytes.boxed()) }
    };
    let (address, metrics) =
        serve(Router::new().route("/", get(endless)), &["--http-write-stall-seconds=1"]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(REQUEST).await.unwrap();
    eventually("the answer is dropped", || async { ended.load(Ordering::SeqCst) }).await;
    eventually("the connection is closed", || async { metrics.connections.get() == 0 }).await;
}

#[tokio::test]
async fn connections_past_the_limit_wait() {
    let (address, metrics) = serve(hello(), &["--http-max-connections=1"]).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(REQUEST).await.unwrap();
    assert!(answer(&mut first).await.contains("200 OK"));

    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(200), second.readable()).await;
    assert!(early.is_err(), "the second is answered while the first is open");
    assert_eq!(metrics.connections.get(), 1);
    drop(first);
    assert!(answer(&mut second).await.contains("200 OK"));
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let (address, _) = serve(hello(), &[]).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
    let piece = [b'x'; 4096];
    // The server answers and closes while the head is still coming.
    for _ in 0..256 {
        if stream.write_all(&piece).await.is_err() {
            break;
        }
    }
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty() || String::from_utf8_lossy(&rest).starts_with("HTTP/1.1 431"));
}
