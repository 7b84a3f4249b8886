//! The MP4 writer on any access units. What comes out is read by a walker of its own: sizes add up, every sample is found
//! once and in order, nothing lies between them, and decode times run on.

use std::collections::BTreeMap;

use super::walk;
use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data};
use crate::layout::{Codec, Layout};
use crate::mp4::write::testing::{AVC_PPS, AVC_SPS, layout, picture, sound};
use crate::mp4::write::{Body, Fragmenter, ParameterSets, Plan, init};

/// Makes segments and one file of the access units that `data` describes.
pub fn mp4_writer(data: &[u8]) {
    let Some((&first, mut rest)) = data.split_first() else { return };
    let layout = layout(LAYOUTS[usize::from(first) % LAYOUTS.len()]);
    let parameter_sets = if first & 0x80 == 0 { ParameterSets::OutOfBand } else { ParameterSets::InBand };
    let mut segments = vec![Vec::new()];
    let mut clock = 0i64;
    while let Some((unit, ends_segment)) = access_unit(&layout, &mut rest, &mut clock) {
        if let Some(segment) = segments.last_mut() {
            segment.push(unit);
        }
        if ends_segment {
            segments.push(Vec::new());
        }
    }
    let header = init(&layout, parameter_sets).expect("every stream has its setup");
    walk::boxes(&header, 0..header.len());
    let mut fragmenter = Fragmenter::new(&layout, parameter_sets).expect("every stream has its setup");
    for segment in &segments {
        check_segment(&mut fragmenter, &layout, parameter_sets, segment);
    }
    check_file(&layout, parameter_sets, &segments.concat());
}

const LAYOUTS: [&[Codec]; 5] = [
    &[Codec::H264, Codec::AacAdts],
    &[Codec::H265, Codec::Ac3, Codec::Opus],
    &[Codec::H264],
    &[Codec::MpegAudio],
    &[Codec::H264, Codec::Eac3],
];

/// Takes six bytes and what they say follows.
fn access_unit(layout: &Layout, data: &mut &[u8], clock: &mut i64) -> Option<(AccessUnit, bool)> {
    let (&[stream, flags, step, offset, content, length], rest) = data.split_first_chunk()?;
    *data = rest;
    let scale = [900, 3600, 90_000, 1 << 33][usize::from(flags >> 4 & 3)];
    *clock = clock.saturating_add(i64::from(step as i8) * scale);
    let shown = clock.saturating_add(i64::from(offset as i8) * 900);
    let stream = usize::from(stream) % (layout.streams.len() + 1);
    let body = vec![content; usize::from(length) * 3];
    let is_picture = layout.streams.get(stream).is_some_and(|stream| stream.codec.is_video());
    let unit = if is_picture && flags & 0x40 == 0 {
        let (nals, rest) = data.split_at((flags as usize & 3).min(data.len()));
        *data = rest;
        let nals: Vec<Vec<u8>> = nals.iter().map(|&kind| nal(kind, &body)).collect();
        let nals: Vec<&[u8]> = nals.iter().map(Vec::as_slice).collect();
        let kind = [Unit::Picture, Unit::Idr, Unit::OpenRap, Unit::Picture][usize::from(flags >> 2 & 3)];
        picture(stream, *clock, shown, kind, &nals)
    } else {
        sound(stream, *clock, &body)
    };
    Some((unit, flags & 0x80 != 0))
}

fn nal(kind: u8, body: &[u8]) -> Vec<u8> {
    match kind {
        0 => AVC_SPS.to_vec(),
        1 => AVC_PPS.to_vec(),
        _ => [&[kind], body].concat(),
    }
}

/// What the samples of each track are to be, by the rules of `ParameterSets`, said once more.
fn expected(layout: &Layout, mode: ParameterSets, units: &[AccessUnit]) -> BTreeMap<u32, Vec<Vec<u8>>> {
    let mut tracks: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
    let mut has_other = false;
    for unit in units {
        let Some(stream) = layout.streams.get(unit.stream) else { continue };
        let sample = match (&unit.data, stream.codec.is_video()) {
            (Data::Frame(frame), false) => frame.to_vec(),
            (Data::Nals(nals), true) => {
                let mut nals: Vec<&[u8]> = nals.iter().collect();
                for nal in &mut nals {
                    while let [rest @ .., 0] = *nal {
                        *nal = rest;
                    }
                }
                let is_h264 = stream.codec == Codec::H264;
                let kind = |nal: &[u8]| if is_h264 { nal[0] & 0x1f } else { nal[0] >> 1 & 0x3f };
                let (sets, delimiter) = if is_h264 { (&[7, 8, 13], 9) } else { (&[32, 33, 34], 35) };
                nals.retain(|nal| !nal.is_empty() && kind(nal) != delimiter);
                let is_known = |nal: &[u8]| is_h264 && (nal == AVC_SPS || nal == AVC_PPS);
                has_other |= nals.iter().any(|nal| sets.contains(&kind(nal)) && !is_known(nal));
                let strips = mode == ParameterSets::OutOfBand && !has_other;
                nals.retain(|nal| !(strips && sets.contains(&kind(nal))));
                nals.iter().flat_map(|nal| [&(nal.len() as u32).to_be_bytes()[..], nal].concat()).collect()
            }
            _ => continue,
        };
        if !sample.is_empty() {
            tracks.entry(unit.stream as u32 + 1).or_default().push(sample);
        }
    }
    tracks
}

fn check_segment(fragmenter: &mut Fragmenter, layout: &Layout, mode: ParameterSets, units: &[AccessUnit]) {
    units.iter().for_each(|unit| fragmenter.push(unit));
    fragmenter.finish_segment();
    let segment: Vec<u8> = std::iter::from_fn(|| fragmenter.poll()).flatten().collect();
    let mut found: BTreeMap<u32, Vec<Vec<u8>>> = BTreeMap::new();
    let mut ends: BTreeMap<u32, u64> = BTreeMap::new();
    let mut places = Vec::new();
    let mut payload = Vec::new();
    for top in walk::boxes(&segment, 0..segment.len()) {
        match &top.kind {
            b"mdat" => payload.push(top.body),
            b"moof" => {
                for run in walk::fragment(&segment, &top) {
                    let end = ends.entry(run.track).or_insert(run.decode_time);
                    assert_eq!(*end, run.decode_time, "decode times of track {} do not run on", run.track);
                    *end += run.duration;
                    for place in run.samples {
                        found.entry(run.track).or_default().push(segment[place.clone()].to_vec());
                        places.push(place);
                    }
                }
            }
            kind => assert_eq!(kind, b"styp"),
        }
    }
    walk::assert_tiled(places, payload);
    assert_eq!(found, expected(layout, mode, units));
}

fn check_file(layout: &Layout, mode: ParameterSets, units: &[AccessUnit]) {
    let mut plan = Plan::new(layout, mode).expect("every stream has its setup");
    units.iter().for_each(|unit| plan.push(unit).expect("far from its limit"));
    let expected = expected(layout, mode, units);
    let Ok((header, mut body)) = plan.finish() else {
        assert!(expected.is_empty());
        return;
    };
    let mut file = header.to_vec();
    let mut drain = |body: &mut Body| {
        while let Some(bytes) = body.poll() {
            file.extend_from_slice(&bytes);
        }
    };
    for unit in units {
        body.push(unit).expect("the same as before");
        drain(&mut body);
    }
    body.finish().expect("all there was");
    drain(&mut body);
    let tops = walk::boxes(&file, 0..file.len());
    assert_eq!(tops.iter().map(|top| top.kind).collect::<Vec<_>>(), [*b"ftyp", *b"moov", *b"mdat"]);
    let tracks = walk::movie(&file, &tops[1]);
    let places = tracks.values().flatten().cloned().collect();
    walk::assert_tiled(places, vec![tops[2].body.clone()]);
    let found = tracks.into_iter().map(|(track, places)| {
        (track, places.into_iter().map(|place| file[place].to_vec()).collect::<Vec<_>>())
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
}
