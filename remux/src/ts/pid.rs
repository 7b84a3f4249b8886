//! Packet identifiers (H.222.0 table 2-3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A packet identifier, 13 bits (H.222.0 §2.4.3.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pid(u16);

impl Pid {
    /// The program association table.
    pub const PAT: Self = Self(0);
    /// Null packets.
    pub const NULL: Self = Self(0x1fff);
    /// How many there are.
    pub const COUNT: usize = 0x2000;

    /// Keeps the lowest 13 bits.
    pub const fn new(value: u16) -> Self {
        Self(value & 0x1fff)
    }

    /// The number, below 0x2000.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// The number as an index into a table of [`Pid::COUNT`] entries.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether an elementary stream or a PMT may use it (H.222.0 table 2-3).
    pub const fn is_assignable(self) -> bool {
        self.0 >= 0x10 && self.0 < 0x1fff
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}
