//! The streams of a program while its layout is being learned.

use crate::error::Error;
use crate::es::{Unit, audio_format, video_format};
use crate::layout::{
    Codec, Coding, Container, Format, Layout, LeftOut, LeftOutReason, Path, RapClass, Setup, Source, Stream,
};
use crate::limits;
use crate::pes::start::{Examined, PesStart, examine};
use crate::psi::stream_type::{Declared, declared, output};
use crate::psi::tables::{DeclaredStream, Pmt};
use crate::time::{MediaTime, Ticks, Timestamp};
use crate::ts::{Header, Packet, Pid, payload};

/// The streams of the program that is played.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    program_number: u16,
    probes: Vec<Probe>,
    left_out: Vec<LeftOut>,
}

/// PID of the first stream that goes out; the others follow it.
pub(crate) const FIRST_OUTPUT_PID: u16 = 0x100;
/// Pictures after which the frame duration is certain enough.
pub(crate) const ENOUGH_STARTS: usize = 16;
/// A picture where the head does not show how long one is: 25 a second.
pub(crate) const DEFAULT_FRAME: Ticks = Ticks::from_millis(40);

impl Streams {
    pub(crate) fn new(pmt: &Pmt) -> Self {
        let mut streams =
            Self { program_number: pmt.program_number, probes: Vec::new(), left_out: Vec::new() };
        for stream in &pmt.streams {
            let taken = streams.probes.iter().any(|probe| probe.declared.pid == stream.pid);
            let reason = match declared(stream) {
                _ if taken || !stream.pid.is_assignable() => LeftOutReason::BadPid,
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
        let Some(probe) = self.probes.iter_mut().find(|probe| probe.declared.pid == header.pid()) else {
            return false;
        };
        probe.on_packet(header, packet) && self.is_known()
    }

    /// Whether no stream has shown data yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.probes.iter().all(|probe| probe.starts.is_empty())
    }

    /// Whether there is something that playing could begin at.
    pub(crate) fn has_rap(&self) -> bool {
        self.key().is_some_and(|key| !key.raps.is_empty())
    }

    fn is_known(&self) -> bool {
        self.probes.iter().all(|probe| !probe.starts.is_empty())
            && self.key().is_some_and(|key| key.raps.len() >= 2 && key.starts.len() >= ENOUGH_STARTS)
    }

    /// The stream whose RAPs are those of the program: its first pictures, or where it has none its first sound.
    fn key(&self) -> Option<&Probe> {
        let mut with_data = self.probes.iter().filter(|probe| !probe.starts.is_empty());
        with_data.clone().find(|probe| probe.codec.is_video()).or_else(|| with_data.next())
    }

    /// What the head has shown.
    pub(crate) fn into_layout(self) -> Result<Layout, Error> {
        let Some(key) = self.key() else { return Err(nothing_to_play(&self)) };
        let key_pid = key.declared.pid;
        let (rap_class, zero, gop) = key.random_access()?;
        let frame_duration = key.frame_duration();
        let mut left_out = self.left_out.clone();
        let mut chosen: Vec<&Probe> = Vec::new();
        for probe in &self.probes {
            let reason = match probe {
                probe if probe.is_scrambled() => LeftOutReason::Scrambled,
                probe if probe.starts.is_empty() => LeftOutReason::Silent,
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
        let streams = chosen.iter().zip(FIRST_OUTPUT_PID..).map(|(probe, pid)| probe.stream(Pid::new(pid)));
        Ok(Layout {
            container: Container::TransportStream,
            program_number: self.program_number,
            streams: streams.collect(),
            left_out,
            zero,
            rap_class,
            gop,
            frame_duration,
        })
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

/// What is learned of one stream.
#[derive(Debug, Clone)]
struct Probe {
    codec: Codec,
    declared: DeclaredStream,
    /// The first bytes of the PES that is being examined; empty while none is.
    pending: Vec<u8>,
    pending_packets: usize,
    /// DTS of its first PES, at most [`STARTS`].
    starts: Vec<Timestamp>,
    /// The access units that playing could begin at, at most [`RAPS`].
    raps: Vec<(Unit, Timestamp)>,
    format: Option<Format>,
    clear_packets: u64,
    scrambled_packets: u64,
}

/// Candidates looked at: the second one tells the class.
const RAPS: usize = 2;
/// PES whose times are kept.
const STARTS: usize = 256;

impl Probe {
    fn new(codec: Codec, declared: DeclaredStream) -> Self {
        Self {
            codec,
            declared,
            pending: Vec::new(),
            pending_packets: 0,
            starts: Vec::new(),
            raps: Vec::new(),
            format: None,
            clear_packets: 0,
            scrambled_packets: 0,
        }
    }

    fn is_scrambled(&self) -> bool {
        self.starts.is_empty() && self.scrambled_packets > self.clear_packets
    }

    /// Takes a packet of this stream. Says whether something new is known.
    fn on_packet(&mut self, header: Header, packet: &Packet) -> bool {
        if header.is_scrambled() {
            self.scrambled_packets += 1;
            return false;
        }
        self.clear_packets += 1;
        if header.payload_unit_start_indicator() {
            self.pending.clear();
            self.pending_packets = 0;
        } else if self.pending.is_empty() {
            return false;
        }
        self.pending.extend_from_slice(payload(packet));
        self.pending_packets += 1;
        match examine(self.codec, &self.pending, self.pending_packets == limits::PES_HEAD_PACKETS) {
            Examined::More => false,
            Examined::Bad => {
                self.pending.clear();
                false
            }
            Examined::Start(start) => {
                self.on_start(&start);
                self.pending.clear();
                true
            }
        }
    }

    fn on_start(&mut self, start: &PesStart) {
        let Some(pts) = start.header.pts else { return };
        if self.starts.len() < STARTS {
            self.starts.push(start.header.dts.unwrap_or(pts));
        }
        let is_candidate = !self.codec.is_video() || matches!(start.unit, Unit::Idr | Unit::OpenRap);
        if is_candidate && self.raps.len() < RAPS {
            self.raps.push((start.unit, pts));
        }
        let data = &self.pending[start.header.length..];
        match (&self.format, self.codec.is_video()) {
            (None, false) => self.format = Some(Format::Audio(audio_format(self.codec, data))),
            (None, true) if is_candidate => self.format = Some(Format::Video(video_format(self.codec, data))),
            _ => {}
        }
    }

    /// Class, zero, and the distance of the first two RAPs.
    fn random_access(&self) -> Result<(RapClass, MediaTime, Option<Ticks>), Error> {
        let class = match self.codec {
            // A recorder may begin every file with an IDR where the camera sends recovery points only: the second
            // candidate shows what recurs.
            Codec::H264 if self.raps.iter().any(|&(unit, _)| unit == Unit::OpenRap) => {
                RapClass::RecoveryPoint
            }
            Codec::H264 => RapClass::Idr,
            Codec::H265 => RapClass::Irap,
            _ => RapClass::AnyPes,
        };
        let mut times = self.raps.iter().map(|&(_, pts)| pts);
        let Some(first) = times.next() else {
            let reason = format!("PID {} ({}) has no random access point", self.declared.pid, self.codec);
            return Err(Error::NothingToPlay { reason });
        };
        let zero = MediaTime::from_ticks(first.value() as i64);
        let gop = times.next().map(|second| second.unwrap_near(zero) - zero).filter(|&gop| gop > Ticks::ZERO);
        Ok((class, zero, gop))
    }

    /// The median step of the clock from PES to PES.
    fn frame_duration(&self) -> Ticks {
        let steps = self.starts.windows(2).map(|pair| {
            let before = MediaTime::from_ticks(pair[0].value() as i64);
            pair[1].unwrap_near(before) - before
        });
        let mut steps: Vec<Ticks> = steps.filter(|&step| step > Ticks::ZERO).collect();
        steps.sort_unstable();
        steps.get(steps.len() / 2).copied().unwrap_or(DEFAULT_FRAME)
    }

    fn stream(&self, output_pid: Pid) -> Stream {
        let (stream_type, descriptors) = output(self.codec, &self.declared);
        let unknown = || match self.codec.is_video() {
            true => Format::Video(Default::default()),
            false => Format::Audio(Default::default()),
        };
        Stream {
            source: Source::Pid(self.declared.pid),
            output_pid,
            stream_type,
            codec: self.codec,
            path: Path::Relabel,
            descriptors,
            format: self.format.clone().unwrap_or_else(unknown),
            setup: Setup::None,
        }
    }
}
