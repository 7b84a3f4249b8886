//! Pictures out of PES (H.264 §7.4.1.2.3, H.265 §7.4.2.4.4).
//!
//! ```text
//!  payload ─▶ buffer ─▶ NAL units ─▶ open unit ──first of the next picture──▶ AccessUnit
//! ```
//! The buffer begins with the open unit; a finished one is split off it, not copied. PES boundaries are marks in it: they
//! give times, but end nothing. So it does not matter whether a PES holds half a picture, one, or several, or ends with
//! the parameter sets of the next.

use std::ops::Range;

use bytes::BytesMut;

use super::marks::Marks;
use super::timing::{Picture, Timing};
use crate::es::access_unit::{AccessUnit, Nals};
use crate::es::annex_b::{find_start_code, without_trailing_zeros};
use crate::es::order::{Order, OrderWatch};
use crate::es::picture::PictureWatch;
use crate::es::{Role, Unit, role, unit_of};
use crate::layout::{Codec, Framing, Setup, Stream};
use crate::limits;
use crate::time::Ticks;
use crate::timeline::Times;

/// Collects the pictures of one stream.
#[derive(Debug, Clone)]
pub(crate) struct VideoAssembler {
    codec: Codec,
    prefix: Prefix,
    /// Gives them their times.
    timing: Timing,
    order: OrderWatch,
    buffer: BytesMut,
    marks: Marks,
    /// Up to where the buffer has been searched.
    searched: usize,
    /// Where the NAL unit begins whose end has not been found.
    open_nal: Option<usize>,
    /// The NAL units from the beginning of the open unit on.
    nals: Vec<Range<usize>>,
    /// Whether the open unit has a slice.
    has_slice: bool,
    /// Of the NAL units behind its slices the first that may belong to the next unit.
    next_from: Option<usize>,
    picture: PictureWatch,
    /// Whether a picture has begun. What comes before is the rest of one whose beginning was not seen.
    has_entered: bool,
    /// The access unit became too large: its rest is skipped up to the next PES.
    is_skipping: bool,
    dropped: u64,
}

/// What stands before a NAL unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefix {
    /// A start code (annex B).
    StartCode,
    /// Its length, in so many bytes (ISO/IEC 14496-15 §5.3.3.1). That does not belong into a transport stream, but there are
    /// recorders that write it.
    Length(usize),
}

const START_CODE: usize = 3;

impl Prefix {
    /// Bytes of it.
    fn bytes(self) -> usize {
        match self {
            Self::StartCode => START_CODE,
            Self::Length(size) => size,
        }
    }
}

impl VideoAssembler {
    /// Pictures of stream number `number`; times that are not there are those before and `frame_duration`.
    pub(crate) fn new(number: usize, stream: &Stream, frame_duration: Ticks) -> Self {
        let mut picture = PictureWatch::new(stream.codec);
        if let Setup::ParameterSets(sets) = &stream.setup {
            sets.iter().for_each(|set| picture.on_parameter_set(set));
        }
        Self {
            codec: stream.codec,
            prefix: match stream.framing {
                Framing::Length(size) => Prefix::Length(usize::from(size)),
                Framing::Native | Framing::Latm => Prefix::StartCode,
            },
            timing: Timing::new(number, stream, frame_duration),
            order: OrderWatch::default(),
            buffer: BytesMut::new(),
            marks: Marks::default(),
            searched: 0,
            open_nal: None,
            nals: Vec::new(),
            has_slice: false,
            next_from: None,
            picture,
            has_entered: false,
            is_skipping: false,
            dropped: 0,
        }
    }

    /// A PES begins at this offset of the source, with these times, if any; it says whether they are steady.
    pub(crate) fn on_start(
        &mut self,
        offset: u64,
        times: Option<(Times, bool)>,
        out: &mut impl Extend<AccessUnit>,
    ) {
        self.search(out);
        self.is_skipping = false;
        self.marks.start(self.buffer.len(), offset, times);
        if let Prefix::Length(_) = self.prefix {
            // A length never reaches over the end of its PES.
            self.open_nal = None;
            self.searched = self.buffer.len();
        }
    }

    /// The next bytes of the PES. Those behind its header say enough to finish the unit before.
    pub(crate) fn on_payload(&mut self, payload: &[u8], is_first: bool, out: &mut impl Extend<AccessUnit>) {
        if self.is_skipping {
            return;
        }
        self.buffer.extend_from_slice(payload);
        if is_first && self.prefix == Prefix::StartCode {
            self.search(out);
        }
        if self.buffer.len() > limits::ACCESS_UNIT {
            self.search(out);
            if self.buffer.len() > limits::ACCESS_UNIT {
                self.drop_open();
            }
        }
    }

    /// Packets are missing here.
    pub(crate) fn on_loss(&mut self) {
        self.marks.lose(self.buffer.len());
    }

    /// The stream ends: so does the open unit.
    pub(crate) fn finish(&mut self, out: &mut impl Extend<AccessUnit>) {
        self.search(out);
        if let Some(begin) = self.open_nal.take() {
            self.on_nal(begin..self.buffer.len(), out);
        }
        self.complete(self.nals.len(), self.buffer.len(), out);
        self.timing.finish(out);
    }

    /// Access units that were dropped for their size, since this was asked last.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    fn drop_open(&mut self) {
        self.dropped += 1;
        self.is_skipping = true;
        self.marks.advance(self.buffer.len());
        self.buffer.clear();
        self.nals.clear();
        (self.searched, self.open_nal, self.has_slice, self.next_from) = (0, None, false, None);
    }

    fn search(&mut self, out: &mut impl Extend<AccessUnit>) {
        match self.prefix {
            Prefix::StartCode => self.search_start_codes(out),
            Prefix::Length(size) => self.read_lengths(size, out),
        }
    }

    fn search_start_codes(&mut self, out: &mut impl Extend<AccessUnit>) {
        while let Some(found) = find_start_code(&self.buffer[self.searched..]) {
            let at = self.searched + found;
            self.searched = at + START_CODE;
            let begin = self.open_nal.replace(self.searched);
            if let Some(begin) = begin {
                self.on_nal(begin..at, out);
            }
        }
        // The beginning of a start code may be the end of the buffer.
        self.searched = self.searched.max(self.buffer.len().saturating_sub(START_CODE - 1));
    }

    fn read_lengths(&mut self, size: usize, out: &mut impl Extend<AccessUnit>) {
        while let Some(field) = self.buffer.get(self.searched..self.searched + size) {
            let length = field.iter().fold(0usize, |value, &byte| value << 8 | usize::from(byte));
            let begin = self.searched + size;
            if length == 0 || self.buffer.len() - begin < length {
                break;
            }
            self.searched = begin + length;
            self.on_nal(begin..begin + length, out);
        }
    }

    /// A NAL unit is complete; where it begins another picture, the open unit is, too.
    fn on_nal(&mut self, mut range: Range<usize>, out: &mut impl Extend<AccessUnit>) {
        let nal = without_trailing_zeros(&self.buffer[range.clone()]);
        range.end = range.start + nal.len();
        let Some(role) = role(self.codec, nal) else { return };
        if self.nals.len() >= limits::NAL_UNITS {
            self.dropped += 1;
            return;
        }
        let position = self.nals.len();
        self.has_entered |= role == Role::Slice && self.picture.is_first(nal);
        let is_rest = role == Role::Slice || role == Role::Behind && self.nals.is_empty();
        if is_rest && !self.has_entered {
            // So is what stands before it.
            self.nals.clear();
            return;
        }
        let begins_next = match role {
            Role::Delimiter => self.has_slice,
            Role::Slice => self.picture.on_slice(nal) && self.has_slice,
            Role::ParameterSet => {
                self.picture.on_parameter_set(nal);
                false
            }
            Role::Before | Role::Behind => false,
        };
        self.nals.push(range);
        if begins_next {
            let position = self.next_from.unwrap_or(position);
            self.complete(position, self.nals[position].start - self.prefix.bytes(), out);
        }
        match role {
            Role::Slice => (self.has_slice, self.next_from) = (true, None),
            Role::ParameterSet | Role::Before if self.has_slice && self.next_from.is_none() => {
                self.next_from = Some(position);
            }
            _ => {}
        }
    }

    /// The open unit consists of the first `count` NAL units, the first `length` bytes of the buffer.
    fn complete(&mut self, count: usize, length: usize, out: &mut impl Extend<AccessUnit>) {
        let rest: Vec<_> = self.nals.drain(count..).map(|nal| nal.start - length..nal.end - length).collect();
        let nals = std::mem::replace(&mut self.nals, rest);
        let begin = nals.first().map_or(0, |nal| nal.start);
        let timed_at = nals.iter().find(|&nal| self.is_timed(nal)).map_or(begin, |nal| nal.start);
        // Its start code may lie in the PES before.
        let start = begin.saturating_sub(self.prefix.bytes());
        let offset = self.marks.offset(start);
        // Else those of the PES that it begins in (H.222.0 §2.4.3.7), if only with parameter sets.
        let times = self.marks.take_times(timed_at).or_else(|| self.marks.take_times(start));
        for nal in &nals {
            // Whoever begins to read at a PES in which this one goes on takes its part there for a picture of its own.
            if self.marks.is_in_later(timed_at, nal.start) && self.seems_to_begin(nal) {
                self.marks.doubt(nal.start);
            }
        }
        let is_damaged = self.marks.advance(length);
        self.searched = self.searched.saturating_sub(length);
        self.open_nal = self.open_nal.map(|begin| begin.saturating_sub(length));
        let bytes = self.buffer.split_to(length).freeze();
        let has_slice = std::mem::take(&mut self.has_slice);
        self.next_from = None;
        if !has_slice {
            return;
        }
        let nals = Nals::new(bytes, nals);
        let unit = unit_of(self.codec, nals.iter());
        let is_entrance = self.is_entrance(unit, &nals);
        let order = if self.timing.needs_order() { self.order(&nals) } else { None };
        self.timing.on_picture(Picture { offset, unit, is_damaged, is_entrance, order, nals }, times, out);
    }

    /// Where it stands in the order of showing.
    fn order(&mut self, nals: &Nals) -> Option<Order> {
        let first = nals.iter().find(|nal| role(self.codec, nal) == Some(Role::Slice))?;
        self.picture.order(first).map(|bits| self.order.on_picture(bits))
    }

    /// Whether a picture that decoding may begin at shows its first slice.
    fn is_entrance(&self, unit: Unit, nals: &Nals) -> bool {
        let mut slices = nals.iter().filter(|nal| role(self.codec, nal) == Some(Role::Slice));
        unit.may_begin() && slices.next().is_some_and(|slice| self.picture.is_first(slice))
    }

    /// Whether a picture seems to begin with this, where nothing is known of what came before.
    fn seems_to_begin(&self, nal: &Range<usize>) -> bool {
        let nal = &self.buffer[nal.clone()];
        match role(self.codec, nal) {
            Some(Role::Delimiter) => true,
            Some(Role::Slice) => self.picture.is_first(nal),
            _ => false,
        }
    }

    /// A PES gives its times to the picture whose first slice, or delimiter, lies in it: parameter sets at the end of the
    /// PES before do not count.
    fn is_timed(&self, nal: &Range<usize>) -> bool {
        matches!(role(self.codec, &self.buffer[nal.clone()]), Some(Role::Slice | Role::Delimiter))
    }
}
