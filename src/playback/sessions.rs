//! Sessions: open, look up, renew, extend, stop; and the playlist of one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::TimeDelta;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};

use remux::Packaging;
use remux::locate::Grid;
use remux::time::Ticks;
use tracing::debug;

use super::Playback;
use super::locate::Way;
use super::media::Media;
use super::plan::{self, Numbering, Plan, Rules};
use super::playlist::{Piece, Playlist};
use super::ports::{Footage, Kept, Note, PlaybackSession, Stored};
use crate::domain::{CameraId, Recording, RecordingKey, Session, SessionId, TimeRange, WallTime, later};
use crate::error::{Error, Kind, Result};

/// A session that has just been opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The session.
    pub session: Arc<PlaybackSession>,
    /// When it ends unless it is renewed.
    pub expires_at: WallTime,
}

impl Playback {
    /// Opens a session over what was recorded by `camera` in `range`.
    ///
    /// # Errors
    /// Where the range is longer than allowed, the camera is not known, or nothing that can be played was recorded.
    pub async fn open(&self, camera: CameraId, range: TimeRange) -> Result<Opened> {
        self.check_length(range)?;
        let (mut plan, footage) = self.planned_to_the_start(&camera, range).await?;
        let now = self.ports.clock.now();
        plan.left_out.extend(left_out(&footage, plan.packaging));
        plan.open_until = open_until(&plan, range, now);
        let session = Arc::new(Session { id: SessionId::random(), camera, created_at: now, plan });
        let expires_at = now + self.settings.session_ttl;
        self.ports.sessions.insert(Stored::Recorded(Arc::clone(&session)), expires_at).await?;
        Ok(Opened { session, expires_at })
    }

    /// The plan, with the place found where it begins. A recording that turns out to be lost there is left out.
    async fn planned_to_the_start(&self, camera: &CameraId, range: TimeRange) -> Result<(Plan, Footage)> {
        let mut rounds = READING_ROUNDS;
        loop {
            let (planned, footage) = self.planned(camera, range).await?;
            let Some(mut plan) = planned else {
                // Only where there is nothing: what was recorded is played whoever knows the camera, and nobody waits to hear so.
                self.check_camera(camera).await?;
                return Err(self.nothing_recorded(camera, range, &footage).await?);
            };
            rounds -= 1;
            match self.find_start(&mut plan).await {
                Ok(()) => return Ok((plan, footage)),
                Err(error) if is_lost(&error) && rounds > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Players take their clock from the segment that they load first: where a session begins is not left to a plan.
    async fn find_start(&self, plan: &mut Plan) -> Result<()> {
        loop {
            let Some(first) = plan.stretches.first() else { return Ok(()) };
            let Some(grid) = first.grid else { return Ok(()) };
            if first.first == 0 {
                plan.begin_at(Ticks::ZERO);
                return Ok(());
            }
            let Some(sketch) = self.ports.indexes.sketch(&first.recording).await? else {
                return Err(self.read_meanwhile(&first.recording).await?);
            };
            let grid = Grid { zero: sketch.layout().zero, ..grid };
            let thresholds = grid.thresholds(first.first);
            let start = match sketch.start(thresholds) {
                Some(start) => Some(start),
                None => {
                    let start =
                        Way::new(&sketch, thresholds).start(&*self.ports.objects, &first.recording).await;
                    if sketch.is_contradicted() {
                        return Err(self.read_meanwhile(&first.recording).await?);
                    }
                    start?
                }
            };
            let is_behind = |start| later(first.zero, start) > plan.range.start();
            match start {
                Some(start) if !is_behind(start) => {
                    plan.begin_at(start);
                    return Ok(());
                }
                _ => plan.begin_earlier(),
            }
        }
    }

    /// Reads a recording as a whole whose head and tail were not enough. The plan that was made of them is lost.
    async fn read_meanwhile(&self, recording: &RecordingKey) -> Result<Error> {
        self.ports.indexes.media(recording).await?;
        Ok(Error::new(Kind::Gone, format!("Recording {} was planned before it was read.", recording.id)))
    }

    /// The plan over what there is of `range` now; `None` where there is nothing to play.
    pub(super) async fn planned(
        &self,
        camera: &CameraId,
        range: TimeRange,
    ) -> Result<(Option<Plan>, Footage)> {
        let footage = self.read_footage(camera, range).await?;
        let media = self.media_at_the_edges(&footage, range).await?;
        let recordings: Vec<&Recording> = footage.recordings.iter().map(Arc::as_ref).collect();
        let rules = Rules { target: self.settings.segment_target, only_mp4: self.settings.only_mp4 };
        let plan = plan::plan(range, &recordings, |key| media.get(key).cloned(), rules);
        Ok((plan, footage))
    }

    /// A session of either kind that has not expired.
    ///
    /// # Errors
    /// [`Kind::UnknownSession`] where there is none.
    pub async fn session(&self, id: SessionId) -> Result<Kept> {
        self.ports.sessions.get(id).await?.ok_or_else(Error::unknown_session)
    }

    /// A session over a recorded range that is being played: in the second half of its life that renews it. Native players
    /// cannot extend.
    ///
    /// # Errors
    /// [`Kind::UnknownSession`] where there is none of that kind.
    pub(super) async fn played(&self, id: SessionId) -> Result<Arc<PlaybackSession>> {
        let Kept { session: Stored::Recorded(session), expires_at } = self.session(id).await? else {
            let detail = "This is a live session: it has no playlist and no segments here. Its url says where the stream is.";
            return Err(Error::new(Kind::UnknownSession, detail));
        };
        let (now, ttl) = (self.ports.clock.now(), self.settings.session_ttl);
        let renewed = (now + ttl).min(session.created_at + self.settings.session_max_age);
        let in_second_half = (expires_at - now) * 2 < ttl;
        if in_second_half && renewed > expires_at {
            self.ports.sessions.renew(id, renewed).await?;
        }
        Ok(session)
    }

    /// Keeps a session for at least `duration` from now; never shortens it. Gives its new end.
    ///
    /// # Errors
    /// [`Kind::UnknownSession`] where there is none.
    pub async fn extend(&self, id: SessionId, duration: TimeDelta) -> Result<WallTime> {
        let kept = self.session(id).await?;
        let expires_at = kept.expires_at.max(self.ports.clock.now() + duration);
        match self.ports.sessions.renew(id, expires_at).await? {
            true => Ok(expires_at),
            false => Err(Error::unknown_session()),
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`Kind::UnknownSession`] where there is none.
    pub async fn stop(&self, id: SessionId) -> Result<()> {
        match self.ports.sessions.remove(id).await? {
            true => Ok(()),
            false => Err(Error::unknown_session()),
        }
    }

    /// The m3u8 of a session.
    ///
    /// # Errors
    /// [`Kind::UnknownSession`] where there is none; where a recording cannot be read any more.
    pub async fn playlist(&self, id: SessionId) -> Result<String> {
        let session = self.played(id).await?;
        let plan = &*self.current(&session).await?;
        self.check_numbering(plan)?;
        let mut playlist = Playlist::of(plan.packaging);
        let known = plan.stretches.iter().filter(|stretch| stretch.grid.is_none());
        let mut media = self.media_of(known.map(|stretch| &stretch.recording));
        for stretch in &plan.stretches {
            if let Some(grid) = stretch.grid {
                playlist.push(stretch, Piece::of_cells(stretch, grid));
                continue;
            }
            let media = media.next().await.map(|(_, media)| media).transpose()?;
            let cuts = media
                .as_ref()
                .and_then(|media| media.cuts().get(stretch.first as usize..=stretch.last as usize));
            let cuts = cuts.ok_or_else(|| Error::internal("A cut list does not fit its session."))?;
            playlist.push(stretch, cuts.iter().map(Piece::from));
        }
        let playlist = playlist.finish(plan.start_offset, self.ending(plan));
        self.note(id, Note::Manifest(playlist.as_str().into())).await;
        Ok(playlist)
    }

    /// Nobody who plays a session waits for, or fails with, what is noted of it.
    pub(super) async fn note(&self, id: SessionId, note: Note) {
        if let Err(error) = self.ports.sessions.note(id, note).await {
            debug!(%error, "a note of a session is lost");
        }
    }

    /// # Errors
    /// Where the cuts of a stored session are numbered in another way than this engine numbers them.
    pub(super) fn check_numbering(&self, plan: &Plan) -> Result<()> {
        if plan.numbering == Numbering::of(self.settings.segment_target) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Gone,
            "The session was opened by another version of the service. Open a new one.",
        ))
    }

    pub(super) fn check_length(&self, range: TimeRange) -> Result<()> {
        if range.duration() <= self.settings.max_range {
            return Ok(());
        }
        let limit = self.settings.max_range.get() / remux::time::Ticks::SECOND.get();
        Err(Error::invalid(
            "end_time",
            format!("must lie at most {limit} s ({:.1} days) after start_time", limit as f64 / 86_400.0),
        ))
    }

    /// # Errors
    /// [`Kind::UnknownCamera`] where nobody knows the camera.
    pub async fn check_camera(&self, camera: &CameraId) -> Result<()> {
        match self.ports.cameras.exists(camera).await? {
            true => Ok(()),
            false => Err(Error::unknown_camera(camera)),
        }
    }

    /// What was recorded in `range`, with every recording read that can be.
    async fn read_footage(&self, camera: &CameraId, range: TimeRange) -> Result<Footage> {
        let recordings = &self.ports.recordings;
        let mut footage = recordings.overlapping(camera, range).await?;
        // What is read may turn out longer than its name said and push its neighbours about: a second look settles that.
        for round in 0..READING_ROUNDS {
            let unread = footage.recordings.iter().filter(|recording| recording.extent.is_none());
            // What the first one says may be enough to plan the others.
            let unread: Vec<RecordingKey> = match round {
                0 => unread.take(1).map(|recording| recording.key.clone()).collect(),
                _ => unread.map(|recording| recording.key.clone()).collect(),
            };
            if unread.is_empty() {
                break;
            }
            self.learn(unread).await?;
            footage = recordings.overlapping(camera, range).await?;
        }
        Ok(footage)
    }

    /// One recording that is lost is no reason not to play the others.
    async fn learn(&self, keys: Vec<RecordingKey>) -> Result<()> {
        let learned = stream::iter(keys).map(|key| async move { self.ports.indexes.learn(&key).await });
        let mut learned = learned.buffered(READS_AT_ONCE);
        while let Some(learned) = learned.next().await {
            learned.or_else(|error| if is_lost(&error) { Ok(()) } else { Err(error) })?;
        }
        Ok(())
    }

    async fn media_at_the_edges(
        &self,
        footage: &Footage,
        range: TimeRange,
    ) -> Result<HashMap<RecordingKey, Arc<Media>>> {
        let edges = footage.recordings.iter().filter(|recording| plan::needs_cuts(recording, range));
        let media = self.media_of(edges.map(|recording| &recording.key));
        media.map(|(key, media)| media.map(|media| (key, media))).try_collect().await
    }

    /// What is known of recordings, in their order, a few at a time.
    fn media_of<'a>(
        &self,
        keys: impl Iterator<Item = &'a RecordingKey>,
    ) -> BoxStream<'static, (RecordingKey, Result<Arc<Media>>)> {
        let keys: Vec<RecordingKey> = keys.cloned().collect();
        let indexes = Arc::clone(&self.ports.indexes);
        let media = stream::iter(keys).map(move |key| {
            let indexes = Arc::clone(&indexes);
            async move {
                let media = indexes.media(&key).await;
                (key, media)
            }
        });
        media.buffered(READS_AT_ONCE).boxed()
    }

    /// The error that says so, and names the footage there is.
    async fn nothing_recorded(
        &self,
        camera: &CameraId,
        range: TimeRange,
        footage: &Footage,
    ) -> Result<Error> {
        let nearest = self.ports.recordings.nearest(camera, range).await?;
        let mut detail = format!(
            "Camera {camera} has no footage between {} and {}.",
            text(range.start()),
            text(range.end())
        );
        match footage.unreadable.as_slice() {
            [] => {}
            [one] => {
                detail += &format!(" What was recorded there cannot be played: {}: {}.", one.id, one.detail)
            }
            many => detail += &format!(" {} recordings there cannot be played.", many.len()),
        }
        if let Some(before) = nearest.before {
            detail += &format!(" The footage before it ends at {}.", text(before.end()));
        }
        if let Some(after) = nearest.after {
            detail += &format!(" The footage after it starts at {}.", text(after.start()));
        }
        if nearest.before.is_none() && nearest.after.is_none() {
            detail += " Nothing else of it can be played either.";
        }
        Ok(Error::new(Kind::NothingRecorded { nearest }, detail))
    }
}

/// How many recordings one session has read at a time.
const READS_AT_ONCE: usize = 4;

/// How often a session looks again after it had recordings read.
const READING_ROUNDS: usize = 4;

/// How many lines of what is left out a session keeps.
const LEFT_OUT_LINES: usize = 100;

fn is_lost(error: &Error) -> bool {
    matches!(error.kind(), Kind::Gone | Kind::BadUpstream)
}

fn text(moment: WallTime) -> String {
    moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

/// What cannot be played, streams that HLS cannot carry, and damage: each said once.
fn left_out(footage: &Footage, packaging: Packaging) -> Vec<String> {
    let unreadable =
        footage.unreadable.iter().map(|unreadable| format!("{}: {}", unreadable.id, unreadable.detail));
    let extents = || {
        footage
            .recordings
            .iter()
            .filter_map(|recording| Some((&recording.key.id, recording.extent.as_ref()?)))
    };
    let lost = extents().flat_map(|(_, extent)| &extent.facts.not_for_mp4);
    let lost = lost.filter(|_| packaging == Packaging::FragmentedMp4);
    let streams: BTreeSet<&String> =
        extents().flat_map(|(_, extent)| &extent.facts.left_out).chain(lost).collect();
    let damages =
        extents().flat_map(|(id, extent)| extent.damages.iter().map(move |damage| format!("{id}: {damage}")));
    let mut lines = unreadable.chain(streams.into_iter().cloned()).chain(damages);
    let mut kept: Vec<String> = lines.by_ref().take(LEFT_OUT_LINES).collect();
    match lines.count() {
        0 => {}
        more => kept.push(format!("and {more} more")),
    }
    kept
}

/// Where the range reaches into the present: how far there is footage.
fn open_until(plan: &Plan, range: TimeRange, now: WallTime) -> Option<WallTime> {
    let last = plan.stretches.last()?;
    let reaches_the_present = range.end() > now || last.recording.version.growing;
    (reaches_the_present && range.end() > last.span.end()).then(|| last.span.end())
}
