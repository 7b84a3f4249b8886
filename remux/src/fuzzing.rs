//! Bodies of the fuzz targets (`fuzz/`), kept beside the code that they check so that they change with it.
//!
//! | target | what an input is |
//! |---|---|
//! | `engine` | any bytes |
//! | `psi` | a recipe for tables: sections with a right CRC whose lengths lie, PIDs that alias, changes on the way |
//! | `pes` | a recipe for PES of every kind of stream: headers, times, packing, losses |
//! | `nal` | a recipe for NAL units in any order, behind start codes or lengths, in PES cut anywhere |
//! | `packaging` | a recipe for `pes`, one for boxes, or any bytes: what comes out as MP4 |
//! | `locate` | any bytes, taken for a recording without an index: head, tail, probes, a segment between two times |
//! | `mp4_reader`, `mp4_boxes`, `mp4_writer`, `sound_frames` | for the parts: see each |
//!
//! What must hold of a transport stream that comes out, whatever came in, stands in [`oracle`].

mod locate;
mod mp4;
mod mp4_writer;
mod nal;
mod oracle;
mod packaging;
mod pes;
mod psi;
mod recipe;
mod sound;
mod walk;

pub use self::locate::locate;
pub use self::mp4::{mp4_boxes, mp4_reader};
pub use self::mp4_writer::mp4_writer;
pub use self::nal::nal;
pub use self::packaging::packaging;
pub use self::pes::pes;
pub use self::psi::psi;
pub use self::sound::sound_frames;

/// Copies, indexes and cuts `data`: the first byte says how it is cut into chunks.
pub fn engine(data: &[u8]) {
    let Some((&split, source)) = data.split_first() else { return };
    oracle::check(source, 1 + usize::from(split) * 7);
}
