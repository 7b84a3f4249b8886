//! A streaming MPEG-TS remux engine for HLS.

pub mod index;
pub mod layout;
pub mod limits;
pub mod time;
pub mod ts;

mod error;
mod psi;
mod remuxer;
mod report;

pub use crate::error::Error;
pub use crate::remuxer::{Output, Remuxer};
pub use crate::report::{Event, Report};
