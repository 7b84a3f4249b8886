//! Every metric of the service; the doc comment is the help text. Labels come from closed sets.

use std::fmt;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::error::{Error, Kind};

/// Declares the metrics once: field, name and help text belong together.
macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $field:ident: $type:ty = $make:expr, $name:literal;)+) => {
        /// The metrics of a running service.
        pub struct Metrics {
            registry: Registry,
            $($(#[doc = $help])+ pub $field: $type,)+
        }

        impl Metrics {
            /// All metrics at zero, in a registry of their own.
            pub fn new() -> Self {
                let registry = Registry::new();
                $(let $field: $type = ($make)($name, concat!($($help),+).trim());
                registry.register(Box::new($field.clone())).expect("every name is there once");)+
                #[cfg(target_os = "linux")]
                registry
                    .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
                    .expect("every name is there once");
                Self { registry, $($field,)+ }
            }
        }
    };
}

metrics! {
    /// Sessions that have not expired, as far as this replica knows: it opened or played them.
    active_sessions: IntGauge = gauge, "playback_active_sessions";
    /// Responses, by HTTP status code.
    requests: IntCounterVec = by_status, "playback_requests_total";
    /// Lookups that a cache answered.
    cache_hits: IntCounterVec = by_cache, "playback_cache_hits_total";
    /// Lookups that a cache could not answer.
    cache_misses: IntCounterVec = by_cache, "playback_cache_misses_total";
    /// Entries that a cache gave up for want of room.
    cache_evictions: IntCounterVec = by_cache, "playback_cache_evictions_total";
    /// Bytes that a cache of segments holds.
    cache_bytes: IntGaugeVec = bytes_by_cache, "playback_cache_bytes";
    /// Kept segments that were found damaged, and made anew.
    cache_damaged: IntCounter = counter, "playback_cache_damaged_total";
    /// Bytes kept of segments on their way, for others who ask for them.
    inflight_bytes: IntGauge = gauge, "playback_inflight_bytes";
    /// Requests for a segment that was on its way to somebody else and came along.
    coalesced_segments: IntCounter = counter, "playback_coalesced_segments_total";
    /// Segments that were made before anybody asked.
    prefetched_segments: IntCounter = counter, "playback_prefetched_segments_total";
    /// Turns that are taken: to send a segment, to read from storage.
    turns_taken: IntGaugeVec = gauge_by_turn, "playback_turns_taken";
    /// Requests that wait for a turn.
    turns_awaited: IntGaugeVec = gauge_by_turn, "playback_turns_awaited";
    /// Requests that were told to come back later.
    turns_refused: IntCounterVec = by_turn, "playback_turns_refused_total";
    /// Segments that were broken off by an error.
    transmux_failures: IntCounter = counter, "playback_transmux_failures_total";
    /// Seconds spent on making a segment, without waiting for the client.
    transmux_duration_seconds: Histogram = seconds, "playback_transmux_duration_seconds";
    /// Segments in which the source was damaged.
    damaged_segments: IntCounter = counter, "playback_damaged_segments_total";
    /// Bytes of segments that were handed to clients.
    segment_bytes: IntCounter = counter, "playback_segment_bytes_total";
    /// Seconds it took to open a session.
    open_seconds: Histogram = seconds, "playback_open_duration_seconds";
    /// Failures of what the service depends on, by which it is and what kind of failure.
    upstream_failures: IntCounterVec = by_upstream, "playback_upstream_failures_total";
    /// Playlists and segments that were not noted in Valkey for other programs to read.
    notes_dropped: IntCounter = counter, "playback_session_notes_dropped_total";
    /// Requests to what the service depends on, by which it is.
    upstream_requests: IntCounterVec = by_who, "playback_upstream_requests_total";
    /// Bytes that were read from what the service depends on, by which it is.
    upstream_bytes: IntCounterVec = by_who, "playback_upstream_bytes_total";
    /// Bodies that broke off or stalled and were resumed, by who sent them.
    upstream_resumes: IntCounterVec = by_who, "playback_upstream_resumes_total";
    /// Connections that are open.
    connections: IntGauge = gauge, "playback_open_connections";
    /// Recordings that are known.
    recordings: IntGauge = gauge, "playback_recordings";
    /// Recordings that nobody has read yet.
    recordings_unread: IntGauge = gauge, "playback_recordings_unread";
    /// Recordings that cannot be played.
    recordings_unreadable: IntGauge = gauge, "playback_recordings_unreadable";
    /// Recordings that wait to be indexed, or are being indexed, because somebody asked for it.
    index_queue: IntGauge = gauge, "playback_index_queue";
    /// Things learned of recordings that other replicas were told, by what it is.
    shared_told: IntCounterVec = by_what, "playback_shared_told_total";
    /// Things learned of recordings that were taken over from other replicas, by what it is.
    shared_taken: IntCounterVec = by_what, "playback_shared_taken_total";
    /// What seemed to come from other replicas and was not believed: damaged, too large, or of no sense.
    shared_refused: IntCounter = counter, "playback_shared_refused_total";
    /// Things learned of recordings that other replicas could not be told.
    shared_lost: IntCounter = counter, "playback_shared_lost_total";
    /// Recordings that another replica was reading when this one wanted to, which waited for it.
    shared_awaited: IntCounter = counter, "playback_shared_awaited_total";
    /// Bytes of recordings that were read to index them.
    indexed_bytes: IntCounter = counter, "playback_indexed_bytes_total";
}

impl Metrics {
    /// All metrics in the Prometheus text format.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        // Writing to a Vec cannot fail; a metric that cannot be encoded is missing from the text.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// What a cache counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheCounts {
    /// Lookups that it answered.
    pub hits: u64,
    /// Lookups that it could not answer.
    pub misses: u64,
    /// Entries that it gave up for want of room.
    pub evictions: u64,
}

impl Metrics {
    /// What `cache` counted.
    pub fn of_cache(&self, cache: &'static str) -> CacheCounts {
        let count = |counter: &IntCounterVec| counter.with_label_values(&[cache]).get();
        CacheCounts {
            hits: count(&self.cache_hits),
            misses: count(&self.cache_misses),
            evictions: count(&self.cache_evictions),
        }
    }

    /// Counts a failure of `upstream` (`storage`, `objects`, `vms`, `mediamtx`, `valkey`), if that is what `error` is.
    pub fn on_upstream_failure(&self, upstream: &'static str, error: &Error) {
        let kind = match error.kind() {
            Kind::BadUpstream => "wrong",
            Kind::UpstreamDown => "down",
            Kind::UpstreamLate => "late",
            Kind::Gone => "gone",
            _ => return,
        };
        self.upstream_failures.with_label_values(&[upstream, kind]).inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics { .. }")
    }
}

const NAMED_WELL: &str = "names and labels are constants of the right form";

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect(NAMED_WELL)
}

fn counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect(NAMED_WELL)
}

fn by_status(name: &str, help: &str) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), &["status"]).expect(NAMED_WELL)
}

/// `cache` is one of these, and `tables`.
fn by_cache(name: &str, help: &str) -> IntCounterVec {
    let by_cache = IntCounterVec::new(Opts::new(name, help), &["cache"]).expect(NAMED_WELL);
    for cache in ["index", "segment_memory", "segment_disk"] {
        by_cache.with_label_values(&[cache]);
    }
    by_cache
}

/// `upstream` is `objects`.
fn by_who(name: &str, help: &str) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), &["upstream"]).expect(NAMED_WELL)
}

fn bytes_by_cache(name: &str, help: &str) -> IntGaugeVec {
    let by_cache = IntGaugeVec::new(Opts::new(name, help), &["cache"]).expect(NAMED_WELL);
    for cache in ["segment_memory", "segment_disk"] {
        by_cache.with_label_values(&[cache]);
    }
    by_cache
}

fn by_turn(name: &str, help: &str) -> IntCounterVec {
    let by_turn = IntCounterVec::new(Opts::new(name, help), &["turn"]).expect(NAMED_WELL);
    for turn in TURNS {
        by_turn.with_label_values(&[turn]);
    }
    by_turn
}

fn gauge_by_turn(name: &str, help: &str) -> IntGaugeVec {
    let by_turn = IntGaugeVec::new(Opts::new(name, help), &["turn"]).expect(NAMED_WELL);
    for turn in TURNS {
        by_turn.with_label_values(&[turn]);
    }
    by_turn
}

const TURNS: [&str; 2] = ["segment", "read"];

/// `what` is a whole index, head and tail, or GOPs between them.
fn by_what(name: &str, help: &str) -> IntCounterVec {
    let by_what = IntCounterVec::new(Opts::new(name, help), &["what"]).expect(NAMED_WELL);
    for what in ["index", "sketch", "gops"] {
        by_what.with_label_values(&[what]);
    }
    by_what
}

fn by_upstream(name: &str, help: &str) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), &["upstream", "kind"]).expect(NAMED_WELL)
}

fn seconds(name: &str, help: &str) -> Histogram {
    const BOUNDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(BOUNDS.to_vec())).expect(NAMED_WELL)
}
