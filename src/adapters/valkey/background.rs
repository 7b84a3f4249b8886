//! What nobody waits for: notes are written, and what Valkey is owed is told.

use std::time::Duration;

use futures::{StreamExt, stream};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::debug;

use super::keys;
use super::notes::Queued;
use super::store::Store;
use crate::domain::SessionId;
use crate::error::Result;
use crate::playback::ports::Note;

impl Store {
    /// Writes notes as they come.
    pub(super) async fn write(&self, mut waiting: mpsc::Receiver<Queued>) {
        let notes = stream::poll_fn(move |context| waiting.poll_recv(context));
        notes
            .for_each_concurrent(AT_ONCE, |Queued { id, note, _room }| async move {
                if let Err(error) = self.write_note(id, &note).await {
                    debug!(%error, "a note is lost");
                    self.notes.on_dropped(id, &note);
                }
            })
            .await;
    }

    async fn write_note(&self, id: SessionId, note: &Note) -> Result<()> {
        let Some(end) = self.end(id).await? else { return Ok(()) };
        let millis = keys::millis(self.clock.now(), end);
        match note {
            Note::Manifest(text) => self.link.ask::<()>(&keys::put(keys::manifest(id), text, millis)).await?,
            Note::Segment { index, .. } if *index > keys::MAX_INDEX => return Ok(()),
            Note::Segment { index, recording, cut } => {
                let value = json!({ "recording": recording.as_str(), "cut": cut }).to_string();
                self.link.ask::<()>(&keys::remember(id, *index, millis)).await?;
                self.link.ask::<()>(&keys::put(keys::segment(id, *index), &value, millis)).await?;
            }
        }
        // Who stopped or renewed the session meanwhile may not have seen these keys.
        match self.end(id).await? {
            None => self.remove_others(id).await,
            Some(now) if now != end => {
                let millis = keys::millis(self.clock.now(), now);
                let keys = keys::others(id, note_index(note).into_iter());
                self.link.ask_all(keys.map(|key| keys::prolong(key, millis))).await
            }
            Some(_) => Ok(()),
        }
    }

    /// Tells Valkey what it is owed, whenever it is back, and now and then what a single late answer left owing.
    pub(super) async fn settle(&self) {
        let mut seen = 0;
        loop {
            let _ = tokio::time::timeout(SETTLE, self.link.returned(&mut seen)).await;
            if !self.link.is_away() {
                self.settle_now().await;
            }
        }
    }

    async fn settle_now(&self) {
        let (owed, untold) = {
            let copies = self.copies();
            (copies.owed(), copies.untold())
        };
        let told = stream::iter(untold).for_each_concurrent(AT_ONCE, |id| async move {
            if self.remove_there(id).await.is_ok() {
                self.copies().told(id);
            }
        });
        told.await;
        let repaid = stream::iter(owed).for_each_concurrent(AT_ONCE, |id| async move {
            // To look at a session is to tell what is owed of it.
            let copy = self.copies().get(id).cloned();
            if let Some(copy) = copy {
                let _ = self.check(id, copy).await;
            }
        });
        repaid.await;
    }
}

/// How many sessions are looked after at a time in the background.
const AT_ONCE: usize = 32;

/// How long what is owed waits at most while Valkey is there.
const SETTLE: Duration = Duration::from_secs(1);

fn note_index(note: &Note) -> Option<u32> {
    match note {
        Note::Manifest(_) => None,
        Note::Segment { index, .. } => Some(*index),
    }
}
