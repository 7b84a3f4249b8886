//! From the timestamps in a source to times that can be compared.

mod clock;

pub(crate) use self::clock::{Clock, Times};
