//! The head of a recording: reads on until the layout of the first run is known, and keeps what it has read.
//!
//! ```text
//! bytes ─▶ Framer ─▶ PsiWatch ─▶ a program ─▶ Streams ─▶ Layout
//! ```
//! Every decision is taken at a packet and by its offset, so that chunks make no difference.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::error::Error;
use crate::index::first_rap;
use crate::layout::Layout;
use crate::limits;
use crate::psi::stream_type::{Declared, declared};
use crate::psi::tables::Pmt;
use crate::psi::watch::PsiWatch;
use crate::streams::Streams;
use crate::ts::{Framer, Header, PACKET, Packet};

/// What is to be played of a source, where there is a choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// `program_number` of the only program that may be; `None`: the first with pictures.
    pub(crate) program: Option<u16>,
    /// Its metadata as well.
    pub(crate) keep: bool,
}

/// Learns the layout of a run from its head.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    framer: Framer,
    psi: PsiWatch,
    /// What is to be played.
    wanted: Wanted,
    /// The program that is played, once it is known.
    streams: Option<Streams>,
    replays: usize,
    kept: Kept,
    /// What was known of the programs before the first byte.
    psi_before: PsiWatch,
    /// Offset in the source of the first byte.
    begin: u64,
    /// Offset in the source of the first packet; the length of the head counts from here.
    first_packet: Option<u64>,
    /// Nothing more has to be read.
    is_known: bool,
}

/// The bytes read so far: they are played as soon as the layout is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// In order, without holes.
    pub(crate) chunks: VecDeque<Bytes>,
    /// Offset in the source of the first of them, where a packet starts or the source does.
    pub(crate) offset: u64,
}

/// Chunks are joined up to so many bytes.
const JOINED: usize = 4096;

impl Kept {
    /// Takes the next chunk. Small ones are joined, for a handle costs as much as dozens of bytes.
    fn push(&mut self, chunk: &Bytes) {
        match self.chunks.back_mut().filter(|last| last.len() + chunk.len() <= JOINED) {
            Some(last) => {
                let mut joined = BytesMut::from(std::mem::take(last));
                joined.extend_from_slice(chunk);
                *last = joined.freeze();
            }
            None => self.chunks.push_back(chunk.clone()),
        }
    }

    /// Lets go of the chunks that lie before `offset`.
    fn drop_before(&mut self, offset: u64) {
        while let Some(chunk) = self.chunks.front()
            && self.offset + chunk.len() as u64 <= offset
        {
            self.offset += chunk.len() as u64;
            self.chunks.pop_front();
        }
    }

    /// Begins at `offset` exactly, unless it begins later in any case.
    fn begin_at(&mut self, offset: u64) {
        self.drop_before(offset);
        if let (Some(before), Some(chunk)) = (offset.checked_sub(self.offset), self.chunks.front_mut()) {
            *chunk = chunk.slice(before as usize..);
            self.offset = offset;
        }
    }
}

impl Head {
    /// A head that begins at `offset` of the source.
    pub(crate) fn new(offset: u64, wanted: Wanted) -> Self {
        Self::following(PsiWatch::default(), offset, wanted)
    }

    /// The head of a further run, of which `psi` is known already.
    pub(crate) fn following(psi: PsiWatch, offset: u64, wanted: Wanted) -> Self {
        let mut head = Self {
            framer: Framer::new(offset),
            psi_before: psi.clone(),
            wanted,
            psi,
            streams: None,
            replays: 0,
            kept: Kept { offset, ..Kept::default() },
            begin: offset,
            first_packet: None,
            is_known: false,
        };
        head.choose_program(false);
        head
    }

    /// What was known of the programs before the first byte.
    pub(crate) fn psi_before(&self) -> PsiWatch {
        self.psi_before.clone()
    }

    /// The next bytes. Says whether the layout is known now.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<bool, Error> {
        self.kept.push(&chunk);
        self.scan(&chunk, false)?;
        if !self.is_known {
            self.kept.drop_before(self.framer.offset().saturating_sub(limits::HEAD as u64));
        }
        Ok(self.is_known)
    }

    /// The end of the source, or the head is long enough: the layout, and the bytes read so far.
    pub(crate) fn finish(mut self) -> Result<(Layout, Kept), Error> {
        if !self.is_known {
            self.scan(&[], true)?;
        }
        if self.first_packet.is_none() {
            return Err(self.not_media());
        }
        if self.streams.is_none() {
            self.choose_program(true);
        }
        let begin = self.begin.max(self.framer.offset().saturating_sub(limits::HEAD as u64));
        if begin > self.begin {
            // Only a stream that had no RAP for so long gets here: what is let go of could not have been played.
            self.kept.begin_at(begin);
        }
        let examined = self.examined();
        let streams = self.streams.ok_or(Error::NoProgram { examined })?;
        let mut layout = Layout { packet_size: self.framer.packet_size(), ..streams.into_layout()? };
        let read_to = self.framer.offset();
        // What the head takes for a RAP can turn out to begin elsewhere once its PES are taken apart.
        if let Some(first) = first_rap(&layout, self.psi_before, &self.kept, read_to) {
            layout.zero = first;
        }
        Ok((layout, self.kept))
    }

    fn examined(&self) -> u64 {
        self.framer.offset() - self.begin
    }

    fn not_media(&self) -> Error {
        Error::NotMedia { examined: self.examined() }
    }

    fn check_search(&self) -> Result<(), Error> {
        if self.framer.gap().total > limits::SYNC_SEARCH { Err(self.not_media()) } else { Ok(()) }
    }

    fn scan(&mut self, chunk: &[u8], at_end: bool) -> Result<(), Error> {
        while !self.is_known {
            let Some(packet) = self.framer.next_copied(chunk, at_end) else { break };
            if self.first_packet.is_none() {
                self.check_search()?;
                self.first_packet = Some(self.framer.offset() - PACKET as u64);
            }
            self.is_known = self.on_packet(&packet)?;
        }
        if self.first_packet.is_none() { self.check_search() } else { Ok(()) }
    }

    /// Says whether the layout is known.
    fn on_packet(&mut self, packet: &Packet) -> Result<bool, Error> {
        if Header::of(packet).transport_error_indicator() {
            return Ok(false);
        }
        if self.psi.on_packet(packet) && self.streams.as_ref().is_none_or(Streams::is_silent) {
            self.choose_program(false);
        }
        let length = self.framer.offset() - self.first_packet.unwrap_or(self.begin);
        let is_long = length >= limits::HEAD as u64;
        match &mut self.streams {
            None if is_long => Err(Error::NoProgram { examined: self.examined() }),
            None => Ok(false),
            // A program without any data has had its chance; without a RAP it may go on.
            Some(streams) => {
                Ok(streams.on_packet(packet) || is_long && (streams.has_rap() || streams.is_silent()))
            }
        }
    }

    /// Takes the first program with pictures; once every PMT is known, or with `at_end`, the first with anything to play.
    fn choose_program(&mut self, at_end: bool) {
        let carries = |pmt: &Pmt, video_only: bool| {
            pmt.streams.iter().any(|stream| match declared(stream) {
                Declared::Carried(codec) => codec.is_video() || !video_only,
                Declared::NotCarried(_) => false,
            })
        };
        let all_known = self.psi.pmts().all(|pmt| pmt.is_some());
        let wanted = |pmt: &&Pmt| self.wanted.program.is_none_or(|program| program == pmt.program_number);
        let known = || self.psi.pmts().flatten().filter(wanted);
        let chosen = known().find(|pmt| carries(pmt, true)).or_else(|| {
            if all_known || at_end {
                known().find(|pmt| carries(pmt, false)).or_else(|| known().next())
            } else {
                None
            }
        });
        let Some(chosen) = chosen else { return };
        if self.replays < limits::HEAD_REPLAYS {
            self.replays += 1;
            self.streams = Some(self.replay(Streams::new(chosen, self.wanted.keep)));
        }
    }

    /// Streams may have begun before their PMT: shows them what is kept.
    fn replay(&self, mut streams: Streams) -> Streams {
        let mut framer = Framer::new(self.kept.offset);
        for chunk in &self.kept.chunks {
            while let Some(packet) = framer.next_copied(chunk, false) {
                if framer.offset() > self.framer.offset() {
                    return streams;
                }
                if !Header::of(&packet).transport_error_indicator() {
                    streams.on_packet(&packet);
                }
            }
        }
        streams
    }
}
