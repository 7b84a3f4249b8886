//! From the timestamps in a source to times that can be compared.

mod clock;
mod keeper;
mod suspense;

pub(crate) use self::clock::{Clock, Times};
pub(crate) use self::keeper::{Standing, Timed, Timekeeper};
pub(crate) use self::suspense::Waiting;
