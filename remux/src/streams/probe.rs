//! What the head shows of one stream.

use super::pictures::Pictures;
use super::sound::Sound;
use crate::error::Error;
use crate::es::Unit;
use crate::es::order::DEEPEST_REORDER;
use crate::layout::{Codec, Format, Framing, Path, RapClass, Repair, Setup, Source, Stream};
use crate::limits;
use crate::pes::header::{Parsed, PesHeader};
use crate::pes::length;
use crate::psi::stream_type::output;
use crate::psi::tables::DeclaredStream;
use crate::time::{MediaTime, Ticks, Timestamp};
use crate::timeline::Clock;
use crate::ts::{Continuity, Counter, Header, Packet, Pid, has_room_for_flags, payload};

/// Collects PES of one stream and looks at each when it is complete.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) codec: Codec,
    pub(super) declared: DeclaredStream,
    /// The PES that has begun; empty while none has.
    pending: Vec<u8>,
    /// Packets of it are missing, or it is too long.
    is_torn: bool,
    /// Whole PES were of another length than they say.
    has_wrong_lengths: bool,
    counter: Counter,
    /// What its PES say of their times, at most [`STARTS`].
    starts: Vec<Start>,
    /// The PTS of the last PES.
    latest: Option<Timestamp>,
    /// How far the others had come when the first PES with a time began.
    beside: Vec<(Pid, Timestamp)>,
    /// The access units that playing could begin at, at most [`RAPS`].
    raps: Vec<Entrance>,
    /// Recovery points after which pictures become right only later, as many: what counts where nothing else is there.
    gradual: Vec<Entrance>,
    /// The first packet of the PES that has begun has an adaptation field with room for marks.
    has_room: bool,
    survey: Survey,
    clear_packets: u64,
    scrambled_packets: u64,
}

/// What has been seen inside of the PES.
#[derive(Debug, Clone)]
enum Survey {
    Pictures(Pictures),
    Sound(Sound),
}

impl Survey {
    /// Whether access units can be told from each other; what is not understood is better left as it is.
    fn is_understood(&self) -> bool {
        match self {
            Self::Pictures(_) => true,
            Self::Sound(sound) => sound.is_understood(),
        }
    }
}

/// An access unit that playing could begin at.
#[derive(Debug, Clone, Copy)]
struct Entrance {
    unit: Unit,
    pts: Timestamp,
    /// Its first packet can be marked as what it is.
    has_room: bool,
}

/// The times of a PES.
#[derive(Debug, Clone, Copy)]
struct Start {
    pts: Timestamp,
    dts: Option<Timestamp>,
}

/// What a stream needs in order to be played, besides what its PMT says.
#[derive(Debug, Clone, Default)]
pub(super) struct Findings {
    pub(super) repairs: Vec<Repair>,
    pub(super) framing: Framing,
    pub(super) setup: Setup,
    pub(super) format: Option<Format>,
}

/// Candidates looked at: the second one tells the class.
const RAPS: usize = 2;
/// PES whose times are kept.
const STARTS: usize = 256;
/// Pictures after which the frame duration is certain enough.
pub(crate) const ENOUGH_STARTS: usize = 16;
/// A picture where the head does not show how long one is: 25 a second.
pub(crate) const DEFAULT_FRAME: Ticks = Ticks::from_millis(40);

/// DTS behind their PTS that make all DTS useless.
const LATE_DTS: usize = 3;

/// Each as near to the one before as can be.
fn unwrapped(times: impl Iterator<Item = Timestamp>) -> Vec<MediaTime> {
    let near = |before: Option<MediaTime>, time: Timestamp| match before {
        Some(before) => time.unwrap_near(before),
        None => MediaTime::from_ticks(time.value() as i64),
    };
    times
        .scan(None, |before, time| {
            *before = Some(near(*before, time));
            *before
        })
        .collect()
}

impl Probe {
    pub(super) fn new(codec: Codec, declared: DeclaredStream) -> Self {
        let survey = match codec.is_video() {
            true => Survey::Pictures(Pictures::new(codec)),
            false => Survey::Sound(Sound::new(codec, &declared)),
        };
        Self {
            codec,
            declared,
            pending: Vec::new(),
            is_torn: false,
            has_wrong_lengths: false,
            counter: Counter::default(),
            starts: Vec::new(),
            latest: None,
            beside: Vec::new(),
            raps: Vec::new(),
            gradual: Vec::new(),
            has_room: false,
            survey,
            clear_packets: 0,
            scrambled_packets: 0,
        }
    }

    pub(super) fn is_scrambled(&self) -> bool {
        self.is_silent() && self.scrambled_packets > self.clear_packets
    }

    /// Whether no PES with a time has begun.
    pub(super) fn is_silent(&self) -> bool {
        self.starts.is_empty()
    }

    /// Whether there is something that playing could begin at.
    pub(super) fn has_rap(&self) -> bool {
        !self.raps.is_empty() || !self.gradual.is_empty()
    }

    /// Whether the stream, as that of the pictures, has shown all that needs to be known.
    pub(super) fn is_known(&self) -> bool {
        self.raps.len() >= RAPS && self.starts.len() >= ENOUGH_STARTS
    }

    /// Takes a packet of this stream. Says whether something new is known.
    pub(super) fn on_packet(&mut self, header: Header, packet: &Packet) -> bool {
        if header.is_scrambled() {
            self.scrambled_packets += 1;
            return false;
        }
        self.clear_packets += 1;
        if !header.has_payload() {
            return false;
        }
        match self.counter.on_packet(packet) {
            Continuity::Duplicate => return false,
            Continuity::Gap => self.is_torn = true,
            Continuity::Follows => {}
        }
        let mut is_news = false;
        if header.payload_unit_start_indicator() {
            is_news = !self.pending.is_empty();
            self.note_length();
            self.settle();
            self.has_room = has_room_for_flags(packet);
        } else if self.pending.is_empty() {
            return false;
        }
        self.pending.extend_from_slice(payload(packet));
        if self.pending.len() > limits::ACCESS_UNIT {
            self.pending.truncate(limits::ACCESS_UNIT);
            self.is_torn = true;
        }
        is_news
    }

    /// The PES that has begun is whole, unless packets of it are missing.
    fn note_length(&mut self) {
        if !self.is_torn && matches!(PesHeader::parse(&self.pending), Parsed::Complete(_)) {
            let told = length::told(&self.pending);
            let is_right = told.map_or(self.codec.is_video(), |told| told == self.pending.len());
            self.has_wrong_lengths |= !is_right && !self.codec.is_metadata();
        }
    }

    /// The PES that has begun is over.
    pub(super) fn settle(&mut self) {
        let pes = std::mem::take(&mut self.pending);
        let is_torn = std::mem::take(&mut self.is_torn);
        let has_room = self.has_room;
        let Parsed::Complete(header) = PesHeader::parse(&pes) else { return };
        if let Some(pts) = header.pts.filter(|_| self.starts.len() < STARTS) {
            self.starts.push(Start { pts, dts: header.dts });
        }
        self.latest = header.pts.or(self.latest);
        let has_time = header.pts.is_some();
        let unit = match &mut self.survey {
            Survey::Pictures(pictures) => pictures.on_pes(&pes[header.length..], has_time, is_torn),
            Survey::Sound(sound) => sound.on_pes(&pes[header.length..], has_time, is_torn),
        };
        let found = match unit {
            Unit::Idr | Unit::OpenRap | Unit::Opaque => Some(&mut self.raps),
            Unit::Gradual => Some(&mut self.gradual),
            Unit::Picture => None,
        };
        if let (Some(found), Some(pts)) = (found.filter(|found| found.len() < RAPS), header.pts) {
            found.push(Entrance { unit, pts, has_room });
        }
        self.pending = pes;
        self.pending.clear();
    }

    /// Class, zero, and the distance of the first two RAPs.
    pub(super) fn random_access(&self) -> Result<(RapClass, MediaTime, Option<Ticks>), Error> {
        let class = match self.codec {
            // A recorder may begin every file with an IDR where the camera sends recovery points only: the second
            // candidate shows what recurs.
            Codec::H264 if self.raps.iter().any(|rap| rap.unit == Unit::OpenRap) => RapClass::RecoveryPoint,
            Codec::H264 if self.raps.is_empty() => RapClass::Gradual,
            Codec::H264 => RapClass::Idr,
            Codec::H265 => RapClass::Irap,
            _ => RapClass::AnyPes,
        };
        let mut times = self.entrances().iter().map(|entrance| entrance.pts);
        let Some(first) = times.next() else {
            let reason = format!("PID {} ({}) has no random access point", self.declared.pid, self.codec);
            return Err(Error::NothingToPlay { reason });
        };
        let zero = MediaTime::from_ticks(first.value() as i64);
        let gop = times.next().map(|second| second.unwrap_near(zero) - zero).filter(|&gop| gop > Ticks::ZERO);
        Ok((class, zero, gop))
    }

    fn entrances(&self) -> &[Entrance] {
        if self.raps.is_empty() { &self.gradual } else { &self.raps }
    }

    /// How long a picture lasts, or a PES of sound.
    pub(super) fn frame_duration(&self) -> Ticks {
        self.per_picture(self.pes_duration())
    }

    /// How long a picture lasts, where it is so far from one time to the next.
    fn per_picture(&self, step: Ticks) -> Ticks {
        match &self.survey {
            Survey::Pictures(pictures) => pictures.per_picture(step),
            Survey::Sound(_) => step,
        }
    }

    /// The median step of the clock from one PES that has a time to the next.
    fn pes_duration(&self) -> Ticks {
        let mut times = self.decoding_times();
        let reorder = i64::from(self.reorder());
        // The DTS that are made lie so many pictures before their PTS, and must not be further from them than is believed.
        let longest = Ticks::new(Clock::LONGEST_HOLE.get() / (reorder + 1));
        if reorder > 0 {
            times.sort_unstable();
        }
        let steps = times.windows(2).map(|pair| pair[1] - pair[0]);
        let mut steps: Vec<Ticks> = steps
            .filter(|&step| step > Ticks::ZERO && (reorder == 0 || self.per_picture(step) <= longest))
            .collect();
        steps.sort_unstable();
        steps.get(steps.len() / 2).copied().unwrap_or(DEFAULT_FRAME)
    }

    fn decoding_times(&self) -> Vec<MediaTime> {
        let has_dts = self.has_dts();
        unwrapped(self.starts.iter().map(|start| start.dts.filter(|_| has_dts).unwrap_or(start.pts)))
    }

    /// Whether DTS are there and can be used: a single one behind its PTS is a fault, several are a muxer that does not
    /// know what they are for.
    fn has_dts(&self) -> bool {
        let late = self.starts.iter().filter(|start| {
            let pts = MediaTime::from_ticks(start.pts.value() as i64);
            start.dts.is_some_and(|dts| dts.unwrap_near(pts) > pts)
        });
        self.starts.iter().any(|start| start.dts.is_some()) && late.count() < LATE_DTS
    }

    /// How many pictures are decoded ahead of one that is shown before them, where no DTS can be used.
    fn reorder(&self) -> u8 {
        if !self.codec.is_video() || self.has_dts() {
            return 0;
        }
        let times = self.decoding_times();
        let ahead = times.iter().enumerate().map(|(position, &time)| {
            let before = &times[position.saturating_sub(DEEPEST_REORDER)..position];
            before.iter().filter(|&&earlier| earlier > time && earlier - time < Ticks::SECOND).count()
        });
        let depth = ahead.max().map_or(0, |depth| depth as u8);
        depth.max(self.unwritten_order().map_or(0, |(_, depth)| depth))
    }

    fn unwritten_order(&self) -> Option<(u8, u8)> {
        match &self.survey {
            Survey::Pictures(pictures) => pictures.unwritten_order(),
            Survey::Sound(_) => None,
        }
    }

    /// Where its PES stand beside those of other streams.
    pub(super) fn is_beside(&mut self, others: Vec<(Pid, Timestamp)>) {
        self.beside = others;
    }

    /// The PTS of the last PES.
    pub(super) fn latest(&self) -> Option<(Pid, Timestamp)> {
        self.latest.map(|latest| (self.declared.pid, latest))
    }

    /// What has to be added to its times to bring them to those of the key stream. Of one clock streams stand side by side in
    /// a source; times that are further apart than any hole are of two.
    fn shift_to(&self, key: &Self) -> Ticks {
        let pid = key.declared.pid;
        let beside = self.beside.iter().find(|&&(other, _)| other == pid).map(|&(_, pts)| pts);
        let (Some(own), Some(first)) = (self.starts.first(), key.starts.first()) else { return Ticks::ZERO };
        let own = MediaTime::from_ticks(own.pts.value() as i64);
        let apart = beside.unwrap_or(first.pts).unwrap_near(own) - own;
        if apart.abs() > Clock::LONGEST_HOLE && pid != self.declared.pid { apart } else { Ticks::ZERO }
    }

    /// As it goes out on `output_pid`.
    pub(super) fn stream(&self, output_pid: Pid, key: &Self) -> Stream {
        let mut found = match &self.survey {
            Survey::Pictures(pictures) => pictures.findings(),
            Survey::Sound(sound) => sound.findings(),
        };
        let reorder = self.reorder();
        if reorder > 0 {
            found.repairs.push(Repair::NoDts);
        }
        if self.codec.is_video() && self.entrances().iter().any(|entrance| !entrance.has_room) {
            found.repairs.push(Repair::NoRoom);
        }
        if self.has_wrong_lengths && self.survey.is_understood() {
            found.repairs.push(Repair::WrongLengths);
        }
        let codec = match found.framing {
            Framing::Latm => Codec::AacAdts,
            Framing::Native | Framing::Length(_) => self.codec,
        };
        let (stream_type, descriptors) = output(codec, &self.declared);
        let unknown = || match codec.is_video() {
            true => Format::Video(Default::default()),
            false => Format::Audio(Default::default()),
        };
        Stream {
            source: Source::Pid(self.declared.pid),
            output_pid,
            stream_type,
            codec,
            path: if found.repairs.is_empty() { Path::Relabel } else { Path::Rebuild },
            repairs: found.repairs,
            framing: found.framing,
            reorder,
            order_step: self.unwritten_order().map_or(0, |(step, _)| step),
            shift: self.shift_to(key),
            pes_duration: self.pes_duration(),
            descriptors,
            format: found.format.unwrap_or_else(unknown),
            setup: found.setup,
        }
    }
}
