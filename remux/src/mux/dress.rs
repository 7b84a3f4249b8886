//! Access units as a transport stream carries them: pictures behind start codes, with a delimiter first and parameter sets
//! where decoding may begin; sound with its framing, several frames to a PES.

use bytes::Bytes;

use crate::cut::EARLY;
use crate::es::access_unit::{AccessUnit, Data, Nals};
use crate::es::frames::aac::AudioSpecificConfig;
use crate::es::parameter_sets::ParameterSets;
use crate::es::{Role, delimiter, is_picture_parameter_set, role};
use crate::layout::{Codec, Setup, Stream};
use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;

/// Dresses the access units of one stream.
#[derive(Debug)]
pub(crate) struct Dresser {
    codec: Codec,
    stream_id: u8,
    /// What decoding needs to be told, as of the last access unit.
    sets: ParameterSets,
    /// What ADTS headers are made from.
    config: Option<AudioSpecificConfig>,
    /// Frames of sound that wait for others to share a PES.
    waiting: Option<Dressed>,
}

/// The contents of a PES.
#[derive(Debug)]
pub(crate) struct Dressed {
    pub(crate) stream_id: u8,
    pub(crate) times: Times,
    /// It is a RAP.
    pub(crate) is_marked: bool,
    /// Packets of it are missing.
    pub(crate) is_damaged: bool,
    pieces: Vec<Bytes>,
    length: usize,
}

/// zero_byte and start_code_prefix_one_3bytes (H.264 annex B.1.1).
const START_CODE: Bytes = Bytes::from_static(&[0, 0, 0, 1]);

/// stream_id, H.222.0 table 2-22.
const VIDEO_STREAM: u8 = 0xe0;
const AUDIO_STREAM: u8 = 0xc0;
const PRIVATE_STREAM_1: u8 = 0xbd;

/// How long frames of sound wait for each other.
const LONGEST_WAIT: Ticks = Ticks::from_millis(90);
/// Bytes of sound in a PES: 16 packets.
const SOUND_BYTES: usize = 16 * 184 - 14;

impl Dressed {
    /// The bytes, in pieces.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &piece[..])
    }

    fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        self.pieces.push(piece);
    }
}

impl Dresser {
    pub(crate) fn new(stream: &Stream) -> Self {
        let config = match &stream.setup {
            Setup::AudioSpecificConfig(config) => AudioSpecificConfig::parse(config),
            _ => None,
        };
        Self {
            codec: stream.codec,
            stream_id: match stream.codec {
                codec if codec.is_video() => VIDEO_STREAM,
                Codec::Ac3 | Codec::Eac3 | Codec::Opus => PRIVATE_STREAM_1,
                _ => AUDIO_STREAM,
            },
            sets: ParameterSets::from_setup(stream.codec, &stream.setup),
            config,
            waiting: None,
        }
    }

    /// The next access unit; gives a PES that is ready.
    pub(crate) fn put(&mut self, unit: AccessUnit, is_marked: bool) -> Option<Dressed> {
        let mut dressed = Dressed {
            stream_id: self.stream_id,
            times: unit.times,
            is_marked,
            is_damaged: unit.is_damaged,
            pieces: Vec::new(),
            length: 0,
        };
        match unit.data {
            Data::Nals(nals) => {
                let needs_sets = is_marked || unit.unit.is_random_access();
                self.put_pictures(&nals, needs_sets, &mut dressed);
                Some(dressed)
            }
            Data::Frame(frame) => {
                self.put_frame(frame, &mut dressed);
                self.share(dressed)
            }
        }
    }

    /// What waits, where the pictures have come so far that it would be late.
    pub(crate) fn take_due(&mut self, dts: MediaTime) -> Option<Dressed> {
        self.waiting.take_if(|waiting| dts - waiting.times.dts >= EARLY)
    }

    /// What waits, for nothing follows.
    pub(crate) fn finish(&mut self) -> Option<Dressed> {
        self.waiting.take()
    }

    /// A delimiter, the parameter sets that a RAP lacks, then what is there (H.264 §7.4.1.2.3). A set stands behind those
    /// that it refers to.
    fn put_pictures(&mut self, nals: &Nals, needs_sets: bool, dressed: &mut Dressed) {
        let codec = self.codec;
        let (before, behind) = nals.around_slice(codec);
        self.sets.learn_all(codec, before.clone());
        let missing = match needs_sets {
            true => self.sets.missing_from(codec, before.clone()),
            false => Vec::new(),
        };
        let (pictures, sequences): (Vec<&[u8]>, Vec<&[u8]>) =
            missing.into_iter().partition(|set| is_picture_parameter_set(codec, set));
        let own_sequences = before.clone().enumerate().filter(|(_, nal)| {
            role(codec, nal) == Some(Role::ParameterSet) && !is_picture_parameter_set(codec, nal)
        });
        let own_sequences = own_sequences.map(|(position, _)| position).last();
        let mut put = |nal: Bytes| {
            dressed.push(START_CODE);
            dressed.push(nal);
        };
        put(Bytes::from_static(delimiter(codec)));
        sequences.into_iter().for_each(|set| put(Bytes::copy_from_slice(set)));
        let mut pictures = pictures.into_iter();
        if own_sequences.is_none() {
            pictures.by_ref().for_each(|set| put(Bytes::copy_from_slice(set)));
        }
        for (position, nal) in nals.slices().enumerate() {
            if role(codec, &nal) != Some(Role::Delimiter) {
                put(nal);
            }
            if own_sequences == Some(position) {
                pictures.by_ref().for_each(|set| put(Bytes::copy_from_slice(set)));
            }
        }
        self.sets.learn_all(codec, behind);
    }

    /// An access unit that does not go out: what it tells is true of those that do.
    pub(crate) fn skip(&mut self, unit: &AccessUnit) {
        if let Data::Nals(nals) = &unit.data {
            self.sets.learn_all(self.codec, nals.iter());
        }
    }

    fn put_frame(&self, frame: Bytes, dressed: &mut Dressed) {
        match self.codec {
            Codec::AacAdts => {
                let header = self.config.and_then(|config| config.adts_header(frame.len()));
                dressed.pieces.extend(header.map(|header| Bytes::copy_from_slice(&header)));
            }
            Codec::Opus => dressed.push(opus_control_header(frame.len())),
            _ => {}
        }
        dressed.push(frame);
    }

    /// Frames of sound share a PES for as long as players do not wait for it.
    fn share(&mut self, next: Dressed) -> Option<Dressed> {
        let Some(waiting) = &mut self.waiting else {
            self.waiting = Some(next);
            return None;
        };
        let wait = next.times.pts - waiting.times.pts;
        let has_room = waiting.length + next.length <= SOUND_BYTES;
        if has_room && wait > Ticks::ZERO && wait <= LONGEST_WAIT && !next.is_marked && !next.is_damaged {
            next.pieces.into_iter().for_each(|piece| waiting.push(piece));
            return None;
        }
        self.waiting.replace(next)
    }
}

/// The control header that goes before a packet of Opus (ETSI TS 103 491 annex C: opus_control_header): its length.
fn opus_control_header(length: usize) -> Bytes {
    let mut header = vec![0x7f, 0xe0];
    header.resize(2 + length / 255, 0xff);
    header.push((length % 255) as u8);
    Bytes::from(header)
}
