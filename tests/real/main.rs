//! The service against programs that we did not write: ffmpeg, ffprobe, GStreamer, nginx, Chromium, Redis, Valkey, s3s-fs.
//!
//! Needs them installed, which `tests/run` sees to: `cargo test --features real-components`. What is missing makes a test
//! fail, not skip; only a MediaMTX, which no package brings, may be missing (`mediamtx.rs`).
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod browser;
mod certificates;
mod check;
mod clips;
mod content;
mod corpus;
mod engine;
#[path = "../conformance/exchange_suite.rs"]
mod exchange_suite;
mod identity;
mod live;
mod matrix;
mod mediamtx;
mod mutate;
mod nginx;
mod objects;
mod planned;
mod players;
mod proxy;
mod readme;
mod replicas;
mod scenario;
mod schemathesis;
mod service;
#[path = "../conformance/session_suite.rs"]
mod session_suite;
#[path = "../support/table.rs"]
mod table;
mod tools;
mod valkey;
