//! One suite per port, run against every adapter that fills it.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

#[path = "../support/mod.rs"]
mod support;

mod cameras;
mod catalogue;
mod exchange;
mod exchange_suite;
mod indexes;
mod objects;
mod recordings;
mod session_suite;
mod sessions;
