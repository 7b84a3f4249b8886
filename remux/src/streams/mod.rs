//! The streams of a program while its layout is being learned.

mod framing;
mod order;
mod pictures;
mod probe;
mod sound;

use self::probe::Probe;
pub(crate) use self::probe::{DEFAULT_FRAME, ENOUGH_STARTS};
use crate::error::Error;
use crate::layout::{Codec, Coding, Container, Kind, Layout, LeftOut, LeftOutReason, Source};
use crate::limits;
use crate::psi::stream_type::{Declared, declared};
use crate::psi::tables::{DeclaredStream, Pmt};
use crate::ts::{Header, Packet, PacketSize, Pid};

/// The streams of the program that is played.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    program_number: u16,
    probes: Vec<Probe>,
    left_out: Vec<LeftOut>,
    program_descriptors: Vec<u8>,
}

/// PID of the first stream that goes out; the others follow it.
pub(crate) const FIRST_OUTPUT_PID: u16 = 0x100;

impl Streams {
    /// Those of a program that can go out; with `keep` its metadata as well.
    pub(crate) fn new(pmt: &Pmt, keep: bool) -> Self {
        let mut streams = Self {
            program_number: pmt.program_number,
            probes: Vec::new(),
            left_out: Vec::new(),
            program_descriptors: Vec::new(),
        };
        for stream in &pmt.streams {
            let taken = streams.probes.iter().any(|probe| probe.declared.pid == stream.pid);
            let has_room = streams.probes.len() < limits::STREAMS;
            let reason = match declared(stream) {
                _ if taken || !stream.pid.is_assignable() => LeftOutReason::BadPid,
                Declared::NotCarried(kind) if keep && metadata(kind).is_some() && has_room => {
                    streams.probes.extend(metadata(kind).map(|codec| Probe::new(codec, stream.clone())));
                    streams.program_descriptors = pmt.program_info.for_metadata();
                    continue;
                }
                Declared::NotCarried(kind) => LeftOutReason::NotForHls(kind),
                Declared::Carried(_) if streams.probes.len() == limits::STREAMS => LeftOutReason::TooMany,
                Declared::Carried(codec) => {
                    streams.probes.push(Probe::new(codec, stream.clone()));
                    continue;
                }
            };
            streams.left_out.push(left_out(stream, reason));
        }
        streams
    }

    /// Takes a packet of any PID. Says whether all is known.
    pub(crate) fn on_packet(&mut self, packet: &Packet) -> bool {
        let header = Header::of(packet);
        let Some(at) = self.probes.iter().position(|probe| probe.declared.pid == header.pid()) else {
            return false;
        };
        let is_news = self.probes[at].on_packet(header, packet);
        if header.payload_unit_start_indicator() && self.probes[at].is_silent() {
            let beside = self.probes.iter().filter_map(Probe::latest).collect();
            self.probes[at].is_beside(beside);
        }
        is_news && self.is_known()
    }

    /// Whether no stream has shown data yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.probes.iter().all(Probe::is_silent)
    }

    /// Whether there is something that playing could begin at.
    pub(crate) fn has_rap(&self) -> bool {
        self.key().is_some_and(Probe::has_rap)
    }

    fn is_known(&self) -> bool {
        !self.probes.iter().any(|probe| probe.is_silent() && !probe.codec.is_metadata())
            && self.key().is_some_and(Probe::is_known)
    }

    /// The stream whose RAPs are those of the program: its first pictures, or where it has none its first sound.
    fn key(&self) -> Option<&Probe> {
        let mut with_data =
            self.probes.iter().filter(|probe| !probe.is_silent() && !probe.codec.is_metadata());
        with_data.clone().find(|probe| probe.codec.is_video()).or_else(|| with_data.next())
    }

    /// What the head has shown.
    pub(crate) fn into_layout(self) -> Result<Layout, Error> {
        let mut this = self;
        this.probes.iter_mut().for_each(Probe::settle);
        this.into_settled_layout()
    }

    fn into_settled_layout(self) -> Result<Layout, Error> {
        let Some(key) = self.key() else { return Err(nothing_to_play(&self)) };
        let key_pid = key.declared.pid;
        let (rap_class, zero, gop) = key.random_access()?;
        let frame_duration = key.frame_duration();
        let mut left_out = self.left_out.clone();
        let mut chosen: Vec<&Probe> = Vec::new();
        for probe in &self.probes {
            let reason = match probe {
                probe if probe.is_scrambled() => LeftOutReason::Scrambled,
                probe if probe.is_silent() && !probe.codec.is_metadata() => LeftOutReason::Silent,
                probe if probe.codec.is_video() && probe.declared.pid != key_pid => {
                    LeftOutReason::SecondVideo
                }
                probe => {
                    chosen.push(probe);
                    continue;
                }
            };
            left_out.push(self::left_out(&probe.declared, reason));
        }
        chosen.sort_by_key(|probe| probe.declared.pid != key_pid);
        let streams =
            chosen.iter().zip(FIRST_OUTPUT_PID..).map(|(probe, pid)| probe.stream(Pid::new(pid), key));
        Ok(Layout {
            packet_size: PacketSize::default(),
            container: Container::TransportStream,
            program_number: self.program_number,
            program_descriptors: self.program_descriptors.clone(),
            streams: streams.collect(),
            left_out,
            zero,
            rap_class,
            gop,
            frame_duration,
        })
    }
}

/// The metadata that can be kept.
fn metadata(kind: Kind) -> Option<Codec> {
    match kind {
        Kind::Klv => Some(Codec::Klv),
        Kind::Id3 => Some(Codec::Id3),
        Kind::Scte35 => Some(Codec::Scte35),
        _ => None,
    }
}

fn left_out(declared: &DeclaredStream, reason: LeftOutReason) -> LeftOut {
    let DeclaredStream { pid, stream_type, .. } = *declared;
    LeftOut { source: Source::Pid(pid), coding: Coding::StreamType(stream_type), reason }
}

fn nothing_to_play(streams: &Streams) -> Error {
    let mut found: Vec<String> = streams.left_out.iter().map(LeftOut::to_string).collect();
    found.extend(streams.probes.iter().map(|probe| {
        let what = if probe.is_scrambled() { "scrambled" } else { "declared, but without data" };
        format!("PID {} ({}): {what}", probe.declared.pid, probe.codec)
    }));
    let reason =
        if found.is_empty() { "the program declares no streams".to_owned() } else { found.join("; ") };
    Error::NothingToPlay { reason }
}
