//! MP4 being written: access units in; initialization segments, media segments, and files for download out.
//!
//! * [`init()`] makes the initialization segment of a layout, [`codecs()`] its `CODECS` attribute.
//! * [`Fragmenter`] makes media segments: `moof` and `mdat`, several a segment, so that little is held.
//! * [`Plan`] and the [`Body`] that it leaves make one file with `moov` first, in two passes over the same source.
//!
//! Stream `n` of the layout is track `n + 1`. Pictures keep the 90 kHz clock of the source; the clock of sound is its
//! sampling rate, and its samples last as long as they decode to (`timing`). Nothing is re-encoded; of pictures only the
//! framing changes (`sample`).

mod body;
mod boxes;
mod edits;
mod entry;
mod fragment;
mod header;
mod init;
mod interleave;
mod of_layout;
mod plan;
#[cfg(test)]
mod read_back;
mod sample;
mod tables;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod testing;
mod timing;
mod track;

pub(crate) use self::body::Body;
pub(crate) use self::entry::codecs;
pub(crate) use self::fragment::Fragmenter;
pub(crate) use self::init::init;
pub(crate) use self::of_layout::for_mp4;
pub(crate) use self::plan::Plan;

/// Where the parameter sets of H.264 and H.265 are (ISO/IEC 14496-15 §5.4.2.1, §8.4.1), decided once for a run: the
/// initialization segment and every media segment of it must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ParameterSets {
    /// `avc1`, `hvc1`: in the sample entry. Samples lose those that say the same. This is what Apple's players ask for, so
    /// it is the choice wherever a run has one set of parameter sets. One that says something else stays in the samples
    /// all the same, and so do all that follow it: decoders that meet one take it.
    #[default]
    OutOfBand,
    /// `avc3`, `hev1`: in the samples as well, as they came. For runs known to change their parameter sets.
    #[allow(dead_code, reason = "nothing says yet which runs change their parameter sets")]
    InBand,
}
