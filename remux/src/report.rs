//! What happened on the way: counters, and events that name the place.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ts::Pid;

/// Counters over everything that one pass has seen. All start at 0.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Packets read.
    pub packets: u64,
    /// Times the packet grid was lost and found again.
    pub resyncs: u64,
    /// Bytes that belong to no packet: garbage, and torn packets at either end.
    pub skipped_bytes: u64,
    /// Packets flagged with transport_error_indicator, left out.
    pub transport_errors: u64,
    /// Packets whose adaptation field leaves no room for the payload that they announce, left out.
    pub damaged_packets: u64,
    /// Holes in a continuity_counter; they stay visible in the output.
    pub continuity_gaps: u64,
    /// Packets sent twice as H.222.0 §2.4.3.3 allows; the second is dropped.
    pub duplicates: u64,
    /// Scrambled packets of streams that go out, left out.
    pub scrambled: u64,
    /// PSI sections with a wrong CRC or impossible lengths.
    pub damaged_sections: u64,
    /// PES whose header is damaged or never completed; their packets are left out.
    pub damaged_pes: u64,
    /// PES of another length than they say; they go out as they are, unless their whole stream has to be rebuilt.
    pub wrong_lengths: u64,
    /// Frames of sound that are cut off, and stretches between frames that are none; left out.
    pub damaged_frames: u64,
    /// Video PES before the first RAP; nothing can decode them.
    pub before_first_rap: u64,
    /// PES of other streams more than 1 s before the first RAP, dropped.
    pub early: u64,
    /// PES of other streams so far behind the pictures, more than 1 s, that a player which keeps to the clock is past them.
    pub late: u64,
    /// PES lost because a buffer was full.
    pub overflowed: u64,
    /// Times a clock was set anew: it went backwards, or more than 10 s ahead, and stayed there. Times go on without the
    /// step.
    pub timestamp_jumps: u64,
    /// PES whose time cannot be: they go out with one that fits between their neighbours.
    pub wild_timestamps: u64,
    /// Times the PMT changed in the middle so that a stream that goes out is no longer declared as it was.
    pub layout_changes: u64,
    /// MP4: samples that cannot be read: outside of the file, too large, or other than their length fields say.
    pub damaged_samples: u64,
    /// MP4: boxes that cannot be read.
    pub damaged_boxes: u64,
    /// MP4 that goes out: samples that it has no room for, larger than [`SAMPLE_BYTES`](crate::limits::SAMPLE_BYTES) or
    /// empty; left out.
    pub dropped_samples: u64,
    /// MP4 that goes out: samples with a time that it cannot say, not behind that of the one before or before the beginning
    /// of the output clock; moved.
    pub moved_samples: u64,
    /// MP4 that goes out: segments, or tracks of a whole file, with a parameter set that their sample entry does not have; it
    /// stays in the samples.
    pub other_parameter_sets: u64,
    /// Video PES that went out.
    pub video_pes: u64,
    /// PES of other streams that went out.
    pub other_pes: u64,
}

impl Report {
    /// Whether anything was damaged or lost, as against left out by policy.
    pub fn is_damaged(&self) -> bool {
        self.damages().next().is_some()
    }

    /// How many [`Event`]s there were.
    pub fn events(&self) -> u64 {
        [self.resyncs, self.continuity_gaps, self.timestamp_jumps, self.layout_changes, self.damaged_pes]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// What was damaged or lost, as `(count, what)`, without the zeros.
    pub fn damages(&self) -> impl Iterator<Item = (u64, &'static str)> {
        [
            (self.resyncs, "losses of packet sync"),
            (self.skipped_bytes, "bytes outside of packets"),
            (self.transport_errors, "packets with transport_error_indicator"),
            (self.damaged_packets, "packets with an impossible adaptation field"),
            (self.continuity_gaps, "continuity counter gaps"),
            (self.scrambled, "scrambled packets"),
            (self.damaged_sections, "damaged PSI sections"),
            (self.damaged_pes, "damaged PES"),
            (self.wrong_lengths, "PES of another length than they say"),
            (self.damaged_frames, "damaged frames of sound"),
            (self.damaged_samples, "damaged samples"),
            (self.damaged_boxes, "damaged boxes"),
            (self.dropped_samples, "samples that MP4 has no room for"),
            (self.moved_samples, "samples whose time MP4 cannot say"),
            (self.late, "PES that come too late for the clock"),
            (self.overflowed, "PES dropped by a full buffer"),
            (self.timestamp_jumps, "timestamp jumps"),
            (self.wild_timestamps, "PES with a time that cannot be"),
            (self.layout_changes, "changes of the program that are not followed"),
        ]
        .into_iter()
        .filter(|&(count, _)| count > 0)
    }
}

impl std::ops::Add<&Report> for Report {
    type Output = Self;

    fn add(mut self, other: &Self) -> Self {
        // One by one, so that none can be forgotten.
        let Self {
            packets,
            resyncs,
            skipped_bytes,
            transport_errors,
            damaged_packets,
            continuity_gaps,
            duplicates,
            scrambled,
            damaged_sections,
            damaged_pes,
            wrong_lengths,
            damaged_frames,
            before_first_rap,
            early,
            late,
            overflowed,
            timestamp_jumps,
            wild_timestamps,
            layout_changes,
            damaged_samples,
            damaged_boxes,
            dropped_samples,
            moved_samples,
            other_parameter_sets,
            video_pes,
            other_pes,
        } = other;
        self.packets += packets;
        self.resyncs += resyncs;
        self.skipped_bytes += skipped_bytes;
        self.transport_errors += transport_errors;
        self.damaged_packets += damaged_packets;
        self.continuity_gaps += continuity_gaps;
        self.duplicates += duplicates;
        self.scrambled += scrambled;
        self.damaged_sections += damaged_sections;
        self.damaged_pes += damaged_pes;
        self.wrong_lengths += wrong_lengths;
        self.damaged_frames += damaged_frames;
        self.before_first_rap += before_first_rap;
        self.early += early;
        self.late += late;
        self.overflowed += overflowed;
        self.timestamp_jumps += timestamp_jumps;
        self.wild_timestamps += wild_timestamps;
        self.layout_changes += layout_changes;
        self.damaged_samples += damaged_samples;
        self.damaged_boxes += damaged_boxes;
        self.dropped_samples += dropped_samples;
        self.moved_samples += moved_samples;
        self.other_parameter_sets += other_parameter_sets;
        self.video_pes += video_pes;
        self.other_pes += other_pes;
        self
    }
}

/// Something worth a line in a log, with the place in the source where it was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The packet grid was lost and found again: `skipped` bytes before `offset` belong to no packet.
    Resync {
        /// Where the grid goes on.
        offset: u64,
        /// Bytes skipped before it.
        skipped: u64,
    },
    /// A continuity_counter did not follow: packets are missing before `offset`.
    ContinuityGap {
        /// The packet after the hole.
        offset: u64,
        /// Its source PID.
        pid: Pid,
    },
    /// A PES says a time that neither those before nor those behind it agree with.
    WildTimestamp {
        /// Where the PES starts.
        offset: u64,
        /// Its source PID.
        pid: Pid,
    },
    /// A clock was set anew: backwards, or more than 10 s ahead.
    TimestampJump {
        /// The packet with the new time.
        offset: u64,
        /// Its source PID.
        pid: Pid,
    },
    /// The PMT no longer declares the streams that go out as it did.
    LayoutChange {
        /// The packet that completes the new PMT.
        offset: u64,
    },
    /// A sample of an MP4 file that cannot be read, or only its beginning.
    DamagedSample {
        /// Where it lies.
        offset: u64,
        /// Its `track_ID`.
        track: u32,
    },
    /// A box of an MP4 file that cannot be read; it is skipped.
    DamagedBox {
        /// Where it starts.
        offset: u64,
    },
    /// A PES header that cannot be read; its packets are left out.
    DamagedPes {
        /// Where the PES starts.
        offset: u64,
        /// Its source PID.
        pid: Pid,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resync { offset, skipped } => {
                write!(f, "byte {offset}: packet sync again after {skipped} bytes that belong to no packet")
            }
            Self::ContinuityGap { offset, pid } => {
                write!(f, "byte {offset}: packets of PID {pid} are missing")
            }
            Self::TimestampJump { offset, pid } => write!(f, "byte {offset}: the clock of PID {pid} jumps"),
            Self::WildTimestamp { offset, pid } => {
                write!(f, "byte {offset}: PID {pid} says a time that cannot be")
            }
            Self::LayoutChange { offset } => write!(f, "byte {offset}: the program changes its streams"),
            Self::DamagedSample { offset, track } => {
                write!(f, "byte {offset}: damaged sample of track {track}")
            }
            Self::DamagedBox { offset } => write!(f, "byte {offset}: damaged box"),
            Self::DamagedPes { offset, pid } => write!(f, "byte {offset}: damaged PES on PID {pid}"),
        }
    }
}
