//! Writes small MP4 files for tests.

/// The bytes of a box.
pub(crate) type Written = Vec<u8>;

/// 32-bit fields.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

pub(crate) fn boxed(kind: &[u8; 4], body: &[u8]) -> Written {
    [&words(&[8 + body.len() as u32])[..], kind, body].concat()
}

pub(crate) fn full(kind: &[u8; 4], version: u8, flags: u32, body: &[u8]) -> Written {
    boxed(kind, &[&words(&[u32::from(version) << 24 | flags])[..], body].concat())
}

pub(crate) fn container(kind: &[u8; 4], children: &[Written]) -> Written {
    boxed(kind, &children.concat())
}

/// 1920x1080, High, level 4.0.
const SPS: [u8; 27] = [
    0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03, 0x00,
    0x04, 0x00, 0x00, 0x03, 0x00, 0xc8, 0x3c, 0x60, 0xc6, 0x58,
];

pub(crate) fn avc1(nal_length_size: u8) -> Written {
    let mut record = vec![1, 0x64, 0, 0x28, 0xfc | (nal_length_size - 1), 0xe1, 0, SPS.len() as u8];
    record.extend(SPS);
    record.extend([1, 0, 2, 0x68, 0xee]);
    let mut body = vec![0; 78];
    body[24..28].copy_from_slice(&[7, 128, 4, 56]);
    boxed(b"avc1", &[body, boxed(b"avcC", &record)].concat())
}

/// A sound sample entry of QuickTime's `version`, 2 channels at 44.1 kHz.
pub(crate) fn audio_entry(kind: &[u8; 4], version: u8, children: &[u8]) -> Written {
    let mut body = vec![0; if version == 1 { 44 } else { 28 }];
    body[9] = version;
    body[17] = 2;
    body[24..26].copy_from_slice(&44_100u16.to_be_bytes());
    boxed(kind, &[&body, children].concat())
}

pub(crate) fn esds(object_type_indication: u8, specific: &[u8]) -> Written {
    let mut config = [&[object_type_indication][..], &[0; 12], &[5, specific.len() as u8], specific].concat();
    config = [&[4, 0x80, config.len() as u8][..], &config].concat();
    full(b"esds", 0, 0, &[&[3, config.len() as u8 + 3, 0, 1, 0][..], &config].concat())
}

/// A track to be written.
#[derive(Clone)]
pub(crate) struct TrackSpec {
    pub(crate) id: u32,
    handler: [u8; 4],
    pub(crate) timescale: u32,
    entry: Written,
    pub(crate) edits: Vec<u32>,
    pub(crate) samples: Vec<SampleSpec>,
    /// Whether it has a `stss` box.
    pub(crate) has_stss: bool,
}

/// A sample to be written.
#[derive(Clone)]
pub(crate) struct SampleSpec {
    pub(crate) data: Vec<u8>,
    pub(crate) duration: u32,
    pub(crate) offset: i32,
    pub(crate) is_sync: bool,
}

impl TrackSpec {
    pub(crate) fn video(id: u32) -> Self {
        let (handler, timescale, entry) = (*b"vide", 1000, avc1(4));
        Self { id, handler, timescale, entry, edits: Vec::new(), samples: Vec::new(), has_stss: true }
    }

    pub(crate) fn aac(id: u32) -> Self {
        let entry = audio_entry(b"mp4a", 0, &esds(0x40, &[0x12, 0x10]));
        Self { handler: *b"soun", timescale: 44_100, entry, has_stss: false, ..Self::video(id) }
    }

    pub(crate) fn mpeg_audio(id: u32) -> Self {
        Self { entry: audio_entry(b".mp3", 0, &[]), ..Self::aac(id) }
    }

    /// Groups of pictures of 40 ms: an IDR of `size` bytes, then others of a tenth.
    pub(crate) fn pictures(mut self, count: usize, gop: usize, size: usize) -> Self {
        self.samples.extend((0..count).map(|number| {
            let is_sync = number % gop == 0;
            let (header, length) = if is_sync { (0x65, size) } else { (0x41, size / 10) };
            // first_mb_in_slice 0, slice_type 7 (I) or 5 (P).
            let slice = if is_sync { 0b1000_1000 } else { 0b1001_1000 };
            let mut nal = vec![number as u8; length.max(3)];
            (nal[0], nal[1]) = (header, slice);
            let data = [&words(&[nal.len() as u32])[..], &nal].concat();
            SampleSpec { data, duration: 40, offset: 0, is_sync }
        }));
        self
    }

    /// Frames of 1024 units.
    pub(crate) fn frames(mut self, count: usize, size: usize) -> Self {
        self.samples.extend((0..count).map(|number| SampleSpec {
            data: vec![number as u8; size],
            duration: 1024,
            offset: 0,
            is_sync: true,
        }));
        self
    }

    fn trak(&self, chunks: &[(u64, u32)], is_listed: bool) -> Written {
        let listed = if is_listed { &self.samples[..] } else { &[] };
        let tkhd = full(b"tkhd", 0, 7, &words(&[0, 0, self.id, 0, 0]));
        // "deu"
        let language = (4 << 10 | 5 << 5 | 21u32) << 16;
        let mdhd = full(b"mdhd", 0, 0, &words(&[0, 0, self.timescale, 0, language]));
        let hdlr = full(b"hdlr", 0, 0, &[&[0; 4], &self.handler[..], &[0; 13]].concat());
        let stsd = full(b"stsd", 0, 0, &[&words(&[1])[..], &self.entry].concat());
        let table = |rows: Vec<u32>, width: usize| words(&[vec![(rows.len() / width) as u32], rows].concat());
        let mut stbl = vec![
            stsd,
            full(b"stts", 0, 0, &table(listed.iter().flat_map(|s| [1, s.duration]).collect(), 2)),
            full(b"ctts", 1, 0, &table(listed.iter().flat_map(|s| [1, s.offset as u32]).collect(), 2)),
            full(
                b"stsc",
                0,
                0,
                &table((1..).zip(chunks).flat_map(|(first, chunk)| [first, chunk.1, 1]).collect(), 3),
            ),
            full(
                b"stsz",
                0,
                0,
                &words(
                    &[vec![0, listed.len() as u32], listed.iter().map(|s| s.data.len() as u32).collect()]
                        .concat(),
                ),
            ),
            full(
                b"co64",
                0,
                0,
                &table(chunks.iter().flat_map(|c| [(c.0 >> 32) as u32, c.0 as u32]).collect(), 2),
            ),
        ];
        if self.has_stss {
            let sync = (1..).zip(listed).filter(|(_, s)| s.is_sync).map(|(number, _)| number).collect();
            stbl.push(full(b"stss", 0, 0, &table(sync, 1)));
        }
        let minf = container(b"minf", &[container(b"stbl", &stbl)]);
        let mut children = vec![tkhd];
        if !self.edits.is_empty() {
            let count = self.edits.len() as u32 / 3;
            let elst = full(b"elst", 0, 0, &words(&[vec![count], self.edits.clone()].concat()));
            children.push(container(b"edts", &[elst]));
        }
        children.push(container(b"mdia", &[mdhd, hdlr, minf]));
        container(b"trak", &children)
    }
}

/// A movie to be written.
#[derive(Clone, Default)]
pub(crate) struct Movie {
    tracks: Vec<TrackSpec>,
    is_fragmented: bool,
    moov_last: bool,
    /// Samples of each track in a chunk or fragment.
    per_chunk: Vec<usize>,
    /// Bytes of a box before the media.
    padding: usize,
    without_tfdt: bool,
}

/// A movie as it was written.
pub(crate) struct File {
    pub(crate) bytes: Vec<u8>,
    pub(crate) moov: std::ops::Range<usize>,
}

impl File {
    pub(crate) fn moov_only(&self) -> Vec<u8> {
        self.bytes[self.moov.clone()].to_vec()
    }
}

impl Movie {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn track(mut self, track: TrackSpec) -> Self {
        self.tracks.push(track);
        self.per_chunk.push(usize::MAX);
        self
    }

    pub(crate) fn per_chunk(mut self, per_chunk: &[usize]) -> Self {
        self.per_chunk = per_chunk.to_vec();
        self
    }

    pub(crate) fn fragmented(mut self) -> Self {
        self.is_fragmented = true;
        self
    }

    pub(crate) fn without_tfdt(mut self) -> Self {
        self.without_tfdt = true;
        self
    }

    pub(crate) fn moov_last(mut self) -> Self {
        self.moov_last = true;
        self
    }

    pub(crate) fn padding(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    pub(crate) fn bytes(&self) -> File {
        let ftyp = boxed(b"ftyp", b"isom\0\0\0\0isom");
        if self.is_fragmented { self.write_fragmented(ftyp) } else { self.write_progressive(ftyp) }
    }

    fn moov(&self, chunks: &[Vec<(u64, u32)>]) -> Written {
        let mut children = vec![full(b"mvhd", 0, 0, &words(&[0, 0, 600, 0, 0x1_0000]))];
        for (track, chunks) in self.tracks.iter().zip(chunks) {
            children.push(track.trak(chunks, !self.is_fragmented));
        }
        if self.is_fragmented {
            let trex = |track: &TrackSpec| full(b"trex", 0, 0, &words(&[track.id, 1, 0, 0, 0]));
            children.push(container(b"mvex", &self.tracks.iter().map(trex).collect::<Vec<_>>()));
        }
        container(b"moov", &children)
    }

    /// Rounds of one chunk of every track.
    fn rounds(&self) -> Vec<Vec<&[SampleSpec]>> {
        let all: Vec<Vec<&[SampleSpec]>> = self
            .tracks
            .iter()
            .zip(&self.per_chunk)
            .map(|(track, &per_chunk)| {
                track.samples.chunks(per_chunk.min(track.samples.len()).max(1)).collect()
            })
            .collect();
        let most = all.iter().map(Vec::len).max().unwrap_or(0);
        (0..most)
            .map(|round| all.iter().map(|chunks| chunks.get(round).copied().unwrap_or(&[])).collect())
            .collect()
    }

    fn write_progressive(&self, mut bytes: Vec<u8>) -> File {
        let mut chunks = vec![Vec::new(); self.tracks.len()];
        let mut media = vec![0; self.padding];
        for round in self.rounds() {
            for (chunks, samples) in chunks.iter_mut().zip(round) {
                if !samples.is_empty() {
                    chunks.push((media.len() as u64, samples.len() as u32));
                    samples.iter().for_each(|sample| media.extend(&sample.data));
                }
            }
        }
        let moov_length = self.moov(&chunks).len();
        let before = bytes.len() + 8 + if self.moov_last { 0 } else { moov_length };
        chunks.iter_mut().flatten().for_each(|chunk| chunk.0 += before as u64);
        let moov = self.moov(&chunks);
        let mdat = boxed(b"mdat", &media);
        let start = bytes.len() + if self.moov_last { mdat.len() } else { 0 };
        let parts = if self.moov_last { [mdat, moov] } else { [moov, mdat] };
        bytes.extend(parts.concat());
        File { bytes, moov: start..start + moov_length }
    }

    fn write_fragmented(&self, mut bytes: Vec<u8>) -> File {
        let moov = self.moov(&vec![Vec::new(); self.tracks.len()]);
        let range = bytes.len()..bytes.len() + moov.len();
        bytes.extend(moov);
        let mut decoded = vec![0u32; self.tracks.len()];
        for (number, round) in (1..).zip(self.rounds()) {
            bytes.extend(self.fragment(number, &round, &mut decoded));
        }
        File { bytes, moov: range }
    }

    fn fragment(&self, number: u32, round: &[&[SampleSpec]], decoded: &mut [u32]) -> Vec<u8> {
        let moof = |length: u32| {
            let mut at = length + 8 + self.padding as u32;
            let mut children = vec![full(b"mfhd", 0, 0, &words(&[number]))];
            for ((track, samples), decoded) in self.tracks.iter().zip(round).zip(&*decoded) {
                let mut traf = vec![full(b"tfhd", 0, 0x02_0000, &words(&[track.id]))];
                if !self.without_tfdt {
                    traf.push(full(b"tfdt", 0, 0, &words(&[*decoded])));
                }
                let rows = samples.iter().flat_map(|s| {
                    let flags = if s.is_sync { 0 } else { 0x1_0000 };
                    [s.duration, s.data.len() as u32, flags, s.offset as u32]
                });
                let run = [vec![samples.len() as u32, at], rows.collect()].concat();
                traf.push(full(b"trun", 1, 0xf01, &words(&run)));
                children.push(container(b"traf", &traf));
                at += samples.iter().map(|s| s.data.len() as u32).sum::<u32>();
            }
            container(b"moof", &children)
        };
        let written = moof(moof(0).len() as u32);
        for (decoded, samples) in decoded.iter_mut().zip(round) {
            *decoded += samples.iter().map(|s| s.duration).sum::<u32>();
        }
        let media: Vec<u8> = round.iter().flat_map(|s| s.iter()).flat_map(|s| s.data.clone()).collect();
        [written, boxed(b"mdat", &[vec![0; self.padding], media].concat())].concat()
    }
}
