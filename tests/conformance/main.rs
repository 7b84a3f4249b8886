//! One suite per port, run against every adapter that fills it.

#[path = "../support/mod.rs"]
mod support;

mod indexes;
mod objects;
mod recordings;
mod sessions;
