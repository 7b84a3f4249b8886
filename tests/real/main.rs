//! The service against programs that we did not write: ffmpeg, ffprobe, GStreamer, nginx, s3s-fs, Chromium.
//!
//! Needs them installed, which `tests/run` sees to: `cargo test --features real-components`. What is missing makes a test
//! fail, not skip.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod browser;
mod clips;
mod content;
mod corpus;
mod engine;
mod identity;
mod matrix;
mod mutate;
mod objects;
mod players;
mod proxy;
mod service;
mod tools;
