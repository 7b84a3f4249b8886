//! One file for download with `moov` first, without temporary files: two passes over the same source.
//!
//! ```text
//! pass one  units -> Plan   collects sizes and times, and where each chunk of samples will stand
//!           finish          ftyp, moov with exact offsets, header of mdat: everything but the samples
//! pass two  units -> Body   the samples, chunk by chunk in the same order
//! ```

use std::collections::VecDeque;

use bytes::Bytes;

use super::ParameterSets;
use super::body::{Body, Chunk};
use super::boxes::BoxWriter;
use super::edits::{Edits, Extent};
use super::header::{self, Durations};
use super::interleave::Interleave;
use super::sample::{Sampler, is_sync};
use super::tables::Tables;
use super::timing::TrackClock;
use super::track::{Track, VIDEO_TIMESCALE};
use crate::error::Error;
use crate::es::access_unit::AccessUnit;
use crate::layout::{Layout, RapClass};
use crate::limits;
use crate::report::Report;
use crate::time::MediaTime;
use crate::timeline::Times;

/// What pass one collects.
#[derive(Debug)]
pub(crate) struct Plan {
    rap_class: RapClass,
    lanes: Vec<Lane>,
    held: Interleave,
    chunks: VecDeque<Chunk>,
    /// Bytes of all chunks so far.
    payload: u64,
    /// What could not be written as it came.
    report: Report,
}

/// One track in pass one.
#[derive(Debug)]
struct Lane {
    track: Track,
    sampler: Sampler,
    clock: TrackClock,
    tables: Tables,
    extent: Option<Extent>,
    /// Samples and bytes of the chunk that is being filled.
    chunk: (u32, u64),
}

impl Plan {
    /// A plan for a file of the streams of a layout.
    pub(crate) fn new(layout: &Layout, parameter_sets: ParameterSets) -> Result<Self, Error> {
        let tracks = Track::all(layout, parameter_sets)?;
        let lanes = tracks.into_iter().zip(&layout.streams).map(|(track, stream)| Lane {
            track,
            sampler: Sampler::new(stream, parameter_sets),
            clock: TrackClock::default(),
            tables: Tables::default(),
            extent: None,
            chunk: (0, 0),
        });
        Ok(Self {
            rap_class: layout.rap_class,
            lanes: lanes.collect(),
            held: Interleave::default(),
            chunks: VecDeque::new(),
            payload: 0,
            report: Report::default(),
        })
    }

    /// Takes the next access unit of pass one. The first picture should be one that decoding can begin at: playing begins
    /// there.
    pub(crate) fn push(&mut self, unit: &AccessUnit) -> Result<(), Error> {
        let sample = self.lanes.get_mut(unit.stream).and_then(|lane| lane.sampler.sample(unit));
        let Some(size) = sample.map(|sample| sample.len()) else {
            self.report.dropped_samples += 1;
            return Ok(());
        };
        if self.held.is_due(unit.times.dts) {
            self.flush();
        }
        self.held.on_sample(unit.times.dts, size);
        if let Some(lane) = self.lanes.get_mut(unit.stream) {
            lane.on_sample(unit, size, is_sync(lane.track.codec, unit.unit, self.rap_class));
        }
        match self.lanes.iter().map(|lane| lane.tables.bytes()).sum::<usize>() <= limits::PLAN_BYTES {
            true => Ok(()),
            false => Err(Error::TooLong { limit: limits::PLAN_BYTES as u64 }),
        }
    }

    /// Ends pass one. Gives the beginning of the file, and what takes pass two.
    pub(crate) fn finish(mut self) -> Result<(Bytes, Body), Error> {
        self.flush();
        self.lanes.iter_mut().for_each(|lane| lane.close(&mut self.report));
        if self.payload == 0 {
            return Err(Error::NothingToPlay { reason: "no access unit was found".to_owned() });
        }
        let is_large = self.payload > LARGE;
        // Offsets do not change how long the header is, so it is written once to measure it.
        let length = self.header(0, is_large).len() as u64;
        let header = self.header(length, is_large);
        let lanes = self.lanes.into_iter().map(|lane| (lane.sampler, lane.tables.sizes));
        Ok((header.into(), Body::new(lanes, self.chunks, self.report)))
    }

    /// Ends the chunks that are being filled.
    fn flush(&mut self) {
        self.held.on_flush();
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            let (samples, bytes) = std::mem::take(&mut lane.chunk);
            if samples > 0 {
                lane.tables.on_chunk(self.payload, samples);
                self.chunks.push_back(Chunk { lane: number, samples });
                self.payload = self.payload.saturating_add(bytes);
            }
        }
    }

    /// The file up to its first sample, which stands at `base`.
    fn header(&self, base: u64, is_large: bool) -> Vec<u8> {
        let zero = self.zero();
        let lanes = || self.lanes.iter().filter_map(|lane| lane.extent.map(|extent| (lane, extent)));
        let edits = |extent: &Extent, track: &Track| Edits::of(extent, track, zero);
        let duration = lanes().map(|(lane, extent)| edits(&extent, &lane.track).total()).max().unwrap_or(0);
        let next_track_id = lanes().map(|(lane, _)| lane.track.id).max().unwrap_or(0) + 1;
        let mut boxes = BoxWriter::new();
        // iso4: signed composition offsets.
        header::brands(&mut boxes, b"ftyp", &[b"isom", b"iso4", b"mp41", b"mp42"]);
        boxes.nested(b"moov", |boxes| {
            header::movie_header(boxes, VIDEO_TIMESCALE, duration, next_track_id);
            for (lane, extent) in lanes() {
                let edits = edits(&extent, &lane.track);
                let media = extent.end.0.saturating_sub(extent.begin).max(0) as u64;
                let durations = Durations { movie: edits.total(), media };
                let tables = |boxes: &mut BoxWriter| lane.tables.write(boxes, base, is_large);
                header::track(boxes, &lane.track, durations, |boxes| edits.write(boxes), tables);
            }
        });
        media_data_header(&mut boxes, self.payload, is_large);
        boxes.into_bytes()
    }

    /// When playing begins: with the first picture, or where there is none with the first sound.
    fn zero(&self) -> MediaTime {
        let shown = |is_video| {
            let lanes = self.lanes.iter().filter(move |lane| lane.track.is_video() == is_video);
            lanes.filter_map(|lane| Some(lane.extent?.shown)).min()
        };
        shown(true).or_else(|| shown(false)).unwrap_or(MediaTime::from_ticks(0))
    }
}

/// Bytes of samples above which offsets and the size of `mdat` have 64 bits; what is left is for the header.
const LARGE: u64 = 0xf000_0000;

/// The header of MediaDataBox (ISO/IEC 14496-12 §8.1.1).
fn media_data_header(boxes: &mut BoxWriter, payload: u64, is_large: bool) {
    match is_large {
        true => {
            boxes.u32(1);
            boxes.bytes(b"mdat");
            boxes.u64(payload.saturating_add(16));
        }
        false => {
            boxes.u32((payload + 8) as u32);
            boxes.bytes(b"mdat");
        }
    }
}

impl Lane {
    fn on_sample(&mut self, unit: &AccessUnit, size: usize, is_sync: bool) {
        let placed = self.clock.place(&self.track, unit.times, unit);
        if let Some(duration) = placed.duration_before {
            self.on_duration(duration);
        }
        self.tables.on_sample(size as u32, is_sync, placed.composition_offset);
        let decoded = placed.decode_time;
        let composed = decoded.saturating_add(placed.composition_offset.into());
        let extent = self.extent.get_or_insert(Extent {
            shown: shown(unit.times, &self.track),
            begin: decoded,
            first_offset: placed.composition_offset,
            last: (decoded, composed),
            end: (decoded, composed),
        });
        extent.last = (decoded, composed);
        self.chunk = (self.chunk.0 + 1, self.chunk.1.saturating_add(size as u64));
    }

    fn on_duration(&mut self, duration: u32) {
        self.tables.on_duration(duration);
        if let Some(extent) = &mut self.extent {
            let ends = |time: i64| time.saturating_add(duration.into());
            extent.end = (ends(extent.last.0), extent.end.1.max(ends(extent.last.1)));
        }
    }

    fn close(&mut self, report: &mut Report) {
        if let Some(duration) = self.clock.finish(&self.track, None) {
            self.on_duration(duration);
        }
        report.moved_samples += self.clock.moved;
        report.other_parameter_sets += u64::from(self.sampler.restart());
    }
}

/// When a sample is shown: sound when it is decoded, as its composition offset is 0.
fn shown(times: Times, track: &Track) -> MediaTime {
    if track.is_video() { times.pts } else { times.dts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::es::Unit;
    use crate::layout::Codec;
    use crate::mp4::write::testing::{layout, picture, three_seconds};

    fn planned(units: &[AccessUnit]) -> Body {
        let mut plan = Plan::new(&layout(&[Codec::H264, Codec::AacAdts]), ParameterSets::OutOfBand).unwrap();
        units.iter().for_each(|unit| plan.push(unit).unwrap());
        plan.finish().unwrap().1
    }

    fn takes(mut body: Body, units: &[AccessUnit]) -> bool {
        units.iter().all(|unit| body.push(unit).is_ok()) && body.finish().is_ok()
    }

    #[test]
    fn pass_two_must_be_what_pass_one_was() {
        let units = three_seconds();
        assert!(takes(planned(&units), &units));
        assert!(!takes(planned(&units), &units[..units.len() - 1]), "one is missing");
        assert!(!takes(planned(&units[1..]), &units), "one more");
        let mut other = units.clone();
        other[3] = picture(0, 0, 0, Unit::Picture, &[&[0x41; 100]]);
        assert!(!takes(planned(&units), &other), "another size");
        let mut other = units;
        let last = other.len() - 1;
        other.swap(0, last);
        assert!(!takes(planned(&three_seconds()), &other), "another order");
    }

    #[test]
    fn nothing_makes_no_file() {
        let plan = Plan::new(&layout(&[Codec::H264]), ParameterSets::OutOfBand).unwrap();
        assert!(matches!(plan.finish(), Err(Error::NothingToPlay { .. })));
    }

    #[test]
    fn offsets_past_4_gib_have_64_bits() {
        let unit = picture(0, 0, 0, Unit::Idr, &[&[0x65, 1]]);
        for (before, kind, header) in [(0, *b"stco", 8), (LARGE, *b"co64", 16)] {
            let mut plan = Plan::new(&layout(&[Codec::H264]), ParameterSets::OutOfBand).unwrap();
            plan.payload = before;
            plan.push(&unit).unwrap();
            let (file, _) = plan.finish().unwrap();
            let at = file.windows(4).position(|window| window == kind).expect("the table") + 12;
            let offset = file.len() as u64 + before;
            match header {
                8 => assert_eq!(file[at..at + 4], (offset as u32).to_be_bytes()),
                _ => assert_eq!(file[at..at + 8], offset.to_be_bytes()),
            }
        }
    }

    #[test]
    fn tables_have_a_limit() {
        let mut plan = Plan::new(&layout(&[Codec::H264]), ParameterSets::OutOfBand).unwrap();
        let unit = picture(0, 0, 0, Unit::Idr, &[&[0x65, 1]]);
        plan.lanes[0].tables.sizes = vec![6; limits::PLAN_BYTES / 4];
        assert_eq!(plan.push(&unit), Err(Error::TooLong { limit: limits::PLAN_BYTES as u64 }));
    }
}
