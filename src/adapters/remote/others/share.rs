//! What the library hears from other replicas, and what it tells them.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::{StreamExt, stream};
use remux::index::Index;
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::super::learned::Known;
use super::super::library::Library;
use super::super::placing::Listed;
use super::errands::Claimed;
use super::{Heard, complement, sealed};
use crate::domain::{Origin, RecordingKey, TimeRange, later};
use crate::playback::exchange::{LASTS, News};
use crate::playback::locate::{Sketch, Sketched};
use crate::playback::media::Media;

/// Who opens a session waits no longer than this for what others know.
const LONGEST_QUESTION: Duration = Duration::from_millis(500);

/// Recordings that are asked for at a time, and of a range at all: those behind are played all the same.
const ASKED_AT_ONCE: usize = 64;
const MOST_ASKED: usize = 200;

/// What passes by is gathered for so long before others are told.
const GATHER: Duration = Duration::from_millis(500);

impl Library {
    /// Asks others of the rows in a range that are not known as a whole.
    pub(in super::super) async fn ask_others(self: &Arc<Self>, rows: &mut [Listed], range: TimeRange) {
        let is_seen =
            |(row, _): &&Listed| row.start < range.end() && later(row.start, row.duration) > range.start();
        let seen = rows.iter().filter(is_seen).take(MOST_ASKED);
        let unknown = seen.filter(|(row, known)| known.is_none() && self.others.is_due(&row.key));
        let keys: Vec<RecordingKey> = unknown.map(|(row, _)| row.key.clone()).collect();
        if keys.is_empty() {
            return;
        }
        let asked = stream::iter(keys).for_each_concurrent(ASKED_AT_ONCE, |key| async move {
            self.hear(&key).await;
        });
        // What has not been heard by then is read.
        let _ = timeout(LONGEST_QUESTION, asked).await;
        for (row, known) in rows.iter_mut().filter(|(_, known)| known.is_none()) {
            *known = self.learned.of(&row.key, self.clock.now()).await;
        }
    }

    /// Asks in the background, if others were not asked a moment ago.
    pub(in super::super) fn ask_soon(self: &Arc<Self>, key: &RecordingKey) {
        if self.others.is_due(key) {
            let (library, key) = (Arc::clone(self), key.clone());
            tokio::spawn(async move { library.hear(&key).await });
        }
    }

    async fn hear(self: &Arc<Self>, key: &RecordingKey) {
        let Some(mut heard) = self.others.ask(key).await else { return };
        if let Some((index, origin)) = heard.index.take()
            && self.adopt_heard(key, index, origin).await.is_some()
        {
            return;
        }
        match self.sketches.of(key).await {
            Some(sketch) => {
                self.count_taken("gops", heard.gops.len());
                complement(&sketch, heard.gops);
            }
            None => {
                if let Some(sketch) = self.sketch_of(heard) {
                    debug!(recording = %key.id, "head and tail known from another replica");
                    self.sketches.keep(key, Sketched::Sketch(sketch)).await;
                }
            }
        }
    }

    fn sketch_of(&self, heard: Heard) -> Option<Arc<Sketch>> {
        let gops = heard.gops.len();
        let sketch = heard.into_sketch()?;
        self.count_taken("sketch", 1);
        self.count_taken("gops", gops);
        Some(Arc::new(sketch))
    }

    fn count_taken(&self, what: &'static str, count: usize) {
        self.metrics.shared_taken.with_label_values(&[what]).inc_by(count as u64);
    }

    async fn adopt_heard(
        self: &Arc<Self>,
        key: &RecordingKey,
        index: Index,
        origin: Origin,
    ) -> Option<Arc<Media>> {
        let media = self.remember(key, index, origin).await.ok()?;
        self.learn(key, &media).await;
        self.count_taken("index", 1);
        debug!(recording = %key.id, "index known from another replica");
        Some(media)
    }

    /// Head and tail that another replica has read while we waited.
    pub(in super::super) fn heard_sketch<'a>(
        self: &'a Arc<Self>,
        key: &'a RecordingKey,
    ) -> BoxFuture<'a, Option<Sketched>> {
        async move { Some(Sketched::Sketch(self.sketch_of(self.others.ask(key).await?)?)) }.boxed()
    }

    /// The index that another replica has made while we waited.
    pub(in super::super) fn heard_index<'a>(
        self: &'a Arc<Self>,
        key: &'a RecordingKey,
    ) -> BoxFuture<'a, Option<Arc<Media>>> {
        async move {
            let (index, origin) = self.others.ask(key).await?.index?;
            self.adopt_heard(key, index, origin).await
        }
        .boxed()
    }

    /// Tells others head and tail, which nobody else has to read while `claimed`.
    pub(in super::super) fn tell_sketch(
        self: &Arc<Self>,
        key: &RecordingKey,
        sketched: &Sketched,
        claimed: Option<Claimed>,
    ) {
        if let Sketched::Sketch(sketch) = sketched {
            let entries = sealed::sketch(self.others.topic(key), sketch).into_iter().collect();
            self.tell(key, News { entries, obsolete: Vec::new(), lasts: LASTS }, claimed);
        }
    }

    /// Tells others an index: no GOP of it needs to be told any more. It `lasts` until somebody reads it.
    pub(in super::super) fn tell_index(
        self: &Arc<Self>,
        key: &RecordingKey,
        index: &Index,
        origin: &Origin,
        lasts: Duration,
        claimed: Option<Claimed>,
    ) {
        let topic = self.others.topic(key);
        let names = self.others.names.get(&topic).unwrap_or_default();
        let gops = names.iter().filter(|name| sealed::range_of_gops(name).is_some());
        let entries = sealed::index(topic, index, origin).into_iter().collect();
        self.tell(key, News { entries, obsolete: gops.cloned().collect(), lasts }, claimed);
    }

    /// In the background; where too much is being told already this is not.
    fn tell(self: &Arc<Self>, key: &RecordingKey, news: News, claimed: Option<Claimed>) {
        if news.entries.is_empty() {
            return;
        }
        let Ok(room) = Arc::clone(&self.others.room).try_acquire_owned() else {
            self.metrics.shared_lost.inc();
            return;
        };
        let (library, topic) = (Arc::clone(self), self.others.topic(key));
        tokio::spawn(async move {
            library.others.write(topic, news).await;
            drop((claimed, room));
        });
    }

    /// More of a recording has passed by: others are told in a moment.
    pub(in super::super) fn on_learned(self: &Arc<Self>, key: &RecordingKey) {
        if !self.others.is_new(key) {
            return;
        }
        let (library, key) = (Arc::clone(self), key.clone());
        tokio::spawn(async move {
            sleep(GATHER).await;
            library.others.unsaid().remove(&key);
            library.tell_learned(&key).await;
        });
    }

    async fn tell_learned(self: &Arc<Self>, key: &RecordingKey) {
        let is_known = matches!(self.learned.of(key, self.clock.now()).await, Some(Known::Extent(_)));
        let Some(sketch) = self.sketches.of(key).await.filter(|_| !is_known) else { return };
        if self.read_by_and_by(key, Some(&sketch)).await.is_some() {
            return;
        }
        let topic = self.others.topic(key);
        let news = self.others.news_of(topic, &sketch);
        if !news.entries.is_empty() {
            self.others.write(topic, news).await;
        }
    }
}
