//! Layouts and access units to test with.

use bytes::Bytes;

use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data, Nals};
use crate::layout::{Codec, Format, Framing, Layout, Path, RapClass, Setup, Source, Stream};
use crate::time::{MediaTime, Ticks};
use crate::timeline::Times;
use crate::ts::Pid;

/// 1920x1080, High, level 4.0, cropped by 8 lines.
pub(crate) const AVC_SPS: [u8; 27] = [
    0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00,
    0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58,
];
pub(crate) const AVC_PPS: [u8; 4] = [0x68, 0xeb, 0xe3, 0xcb];

const HEVC_VPS: [u8; 6] = [0x40, 0x01, 0x0c, 0x01, 0xff, 0xff];
/// 176x140, format range extensions, 4:4:4.
const HEVC_SPS: [u8; 33] = [
    0x42, 0x01, 0x01, 0x04, 0x08, 0x00, 0x00, 0x03, 0x00, 0x9e, 0x08, 0x00, 0x00, 0x03, 0x00, 0x00, 0x3c,
    0x90, 0x02, 0xc4, 0x04, 0x8f, 0x97, 0x2c, 0xac, 0xd2, 0x49, 0x95, 0xe0, 0x2d, 0xc0, 0x80, 0x80,
];
const HEVC_PPS: [u8; 5] = [0x44, 0x01, 0xc1, 0x72, 0xb4];

/// What a stream of each kind is set up with.
pub(crate) fn setup(codec: Codec) -> Setup {
    match codec {
        Codec::H264 => Setup::ParameterSets(vec![AVC_SPS.to_vec(), AVC_PPS.to_vec()]),
        Codec::H265 => Setup::ParameterSets(vec![HEVC_VPS.to_vec(), HEVC_SPS.to_vec(), HEVC_PPS.to_vec()]),
        // AAC-LC, 44.1 kHz, stereo.
        Codec::AacAdts | Codec::AacLatm => Setup::AudioSpecificConfig(vec![0x12, 0x10]),
        // Layer III, 128 kbit/s, 44.1 kHz.
        Codec::MpegAudio => Setup::FrameHeader(vec![0xff, 0xfb, 0x90, 0x00]),
        // 384 kbit/s, 48 kHz, 3/2 and LFE.
        Codec::Ac3 => Setup::FrameHeader(vec![0x0b, 0x77, 0, 0, 0x1c, 0x40, 0xe1, 0xff]),
        Codec::Eac3 => Setup::FrameHeader(vec![0x0b, 0x77, 0x01, 0x7f, 0x3f, 0x86, 0, 0]),
        Codec::Opus => Setup::Opus(vec![0, 2, 0x01, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]),
        Codec::Klv | Codec::Id3 | Codec::Scte35 => Setup::None,
    }
}

/// A layout of such streams whose zero is at 0; pictures take 40 ms.
pub(crate) fn layout(codecs: &[Codec]) -> Layout {
    let streams = codecs.iter().zip(1..).map(|(&codec, track)| Stream {
        repairs: Vec::new(),
        framing: Framing::Native,
        reorder: 0,
        shift: Ticks::ZERO,
        order_step: 0,
        pes_duration: Ticks::ZERO,
        source: Source::Track(track),
        output_pid: Pid::NULL,
        stream_type: 0,
        codec,
        path: Path::Rebuild,
        descriptors: Vec::new(),
        format: match codec.is_video() {
            true => Format::Video(Default::default()),
            false => Format::Audio(Default::default()),
        },
        setup: setup(codec),
    });
    Layout {
        packet_size: Default::default(),
        program_descriptors: Vec::new(),
        container: Default::default(),
        program_number: 1,
        streams: streams.collect(),
        left_out: Vec::new(),
        zero: MediaTime::from_ticks(0),
        rap_class: RapClass::Idr,
        gop: None,
        frame_duration: Ticks::from_millis(40),
    }
}

/// An access unit of pictures: times in ticks, NAL units.
pub(crate) fn picture(stream: usize, dts: i64, pts: i64, unit: Unit, nals: &[&[u8]]) -> AccessUnit {
    let mut ranges = Vec::new();
    let mut bytes = Vec::new();
    for nal in nals {
        ranges.push(bytes.len()..bytes.len() + nal.len());
        bytes.extend_from_slice(nal);
    }
    access_unit(stream, dts, pts, unit, Data::Nals(Nals::new(bytes.into(), ranges)))
}

/// An access unit of sound.
pub(crate) fn sound(stream: usize, pts: i64, frame: &[u8]) -> AccessUnit {
    access_unit(stream, pts, pts, Unit::Opaque, Data::Frame(Bytes::copy_from_slice(frame)))
}

fn access_unit(stream: usize, dts: i64, pts: i64, unit: Unit, data: Data) -> AccessUnit {
    let times = Times { pts: MediaTime::from_ticks(pts), dts: MediaTime::from_ticks(dts) };
    AccessUnit { stream, offset: 0, times, unit, is_damaged: false, is_boundary: true, data }
}

/// Three seconds of pictures with one B-frame each, an IDR picture every second, and of AAC that begins 20 ms later; as a
/// transport stream would have them: the sound a little behind.
#[cfg(test)]
pub(crate) fn three_seconds() -> Vec<AccessUnit> {
    let mut units = Vec::new();
    for number in 0..75i64 {
        let dts = number * 3600 - 3600;
        let pts = dts
            + 3600
            + [0, 3600, -3600][if number % 25 == 0 { 0 } else { 1 + (number % 25 + 1) as usize % 2 }];
        let slice = [if number % 25 == 0 { 0x65 } else { 0x41 }, 0x88, number as u8, 1];
        let unit = if number % 25 == 0 { Unit::Idr } else { Unit::Picture };
        let nals: &[&[u8]] = match unit {
            Unit::Idr => &[&[0x09, 0xf0], &AVC_SPS, &AVC_PPS, &slice],
            _ => &[&[0x09, 0xf0], &slice],
        };
        units.push((dts, picture(0, dts, pts, unit, nals)));
    }
    for number in 0..128i64 {
        let pts = 1800 + number * 1024 * 90_000 / 44_100;
        units.push((pts + 9000, sound(1, pts, &[0x21, number as u8, 3])));
    }
    units.sort_by_key(|&(position, _)| position);
    units.into_iter().map(|(_, unit)| unit).collect()
}
