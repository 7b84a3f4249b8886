//! The engine in memory: bytes per second of copies, each way through it, and of the index pass.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a bench that fails says where")]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use remux::{Copy, Indexer, Output, Packaging, Remuxer};

const CHUNK: usize = 256 << 10;

fn recording() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/recordings/cam-001-entrance/2026/03/14/10-01-00.ts"
    );
    std::fs::read(path).unwrap()
}

/// The same without a delimiter that could be told: each is named filler data.
fn without_delimiters(source: &[u8]) -> Vec<u8> {
    let mut source = source.to_vec();
    for at in 0..source.len() - 6 {
        if source[at..].starts_with(&[0, 0, 0, 1, 9]) {
            source[at + 4] = 12;
        }
    }
    source
}

fn copy(packaging: Packaging, chunks: &[Vec<u8>], mut write: impl FnMut(&[u8])) {
    let mut remuxer = Remuxer::copy(Copy { packaging, ..Copy::default() });
    let mut offset = 0;
    let mut drain = |remuxer: &mut Remuxer| {
        while let Some(output) = remuxer.poll() {
            if let Output::Bytes(bytes) = output {
                write(&bytes);
            }
        }
    };
    for chunk in chunks {
        remuxer.push(offset, Bytes::from(chunk.clone())).unwrap();
        offset += chunk.len() as u64;
        drain(&mut remuxer);
    }
    remuxer.finish().unwrap();
    drain(&mut remuxer);
}

fn chunks(source: &[u8]) -> Vec<Vec<u8>> {
    source.chunks(CHUNK).map(<[u8]>::to_vec).collect()
}

fn bytes_of(packaging: Packaging, chunks: &[Vec<u8>]) -> usize {
    let mut written = 0;
    copy(packaging, chunks, |bytes| written += bytes.len());
    written
}

fn index(source: &[u8]) -> usize {
    let mut indexer = Indexer::new();
    source.chunks(CHUNK).for_each(|chunk| indexer.push(chunk));
    indexer.finish().unwrap().runs[0].raps.len()
}

fn engine(criterion: &mut Criterion) {
    let source = recording();
    let mut movie = Vec::new();
    copy(Packaging::FragmentedMp4, &chunks(&source), |bytes| movie.extend_from_slice(bytes));
    let copies = [
        ("relabel", Packaging::TransportStream, chunks(&source)),
        ("rebuild", Packaging::TransportStream, chunks(&without_delimiters(&source))),
        ("mp4 in", Packaging::TransportStream, chunks(&movie)),
        ("fragmented mp4 out", Packaging::FragmentedMp4, chunks(&source)),
    ];
    let mut group = criterion.benchmark_group("engine");
    for (name, packaging, chunks) in copies {
        group.throughput(Throughput::Bytes(chunks.iter().map(Vec::len).sum::<usize>() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| bytes_of(packaging, &chunks)));
    }
    group.throughput(Throughput::Bytes(source.len() as u64));
    group.bench_function("index", |bencher| bencher.iter(|| index(&source)));
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
