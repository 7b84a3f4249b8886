//! What is written, read back by another implementation of the standard.

use bytes::Bytes;
use mp4_atom::{Any, Codec as Entry, DecodeMaybe, Moof, Moov, StszSamples, Trak};

use super::testing::{self, AVC_PPS, AVC_SPS, layout, three_seconds};
use super::{Fragmenter, ParameterSets, Plan, codecs, init};
use crate::es::Unit;
use crate::es::access_unit::{AccessUnit, Data};
use crate::layout::{Codec, Layout};

const OUT_OF_BAND: ParameterSets = ParameterSets::OutOfBand;

/// The boxes of a file with where each begins.
fn boxes(mut file: &[u8]) -> Vec<(usize, Any)> {
    let whole = file.len();
    let mut boxes = Vec::new();
    while !file.is_empty() {
        let at = whole - file.len();
        boxes.push((at, Any::decode_maybe(&mut file).expect("a readable box").expect("a whole box")));
    }
    boxes
}

fn moov(file: &[u8]) -> Moov {
    let moov = boxes(file)
        .into_iter()
        .find_map(|(_, any)| if let Any::Moov(moov) = any { Some(moov) } else { None });
    moov.expect("a moov")
}

fn entry(codec: Codec) -> (Trak, Entry) {
    let file = init(&layout(&[codec]), OUT_OF_BAND).unwrap();
    let trak = moov(&file).trak.remove(0);
    let entry = trak.mdia.minf.stbl.stsd.codecs[0].clone();
    (trak, entry)
}

/// One sample as a reader finds it: track, decode time, composition offset, duration, sync, bytes.
type Found = (u32, u64, i32, u32, bool, Vec<u8>);

/// The samples of a segment, fragment by fragment.
fn samples(segment: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    for (at, any) in boxes(segment) {
        let Any::Moof(moof) = any else { continue };
        for traf in &moof.traf {
            let mut time = traf.tfdt.as_ref().unwrap().base_media_decode_time;
            for run in &traf.trun {
                let mut offset = at + run.data_offset.unwrap() as usize;
                for sample in run.samples.iter() {
                    let (size, duration) = (sample.size.unwrap() as usize, sample.duration.unwrap());
                    let is_sync = sample.flags.unwrap_or(0x0200_0000) == 0x0200_0000;
                    let bytes = segment[offset..offset + size].to_vec();
                    found.push((
                        traf.tfhd.track_id,
                        time,
                        sample.cts.unwrap_or(0) as i32,
                        duration,
                        is_sync,
                        bytes,
                    ));
                    time += u64::from(duration);
                    offset += size;
                }
            }
        }
    }
    found
}

fn segment(fragmenter: &mut Fragmenter, units: &[AccessUnit]) -> Vec<u8> {
    units.iter().for_each(|unit| fragmenter.push(unit));
    fragmenter.finish_segment();
    std::iter::from_fn(|| fragmenter.poll()).flat_map(|bytes: Bytes| bytes.to_vec()).collect()
}

fn download(layout: &Layout, units: &[AccessUnit]) -> Vec<u8> {
    let mut plan = Plan::new(layout, OUT_OF_BAND).unwrap();
    units.iter().for_each(|unit| plan.push(unit).unwrap());
    let (header, mut body) = plan.finish().unwrap();
    units.iter().for_each(|unit| body.push(unit).unwrap());
    body.finish().unwrap();
    let mut file = header.to_vec();
    while let Some(bytes) = body.poll() {
        file.extend_from_slice(&bytes);
    }
    file
}

/// What a sample of `three_seconds` is to consist of: the slice behind its length, or the frame.
fn expected_bytes(unit: &AccessUnit) -> Vec<u8> {
    match &unit.data {
        Data::Frame(frame) => frame.to_vec(),
        Data::Nals(nals) => {
            let slice = nals.iter().next_back().unwrap();
            [&(slice.len() as u32).to_be_bytes()[..], slice].concat()
        }
    }
}

#[test]
fn sample_entries_of_pictures() {
    let (trak, Entry::Avc1(avc1)) = entry(Codec::H264) else { panic!("not avc1") };
    assert_eq!((avc1.visual.width, avc1.visual.height, trak.mdia.mdhd.timescale), (1920, 1080, 90_000));
    assert_eq!(avc1.avcc.sequence_parameter_sets, [AVC_SPS.to_vec()]);
    assert_eq!(avc1.avcc.picture_parameter_sets, [AVC_PPS.to_vec()]);
    assert_eq!((avc1.avcc.avc_profile_indication, avc1.avcc.length_size), (100, 4));
    let ext = avc1.avcc.ext.unwrap();
    assert_eq!((ext.chroma_format, ext.bit_depth_luma, ext.bit_depth_chroma), (1, 8, 8));

    let (_, Entry::Hvc1(hvc1)) = entry(Codec::H265) else { panic!("not hvc1") };
    assert_eq!((hvc1.visual.width, hvc1.visual.height), (176, 140));
    assert_eq!((hvc1.hvcc.general_profile_idc, hvc1.hvcc.general_level_idc), (4, 60));
    assert_eq!((hvc1.hvcc.chroma_format_idc, hvc1.hvcc.num_temporal_layers), (3, 1));
    let arrays =
        hvc1.hvcc.arrays.iter().map(|array| (array.completeness, array.nal_unit_type, array.nalus.len()));
    assert_eq!(arrays.collect::<Vec<_>>(), [(true, 32, 1), (true, 33, 1), (true, 34, 1)]);
}

#[test]
fn sample_entries_of_sound() {
    let (trak, Entry::Mp4a(mp4a)) = entry(Codec::AacAdts) else { panic!("not mp4a") };
    assert_eq!((trak.mdia.mdhd.timescale, mp4a.audio.channel_count), (44_100, 2));
    let config = mp4a.esds.es_desc.dec_config;
    assert_eq!((config.object_type_indication, config.dec_specific.unwrap().raw), (0x40, vec![0x12, 0x10]));

    let (trak, Entry::Mp4a(mp4a)) = entry(Codec::MpegAudio) else { panic!("not mp4a") };
    let config = mp4a.esds.es_desc.dec_config;
    assert_eq!(
        (trak.mdia.mdhd.timescale, config.object_type_indication, config.avg_bitrate),
        (44_100, 0x6b, 128_000)
    );
    assert_eq!(config.dec_specific, None);

    let (_, Entry::Ac3(ac3)) = entry(Codec::Ac3) else { panic!("not ac-3") };
    assert_eq!((ac3.dac3.fscod, ac3.dac3.bsid, ac3.dac3.acmod, ac3.dac3.lfeon), (0, 8, 7, true));
    assert_eq!((ac3.dac3.bit_rate_code, ac3.audio.channel_count), (14, 6));

    let (_, Entry::Eac3(eac3)) = entry(Codec::Eac3) else { panic!("not ec-3") };
    let substream = &eac3.dec3.substreams[0];
    assert_eq!((eac3.dec3.data_rate, eac3.dec3.substreams.len()), (192, 1));
    assert_eq!((substream.bsid, substream.acmod, substream.lfeon, substream.num_dep_sub), (16, 7, true, 0));

    let (trak, Entry::Opus(opus)) = entry(Codec::Opus) else { panic!("not Opus") };
    assert_eq!(
        (trak.mdia.mdhd.timescale, opus.dops.output_channel_count, opus.dops.pre_skip),
        (48_000, 2, 312)
    );
}

#[test]
fn codec_strings() {
    let of = |codec| codecs(&layout(&[codec]), OUT_OF_BAND).unwrap();
    let all = [
        (Codec::H264, "avc1.640028"),
        (Codec::H265, "hvc1.4.10.L60.9E.8"),
        (Codec::AacAdts, "mp4a.40.2"),
        (Codec::MpegAudio, "mp4a.40.34"),
        (Codec::Ac3, "ac-3"),
        (Codec::Eac3, "ec-3"),
        (Codec::Opus, "opus"),
    ];
    for (codec, expected) in all {
        assert_eq!(of(codec), expected);
    }
    let two = layout(&[Codec::H264, Codec::AacAdts, Codec::AacLatm]);
    assert_eq!(codecs(&two, ParameterSets::InBand).unwrap(), "avc3.640028,mp4a.40.2");
}

#[test]
fn every_sample_of_a_segment_is_found() {
    let layout = layout(&[Codec::H264, Codec::AacAdts]);
    let units = three_seconds();
    let mut fragmenter = Fragmenter::new(&layout, OUT_OF_BAND).unwrap();
    let segment = segment(&mut fragmenter, &units);
    assert_eq!(*fragmenter.report(), Default::default());
    let found = samples(&segment);
    for stream in 0..2 {
        let units: Vec<_> = units.iter().filter(|unit| unit.stream == stream).collect();
        let found: Vec<_> = found.iter().filter(|found| found.0 == stream as u32 + 1).collect();
        assert_eq!(units.len(), found.len());
        for (unit, (_, decode_time, offset, duration, is_sync, bytes)) in units.iter().zip(found) {
            assert_eq!(*bytes, expected_bytes(unit));
            assert_eq!(*is_sync, unit.unit != Unit::Picture);
            let (dts, pts) = (unit.times.dts.ticks() + 900_000, unit.times.pts.ticks() + 900_000);
            match stream {
                0 => assert_eq!((*decode_time as i64, *offset as i64, *duration), (dts, pts - dts, 3600)),
                _ => {
                    assert!((*decode_time as i64 * 90_000 - dts * 44_100).abs() <= 90_000, "{decode_time}");
                    assert_eq!((*offset, *duration), (0, 1024));
                }
            }
        }
    }
}

#[test]
fn fragments_are_short_and_numbered() {
    let layout = layout(&[Codec::H264, Codec::AacAdts]);
    let mut fragmenter = Fragmenter::new(&layout, OUT_OF_BAND).unwrap();
    let whole = segment(&mut fragmenter, &three_seconds());
    let kinds: Vec<_> = boxes(&whole).iter().map(|(_, any)| any.kind().to_string()).collect();
    assert_eq!(kinds, ["styp", "moof", "mdat", "moof", "mdat", "moof", "mdat", "moof", "mdat"]);
    let numbers = boxes(&whole).into_iter().filter_map(|(_, any)| match any {
        Any::Moof(Moof { mfhd, .. }) => Some(mfhd.sequence_number),
        _ => None,
    });
    // 10 s less a picture, in milliseconds, from 1 on.
    assert_eq!(numbers.collect::<Vec<_>>(), [9961, 9962, 9963, 9964]);
    assert_eq!(segment(&mut fragmenter, &three_seconds()), whole, "nothing is carried over");
    assert_eq!(segment(&mut fragmenter, &[]), *b"\0\0\0\x14styp\x6dsdh\0\0\0\0msdh");
}

#[test]
fn one_file_has_the_same_samples_behind_its_tables() {
    let layout = layout(&[Codec::H264, Codec::AacAdts]);
    let units = three_seconds();
    let file = download(&layout, &units);
    let moov = moov(&file);
    assert_eq!((moov.mvhd.timescale, moov.mvhd.duration), (90_000, 75 * 3600), "the longer of the two");
    for (stream, trak) in moov.trak.iter().enumerate() {
        let stbl = &trak.mdia.minf.stbl;
        let StszSamples::Different { sizes } = &stbl.stsz.samples else { panic!("sizes") };
        let offsets = &stbl.stco.as_ref().unwrap().entries;
        let mut sizes = sizes.iter().map(|&size| size as usize);
        let mut found = Vec::new();
        for (chunk, &offset) in offsets.iter().enumerate() {
            let run = stbl.stsc.entries.iter().rfind(|run| run.first_chunk as usize <= chunk + 1).unwrap();
            let mut at = offset as usize;
            for _ in 0..run.samples_per_chunk {
                let size = sizes.next().unwrap();
                found.push(file[at..at + size].to_vec());
                at += size;
            }
        }
        let units: Vec<_> = units.iter().filter(|unit| unit.stream == stream).map(expected_bytes).collect();
        assert_eq!((found, sizes.next()), (units, None));
    }
}

#[test]
fn one_file_begins_with_its_first_picture() {
    let file = download(&layout(&[Codec::H264, Codec::AacAdts]), &three_seconds());
    let moov = moov(&file);
    let edits = |trak: &Trak| {
        let entries = &trak.edts.as_ref().unwrap().elst.as_ref().unwrap().entries;
        entries.iter().map(|entry| (entry.segment_duration, entry.media_time)).collect::<Vec<_>>()
    };
    let stbl = &moov.trak[0].mdia.minf.stbl;
    // The first picture is shown a frame after it is decoded; the sound begins 20 ms behind it.
    assert_eq!(edits(&moov.trak[0]), [(75 * 3600, Some(3600))]);
    assert_eq!(edits(&moov.trak[1]), [(1800, None), (128 * 1024 * 90_000 / 44_100, Some(0))]);
    assert_eq!(stbl.stss.as_ref().unwrap().entries, [1, 26, 51]);
    assert_eq!((stbl.stts.entries.len(), stbl.stts.entries[0].sample_delta), (1, 3600));
    let offsets = &stbl.ctts.as_ref().unwrap().entries;
    assert_eq!(offsets.iter().take(3).map(|entry| entry.sample_offset).collect::<Vec<_>>(), [3600, 7200, 0]);
    assert!(moov.trak[1].mdia.minf.stbl.stss.is_none());
}

#[test]
fn sound_before_the_first_picture_is_not_played() {
    let mut units = vec![testing::sound(1, 0, &[1]), testing::sound(1, 2090, &[2])];
    units.push(testing::picture(0, 1000, 1000, Unit::Idr, &[&[0x65, 0x88]]));
    let moov = moov(&download(&layout(&[Codec::H264, Codec::AacAdts]), &units));
    let edit = &moov.trak[1].edts.as_ref().unwrap().elst.as_ref().unwrap().entries[0];
    assert_eq!((edit.media_time, edit.segment_duration), (Some(490), (2048 - 490) * 90_000 / 44_100));
}
