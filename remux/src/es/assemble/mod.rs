//! Access units out of PES: what a player needs one by one, however the source packed it.

mod marks;
mod reorder;
mod sound;
mod timing;
mod video;

use self::sound::SoundAssembler;
use self::video::VideoAssembler;
use super::access_unit::AccessUnit;
use crate::layout::Layout;
use crate::report::Report;
use crate::timeline::Times;

/// Puts the access units of one stream together.
#[derive(Debug, Clone)]
pub(crate) enum Assembler {
    /// Pictures.
    Video(Box<VideoAssembler>),
    /// Sound.
    Sound(Box<SoundAssembler>),
}

impl Assembler {
    /// Of stream number `number` of a layout.
    pub(crate) fn new(number: usize, layout: &Layout) -> Self {
        match layout.streams.get(number) {
            Some(stream) if stream.codec.is_video() => {
                Self::Video(Box::new(VideoAssembler::new(number, stream, layout.frame_duration)))
            }
            Some(stream) => Self::Sound(Box::new(SoundAssembler::new(number, stream))),
            None => unreachable!("a stream of the layout"),
        }
    }

    /// A PES begins at this offset of the source, with these times, if any; it says whether they are steady, and may say how
    /// many bytes it has.
    pub(crate) fn on_start(
        &mut self,
        offset: u64,
        times: Option<(Times, bool)>,
        length: Option<usize>,
        out: &mut Vec<AccessUnit>,
    ) {
        match self {
            Self::Video(video) => video.on_start(offset, times, out),
            Self::Sound(sound) => sound.on_start(offset, times, length),
        }
    }

    /// The next bytes of the PES; `is_first` says that they follow its header.
    pub(crate) fn on_payload(&mut self, payload: &[u8], is_first: bool, out: &mut Vec<AccessUnit>) {
        match self {
            Self::Video(video) => video.on_payload(payload, is_first, out),
            Self::Sound(sound) => sound.on_payload(payload, out),
        }
    }

    /// Packets are missing here.
    pub(crate) fn on_loss(&mut self) {
        match self {
            Self::Video(video) => video.on_loss(),
            Self::Sound(sound) => sound.on_loss(),
        }
    }

    /// The stream ends.
    pub(crate) fn finish(&mut self, out: &mut Vec<AccessUnit>) {
        match self {
            Self::Video(video) => video.finish(out),
            Self::Sound(sound) => sound.finish(out),
        }
    }

    /// Adds what was dropped since this was asked last.
    pub(crate) fn report(&mut self, report: &mut Report) {
        match self {
            Self::Video(video) => report.overflowed += video.take_dropped(),
            Self::Sound(sound) => report.damaged_frames += sound.take_dropped(),
        }
    }
}
