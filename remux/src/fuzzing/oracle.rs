//! What must hold of a transport stream that comes out, whatever came in:
//! nothing panics; chunking does not matter; output is whole packets of the PIDs of the layout, with sound headers and
//! sound tables in front; there is not much more of it than of the source; copying a copy adds nothing.
//!
//! Of an undamaged source, besides: an independent checker finds nothing wrong; a copy of the copy is the copy; the segments
//! laid end to end carry the elementary streams that the copy carries.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use checker::{Checked, Fault, Kind, Pes};

use crate::index::{Part, PartIndexer};
use crate::layout::{Container, Path, Setup};
use crate::psi::crc32;
use crate::time::Ticks;
use crate::ts::Pid;
use crate::{Copy, Error, Event, Index, Indexer, Layout, Output, Packaging, Remuxer, Report, Wants};

/// Copies, indexes and cuts `source`, in chunks of so many bytes and at once; gives the copy, where there is one.
pub(super) fn check(source: &[u8], chunk: usize) -> Option<Copied> {
    let whole = copy(source, usize::MAX);
    let chunked = copy(source, chunk);
    assert_same(&whole, &chunked, chunk);
    let index = index(source, chunk);
    let segments = index.as_ref().map(|index| segments(source, index));
    let copied = whole.ok()?;
    let Copied { layout, out, report, .. } = &copied;
    check_packets(layout.as_ref(), out);
    assert!(out.len() <= MOST_ADDED + source.len() * MOST_GROWTH, "{} bytes of {}", out.len(), source.len());
    check_copy_of_copy(out);
    let is_sound = !report.is_damaged() && index.as_ref().is_some_and(|index| !index.report.is_damaged());
    if let Some(segments) = segments.filter(|_| is_sound && has_one_program(out)) {
        let (cut, whole) = (elementary_streams(&segments.concat()), elementary_streams(out));
        for (pid, bytes) in &whole {
            let cut = cut.get(pid).map_or(&[][..], |cut| cut);
            assert!(
                cut == bytes,
                "PID {pid}: {} bytes in the segments, {} in the copy",
                cut.len(),
                bytes.len()
            );
        }
        check_soundness(out, layout.as_ref(), report);
        check_idempotence(out, layout.as_ref());
    }
    Some(copied)
}

/// Tables and clock references that are added to a short source.
const MOST_ADDED: usize = 1 << 16;
/// Most that comes out for a byte of source.
const MOST_GROWTH: usize = 64;

/// Whether two copies are the same, chunk sizes aside.
pub(super) fn assert_same(whole: &Result<Copied, Error>, chunked: &Result<Copied, Error>, chunk: usize) {
    match (whole, chunked) {
        (Ok(whole), Ok(chunked)) => {
            assert!(whole.layout == chunked.layout, "chunks of {chunk} bytes change the layout");
            assert_eq!(whole.report, chunked.report, "chunks of {chunk} bytes change the report");
            assert_eq!(whole.events, chunked.events, "chunks of {chunk} bytes change the events");
            let differs = whole.out.iter().zip(&chunked.out).position(|(whole, chunked)| whole != chunked);
            assert_eq!(differs, None, "chunks of {chunk} bytes change the output");
            assert_eq!(whole.out.len(), chunked.out.len(), "chunks of {chunk} bytes change the output");
        }
        (Err(whole), Err(chunked)) => assert_eq!(whole, chunked, "chunks of {chunk} bytes"),
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => panic!("chunks of {chunk} bytes decide over {error:?}"),
    }
}

/// What a copy comes to.
#[derive(Debug)]
pub(super) struct Copied {
    /// Of the last run; `None` where there was nothing to play in it.
    pub(super) layout: Option<Layout>,
    pub(super) out: Vec<u8>,
    pub(super) events: Vec<Event>,
    pub(super) report: Report,
}

fn copy(source: &[u8], chunk: usize) -> Result<Copied, Error> {
    copy_as(Packaging::TransportStream, source, chunk)
}

/// The whole of a source, as what is asked for.
pub(super) fn copy_as(packaging: Packaging, source: &[u8], chunk: usize) -> Result<Copied, Error> {
    let copy = Copy { packaging, size: Some(source.len() as u64), ..Copy::default() };
    finish_copy(Remuxer::copy(copy), source, chunk)
}

/// What comes of a remuxer that gets all of a source.
pub(super) fn finish_copy(mut remuxer: Remuxer, source: &[u8], chunk: usize) -> Result<Copied, Error> {
    let (out, events) = drive(&mut remuxer, 0, source, chunk)?;
    Ok(Copied { layout: remuxer.layout().cloned(), out, events, report: remuxer.report() })
}

/// Gives a remuxer what it asks for, and `source` from `begin` on where it does not ask.
pub(super) fn drive(
    remuxer: &mut Remuxer,
    begin: u64,
    source: &[u8],
    chunk: usize,
) -> Result<(Vec<u8>, Vec<Event>), Error> {
    let (mut out, mut events) = (Vec::new(), Vec::new());
    let mut at = begin as usize;
    loop {
        let mut wanted = None;
        while let Some(output) = remuxer.poll() {
            match output {
                Output::Bytes(bytes) => out.extend_from_slice(&bytes),
                Output::Event(event) => events.push(event),
                Output::Want(range) => {
                    wanted = Some(range);
                    break;
                }
            }
        }
        let end = match &wanted {
            Some(range) => {
                at = range.start as usize;
                source.len().min(usize::try_from(range.end).unwrap_or(usize::MAX))
            }
            None => source.len(),
        };
        if at >= end || remuxer.is_complete() {
            break;
        }
        let end = end.min(at.saturating_add(chunk));
        remuxer.push(at as u64, Bytes::copy_from_slice(&source[at..end]))?;
        at = end;
    }
    remuxer.finish()?;
    while let Some(output) = remuxer.poll() {
        match output {
            Output::Bytes(bytes) => out.extend_from_slice(&bytes),
            Output::Event(event) => events.push(event),
            Output::Want(range) => panic!("wants {range:?} behind the end"),
        }
    }
    Ok((out, events))
}

/// What one pass learns; that it can be stored, and that its parts can be merged.
pub(super) fn index(source: &[u8], chunk: usize) -> Option<Index> {
    let mut indexer = Indexer::with_size(source.len() as u64);
    let mut at = 0;
    loop {
        let end = match indexer.wants() {
            Wants::Nothing => break,
            Wants::Next => source.len(),
            Wants::Range(range) => {
                at = range.start as usize;
                range.end as usize
            }
        };
        if at >= end.min(source.len()) {
            break;
        }
        let end = end.min(source.len()).min(at.saturating_add(chunk));
        indexer.push_at(at as u64, &source[at..end]);
        at = end;
    }
    let index = indexer.finish().ok()?;
    assert_eq!(Index::decode(&index.encode()).as_ref(), Ok(&index), "the stored form does not come back");
    Some(index)
}

/// The segments of a recording that is a transport stream, each sound as far as any is.
fn segments(source: &[u8], index: &Index) -> Vec<Vec<u8>> {
    let layout = &index.runs[0].layout;
    let is_transport_stream = layout.container == Container::TransportStream;
    if is_transport_stream {
        merge_parts(source, layout, 1 + source.len() / 3);
    }
    let mut segments = Vec::new();
    for cut in &index.cuts(Ticks::SECOND).cuts {
        let layout = Arc::new(index.runs[cut.run].layout.clone());
        let end = if is_transport_stream { cut.bytes.end as usize } else { source.len() };
        let end = end.min(source.len());
        let mut remuxer = Remuxer::segment(Arc::clone(&layout), cut, Packaging::TransportStream);
        let (out, _) = drive(&mut remuxer, cut.bytes.start, &source[..end], usize::MAX)
            .expect("a segment is never an error");
        check_packets(Some(&layout), &out);
        let tables = out.chunks(188).filter(|packet| packet[1] & 0x1f == 0 && packet[2] == 0).count();
        assert!(tables % 16 == 0, "{tables} PATs: the next segment's counter does not follow");
        segments.push(out);
    }
    segments
}

/// What is true of content only if it was of the source's: where the head shows sound content it is not looked into again.
pub(super) const OF_CONTENT: [Kind; 5] =
    [Kind::Delimiter, Kind::ParameterSets, Kind::AccessUnits, Kind::RandomAccess, Kind::Audio];

/// What an independent checker says.
///
/// A PES without a time stays one where its stream is relabelled: because the head has shown none, or because nobody can say
/// how long what is in it lasts. It is legal (H.222.0 §2.7.4 wants a time every 0.7 s), and there is no room for one in its header.
fn check_soundness(out: &[u8], layout: Option<&Layout>, report: &Report) {
    let checked = checker::check(&[out]);
    // All that a stream has may be left out, by policy, as too early: whether more of it comes is not known when it is declared.
    let is_silence = |fault: &Fault| fault.kind == Kind::Undeclared && report.early > 0;
    let is_relabelled = |pid: u16| path(layout, pid) == Some(Path::Relabel);
    let is_untimed = |fault: &Fault| {
        let mut untimed = checked.pes.iter().filter(|pes| pes.pts.is_none() && is_relabelled(pes.pid));
        fault.kind == Kind::Order && untimed.any(|pes| pes.offset == fault.offset)
    };
    let faults: Vec<String> = checked
        .faults
        .iter()
        .filter(|fault| {
            !OF_CONTENT.contains(&fault.kind)
                && !is_torn_end(&checked, fault)
                && !is_silence(fault)
                && !is_untimed(fault)
        })
        .map(ToString::to_string)
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

/// How the stream of an output PID gets there.
fn path(layout: Option<&Layout>, pid: u16) -> Option<Path> {
    let mut streams = layout.iter().flat_map(|layout| &layout.streams);
    streams.find(|stream| stream.output_pid.value() == pid).map(|stream| stream.path)
}

/// Whether it is the last PES of its stream that is shorter than it says: the source may have ended in the middle of it, which
/// nobody can know when its first packet goes out, and which is no damage, as it is none to a picture.
fn is_torn_end(checked: &Checked, fault: &Fault) -> bool {
    let torn = |pes: &Pes| pes.declared.is_some_and(|declared| pes.data.len() < declared);
    let last = checked.streams().iter().filter_map(|stream| checked.of(stream.pid).last());
    fault.kind == Kind::Length && last.into_iter().any(|pes| pes.offset == fault.offset && torn(pes))
}

/// A copy of what came of a sound source carries the same; where no stream of it is rebuilt, its
/// packets are the same byte for byte. Those without payload, and tables, may be others: where clock references are due
/// depends on how long a picture is, which a source can show otherwise than its copy, of which the beginning is missing.
///
/// A stream that is rebuilt twice, because not even the first copy is one access unit to a PES, comes a picture later
/// among the others each time: the assembler gives a unit when the next begins.
///
/// A key picture that lacks parameter sets is given those that the head shows later: the head of the copy, which has lost PES
/// without content, can reach further than that of the source.
///
/// Sound that is ten seconds away from the pictures beside it is taken for one on another clock: beside which picture it stands
/// can be another one in the copy.
///
/// How long a picture is, and so which step of a clock is one of ten pictures and which a jump, is measured of those that the
/// head shows: where they are few, and the copy has fewer, what was a hole can be a jump in the copy of the copy.
///
/// A stream may be rebuilt in the copy of the copy that was not in the copy, where something is wrong with its content that
/// the head of the source did not show.
fn check_idempotence(out: &[u8], layout: Option<&Layout>) {
    let again = copy(out, 65_536).expect("what was copied once can be copied again");
    if again.report.timestamp_jumps > 0 {
        return;
    }
    let (before, after) = (checker::check(&[out]), checker::check(&[&again.out]));
    let mut carried = before.program.clone();
    carried.streams.retain(|stream| before.of(stream.pid).next().is_some());
    assert_eq!(carried, after.program, "the copy of the copy is another program");
    let is_found_out = |pid: u16| {
        let is_faulty = |fault: &Fault| before.of(pid).any(|pes| pes.offset == fault.offset);
        let mut of_content = before.faults.iter().filter(|fault| OF_CONTENT.contains(&fault.kind));
        path(layout, pid) == Some(Path::Relabel)
            && path(again.layout.as_ref(), pid) == Some(Path::Rebuild)
            && of_content.any(is_faulty)
    };
    let is_told_later = |pid: u16| {
        let first: Vec<&[u8]> = before.of(pid).take(1).flat_map(|pes| checker::units(&pes.data)).collect();
        let mut streams = again.layout.iter().flat_map(|layout| &layout.streams);
        let stream = streams.find(|stream| stream.output_pid.value() == pid && stream.path == Path::Rebuild);
        matches!(stream.map(|stream| &stream.setup), Some(Setup::ParameterSets(sets))
            if !sets.iter().all(|set| first.contains(&&set[..])))
    };
    let shift = |layout: Option<&Layout>, pid: u16| {
        let mut streams = layout.iter().flat_map(|layout| &layout.streams);
        streams.find(|stream| stream.output_pid.value() == pid).map(|stream| stream.shift)
    };
    let is_on_another_clock = |pid: u16| {
        shift(layout, pid) == Some(Ticks::ZERO) && shift(again.layout.as_ref(), pid) != Some(Ticks::ZERO)
    };
    if before.streams().iter().any(|stream| is_on_another_clock(stream.pid)) {
        return;
    }
    // Behind a hole of more than a second a time is believed when others confirm it: the last of a stream has none behind it.
    // Which pictures count as random access points is decided by those that the head shows, of each PES the first.
    let class = |layout: Option<&Layout>| layout.map(|layout| layout.rap_class);
    let is_alike = class(layout) == class(again.layout.as_ref());
    let is_undecided = again.report.wild_timestamps > 0;
    for stream in
        before.streams().iter().filter(|stream| !is_found_out(stream.pid) && !is_told_later(stream.pid))
    {
        let said = |checked: &Checked| -> Vec<_> {
            checked
                .of(stream.pid)
                .map(|pes| (pes.pts, pes.dts, pes.is_random_access && is_alike, pes.data.clone()))
                .collect()
        };
        let (mut before, mut after) = (said(&before), said(&after));
        if is_undecided {
            before.pop();
            after.pop();
        }
        let differs = before.iter().zip(&after).position(|(before, after)| before != after);
        assert_eq!(differs, None, "PID {:#x}: this PES is another in the copy of the copy", stream.pid);
        assert_eq!(before.len(), after.len(), "PID {:#x}: PES in the copy of the copy", stream.pid);
    }
    let is_rebuilt = |layout: &Layout| layout.streams.iter().any(|stream| stream.path == Path::Rebuild);
    if is_undecided || !is_alike || again.layout.as_ref().is_some_and(is_rebuilt) {
        return;
    }
    let packets = |out: &[u8]| -> Vec<Vec<u8>> {
        let is_table = |packet: &[u8]| packet[1] & 0x1f == 0 && packet[2] == 0 || packet[1] & 0x1f == 0x10;
        let carrying = out.chunks(188).filter(|packet| packet[3] & 0x10 != 0 && !is_table(packet));
        carrying.map(<[u8]>::to_vec).collect()
    };
    let (before, after) = (packets(out), packets(&again.out));
    let differs = before.iter().zip(&after).position(|(before, after)| before != after);
    assert_eq!(differs, None, "this packet with payload is another in the copy of the copy");
    assert_eq!(before.len(), after.len(), "packets with payload in the copy of the copy");
}

/// Parts of any source can be stored and merged; that they give the index of one pass is for sound sources to show.
fn merge_parts(source: &[u8], layout: &Layout, chunk: usize) {
    let layout = Arc::new(layout.clone());
    let middle = source.len() / 2;
    let part = |start: usize, end: usize| {
        let mut indexer = PartIndexer::new(Arc::clone(&layout), start as u64);
        source[start..end].chunks(chunk).for_each(|bytes| indexer.push(bytes));
        let part = indexer.finish();
        let stored = part.encode();
        let again = Part::decode(&stored).expect("what was stored can be read");
        assert!(again.encode() == stored, "the stored form does not come back");
        again
    };
    let overlapping = part(middle.saturating_sub(chunk), source.len());
    let merged = overlapping.merge(part(0, middle)).expect("they overlap");
    assert_eq!(merged.range(), 0..source.len() as u64);
    // What there is to play may have been learned from bytes that a part begins too late to see.
    let _ = merged.into_index();
}

fn check_packets(layout: Option<&Layout>, out: &[u8]) {
    let pids = layout.map(|layout| -> Vec<u16> {
        layout.streams.iter().map(|stream| stream.output_pid.value()).collect()
    });
    // What a run before the last one declared is not known here.
    let pids = pids.filter(|_| has_one_program(out));
    let is_declared = |pid: u16| pids.as_ref().is_none_or(|pids| pids.contains(&pid));
    assert!(out.len().is_multiple_of(188));
    for (number, packet) in out.chunks(188).enumerate() {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        assert_eq!(packet[0], 0x47);
        assert_eq!(packet[1] & 0x80, 0, "transport_error_indicator");
        assert_eq!(packet[3] & 0xc0, 0, "scrambled");
        match number {
            0 => assert_eq!(pid, 0, "PAT first"),
            1 => assert_eq!(pid, 0x1000, "then PMT"),
            _ => assert!(pid == 0 || pid == 0x1000 || is_declared(pid), "PID {pid:#x} is in no table"),
        }
        if pid == 0 || pid == 0x1000 {
            let length = 3 + usize::from(u16::from_be_bytes([packet[6] & 0x0f, packet[7]]));
            assert_eq!(crc32(&packet[5..5 + length]), 0, "CRC");
        }
        if packet[3] & 0x20 != 0 {
            let most = if packet[3] & 0x10 != 0 { 182 } else { 183 };
            assert!(packet[4] <= most, "adaptation_field_length {}", packet[4]);
        }
    }
}

/// Whether all of it is declared by the same PMT.
fn has_one_program(out: &[u8]) -> bool {
    let mut tables = out
        .chunks(188)
        .filter(|packet| packet[1] & 0x1f == 0x10 && packet[2] == 0)
        .map(|packet| &packet[4..]);
    tables.next().is_none_or(|first| tables.all(|table| table == first))
}

/// What came out once comes out again; less where the first copy had something that only its source could place.
fn check_copy_of_copy(out: &[u8]) {
    let Ok(again) = copy(out, 65_536) else { return };
    // What is known here of a stream is how it goes out in the last run; in another it may have been rebuilt, and grown.
    if !has_one_program(&again.out) {
        return;
    }
    let (before, after) = (payloads(out), payloads(&again.out));
    for stream in again.layout.iter().flat_map(|layout| &layout.streams) {
        if stream.path == Path::Rebuild {
            // Only now it may have shown that it lacks something.
            continue;
        }
        let count =
            |payloads: &BTreeMap<u16, usize>, pid: Pid| payloads.get(&pid.value()).copied().unwrap_or(0);
        let (before, after) = (count(&before, stream.source.pid()), count(&after, stream.output_pid));
        assert!(after <= before, "{} grows from {before} to {after} packets", stream.source);
    }
}

/// What the PES of each PID carry, laid end to end.
fn elementary_streams(stream: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let mut open: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    let mut streams: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    let mut close = |pid: u16, pes: Vec<u8>| {
        let header = pes.get(8).map_or(pes.len(), |&length| 9 + usize::from(length));
        streams.entry(pid).or_default().extend(pes.get(header..).unwrap_or_default());
    };
    for packet in stream.chunks(188).filter(|packet| packet[3] & 0x10 != 0) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        if pid == 0 || pid == 0x1000 {
            continue;
        }
        let begin = if packet[3] & 0x20 != 0 { 5 + usize::from(packet[4]) } else { 4 };
        if packet[1] & 0x40 != 0 {
            close(pid, open.remove(&pid).unwrap_or_default());
        }
        open.entry(pid).or_default().extend(&packet[begin..]);
    }
    open.into_iter().for_each(|(pid, pes)| close(pid, pes));
    streams
}

/// Packets with payload per PID, tables left out.
fn payloads(stream: &[u8]) -> BTreeMap<u16, usize> {
    let mut payloads = BTreeMap::new();
    for packet in stream.chunks(188).filter(|packet| packet[3] & 0x10 != 0) {
        let pid = u16::from_be_bytes([packet[1] & 0x1f, packet[2]]);
        if pid != 0 && pid != 0x1000 {
            *payloads.entry(pid).or_default() += 1;
        }
    }
    payloads
}
