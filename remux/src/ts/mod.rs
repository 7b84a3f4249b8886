//! Transport stream packets (H.222.0 §2.4.3).

mod pid;

pub use self::pid::Pid;
