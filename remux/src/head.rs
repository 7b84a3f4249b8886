//! The head of a recording: reads on until the layout of the first run is known, and keeps what it has read.
//!
//! ```text
//! bytes ─▶ Framer ─▶ PsiWatch ─▶ a program ─▶ Probe per stream ─▶ Layout
//! ```

use std::collections::VecDeque;

use bytes::Bytes;

use crate::error::Error;
use crate::layout::Layout;
use crate::limits;
use crate::psi::stream_type::{Declared, declared};
use crate::psi::tables::Pmt;
use crate::psi::watch::PsiWatch;
use crate::streams::Streams;
use crate::ts::{Found, Framer, Header, PACKET, Packet};

/// Learns the layout of a run from its head.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    framer: Framer,
    psi: PsiWatch,
    /// The program that is played, once it is known.
    streams: Option<Streams>,
    kept: Kept,
    packets: u64,
    /// Nothing more has to be read.
    is_known: bool,
}

/// The bytes read so far: they are played as soon as the layout is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept {
    /// In order, without holes.
    pub(crate) chunks: VecDeque<Bytes>,
    /// Offset in the source of the first of them.
    pub(crate) offset: u64,
    length: usize,
}

impl Kept {
    fn push(&mut self, chunk: Bytes) {
        self.length += chunk.len();
        self.chunks.push_back(chunk);
    }

    /// Lets go of the oldest bytes that are too many.
    fn trim(&mut self) {
        while self.length > limits::HEAD
            && let Some(chunk) = self.chunks.pop_front()
        {
            self.length -= chunk.len();
            self.offset += chunk.len() as u64;
        }
    }
}

impl Head {
    /// A head that begins at `offset` of the source.
    pub(crate) fn new(offset: u64) -> Self {
        Self {
            framer: Framer::new(offset),
            psi: PsiWatch::default(),
            streams: None,
            kept: Kept { offset, ..Kept::default() },
            packets: 0,
            is_known: false,
        }
    }

    /// Offset in the source of the next byte.
    pub(crate) fn end(&self) -> u64 {
        self.kept.offset + self.kept.length as u64
    }

    /// The next bytes. Says whether the layout is known now.
    pub(crate) fn push(&mut self, chunk: Bytes) -> Result<bool, Error> {
        self.kept.push(chunk.clone());
        self.scan(&chunk, false)?;
        if !self.is_known {
            // Only a stream without a RAP gets here: what is let go of could not have been played.
            self.kept.trim();
        }
        Ok(self.is_known)
    }

    /// The end of the source, or the head is long enough: the layout, and the bytes read so far.
    pub(crate) fn finish(mut self) -> Result<(Layout, Kept), Error> {
        if !self.is_known {
            self.scan(&[], true)?;
        }
        let examined = self.end();
        if self.packets == 0 {
            return Err(Error::NotMedia { examined });
        }
        if self.streams.is_none() {
            self.choose_program(true)?;
        }
        let streams = self.streams.ok_or(Error::NoProgram { examined })?;
        Ok((streams.into_layout()?, self.kept))
    }

    fn scan(&mut self, chunk: &[u8], at_end: bool) -> Result<(), Error> {
        loop {
            let packet: &Packet = match self.framer.next(chunk, at_end) {
                Found::Inside(at) => {
                    chunk[at..].first_chunk::<PACKET>().expect("the framer found a whole packet")
                }
                Found::Across => &self.framer.across().clone(),
                Found::Nothing => break,
            };
            self.packets += 1;
            self.is_known = self.on_packet(packet)?;
            if self.is_known {
                return Ok(());
            }
        }
        if self.packets == 0 && self.framer.gap().total > limits::SYNC_SEARCH {
            return Err(Error::NotMedia { examined: self.framer.gap().total });
        }
        if self.streams.is_none() && self.kept.length >= limits::HEAD {
            return Err(Error::NoProgram { examined: self.end() });
        }
        Ok(())
    }

    fn on_packet(&mut self, packet: &Packet) -> Result<bool, Error> {
        if Header::of(packet).transport_error_indicator() {
            return Ok(false);
        }
        if self.psi.on_packet(packet) && self.streams.as_ref().is_none_or(Streams::is_silent) {
            self.choose_program(false)?;
        }
        let read = self.framer.offset() - self.kept.offset;
        let is_long = read >= limits::HEAD as u64;
        Ok(self
            .streams
            .as_mut()
            .is_some_and(|streams| streams.on_packet(packet) || is_long && streams.has_rap()))
    }

    /// Takes the first program with pictures; once every PMT is known, or with `at_end`, the first with anything to play.
    fn choose_program(&mut self, at_end: bool) -> Result<(), Error> {
        let carries = |pmt: &Pmt, video_only: bool| {
            pmt.streams.iter().any(|stream| match declared(stream) {
                Declared::Carried(codec) => codec.is_video() || !video_only,
                Declared::NotCarried(_) => false,
            })
        };
        let all_known = self.psi.pmts().all(|pmt| pmt.is_some());
        let known = || self.psi.pmts().flatten();
        let chosen = known().find(|pmt| carries(pmt, true)).or_else(|| {
            if all_known || at_end {
                known().find(|pmt| carries(pmt, false)).or_else(|| known().next())
            } else {
                None
            }
        });
        let Some(chosen) = chosen else { return Ok(()) };
        let mut streams = Streams::new(chosen);
        // Streams may have begun before their PMT: look again at what is kept.
        let mut framer = Framer::new(self.kept.offset);
        let end = self.framer.offset();
        'kept: for chunk in &self.kept.chunks {
            loop {
                let packet: &Packet = match framer.next(chunk, false) {
                    Found::Inside(at) => {
                        chunk[at..].first_chunk::<PACKET>().expect("the framer found a whole packet")
                    }
                    Found::Across => &framer.across().clone(),
                    Found::Nothing => break,
                };
                if framer.offset() >= end {
                    break 'kept;
                }
                streams.on_packet(packet);
            }
        }
        self.streams = Some(streams);
        Ok(())
    }
}
