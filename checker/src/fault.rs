//! What can be wrong.

use std::fmt;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Of which kind it is.
    pub kind: Kind,
    /// Where: bytes from the start of the first piece.
    pub offset: usize,
    /// What was found.
    pub found: String,
}

/// The rules; the name of each is what a table of exceptions calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Packets of 188 bytes that begin with a sync byte, whole in number, with possible adaptation fields.
    Grid,
    /// PAT first and PMT second in every piece, one program, one packet each, right checksums, always the same PMT.
    Tables,
    /// No PID that is not declared, and none that carries nothing.
    Undeclared,
    /// No transport error, no scrambling.
    Flags,
    /// A duplicate, or a counter that steps without payload.
    Counter,
    /// A clock reference at least every 100 ms, never backwards.
    Reference,
    /// Everything begins before it is due.
    Lead,
    /// A PTS on every PES, PTS not before DTS, DTS that rises.
    Order,
    /// `PES_packet_length` is right, or 0 for pictures.
    Length,
    /// An access unit delimiter first in every access unit.
    Delimiter,
    /// Parameter sets in the same PES before every IDR (H.264) or IRAP (H.265) picture.
    ParameterSets,
    /// One access unit per PES.
    AccessUnits,
    /// random_access_indicator on every random access point and nowhere else.
    RandomAccess,
    /// Whole audio frames per PES.
    Audio,
}

impl Kind {
    /// Its name in tables and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Tables => "tables",
            Self::Undeclared => "undeclared",
            Self::Flags => "flags",
            Self::Counter => "counter",
            Self::Reference => "reference",
            Self::Lead => "lead",
            Self::Order => "order",
            Self::Length => "length",
            Self::Delimiter => "delimiter",
            Self::ParameterSets => "parameter-sets",
            Self::AccessUnits => "access-units",
            Self::RandomAccess => "random-access",
            Self::Audio => "audio",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}: {}", self.offset, self.kind.name(), self.found)
    }
}

/// Notes a fault.
pub(crate) fn fault(faults: &mut Vec<Fault>, kind: Kind, offset: usize, found: impl Into<String>) {
    faults.push(Fault { kind, offset, found: found.into() });
}
