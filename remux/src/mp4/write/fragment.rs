//! Media segments: `styp`, then `moof` and `mdat`, one or more times (ISO/IEC 14496-12 §8.8, §8.16; RFC 8216 §3.3).
//!
//! The clock is the output's ([`Layout::output_time`]). A segment depends on its access units alone: nothing is carried
//! over from the one before.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::ParameterSets;
use super::boxes::BoxWriter;
use super::header;
use super::interleave::Interleave;
use super::sample::{NON_SYNC_FLAGS, SYNC_FLAGS, Sampler, is_sync};
use super::timing::TrackClock;
use super::track::Track;
use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::layout::Layout;
use crate::report::Report;
use crate::time::MediaTime;
use crate::timeline::Times;

/// Makes the media segments of a layout. Push the access units of one segment, poll until there is nothing more, finish
/// it, poll again; then the next one can begin.
#[derive(Debug)]
pub(crate) struct Fragmenter {
    layout: Layout,
    lanes: Vec<Lane>,
    held: Interleave,
    /// sequence_number of the next fragment; `None` before the first of a segment.
    sequence_number: Option<u32>,
    has_type: bool,
    out: VecDeque<Bytes>,
    /// What could not be written as it came.
    report: Report,
}

/// One track, and what is held of it.
#[derive(Debug)]
struct Lane {
    track: Track,
    sampler: Sampler,
    clock: TrackClock,
    /// Samples whose duration is known.
    samples: Vec<Entry>,
    /// The sample that waits for the next one to tell its duration.
    open: Option<Entry>,
    /// The bytes of all of them, in order.
    data: BytesMut,
    /// When the sample behind the segment's last one is decoded, if it is known.
    next: Option<Times>,
}

/// One entry of a TrackRunBox.
#[derive(Debug, Clone, Copy)]
struct Entry {
    decode_time: i64,
    duration: u32,
    size: usize,
    flags: u32,
    composition_offset: i32,
}

impl Fragmenter {
    /// A fragmenter for the segments whose initialization segment [`super::init()`] makes of the same arguments.
    pub(crate) fn new(layout: &Layout, parameter_sets: ParameterSets) -> Result<Self, Error> {
        let tracks = Track::all(layout, parameter_sets)?;
        let lanes = tracks.into_iter().zip(&layout.streams).map(|(track, stream)| Lane {
            track,
            sampler: Sampler::new(stream, parameter_sets),
            clock: TrackClock::default(),
            samples: Vec::new(),
            open: None,
            data: BytesMut::new(),
            next: None,
        });
        Ok(Self {
            layout: layout.clone(),
            lanes: lanes.collect(),
            held: Interleave::default(),
            sequence_number: None,
            has_type: false,
            out: VecDeque::new(),
            report: Report::default(),
        })
    }

    /// Takes the next access unit of the segment.
    pub(crate) fn push(&mut self, unit: &AccessUnit) {
        let times = self.output_times(unit.times);
        let Some(lane) = self.lanes.get_mut(unit.stream) else {
            self.report.dropped_samples += 1;
            return;
        };
        let Some(sample) = lane.sampler.sample(unit) else {
            self.report.dropped_samples += 1;
            return;
        };
        if self.held.is_due(times.dts) {
            self.flush();
        }
        // Milliseconds on the output clock: it grows from segment to segment, and no segment knows another.
        self.sequence_number.get_or_insert(1 + (times.dts.ticks() / 90 % i64::from(u32::MAX)) as u32);
        self.held.on_sample(times.dts, sample.len());
        self.report.moved_samples += u64::from(times != shifted(&self.layout, unit.times));
        if let Some(lane) = self.lanes.get_mut(unit.stream) {
            let flags = match is_sync(lane.track.codec, unit.unit, self.layout.rap_class) {
                true => SYNC_FLAGS,
                false => NON_SYNC_FLAGS,
            };
            sample.write(&mut lane.data);
            lane.on_sample(times, unit, sample.len(), flags);
        }
    }

    /// Tells the first access unit of a stream that comes after the segment, so that the last one of its stream lasts
    /// until then. Without it the last one lasts as long as a frame takes.
    pub(crate) fn on_next(&mut self, unit: &AccessUnit) {
        let times = self.output_times(unit.times);
        if let Some(lane) = self.lanes.get_mut(unit.stream) {
            lane.next.get_or_insert(times);
        }
    }

    /// Ends the segment. One without samples is a `styp` alone.
    pub(crate) fn finish_segment(&mut self) {
        for lane in &mut self.lanes {
            lane.close();
        }
        self.flush();
        if !self.has_type {
            let mut boxes = BoxWriter::new();
            self.segment_type(&mut boxes);
            self.out.push_back(boxes.into_bytes().into());
        }
        for lane in &mut self.lanes {
            self.report.moved_samples += std::mem::take(&mut lane.clock.moved);
            self.report.other_parameter_sets += u64::from(lane.sampler.restart());
        }
        (self.sequence_number, self.has_type, self.held) = (None, false, Interleave::default());
    }

    /// The next bytes of the segment.
    pub(crate) fn poll(&mut self) -> Option<Bytes> {
        self.out.pop_front()
    }

    /// What could not be written as it came, of all segments that were finished.
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// Times on the output clock; none lies before its beginning.
    fn output_times(&self, times: Times) -> Times {
        let Times { pts, dts } = shifted(&self.layout, times);
        let begin = MediaTime::from_ticks(0);
        Times { pts: pts.max(begin), dts: dts.max(begin) }
    }

    /// SegmentTypeBox (§8.16.2): a media segment for DASH and HLS; cmfs where the file is a CMAF track
    /// (ISO/IEC 23000-19 §7.3).
    fn segment_type(&mut self, boxes: &mut BoxWriter) {
        let brands: &[&[u8; 4]] = if self.lanes.len() == 1 { &[b"msdh", b"cmfs"] } else { &[b"msdh"] };
        header::brands(boxes, b"styp", brands);
        self.has_type = true;
    }

    /// Makes a fragment of the samples whose duration is known.
    fn flush(&mut self) {
        self.held.on_flush();
        if self.lanes.iter().all(|lane| lane.samples.is_empty()) {
            return;
        }
        let mut boxes = BoxWriter::new();
        if !self.has_type {
            self.segment_type(&mut boxes);
        }
        let sequence_number = self.sequence_number.unwrap_or(1);
        self.sequence_number = Some(sequence_number.checked_add(1).unwrap_or(1));
        movie_fragment(&mut boxes, sequence_number, &self.lanes);
        let payload: Vec<Bytes> = self.lanes.iter_mut().filter_map(Lane::take).collect();
        media_data_header(&mut boxes, payload.iter().map(|data| data.len() as u64).sum());
        self.out.push_back(boxes.into_bytes().into());
        self.out.extend(payload);
    }
}

/// Where times of the source lie on the output clock.
fn shifted(layout: &Layout, times: Times) -> Times {
    Times { pts: layout.output_time(times.pts), dts: layout.output_time(times.dts) }
}

impl Lane {
    fn on_sample(&mut self, times: Times, unit: &AccessUnit, size: usize, flags: u32) {
        let placed = self.clock.place(&self.track, times, unit);
        self.samples.extend(
            self.open.take().zip(placed.duration_before).map(|(open, duration)| Entry { duration, ..open }),
        );
        self.open = Some(Entry {
            decode_time: placed.decode_time,
            duration: 0,
            size,
            flags,
            composition_offset: placed.composition_offset,
        });
    }

    /// Nothing more comes.
    fn close(&mut self) {
        let duration = self.clock.finish(&self.track, self.next.take());
        self.samples
            .extend(self.open.take().zip(duration).map(|(open, duration)| Entry { duration, ..open }));
    }

    /// The bytes of the samples whose duration is known, which are forgotten.
    fn take(&mut self) -> Option<Bytes> {
        let size = self.size();
        self.samples.clear();
        (size > 0).then(|| self.data.split_to(size.min(self.data.len())).freeze())
    }

    /// Bytes of the samples whose duration is known.
    fn size(&self) -> usize {
        self.samples.iter().map(|entry| entry.size).sum()
    }
}

/// MovieFragmentBox (§8.8.4) of the samples whose duration is known. Their bytes follow it, track by track.
fn movie_fragment(boxes: &mut BoxWriter, sequence_number: u32, lanes: &[Lane]) {
    let begin = boxes.len();
    let mut offsets = Vec::new();
    boxes.nested(b"moof", |boxes| {
        boxes.full(b"mfhd", 0, 0, |boxes| boxes.u32(sequence_number));
        let mut offset = 0;
        for lane in lanes.iter().filter(|lane| !lane.samples.is_empty()) {
            offsets.push((track_fragment(boxes, lane), offset));
            offset += lane.size();
        }
    });
    let data = boxes.len() - begin + MEDIA_DATA_HEADER;
    for (at, offset) in offsets {
        boxes.set_u32(at, (data + offset) as u32);
    }
}

/// TrackFragmentBox (§8.8.6); gives where its data_offset stands.
fn track_fragment(boxes: &mut BoxWriter, lane: &Lane) -> usize {
    let mut data_offset = 0;
    boxes.nested(b"traf", |boxes| {
        // default-base-is-moof; everything that differs is said of each sample.
        boxes.full(b"tfhd", 0, 0x02_0000, |boxes| boxes.u32(lane.track.id));
        let decode_time = lane.samples.first().map_or(0, |entry| entry.decode_time);
        boxes.full(b"tfdt", 1, 0, |boxes| boxes.u64(decode_time.max(0) as u64));
        // data-offset, sample-duration, sample-size; and of pictures sample-flags, sample-composition-time-offsets.
        let is_video = lane.track.is_video();
        let flags = if is_video { 0x0f01 } else { 0x0301 };
        boxes.full(b"trun", 1, flags, |boxes| {
            boxes.u32(lane.samples.len() as u32);
            data_offset = boxes.len();
            boxes.u32(0);
            for entry in &lane.samples {
                boxes.u32(entry.duration);
                boxes.u32(entry.size as u32);
                if is_video {
                    boxes.u32(entry.flags);
                    boxes.i32(entry.composition_offset);
                }
            }
        });
    });
    data_offset
}

/// Bytes of the header of MediaDataBox: a fragment is far smaller than 4 GiB.
const MEDIA_DATA_HEADER: usize = 8;

/// The header of MediaDataBox (§8.1.1).
fn media_data_header(boxes: &mut BoxWriter, payload: u64) {
    let size = payload + MEDIA_DATA_HEADER as u64;
    boxes.u32(u32::try_from(size).expect("a fragment is bounded by limits far below 4 GiB"));
    boxes.bytes(b"mdat");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::Unit;
    use crate::layout::{Codec, Setup};
    use crate::limits;
    use crate::mp4::write::testing::{layout, picture, sound};

    fn fragmenter(codecs: &[Codec]) -> Fragmenter {
        Fragmenter::new(&layout(codecs), ParameterSets::OutOfBand).unwrap()
    }

    fn lengths(fragmenter: &mut Fragmenter) -> Vec<usize> {
        std::iter::from_fn(|| fragmenter.poll()).map(|bytes| bytes.len()).collect()
    }

    #[test]
    fn what_is_held_goes_out_at_its_limit() {
        let mut fragmenter = fragmenter(&[Codec::H264]);
        let half = vec![0x41; limits::FRAGMENT_BYTES / 2];
        let units: Vec<_> = (0..4).map(|at| picture(0, at, at, Unit::Picture, &[&half])).collect();
        units[..2].iter().for_each(|unit| fragmenter.push(unit));
        assert_eq!(lengths(&mut fragmenter).len(), 0);
        fragmenter.push(&units[2]);
        assert_eq!(lengths(&mut fragmenter)[1..], [half.len() + 4], "the one whose duration is known");
        fragmenter.finish_segment();
        assert_eq!(lengths(&mut fragmenter)[1..], [2 * (half.len() + 4)]);
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let mut fragmenter = fragmenter(&[Codec::H264, Codec::AacAdts]);
        fragmenter.push(&sound(7, 0, &[1]));
        fragmenter.push(&sound(0, 0, &[1]));
        fragmenter.push(&picture(0, -900_001, 0, Unit::Idr, &[&[0x65, 1]]));
        fragmenter.push(&picture(0, -900_002, 0, Unit::Picture, &[&[0x68, 1], &[0x41, 1]]));
        fragmenter.finish_segment();
        let expected =
            Report { dropped_samples: 2, moved_samples: 3, other_parameter_sets: 1, ..Report::default() };
        assert_eq!(*fragmenter.report(), expected);
    }

    #[test]
    fn a_stream_without_setup_is_refused() {
        let mut layout = layout(&[Codec::H264]);
        layout.streams[0].setup = Setup::None;
        let error = Fragmenter::new(&layout, ParameterSets::OutOfBand).unwrap_err();
        assert_eq!(error.to_string(), "track 1 (h264) cannot go into MP4: its parameter sets are not known");
    }
}
