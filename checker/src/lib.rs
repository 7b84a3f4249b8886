//! Judges a transport stream that the engine wrote: what H.222.0 demands, and what players need beyond it.
//!
//! A crate of its own, without dependencies, so that it cannot share code with what it judges, and so that the engine's
//! tests, the tests against real programs and the fuzz targets can all ask it. It reads whole streams from memory and takes
//! its time; it is no demuxer for anybody else.
//!
//! ```
//! let checked = checker::check(&[&[]]);
//! assert_eq!(checked.faults[0].kind, checker::Kind::Tables);
//! ```

mod access_unit;
mod audio;
mod fault;
mod h264;
mod nal;
mod packet;
mod pes;
mod tables;
mod times;
mod walk;

pub use fault::{Fault, Kind};
pub use nal::{Codec, units};
pub use packet::{PACKET, Packet};
pub use pes::Pes;
pub use tables::{Program, Stream};
pub use times::Clock;

/// What a stream is, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Checked {
    /// What its tables declare.
    pub program: Program,
    /// Every PES, in the order in which they begin.
    pub pes: Vec<Pes>,
    /// Holes in continuity counters: each is a loss that the output still shows.
    pub holes: usize,
    /// Clock references.
    pub clock: Clock,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

impl Checked {
    /// The PES of one PID, in their order.
    pub fn of(&self, pid: u16) -> impl Iterator<Item = &Pes> {
        self.pes.iter().filter(move |pes| pes.pid == pid)
    }

    /// The streams with pictures or sound, in the order of the PMT.
    pub fn streams(&self) -> &[Stream] {
        &self.program.streams
    }
}

/// Judges one stream that is given in pieces: the segments of a playlist between two discontinuities, or a single file.
/// Every piece has to stand alone, and all of them end to end have to be one stream.
pub fn check(pieces: &[&[u8]]) -> Checked {
    let mut checked = walk::walk(pieces);
    times::check(&mut checked);
    for stream in checked.program.streams.clone() {
        access_unit::check(&mut checked, stream);
        audio::check(&mut checked, stream);
    }
    checked.faults.sort_by_key(|fault| fault.offset);
    checked
}
