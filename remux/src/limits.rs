//! Every buffer of the engine has its cap here; each line says what happens there.

/// Bytes of head that are read to learn the layout. Past that the layout is what has been seen; where not even a
/// program was seen, the input is refused ([`Error::NoProgram`](crate::Error::NoProgram)).
pub const HEAD: usize = 8 << 20;

/// Bytes searched for a run of sync bytes before an input is refused as [`Error::NotMedia`](crate::Error::NotMedia).
/// Once locked, there is no limit: garbage of any length is skipped without being kept.
pub const SYNC_SEARCH: u64 = 8 << 20;

/// Sync bytes in a row, one packet size apart, that make a lock (the first included).
pub const SYNC_CONFIRMATIONS: usize = 4;

/// Packets that are looked at before another packet size than until now is believed: their counters must go on. Garbage may
/// be full of sync bytes, and at the distance of another packet size by nature (192 and 204 are multiples of 12).
pub const SIZE_CHANGE_CONFIRMATIONS: usize = 16;

/// Bytes of one PSI section: the most that H.222.0 §2.4.4 allows for PAT and PMT, header included. A longer
/// `section_length` drops the section.
pub const PSI_SECTION: usize = 1024;

/// Streams of one program that go out: a PMT of one packet declares no more. The rest are left out.
pub const STREAMS: usize = 33;

/// Packets of one PES that are held until its header is complete and the kind of its access unit is known.
/// 64 packets are 11 KiB: parameter sets and SEI of every encoder met fit. Past that the access unit counts as no
/// random access point and its packets go out; where not even the header is complete the PES is damaged and dropped.
pub const PES_HEAD_PACKETS: usize = 64;

/// Bytes of other streams held until the RAP that they belong behind has been seen. Past that the oldest PES are
/// dropped and counted as lost.
pub const HELD_BYTES: usize = 1 << 20;

/// How far past its last picture a segment reads for audio that belongs before it, in bytes; in time it is 1 s. At
/// 60 Mbit/s a second is 7.5 MB. Audio that trails further is lost and counted.
pub const TRAIL_BYTES: u64 = 8 << 20;

/// How far before its first picture a segment reads for audio that belongs behind it, in bytes.
pub const LEAD_BYTES: u64 = 8 << 20;

/// PES of one stream, other than video, whose places an index pass remembers to tell how far they reach across a random
/// access point. Past that the oldest are forgotten.
pub const RECENT_PES: usize = 1024;

/// Random access points of a recording: three hours of pictures that are all key frames. Those that follow are no longer
/// places to cut at, and counted.
pub const RAPS: usize = 1 << 18;

/// Bytes of a `moov` box: a day of pictures and sound has tables of 40 MiB. A larger one is refused
/// ([`Error::LimitExceeded`](crate::Error::LimitExceeded)).
pub const MOVIE: u64 = 64 << 20;

/// Bytes of a `moof` box. A larger one is damage, and skipped.
pub const MOVIE_FRAGMENT: u64 = 8 << 20;

/// Samples of one `moof` box: an hour of sound. Those that follow are lost and counted.
pub const FRAGMENT_SAMPLES: usize = 1 << 18;

/// How many times the bytes of an MP4 file its samples may have together: some files show one picture many times, damaged
/// or hostile ones list the same bytes without end. Samples past that are counted as damaged.
pub const SAMPLE_REUSE: u64 = 16;

/// How far before and behind a random access point of an MP4 file the other tracks reach, in bytes: fragments of several
/// seconds keep one track behind the other. What is not wanted in between is jumped over. Sound that reaches further is
/// lost and counted.
pub const FRAGMENT_REACH: u64 = 256 << 20;

/// Samples of one track that a `moov` box lists: more than a day at 120 a second. Those that follow are not seen.
pub const TRACK_SAMPLES: u32 = 1 << 24;

/// Bytes of one sample. A larger one is damage, and skipped.
pub const SAMPLE: u32 = 16 << 20;

/// Bytes pushed into an MP4 reader that it has not yet used. More are refused, because they were pushed without polling
/// ([`Error::LimitExceeded`](crate::Error::LimitExceeded)); while it reads its `moov` box, it holds up to [`MOVIE`] more.
pub const PUSHED: u64 = 64 << 20;

/// Access units of an MP4 file that wait until its layout is known. Past that, as past [`HEAD`], it is what has been seen.
pub const HEAD_UNITS: usize = 1 << 14;

/// How often a head is read again from its beginning because the program has changed its streams before any showed data.
/// Past that the streams stay those that were chosen.
pub const HEAD_REPLAYS: usize = 16;

/// Bytes held from a doubtful timestamp on, until those that follow it say whether it is believed. Past that it is.
pub const SUSPENSE_BYTES: usize = 2 << 20;

/// Bytes of one access unit that is taken out of its packets. A larger one is dropped and counted; what follows it plays.
pub const ACCESS_UNIT: usize = 4 << 20;

/// NAL units of one access unit. What follows belongs to no picture and is dropped.
pub const NAL_UNITS: usize = 4096;

/// Bytes of pictures without times that wait for the next that has them. Past that they are timed by the frame duration
/// alone, and those that follow do not wait.
pub const UNTIMED_BYTES: usize = 2 << 20;

/// How many of them wait: at 25 a second more than half a minute. Past that, as past [`UNTIMED_BYTES`].
pub const UNTIMED_PICTURES: usize = 1024;

/// Parameter sets of one stream that are remembered: H.264 allows 32 + 256 ids, streams use two or three.
pub const PARAMETER_SETS: usize = 64;

/// Bytes of a parameter set that is remembered.
pub const PARAMETER_SET: usize = 4096;

/// Bytes in which a frame of sound must end. Past that they are no sound, and dropped.
pub const SOUND_FRAME: usize = 64 << 10;

/// Runs of a recording. Past that it is taken for damaged, and the rest is not played.
pub const RUNS: usize = 256;

/// Events of an index pass that are remembered for [`Indexer::finish_with_events`](crate::Indexer::finish_with_events), and
/// of an MP4 reader until somebody asks for them. Those that follow are counted in the [`Report`](crate::Report) only.
pub const EVENTS: usize = 1000;

/// Bytes that an index part keeps from before its first packet, for the part before it to make packets of. Past that a part
/// that begins with garbage begins behind it.
pub const PART_FRONT: usize = 1 << 20;

/// Packets of one stream that an index part keeps until a PES of that stream starts. Past that all but the last are
/// forgotten. A PES of sound has 360 at most; of the key stream [`PES_HEAD_PACKETS`] decide everything.
pub const PART_HEAD_PACKETS: usize = 512;
/// Bytes of one access unit that goes into MP4. A larger one is dropped and counted: pictures of 8K at the highest rates
/// stay below.
pub const SAMPLE_BYTES: usize = 32 << 20;

/// Bytes of samples that are held for one fragment, or for one chunk of each track, of an MP4 file. Past that they go out
/// and the next one begins. The sample of each stream whose duration is not known yet is held besides.
pub const FRAGMENT_BYTES: usize = 4 << 20;

/// Bytes of the sample tables of one MP4 file for download: some thirty hours of pictures and sound. A longer one is
/// refused ([`Error::TooLong`](crate::Error::TooLong)); its fragments have no such limit.
pub const PLAN_BYTES: usize = 64 << 20;

/// Bytes of an MP4 file's tracks that wait for each other, so that they come out in the order of their decoding. Past that
/// they come out as they lie.
pub const INTERLEAVED: usize = 8 << 20;

/// Bytes of a probe: smaller ones fall inside of one key frame and see no clock.
pub const PROBE: u64 = 256 << 10;

/// Bytes of the longest probe, where shorter ones saw no clock; of fragmented MP4 it is longer than the longest fragment of
/// the head, which is shorter than [`HEAD`].
pub const LONGEST_PROBE: u64 = 4 << 20;

/// Bytes of tail that are looked at for a clock. Past that the recording is scanned.
pub const TAIL: u64 = 8 << 20;

/// Rounds of reads in which a segment of a recording without an index is found. Past that it is not
/// ([`SearchError::TooManyRounds`](crate::locate::SearchError::TooManyRounds)).
pub const SEARCH_ROUNDS: u32 = 16;

/// Bytes before what is looked for that are read rather than asking once more where it is.
pub const START_MARGIN: u64 = 1 << 20;

/// Bytes that the read of a segment begins early, and goes on, for sound that runs ahead of its pictures or trails them;
/// more where the head shows more. What runs further ahead is missing at the beginning of a segment
/// ([`Found::may_lack_sound`](crate::locate::Found::may_lack_sound)).
pub const LOCATE_LEAD: u64 = 64 << 10;

/// Places of a recording whose time is remembered. Past that every other is forgotten.
pub const KNOWN_POINTS: usize = 4096;
