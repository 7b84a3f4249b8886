//! What other replicas know of recordings, and what they are told.
//!
//! ```text
//! a session is opened, a segment is asked for ──> ask: a moment's answer at most ──> hear: index, sketch, GOPs
//! head and tail were read, a pass was made, segments have passed by ──> tell: nobody waits for it
//! before either read: errands
//! ```

mod errands;
mod sealed;
mod share;

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use moka::sync::Cache;
use remux::index::{Index, Learned};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use self::sealed::Fact;
use crate::domain::{Origin, RecordingKey};
use crate::metrics::Metrics;
use crate::playback::exchange::{Exchange, LASTS, LASTS_UNREAD, News, Topic};
use crate::playback::locate::Sketch;

/// The way to the other replicas.
#[derive(Debug)]
pub(super) struct Others {
    exchange: Arc<dyn Exchange>,
    scope: String,
    metrics: Arc<Metrics>,
    /// Recordings of which others were asked a moment ago.
    asked: Cache<RecordingKey, ()>,
    /// The names under which something is told of recordings, as far as is known here.
    names: Cache<Topic, Arc<Names>>,
    /// Recordings of which more has passed by than others were told.
    unsaid: Mutex<HashSet<RecordingKey>>,
    /// What is told at a time.
    room: Arc<Semaphore>,
}

type Names = BTreeSet<Arc<str>>;

/// What others have told of a recording, as far as it is believed.
#[derive(Debug, Default)]
pub(super) struct Heard {
    index: Option<(Index, Origin)>,
    sketch: Option<Sketch>,
    gops: Vec<(Learned, Origin)>,
}

/// How soon others are asked again of the same recording.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// GOPs are told in pieces that cover about so many bytes of a recording: what is told again with each new GOP stays small.
const PIECE: u64 = 32 << 20;

/// Tellings under way, recordings that wait for theirs, and recordings whose names are known: a few kilobytes each.
const MOST_TELLINGS: usize = 64;
const MOST_UNSAID: usize = 4096;
const MOST_NAMED: u64 = 2000;
const MOST_REMEMBERED: u64 = 50_000;

impl Others {
    pub(super) fn new(exchange: Arc<dyn Exchange>, scope: String, metrics: Arc<Metrics>) -> Self {
        Self {
            exchange,
            scope,
            metrics,
            asked: Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(ASK_AGAIN).build(),
            names: Cache::new(MOST_NAMED),
            unsaid: Mutex::default(),
            room: Arc::new(Semaphore::new(MOST_TELLINGS)),
        }
    }

    fn topic(&self, key: &RecordingKey) -> Topic {
        sealed::topic(&self.scope, key)
    }

    /// Whether it is a while since others were asked of a recording.
    fn is_due(&self, key: &RecordingKey) -> bool {
        !self.asked.contains_key(key)
    }

    /// What others say now.
    async fn ask(&self, key: &RecordingKey) -> Option<Heard> {
        self.asked.insert(key.clone(), ());
        let topic = self.topic(key);
        let told = self.exchange.read(topic).await.ok()?;
        self.metrics.shared_refused.inc_by(told.passed_over);
        let names = told.entries.iter().map(|entry| Arc::clone(&entry.name));
        self.names.insert(topic, Arc::new(names.collect()));
        let mut heard = Heard::default();
        let mut refused = Vec::new();
        for entry in &told.entries {
            match sealed::read(topic, entry) {
                Ok((fact, origin)) => heard.add(fact, origin),
                Err(reason) => {
                    warn!(recording = %key.id, %reason, "what seems to come from another replica is not believed");
                    refused.push(Arc::clone(&entry.name));
                }
            }
        }
        self.take_back(topic, refused).await;
        Some(heard)
    }

    /// What nobody can use is not read again.
    async fn take_back(&self, topic: Topic, refused: Vec<Arc<str>>) {
        self.metrics.shared_refused.inc_by(refused.len() as u64);
        if !refused.is_empty() {
            self.write(topic, News { entries: Vec::new(), obsolete: refused, lasts: LASTS_UNREAD }).await;
        }
    }

    /// What was told of a recording holds no more.
    pub(super) async fn forget(&self, key: &RecordingKey) {
        let topic = self.topic(key);
        self.asked.invalidate(key);
        self.names.invalidate(&topic);
        // What could not be taken back is found wrong again.
        let _ = self.exchange.forget(topic).await;
    }

    async fn write(&self, topic: Topic, news: News) {
        let told: Vec<_> = news.entries.iter().map(|entry| Arc::clone(&entry.name)).collect();
        let obsolete = news.obsolete.clone();
        if let Err(error) = self.exchange.write(topic, news).await {
            debug!(%error, "other replicas are not told");
            self.metrics.shared_lost.inc_by(told.len() as u64);
            return;
        }
        for name in &told {
            self.metrics.shared_told.with_label_values(&[sealed::what(name)]).inc();
        }
        let mut names = Names::clone(&self.names.get(&topic).unwrap_or_default());
        names.retain(|name| !obsolete.contains(name));
        names.extend(told);
        self.names.insert(topic, Arc::new(names));
    }

    /// GOPs that others have not been told, and head and tail where they have forgotten them.
    fn news_of(&self, topic: Topic, sketch: &Sketch) -> News {
        let names = self.names.get(&topic).unwrap_or_default();
        let mut news = News { entries: Vec::new(), obsolete: Vec::new(), lasts: LASTS };
        if !names.contains(sealed::SKETCH) {
            news.entries.extend(sealed::sketch(topic, sketch));
        }
        let told: Vec<_> =
            names.iter().filter_map(|name| Some((name, sealed::range_of_gops(name)?))).collect();
        for (range, learned) in sketch.learned_so_far().pieces(PIECE) {
            let name = sealed::name_of_gops(&range);
            if names.contains(name.as_str()) {
                continue;
            }
            let is_within = |part: &Range<u64>| range.start <= part.start && part.end <= range.end;
            let within = told.iter().filter(|(_, part)| is_within(part));
            news.obsolete.extend(within.map(|(name, _)| Arc::clone(name)));
            news.entries.extend(sealed::gops(topic, &name, &learned, sketch.origin()));
        }
        news
    }

    fn unsaid(&self) -> MutexGuard<'_, HashSet<RecordingKey>> {
        // A panic while it was locked left it whole.
        self.unsaid.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Whether it was said already that there is more to tell.
    fn is_new(&self, key: &RecordingKey) -> bool {
        let mut unsaid = self.unsaid();
        unsaid.len() < MOST_UNSAID && unsaid.insert(key.clone())
    }
}

impl Heard {
    fn add(&mut self, fact: Fact, origin: Origin) {
        match fact {
            Fact::Index(index) => self.index = Some((index, origin)),
            Fact::Sketch(sketch) => self.sketch = Some(sketch),
            Fact::Gops(learned) => self.gops.push((learned, origin)),
        }
    }

    /// Head and tail with all that lies between them, as far as they are of the same bytes.
    pub(super) fn into_sketch(self) -> Option<Sketch> {
        let Self { sketch, gops, .. } = self;
        let sketch = sketch?;
        complement(&sketch, gops);
        Some(sketch)
    }
}

fn complement(sketch: &Sketch, gops: Vec<(Learned, Origin)>) {
    let of_it = gops.into_iter().filter(|(_, origin)| origin == sketch.origin());
    of_it.for_each(|(learned, _)| sketch.complement(learned));
}
