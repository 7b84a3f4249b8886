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
    dropped: u64,
}

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
            dropped: 0,
        }
    }

    /// A PES begins at this offset of the source, with these times.
    pub(crate) fn on_start(&mut self, offset: u64, times: Option<(Times, bool)>) {
        self.marks.start(self.buffer.len(), offset, times);
    }

    /// The next bytes of the PES.
    pub(crate) fn on_payload(&mut self, payload: &[u8], out: &mut Vec<AccessUnit>) {
        self.buffer.extend_from_slice(payload);
        match self.latm {
            Some(_) => self.take_elements(out),
            None => self.take_frames(out),
        }
        if self.buffer.len() > limits::SOUND_FRAME {
            // No frame is as long as that.
            self.skip(self.buffer.len());
        }
    }

    /// Packets are missing here: what has come of a frame is of no use.
    pub(crate) fn on_loss(&mut self) {
        self.marks.lose(self.buffer.len());
        if !self.buffer.is_empty() {
            self.skip(self.buffer.len());
            self.marks.lose(0);
        }
    }

    /// The stream ends.
    pub(crate) fn finish(&mut self, out: &mut Vec<AccessUnit>) {
        out.extend(self.open.take());
        self.dropped += u64::from(!self.buffer.is_empty());
        self.buffer.clear();
    }

    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn take_frames(&mut self, out: &mut Vec<AccessUnit>) {
        loop {
            match frames::frame(self.codec, &self.buffer) {
                Look::Frame(frame) if self.buffer.len() < frame.length => return,
                Look::Frame(frame) => {
                    let mut bytes = self.buffer.split_to(frame.length).freeze();
                    bytes.advance(frame.header);
                    self.on_frame(bytes, frame, out);
                }
                Look::More => return,
                Look::Bad => self.resynchronise(|codec, bytes| frames::frame(codec, bytes) != Look::Bad),
            }
        }
    }

    fn take_elements(&mut self, out: &mut Vec<AccessUnit>) {
        while let Some(&first) = self.buffer.first() {
            let Some(length) = latm::length(&self.buffer) else {
                if self.buffer.len() < 3 && first == 0x56 {
                    return;
                }
                self.resynchronise(|_, bytes| latm::length(bytes).is_some() || bytes.len() < 3);
                continue;
            };
            if self.buffer.len() < length {
                return;
            }
            let element = self.buffer.split_to(length).freeze();
            self.on_element(&element, out);
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
            is_timed: given.is_some_and(|(_, is_steady)| is_steady),
            data: Data::Frame(bytes),
        };
        match self.codec {
            Codec::Eac3 => self.open = Some(unit),
            _ => out.push(unit),
        }
    }

    /// The buffer begins with no frame: goes on where one may begin.
    fn resynchronise(&mut self, may_begin: impl Fn(Codec, &[u8]) -> bool) {
        let here = (1..self.buffer.len()).find(|&at| may_begin(self.codec, &self.buffer[at..]));
        self.skip(here.unwrap_or(self.buffer.len()));
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
