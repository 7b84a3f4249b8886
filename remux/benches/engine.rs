//! The engine in memory: bytes per second of copy and of the index pass.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion's macros; a bench that fails says where")]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use remux::{Indexer, Output, Remuxer, Span};

const CHUNK: usize = 256 << 10;

fn recording() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../testdata/recordings/cam-001-entrance/2026/03/14/10-01-00.ts"
    );
    std::fs::read(path).unwrap()
}

fn copy(chunks: &[Vec<u8>]) -> usize {
    let mut remuxer = Remuxer::copy(Span::default());
    let (mut offset, mut written) = (0, 0);
    let mut drain = |remuxer: &mut Remuxer| {
        while let Some(output) = remuxer.poll() {
            if let Output::Bytes(bytes) = output {
                written += bytes.len();
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
    written
}

fn index(source: &[u8]) -> usize {
    let mut indexer = Indexer::new();
    source.chunks(CHUNK).for_each(|chunk| indexer.push(chunk));
    indexer.finish().unwrap().runs[0].raps.len()
}

fn engine(criterion: &mut Criterion) {
    let source = recording();
    let chunks: Vec<Vec<u8>> = source.chunks(CHUNK).map(<[u8]>::to_vec).collect();
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Bytes(source.len() as u64));
    group.bench_function("copy", |bencher| bencher.iter(|| copy(&chunks)));
    group.bench_function("index", |bencher| bencher.iter(|| index(&source)));
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
