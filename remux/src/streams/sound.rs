//! What the PES of an audio stream in the head need in order to be played.

use super::probe::Findings;
use crate::es::Unit;
use crate::es::frames::aac::AdtsHeader;
use crate::es::frames::{self, Look, opus};
use crate::es::latm::{self, Element, Latm};
use crate::layout::{AudioFormat, Codec, Format, Framing, Repair, Setup};
use crate::psi::tables::DeclaredStream;

/// Looks into the PES of one audio stream.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    codec: Codec,
    latm: Latm,
    setup: Setup,
    format: Option<Format>,
    repairs: Vec<Repair>,
    /// channel_config_code of an Opus stream.
    opus_channels: Option<u8>,
}

/// Bytes of a frame that are kept to describe it.
const FRAME_HEADER: usize = 32;

impl Sound {
    pub(super) fn new(codec: Codec, declared: &DeclaredStream) -> Self {
        Self {
            codec,
            latm: Latm::default(),
            setup: Setup::None,
            format: None,
            repairs: Vec::new(),
            opus_channels: declared.descriptors.opus_channel_config(),
        }
    }

    /// A PES; sound needs nothing before it.
    pub(super) fn on_pes(&mut self, data: &[u8], has_time: bool, is_torn: bool) -> Unit {
        if self.codec == Codec::AacLatm {
            self.on_latm(data);
            return Unit::Opaque;
        }
        if self.format.is_none() {
            self.describe(data);
        }
        // What has no frame anywhere is not understood, and better left as it is.
        if !is_torn && self.format.is_some() {
            self.note(Repair::SplitFrames, !is_whole(self.codec, data));
            self.note(Repair::NoTimes, !has_time);
        }
        Unit::Opaque
    }

    fn note(&mut self, repair: Repair, is_found: bool) {
        if is_found && !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }

    fn describe(&mut self, data: &[u8]) {
        let begins = (0..data.len()).find(|&at| match frames::frame(self.codec, &data[at..]) {
            // A sync word proves nothing until another follows.
            Look::Frame(frame) => data
                .get(at + frame.length..)
                .is_none_or(|rest| rest.is_empty() || frames::frame(self.codec, rest) != Look::Bad),
            Look::More | Look::Bad => false,
        });
        let Some(data) = begins.map(|at| &data[at..]) else { return };
        let mut format = AudioFormat::of_frame(self.codec, data);
        if let (Codec::Opus, Some(code)) = (self.codec, self.opus_channels) {
            format.channels = u32::from(code.clamp(1, 8));
        }
        self.format = Some(Format::Audio(format));
        self.setup = match self.codec {
            Codec::AacAdts => AdtsHeader::parse(data)
                .and_then(|header| header.audio_specific_config())
                .map_or(Setup::None, |config| Setup::AudioSpecificConfig(config.to_vec())),
            Codec::Opus => self.opus_channels.and_then(opus::specific_box).map_or(Setup::None, Setup::Opus),
            _ => Setup::FrameHeader(data[..data.len().min(FRAME_HEADER)].to_vec()),
        };
    }

    fn on_latm(&mut self, mut data: &[u8]) {
        self.format.get_or_insert_with(|| Format::Audio(AudioFormat::default()));
        while let Some(length) = latm::length(data).filter(|&length| length <= data.len()) {
            let (element, rest) = data.split_at(length);
            data = rest;
            let is_understood = matches!(self.latm.push(element), Element::Frames(_));
            if let (true, Some((bytes, config))) = (is_understood, self.latm.config())
                && self.setup == Setup::None
            {
                self.setup = Setup::AudioSpecificConfig(bytes.to_vec());
                self.format = Some(Format::Audio(AudioFormat::of_config(&config)));
            }
        }
    }

    /// Whether frames were found that stand on their own.
    pub(super) fn is_understood(&self) -> bool {
        self.codec != Codec::AacLatm && self.format.is_some()
    }

    pub(super) fn findings(&self) -> Findings {
        let (mut repairs, mut framing) = (self.repairs.clone(), Framing::Native);
        if self.codec == Codec::AacLatm && self.can_be_adts() {
            repairs.push(Repair::Latm);
            framing = Framing::Latm;
        }
        repairs.sort_unstable();
        Findings { repairs, framing, setup: self.setup.clone(), format: self.format.clone() }
    }

    fn can_be_adts(&self) -> bool {
        self.latm.is_plain() && self.latm.config().is_some_and(|(_, config)| config.adts_header(0).is_some())
    }
}

/// Whether a PES begins with a frame and ends with one.
fn is_whole(codec: Codec, mut data: &[u8]) -> bool {
    while let Look::Frame(frame) = frames::frame(codec, data) {
        match data.get(frame.length..) {
            Some([]) => return true,
            Some(rest) => data = rest,
            None => return false,
        }
    }
    false
}
