//! Frames of sound out of PES, wherever the source cut them.

use bytes::{Buf, Bytes, BytesMut};

use super::marks::Marks;
use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data};
use crate::es::frames::{self, Frame, Look};
use crate::es::latm::{self, Element, Latm};
use crate::layout::{Codec, Framing, Setup, Stream};
use crate::limits;
use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;

/// Collects the frames of one stream.
#[derive(Debug, Clone)]
pub(crate) struct SoundAssembler {
    stream: usize,
    codec: Codec,
    /// Where the source has them in LATM.
    latm: Option<Latm>,
    buffer: BytesMut,
    marks: Marks,
    pace: Pace,
    /// A frame that further substreams may still be added to.
    open: Option<AccessUnit>,
    place: Place,
    dropped: u64,
}

/// What the buffer begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing has been found yet: it may be the rest of a frame whose beginning was not seen. Of that some was skipped.
    Start { has_skipped: bool },
    /// The last frame has ended here.
    InStep,
    /// What is no frame, and has been counted.
    Lost,
}

/// How long something is that begins here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    Known(usize),
    /// Its header is not complete.
    More,
    /// It is nothing.
    Bad,
}

/// Bytes that say how long an element of LATM is.
const LATM_HEADER: usize = 3;

/// What the next frame's time is where its PES gives none.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    /// The last time that a PES gave.
    base: Option<MediaTime>,
    /// Samples since.
    samples: u64,
    sample_rate: u32,
}

impl SoundAssembler {
    /// Frames of stream number `number`.
    pub(crate) fn new(number: usize, stream: &Stream) -> Self {
        let latm = match (stream.framing, &stream.setup) {
            (Framing::Latm, Setup::AudioSpecificConfig(config)) => Some(Latm::configured(config)),
            (Framing::Latm, _) => Some(Latm::default()),
            (Framing::Native | Framing::Length(_), _) => None,
        };
        Self {
            stream: number,
            codec: stream.codec,
            latm,
            buffer: BytesMut::new(),
            marks: Marks::default(),
            pace: Pace::default(),
            open: None,
            place: Place::Start { has_skipped: false },
            dropped: 0,
        }
    }

    /// A PES begins at this offset of the source, with these times; it may say how many bytes it has.
    pub(crate) fn on_start(&mut self, offset: u64, times: Option<(Times, bool)>, length: Option<usize>) {
        if self.buffer.is_empty() {
            self.on_none();
        }
        self.marks.start(self.buffer.len(), offset, times);
        if let Some(length) = length {
            self.marks.tell_length(self.buffer.len(), length);
        }
    }

    /// The next bytes of the PES.
    pub(crate) fn on_payload(&mut self, payload: &[u8], out: &mut Vec<AccessUnit>) {
        self.buffer.extend_from_slice(payload);
        self.take_whole(false, out);
        if self.buffer.len() > limits::SOUND_FRAME {
            // No frame is as long as that.
            self.skip(self.buffer.len());
        }
    }

    /// Packets are missing here: what has come of a frame is of no use.
    pub(crate) fn on_loss(&mut self) {
        self.marks.lose(self.buffer.len());
        self.place = Place::Lost;
        if !self.buffer.is_empty() {
            self.skip(self.buffer.len());
            self.marks.lose(0);
        }
    }

    /// The stream ends.
    pub(crate) fn finish(&mut self, out: &mut Vec<AccessUnit>) {
        self.take_whole(true, out);
        out.extend(self.open.take());
        match self.buffer.is_empty() {
            true => self.on_none(),
            false if self.place == Place::Lost => {}
            false => self.lose(),
        }
        self.buffer.clear();
    }

    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Takes what is complete from the front of the buffer. A sync word alone proves nothing: out of step, a frame counts
    /// only when another follows it, or where its PES ends with it.
    fn take_whole(&mut self, at_end: bool, out: &mut Vec<AccessUnit>) {
        while !self.buffer.is_empty() {
            let length = match self.look(&self.buffer) {
                Size::Known(length) if self.buffer.len() < length => return,
                Size::Known(length) => length,
                Size::More => return,
                Size::Bad => {
                    self.resynchronise();
                    continue;
                }
            };
            if self.place != Place::InStep && !self.marks.is_end(length) {
                match self.look(&self.buffer[length..]) {
                    Size::Known(_) => {}
                    Size::More if at_end => {}
                    Size::More => return,
                    Size::Bad => {
                        self.resynchronise();
                        continue;
                    }
                }
            }
            self.place = Place::InStep;
            let bytes = self.buffer.split_to(length).freeze();
            match self.latm {
                Some(_) => self.on_element(&bytes, out),
                None => self.on_bytes(bytes, out),
            }
        }
    }

    /// How long the frame, or the element of LATM, is that `bytes` begin with.
    fn look(&self, bytes: &[u8]) -> Size {
        match &self.latm {
            Some(_) if bytes.len() < LATM_HEADER => Size::More,
            Some(_) => latm::length(bytes).map_or(Size::Bad, Size::Known),
            None => match frames::frame(self.codec, bytes) {
                Look::Frame(frame) => Size::Known(frame.length),
                Look::More => Size::More,
                Look::Bad => Size::Bad,
            },
        }
    }

    fn on_bytes(&mut self, mut bytes: Bytes, out: &mut Vec<AccessUnit>) {
        if let Look::Frame(frame) = frames::frame(self.codec, &bytes) {
            bytes.advance(frame.header);
            self.on_frame(bytes, frame, out);
        }
    }

    fn on_element(&mut self, element: &[u8], out: &mut Vec<AccessUnit>) {
        let Some(latm) = &mut self.latm else { return };
        let frames = match latm.push(element) {
            Element::Frames(frames) => frames,
            Element::Waiting | Element::Unsupported(_) | Element::Bad => Vec::new(),
        };
        let config = latm.config().map(|(_, config)| config);
        let (Some(config), false) = (config, frames.is_empty()) else {
            self.dropped += 1;
            self.marks.advance(element.len());
            return;
        };
        let count = frames.len();
        for (position, bytes) in frames.into_iter().enumerate() {
            let frame = Frame {
                header: 0,
                // The element counts once, with the last of its frames.
                length: if position + 1 == count { element.len() } else { 0 },
                samples: config.frame_samples,
                sample_rate: config.sample_rate,
                channels: config.channels,
                continues: false,
            };
            self.on_frame(bytes, frame, out);
        }
    }

    /// A frame has left the front of the buffer.
    fn on_frame(&mut self, bytes: Bytes, frame: Frame, out: &mut Vec<AccessUnit>) {
        let offset = self.marks.offset(0);
        let given = self.marks.take_times(0);
        // A time stands where a frame begins (H.222.0 §2.4.3.7): what reaches over one was none.
        self.dropped += u64::from(self.marks.would_forget(frame.length));
        let is_damaged = self.marks.advance(frame.length);
        if let (true, Some(open)) = (frame.continues, &mut self.open) {
            if let Data::Frame(begun) = &mut open.data {
                *begun = [&begun[..], &bytes[..]].concat().into();
            }
            return;
        }
        out.extend(self.open.take());
        let Some(pts) = self.pace.next(given.map(|(times, _)| times.pts), frame) else { return };
        let unit = AccessUnit {
            stream: self.stream,
            offset,
            times: Times { pts, dts: pts },
            unit: Unit::Opaque,
            is_damaged,
            is_boundary: given.is_some_and(|(_, is_steady)| is_steady),
            data: Data::Frame(bytes),
        };
        match self.codec {
            Codec::Eac3 => self.open = Some(unit),
            _ => out.push(unit),
        }
    }

    /// The buffer begins with no frame: goes on where one may begin.
    fn resynchronise(&mut self) {
        let here = (1..self.buffer.len()).find(|&at| self.look(&self.buffer[at..]) != Size::Bad);
        let count = here.unwrap_or(self.buffer.len());
        match self.place {
            Place::InStep => self.lose(),
            Place::Start { .. } if self.marks.would_forget(count) => self.lose(),
            Place::Start { .. } => self.place = Place::Start { has_skipped: true },
            Place::Lost => {}
        }
        self.buffer.advance(count);
        self.marks.advance(count);
    }

    /// The PES that ends here, if one does, may have held nothing: where a time stands a frame should begin.
    fn on_none(&mut self) {
        if self.place == (Place::Start { has_skipped: true }) && self.marks.would_forget(usize::MAX) {
            self.lose();
        }
    }

    /// A stretch of what is no frame counts once.
    fn lose(&mut self) {
        self.dropped += 1;
        self.place = Place::Lost;
    }

    fn skip(&mut self, count: usize) {
        self.dropped += 1;
        self.buffer.advance(count);
        self.marks.advance(count);
    }
}

impl Pace {
    /// The time of the next frame.
    fn next(&mut self, given: Option<MediaTime>, frame: Frame) -> Option<MediaTime> {
        if given.is_some() || frame.sample_rate != self.sample_rate {
            let base = given.or_else(|| self.now())?;
            *self = Self { base: Some(base), samples: 0, sample_rate: frame.sample_rate };
        }
        let now = self.now();
        self.samples = self.samples.saturating_add(u64::from(frame.samples));
        now
    }

    fn now(&self) -> Option<MediaTime> {
        let ticks = u128::from(self.samples) * 90_000 / u128::from(self.sample_rate.max(1));
        Some(self.base? + Ticks::new(i64::try_from(ticks).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::write::testing::layout;

    const FRAME: [u8; 9] = [0xff, 0xf1, 0x50, 0x80, 0x01, 0x3f, 0xfc, 1, 2];
    const NOISE: [u8; 30] = [0x11; 30];

    /// How many frames come out of these PES, and what is counted.
    fn assembled(pes: &[&[u8]]) -> (usize, u64) {
        let mut assembler = SoundAssembler::new(0, &layout(&[Codec::AacAdts]).streams[0]);
        let mut out = Vec::new();
        for (number, data) in pes.iter().enumerate() {
            let pts = MediaTime::from_ticks(number as i64 * 3600);
            assembler.on_start(number as u64, Some((Times { pts, dts: pts }, true)), None);
            data.chunks(7).for_each(|payload| assembler.on_payload(payload, &mut out));
        }
        assembler.finish(&mut out);
        (out.len(), assembler.take_dropped())
    }

    #[test]
    fn a_frame_that_is_all_of_its_pes_needs_no_other() {
        assert_eq!(assembled(&[&FRAME, &NOISE, &FRAME]), (2, 1));
        assert_eq!(assembled(&[&FRAME, &FRAME]), (2, 0));
    }

    #[test]
    fn the_rest_of_a_frame_that_was_not_seen_is_no_loss_but_a_pes_of_nothing_is() {
        let torn = [&NOISE[..], &FRAME, &FRAME].concat();
        assert_eq!(assembled(&[&torn]), (2, 0));
        assert_eq!(assembled(&[&NOISE, &FRAME, &FRAME]), (2, 1));
        assert_eq!(assembled(&[&NOISE, &NOISE, &FRAME, &NOISE, &NOISE]), (1, 2));
        assert_eq!(assembled(&[&NOISE]), (0, 1));
    }
}
